"""What a request changed of users and roles is taken back with the rest of it, or refused with what to do instead."""

from collections.abc import Callable, Iterator
from functools import partial

import pytest
import sqlalchemy as sa

from objapi.errors import Conflict, Forbidden, NotFound, combine
from objapi.model.former_values import OBJECT_EVENTS
from objapi.security.administration import Grant, UserAdministration
from objapi.security.undoing_access import NEVER, UNDONE, AccessUndoing
from objapi.security.user_history import user_event
from objapi.store.requests import INHERIT, AccessEvent, BatchFailed, ByPath, Outcome, UpdateItem
from objapi.store.schema import local_roles, requests
from objapi.store.trail.reading import KINDS
from objapi.store.transaction import Transaction
from tests.objapi.security.test_administration import ROLES, made
from tests.objapi.store.workshop import Gateway

Work = Callable[[UserAdministration], object]
MAY_UNDO = "  'objapi: Undo requests': {acquire: false, roles: [Manager, Maker, Auditor]}\n"


@pytest.fixture(scope="module")
def gateway(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """The workshop of the store's tests, whose Makers may manage users, with a team."""
    for gateway in made(module_database_url, tmp_path_factory.mktemp("undoing"), ROLES + MAY_UNDO):
        for team in ("one", "two", "three"):
            gateway.create("boss", "Team", "/", title=team, id=team)
        yield gateway


def last_request(gateway: Gateway) -> str:
    newest = sa.select(requests.c.request_id).order_by(requests.c.id.desc()).limit(1)
    return gateway.site.transact(lambda connection: connection.scalars(newest).one(), write=False)


def administered(gateway: Gateway, work: Work, actor: str = "boss") -> str:
    """Change users; the id of the request."""
    gateway.run(actor, lambda tx: work(UserAdministration(tx)), write=True)
    return last_request(gateway)


def undo(gateway: Gateway, request: str, user: str = "boss", *, dry_run: bool = False) -> Outcome:
    def work(tx: Transaction) -> Outcome:
        return tx.undo(request, access_of=partial(AccessUndoing, tx, request), dry_run=dry_run)

    try:
        return gateway.run(user, work, write=True)
    except BatchFailed as failed:
        raise combine(failed.outcome.errors) from failed


def rights(gateway: Gateway) -> tuple[object, ...]:
    """Who may do what: all accounts and all local roles."""

    def read(tx: Transaction) -> tuple[object, ...]:
        held = tx.connection.execute(sa.select(local_roles).order_by(*local_roles.columns))
        return [
            (account.id, account.fullname, account.email, account.active, set(account.roles), set(account.groups))
            for account in UserAdministration(tx).accounts()
        ], list(map(tuple, held))

    return gateway.run("boss", read)


def on(path: str, principal: str, *roles: str) -> Grant:
    return Grant(principal, local_roles=roles, on=ByPath(path))


CHANGES: dict[str, tuple[Work | None, Work]] = {
    "roles given": (None, lambda a: a.give(Grant("carl", roles=("Auditor", "Maker"), groups=("Makers",)))),
    "roles taken": (None, lambda a: a.take(Grant("max", roles=("Maker",), groups=("Makers",)))),
    "local roles given": (None, lambda a: a.give(on("/one", "carl", "Auditor", "Client"))),
    "local roles of a group": (None, lambda a: a.give(on("/one", "group:Inspectors", "Auditor"))),
    "local roles taken": (
        lambda a: a.give(on("/two", "mia", "Auditor", "Client")),
        lambda a: a.take(on("/two", "mia", "Auditor")),
    ),
    "both in one request": (
        None,
        lambda a: (a.give(on("/three", "carl", "Client")), a.give(Grant("carl", roles=("Auditor",)))),
    ),
    "given and taken": (None, lambda a: (a.give(on("/one", "anna", "Client")), a.take(on("/one", "anna", "Client")))),
    "a name": (None, lambda a: a.change("anna", fullname="Anna Blue", email="anna@lab.example")),
    "locked out": (None, lambda a: a.set_active("carl", False)),
}  # fmt: skip


@pytest.mark.parametrize("kind", CHANGES)
def test_what_changed_rights_is_taken_back_and_that_again(gateway: Gateway, kind: str) -> None:
    before_that, work = CHANGES[kind]
    if before_that is not None:
        administered(gateway, before_that)
    before = rights(gateway)
    request = administered(gateway, work)
    after = rights(gateway)
    planned = undo(gateway, request, dry_run=True).access
    assert rights(gateway) == after
    done = undo(gateway, request)
    assert (rights(gateway), done.access) == (before, planned)
    taken_back = last_request(gateway)
    if done.access:
        with pytest.raises(Conflict, match="changed since"):
            undo(gateway, request)
        undo(gateway, taken_back)
        assert rights(gateway) == after
        undo(gateway, last_request(gateway))


def test_objects_and_roles_of_one_request_go_back_together_or_not_at_all(gateway: Gateway) -> None:
    thing = gateway.create("boss", "Team", "/", title="Before", id="both").uid

    def work(tx: Transaction) -> None:
        tx.update([UpdateItem(ByPath("/both"), {"title": "After"})])
        UserAdministration(tx).give(on("/both", "carl", "Client"))

    gateway.run("boss", work, write=True)
    request = last_request(gateway)
    administered(gateway, lambda a: a.give(on("/both", "carl", "Auditor")))
    with pytest.raises(Conflict, match="roles of carl on /Plone/both changed since: Auditor, Client now, Client after"):
        undo(gateway, request)
    assert gateway.read("boss", "/both")["title"] == "After"
    undo(gateway, last_request(gateway))
    outcome = undo(gateway, request)
    assert ([entry.uid for entry in outcome.entries], len(outcome.access)) == ([thing], 1)
    assert gateway.read("boss", "/both")["title"] == "Before"


def test_who_may_not_change_rights_takes_none_back(gateway: Gateway) -> None:
    """Makers manage users and may undo here, an Auditor may undo alone."""
    local = administered(gateway, lambda a: a.give(on("/one", "carl", "Owner")))
    with pytest.raises(Forbidden, match="put back on /Plone/one the role Owner"):
        undo(gateway, local, "max")
    role = administered(gateway, lambda a: a.give(Grant("carl", roles=("Manager",))))
    with pytest.raises(Forbidden, match="Manager"):
        undo(gateway, role, "max")
    with pytest.raises(Forbidden):
        undo(gateway, local, "anna")
    # Who does not see users is told of none.
    with pytest.raises(NotFound) as hidden:
        undo(gateway, role, "anna")
    with pytest.raises(NotFound) as unknown:
        undo(gateway, "f" * len(role), "anna")
    assert hidden.value.message.replace(role, "") == unknown.value.message.replace("f" * len(role), "")
    undo(gateway, role)
    undo(gateway, local)


def test_the_last_manager_stays(gateway: Gateway) -> None:
    request = administered(gateway, lambda a: a.give(Grant("carl", roles=("Manager",))))
    administered(gateway, lambda a: a.take(Grant("boss", roles=("Manager",))), "carl")
    with pytest.raises(Conflict, match="last active user"):
        undo(gateway, request, "carl")
    administered(gateway, lambda a: a.give(Grant("boss", roles=("Manager",))), "carl")
    undo(gateway, request)


def test_what_is_never_undone_says_what_to_do_instead(gateway: Gateway) -> None:
    """Each kind of entry is one of an object, taken back, or refused with a remedy."""
    assert set(OBJECT_EVENTS) | {INHERIT} | UNDONE | NEVER.keys() == set(KINDS)
    for kind, remedy in NEVER.items():
        event: AccessEvent = user_event("Plone", "anna", kind, {})
        gateway.run("boss", lambda tx, event=event: tx.record(event), write=True)  # type: ignore[misc]
        with pytest.raises(Conflict) as refused:
            undo(gateway, last_request(gateway))
        assert refused.value.message == f"/Plone/@@users/anna: {remedy} ({kind})."
        assert [cause.code for cause in refused.value.causes] == ["access"]


def test_roles_on_many_objects_cost_as_many_statements_as_on_few(gateway: Gateway) -> None:
    def statements(users: tuple[str, ...]) -> int:
        request = administered(gateway, lambda a: [a.give(on("/two", user, "Client")) for user in users])
        with gateway.statements.counted() as texts:
            undo(gateway, request)
        return len(texts)

    assert statements(("carl",)) == statements(("carl", "max", "anna", "boss"))
