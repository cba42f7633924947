"""Types stored in tables: what their declarations must say, and which catalog follows."""

from pathlib import Path

import pytest

from catalog import IndexKind
from objapi.model.loading import ProfileError, load_registry
from objapi.model.paths import parse_path, parse_relation
from tests.objapi.model.loading.small_profile import write_profile

PROFILE = "title: Stock\nextends: [base]\n"
SUPPLIER = "Supplier: {table: {name: suppliers, key: id}, fields: {login: {kind: string}}}\n"
ARTICLE = """
Article:
  title_from: code
  table: {name: articles, key: id, folder: stock/, rows: {own: [Supplier.login], all_with: See all}}
  fields:
    Supplier: {kind: reference, targets: [Supplier], column: supplier_id}
    code: {kind: string}
    due: {kind: datetime}
    extra: {kind: json}
"""


def load(folder: Path, types: str, **files: str):  # type: ignore[no-untyped-def]
    return load_registry([write_profile(folder, {"profile.yaml": PROFILE, "types/all.yaml": types, **files})])


def test_table_is_a_catalog_of_its_own(tmp_path: Path) -> None:
    registry = load(tmp_path / "p", SUPPLIER + ARTICLE)
    article = registry.types["Article"]
    assert article.table is not None
    assert (article.table.folder, article.table.key, article.table.database) == ("/stock", ("id",), "gateway")
    assert article.table.columns == {"Supplier": "supplier_id", "code": "code", "due": "due", "extra": "extra"}
    assert article.table.rows is not None
    assert article.table.rows.own == (parse_path("Supplier.login"),)
    (catalog,) = registry.catalogs_of("Article")
    assert (catalog.name, article.read_catalog, catalog.table_of) == ("article", "article", "Article")
    kinds = {name: index.kind for name, index in catalog.schema.indexes.items()}
    assert kinds == {
        "Supplier": IndexKind.UUID,
        "supplier_id": IndexKind.FIELD,
        "code": IndexKind.FIELD,
        "code_contains": IndexKind.SUBSTRING,
        "due": IndexKind.DATE,
        "UID": IndexKind.UUID,
        "id": IndexKind.FIELD,
        "path": IndexKind.PATH,
        "portal_type": IndexKind.FIELD,
        "title": IndexKind.FIELD,
        "Title": IndexKind.FIELD,
        "scan": IndexKind.CODE,
    }


def test_a_table_is_searched_for_codes_unless_it_has_a_column_of_that_name(tmp_path: Path) -> None:
    types = "Article: {table: {name: a, key: id}, scan: [code], fields: {code: {kind: string}, scan: {kind: integer}}}"
    other = "Shelf: {table: {name: s, key: id}, scan: [code], fields: {code: {kind: string}}}"
    catalogs = load(tmp_path / "p", f"{types}\n{other}").catalogs
    assert catalogs["article"].schema.indexes["scan"].kind is IndexKind.FIELD
    assert catalogs["shelf"].sources["scan"].also("Shelf") == (parse_path("code"),)


def test_tables_leave_the_fingerprint_of_a_site_alone(tmp_path: Path) -> None:
    assert load(tmp_path / "p", SUPPLIER + ARTICLE).fingerprint == load_registry(["base"]).fingerprint


@pytest.mark.parametrize(
    ("types", "complaint"),
    [
        ("Article: {table: {name: a}}", "key is missing"),
        ("Article: {table: {name: a, key: [a, b, c]}}", "a key of 3 columns"),
        ("Article: {table: {name: a, key: [a, b]}}", "no field has the key column a"),
        ("Article: {table: {name: a, key: id, colour: red}}", "the key is not known"),
        ("Article: {table: {name: a, key: id}, containers: [Plone Site]}", "containers has no meaning"),
        ("Article: {table: {name: a, key: id}, fields: {f: {kind: records}}}", "no column can hold"),
        ("Article: {table: {name: a, key: id}, fields: {f: {kind: file}}}", "no column can hold"),
        (
            "Article: {table: {name: a, key: id}, fields: {f: {kind: string}, g: {kind: string, column: F}}}",
            "same column",
        ),
        ("Article: {fields: {f: {kind: string, column: x}}}", "only a type with a table has columns"),
        ("Article: {table: {name: a, key: id}, scan: [code]}", "code is no column of the table"),
        (
            SUPPLIER + "Stored: {catalogs: [portal_catalog], fields: {f: {kind: reference, targets: [Supplier]}}}",
            "Supplier is a table",
        ),
        (
            "Stored: {}\nArticle: {table: {name: a, key: id}, fields: {f: {kind: reference, targets: [Stored]}}}",
            "a foreign key leads to one row of one table",
        ),
        (
            SUPPLIER + "Article: {table: {name: a, key: id, database: other}, fields: "
            "{f: {kind: reference, targets: [Supplier]}}}",
            "in the same database",
        ),
        (SUPPLIER + "Other: {table: {name: Suppliers, key: id}}", "are the objects of Supplier"),
        (SUPPLIER + ARTICLE.replace("Supplier.login", "Supplier.nothing"), "leads nowhere"),
        (SUPPLIER + ARTICLE.replace("Supplier.login", "Supplier.title"), "does not end in a column"),
        (SUPPLIER + ARTICLE.replace(", all_with: See all", ""), "all_with is missing"),
        (
            "Article: {table: {name: a, key: id}, read_catalog: portal_catalog}",
            "there is a catalog 'portal_catalog' already",
        ),
    ],
)
def test_what_cannot_be_is_told(tmp_path: Path, types: str, complaint: str) -> None:
    with pytest.raises(ProfileError, match=complaint):
        load(tmp_path / "p", types)


def test_two_profiles_with_a_type_of_one_name_are_both_named(tmp_path: Path) -> None:
    first, second = (
        write_profile(tmp_path / name, {"profile.yaml": PROFILE, "types/all.yaml": SUPPLIER}) for name in ("a", "b")
    )
    with pytest.raises(ProfileError) as caught:
        load_registry([first, second])
    assert all(str(folder / "types" / "all.yaml:1") in str(caught.value) for folder in (first, second))


RULES = """
row_rules:
  supplier: {type: Supplier, own: [login], groups: [login], all_with: See all}
"""
RULED = (
    "Article: {table: {name: a, key: id, rows: {rule: supplier, by: S}}, "
    "fields: {S: {kind: reference, targets: [Supplier]}}}"
)


def test_a_named_rule_is_led_to_by_paths(tmp_path: Path) -> None:
    types = SUPPLIER.replace("key: id", "key: id, rows: {rule: supplier}") + RULED
    loaded = load(tmp_path / "p", types, **{"profile.yaml": PROFILE + RULES}).types
    supplier, article = (loaded[name].table for name in ("Supplier", "Article"))
    assert supplier is not None and supplier.rows is not None
    assert article is not None and article.rows is not None
    assert (supplier.rows.own, supplier.rows.groups, supplier.rows.by) == ((parse_path("login"),),) * 2 + ((),)
    assert (article.rows.portal_type, article.rows.by) == ("Supplier", (parse_relation("S"),))


@pytest.mark.parametrize(
    ("rules", "types", "complaint"),
    [
        (RULES, RULED.replace("rule: supplier", "rule: suplier"), "no row rule 'suplier', did you mean 'supplier'"),
        (RULES, RULED.replace(", by: S", ""), "the rule supplier is about Supplier"),
        (RULES, RULED.replace("by: S", "by: T"), "T leads nowhere"),
        (RULES, RULED.replace("by: S", "by: parent"), "parent goes over more than foreign keys"),
        (RULES, RULED.replace("by: S", "by: back(Article.S)"), "leads nowhere"),
        (RULES, RULED.replace("by: S", "by: S, own: [S.login]"), "the rule says own"),
        (RULES, RULED.replace("rule: supplier", "all_with: x"), "by leads to the rows of a named rule"),
        (RULES.replace("Supplier", "Suplier"), "", "no type with a table 'Suplier', did you mean 'Supplier'"),
        (RULES.replace("own: [login]", "own: [nothing]"), "", "nothing leads nowhere"),
        (RULES.replace("groups: [login]", "groups: [title]"), "", "title does not end in a column"),
        (RULES.replace("all_with: See all", "viewer: nobody"), "", "all_with is missing"),
        (RULES.replace("}", ", viewer: nobody}"), "", "no behaviour of kind row_viewer 'nobody'"),
        (RULES.replace("}", ", colour: red}"), "", "the key is not known"),
    ],
)
def test_a_wrong_rule_is_told_with_its_place(tmp_path: Path, rules: str, types: str, complaint: str) -> None:
    with pytest.raises(ProfileError, match=complaint) as told:
        load(tmp_path / "p", SUPPLIER + types, **{"profile.yaml": PROFILE + rules})
    file = "types/all.yaml:2" if types else "profile.yaml:5"
    assert f"{tmp_path}/p/{file}" in str(told.value)


DERIVED = """
derived_types = {
    "Article": {
        "title": "articles",
        "table": {"name": "articles", "key": ["a", "b"], "folder": "/stock"},
        "fields": {
            "a": {"kind": "integer", "required": True},
            "b": {"kind": "integer", "required": True},
            "grade": {"kind": "string", "vocabulary": ["A", "B"]},
        },
    }
}
"""


def test_types_that_python_makes_are_extended_by_the_files(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "derived_types.py").write_text(DERIVED)
    types = "Article: {extend: true, title: Article, table: {folder: /goods}, fields: {grade: {kind: text}}}\n"
    article = load(tmp_path / "p", types).types["Article"]
    assert article.table is not None
    assert (article.title, article.table.name, article.table.folder) == ("Article", "articles", "/goods")
    assert {name: str(field.kind) for name, field in article.fields.items()} == {
        "a": "integer",
        "b": "integer",
        "grade": "text",
    }


def test_a_type_that_python_makes_is_not_declared_again(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "derived_types.py").write_text(DERIVED)
    with pytest.raises(ProfileError, match=r"derived_types\.py"):
        load(tmp_path / "p", "Article: {table: {key: id}}\n")


@pytest.mark.parametrize("text", ["derived_types = [1]\n", "types = {}\n"])
def test_a_module_without_derived_types_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "derived_types.py").write_text(text)
    with pytest.raises(ProfileError, match="no mapping of that name"):
        load(tmp_path / "p", SUPPLIER)


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ("Article: {table: {name: a, key: id}, workflows: [w], fields: {code: {kind: string}}}", "rows of a table"),
        (
            "Note: {containers: [Plone Site], workflows: [w], fields: {signatures: {kind: text}}}",
            "are answered as signatures",
        ),
    ],
    ids=["table", "name"],
)
def test_signatures_are_of_objects_of_the_gateway_and_have_their_name(
    tmp_path: Path, declared: str, message: str
) -> None:
    workflow = (
        "workflows: {w: {initial_state: a, states: {a: {exits: [go]}}, transitions: {go: {signature: {meaning: X}}}}}"
    )
    with pytest.raises(ProfileError, match=message):
        load(tmp_path / "p", declared, **{"workflows/w.yaml": workflow})
