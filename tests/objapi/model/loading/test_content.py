from datetime import UTC, datetime
from decimal import Decimal

import pytest

from objapi.model.content import ContentUser, Ref
from objapi.model.loading import ProfileError, load_registry, read_content
from tests.objapi.model.loading.small_profile import FILES, write_profile


@pytest.fixture
def library(tmp_path):
    return write_profile(tmp_path / "library", FILES)


def test_contents_come_containers_first_and_as_a_client_would_send_them(library):
    content = read_content(library / "demo.yaml", load_registry([library]))
    assert [item.path for item in content.objects] == ["/author-1", "/shelf-1/book-1", "/shelf-1/book-2"]
    author, book, other = content.objects
    assert author.fields == {"title": "no"}
    assert book.fields == {
        "Author": Ref("/author-1"),
        "Price": Decimal("12.50"),
        "Sequels": [Ref("/shelf-1/book-2")],
        "Bought": "2026-03-01",
    }
    assert str(book.fields["Price"]) == "12.50"
    assert book.states == {"book_workflow": "lent"}
    assert book.created == datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
    assert book.container == "/shelf-1"
    assert author.container == "/"
    assert book.source.endswith("demo.yaml:4")
    assert other.states == {"review_state": "here"}
    assert content.users == (ContentUser("rita", "secret", groups=("Readers",), local_roles={"/shelf-1": ("Reader",)}),)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("portal_type: Author", "portal_type: Autor", "no type 'Autor', did you mean 'Author'"),
        ("fields: {title: no}", "fields: {titel: no}", "no field 'titel'"),
        ("Price: 12.50", "AuthorTitle: x", "computed by the gateway"),
        ("{book_workflow: lent}", "{book_workflow: lost}", "no state of book_workflow 'lost'"),
        ("{book_workflow: lent}", "{bok_workflow: lent}", "no workflow 'bok_workflow' here"),
        ("groups: [Readers]", "groups: [Raeders]", "no group 'Raeders'"),
        ("/shelf-1: [Reader]", "/shelf-1: [Raeder]", "no role 'Raeder'"),
        ("/author-1, portal_type", "/shelf-1/author-1, portal_type", "Author cannot be in Shelf"),
        ("/author-1, portal_type", "/settings, portal_type", "the object at /settings is a Settings"),
    ],
)
def test_names_are_checked_against_the_registry(library, old, new, said):
    registry = load_registry([library])
    problem = broken(library, old, new, registry)
    assert said in str(problem)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("/shelf-1/book-2, portal_type", "/shelf-1/book-1, portal_type", "already given in"),
        ("{ref: /author-1}", "{ref: /../author-1}", "'..'"),
        ("created: 2026-03-01T09:30:00Z", "created: recently", "no date"),
        ("{path: /author-1,", "{path: /-author-1,", "is no id"),
        ("{path: /author-1,", "{", "path is missing"),
        ("portal_type: Author", "portal_tpe: Author", "did you mean 'portal_type'"),
        ("password: secret,", "", "password is missing"),
        ("- {id: rita", "- {id: rita, password: x}\n- {id: rita", "given twice"),
    ],
)
def test_what_a_file_alone_tells_is_checked_without_a_registry(library, old, new, said):
    assert said in str(broken(library, old, new))


def broken(library, old, new, registry=None):
    path = library / "demo.yaml"
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(ProfileError) as caught:
        read_content(path, registry)
    assert all(problem.file == str(path) and problem.line for problem in caught.value.problems)
    return caught.value


def test_all_mistakes_of_a_file_are_told_at_once(library):
    path = library / "demo.yaml"
    text = path.read_text(encoding="utf-8").replace("password: secret,", "").replace("Z\n", "X\n")
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ProfileError) as caught:
        read_content(path)
    assert len(caught.value.problems) == 2


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ProfileError, match=r"nothing\.yaml: the file cannot be read"):
        read_content(tmp_path / "nothing.yaml")
