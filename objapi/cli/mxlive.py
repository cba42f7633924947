"""`objapi mxlive`: projects and beamlines for the MxLIVE face, from the command line."""

from collections.abc import Mapping
from pathlib import Path

import click

from objapi.cli.common import data_option, opened_site
from objapi.cli.failures import Refused
from objapi.cli.sheets import dry_run_option, file_argument, refused_rows, sent_file, tell_shipment, with_progress
from objapi.errors import ApiError
from objapi.mxlive.calls import PROJECTS, load_gateway
from objapi.profiles.mxlive.shipment_sheets import ship as make_shipment
from objapi.site import Site
from objapi.store.requests import ByPath, CreateItem, Outcome, UpdateItem
from objapi.store.transaction import Transaction

KINDS = ("Academic", "Industry", "Staff", "Student", "Commissioning")
BEAMLINES = "mxlive/beamlines"


@click.group()
def mxlive() -> None:
    """Set up projects and beamlines for MxDC clients."""


@mxlive.command("add-project")
@click.argument("username", metavar="NAME")
@click.option("--kind", type=click.Choice(KINDS), default=KINDS[0], show_default=True, help="The kind of project.")
@click.option("--person", default="", help="Whom to contact.")
@click.option("--email", default="", help="Where to reach that person.")
@data_option
def add_project(username: str, kind: str, person: str, email: str, data_dir: Path | None) -> None:
    """Add the project of the user NAME, which is the name that the user logs in with at the beamline.

    The client registers its key the first time it starts.
    """
    values: dict[str, object] = {"username": username, "kind": kind, "is_superuser": kind == "Staff"}
    given = {"contact_person": person, "contact_email": email}
    values |= {name: value for name, value in given.items() if value}
    with opened_site(data_dir) as site:
        _create(site, "MxProject", PROJECTS, values)
    click.echo(f"Added the project {username}; its client registers a key when it starts.", err=True)


@mxlive.command("add-beamline")
@click.argument("acronym", metavar="ACRONYM")
@click.option("--name", default="", help="The name that is shown; the acronym without one.")
@data_option
def add_beamline(acronym: str, name: str, data_dir: Path | None) -> None:
    """Add the beamline ACRONYM, which is the name that the client's settings have for it."""
    with opened_site(data_dir) as site:
        _create(site, "MxBeamline", BEAMLINES, {"acronym": acronym, "name": name or acronym})
    click.echo(f"Added the beamline {acronym}; samples are listed once it has an active automounter.", err=True)


@mxlive.command("reset-key")
@click.argument("username", metavar="NAME")
@data_option
def reset_key(username: str, data_dir: Path | None) -> None:
    """Take the key of the project NAME away, so that a client can register a new one."""

    def reset(tx: Transaction) -> None:
        tx.update([UpdateItem(ByPath(f"/{PROJECTS}/{username}"), {"key": ""})])

    with opened_site(data_dir) as site:
        _require_profile(site)
        site.run(load_gateway, reset, write=True)
    click.echo(f"The key of {username} is taken away; the next client to start registers its own.", err=True)


@mxlive.command("ship")
@file_argument
@click.option("--project", required=True, help="The name of the project, which is its user's.")
@click.option("--name", required=True, help="The name of the new shipment.")
@dry_run_option
@data_option
def ship(file: Path, project: str, name: str, dry_run: bool, data_dir: Path | None) -> None:
    """Make a shipment of FILE, a CSV or XLSX with one sample a row: containers, groups and samples, all or nothing.

    Its columns are Container, Container type, Location, Sample, and Barcode, Group, Priority, Comments. Mistakes are
    named by row and column.
    """
    sent = sent_file(file)
    with opened_site(data_dir) as site:
        _require_profile(site)
        most = site.settings.max_update_entries

        def work(tx: Transaction) -> Outcome:
            return make_shipment(tx, sent, project, name, most_rows=most, dry_run=dry_run)

        try:
            done = with_progress(f"Shipping {file.name}", lambda: site.run(load_gateway, work, write=not dry_run))
        except ApiError as error:
            raise refused_rows(error) from error
    tell_shipment(done, dry_run=dry_run)


def _create(site: Site, portal_type: str, folder: str, values: Mapping[str, object]) -> None:
    _require_profile(site)
    item = CreateItem(portal_type, ByPath(f"/{folder}"), values)
    site.run(load_gateway, lambda tx: tx.create([item]), write=True)


def _require_profile(site: Site) -> None:
    if "MxProject" not in site.registry.types:
        raise Refused("The site has no beamlines: add mxlive to OBJAPI_PROFILES and run `objapi upgrade`.")
