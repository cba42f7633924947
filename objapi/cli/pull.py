"""`objapi pull`: fill a site from a live Bika or SENAITE laboratory."""

import os
from pathlib import Path
from typing import Final

import click

from objapi.cli.common import data_option, opened_site
from objapi.cli.failures import Refused
from objapi.http.memory import LOADING, limit_collections
from objapi.progress import progress
from objapi.pull.pulling import PullOptions, opened_spool, pull, write_report
from objapi.pull.remote import Remote, site_url
from objapi.pull.sources import BIKA, SENAITE
from objapi.whole_files import whole_file

PASSWORD: Final = "PULL_PASSWORD"  # noqa: S105 - the name of a variable


@click.command("pull")
@click.argument("url")
@click.option("--user", required=True, metavar="LOGIN", help="A manager of the other laboratory.")
@click.option(
    "--password-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with the password in its first line.",
)
@click.option("--dialect", type=click.Choice([SENAITE, BIKA]), help="The interface to ask; else the one that answers.")
@click.option("--rate", type=click.FloatRange(0.01, 1000), default=3.0, show_default=True, help="Requests a second.")
@click.option("--dry-run", is_flag=True, help="Fetch and tell what would be made and what does not fit; make nothing.")
@click.option("--report", type=click.Path(dir_okay=False, path_type=Path), help="File for what did not fit, as NDJSON.")
@click.option("--users/--no-users", default=True, help="Whether users are pulled, too.")
@click.option("--files/--no-files", default=True, help="Whether files are pulled, too.")
@click.option("--fresh", is_flag=True, help="Fetch everything anew in place of going on.")
@data_option
def pull_command(
    url: str,
    user: str,
    password_file: Path | None,
    dialect: str | None,
    rate: float,
    dry_run: bool,
    report: Path | None,
    users: bool,
    files: bool,
    fresh: bool,
    data_dir: Path | None,
) -> None:
    r"""Fill this site from the laboratory at URL, which goes on working: objects, files, users.

    The password of --user is asked for, or read from --password-file or the variable PULL_PASSWORD. What was
    fetched is kept in the folder `pull` of the site's data: a pull that was cut short goes on when it is run again.
    Objects keep their UIDs, dates of creation and states. Nothing is written to the other laboratory.

    \b
    objapi pull https://lims.example.org/senaite --user admin --dry-run
    objapi pull https://lims.example.org/senaite --user admin --report left-out.ndjson
    """
    base, password = site_url(url), _password(user, password_file)
    remote = Remote(base, user, password, rate)
    options = PullOptions(dialect, users, files, fresh)
    limit_collections(LOADING)
    with opened_site(data_dir) as site, opened_spool(site, remote, options) as spool:
        done = pull(site, remote, spool, options, progress, dry_run=dry_run)
        if report is not None:
            with whole_file(report) as output:
                write_report(spool, output)
        if not dry_run:
            spool.remove()
    for line in done.lines():
        click.echo(line)
    if dry_run:
        click.echo("Nothing was made.", err=True)
    elif users and done.users:
        click.echo("The users have no password here: objapi user password-link NAME lets one choose it.", err=True)


def _password(user: str, file: Path | None) -> str:
    if file is not None:
        text = file.read_text("utf-8").partition("\n")[0].strip("\r")
    else:
        text = os.environ.get(PASSWORD) or click.prompt(f"Password of {user}", hide_input=True, err=True)
    if not text:
        raise Refused("The password is empty.")
    return text
