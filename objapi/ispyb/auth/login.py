"""Log-in: a plugin identifies the person, the database names its row, and a token is handed out."""

from dataclasses import replace
from typing import Any, Final

from objapi.ispyb.auth.caller import Caller, caller_of_login
from objapi.ispyb.auth.plugins import Identity, LoginAttempt, Plugin
from objapi.ispyb.database import Database, connection_of, writing
from objapi.ispyb.options.load import load_options
from objapi.ispyb.values.errors import NotAuthenticated
from objapi.model.principal import Principal, TokenClaims
from objapi.profiles.ispyb.tables import Person
from objapi.security.principals import LoadedUser
from objapi.store.requests import RequestSource
from objapi.store.transaction import Transaction

# Whether two log-ins are one is for whoever has checked the password to say.
WRITES: Final = writing("log-in", linked=(Person,), told_apart=(Person,))


def log_in(database: Database, plugin: Plugin | None, attempt: LoginAttempt, source: RequestSource) -> Caller:
    """The person who logs in, with the permissions of this moment; raises NotAuthenticated (401).

    To be called outside of any transaction: passwords take their time, and other servers too.
    """
    identity = None if plugin is None else plugin.identify(attempt)
    if identity is None:
        raise NotAuthenticated("Could not verify")
    caller = database.run(lambda tx: caller_of_login(connection_of(tx), identity.login), write=False)
    if caller is None:
        newcomer = Principal(identity.login, roles=frozenset({"Authenticated"}), claims=TokenClaims(0, frozenset()))
        caller = database.run(
            lambda tx: _newcomer(tx, database, identity),
            write=True,
            user=newcomer,
            source=source,
            authority=WRITES,
        )
    return replace(caller, password_version=identity.password_version)


def caller_of_user(database: Database, user: LoadedUser) -> Caller:
    """The person of the same login as a user of the gateway, with the permissions of this moment.

    Raises NotAuthenticated where there is none, or where the logins of the two are not the same people's.
    """
    if not database.settings.has_ispyb_logins:
        raise NotAuthenticated("Users of the gateway are not the persons of this database. Please log in")
    login = user.principal.user_id
    caller = database.run(lambda tx: caller_of_login(connection_of(tx), login), write=False)
    if caller is None:
        raise NotAuthenticated("User does not exist in database.")
    return replace(caller, password_version=user.password_version, token=user.principal.token)


def _newcomer(transaction: Transaction, database: Database, identity: Identity) -> Caller:
    """A person who was not known, made when the options say so; without any permission."""
    connection = connection_of(transaction)
    if not load_options(connection)["create_person_on_missing"]:
        raise NotAuthenticated("User does not exist in database.")
    known = caller_of_login(connection, identity.login)
    if known is None:
        add_person(transaction, database, identity)
        known = caller_of_login(connection, identity.login)
    if known is None:
        raise NotAuthenticated("User does not exist in database.")
    return known


def add_person(transaction: Transaction, database: Database, identity: Identity) -> int:
    """Add a person; texts are cut to what their columns hold. Returns the key."""
    values: dict[str, Any] = {
        "login": identity.login,
        "givenName": identity.given_name,
        "familyName": identity.family_name,
        "emailAddress": identity.email,
        "phoneNumber": identity.phone,
        "siteId": identity.site_id,
        "recordTimeStamp": database.now(),
    }
    for name, value in values.items():
        length = getattr(Person.c[name].type, "length", None)
        if name != "login" and isinstance(value, str) and length is not None:
            values[name] = value[:length]
    return database.insert(transaction, Person, values)
