"""Accounts of a log-in provider: linked to one user, admitted with the roles of their groups, unlinked."""

from collections.abc import Iterator
from typing import Any

import pytest

from objapi.errors import Conflict, Forbidden, NotFound, SignOnFailed, ValidationError
from objapi.security.accounts import find_account
from objapi.security.administration import UserAdministration
from objapi.security.sign_on.admission import Admission, GroupGrant, actor, admit
from objapi.security.sign_on.links import link_sign_on, links_of, unlink_sign_on, user_of_subject
from objapi.security.sign_on.provider_account import ProviderAccount
from objapi.store.transaction import Transaction
from tests.objapi.security.test_administration import made
from tests.objapi.store.workshop import Gateway

ISSUER, OTHER = "https://id.example.org", "https://id.example.com"
CLOSED = Admission(False, "preferred_username", "groups")


@pytest.fixture(scope="module")
def gateway(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    for gateway in made(module_database_url, tmp_path_factory.mktemp("admission")):
        gateway.add_users(dict.fromkeys(("ann", "ben"), ((), ())))
        yield gateway


def link(gateway: Gateway, caller: str, user: str, subject: str, **options: Any) -> int:
    def work(tx: Transaction) -> int:
        return len(link_sign_on(tx, UserAdministration(tx), user, options.get("issuer", ISSUER), subject))

    return gateway.run(caller, work, write=True)


def admitted(gateway: Gateway, subject: str, rules: Admission = CLOSED, issuer: str = ISSUER, **claims: Any) -> str:
    identity = ProviderAccount(issuer, subject, claims)
    return gateway.site.run(lambda connection: actor(), lambda tx: admit(tx, identity, rules), write=True)[0]


def test_an_account_is_known_by_issuer_and_subject_to_the_letter(gateway: Gateway) -> None:
    assert link(gateway, "boss", "ann", "Ann") == 1
    assert link(gateway, "boss", "ann", "Ann") == 0
    assert link(gateway, "boss", "ann", "s" * 255) == 1
    with pytest.raises(Conflict, match="another user"):
        link(gateway, "boss", "ben", "Ann")
    found = gateway.site.transact(
        lambda connection: [
            user_of_subject(connection, issuer, subject)
            for issuer, subject in ((ISSUER, "Ann"), (ISSUER, "ann"), (ISSUER, "Ann "), (OTHER, "Ann"), ("", ISSUER))
        ],
        write=False,
    )
    assert found == ["ann", None, None, None, None]
    assert admitted(gateway, "Ann") == "ann"
    for issuer, subject in ((ISSUER, "ann"), (OTHER, "Ann")):
        with pytest.raises(SignOnFailed, match="one-time link"):
            admitted(gateway, subject, issuer=issuer, preferred_username="ann")


def test_managers_alone_link_and_nobody_does_by_a_token(gateway: Gateway) -> None:
    with pytest.raises(Forbidden, match="Manager"):
        link(gateway, "max", "ben", "b")
    with pytest.raises(NotFound):
        link(gateway, "boss", "nobody", "b")
    with pytest.raises(Conflict, match="OBJAPI_OIDC_ISSUER"):
        link(gateway, "boss", "ben", "b", issuer=None)
    for subject in ("", "s" * 256, "a\nb"):
        with pytest.raises(ValidationError):
            link(gateway, "boss", "ben", subject)


def test_unlinking_ends_the_log_in_and_its_sessions(gateway: Gateway) -> None:
    def unlink(caller: str, user: str) -> list[str]:
        events = gateway.run(caller, lambda tx: unlink_sign_on(tx, UserAdministration(tx), user), write=True)
        return [event.event for event in events]

    def version(user: str) -> int:
        return gateway.run("boss", lambda tx: gateway.authenticate(user)(tx.connection).password_version)

    link(gateway, "boss", "ben", "ben-1")
    link(gateway, "boss", "ben", "ben-2")
    before = version("ben")
    assert unlink("max", "ben") == ["sign_on_unlink", "sign_on_unlink"]
    assert unlink("max", "ben") == []
    assert version("ben") == before + 1
    assert gateway.site.transact(lambda connection: links_of(connection, "ben"), write=False) == []
    with pytest.raises(Forbidden, match="unlink boss"):
        unlink("max", "boss")


def test_groups_give_and_take_but_never_the_last_manager(gateway: Gateway) -> None:
    grants = (GroupGrant("heads", "role", "Manager"), GroupGrant("checkers", "group", "Inspectors"))
    rules = Admission(True, "preferred_username", "groups", grants)

    def held(user: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        account = gateway.site.transact(lambda connection: find_account(connection, user), write=False)
        return account.roles, account.groups

    link(gateway, "boss", "boss", "boss")
    with pytest.raises(Conflict, match="last active user with the role Manager"):
        admitted(gateway, "boss", rules, groups=["checkers"])
    assert held("boss") == (("Manager",), ())
    link(gateway, "boss", "anna", "anna")
    admitted(gateway, "anna", rules, groups=["heads", "checkers"])
    assert held("anna") == (("Auditor", "Manager"), ("Inspectors",))
    admitted(gateway, "anna", rules, groups=["heads", "checkers"])
    admitted(gateway, "boss", rules)
    assert held("boss") == ((), ())
    with pytest.raises(SignOnFailed, match="already"):
        admitted(gateway, "new", rules, preferred_username="CARL")
    assert admitted(gateway, "new", rules, preferred_username="nina", groups=["checkers"]) == "nina"
    assert held("nina") == ((), ("Inspectors",))
