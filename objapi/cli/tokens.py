"""`objapi token`: API tokens of users, by which programs come in place of a password."""

from collections.abc import Callable
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Final, TypeVar

import click
from sqlalchemy import Connection

from objapi.api.methods import METHOD_NAMES
from objapi.cli.common import data_option, opened_site
from objapi.security.api_tokens import ApiToken
from objapi.security.principals import LoadedUser, command_line_user
from objapi.security.token_administration import TokenAdministration, TokenWish
from objapi.site import Site

_T = TypeVar("_T")

_EXAMPLES: Final = """
\b
objapi token add ada --name "balance in room 3" --methods create,update --types Analysis --expires 365
objapi token add ada --name dashboard --read-only
objapi token list ada
objapi token revoke k7m2p9qd
"""


@click.group(epilog=_EXAMPLES)
def token() -> None:
    """Make, list and revoke API tokens, by which programs come in place of a password."""


@token.command("add")
@click.argument("user_id", metavar="USER")
@click.option("--name", default="", help="What the token is for, as lists show it.")
@click.option("--read-only", is_flag=True, help="Refuse whatever changes something, dry runs too.")
@click.option("--methods", "methods", multiple=True, help="Methods that may be called, separated by commas.")
@click.option("--types", "types", multiple=True, help="Types of the objects within reach, separated by commas.")
@click.option("--path", "path", metavar="PATH", help="Object whose subtree is within reach, such as /clients/client-1.")
@click.option("--expires", metavar="DAYS|DATE", help="End: a number of days, or a date, that day included.")
@data_option
def add(
    user_id: str,
    name: str,
    read_only: bool,
    methods: tuple[str, ...],
    types: tuple[str, ...],
    path: str | None,
    expires: str | None,
    data_dir: Path | None,
) -> None:
    """Make a token of USER and print it, this once: only its digest is stored.

    Whoever has it may do what USER may, within the limits named here. It never makes tokens, nor sets passwords, and
    manages users only if --methods names `users` or `grants`.
    """
    wish = TokenWish(name, read_only, _split(methods), _split(types), path, expires)
    with opened_site(data_dir) as site:
        zone, most_days = site.settings.timezone, site.settings.token_days
        made, _ = _administer(
            site, user_id, lambda tokens: tokens.add(wish, methods=METHOD_NAMES, zone=zone, most_days=most_days)
        )
    if made is not None:
        click.echo(made.text)
        click.echo(f"It is for {made.token.scope}; {_end(made.token, zone)}. It is not shown again.", err=True)


@token.command("list")
@click.argument("user_id", metavar="[USER]", required=False)
@data_option
def list_tokens(user_id: str | None, data_dir: Path | None) -> None:
    """List the tokens of USER, or all: prefix, user, name, scope, end and last use, separated by tabs."""
    with opened_site(data_dir) as site:
        found = _administer(site, user_id, lambda tokens: tokens.tokens(), write=False)
        zone, now = site.settings.timezone, site.now()
    for item in found:
        used = "never used" if item.last_used is None else f"last used {_shown(item.last_used, zone)}"
        is_over = item.expires is not None and item.expires <= now
        end = f"expired {_shown(item.expires, zone)}" if is_over and item.expires is not None else _end(item, zone)
        click.echo("\t".join((item.prefix, item.user_id, item.name, str(item.scope), end, used)))


@token.command("revoke")
@click.argument("prefixes", metavar="[PREFIX]...", nargs=-1)
@click.option("--user", "user_id", metavar="USER", help="Revoke all tokens of USER.")
@data_option
def revoke(prefixes: tuple[str, ...], user_id: str | None, data_dir: Path | None) -> None:
    """Revoke tokens by their prefixes, as `objapi token list` shows them; their next request is refused."""
    if bool(prefixes) == (user_id is not None):
        raise click.UsageError("Name the prefixes of tokens, or --user and the user whose tokens are all meant.")
    with opened_site(data_dir) as site:
        events = _administer(site, user_id, lambda tokens: tokens.revoke(prefixes or None))
    click.echo(f"Revoked {len(events)} token{'' if len(events) == 1 else 's'}.", err=True)


def _administer(
    site: Site, user_id: str | None, work: Callable[[TokenAdministration], _T], *, write: bool = True
) -> _T:
    """Work on tokens in one transaction, as the administrator at the command line."""
    return site.run(_authenticate, lambda tx: work(TokenAdministration(tx, user_id)), write=write)


def _authenticate(connection: Connection) -> LoadedUser:
    return command_line_user()


def _split(values: tuple[str, ...]) -> tuple[str, ...]:
    names = (name.strip() for value in values for name in value.split(","))
    return tuple(dict.fromkeys(name for name in names if name))


def _end(item: ApiToken, zone: tzinfo) -> str:
    return "does not expire" if item.expires is None else f"expires {_shown(item.expires, zone)}"


def _shown(instant: datetime, zone: tzinfo) -> str:
    return instant.astimezone(zone).strftime("%Y-%m-%d %H:%M %Z")
