"""Words, and the language of text queries."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog import TextSyntaxError
from catalog.text import AllWords, AnyWord, Pattern, Phrase, TextNode, Word, parse_text_query, words_of

WATER, SAMPLE, LAKE = Word("water"), Word("sample"), Word("lake")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("the Water of The lake", ["water", "lake"]),
        ("pH of Zn_2, E.coli", ["ph", "zn_2", "e", "coli"]),
        ("Été ÜBUNG", ["été", "übung"]),
        (["one two", "three"], ["one", "two", "three"]),
    ],
)
def test_words_are_lower_case_without_common_words(text: str | list[str], words: list[str]) -> None:
    assert words_of(text) == words


@pytest.mark.parametrize(
    ("query", "tree"),
    [
        ("water", WATER),
        ("Water sample", AllWords((WATER, SAMPLE))),
        ("water AND sample", AllWords((WATER, SAMPLE))),
        ("water or sample and lake", AnyWord((WATER, AllWords((SAMPLE, LAKE))))),
        ("(water OR sample) AND lake", AllWords((AnyWord((WATER, SAMPLE)), LAKE))),
        ("water AND NOT sample", AllWords((WATER,), (SAMPLE,))),
        ("water -sample", AllWords((WATER,), (SAMPLE,))),
        ("-sample water", AllWords((WATER,), (SAMPLE,))),
        ('"water sample" lake', AllWords((Phrase(("water", "sample")), LAKE))),
        ("pre-treatment", Phrase(("pre", "treatment"))),
        ("water-the-sample", Phrase(("water", "sample"))),
        ("wat*", Pattern("wat*")),
        ("*ater", Word("ater")),
        ("wat*-sample", Phrase(("wat", "sample"))),
        ("the water", WATER),
        ("the OR water", WATER),
        ("water AND NOT the", WATER),
        ('water "', WATER),
        ('"and" water', WATER),
        ("- water", WATER),
    ],
)
def test_queries_become_trees(query: str, tree: TextNode) -> None:
    assert parse_text_query(query) == tree


@pytest.mark.parametrize(
    "query",
    [
        *(
            " ",
            "the",
            "the AND NOT water",
            "-water",
            "water AND -sample",
            "OR water",
            "water OR",
            "water AND",
            "NOT water",
        ),
        *(
            "water OR NOT sample",
            "water NOT sample",
            "(water",
            "water)",
            "()",
            "(water) sample",
            "sample (water)",
            "...",
        ),
        *("a AND NOT NOT b", "(" * 40 + "water" + ")" * 40, "word " * 60, "x" * 20_000),
    ],
)
def test_queries_that_break_the_grammar_are_refused(query: str) -> None:
    with pytest.raises(TextSyntaxError):
        parse_text_query(query)


@given(st.text(alphabet='ab *?-"()ANDORT\n.,é', max_size=30))
def test_any_text_is_a_query_or_refused(text: str) -> None:
    try:
        assert parse_text_query(text) is not None
    except TextSyntaxError as reason:
        assert str(reason)
