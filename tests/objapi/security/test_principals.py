"""The first statement of a request: user, session, roles, local roles and the newest acl."""

import pytest
from sqlalchemy import insert, update

from objapi.model.registry import Roles
from objapi.security.accounts import Account, change_user, grant_local_roles, revoke_local_roles, set_active
from objapi.security.principals import group_principal, load_by_login, load_by_session
from objapi.security.sessions import SessionRules, begin_session
from objapi.security.tables import users
from objapi.store.schema import acls
from tests.objapi.security.conftest import NOW, ROLES, Database, after, make_scopes


def test_roles_are_the_own_those_of_groups_and_authenticated(people: Database) -> None:
    tom = people.run(lambda connection: load_by_login(connection, "tom", ROLES))
    assert tom is not None
    assert tom.principal.user_id == "tom"
    assert tom.principal.fullname == "Tom Okafor"
    assert tom.principal.roles == {"Verifier", "Analyst", "Member", "Authenticated"}
    assert tom.principal.groups == {"Analysts"}
    assert tom.principal.local == {}
    assert not tom.principal.unrestricted
    assert (tom.active, tom.session, tom.newest_acl) == (True, None, 0)


def test_a_group_that_is_no_longer_declared_gives_no_role(people: Database) -> None:
    tom = people.run(lambda connection: load_by_login(connection, "tom", Roles((), {}, {})))
    assert tom is not None
    assert tom.principal.roles == {"Verifier", "Authenticated"}


def test_local_roles_of_user_and_groups_hold_in_the_scopes_below(people: Database) -> None:
    def grant(connection):
        make_scopes(connection, (1, 11), (1, 12), (1, 111), (11, 111), (2, 21))
        grant_local_roles(connection, 1, "rita", ["Owner"])
        grant_local_roles(connection, 11, group_principal("Clients"), ["Client", "Owner"])
        grant_local_roles(connection, 2, "tom", ["Owner"])
        connection.execute(insert(acls), [{"id": n, "digest": f"{n}", "document": "[]"} for n in (3, 7, 5)])

    people.run(grant)
    rita, statements = people.counted(lambda connection: load_by_login(connection, "rita", ROLES))
    assert statements == 1
    assert rita is not None
    assert rita.principal.local == {1: {"Owner"}, 11: {"Owner", "Client"}, 12: {"Owner"}, 111: {"Owner", "Client"}}
    assert rita.principal.roles == {"Client", "Member", "Authenticated"}
    assert rita.newest_acl == 7


def test_a_user_named_like_a_group_gets_nothing_that_was_granted_to_the_group(people: Database) -> None:
    def grant(connection):
        make_scopes(connection, (1, 11))
        grant_local_roles(connection, 1, group_principal("tom"), ["Owner"])

    people.run(grant)
    tom = people.run(lambda connection: load_by_login(connection, "tom", ROLES))
    assert tom is not None
    assert tom.principal.local == {}


def test_a_revoked_local_role_is_gone_at_once(people: Database) -> None:
    def grant(connection):
        make_scopes(connection, (1, 11))
        grant_local_roles(connection, 1, "rita", ["Owner", "Client"])
        grant_local_roles(connection, 1, "rita", ["Owner"])
        revoke_local_roles(connection, 1, "rita", ["Owner", "Analyst"])

    def local(connection):
        return load_by_login(connection, "rita", ROLES).principal.local

    people.run(grant)
    assert people.run(local) == {1: {"Client"}, 11: {"Client"}}
    people.run(lambda connection: revoke_local_roles(connection, 1, "rita"))
    assert people.run(local) == {}


def test_leaving_a_group_takes_what_the_group_was_granted(people: Database) -> None:
    def change(connection):
        make_scopes(connection, (1, 11))
        grant_local_roles(connection, 1, group_principal("Clients"), ["Owner"])
        change_user(connection, Account("rita", "Rita", groups=("Analysts",)), roles=ROLES, now=NOW)

    people.run(change)
    rita = people.run(lambda connection: load_by_login(connection, "rita", ROLES))
    assert rita is not None
    assert rita.principal.local == {}
    assert rita.principal.roles == {"Analyst", "Member", "Authenticated"}


def test_a_session_loads_its_user_in_one_statement(people: Database) -> None:
    new = people.run(lambda connection: begin_session(connection, "tom", 1, NOW, SessionRules()))
    tom, statements = people.counted(lambda connection: load_by_session(connection, new.key, ROLES, after(hours=1)))
    assert statements == 1
    assert tom is not None
    assert tom.principal.user_id == "tom"
    assert tom.session == new.session


@pytest.mark.parametrize("change", ["expired", "password", "inactive", "inactive elsewhere"])
def test_a_session_ends_by_time_by_a_new_password_and_by_deactivation(people: Database, change: str) -> None:
    new = people.run(lambda connection: begin_session(connection, "tom", 1, NOW, SessionRules()))
    now = after(hours=12) if change == "expired" else after(hours=11)
    if change == "password":
        people.run(lambda connection: connection.execute(update(users).values(password_version=2)))
    elif change == "inactive":
        people.run(lambda connection: set_active(connection, "tom", False, now=NOW))
    elif change == "inactive elsewhere":
        people.run(lambda connection: connection.execute(update(users).values(active=0)))
    assert people.run(lambda connection: load_by_session(connection, new.key, ROLES, now)) is None


@pytest.mark.parametrize("login", ["Tom", "tom ", "nobody", "", "tom\0", "töm", "\ud800", "x" * 500, "' OR 1=1 --"])
def test_a_login_is_found_exactly_or_not_at_all(people: Database, login: str) -> None:
    assert people.run(lambda connection: load_by_login(connection, login, ROLES)) is None


@pytest.mark.parametrize("key", ["", "x" * 43, "ü" * 43, "short", "x" * 44])
def test_a_key_of_no_session_loads_nobody(people: Database, key: str) -> None:
    assert people.run(lambda connection: load_by_session(connection, key, ROLES, NOW)) is None
