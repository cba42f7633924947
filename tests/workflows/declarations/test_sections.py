from hypothesis import given
from hypothesis import strategies as st

from workflows.declarations import DeclarationProblem, Node, Section

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.tuples(st.integers()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3) | st.integers(), inner, max_size=3),
    max_leaves=8,
)


def section(value: object, known: tuple[str, ...] | None = None) -> Section:
    return Section(Node(value, "a.yaml", 3), "top", [], known)


@given(PLAIN)
def test_a_plain_value_stays_as_it_is(value: object) -> None:
    found = Node(value).plain()
    assert found == ([] if value == () else value)


def test_nodes_of_a_file_keep_their_lines_and_plain_values_that_of_what_holds_them() -> None:
    read = Section(Node({"a": Node((Node("x", "f", 5), Node(7, "f", 6)), "f", 4)}, "f", 1), "", [])
    assert read.texts("a") == ("x",)
    assert read.problems == [DeclarationProblem("f", 6, "a[1]", "7 is not a text", "a list of texts")]
    plain = section({"a": ["x", 7]})
    assert plain.texts("a") == ("x",)
    assert [str(problem) for problem in plain.problems] == [
        "a.yaml:3: top.a[1]: 7 is not a text (expected: a list of texts)"
    ]


def test_every_mistake_is_noted_and_answered_by_a_default() -> None:
    wrong = section({"text": 1, "flag": "no", "number": 9, "texts": ["a", "a"], "section": [], 5: 1, "tetx": ""})
    assert wrong.text("text", "usual") == "usual"
    assert wrong.text("missing", required=True) == ""
    assert wrong.flag("flag", default=True) is True
    assert wrong.number("number", most=8) is None
    assert wrong.texts("texts") == ("a",)
    assert wrong.texts("texts", repeated=True) == ("a", "a")
    assert list(wrong.sections("section", ("a",))) == []
    assert wrong.choose("text", "blu", ["blue"], "colour") is False
    said = [(problem.key, problem.message) for problem in wrong.problems]
    assert said == [
        ("top.5", "the key is not a text"),
        ("top.text", "1 is not a text"),
        ("top.missing", "missing is missing"),
        ("top.flag", "'no' is neither true nor false"),
        ("top.number", "9 is no such number"),
        ("top.texts[1]", "'a' is listed twice"),
        ("top.section", "a list is not a mapping"),
        ("top.text", "there is no colour 'blu', did you mean 'blue'?"),
    ]


def test_keys_that_are_not_known_are_told_with_the_nearest_that_is() -> None:
    (problem,) = section({"titel": "x"}, ("title", "about")).problems
    assert str(problem) == (
        "a.yaml:3: top.titel: the key is not known, did you mean 'title'? (expected: one of title, about)"
    )


def test_a_null_counts_as_absent_but_the_key_is_there() -> None:
    nulled = section({"a": None})
    assert (nulled.has("a"), "a" in nulled, nulled.plain("a"), nulled.texts("a")) == (False, True, None, ())
