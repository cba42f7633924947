"""Sample installation of py-ISPyB, for a site that is served to try it: tables, accounts, a proposal, files."""

import logging
from dataclasses import replace
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Final

from objapi.ispyb.auth.accounts import WRITES, add_account
from objapi.ispyb.auth.plugins import Identity
from objapi.ispyb.database import Database, connection_of, prepare
from objapi.ispyb.demo.accounts import ACCOUNTS
from objapi.ispyb.demo.contents import load_contents
from objapi.ispyb.files.extra import LIBRARIES
from objapi.settings import Settings
from objapi.site import Site
from objapi.store.transaction import Transaction

DIRECTORY: Final = "ispyb-demo"
"""Directory of the files, below the data directory."""

_log = logging.getLogger("objapi.ispyb")


def with_demo_files(settings: Settings) -> Settings:
    """The settings with the directory of the sample files as the one data root, unless others are configured."""
    if settings.ispyb_url is not None or settings.ispyb_data_roots or settings.ispyb_path_map:
        return settings
    directory = _directory(settings)
    return replace(settings, ispyb_data_roots=(directory,), ispyb_path_map=str(directory))


def make_demo(site: Site) -> None:
    """Make the tables, the accounts, a proposal and its files; repeatable. An existing ISPyB database is left alone."""
    if site.settings.ispyb_url is not None:
        return
    prepare(site)
    database = Database(site)

    def load(transaction: Transaction) -> None:
        _load(transaction, database, database.now())

    database.run_as_administrator(load, write=True, authority=WRITES)
    directory = _directory(site.settings)
    if directory in site.settings.ispyb_data_roots and not directory.exists():
        _write_files(directory)


def _load(transaction: Transaction, database: Database, now: datetime) -> None:
    for account in ACCOUNTS:
        identity = Identity(account.login, account.given_name, account.family_name)
        add_account(transaction, database, identity, account.permissions)
    # Like the rows of an existing database, the sample rows have no history before the first request.
    load_contents(connection_of(transaction), now)


def _write_files(directory: Path) -> None:
    """Write the files; without the libraries that make them, they are left out."""
    try:
        writing = import_module("objapi.ispyb.demo.files")
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in LIBRARIES:
            raise
        _log.warning("the sample files are left out: the extra `data` of objapi is not installed")
        return
    # Written beside and moved: what is there is there as a whole.
    unfinished = directory.with_name(f"{directory.name}.new")
    writing.write_files(unfinished)
    unfinished.rename(directory)


def _directory(settings: Settings) -> Path:
    return settings.data_dir.absolute() / DIRECTORY
