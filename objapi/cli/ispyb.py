"""`objapi ispyb`: people and proposals of the py-ISPyB face."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from objapi.cli.common import data_option, opened_site
from objapi.cli.failures import Refused
from objapi.cli.sheets import dry_run_option, file_argument, refused_rows, sent_file, tell_shipment, with_progress
from objapi.errors import ApiError
from objapi.ispyb.auth.accounts import FIRST_PERMISSIONS, WRITES, add_account, lacks_first_account
from objapi.ispyb.auth.plugins import Identity
from objapi.ispyb.database import Database, connection_of
from objapi.ispyb.sync.run import Synchronised, synchronise
from objapi.ispyb.sync.schemas import UserPortalProposalSync
from objapi.ispyb.values.errors import Fault, Refusal
from objapi.ispyb.values.schema import read_values
from objapi.ispyb.values.types import short_text
from objapi.profiles.ispyb.shipment_sheets import ship as make_shipment
from objapi.progress import progress
from objapi.store.requests import Outcome
from objapi.store.transaction import Transaction


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
def add(
    login: str,
    permissions: tuple[str, ...],
    given_name: str | None,
    family_name: str | None,
    email: str | None,
    data_dir: Path | None,
) -> None:
    """Let LOGIN in, and give it permissions; a person who exists stays.

    The first account needs no --permission: it may manage groups and permissions, and so give all the others.
    Passwords are not stored here: the configured log-in plugins check them.
    """
    _check_lengths(login, permissions)
    with opened_site(data_dir) as site:
        database = Database(site)
        identity = Identity(login, given_name, family_name, email)

        def work(transaction: Transaction) -> tuple[str, ...]:
            first = not permissions and lacks_first_account(connection_of(transaction))
            return add_account(transaction, database, identity, FIRST_PERMISSIONS if first else permissions)

        held = database.run_as_administrator(work, write=True, authority=WRITES)
    click.echo(f"{login} may log in, with {', '.join(held) or 'no permissions'}.", err=True)


def _check_lengths(login: str, permissions: tuple[str, ...]) -> None:
    for name, text, most in (("LOGIN", login, 45), *(("--permission", text, 15) for text in permissions)):
        try:
            short_text(most).read(text)
        except Fault as fault:
            raise Refused(f"{name} {text!r}: {fault.message}.") from fault


@ispyb.command()
@click.argument(
    "files", metavar="FILE...", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--dry-run", is_flag=True, help="Show what would be written, and write nothing.")
@data_option
def sync(files: tuple[Path, ...], dry_run: bool, data_dir: Path | None) -> None:
    """Create or update the proposals of the JSON files, as a user portal does by HTTP.

    Each FILE holds one payload, or a list of them, and each payload is written as a whole or not at all. What cannot
    be written is listed at the end; the others are written.
    """
    payloads, problems = _payloads(files)
    with opened_site(data_dir) as site:
        database = Database(site)
        with progress("Synchronising proposals", len(payloads)) as advance:
            results = []
            for where, payload in payloads:
                try:
                    results.append(synchronise(database, payload, dry_run=dry_run))
                except Refusal as refusal:
                    problems.append(f"{where}: {refusal.detail}")
                advance(1)
    for result in results:
        click.echo(_told(result))
    if problems:
        raise Refused("\n".join(problems))


@ispyb.command("ship")
@file_argument
@click.option("--proposal", required=True, help="The proposal, such as MX1234.")
@click.option("--name", required=True, help="The name of the new shipment.")
@dry_run_option
@data_option
def ship(file: Path, proposal: str, name: str, dry_run: bool, data_dir: Path | None) -> None:
    """Make a shipment of FILE, a CSV or XLSX with one sample a row: parcels, containers and samples, all or nothing.

    Its columns are Container, Position, Protein, Sample, and Parcel, Container type, Barcode, Comments, Cell a to
    Cell gamma. Mistakes are named by row and column.
    """
    sent = sent_file(file)
    with opened_site(data_dir) as site:
        database, most = Database(site), site.settings.max_update_entries

        def work(tx: Transaction) -> Outcome:
            return make_shipment(tx, sent, proposal, name, most_rows=most, dry_run=dry_run)

        try:
            done = with_progress(
                f"Shipping {file.name}", lambda: database.run_as_administrator(work, write=not dry_run)
            )
        except ApiError as error:
            raise refused_rows(error) from error
    tell_shipment(done, dry_run=dry_run)


def _payloads(files: Sequence[Path]) -> tuple[list[tuple[str, dict[str, Any]]], list[str]]:
    """The payloads of files that fit their schema, each with its place, and what is wrong with the others."""
    found: list[tuple[str, dict[str, Any]]] = []
    problems: list[str] = []
    for file in files:
        try:
            written = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            problems.append(f"{file}: {error}")
            continue
        for place, entry in enumerate(written if isinstance(written, list) else [written]):
            where = f"{file}[{place}]" if isinstance(written, list) else str(file)
            values, faults = read_values(UserPortalProposalSync.reader, entry, ())
            problems += [f"{where}: {'.'.join(map(str, fault.place))}: {fault.fault.message}" for fault in faults]
            if not faults:
                found.append((where, values))
    return found, problems


def _told(result: Synchronised) -> str:
    kinds = [
        f"{kind}: {written.added} added, {written.changed} changed"
        for kind, written in result.written.items()
        if written.added or written.changed
    ]
    left_out = [f"proteins of unknown people: {result.left_out} left out"] if result.left_out else []
    return f"{result.proposal}  {'; '.join([*kinds, *left_out]) or 'nothing to change'}"
