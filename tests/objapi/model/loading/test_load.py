import re
from dataclasses import replace

import pytest

from objapi.model.loading import ProfileError, load_registry
from objapi.model.paths import NamedRelation, parse_path, parse_relation
from objapi.model.registry import IndexSource
from objapi.model.types import IdKind, IdRule, Kind
from tests.objapi.model.loading.small_profile import FILES, write_profile
from workflows import PermissionSetting


@pytest.fixture
def library(tmp_path):
    return write_profile(tmp_path / "library", FILES)


def problems_of(*profiles):
    with pytest.raises(ProfileError) as caught:
        load_registry(profiles)
    return caught.value.problems


def test_a_right_profile_becomes_a_registry(library):
    registry = load_registry([library])
    book = registry.types["Book"]
    assert list(book.fields) == [
        "title", "description", "Author", "AuthorTitle", "Sequels", "Price", "Language", "Bought",
    ]  # fmt: skip
    assert book.fields["Price"].default == "9.50"
    assert book.fields["AuthorTitle"].path == parse_path("Author.title")
    assert book.fields["Language"].vocabulary == {"en": "English", "de": "German"}
    assert book.relations == {
        "shelf": parse_relation("parent"),
        "siblings": parse_relation("parent.children(Book)"),
        "related": NamedRelation("related_books"),
    }
    assert book.id_rule == IdRule(IdKind.SEQUENCE, "{Author.title}-{n}", 2, "Padding", None, overridable=False)
    assert registry.types["Shelf"].id_rule == IdRule(IdKind.SEQUENCE, "shelf-{n}")
    assert registry.types["Shelf"].fields["title"].kind is Kind.STRING
    assert book.catalogs == ("portal_catalog", "uid_catalog")
    assert book.permissions == {"View": PermissionSetting(acquire=False, roles=("Reader",))}
    assert book.create_parameters["Copies"].default == 1
    assert book.source.endswith("types/library.yaml:25")


def test_catalogs_know_their_types_and_sources(library):
    registry = load_registry([library])
    main = registry.catalogs["portal_catalog"]
    assert main.schema.types == {"Plone Site", "Settings", "Shelf", "Author", "Book"}
    assert registry.catalogs["uid_catalog"].schema.types is None
    assert main.sources["id"].of("Book") == parse_path("id")
    assert main.sources["getAuthor"].of("Book") == parse_path("Author.title")
    assert main.sources["getAuthor"].of("Author") is None
    assert main.sources["span"] == IndexSource({}, parse_path("Bought"), until=parse_path("modified"))
    assert main.sources["count"] == IndexSource({}, "book_count", (parse_path("children(Book).id"),))
    assert main.sources["nothing"] == IndexSource()
    assert "allowedRolesAndUsers" not in main.sources
    assert main.hidden == {"allowedRolesAndUsers"}
    assert main.schema.hot_queries == (("portal_type", "review_state", "id"),)
    assert registry.aliases["books"].types == {"Book"}


def test_the_site_has_workflows_roles_layout_and_settings(library):
    registry = load_registry([library])
    assert [workflow.id for workflow in registry.chain("Book")] == ["book_workflow"]
    assert len(registry.cascades) == 1
    assert {"not_damaged", "readable"} <= set(registry.conditions.conditions)
    assert "stamp" in registry.conditions.effects
    assert registry.roles.by_path == {"/settings": {"View": PermissionSetting(acquire=False, roles=("Manager",))}}
    assert registry.roles.scoped_roles == {"Reader"}
    assert [entry["path"] for entry in registry.layout] == ["/settings", "/shelf-1"]
    assert registry.ids.rows_field == "Rows"
    assert registry.content_files == {"demo": (str(library / "demo.yaml"),)}
    assert registry.variable_aliases == {"review_state": "state_of_review"}
    assert set(registry.behaviors.computed) == {"book_count"}


def test_the_same_declarations_have_the_same_fingerprint(library):
    assert load_registry([library]).fingerprint == load_registry([library]).fingerprint


@pytest.mark.parametrize(
    "more",
    [
        "site_aliases: [lab]",
        "transitions: {undo: cancel}",
        "types: {Client: {extend: true, fields: {code: ClientID}}}",
        "types: {Client: {extend: true, not_here: [Loyalty]}}",
        "catalogs: {senaite_catalog_client: {extend: true, columns: {getCode: ClientID}}}",
        "words: {priority: {values: {'1': Rush}, answers: {}, default: '1'}}",
    ],
)
def test_the_fingerprint_follows_every_part_of_a_dialect(tmp_path, more):
    (tmp_path / "dialects").mkdir()
    (tmp_path / "profile.yaml").write_text("title: Mine\nextends: [lims]\n")
    before = load_registry([tmp_path]).fingerprint
    (tmp_path / "dialects" / "senaite.yaml").write_text(f"{more}\n")
    assert load_registry([tmp_path]).fingerprint != before


@pytest.mark.parametrize(
    ("file", "old", "new", "changes"),
    [
        ("types/library.yaml", "title: Shelf", "title: Board", False),
        ("roles.yaml", "staff_roles: [Manager]", "staff_roles: []", False),
        ("types/library.yaml", "from: Author.title}", "from: Author.id}", True),
        ("catalogs/main.yaml", "source: [Bought, modified]", "source: [Bought, created]", True),
        ("catalogs/main.yaml", "id: {kind: field, hot: true}", "id: {kind: field}", True),
        ("catalogs/main.yaml", "type: decimal", "type: string", True),
    ],
)
def test_the_fingerprint_follows_what_tables_hold(library, file, old, new, changes):
    before = load_registry([library]).fingerprint
    edit(library / file, old, new)
    assert (load_registry([library]).fingerprint != before) is changes


@pytest.mark.parametrize(
    ("profiles", "digest"),
    [
        ("lims", "9cd312efa920c89839a485f4c3ca9f9c9bd974ab470ad707b51e5d1f379ad683"),
        ("lims,mxlive,ispyb", "ac23714127a5eba6aa91036bddb40b615fa27b168056fe7be4609effb05f06e2"),
        ("base,ispyb", "e67c16723a5b874f311cca28d30fadcc263cbdada06cfe7d72745fd4b02f33c7"),
    ],
)
def test_sites_of_the_profiles_that_come_along_need_no_upgrade(profiles, digest):
    """A new digest here makes every site run `objapi upgrade` and reindex: only what tables hold, and the names of
    dialects, may ask for that."""
    assert load_registry(profiles.split(",")).fingerprint == digest


@pytest.mark.parametrize(
    ("file", "new", "old"),
    [
        ("types/library.yaml", "extra_ids: {author_id: Author}", "answers_ids: {author_id: Author}"),
        ("types/library.yaml", "Bought: {kind: datetime", "Bought: {kept_on: Author, kind: datetime"),
        ("catalogs/main.yaml", "hidden: true", "never_answered: true"),
        ("catalogs/main.yaml", "returned: [id, Title]", "metadata_in_read: [id, Title]"),
    ],
)
def test_a_renamed_key_is_refused_with_its_name(library, file, new, old):
    edit(library / file, new, old)
    (key,) = re.findall("answers_ids|kept_on|never_answered|metadata_in_read", old)
    found = [problem for problem in problems_of(library) if problem.key.endswith(key)]
    (problem,) = found
    name = {"answers_ids": "extra_ids", "kept_on": "stored_on", "never_answered": "hidden"}.get(key, "returned")
    line = next(number for number, text in enumerate((library / file).read_text().splitlines(), 1) if old in text)
    assert (problem.message, problem.expected) == (f"the key was renamed to {name}", name)
    assert (problem.file, problem.line) == (str(library / file), line)


def edit(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old!r} must stand once in {path}"
    path.write_text(text.replace(old, new), encoding="utf-8")
    return text[: text.index(old)].count("\n") + 1


LIBRARY = "types/library.yaml"
MAIN = "catalogs/main.yaml"
BOOKS = "workflows/books.yaml"


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        (LIBRARY, "kind: records", "kind: recrods", "no kind 'recrods', did you mean 'records'"),
        (LIBRARY, "title_required: true", "title_requird: true", "not known, did you mean 'title_required'"),
        (LIBRARY, "title_required: true", "title_required: 'yes'", "neither true nor false"),
        (LIBRARY, "containers: [Shelf]", "containers: [Self]", "no type 'Self', did you mean 'Shelf'"),
        (LIBRARY, "containers: [Shelf]", "containers: Shelf", "'Shelf' is not a list"),
        (LIBRARY, "workflows: [book_workflow]", "workflows: [book_worfklow]", "no workflow 'book_worfklow'"),
        (LIBRARY, "targets: [Author], required", "targets: [Autor], required", "no type 'Autor'"),
        (LIBRARY, "targets: [Author], required", "required", "names the types it may lead to"),
        (LIBRARY, "multi: true, checks: [no_circle]", "checks: [no_cycle]", "no check 'no_cycle'"),
        (LIBRARY, "from: Author.title}", "from: Author.titel}", "Author has no 'titel', did you mean 'title'"),
        (LIBRARY, "from: Author.title}", "from: Auhtor.title}", "no reference field 'Auhtor'"),
        (LIBRARY, "from: Author.title}", "from: Author..title}", "cannot be read"),
        (LIBRARY, "from: Author.title}", "behavior: nobody}", "no computed behaviour 'nobody'"),
        (LIBRARY, "from: Author.title}", "}", "where its value comes from"),
        (LIBRARY, "AuthorTitle: {kind: computed, ", "AuthorTitle: {kind: computed, required: true, ", "nobody writes"),
        (LIBRARY, "depends: [children(Book).id]", "depends: [children(Author).id]", "Shelf holds no Author"),
        (LIBRARY, "precision: 2, default: 9.5", "precision: 2, default: nine", "decimal number"),
        (LIBRARY, "precision: 2, default: 9.5", "precision: 99", "no such number"),
        (LIBRARY, "default: en}", "default: fr}", "'fr' is not one of 'en', 'de'"),
        (LIBRARY, "default_from: now", "default_from: later", "no default behaviour 'later'"),
        (LIBRARY, "on_change: [stamp]", "on_change: [stmap]", "no effect 'stmap', did you mean 'stamp'"),
        (LIBRARY, "{review_state: [here]}\n", "{review_state: [hre]}\n", "no state of review_state"),
        (LIBRARY, "keep_after: {review_state: [here]}", "keep_after: {state: [here]}", "no state variable 'state'"),
        (LIBRARY, "shelf: parent,", "shelf: back(Book.Author),", "never to Book"),
        (LIBRARY, "{behavior: related_books}", "{behavior: unrelated}", "no relation behaviour 'unrelated'"),
        (LIBRARY, "extra_ids: {author_id: Author}", "extra_ids: {author_id: Writer}", "'Writer'"),
        (LIBRARY, "'{Author.title}-{n}'", "'{Author.title}-'", "a sequence ends in {n}"),
        (LIBRARY, "'{Author.title}-{n}'", "'{Author.name}-{n}'", "Author has no 'name'"),
        (LIBRARY, "padding_setting: Padding", "padding_setting: Pading", "no field of the settings object 'Pading'"),
        (LIBRARY, "alias_of: Label", "alias_of: Lable", "no field 'Lable', did you mean 'Label'"),
        (LIBRARY, "title_from: Label", "title_from: Lable", "Shelf has no 'Lable'"),
        (LIBRARY, "Language: {kind", "version: {kind", "parameter of requests"),
        (LIBRARY, "Language: {kind", "creator: {kind", "every object has 'creator'"),
        (LIBRARY, "Language: {kind", "a.b: {kind", "cannot name a field"),
        (LIBRARY, "Language: {kind", "Author_uid: {kind", "the UID of Author is answered"),
        (LIBRARY, "Language: {kind", "Price: {kind", "given twice, first in line"),
        (LIBRARY, "Copies: {kind: integer", "Price: {kind: integer", "a field of the type has this name"),
        (LIBRARY, "Language: {kind", "Language: {copied: maybe, kind", "no treatment in a copy 'maybe'"),
        (LIBRARY, "Language: {kind", "Language: {copied: inside, kind", "inside has no meaning"),
        (LIBRARY, "Language: {kind", "Language: {copied_from: Author.title, kind", "takes a field from the field"),
        (LIBRARY, "Copies: {kind: integer", "Copies: {copied_from: Author.name, kind: integer", "Author has no 'name'"),
        (LIBRARY, "relations: {shelf", "movable: perhaps\n  relations: {shelf", "neither true nor false"),
        (LIBRARY, "Bought: {kind: date", "Bought: {stored_on: Sequels, kind: date", "no single-valued reference"),
        (LIBRARY, "Bought: {kind: datetime", "Bought: {kind: datetime, stored_on: Author", "Author has no field"),
        (LIBRARY, "roles: [Reader]}}", "roles: [Raeder]}}", "no role 'Raeder', did you mean 'Reader'"),
        (MAIN, "kind: uuid", "kind: uid", "'uid' is none of"),
        (MAIN, "hot_queries: [[portal_type, review_state, id]]", "hot_queries: [[nowhere]]", "nowhere is no index"),
        (MAIN, "returned: [id, Title]", "returned: [id, Titel]", "no index (entry 2) 'Titel'"),
        (MAIN, "{Book: Author.title,", "{Bok: Author.title,", "no type 'Bok', did you mean 'Book'"),
        (MAIN, "Author.Address/city", "Author.Address/town", "no subfield 'town'"),
        (MAIN, "Author.Address/city", "Author.title/city", "'title' is no record"),
        (MAIN, "review_state: {kind: field}", "reveiw_state: {kind: field}", "has no 'reveiw_state'"),
        (MAIN, "[Bought, modified]", "Bought", "'Bought' is not a list"),
        (MAIN, "[Bought, modified]", "[Bought]", "a beginning and an end"),
        (MAIN, "behavior: book_count", "behavior: book_cuont", "no computed behaviour 'book_cuont'"),
        (MAIN, "nothing: {kind: field", "sort_on: {kind: field", "parameter of read"),
        (MAIN, "types: [Book]", "types: [Bock]", "no type 'Bock'"),
        (MAIN, "catalog: portal_catalog", "catalog: portal_katalog", "no catalog 'portal_katalog'"),
        (BOOKS, "initial_state: here", "initial_state: her", "no state 'her'"),
        (BOOKS, "exits: [bring_back]", "exits: [bringback]", "no transition 'bringback'"),
        (BOOKS, "conditions: [not_damaged, readable]", "conditions: [readible]", "no condition 'readible'"),
        (BOOKS, "{field_in: {field", "{field_inn: {field", "no condition 'field_inn'"),
        (BOOKS, "{field: Language, values: [xx]}", "{field: Langage, values: [xx]}", "no field 'Langage'"),
        (BOOKS, "readable]}}", "readable, {has_related: {relation: sisters}}]}}", "relation 'sisters'"),
        (BOOKS, "readable]}}", "readable, {state_in: {variable: stat, states: [x]}}]}}", "no variable 'stat'"),
        (BOOKS, "attempt: true", "each: [{field_set: {field: Langage}}]", "no field 'Langage'"),
        (BOOKS, "attempt: true", "when: [{field_set: {field: Langage}}]", "no field 'Langage'"),
        (BOOKS, "- type: Book", "- type: Bok", "no type 'Bok'"),
        (BOOKS, "after: lend", "after: borrow", "Book has no transition 'borrow'"),
        (BOOKS, "relation: siblings", "relation: sisters", "the relation 'sisters' leads nowhere"),
        (BOOKS, "fire: lend", "fire: land", "Book has no transition 'land', did you mean 'lend'"),
        (BOOKS, "set: Bought", "set: Baught", "no field 'Baught', did you mean 'Bought'"),
        (BOOKS, "run: stamp", "run: stomp", "no effect 'stomp'"),
        ("roles.yaml", "scoped_roles: [Reader]", "scoped_roles: [Raeder]", "no role 'Raeder'"),
        ("roles.yaml", "roles: [Reader]}}", "roles: [Raeder]}}", "no role 'Raeder'"),
        ("roles.yaml", "/settings: {View", "/setings: {View", "no object is made at /setings"),
        ("layout.yaml", "portal_type: Shelf", "portal_type: Book", "Book cannot be in Plone Site"),
        ("layout.yaml", "portal_type: Shelf", "portal_type: Shelve", "no type 'Shelve'"),
        ("layout.yaml", "fields: {Label: First}", "fields: {Lable: First}", "no field 'Lable'"),
        ("layout.yaml", "path: /shelf-1", "path: /nowhere/shelf-1", "its container /nowhere is not made"),
        ("layout.yaml", "path: /shelf-1", "path: /settings", "already made in"),
        ("profile.yaml", "title: Library", "titel: Library", "did you mean 'title'"),
        ("profile.yaml", "rows: Rows", "rows: Lines", "has no field 'Lines'"),
        ("profile.yaml", "demo: demo.yaml", "demo: nothing.yaml", "there is no file"),
        ("profile.yaml", "title: Library", "default_catalog: other", "no catalog 'other'"),
        ("types/base.yaml", "description: {kind: text}", "description: {kind: text", "no valid YAML"),
        ("types/base.yaml", "kind: text", "kind: !!python/object:os.system text", "the tag"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_file_line_and_remedy(library, file, old, new, said):
    line = edit(library / file, old, new)
    problems = problems_of(library)
    fitting = [problem for problem in problems if said in str(problem)]
    assert fitting, "\n".join(map(str, problems))
    assert fitting[0].file == str(library / file)
    assert fitting[0].line in (line, line + 1), str(fitting[0])
    assert str(fitting[0]).startswith(f"{library / file}:{fitting[0].line}:")


def test_all_mistakes_are_told_at_once(library):
    edit(library / LIBRARY, "containers: [Shelf]", "containers: [Self]")
    edit(library / MAIN, "kind: uuid", "kind: uid")
    edit(library / BOOKS, "after: lend", "after: borrow")
    edit(library / "roles.yaml", "scoped_roles: [Reader]", "scoped_roles: [Raeder]")
    told = "\n".join(map(str, problems_of(library)))
    assert all(word in told for word in ("'Self'", "'uid'", "'borrow'", "'Raeder'"))


def test_an_unknown_profile_is_named_with_those_there_are(tmp_path):
    (problem, *_) = problems_of(str(tmp_path / "nowhere"))
    assert "there is no profile" in problem.message


@pytest.mark.parametrize(
    ("field", "path", "other"),
    [
        ("AuthorTitle", "AuthorTitle", ""),
        ("AuthorTitle", "Loop", "Loop: {kind: computed, from: AuthorTitle}"),
        ("AuthorTitle", "parent.FirstAuthor", ""),
        ("AuthorTitle", "Loop", "Loop: {kind: computed, behavior: book_count, depends: [parent.FirstAuthor]}"),
    ],
)
def test_a_value_made_from_itself_is_refused(library, field, path, other):
    edit(library / LIBRARY, "from: Author.title}", f"from: {path}}}\n    {other}")
    edit(
        library / LIBRARY,
        "    BookCount:",
        "    FirstAuthor: {kind: computed, from: children(Book).AuthorTitle}\n    BookCount:",
    )
    assert any("made from itself" in problem.message and field in problem.message for problem in problems_of(library))


def test_a_value_may_be_made_from_the_same_value_of_objects_along_a_chain(library):
    edit(
        library / LIBRARY,
        "from: Author.title}",
        "behavior: book_count, depends: [Sequels.AuthorTitle, Author.title]}",
    )
    assert load_registry([library]).types["Book"].fields["AuthorTitle"].depends[0] == parse_path("Sequels.AuthorTitle")


def second(tmp_path, types, profile="title: Second"):
    return write_profile(tmp_path / "second", {"profile.yaml": profile, "types/own.yaml": types})


def test_a_later_profile_extends_a_type_field_by_field(library, tmp_path):
    own = second(
        tmp_path,
        """
        Book:
          extend: true
          title: Volume
          fields:
            Price: {kind: integer}
            Sequels: null
            Pages: {kind: integer, searchable: true}
        """,
    )
    before = load_registry([library]).types["Book"]
    after = load_registry([library, own]).types["Book"]
    assert after.title == "Volume"
    assert after.fields["Price"].kind is Kind.INTEGER
    assert set(after.fields) == (set(before.fields) | {"Pages"}) - {"Sequels"}
    assert after.workflows == before.workflows
    assert replace(after.fields["Author"]) == before.fields["Author"]


def test_a_later_profile_makes_a_type_from_another(library, tmp_path):
    own = second(tmp_path, "Map: {extend: Book, title: Map, fields: {Scale: {kind: integer}}}")
    registry = load_registry([library, own])
    assert set(registry.types["Map"].fields) == {*registry.types["Book"].fields, "Scale"}
    assert registry.types["Map"].title == "Map"


def test_a_clash_of_a_table_names_the_way_to_adopt_it_under_another_name(library, tmp_path):
    own = second(tmp_path, "Author: {table: {name: Author, key: id, folder: /rows}}")
    found = [problem for problem in problems_of(library, own) if "already declared" in problem.message]
    assert [problem.expected.endswith("or run `objapi adopt --prefix Stock` for other names") for problem in found] == [
        True
    ]


def test_a_type_of_another_profile_is_replaced_only_by_one_that_extends_it(library, tmp_path):
    types = "Author: {containers: [Plone Site], catalogs: [portal_catalog], fields: {Address: {kind: json}}}"
    own = second(tmp_path, types)
    (problem,) = problems_of(library, own)
    assert f"already declared in {library / LIBRARY}:19" in problem.message
    assert problem.file == str(own / "types/own.yaml")
    (own / "profile.yaml").write_text(f"extends: [{library}]", encoding="utf-8")
    author = load_registry([own]).types["Author"]
    assert author.fields["Address"].kind is Kind.JSON
    assert "description" in author.fields, "the base fields of the extended profile are had by new types, too"


def test_extending_what_is_not_there_is_refused(library, tmp_path):
    own = second(tmp_path, "Bok: {extend: true, containers: [Shelf]}")
    assert any("no type 'Bok' to extend, did you mean 'Book'" in str(problem) for problem in problems_of(library, own))


def test_a_type_leaves_out_base_fields(library):
    edit(library / LIBRARY, "containers: [Shelf]", "containers: [Shelf]\n  without: [description]")
    assert "description" not in load_registry([library]).types["Book"].fields
    edit(library / LIBRARY, "without: [description]", "without: [descriptoin]")
    assert any("no base field 'descriptoin'" in problem.message for problem in problems_of(library))


def test_conditions_of_a_profile_are_called_with_the_planner(library):
    readable = "def readable(planner, entity, args):\n    return"
    edit(library / "behaviors.py", f"{readable} None", f'{readable} f"{{planner}} {{entity}} {{args}}"')
    conditions = load_registry([library]).conditions

    class World:
        planner = "planner"

    verdict = conditions.conditions["readable"](World(), "book", None, {"a": 1})
    assert not verdict.passed
    assert "planner book {'a': 1}" in verdict.sentence()


def test_the_built_in_laboratory_loads():
    registry = load_registry(["lims"])
    assert registry.root_type in registry.types
    assert re.fullmatch("[0-9a-f]{64}", registry.fingerprint)
