"""Rows of tables that are there already are written as any other objects are, whoever else writes them."""

from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa

from objapi import upkeep
from objapi.errors import (
    ApiError,
    Conflict,
    Forbidden,
    NotFound,
    ReferenceInUse,
    TransitionNotAllowed,
    UnresolvedReference,
    ValidationError,
)
from objapi.model.types import NaturalKey
from objapi.store.mapped.schema import row_states
from objapi.store.requests import ByCriteria, ByPath, ByUid, CopyItem, CreateItem, Find, MoveItem, UpdateItem
from tests.objapi.store.mapped.conftest import StoreRoom
from tests.objapi.store.mapped.stock import Article, Supplier, Watch
from tests.objapi.store.workshop import quietly

WALL_CLOCK = datetime(2026, 4, 1, 9, 15)  # noqa: DTZ001 - as the table holds it


def article(room: StoreRoom, key: int) -> dict[str, Any]:
    return next(dict(row) for row in room.other.rows(Article) if row["articleId"] == key)


# Creating


def test_new_rows_refer_to_new_rows_of_the_same_request(room: StoreRoom) -> None:
    items = [
        CreateItem("Article", None, {"Supplier": {"ref": "new"}, "code": "N1"}),
        CreateItem("Supplier", None, {"name": "New", "login": "kim"}, name="new"),
    ]
    article_made, supplier = room.gateway.create_all("boss", items).entries
    assert (supplier.path, supplier.uid) == ("/Plone/stock/Supplier/3", room.gateway.uid("/stock/Supplier/3"))
    assert article(room, int(article_made.id))["supplierId"] == int(supplier.id)


def test_rows_that_criteria_find_are_changed_and_removed(room: StoreRoom) -> None:
    find = Find({"portal_type": "Article", "code": ["SX", "TX"]}, size=0)
    outcome = room.gateway.run("boss", lambda tx: tx.update_found(find, {"number": "55"}), write=True)
    assert [(entry.path, entry.updated) for entry in outcome.entries] == [
        ("/Plone/stock/Article/3", ("number",)),
        ("/Plone/stock/Article/4", ("number",)),
    ]
    assert [row["number"] for row in room.other.rows(Article)] == [7, 30, 55, 55]
    one = Find({"portal_type": "Article", "code": "TX"}, size=0)
    plan_hash = room.gateway.run("boss", lambda tx: tx.remove_found(one, dry_run=True)).plan_hash
    room.other.execute(sa.update(Article).where(Article.c.articleId == 4).values(number=56))
    with pytest.raises(Conflict, match="Nothing was removed"):
        room.gateway.run("boss", lambda tx: tx.remove_found(one, plan_hash=plan_hash), write=True)
    plan_hash = room.gateway.run("boss", lambda tx: tx.remove_found(one, dry_run=True)).plan_hash
    room.gateway.run("boss", lambda tx: tx.remove_found(one, plan_hash=plan_hash), write=True)
    assert [row["articleId"] for row in room.other.rows(Article)] == [1, 2, 3]


def test_rows_are_created_or_changed_by_natural_keys(room: StoreRoom) -> None:
    login, code = NaturalKey(("login",)), NaturalKey(("code",), "Supplier")
    items = [
        CreateItem("Supplier", None, {"login": "BOLTS", "name": "Bolts"}, key=login),
        CreateItem("Supplier", None, {"login": "nuts", "name": "Nuts"}, name="nuts", key=login),
        CreateItem(
            "Article", None, {"Supplier": "portal_type:Supplier|login:bolts", "code": "TX", "number": 9}, key=code
        ),
        CreateItem("Article", None, {"Supplier": {"ref": "nuts"}, "code": "TX"}, key=code),
    ]
    entries = room.gateway.create_all("boss", items).entries
    assert [(entry.created, entry.id) for entry in entries] == [(False, "2"), (True, "3"), (False, "4"), (True, "5")]
    assert (article(room, 4)["number"], article(room, 5)["supplierId"]) == (9, 3)
    assert [row["name"] for row in room.other.rows(Supplier)] == ["Acme", "Bolts", "Nuts"]
    again = {"Supplier": "portal_type:Supplier|login:bolts", "code": "tx"}
    for write in (
        lambda: room.gateway.create_all("boss", [CreateItem("Article", None, again)]),
        lambda: room.gateway.update("boss", entries[3].path, Supplier=again["Supplier"]),
    ):
        with pytest.raises(ValidationError, match=f"that of {entries[2].path}; choose another value"):
            write()
    twins = CreateItem("Article", None, {"Supplier": "portal_type:Supplier|login:acme", "code": "Mx"}, key=code)
    with pytest.raises(Conflict, match="code 'mx' is that of 2 objects"):
        room.gateway.create_all("boss", [twins])


def test_rows_that_one_may_not_see_are_not_told_by_their_keys(room: StoreRoom) -> None:
    code = NaturalKey(("code",), "Supplier")
    sent = {"Supplier": "portal_type:Supplier|login:bolts", "number": 1}
    refusals = []
    for word in ("TX", "QX"):
        with pytest.raises(ApiError) as refused:
            room.gateway.create_all("acme", [CreateItem("Article", None, {**sent, "code": word}, key=code)])
        refusals.append(str(refused.value))
    assert refusals[0] == refusals[1]


def test_a_key_made_of_a_new_row_is_asked_for_in_a_call_of_its_own(room: StoreRoom) -> None:
    items = [
        CreateItem("Watch", None, {"Article": "portal_type:Article|code:TX", "Supplier": {"ref": "new"}}),
        CreateItem("Supplier", None, {"name": "New"}, name="new"),
    ]
    with pytest.raises(ValidationError, match="Supplier: the row that it names gets its key when it is written"):
        room.gateway.create_all("boss", items)
    assert len(room.other.rows(Supplier)) == 2


def test_new_row_gets_the_key_that_the_database_gives(room: StoreRoom) -> None:
    entry = room.gateway.create(
        "kim",
        "Article",
        None,
        Supplier="portal_type:Supplier|login:bolts",
        code="Q1",
        number="17",
        weight="0.5",
        active="0",
        delivered="2026-04-01T11:15:00+02:00",
        grade="B",
    )

    assert (entry.id, entry.path) == ("5", "/Plone/stock/Article/5")
    assert entry.uid == room.gateway.uid("/stock/Article/5")
    found = article(room, 5)
    assert found == {
        "articleId": 5,
        "supplierId": 2,
        "code": "Q1",
        "number": 17,
        "price": None,
        "weight": 0.5,
        "active": 0,
        "delivered": WALL_CLOCK,
        "grade": "B",
    }
    (read,) = room.gateway.find("kim", {"portal_type": "Article", "id": "5"})
    assert (read["UID"], read["version"], read["code"]) == (entry.uid, entry.version, "Q1")


def test_columns_that_are_not_named_are_filled_by_the_database(room: StoreRoom) -> None:
    entry = room.gateway.create("kim", "Article", None, Supplier="name:Acme", code="Q2")
    assert article(room, int(entry.id))["active"] == 1


def test_key_may_be_asked_for_once(room: StoreRoom) -> None:
    assert room.gateway.create("kim", "Supplier", None, id="77", name="Sevens").path == "/Plone/stock/Supplier/77"
    with pytest.raises(Conflict, match="taken"):
        room.gateway.create("kim", "Supplier", None, id="77", name="Again")
    with pytest.raises(ValidationError, match="no key"):
        room.gateway.create("kim", "Supplier", None, id="seven", name="Letters")
    if not room.gateway.site.settings.on_sqlite:
        with pytest.raises(ValidationError, match="obj_id: a whole number from"):
            room.gateway.create("kim", "Supplier", None, id="2147483648", name="Great")


def test_row_with_a_key_of_two_columns_is_known_by_its_values(room: StoreRoom) -> None:
    entry = room.gateway.create("kim", "Watch", "/stock/Watch", Article="code:TX", Supplier="login:acme")
    assert entry.path == "/Plone/stock/Watch/4-1"
    assert [(row["articleId"], row["supplierId"]) for row in room.other.rows(Watch)] == [(3, 1), (4, 1)]
    with pytest.raises(Conflict, match="taken"):
        room.gateway.create("kim", "Watch", None, Article="code:TX", Supplier="login:acme")


def test_many_rows_are_created_by_a_few_statements(room: StoreRoom) -> None:
    items = [CreateItem("Article", None, {"Supplier": "login:acme", "code": f"N{n}"}) for n in range(200)]
    room.gateway.create_all("kim", [CreateItem("Article", None, {"Supplier": "login:acme", "code": "First"})])
    with room.gateway.statements.counted() as statements:
        outcome = room.gateway.create_all("kim", items)
    assert len({entry.id for entry in outcome.entries}) == 200
    # SQLite, which is in the process, promises no order of the keys it gives to many rows.
    inserts = [text for text in statements if text.startswith('INSERT INTO "Article"')]
    assert len(inserts) == (200 if room.gateway.site.settings.on_sqlite else 0)
    assert len(statements) - len(inserts) < 25, statements


def test_dry_run_writes_nothing(room: StoreRoom) -> None:
    before = room.other.rows(Article)
    item = CreateItem("Article", None, {"Supplier": "login:acme", "code": "N"})
    outcome = room.gateway.create_all("kim", [item], dry_run=True)
    assert [change.event for change in outcome.plan.changes] == ["create"]
    assert room.other.rows(Article) == before


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"Supplier": "login:acme"}, "code"),
        ({"code": "N"}, "Supplier"),
        ({"Supplier": "login:nobody", "code": "N"}, "Supplier"),
        ({"Supplier": "login:acme", "code": "N" * 21}, "at most 20 characters"),
        ({"Supplier": "login:acme", "code": "N", "grade": "D"}, "grade"),
        ({"Supplier": "login:acme", "code": "N", "weight": "heavy"}, "weight"),
    ],
)
def test_what_the_table_cannot_take_is_told_before_anything_is_written(
    room: StoreRoom, values: dict[str, Any], expected: str
) -> None:
    before = room.other.rows(Article)
    with pytest.raises(ApiError, match=expected):
        room.gateway.create("kim", "Article", None, **values)
    assert room.other.rows(Article) == before


def test_number_fits_its_column(room: StoreRoom) -> None:
    if room.gateway.site.settings.on_sqlite:
        # Its columns of whole numbers all take 64 bits.
        room.gateway.update("kim", "/stock/Article/1", number=2**31)
        assert article(room, 1)["number"] == 2**31
    else:
        with pytest.raises(ValidationError, match="a whole number from -2147483648 to 2147483647 fits"):
            room.gateway.update("kim", "/stock/Article/1", number=2**31)


def test_field_without_a_column_in_this_database_cannot_be_written(room: StoreRoom) -> None:
    with pytest.raises(ValidationError, match="no such column"):
        room.gateway.update("kim", "/stock/Supplier/1", fax="123")


def test_to_create_needs_the_permission(room: StoreRoom) -> None:
    with pytest.raises(Forbidden):
        room.gateway.create("acme", "Supplier", None, name="Mine")


# Updating


def test_only_changed_columns_are_written(room: StoreRoom) -> None:
    entry = room.gateway.update("kim", "/stock/Article/1", number=8)
    assert entry.updated == ("number",)
    assert article(room, 1) == {
        "articleId": 1,
        "supplierId": 1,
        "code": "MX",
        "number": 8,
        "price": pytest.approx(12.5),
        "weight": 0.25,
        "active": 1,
        "delivered": datetime(2026, 3, 1, 10, 30, 20),  # noqa: DTZ001
        "grade": "A",
    }
    assert room.gateway.find("kim", {"portal_type": "Article", "id": "1"})[0]["version"] == entry.version


def test_every_kind_of_field_can_be_changed_and_emptied(room: StoreRoom) -> None:
    values = {
        "Supplier": "login:bolts",
        "code": "Ü1",
        "number": -4,
        "price": "0.1",
        "weight": 1e-10,
        "active": False,
        "delivered": "2026-04-01 09:15 UTC",
        "grade": "C",
    }
    room.gateway.update("boss", "/stock/Article/2", **values)
    found = article(room, 2)
    assert (found["supplierId"], found["code"], found["number"], float(found["weight"])) == (2, "Ü1", -4, 1e-10)
    assert (float(found["price"]), found["active"], found["delivered"], found["grade"]) == (0.1, 0, WALL_CLOCK, "C")
    room.gateway.update("boss", "/stock/Article/2", number="", price="", weight="", delivered="", grade="")
    emptied = article(room, 2)
    assert [emptied[name] for name in ("number", "price", "weight", "delivered", "grade")] == [None] * 5


def test_objects_are_selected_by_uid_and_by_their_columns(room: StoreRoom) -> None:
    uid = room.gateway.uid("/stock/Article/3")
    selectors = [ByUid(uid), ByCriteria("Article", {"code": "tx"})]
    outcome = room.gateway.update_all("kim", [UpdateItem(selector, {"number": 99}) for selector in selectors])
    assert [entry.id for entry in outcome.entries] == ["3", "4"]
    assert [row["number"] for row in room.other.rows(Article)] == [7, 30, 99, 99]


def test_one_mistake_keeps_all_of_a_batch_from_being_written(room: StoreRoom) -> None:
    before = room.other.rows(Article)
    items = [
        UpdateItem(ByPath("/stock/Article/1"), {"number": 1}),
        UpdateItem(ByPath("/stock/Article/2"), {"code": "N" * 21}),
    ]
    with pytest.raises(ValidationError):
        room.gateway.update_all("kim", items)
    assert room.other.rows(Article) == before
    outcome = room.gateway.update_all("kim", items, partial=True)
    assert [entry.error is None for entry in outcome.entries] == [True, False]
    assert article(room, 1)["number"] == 1


def test_many_rows_are_changed_by_a_few_statements(room: StoreRoom) -> None:
    room.other.insert(Article, *({"supplierId": 1, "code": f"N{n}"} for n in range(300)))
    rows = [row for row in room.other.rows(Article) if row["code"].startswith("N")]
    items = [
        UpdateItem(
            ByPath(f"/stock/Article/{row['articleId']}"), {"number": row["articleId"], "Supplier": "login:bolts"}
        )
        for row in rows
    ]
    with room.gateway.statements.counted() as statements:
        room.gateway.update_all("kim", items)
    assert len(statements) < 25, statements
    changed = [row for row in room.other.rows(Article) if row["code"].startswith("N")]
    assert all(row["number"] == row["articleId"] and row["supplierId"] == 2 for row in changed)


def test_version_stands_for_the_columns(room: StoreRoom) -> None:
    (seen,) = room.gateway.find("kim", {"portal_type": "Article", "id": "1"})
    room.other.execute(sa.update(Article).where(Article.c.articleId == 1).values(code="XX"))
    with pytest.raises(Conflict, match="version"):
        room.gateway.update("kim", "/stock/Article/1", version=seen["version"], number=1)
    (seen,) = room.gateway.find("kim", {"portal_type": "Article", "id": "1"})
    room.gateway.update("kim", "/stock/Article/1", version=seen["version"], number=1)
    assert article(room, 1)["number"] == 1


def test_nobody_writes_a_row_that_he_does_not_see(room: StoreRoom) -> None:
    with pytest.raises(NotFound):
        room.gateway.update("olga", "/stock/Article/1", number=1)
    with pytest.raises(Forbidden):
        room.gateway.update("acme", "/stock/Article/1", number=1)


def test_nobody_hides_a_row_from_themselves(room: StoreRoom) -> None:
    room.other.execute(sa.insert(Supplier).values(name="Sid & Co", login="sid"))
    entry = room.gateway.create("sid", "Article", None, Supplier="login:sid", code="S")
    theirs = room.gateway.find("kim", {"portal_type": "Supplier", "login": "acme"})[0]["UID"]
    with pytest.raises(Forbidden) as refusal:
        room.gateway.update("sid", entry.path, Supplier=theirs)
    assert str(refusal.value) == (
        f"After this change you could not see {entry.path} yourself. Point it at one of your own objects, or ask "
        "someone with the permission ‹See all articles›."
    )


def test_reference_that_nothing_matches_is_refused(room: StoreRoom) -> None:
    with pytest.raises(UnresolvedReference):
        room.gateway.update("kim", "/stock/Article/1", Supplier="portal_type:Supplier|login:nobody")


# Copying and moving


def test_rows_are_neither_copied_nor_moved(room: StoreRoom) -> None:
    before = room.other.rows(Article)
    copies, moves = [CopyItem(ByPath("/stock/Article/4"))], [MoveItem(ByPath("/stock/Article/4"), None, "9")]
    for work in (lambda tx: tx.copy(copies), lambda tx: tx.move(moves)):
        with pytest.raises(ValidationError, match="/stock/Article/4 is a row of a table"):
            room.gateway.run("boss", work, write=True)
    assert room.other.rows(Article) == before


# Removing


def test_removed_rows_are_gone_from_the_table(room: StoreRoom) -> None:
    room.gateway.remove("kim", room.gateway.uid("/stock/Article/4"), room.gateway.uid("/stock/Watch/3-1"))
    assert [row["articleId"] for row in room.other.rows(Article)] == [1, 2, 3]
    assert room.other.rows(Watch) == []


def test_row_that_others_refer_to_stays(room: StoreRoom) -> None:
    with pytest.raises(ReferenceInUse, match="/Plone/stock/Watch/3-1"):
        room.gateway.remove("kim", room.gateway.uid("/stock/Article/3"))
    with pytest.raises(ReferenceInUse):
        room.gateway.remove("kim", room.gateway.uid("/stock/Supplier/2"), break_references=True)
    assert len(room.other.rows(Supplier)) == 2


def test_rows_may_go_together_with_those_that_refer_to_them(room: StoreRoom) -> None:
    paths = ("/stock/Supplier/2", "/stock/Article/3", "/stock/Article/4", "/stock/Watch/3-1")
    room.gateway.remove("boss", *(room.gateway.uid(path) for path in paths))
    assert [row["supplierId"] for row in room.other.rows(Supplier)] == [1]


def test_reference_of_a_table_that_is_no_type_keeps_a_row(room: StoreRoom) -> None:
    other = sa.Table(
        "Shelf",
        sa.MetaData(),
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("articleId", sa.Integer, sa.ForeignKey(Article.c.articleId)),
        mysql_engine="InnoDB",
    )
    room.other.execute(sa.schema.CreateTable(other))
    room.other.execute(sa.insert(other).values(id=1, articleId=4))
    with pytest.raises(ReferenceInUse):
        room.gateway.remove("kim", room.gateway.uid("/stock/Article/4"))


# Workflow


def states(room: StoreRoom, user: str = "boss") -> dict[str, str]:
    return {item["id"]: item["review_state"] for item in room.gateway.find(user, {"portal_type": "Article"})}


def test_state_is_kept_beside_the_row(room: StoreRoom) -> None:
    before = room.other.rows(Article)
    outcome = room.gateway.act("kim", "sell", "/stock/Article/2", "/stock/Article/3", comment="gone")
    assert [entry.states for entry in outcome.entries] == [{"review_state": "sold"}] * 2
    assert states(room) == {"1": "open", "2": "sold", "3": "sold", "4": "open"}
    assert room.other.rows(Article) == before
    found = room.gateway.find("boss", {"portal_type": "Article", "review_state": "sold"})
    assert [item["id"] for item in found] == ["2", "3"]
    ordered = room.gateway.find("boss", {"portal_type": "Article"}, sort_on="review_state", sort_order="reverse")
    assert [item["id"] for item in ordered] == ["3", "2", "4", "1"]


def test_transition_that_the_state_does_not_offer_is_refused(room: StoreRoom) -> None:
    room.gateway.act("kim", "sell", "/stock/Article/2")
    with pytest.raises(TransitionNotAllowed):
        room.gateway.act("kim", "sell", "/stock/Article/2")
    with pytest.raises(TransitionNotAllowed):
        room.gateway.act("acme", "sell", "/stock/Article/1")


def test_transition_changes_the_version(room: StoreRoom) -> None:
    (before,) = room.gateway.find("kim", {"portal_type": "Article", "id": "1"})
    room.gateway.act("kim", "sell", "/stock/Article/1")
    (after,) = room.gateway.find("kim", {"portal_type": "Article", "id": "1"})
    assert after["version"] != before["version"]


def test_permissions_of_a_state_hold_for_the_row_alone(room: StoreRoom) -> None:
    room.gateway.act("kim", "hide", "/stock/Article/2")
    assert states(room, "kim") == {"1": "open", "3": "open", "4": "open"}
    assert states(room)["2"] == "hidden"
    assert room.gateway.total("kim", {"portal_type": "Article"}) == 3
    with pytest.raises(NotFound):
        room.gateway.update("kim", "/stock/Article/2", number=1)
    room.gateway.act("boss", "show", "/stock/Article/2")
    assert states(room, "kim")["2"] == "open"


def test_row_is_kept_in_a_state_that_forbids_removal(room: StoreRoom) -> None:
    room.gateway.act("kim", "sell", "/stock/Article/4")
    with pytest.raises(Conflict, match="stays"):
        room.gateway.remove("kim", room.gateway.uid("/stock/Article/4"))


def test_new_row_begins_in_the_initial_state(room: StoreRoom) -> None:
    entry = room.gateway.create("kim", "Article", None, Supplier="login:acme", code="N")
    assert entry.states == {"review_state": "open"}
    room.gateway.act("kim", "sell", entry.path)
    assert states(room)[entry.id] == "sold"


# History


def test_history_tells_what_happened_to_a_row(room: StoreRoom) -> None:
    entry = room.gateway.create("kim", "Article", None, Supplier="login:acme", code="N")
    room.gateway.update("kim", entry.path, number=3)
    room.gateway.act("kim", "sell", entry.path, comment="at last")
    room.gateway.act("kim", "hide", "/stock/Article/1")

    rows = room.gateway.history("boss", ByPath(entry.path)).rows
    assert [row["event"] for row in rows] == ["transition", "update", "transition", "create"]
    assert rows[1]["changes"] == {"number": {"old": None, "new": 3}}
    assert (rows[0]["comment"], rows[0]["actor"], rows[0]["UID"]) == ("at last", "kim", entry.uid)
    with pytest.raises(Forbidden):
        room.gateway.history("kim", ByPath(entry.path))


def test_history_of_a_removed_row_is_read_by_its_uid(room: StoreRoom) -> None:
    uid = room.gateway.uid("/stock/Article/4")
    room.gateway.remove("kim", uid)
    (row,) = room.gateway.history("boss", ByUid(uid)).rows
    assert (row["event"], row["changes"]["code"]) == ("remove", {"old": "TX", "new": None})


def test_permissions_that_are_declared_anew_hold_for_rows_that_were_moved(room: StoreRoom) -> None:
    room.gateway.act("kim", "hide", "/stock/Article/2")
    room.gateway.site.transact(lambda own: own.execute(sa.update(row_states).values(acl=1)), write=True)
    upkeep.reindex(room.gateway.site, quietly)
    assert states(room, "kim") == {"1": "open", "3": "open", "4": "open"}
    assert states(room)["2"] == "hidden"


@pytest.mark.parametrize("queries", [["login:ACME"], ["login:ACME", "login:BoltS"], ["login:Acmé", "login:bolts"]])
def test_references_compare_as_the_table_does_alone_and_together(room: StoreRoom, queries: list[str]) -> None:
    items = [CreateItem("Article", None, {"Supplier": query, "code": f"N{n}"}) for n, query in enumerate(queries)]
    if "é" in queries[0] and room.gateway.site.settings.on_sqlite:
        with pytest.raises(ValidationError):
            room.gateway.create_all("kim", items)
        return
    outcome = room.gateway.create_all("kim", items)
    assert [article(room, int(entry.id))["supplierId"] for entry in outcome.entries] == list(range(1, len(queries) + 1))


def test_reference_that_several_rows_match_is_refused_alone_and_together(room: StoreRoom) -> None:
    watch = CreateItem("Watch", None, {"Article": "code:MX", "Supplier": "login:bolts"})
    other = CreateItem("Watch", None, {"Article": "code:TX", "Supplier": "login:bolts"})
    for items in ([watch], [watch, other]):
        with pytest.raises(ValidationError, match="more than one"):
            room.gateway.create_all("kim", items)


def test_a_check_of_the_table_is_told_by_name(room: StoreRoom) -> None:
    if room.other.is_sqlite:
        pytest.skip("SQLite adds no rule to a table that exists")
    room.other.execute(sa.text("ALTER TABLE Article ADD CONSTRAINT not_too_many CHECK (number < 1000)"))
    with pytest.raises(ValidationError, match="not_too_many"):
        room.gateway.update_all("boss", [UpdateItem(ByPath("/stock/Article/1"), {"number": 5000}, None)])
    assert room.other.rows(Article)[0]["number"] == 7


def test_digits_that_a_decimal_has_no_room_for_are_refused_by_name(room: StoreRoom) -> None:
    if room.other.is_sqlite:
        pytest.skip("SQLite has no such bound")
    with pytest.raises(ValidationError, match="price"):
        room.gateway.update_all("boss", [UpdateItem(ByPath("/stock/Article/1"), {"price": "123456789.5"}, None)])
