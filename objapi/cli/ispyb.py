"""`objapi ispyb`: people and proposals of the py-ISPyB face."""

from pathlib import Path

import click
from sqlalchemy.engine import Connection

from objapi.cli.common import Refused, data_option, explained, opened_site
from objapi.ispyb.accounts import FIRST_PERMISSIONS, add_account, lacks_first_account
from objapi.ispyb.auth.plugins import Identity
from objapi.ispyb.database import Database
from objapi.ispyb.faults import Fault
from objapi.ispyb.kinds import short_text


@click.group()
def ispyb() -> None:
    """Look after the ISPyB tables: accounts, and proposals from a user portal."""


@ispyb.group()
def person() -> None:
    """People who may log in to the py-ISPyB face."""


@person.command("add")
@click.argument("login")
@click.option(
    "--permission", "permissions", multiple=True, help="A permission, such as all_proposals. May be repeated."
)
@click.option("--given-name", help="The given name of a new person.")
@click.option("--family-name", help="The family name of a new person.")
@click.option("--email", help="The e-mail address of a new person.")
@data_option
@explained
def add(
    login: str,
    permissions: tuple[str, ...],
    given_name: str | None,
    family_name: str | None,
    email: str | None,
    data_dir: Path | None,
) -> None:
    """Let LOGIN in, and give it permissions; a person who is known is kept.

    The first account needs no --permission: it may manage groups and permissions, and so give all the others.
    Passwords are not kept here: the configured log-in plugins check them.
    """
    _check_lengths(login, permissions)
    with opened_site(data_dir) as site:
        database = Database(site)
        identity = Identity(login, given_name, family_name, email)

        def work(connection: Connection) -> tuple[str, ...]:
            first = not permissions and lacks_first_account(connection)
            return add_account(connection, database, identity, FIRST_PERMISSIONS if first else permissions)

        database.lacking  # noqa: B018 - says what to do when there are no tables
        held = database.transact(work, write=True)
    click.echo(f"{login} may log in, with {', '.join(held) or 'no permissions'}.", err=True)


def _check_lengths(login: str, permissions: tuple[str, ...]) -> None:
    for name, text, most in (("LOGIN", login, 45), *(("--permission", text, 15) for text in permissions)):
        try:
            short_text(most).read(text)
        except Fault as fault:
            raise Refused(f"{name} {text!r}: {fault.message}.") from fault
