"""What the py-ISPyB face of a site that is served to try it begins with."""

from sqlalchemy.engine import Connection

from objapi.ispyb.accounts import add_account
from objapi.ispyb.auth.plugins import Identity
from objapi.ispyb.database import Database, prepare
from objapi.ispyb.demo.accounts import ACCOUNTS
from objapi.site import Site


def make_demo(site: Site) -> None:
    """Make the tables and the accounts; repeatable. An existing ISPyB database is left alone."""
    if site.settings.ispyb_url is not None:
        return
    prepare(site)
    database = Database(site)

    def add(connection: Connection) -> None:
        for account in ACCOUNTS:
            identity = Identity(account.login, account.given_name, account.family_name)
            add_account(connection, database, identity, account.permissions)

    database.transact(add, write=True)
