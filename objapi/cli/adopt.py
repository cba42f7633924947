"""`objapi adopt`: write a first profile for an existing database."""

from collections.abc import Collection
from pathlib import Path
from typing import Final

import click
from sqlalchemy import exc

from catalog.dialect import create_engine_for
from catalog.dialect.existing import existing_tables
from catalog.dialect.nodes import nodes_of
from objapi.cli.failures import Refused
from objapi.model.loading import load_registry
from objapi.settings.parsing import DATABASE_URL, without_password
from objapi.store.mapped.adoption import Adoption
from objapi.store.mapped.adoption import adopt as adopt_tables
from objapi.whole_files import write_whole

PROFILE: Final = """title: {title}
about: The tables of the database {title}, as they were found there.
extends: [base]
"""
HEAD: Final = """# Written by `objapi adopt` from the tables of {title}; from here on it is yours.
#
# Everything is the Managers' alone until the permissions say otherwise. Add what a database does not say of itself:
# titles, permissions, row rules (table: rows), workflows, computed fields. Delete what nobody should see.

"""


@click.command()
@click.argument("database_url")
@click.argument("tables", nargs=-1)
@click.option(
    "--profile",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder to be made for the profile.",
)
@click.option("--name", help="What the profile calls the database.  [default: the database's own name]")
@click.option("--prefix", default="", help="Put before every type's name, where other types have it already.")
def adopt(database_url: str, tables: tuple[str, ...], folder: Path, name: str | None, prefix: str) -> None:
    """Write a profile whose types are the tables of DATABASE_URL: all of them, or each TABLE named.

    Nothing is changed in the database, neither now nor when the profile is served.
    """
    url = _checked(database_url)
    if folder.exists() and any(folder.iterdir()):
        raise Refused(f"{folder} is not empty; name a folder that is not there yet.")
    title = name or Path(nodes_of(url)[0].database or "").stem.replace("-", "_") or "database"
    if not title.isidentifier():
        raise Refused(f"{title!r} cannot name a database; give --name with letters and digits.")
    known = load_registry(["base"])
    adoption = _read(url, title, tables, prefix, {*known.types, *known.catalogs, *known.aliases})
    if not adoption.types:
        raise Refused("\n".join(["No table can be adopted.", *adoption.left_out]))
    (folder / "types").mkdir(parents=True)
    write_whole(folder / "types" / "tables.yaml", HEAD.format(title=title) + adoption.yaml())
    # Last, since a folder is a profile by this file.
    write_whole(folder / "profile.yaml", PROFILE.format(title=title))
    load_registry([folder])
    for reason in adoption.left_out:
        click.echo(f"left out: {reason}", err=True)
    for choice in adoption.renamed:
        click.echo(f"renamed: {choice}", err=True)
    click.echo(
        f"{len(adoption.types)} types are declared in {folder}. Next, in the environment of the site:\n"
        f"  OBJAPI_PROFILES=…,{folder}\n"
        f"  OBJAPI_DATABASES={title}={without_password(url).strip(chr(39))}\n"
        "then: objapi init for a new site, objapi upgrade for one that is there.",
        err=True,
    )


def _checked(text: str) -> str:
    try:
        url: str = DATABASE_URL.parse(text)
    except ValueError as error:
        raise Refused(f"{without_password(text)} is not {DATABASE_URL.expected}.") from error
    path = nodes_of(url)[0].database
    if url.startswith("sqlite") and not Path(path or "").is_file():
        raise Refused(f"There is no file {path}.")
    return url


def _read(url: str, title: str, tables: tuple[str, ...], prefix: str, taken: Collection[str]) -> Adoption:
    engine = create_engine_for(url, own=False)
    try:
        with engine.connect() as connection:
            found = existing_tables(connection)
        return adopt_tables(found, database=title, folder=f"/{title}", only=tables, prefix=prefix, taken=taken)
    except LookupError as error:
        raise Refused(str(error.args[0])) from error
    except exc.DBAPIError as error:
        raise Refused(f"{without_password(url)} cannot be read: {error.orig}") from error
    finally:
        engine.dispose()
