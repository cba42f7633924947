"""Answers who may do what: the same as what requests come to, by rule and role, and nothing of what is hidden."""

from collections.abc import Callable

import pytest

from objapi.errors import ApiError, Forbidden, NotFound
from objapi.security.role_origins import RoleOrigins
from objapi.store.access_requests import HasPermission, MayDo, MayStep, ObjectAccess, ObjectRule
from objapi.store.requests import ByPath, CopyItem, CreateItem, MoveItem, UpdateItem
from objapi.store.transaction import Transaction
from tests.objapi.store.workshop import Gateway

RULES = [MayDo(rule.value, rule) for rule in ObjectRule]


@pytest.fixture
def things(workshop: Gateway, team: str, person: str) -> list[str]:
    """An open thing of one part, a hidden one, and one on which olga has a local role."""
    paths = [workshop.create("mia", "Thing", team, title=title, Maker=person).path for title in ("A", "B", "C")]
    for path in paths:
        workshop.create("mia", "Part", path, Kind="leg")
    workshop.act("boss", "hide", paths[1])
    workshop.grant_local_roles(paths[2].removeprefix("/Plone"), "olga", ["Owner"])
    return paths


def access(workshop: Gateway, user: str, *paths: str, questions: list[object] = RULES) -> tuple[ObjectAccess, ...]:
    return workshop.run(user, lambda tx: tx.access([ByPath(path) for path in paths], questions))


def of_other(workshop: Gateway, user: str, path: str, questions: list[object] = RULES) -> ObjectAccess:
    def ask(tx: Transaction) -> ObjectAccess:
        other = workshop.authenticate(user)(tx.connection).principal
        return tx.access([ByPath(path)], questions, other)[0]

    return workshop.run("boss", ask)


def requests_of(path: str) -> dict[ObjectRule, Callable[[Transaction], object]]:
    """A request by each rule, tried by a dry run."""
    at = ByPath(path)
    return {
        ObjectRule.READ_HISTORY: lambda tx: tx.history(at),
        ObjectRule.ADD: lambda tx: tx.create([CreateItem("Part", at, {"Kind": "x"})], dry_run=True),
        ObjectRule.WRITE: lambda tx: tx.update([UpdateItem(at, {"Count": 7})], dry_run=True),
        ObjectRule.REMOVE: lambda tx: tx.remove([tx.entity(at).uid], dry_run=True),
        ObjectRule.COPY: lambda tx: tx.copy([CopyItem(at, values={"title": "Other"})], dry_run=True),
        ObjectRule.MOVE: lambda tx: tx.move([MoveItem(at, id="renamed")], dry_run=True),
    }


def test_answers_are_what_requests_come_to(workshop: Gateway, things: list[str]) -> None:
    told = set()
    for user in ("boss", "mia", "anna", "olga"):
        for path in things:
            try:
                (found,) = access(workshop, user, path)
            except NotFound:
                assert user in ("anna", "olga")
                continue
            allowed = {verdict.asked: verdict.allowed for verdict in found.verdicts}
            for rule, attempt in requests_of(path).items():
                try:
                    workshop.run(user, attempt)
                except ApiError:
                    assert not allowed[rule], (user, path, rule)
                else:
                    assert allowed[rule], (user, path, rule)
                told.add((rule, allowed[rule]))
            offered = workshop.run(user, lambda tx, path=path: tx.offered([ByPath(path)]))[0].transitions
            assert allowed[ObjectRule.STEP] is bool(offered)
            assert of_other(workshop, user, path).verdicts[0].allowed
    assert len(told) == 2 * len(requests_of("")), "each rule lets some through and holds others back"


def test_an_answer_names_the_setting_and_the_roles_that_decide(workshop: Gateway, things: list[str]) -> None:
    (found,) = access(workshop, "mia", things[1])
    write = next(item for item in found.verdicts if item.asked == ObjectRule.WRITE)
    modify = next(item for item in write.permissions if item.permission == "Modify portal content")
    assert (write.allowed, modify.held, modify.by, modify.roles) == (False, False, (), ("Manager",))
    assert [(source.origin, source.path, source.state) for source in modify.sources] == [("state", things[1], "hidden")]
    assert "Count" in modify.subjects
    questions = [MayStep("hide"), MayStep("finish"), MayStep("show")]
    hide, finish, show = access(workshop, "mia", things[0], questions=questions)[0].verdicts
    assert (hide.allowed, hide.permissions[0].by) == (True, ("Maker",))
    assert (finish.allowed, finish.reasons) == (False, ("not all parts are done.",))
    assert (show.allowed, show.reasons) == (False, ("Its state (review_state open) does not offer show.",))


def test_each_role_tells_where_it_comes_from(workshop: Gateway, things: list[str]) -> None:
    def origins(tx: Transaction) -> list[tuple[object, ...]]:
        return RoleOrigins(tx, tx.user).of(tx.access([ByPath(things[2])], RULES))

    part = f"{things[2]}/{things[2].rpartition('/')[2]}-P01"
    for user, expected in (
        ("boss", [("Authenticated", "login", "", True), ("Manager", "user", "", True)]),
        ("mia", [("Authenticated", "login", "", True), ("Maker", "group", "", True)]),
        ("olga", [("Authenticated", "login", "", True), ("Owner", "local", things[2], True)]),
    ):
        found = workshop.run(user, origins)[0]
        assert [(item.role, item.origin, item.path, item.counts) for item in found] == expected
    workshop.grant_local_roles(part.removeprefix("/Plone"), "group:Clients", ["Client"])
    found = workshop.run("cleo", lambda tx: RoleOrigins(tx, tx.user).of(tx.access([ByPath(part)], RULES)))[0]
    assert ("Client", "local", "Clients", True) in [(item.role, item.origin, item.group, item.counts) for item in found]


def test_what_the_asker_or_the_user_does_not_see_is_not_told(workshop: Gateway, things: list[str]) -> None:
    part = f"{things[1]}/{things[1].rpartition('/')[2]}-P01"
    workshop.grant_local_roles(part.removeprefix("/Plone"), "olga", ["Maker"])
    (found,) = access(workshop, "olga", part)
    (view,) = found.verdicts[0].permissions
    assert [(source.origin, source.path, source.state) for source in view.sources] == [("object", "", "")]
    assert things[1] not in str(found).replace(part, "")
    with pytest.raises(NotFound):
        access(workshop, "olga", things[1])
    unseen = of_other(workshop, "carl", things[0])
    assert not any(verdict.allowed for verdict in unseen.verdicts)


def test_many_objects_cost_the_same_statements(workshop: Gateway, team: str, person: str) -> None:
    paths = [workshop.create("mia", "Thing", team, title=f"T{number}", Maker=person).path for number in range(12)]
    for path in paths:
        workshop.create("mia", "Part", path, Kind="leg")
    counts = set()
    for many in (3, 12):
        selectors = [ByPath(path) for path in paths[:many]]

        def ask(tx: Transaction, selectors: list[ByPath] = selectors) -> None:
            other = workshop.authenticate("olga")(tx.connection).principal
            for user in (None, other):
                found = tx.access(selectors, [*RULES, MayStep("finish")], user)
                RoleOrigins(tx, user or tx.user).of(found)

        with workshop.statements.counted() as statements:
            workshop.run("mia", ask)
        counts.add(len(statements))
    assert len(counts) == 1, counts


def test_a_permission_of_the_site_is_asked_on_its_root(workshop: Gateway, things: list[str]) -> None:
    question = HasPermission("publish", "Publish", on_site=True)
    for user, held in (("boss", True), ("mia", False)):
        assert access(workshop, user, things[0], questions=[question])[0].verdicts[0].allowed is held
    with pytest.raises(Forbidden):
        workshop.run("mia", lambda tx: tx.require_on_site("Publish"))
