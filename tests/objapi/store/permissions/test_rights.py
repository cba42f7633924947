"""Who sees and does what: objects, fields, indexes, history and plans."""

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select

from objapi.errors import ApiError, BadRequest, Forbidden, NoApiAccess, NotFound, UnresolvedReference
from objapi.store.requests import ByPath, ByUid, Find, UpdateItem
from objapi.store.schema import entities, scope_tree
from objapi.store.trail.changes import ChangesWanted
from objapi.store.transaction import Transaction
from tests.objapi.store.workshop import Gateway


@pytest.fixture
def thing(workshop: Gateway, team: str, person: str) -> str:
    """A thing with a secret."""
    path = workshop.create("mia", "Thing", team, title="Diary", Maker=person).path
    workshop.update("boss", path, Secret="a cellar full of gold")
    return path


def test_an_object_that_may_not_be_seen_is_not_there(workshop: Gateway, thing: str) -> None:
    uid = workshop.uid(thing)
    for selector in (ByUid(uid), ByPath(thing)):
        with pytest.raises(NotFound):
            workshop.run("olga", lambda tx, selector=selector: tx.entity(selector))
        with pytest.raises(NotFound):
            workshop.run(
                "olga", lambda tx, selector=selector: tx.update([UpdateItem(selector, {"Count": 1})]), write=True
            )
    with pytest.raises(NotFound):
        workshop.remove("olga", uid)
    assert workshop.total("olga", {"path": thing}) == 0


def test_a_scoped_role_counts_beside_a_local_role_only(workshop: Gateway, team: str, thing: str) -> None:
    assert workshop.total("cleo", {"path": thing}) == 0
    workshop.grant_local_roles(team.removeprefix("/Plone"), "cleo", ["Owner"])
    assert workshop.total("cleo", {"path": thing}) == 1
    assert workshop.total("carl", {"path": thing}) == 0
    assert {item["path"] for item in workshop.find("cleo", {"portal_type": "Thing"})} == {thing}


def test_local_roles_on_an_object_that_was_no_scope(workshop: Gateway, team: str, person: str) -> None:
    box = workshop.create("boss", "Box", team, title="Box").path
    inside = workshop.create("boss", "Thing", box, title="Inside", Maker=person).path
    part = workshop.create("boss", "Part", inside, Kind="part").path
    beside = workshop.create("boss", "Thing", team, title="Beside", Maker=person).path
    workshop.grant_local_roles(part.removeprefix("/Plone"), "carl", ["Owner"])
    assert {item["path"] for item in workshop.find("carl", {"path": team})} == {part}
    workshop.grant_local_roles(box.removeprefix("/Plone"), "carl", ["Owner"])
    workshop.grant_local_roles(box.removeprefix("/Plone"), "carl", ["Owner"])
    assert {item["path"] for item in workshop.find("carl", {"path": team})} == {box, inside, part}
    later = workshop.create("boss", "Thing", box, title="Later", Maker=person).path
    assert workshop.total("carl", {"path": later}) == 1
    workshop.grant_local_roles(team.removeprefix("/Plone"), "carl", ["Owner"])
    assert workshop.total("carl", {"path": beside}) == 1
    rids = {}
    with workshop.site.engine.connect() as connection:
        for path in (team, box, part):
            rids[path] = connection.scalar(select(entities.c.rid).where(entities.c.path == path))
        below = set(connection.scalars(select(scope_tree.c.scope).where(scope_tree.c.ancestor == rids[team])))
        assert below == set(rids.values())
        below = set(connection.scalars(select(scope_tree.c.scope).where(scope_tree.c.ancestor == rids[box])))
        assert below == {rids[box], rids[part]}
    workshop.assert_settled()
    with pytest.raises(NotFound):
        workshop.grant_local_roles("/nowhere", "carl", ["Owner"])


def test_a_restricted_field_is_in_no_answer(workshop: Gateway, thing: str) -> None:
    for user, seen in (("boss", True), ("mia", False), ("anna", False)):
        for options in ({}, {"include_fields": ("Secret", "SecretLength", "Secret_uid", "id")}, {"expand": ("Owner",)}):
            read = workshop.read(user, thing, **options)
            assert ("Secret" in read, "SecretLength" in read) == (seen, seen), (user, options)
            assert "gold" not in str(read) or seen


def test_an_index_on_a_restricted_field_is_an_unknown_name(workshop: Gateway, thing: str) -> None:
    criteria = {"Secret": "a cellar full of gold"}
    assert workshop.total("boss", criteria) >= 1
    found = workshop.run("mia", lambda tx: tx.find(Find({**criteria, "path": thing})))
    assert found.total == 1
    assert any("Secret" in warning for warning in found.warnings)
    with pytest.raises(BadRequest, match="Secret"):
        workshop.run("mia", lambda tx: tx.find(Find(criteria, strict=True)))
    with pytest.raises(BadRequest):
        workshop.run("mia", lambda tx: tx.find(Find({}, sort_on="Secret")))


@pytest.mark.parametrize(
    ("criteria", "options"),
    [
        ({"{name}": "gold"}, {}),
        ({"{name}": "gold"}, {"strict": True}),
        ({"{name}_not": "gold"}, {}),
        ({"{name}.query": "gold"}, {}),
        ({}, {"sort_on": "{name}"}),
        ({}, {"sort_on": ("id", "{name}"), "sort_order": "descending"}),
        ({}, {"facets": ("{name}",)}),
        ({}, {"facets": ("{name}",), "count_only": True}),
    ],
)
def test_a_restricted_index_is_answered_as_one_that_there_is_not(
    workshop: Gateway, thing: str, criteria: dict[str, Any], options: dict[str, Any]
) -> None:
    def answer(name: str) -> str:
        def named(value: Any) -> Any:
            if isinstance(value, tuple):
                return tuple(map(named, value))
            return value.format(name=name) if isinstance(value, str) else value

        asked = {named(key): value for key, value in criteria.items()}
        find = Find({**asked, "path": thing}, **{key: named(value) for key, value in options.items()})
        try:
            found = workshop.run("mia", lambda tx: tx.find(find))
        except ApiError as error:
            return without(name, type(error).__name__, error.message, *(cause.message for cause in error.causes))
        return without(name, str(found.total), *found.warnings, *found.facets)

    assert answer("Secret") == answer("Qqqqqq")


def without(name: str, *texts: str) -> str:
    """Texts without a name, and without the one that it may be a slip of."""
    return "\n".join(texts).replace(name, "").replace(", did you mean 'created'?", ".")


def test_a_reference_by_a_restricted_index_is_refused_as_by_none(workshop: Gateway, thing: str) -> None:
    def refusal(name: str) -> str:
        with pytest.raises(UnresolvedReference) as refused:
            workshop.update("mia", thing, Goes=f"portal_type:Thing|{name}:gold")
        return without(name, str(refused.value))

    assert refusal("Secret") == refusal("Qqqqqq")


def test_a_restricted_index_shows_rows_only_where_its_values_may_be_read(
    workshop: Gateway, team: str, person: str
) -> None:
    other = workshop.create("boss", "Team", "/", title=f"Beside {team}").path
    paths = []
    for place in (team, other):
        path = workshop.create("boss", "Thing", place, title="Note", Maker=person).path
        workshop.update("boss", path, Secret=f"of {team}")
        paths.append(path)
    workshop.grant_local_roles(team.removeprefix("/Plone"), "max", ["Owner"])
    assert workshop.total("max", {"path": paths[1]}) == 1
    found = workshop.find("max", {"Secret": f"of {team}"})
    assert [item["path"] for item in found] == [paths[0]]
    ordered = workshop.find("max", {"portal_type": "Thing"}, sort_on="Secret")
    assert paths[0] in {item["path"] for item in ordered}
    assert paths[1] not in {item["path"] for item in ordered}


def test_metadata_made_of_restricted_values_is_as_restricted(workshop: Gateway, team: str, thing: str) -> None:
    assert workshop.read("boss", team)["secrets"] == ["a cellar full of gold"]
    for options in ({}, {"include_fields": ("secrets",)}):
        assert "secrets" not in workshop.read("mia", team, **options)


def test_plans_show_no_restricted_field(workshop: Gateway, thing: str) -> None:
    item = UpdateItem(ByPath(thing), {"Secret": "silver", "Count": 3})
    plan = workshop.update_all("boss", [item], dry_run=True).plan
    assert {change.field for change in plan.changes[0].fields} == {"Secret", "Count"}
    plan = workshop.remove("mia", workshop.uid(thing), dry_run=True).plan
    assert "gold" not in str(plan)


def test_history_needs_a_permission_and_hides_restricted_fields(workshop: Gateway, thing: str) -> None:
    with pytest.raises(Forbidden):
        workshop.history("mia", ByPath(thing))
    told = [row["changes"] for row in workshop.history("anna", ByPath(thing)).rows]
    assert "Secret" not in str(told)
    told = [row["changes"] for row in workshop.history("boss", ByPath(thing)).rows]
    assert {"old": None, "new": "a cellar full of gold"} in [change.get("Secret") for change in told]


def test_history_of_what_is_gone_is_as_restricted(workshop: Gateway, thing: str) -> None:
    uid = workshop.uid(thing)
    workshop.remove("boss", uid)
    assert "gold" in str(workshop.history("boss", ByUid(uid)).rows)
    assert "gold" not in str(workshop.history("anna", ByUid(uid)).rows)
    for user, selector in (("mia", ByUid(uid)), ("anna", ByUid("0" * 32)), ("anna", ByPath(thing))):
        with pytest.raises(NotFound):
            workshop.history(user, selector)


def test_the_name_of_what_is_hidden_is_in_no_effect(workshop: Gateway, team: str, thing: str) -> None:
    other = workshop.create("mia", "Thing", team, title="Beside it", Maker=workshop.read("boss", thing)["Maker"]).path
    workshop.update("boss", other, Goes=[f"portal_type:Thing|path:{thing}"])
    workshop.act("boss", "hide", thing)
    asked: list[dict[str, Any]] = [
        {},
        {"expand": ("Goes",)},
        {"reference_titles": True},
        {"include_fields": ("Goes", "title")},
    ]
    told: list[object] = [workshop.read("anna", other, **options) for options in asked]
    told.append(workshop.run("anna", lambda tx: tx.find(Find({"path": team}, facets=("portal_type",)))))
    told += workshop.history("anna", ByPath(other)).rows
    told += workshop.run("anna", lambda tx: tx.changes(ChangesWanted("0", path=team, size=1000))).changes
    told.append(workshop.run("anna", lambda tx: tx.offered([ByPath(other)], explain=True)))
    for work in (lambda tx: tx.entity(ByPath(thing)), lambda tx: tx.former([ByPath(thing)], tx.now)):
        with suppress(NotFound):
            told.append(workshop.run("anna", work))
    # That they see it no more is told as its removal, with its path, to those who saw it before.
    assert workshop.uid(thing) in str(told)
    assert [word for word in ("Diary", thing) if word in str(told).replace(f"'{thing}'", "")] == []


def test_what_a_state_hides_has_no_history_either(workshop: Gateway, thing: str) -> None:
    workshop.act("boss", "hide", thing)
    with pytest.raises(NotFound):
        workshop.history("anna", ByUid(workshop.uid(thing)))


def test_files_are_as_restricted_as_their_object(workshop: Gateway, thing: str) -> None:
    workshop.update("mia", thing, Manual={"filename": "m.txt", "base64": "aGVsbG8=", "content_type": "text/plain"})

    def fetch(tx: Transaction) -> tuple[str, int, bytes]:
        file = tx.file(ByPath(thing), "Manual")
        return file.filename, file.size, b"".join(file.chunks)

    got = workshop.run("anna", fetch)
    assert got == ("m.txt", 5, b"hello")
    assert workshop.read("anna", thing)["Manual"]["size"] == 5
    for user, name in (("olga", "Manual"), ("anna", "Nothing"), ("anna", "title")):
        with pytest.raises(NotFound):
            workshop.run(user, lambda tx, name=name: tx.file(ByPath(thing), name))


def test_permissions_of_the_site(workshop: Gateway) -> None:
    workshop.run("olga", lambda tx: tx.require("BIKA: Access JSON API"))
    with pytest.raises(NoApiAccess):
        workshop.run("olga", lambda tx: tx.require("Publish"))
    assert ("mia", "mia") in workshop.run("boss", lambda tx: tx.users(["Maker"]))
    with pytest.raises(Forbidden):
        workshop.run("cleo", lambda tx: tx.users(["Maker"]))


def test_guards_refuse_with_a_reason_and_states_by_what_they_offer(workshop: Gateway, team: str, person: str) -> None:
    path = workshop.create("mia", "Thing", team, title="Guarded", Maker=person).path
    workshop.create("mia", "Part", path, Kind="raw")
    with pytest.raises(Exception, match="not all parts are done") as refused:
        workshop.act("mia", "finish", path)
    assert refused.value.status == 403
    with pytest.raises(Exception, match="publish") as refused:
        workshop.act("boss", "publish", path)
    assert refused.value.status == 409
    offered = workshop.run("mia", lambda tx: tx.offered([ByPath(path)]))[0]
    assert [name for name, _ in offered.transitions] == ["hide"]
    assert [name for name, _ in offered.refused] == ["finish"]
    listed = workshop.read("mia", path, include_fields=("transitions",))["transitions"]
    assert [item["id"] for item in listed] == ["hide"]


def test_every_change_has_its_row_of_history(workshop: Gateway, team: str, person: str) -> None:
    before = workshop.history_rows()
    path = workshop.create("mia", "Thing", team, title="Told", Maker=person).path
    part = workshop.create("mia", "Part", path, Kind="leg").path
    workshop.update("max", path, Count=4)
    workshop.update("max", path, Count=4)
    workshop.act("mia", "do", part, comment="done by hand")
    rows = workshop.history("boss", ByPath(path)).rows
    assert [(row["event"], row["actor"]) for row in rows] == [
        ("transition", "mia"),
        ("update", "max"),
        ("transition", "mia"),
        ("create", "mia"),
    ]
    assert rows[0]["transition"] == "finish"
    assert rows[0]["changes"] == {"review_state": {"old": "open", "new": "finished"}}
    assert rows[1]["changes"] == {"Count": {"old": None, "new": 4}}
    assert rows[2]["transition"] is None
    assert rows[3]["changes"]["title"] == {"old": None, "new": "Told"}
    assert datetime.fromisoformat(str(rows[0]["time"])) <= datetime.now(UTC)
    own = workshop.history("boss", ByPath(part)).rows
    assert (own[0]["transition"], own[0]["comment"]) == ("do", "done by hand")
    assert workshop.history_rows() - before == 4 + 3
    page = workshop.history("boss", ByPath(path), offset=1, size=2)
    assert (page.total, [row["event"] for row in page.rows]) == (4, ["update", "transition"])


def test_a_cascade_that_sets_a_field_is_told_as_an_update(workshop: Gateway, team: str, person: str) -> None:
    path = workshop.create("mia", "Thing", team, title="Published", Maker=person).path
    workshop.act("mia", "finish", path)
    workshop.act("boss", "publish", path)
    rows = workshop.history("boss", ByPath(path)).rows
    assert {"old": None, "new": "published"} in [row["changes"].get("description") for row in rows]
