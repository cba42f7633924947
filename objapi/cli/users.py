"""`objapi user`: users, their passwords, and what they may do."""

import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, TypeVar

import click
from sqlalchemy import Connection

from objapi.cli.common import data_option, opened_site
from objapi.security.accounts import Account, find_account, list_accounts
from objapi.security.administration import Grant, LocalGrant, UserAdministration
from objapi.security.api_tokens import count_tokens
from objapi.security.passwords import Passwords, new_password_hash
from objapi.security.person_logins import LoginChange, PersonLogins
from objapi.security.principals import GROUP_PREFIX, LoadedUser, command_line_user
from objapi.security.second_factors import reset_second_factor, second_factor_of
from objapi.security.sign_on.links import link_sign_on, links_of, unlink_sign_on
from objapi.security.token_administration import TokenAdministration
from objapi.site import Site
from objapi.store.requests import AccessEvent, ByPath
from objapi.store.transaction import Transaction

_T = TypeVar("_T")
_Command = TypeVar("_Command", bound=Callable[..., Any])

password_option = click.option(
    "--password-stdin", is_flag=True, help="Read the password from standard input instead of asking for it."
)

_GRANT_OPTIONS: Final = (
    click.option("--role", "roles", multiple=True, help="A role on the whole site, such as Verifier. May be repeated."),
    click.option("--group", "groups", multiple=True, help="A group, such as Analysts. May be repeated."),
    click.option(
        "--local-role",
        "local_roles",
        multiple=True,
        help="A role on one object and in it, such as Owner; needs --on. May be repeated.",
    ),
    click.option("--on", "path", metavar="PATH", help="The object of --local-role, such as /clients/client-1."),
)


def grant_options(command: _Command) -> _Command:
    """Add the options that name roles and groups."""
    for option in reversed(_GRANT_OPTIONS):
        command = option(command)
    return command


_USER_EXAMPLES: Final = """
\b
To let somebody choose a password: objapi user password-link NAME
To lock somebody out at once:      objapi user disable NAME
To take a role back:               objapi user revoke NAME --role ROLE
To see what somebody may do:       objapi user show NAME
"""
_GRANT_EXAMPLES: Final = """
\b
objapi user grant ada --role Verifier --group Analysts
objapi user grant rita --local-role Owner --on /clients/client-1
objapi user grant group:Clients --local-role Owner --on /clients/client-1
"""
_REVOKE_EXAMPLES: Final = """
\b
objapi user revoke ada --role Verifier
objapi user revoke rita --local-role Owner --on /clients/client-1
"""


@click.group(epilog=_USER_EXAMPLES)
def user() -> None:
    """Add users, give and take passwords, roles and groups, lock users out."""


@user.command("add")
@click.argument("user_id", metavar="NAME")
@click.option("--fullname", default="", help="The name that is shown.")
@click.option("--email", default="", help="The e-mail address.")
@click.option("--role", "roles", multiple=True, help="A role held everywhere, such as Manager. May be repeated.")
@click.option("--group", "groups", multiple=True, help="A group, such as Analysts. May be repeated.")
@password_option
@data_option
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
        password = _password(password_stdin)
        _administer(site, lambda administration: administration.add(account, password, Passwords()))
    click.echo(f"Added {user_id}.", err=True)


@user.command("passwd")
@click.argument("user_id", metavar="NAME")
@password_option
@click.option("--revoke-tokens", is_flag=True, help="Revoke the API tokens of NAME, too, which else go on working.")
@data_option
def passwd(user_id: str, password_stdin: bool, revoke_tokens: bool, data_dir: Path | None) -> None:
    """Give the user NAME a new password and end the user's sessions, and what a log-in to py-ISPyB gave."""
    with opened_site(data_dir) as site:
        site.transact(lambda connection: find_account(connection, user_id), write=False)
        hashed = new_password_hash(_password(password_stdin), user_id, Passwords())

        def work(tx: Transaction) -> None:
            UserAdministration(tx).store_password(user_id, hashed)
            if revoke_tokens:
                TokenAdministration(tx, user_id).revoke(None)

        site.run(_authenticate, work, write=True)
        left = site.transact(lambda connection: count_tokens(connection, user_id, site.now()), write=False)
    click.echo(f"The password of {user_id} is changed.", err=True)
    if left:
        still = "1 API token still works" if left == 1 else f"{left} API tokens still work"
        click.echo(f"{still}; `objapi token revoke --user {user_id}` revokes them all.", err=True)


@user.command("change")
@click.argument("user_id", metavar="NAME")
@click.option("--fullname", help="The name that is shown.")
@click.option("--email", help="The e-mail address.")
@data_option
def change(user_id: str, fullname: str | None, email: str | None, data_dir: Path | None) -> None:
    """Change the full name or the e-mail address of the user NAME; roles are changed by `grant` and `revoke`."""
    if fullname is None and email is None:
        raise click.UsageError("Name what is to be changed: --fullname or --email.")
    with opened_site(data_dir) as site:
        events = _administer(
            site, lambda administration: administration.change(user_id, fullname=fullname, email=email)
        )
    _report(events, f"{user_id} is changed.", f"{user_id} has these already; nothing was changed.")


@user.command("password-link")
@click.argument("user_id", metavar="NAME")
@data_option
def password_link(user_id: str, data_dir: Path | None) -> None:
    """Print a link by which the user NAME sets a password, once, before OBJAPI_PASSWORD_LINK_LIFETIME has passed.

    Whoever has the link can log in as NAME. A newer link replaces it. Where there is a log-in provider, NAME may
    link an account there instead.
    """
    _print_link(user_id, data_dir)


def _print_link(user_id: str, data_dir: Path | None) -> None:
    """Make a one-time link for a user and print it."""
    with opened_site(data_dir) as site:
        lifetime = timedelta(seconds=site.settings.password_link_lifetime)
        link = _administer(site, lambda administration: administration.issue_link(user_id, lifetime))
        settings = site.settings
    root = settings.public_url or f"http://{settings.host}:{settings.port}"
    click.echo(f"{root}/{settings.site_id}{link.path}")
    click.echo(f"It works once, until {link.expires.astimezone(settings.timezone):%Y-%m-%d %H:%M %Z}.", err=True)


@user.command("link")
@click.argument("user_id", metavar="NAME")
@click.argument("path", metavar="CONTACT")
@data_option
def link(user_id: str, path: str, data_dir: Path | None) -> None:
    """Make the user NAME the log-in of a contact, such as /clients/client-1/contact-1.

    NAME then has the local roles at the client that the contact's type declares, in the laboratory Owner.
    """
    with opened_site(data_dir) as site:
        done = _log_ins(site, lambda logins: logins.link(user_id, ByPath(path)))
    _report(
        list(done.events), f"{user_id} is the log-in of {path}.", f"{user_id} is that already; nothing was changed."
    )


@user.command("unlink")
@click.argument("path", metavar="CONTACT")
@data_option
def unlink(path: str, data_dir: Path | None) -> None:
    """Take the log-in of a contact away, and with it the local roles at the client; the user stays."""
    with opened_site(data_dir) as site:
        done = _log_ins(site, lambda logins: logins.unlink(ByPath(path)))
    _report(
        list(done.events),
        f"{done.user_id} is no more the log-in of {path}.",
        f"{path} has no log-in; nothing was changed.",
    )


@user.command("list")
@data_option
def list_users(data_dir: Path | None) -> None:
    """List the users: name, full name, groups, roles and "inactive", separated by tabs."""
    with opened_site(data_dir) as site:
        for account in site.transact(list_accounts, write=False):
            groups, roles = ",".join(account.groups), ",".join(account.roles)
            state = "" if account.active else "inactive"
            click.echo("\t".join((account.id, account.fullname, groups, roles, state)).rstrip("\t"))


@user.command("show")
@click.argument("user_id", metavar="NAME")
@data_option
def show(user_id: str, data_dir: Path | None) -> None:
    """Show the user NAME: whether active, roles, groups, and local roles with the objects they are for.

    NAME can be `group:` and a group's name, too: its title, roles, members and local roles are then shown.
    """

    def read(administration: UserAdministration) -> tuple[list[tuple[str, str]], list[LocalGrant]]:
        about = _about_group if user_id.startswith(GROUP_PREFIX) else _about_user
        return about(administration, user_id), administration.local_grants(administration.principals_of(user_id))

    with opened_site(data_dir) as site:
        rows, local = _administer(site, read, write=False)
        if not user_id.startswith(GROUP_PREFIX):
            rows += site.transact(lambda connection: _about_log_in(connection, user_id), write=False)
    for grant in local:
        through = "" if grant.principal == user_id else f" through {grant.principal}"
        rows.append(("local roles", f"{', '.join(grant.roles)} on {grant.path}{through}"))
    for label, value in rows:
        click.echo(f"{label}: {value}".rstrip())


def _about_user(administration: UserAdministration, user_id: str) -> list[tuple[str, str]]:
    account = administration.account(user_id)
    return [
        ("name", account.id),
        ("full name", account.fullname),
        ("e-mail", account.email),
        ("active", "yes" if account.active else "no"),
        ("roles", ", ".join(account.roles)),
        ("groups", ", ".join(account.groups)),
        ("roles with those of groups", ", ".join(sorted(administration.site_roles(account)))),
    ]


def _about_log_in(connection: Connection, user_id: str) -> list[tuple[str, str]]:
    factor = second_factor_of(connection, user_id)
    rows = [("second factor", "yes")] if factor is not None and factor.confirmed else []
    return rows + [("sign-on", f"{subject} at {issuer}") for issuer, subject in links_of(connection, user_id)]


def _about_group(administration: UserAdministration, principal: str) -> list[tuple[str, str]]:
    group = administration.group(principal)
    return [
        ("name", principal),
        ("title", group.title),
        ("roles", ", ".join(group.roles)),
        ("members", ", ".join(account.id for account in administration.accounts() if group.id in account.groups)),
    ]


@user.command("disable")
@click.argument("user_id", metavar="NAME")
@data_option
def disable(user_id: str, data_dir: Path | None) -> None:
    """Lock the user NAME out: sessions end at once, and no log-in succeeds until `objapi user enable NAME`.

    The last active Manager cannot be disabled.
    """
    with opened_site(data_dir) as site:
        events = _administer(site, lambda administration: administration.set_active(user_id, False))
    _report(events, f"{user_id} is disabled and logged out.", f"{user_id} was disabled already; nothing was changed.")


@user.command("enable")
@click.argument("user_id", metavar="NAME")
@data_option
def enable(user_id: str, data_dir: Path | None) -> None:
    """Let the user NAME, who was disabled, log in again."""
    with opened_site(data_dir) as site:
        events = _administer(site, lambda administration: administration.set_active(user_id, True))
    _report(events, f"{user_id} may log in again.", f"{user_id} was not disabled; nothing was changed.")


@user.command("link-sign-on")
@click.argument("user_id", metavar="NAME")
@click.option("--subject", help="The provider's own, lasting name for the account (claim `sub`).")
@data_option
def link_provider(user_id: str, subject: str | None, data_dir: Path | None) -> None:
    """Let the user NAME log in by an account of the log-in provider (OBJAPI_OIDC_ISSUER).

    Without --subject a link is printed, which works once: whoever opens it and logs in at the provider is NAME from
    then on.
    """
    if subject is None:
        _print_link(user_id, data_dir)
        return
    with opened_site(data_dir) as site:
        issuer = site.settings.oidc_issuer
        events = site.run(
            _authenticate, lambda tx: link_sign_on(tx, UserAdministration(tx), user_id, issuer, subject), write=True
        )
    _report(events, f"{user_id} logs in by {subject} at {issuer}.", f"{user_id} does already; nothing was changed.")


@user.command("unlink-sign-on")
@click.argument("user_id", metavar="NAME")
@data_option
def unlink_provider(user_id: str, data_dir: Path | None) -> None:
    """Take the accounts of the log-in provider from the user NAME, and end the user's sessions."""
    with opened_site(data_dir) as site:
        events = site.run(_authenticate, lambda tx: unlink_sign_on(tx, UserAdministration(tx), user_id), write=True)
    _report(events, f"{user_id} is linked to no account.", f"{user_id} was linked to none; nothing was changed.")


@user.command("reset-second-factor")
@click.argument("user_id", metavar="NAME")
@data_option
def reset_factor(user_id: str, data_dir: Path | None) -> None:
    """Take the second factor of the user NAME away, who has lost it, and end the user's sessions.

    NAME then logs in with the password alone, and can set up another one. Be sure that it is NAME who asks.
    """
    with opened_site(data_dir) as site:
        events = site.run(
            _authenticate, lambda tx: reset_second_factor(tx, UserAdministration(tx), user_id), write=True
        )
    _report(events, f"{user_id} has no second factor any more.", f"{user_id} has none; nothing was changed.")


@user.command("grant", epilog=_GRANT_EXAMPLES)
@click.argument("user_id", metavar="NAME")
@grant_options
@data_option
def grant(
    user_id: str,
    roles: tuple[str, ...],
    groups: tuple[str, ...],
    local_roles: tuple[str, ...],
    path: str | None,
    data_dir: Path | None,
) -> None:
    """Give the user NAME roles and groups, or local roles on an object that exists and in it.

    Local roles can be given to a group, too: NAME is then `group:` and the group's name. It takes effect with the next
    request.
    """
    asked = _asked(user_id, roles, groups, local_roles, path)
    with opened_site(data_dir) as site:
        events = _administer(site, lambda administration: administration.give(asked))
    _report(events, _changes(events), f"{user_id} has all of that already; nothing was changed.")


@user.command("revoke", epilog=_REVOKE_EXAMPLES)
@click.argument("user_id", metavar="NAME")
@grant_options
@data_option
def revoke(
    user_id: str,
    roles: tuple[str, ...],
    groups: tuple[str, ...],
    local_roles: tuple[str, ...],
    path: str | None,
    data_dir: Path | None,
) -> None:
    """Take roles and groups, or local roles on an object, from the user (or `group:` name) NAME.

    It takes effect with the next request. A role that comes from a group is taken with the group. The role Manager of
    the last active Manager cannot be taken.
    """
    asked = _asked(user_id, roles, groups, local_roles, path)
    with opened_site(data_dir) as site:
        events = _administer(site, lambda administration: administration.take(asked))
    _report(events, _changes(events), f"{user_id} has nothing of that; nothing was changed.")


def _asked(
    user_id: str, roles: tuple[str, ...], groups: tuple[str, ...], local_roles: tuple[str, ...], path: str | None
) -> Grant:
    if not (roles or groups or local_roles):
        raise click.UsageError("Name a role, a group or a local role: --role, --group, or --local-role with --on.")
    if bool(local_roles) != (path is not None):
        raise click.UsageError("--local-role and --on belong together: the role, and the path of its object.")
    return Grant(user_id, roles, groups, local_roles, None if path is None else ByPath(path))


def _administer(site: Site, work: Callable[[UserAdministration], _T], *, write: bool = True) -> _T:
    """Work on users in one transaction, as the administrator at the command line."""
    return site.run(_authenticate, lambda tx: work(UserAdministration(tx)), write=write)


def _log_ins(site: Site, work: Callable[[PersonLogins], LoginChange]) -> LoginChange:
    """Change a log-in of a person in one transaction, as the administrator at the command line."""
    lifetime = timedelta(seconds=site.settings.password_link_lifetime)
    return site.run(_authenticate, lambda tx: work(PersonLogins(tx, UserAdministration(tx), lifetime)), write=True)


def _authenticate(connection: Connection) -> LoadedUser:
    return command_line_user()


def _report(events: list[AccessEvent], done: str, nothing: str) -> None:
    click.echo(done if events else nothing, err=True)


def _changes(events: list[AccessEvent]) -> str:
    lines = []
    for event in events:
        for name, (_, new) in event.changes.items():
            if isinstance(new, dict):
                lines += [f"{who}: local roles on {event.path}: {_listed(roles)}" for who, roles in new.items()]
            else:
                lines.append(f"{event.path.rpartition('/')[2]}: {name}: {_listed(new)}")
    return "\n".join(lines)


def _listed(names: Any) -> str:
    return ", ".join(names) or "none"


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    password: str = click.prompt("Password", hide_input=True, confirmation_prompt="Once more", err=True)
    return password
