from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objapi.model.loading import yaml_nodes
from objapi.model.loading.yaml_nodes import parse_yaml
from objapi.profiles import lims
from workflows.declarations import Node


def read(text):
    problems = []
    node = parse_yaml(text, "f.yaml", problems)
    return node, problems


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("null", None),
        ("'null'", "null"),
        ("12", 12),
        ("-3", -3),
        ("007", "007"),
        ("'12'", "12"),
        ("10:30", "10:30"),
        ("2026-03-01", "2026-03-01"),
        ("57.10", Decimal("57.10")),
        ("1e3", Decimal("1e3")),
        (".", "."),
        (".inf", ".inf"),
        ("0x1F", "0x1F"),
        ("[a, 1]", ["a", 1]),
        ("{1: a, .: b}", {"1": "a", ".": "b"}),
        ("- &x {a: 1}\n- *x", [{"a": 1}, {"a": 1}]),
    ],
)
def test_scalars_are_read_as_people_mean_them(text, value):
    node, problems = read(text)
    assert problems == []
    assert node.plain() == value
    assert type(node.plain()) is type(value)


def test_the_spelling_of_a_fraction_is_kept():
    assert str(read("57.10")[0].plain()) == "57.10"


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("a: 1\nb: 2\na: 3", 3, "given twice, first in line 1"),
        ("a: 1\nb: [", 2, "no valid YAML"),
        ("a: 1\n\tb: 2", 2, "no valid YAML"),
        ("a: !!python/name:os.system x", 1, "the tag"),
        ("? [1, 2]\n: x", 1, "a key that is no text"),
        ("&x [*x]", 1, "an alias that contains itself"),
        ("a: 1\n---\nb: 2", 2, "no valid YAML"),
        ("a: 1\nb: \0", 2, "no valid YAML"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text, line, said):
    problems = read(text)[1]
    assert said in problems[0].message
    assert problems[0].line == line


@pytest.mark.parametrize(
    ("key_path", "line"),
    [
        ("", 1),
        ("a", 1),
        ("a.b", 2),
        ("a.b.nothing", 2),
        ("a.c d.e", 4),
        ("a.list[1]", 7),
        ("a.list[9]", 5),
        ("a.list[1].x", 7),
        ("a.dot.ted.y", 9),
        ("nothing", 1),
    ],
)
def test_a_key_path_leads_to_the_nearest_place(key_path, line):
    text = "a:\n  b: 1\n  c d:\n    e: 2\n  list:\n  - 1\n  - x: 2\n  dot.ted:\n    y: 1\n"
    assert read(text)[0].nearest(key_path).line == line


@given(st.text(max_size=60) | st.text("{}[]:,-&*!|>'\"ab12 \n", max_size=60))
def test_any_text_is_read_or_complained_about(text):
    node, problems = read(text)
    assert problems or node is None or isinstance(node, Node)


def test_files_are_read_alike_with_and_without_libyaml(monkeypatch):
    texts = [path.read_text(encoding="utf-8") for path in sorted(Path(lims.__file__).parent.rglob("*.yaml"))]
    assert len(texts) > 20
    fast = [read(text) for text in texts]
    monkeypatch.setattr(yaml_nodes, "_FastLoader", yaml_nodes._Loader)
    assert [read(text) for text in texts] == fast
