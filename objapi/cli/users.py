"""`objapi user`: who may log in."""

import sys
from pathlib import Path

import click

from objapi.cli.common import data_option, explained, opened_site
from objapi.security.accounts import Account, add_user, find_account, list_accounts, store_password
from objapi.security.passwords import Passwords, new_password_hash

password_option = click.option(
    "--password-stdin", is_flag=True, help="Read the password from standard input instead of asking for it."
)


@click.group()
def user() -> None:
    """Add and list users, give them new passwords."""


@user.command("add")
@click.argument("user_id", metavar="NAME")
@click.option("--fullname", default="", help="The name that is shown.")
@click.option("--email", default="", help="The e-mail address.")
@click.option("--role", "roles", multiple=True, help="A role held everywhere, such as Manager. May be repeated.")
@click.option("--group", "groups", multiple=True, help="A group, such as Analysts. May be repeated.")
@password_option
@data_option
@explained
def add(
    user_id: str,
    fullname: str,
    email: str,
    roles: tuple[str, ...],
    groups: tuple[str, ...],
    password_stdin: bool,
    data_dir: Path | None,
) -> None:
    """Add the user NAME and ask for a password."""
    account = Account(user_id, fullname, email, roles=roles, groups=groups)
    with opened_site(data_dir) as site:
        password, roles_known, now = _password(password_stdin), site.registry.roles, site.now()
        site.transact(
            lambda connection: add_user(
                connection, account, password, roles=roles_known, passwords=Passwords(), now=now
            ),
            write=True,
        )
    click.echo(f"Added {user_id}.", err=True)


@user.command("passwd")
@click.argument("user_id", metavar="NAME")
@password_option
@data_option
@explained
def passwd(user_id: str, password_stdin: bool, data_dir: Path | None) -> None:
    """Give the user NAME a new password and end the user's sessions."""
    with opened_site(data_dir) as site:
        now = site.now()
        site.transact(lambda connection: find_account(connection, user_id), write=False)
        hashed = new_password_hash(_password(password_stdin), user_id, Passwords())
        site.transact(lambda connection: store_password(connection, user_id, hashed, now=now), write=True)
    click.echo(f"The password of {user_id} is changed.", err=True)


@user.command("list")
@data_option
@explained
def list_users(data_dir: Path | None) -> None:
    """List the users: name, full name, groups and roles, separated by tabs."""
    with opened_site(data_dir) as site:
        for account in site.transact(list_accounts, write=False):
            groups, roles = ",".join(account.groups), ",".join(account.roles)
            state = "" if account.active else "inactive"
            click.echo("\t".join((account.id, account.fullname, groups, roles, state)).rstrip("\t"))


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    password: str = click.prompt("Password", hide_input=True, confirmation_prompt="Once more", err=True)
    return password
