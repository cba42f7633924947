"""User accounts, for the command line and the API."""

import pytest
from sqlalchemy import update

from objapi.errors import Conflict, NotFound, ValidationError
from objapi.security.accounts import (
    Account,
    add_user,
    change_user,
    find_account,
    list_accounts,
    set_active,
    store_password,
    users_with_roles,
)
from objapi.security.passwords import Passwords
from objapi.security.principals import load_by_login, load_by_session
from objapi.security.sessions import SessionRules, begin_session
from objapi.security.tables import users
from tests.objapi.security.conftest import NOW, PASSWORD, ROLES, Database, after


def test_an_added_user_is_listed_as_given(people: Database) -> None:
    rita = Account("rita", "Rita Mohale", "rita@client.example", groups=("Clients",))
    assert people.run(lambda connection: find_account(connection, "rita")) == rita
    listed = people.run(list_accounts)
    assert [account.id for account in listed] == ["admin", "gone", "rita", "tom"]
    assert rita in listed


@pytest.mark.parametrize("taken", ["rita", "Rita"])
def test_an_id_that_is_taken_is_refused(people: Database, passwords: Passwords, taken: str) -> None:
    with pytest.raises(Conflict, match=f"{taken!r} exists already"):
        people.run(
            lambda connection: add_user(connection, Account(taken), PASSWORD, roles=ROLES, passwords=passwords, now=NOW)
        )


def test_everything_wrong_with_a_new_user_is_said_at_once(people: Database, passwords: Passwords) -> None:
    wrong = Account("a b", "two\nlines", roles=("Boss", "Authenticated"), groups=("Nobodies",))
    with pytest.raises(ValidationError) as refusal:
        people.run(lambda connection: add_user(connection, wrong, "short", roles=ROLES, passwords=passwords, now=NOW))
    names = [cause.name for cause in refusal.value.causes]
    assert names == ["userid", "roles", "roles", "groups", "fullname", "password"]
    assert people.run(list_accounts) == [
        people.run(lambda connection, name=name: find_account(connection, name))
        for name in ("admin", "gone", "rita", "tom")
    ]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (["Analyst"], [("tom", "Tom Okafor")]),
        (["Verifier"], [("tom", "Tom Okafor")]),
        (["Manager", "Client"], [("admin", "admin"), ("rita", "Rita Mohale")]),
        (["Member"], [("rita", "Rita Mohale"), ("tom", "Tom Okafor")]),
        (["Authenticated"], [("admin", "admin"), ("rita", "Rita Mohale"), ("tom", "Tom Okafor")]),
        (["Owner"], []),
        ([], []),
    ],
)
def test_users_are_found_by_their_roles_and_those_of_groups(
    people: Database, wanted: list[str], expected: list[tuple[str, str]]
) -> None:
    found, statements = people.counted(lambda connection: users_with_roles(connection, ROLES, wanted))
    assert found == expected
    assert statements == 1


def test_a_new_password_replaces_the_old_and_ends_the_other_sessions(people: Database, passwords: Passwords) -> None:
    def begin(connection):
        return [begin_session(connection, user, 1, NOW, SessionRules()) for user in ("tom", "tom", "rita")]

    asking, other, of_rita = people.run(begin)
    people.run(
        lambda connection: store_password(
            connection, "tom", passwords.hash("another horse"), now=NOW, keep_session=asking.session.digest
        )
    )
    tom = people.run(lambda connection: load_by_login(connection, "tom", ROLES))
    assert tom is not None
    assert passwords.verify(tom.password_hash, "another horse")
    assert not passwords.verify(tom.password_hash, PASSWORD)

    def alive(key):
        return people.run(lambda connection: load_by_session(connection, key, ROLES, after(hours=1))) is not None

    assert [alive(session.key) for session in (asking, other, of_rita)] == [True, False, True]


def test_the_session_of_somebody_else_is_never_kept_for_a_user(people: Database, passwords: Passwords) -> None:
    of_rita = people.run(lambda connection: begin_session(connection, "rita", 1, NOW, SessionRules()))
    people.run(lambda connection: connection.execute(update(users).values(password_version=2)))
    people.run(
        lambda connection: connection.execute(update(users).where(users.c.id == "tom").values(password_version=1))
    )
    people.run(
        lambda connection: store_password(
            connection, "tom", passwords.hash("another horse"), now=NOW, keep_session=of_rita.session.digest
        )
    )
    assert people.run(lambda connection: load_by_session(connection, of_rita.key, ROLES, NOW)) is None


def test_a_deactivated_user_comes_back_without_the_old_sessions(people: Database) -> None:
    session = people.run(lambda connection: begin_session(connection, "tom", 1, NOW, SessionRules()))
    people.run(lambda connection: set_active(connection, "tom", False, now=NOW))
    assert people.run(lambda connection: find_account(connection, "tom")).active is False
    people.run(lambda connection: set_active(connection, "tom", True, now=NOW))
    assert people.run(lambda connection: find_account(connection, "tom")).active is True
    assert people.run(lambda connection: load_by_session(connection, session.key, ROLES, NOW)) is None


def test_changing_a_user_who_does_not_exist_says_so(people: Database, passwords: Passwords) -> None:
    for work in (
        lambda connection: store_password(connection, "ghost", passwords.hash("long enough"), now=NOW),
        lambda connection: set_active(connection, "ghost", True, now=NOW),
        lambda connection: change_user(connection, Account("ghost"), roles=ROLES, now=NOW),
        lambda connection: find_account(connection, "ghost"),
        lambda connection: find_account(connection, "not an id"),
    ):
        with pytest.raises(NotFound, match="There is no user"):
            people.run(work)


def test_a_change_with_unknown_roles_changes_nothing(people: Database) -> None:
    before = people.run(lambda connection: find_account(connection, "tom"))
    with pytest.raises(ValidationError, match="There is no role 'Boss'"):
        people.run(lambda connection: change_user(connection, Account("tom", roles=("Boss",)), roles=ROLES, now=NOW))
    assert people.run(lambda connection: find_account(connection, "tom")) == before


def test_a_user_made_inactive_by_a_change_loses_the_sessions(people: Database) -> None:
    session = people.run(lambda connection: begin_session(connection, "tom", 1, NOW, SessionRules()))
    for active in (False, True):
        account = Account("tom", "Tom", active=active)
        people.run(lambda connection, account=account: change_user(connection, account, roles=ROLES, now=NOW))
    assert people.run(lambda connection: load_by_session(connection, session.key, ROLES, NOW)) is None
