import codecs
import encodings
import pkgutil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objapi.http.forms.pairs import canonical_codec, cut, known_charset, parse_name

ALL_CODECS = sorted(
    set(encodings.aliases.aliases)
    | {module.name for module in pkgutil.iter_modules(encodings.__path__)}
    | {"UTF-8", "Latin-1", "utf-8\n", "u8", "utf--8", "bool", "foo", "alias", "lists"}
)


def python_knows(name: str) -> bool:
    try:
        codecs.lookup(name)
    except LookupError:
        return False
    return True


@pytest.mark.parametrize("name", ALL_CODECS)
def test_a_codec_is_known_exactly_when_python_knows_it(name: str) -> None:
    assert (canonical_codec(name) is not None) == python_knows(name)


@pytest.mark.parametrize("name", ["hex", "base64", "rot13", "zip", "idna", "punycode", "unicode_escape", "nothing"])
def test_what_is_no_character_set_is_none_here(name: str) -> None:
    assert known_charset(name) is None


@pytest.mark.parametrize(("name", "charset"), [("UTF-8", "utf_8"), ("l1", "latin_1"), ("windows-1252", "cp1252")])
def test_character_sets_have_one_name(name: str, charset: str) -> None:
    assert known_charset(name) == charset


def test_the_converter_farthest_left_wins() -> None:
    assert parse_name("a:lines:int:list").converter == "lines"


def test_tuple_remembers_the_name_left_of_it() -> None:
    assert parse_name("r.a:int:tuple:record").tuple_names == ("r.a:int",)


@given(st.text(max_size=40))
def test_cutting_only_ever_shortens(name: str) -> None:
    parts = cut(name)
    if parts is not None:
        assert name == f"{parts[0]}{name[len(parts[0])]}{parts[1]}"
    assert name.startswith(parse_name(name).name)
    assert cut(parse_name(name).name) is None
