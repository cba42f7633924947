"""Stored values and states under changed declarations: told before an upgrade, moved where that is declared."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import select, text

from objapi import upkeep
from objapi.security.principals import command_line_user
from objapi.settings import load_settings
from objapi.site import Site
from objapi.site_context import SiteError
from objapi.store.requests import ByPath, ByUid, CreateItem, Find
from objapi.store.schema import entities
from tests.objapi.model.loading.small_profile import write_profile
from tests.objapi.store.workshop import Statements
from tests.ready_sites import initialise

BOOK = """
    Plone Site: {id: {kind: fixed, form: Plone}, catalogs: [portal_catalog]}
    Author:
      containers: [Plone Site]
      catalogs: [portal_catalog]
    Shop:
      containers: [Plone Site]
      catalogs: [portal_catalog]
    Book:
      containers: [Plone Site]
      catalogs: [portal_catalog]
      workflows: [book_workflow]
      fields:
        Language: {kind: string, vocabulary: [en, de, fr]}
        Tags: {kind: lines, vocabulary: [old, rare, new]}
        Grade: {kind: integer, vocabulary: [1, 2, 3]}
        Price: {kind: fixedpoint, precision: 2}
        Pages: {kind: string}
        Maker: {kind: reference, targets: [Author, Shop]}
        Note: {kind: text}
    """
WORKFLOW = """
    workflows:
      book_workflow:
        initial_state: here
        states:
          here: {exits: [lend], permissions: {View: {acquire: false, roles: [Manager]}}}
          lent: {exits: [lose], permissions: {View: {acquire: false, roles: [Authenticated]}}}
          lost: {exits: []}
        transitions: {lend: {to: lent}, lose: {to: lost}}
    """
FILES = {
    "profile.yaml": "title: Library\nextends: [base]\n",
    "types/base.yaml": """
        base_fields:
          title: {kind: string, searchable: true}
        """,
    "types/library.yaml": BOOK,
    "workflows/books.yaml": WORKFLOW,
}


@contextmanager
def _silent(label: str, total: int) -> Iterator[Callable[[int], None]]:
    yield lambda done: None


class Library:
    """The site of a test's database, opened again with other declarations."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder, self.opened = url, folder, list[Site]()
        self.site = self.open({})
        initialise(self.site)

    def open(self, changes: dict[str, str]) -> Site:
        profile = write_profile(self.folder / f"profile-{len(self.opened)}", FILES | changes)
        environment = {"OBJAPI_DATABASE_URL": self.url, "OBJAPI_PROFILES": str(profile)}
        self.opened.append(Site.open(load_settings(environment, {"data_dir": self.folder})))
        return self.opened[-1]

    def make(self, portal_type: str, **values: object) -> str:
        item = CreateItem(portal_type, ByPath("/"), {"title": portal_type, **values})
        made = self.site.run(lambda _: command_line_user(), lambda tx: tx.create([item]), write=True)
        return str(made.entries[0].uid)

    def act(self, action: str, *uids: str) -> None:
        self.site.run(
            lambda _: command_line_user(), lambda tx: tx.transition([ByUid(uid) for uid in uids], action), write=True
        )

    def upgrade(self, changes: dict[str, str], *, dry_run: bool = False) -> tuple[Site, list[str]]:
        site, told = self.open(changes), list[str]()
        upkeep.upgrade(site, _silent, told.extend, dry_run=dry_run)
        return site, told


@pytest.fixture
def library(database_url: str, tmp_path: Path) -> Iterator[Library]:
    found = Library(database_url, tmp_path)
    yield found
    for site in found.opened:
        site.close()


def stored(site: Site, uid: str) -> dict[str, Any]:
    with site.engine.connect() as connection:
        row = connection.execute(select(entities).where(entities.c.uid == uid)).one()
    return {"data": orjson.loads(row.data), "states": orjson.loads(row.states), "answer": row.answer, "acl": row.acl}


def rows(site: Site) -> list[tuple[object, ...]]:
    with site.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(select(entities).order_by(entities.c.rid))]


def history(site: Site, uid: str) -> Sequence[Any]:
    return site.run(lambda _: command_line_user(), lambda tx: tx.history(ByUid(uid)), write=False).rows


@pytest.mark.parametrize(
    ("values", "old", "new", "told"),
    [
        ({"Language": "fr"}, "[en, de, fr]", "[en, de]", "field Language: 1 object: 'fr' is not one of 'en', 'de'"),
        ({"Tags": ["rare", "new"]}, "[old, rare, new]", "[rare]", "field Tags: 1 object: 'new' is not one of 'rare'"),
        ({"Grade": "3"}, "[1, 2, 3]", "[1, 2]", "field Grade: 1 object: '3' is not one of '1', '2'"),
        ({"Price": "1.25"}, "precision: 2", "precision: 1", "field Price: 1 object: at most 1 digits after the point"),
        ({"Pages": "many"}, "Pages: {kind: string}", "Pages: {kind: integer}", "'many' is not stored as a integer is"),
        ({"Pages": "12"}, "Pages: {kind: string}", "Pages: {kind: number}", "'12' is not stored as a number is"),
        (
            {},
            "Note: {kind: text}",
            "Note: {kind: text, required: true}",
            "field Note: 1 object: it is required and has",
        ),
        ({"Note": "gone"}, "        Note: {kind: text}\n", "", "field Note: 1 object: it is not declared any more"),
        ({"Maker": "title:Shop"}, "[Author, Shop]", "[Author]", "field Maker: 1 object: it refers to a Shop, and may"),
        (
            {"Maker": "title:Shop"},
            "targets: [Author, Shop]",
            "targets: [Author, Shop], multi: true",
            "is not stored as a reference to several objects is",
        ),
    ],
)
def test_values_that_no_longer_fit_are_told_and_stay(
    library: Library, values: dict[str, object], old: str, new: str, told: str
) -> None:
    library.make("Shop")
    uid = library.make("Book", **values)
    before = stored(library.site, uid)["data"]
    changed = BOOK.replace(old, new)
    assert changed != BOOK
    _, dry = library.upgrade({"types/library.yaml": changed}, dry_run=True)
    site, lines = library.upgrade({"types/library.yaml": changed})
    assert lines == dry
    assert len(lines) == 1
    assert lines[0].startswith("Book, field ")
    assert told in lines[0]
    assert lines[0].endswith(f"(first: {uid})")
    assert stored(site, uid)["data"] == before


def test_what_fits_is_not_told(library: Library) -> None:
    library.make("Shop")
    library.make("Book", Language="fr", Tags=["rare"], Grade=2, Price="1.50", Pages="12", Maker="title:Shop", Note="x")
    wider = BOOK.replace("precision: 2", "precision: 1").replace("[en, de, fr]", "[en, de, fr, es]")
    assert library.upgrade({"types/library.yaml": wider})[1] == []


def test_values_in_tables_of_an_earlier_version_are_said_not_to_be_looked_at(library: Library) -> None:
    library.make("Book", Language="fr")
    with library.site.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0003'"))
    _, lines = library.upgrade({"types/library.yaml": BOOK.replace("[en, de, fr]", "[en, de]")}, dry_run=True)
    assert len(lines) == 1
    assert lines[0].startswith("The tables are of an earlier version")


def test_objects_are_counted_and_the_first_three_named(library: Library) -> None:
    uids = [library.make("Book", Language="fr") for _ in range(5)]
    _, lines = library.upgrade({"types/library.yaml": BOOK.replace("[en, de, fr]", "[en, de]")}, dry_run=True)
    assert lines == [f"Book, field Language: 5 objects: 'fr' is not one of 'en', 'de' (first: {', '.join(uids[:3])})"]


REMOVED = (
    WORKFLOW.replace("          lost: {exits: []}\n", "").replace(", lose: {to: lost}", "").replace("[lose]", "[]")
)
MOVED = REMOVED.replace("initial_state: here", "initial_state: here\n        moved_states: {lost: lent}")


def test_a_removed_state_with_objects_stops_the_upgrade(library: Library) -> None:
    uid = library.make("Book")
    library.act("lend", uid)
    library.act("lose", uid)
    before = rows(library.site)
    with pytest.raises(SiteError) as refused:
        library.upgrade({"workflows/books.yaml": REMOVED})
    assert "Nothing was changed." in str(refused.value)
    assert "Book, review_state of book_workflow: 1 object: in the state lost" in str(refused.value)
    assert "moved_states: {lost: …}" in str(refused.value)
    assert uid in str(refused.value)
    assert rows(library.site) == before
    upkeep.check_current(library.site)


def test_states_are_moved_as_declared_with_history_and_permissions(library: Library) -> None:
    lost, lent = library.make("Book"), library.make("Book")
    library.act("lend", lost, lent)
    library.act("lose", lost)
    before = rows(library.site)
    site, lines = library.upgrade({"workflows/books.yaml": MOVED}, dry_run=True)
    assert lines == [f"Book, review_state of book_workflow: 1 object: moved from lost to lent (first: {lost})"]
    assert rows(site) == before
    site, _ = library.upgrade({"workflows/books.yaml": MOVED})
    assert stored(site, lost)["states"]["book_workflow"]["status"]["review_state"] == "lent"
    assert '"review_state":"lent"' in stored(site, lost)["answer"]
    assert stored(site, lost)["acl"] == stored(site, lent)["acl"]
    newest = history(site, lost)[0]
    assert (newest["event"], newest["changes"]) == ("transition", {"review_state": {"old": "lost", "new": "lent"}})
    assert newest["comment"]
    assert library.upgrade({"workflows/books.yaml": MOVED})[1] == []


NEW_CATALOG = {
    "types/library.yaml": BOOK.replace(
        "catalogs: [portal_catalog]\n      workflows", "catalogs: [portal_catalog, shelves]\n      workflows"
    ),
    "catalogs/shelves.yaml": """
        shelves:
          indexes:
            review_state: {kind: field}
            pages: {kind: field, sources: {Book: Pages}}
        """,
}


def test_states_are_moved_in_the_upgrade_that_brings_a_catalog(library: Library) -> None:
    lost, other = library.make("Book", Pages="12"), library.make("Book")
    library.act("lend", lost)
    library.act("lose", lost)
    site, _ = library.upgrade({"workflows/books.yaml": MOVED, **NEW_CATALOG})
    shelves = site.context.tables["shelves"]
    wanted = select(entities.c.uid, shelves.column("review_state"), shelves.column("pages"))
    with site.engine.connect() as connection:
        found = connection.execute(wanted.join(shelves.main, shelves.rid == entities.c.rid)).all()
    assert sorted(map(tuple, found)) == sorted([(lost, "lent", "12"), (other, "here", "")])


def test_an_upgrade_lays_out_objects_that_a_new_catalog_follows(library: Library) -> None:
    declared = {
        "types/library.yaml": BOOK.replace(
            "form: Plone}, catalogs: [portal_catalog]", "form: Plone}, catalogs: [sites]"
        ),
        "catalogs/sites.yaml": """
            sites:
              indexes:
                shops: {kind: field, sources: {Plone Site: children(Shop).id}}
            """,
        "layout.yaml": "- {path: /corner, portal_type: Shop, fields: {title: Corner}}\n",
    }
    site, _ = library.upgrade(declared)
    sites = site.context.tables["sites"]
    with site.engine.connect() as connection:
        of_root = (
            select(sites.rid).join(entities, entities.c.rid == sites.rid).where(entities.c.portal_type == "Plone Site")
        )
        assert len(connection.scalars(of_root).all()) == 1


def test_values_are_moved_as_declared_with_history(library: Library) -> None:
    uid = library.make("Book", Language="fr", Tags=["old", "rare"], Grade=3)
    other = library.make("Book", Language="de", Grade=1)
    changed = (
        BOOK.replace("[en, de, fr]", "[en, de], moved_values: {fr: en}")
        .replace("[old, rare, new]", "[rare, new], moved_values: {old: rare}")
        .replace("[1, 2, 3]", "[1, 2], moved_values: {3: 2}")
    )
    site, lines = library.upgrade({"types/library.yaml": changed})
    assert [line.partition(" (first")[0] for line in lines] == [
        "Book, field Grade: 1 object: moved from 3 to 2",
        "Book, field Language: 1 object: moved from 'fr' to 'en'",
        "Book, field Tags: 1 object: moved from ['old', 'rare'] to ['rare']",
    ]
    moved = stored(site, uid)["data"]
    assert (moved["Language"], moved["Tags"], moved["Grade"]) == ("en", ["rare"], 2)
    assert history(site, uid)[0]["changes"]["Grade"] == {"old": 3, "new": 2}
    assert len(history(site, other)) == 2
    assert library.upgrade({"types/library.yaml": changed})[1] == []


def test_a_declared_move_asks_for_the_upgrade(library: Library) -> None:
    with pytest.raises(SiteError, match="objapi upgrade"):
        upkeep.check_current(library.open({"workflows/books.yaml": MOVED}))


def test_another_state_variable_to_count_by_asks_for_the_upgrade(library: Library) -> None:
    indexed = {
        "types/library.yaml": BOOK.replace(
            "Shop:\n      containers: [Plone Site]\n      catalogs: [portal_catalog]",
            "Shop:\n      containers: [Plone Site]\n      catalogs: [shelves]\n"
            "      fields: {loan_state: {kind: string}}",
        ),
        "catalogs/shelves.yaml": "shelves: {indexes: {portal_type: {kind: field}, loan_state: {kind: field}}}\n",
    }
    library.upgrade(indexed)
    changed = {
        **indexed,
        "workflows/books.yaml": WORKFLOW.replace("states:", "state_variable: loan_state\n        states:", 1),
    }
    with pytest.raises(SiteError, match="objapi upgrade"):
        upkeep.check_current(library.open(changed))
    library.site, _ = library.upgrade(changed)
    library.make("Shop", loan_state="open")
    assert library.site.context.tables["shelves"].counted == ("portal_type", "loan_state")


def test_the_number_of_statements_does_not_grow_with_the_objects(library: Library) -> None:
    counts = []
    for number, words in ((20, "[en, de], moved_values: {fr: en}"), (180, "[de], moved_values: {fr: de, en: de}")):
        items = [CreateItem("Book", ByPath("/"), {"title": "Book", "Language": "fr"}) for _ in range(number)]
        library.site.run(lambda _: command_line_user(), lambda tx, made=items: tx.create(made), write=True)
        site = library.open({"types/library.yaml": BOOK.replace("[en, de, fr]", words)})
        # Those that a server would number, the very first among them.
        library.site.number_requests()
        statements = Statements.of(site)
        with statements.counted() as inside:
            upkeep.upgrade(site, _silent)
        counts.append(len(inside))
    assert counts[0] == counts[1]


LOANS = {
    "types/loans.yaml": """
        Loan:
          title_from: reader
          workflows: [book_workflow]
          table: {name: loan, key: loanId, folder: /loans}
          fields:
            reader: {kind: string, required: true}
        """
}


def test_states_of_rows_are_told_and_moved_and_their_values_said_not_to_be(library: Library) -> None:
    with library.site.engine.begin() as connection:
        connection.execute(text("CREATE TABLE loan (loanId INTEGER PRIMARY KEY, reader VARCHAR(20) NOT NULL)"))
        connection.execute(text("INSERT INTO loan (loanId, reader) VALUES (1, 'Ada'), (2, 'Bo'), (3, 'Cy')"))
    library.site = library.upgrade(LOANS)[0]
    lost, lent, gone = (f"/loans/Loan/{number}" for number in (1, 2, 3))

    def act(action: str, *paths: str) -> None:
        selectors = [ByPath(path) for path in paths]
        library.site.run(lambda _: command_line_user(), lambda tx: tx.transition(selectors, action), write=True)

    act("lend", lost, lent, gone)
    act("lose", lost, gone)
    uid = library.site.run(lambda _: command_line_user(), lambda tx: tx.entity(ByPath(lost)).uid, write=False)
    with library.site.engine.begin() as connection:
        connection.execute(text("DELETE FROM loan WHERE loanId = 3"))
    unseen = "Values in tables that other programs write (Loan) were not compared with the declarations."
    with pytest.raises(SiteError) as refused:
        library.upgrade({**LOANS, "workflows/books.yaml": REMOVED})
    assert "Loan, review_state of book_workflow: 2 objects: in the state lost" in str(refused.value)
    _, dry = library.upgrade({**LOANS, "workflows/books.yaml": MOVED}, dry_run=True)
    moved = f"Loan, review_state of book_workflow: 2 objects: moved from lost to lent (first: {uid})"
    assert dry == [moved, unseen]
    site, lines = library.upgrade({**LOANS, "workflows/books.yaml": MOVED})
    assert lines == dry
    found = site.run(
        lambda _: command_line_user(),
        lambda tx: [json_of(item)["review_state"] for item in tx.find(Find({"portal_type": "Loan"})).objects],
        write=False,
    )
    assert found == ["lent", "lent"]
    newest = history(site, uid)[0]
    assert (newest["event"], newest["changes"]) == ("transition", {"review_state": {"old": "lost", "new": "lent"}})


def json_of(item: object) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(orjson.dumps(item))
    return found
