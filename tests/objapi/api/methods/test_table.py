import pytest

from objapi.api.method import GET_AND_POST, Json, Method, MethodCall
from objapi.api.methods import METHODS, by_name
from objapi.api.methods.access import RULES
from objapi.http.access import API, PUBLIC
from objapi.security.needs import Need
from objapi.store.transaction import Transaction

NONE = (Need.NOTHING,)


def answer(call: MethodCall, tx: Transaction) -> Json:
    return {}


def answer_all(call: MethodCall) -> Json:
    return {}


def test_a_method_is_found_by_each_of_its_names() -> None:
    row = Method(name="a", aliases=("b",), access=API, needs=NONE, run=answer)
    assert by_name([row]) == {"a": row, "b": row}


@pytest.mark.parametrize("names", [("a", ()), ("b", ()), ("c", ("b",))])
def test_no_two_methods_share_a_name(names: tuple[str, tuple[str, ...]]) -> None:
    taken = Method(name="a", aliases=("b",), access=API, needs=NONE, run=answer)
    with pytest.raises(ValueError, match="two methods"):
        by_name([taken, Method(name=names[0], aliases=names[1], access=API, needs=NONE, run=answer)])


def test_a_row_that_would_open_data_to_all_is_refused() -> None:
    with pytest.raises(TypeError, match="PUBLIC"):
        Method(name="a", access=PUBLIC, run=answer)
    with pytest.raises(TypeError, match="PUBLIC"):
        Method(name="a", access=API, needs=NONE, run_open=answer_all)
    with pytest.raises(TypeError, match="no run_open"):
        Method(name="a", access=API, needs=NONE)


def test_a_method_that_does_not_say_what_it_needs_is_refused() -> None:
    with pytest.raises(TypeError, match="what its calls need"):
        Method(name="a", access=API, run=answer)
    with pytest.raises(TypeError, match="what its calls need"):
        Method(name="a", access=PUBLIC, needs=NONE, run_open=answer_all)


@pytest.mark.parametrize(
    ("writing", "verbs"),
    [
        ((), ("GET", "HEAD", "POST")),
        (("POST",), ("GET", "HEAD", "POST")),
        (GET_AND_POST, ("GET", "POST")),
    ],
)
def test_head_never_writes(writing: tuple[str, ...], verbs: tuple[str, ...]) -> None:
    assert Method(name="a", access=API, needs=NONE, run=answer, writing_verbs=writing).verbs == verbs


def test_every_method_that_changes_objects_says_so() -> None:
    writing = {name for name, method in METHODS.items() if method.writing_verbs == GET_AND_POST}
    assert writing >= {"create", "update", "update_many", "remove", "doActionFor", "doActionFor_many"}
    assert not writing & {"read", "history", "file", "types", "catalogs", "workflows", "version", "getusers"}


def test_methods_that_change_objects_are_held_to_a_rule_of_the_store() -> None:
    """The others make objects of several types by a file, take requests back, or change users, tokens or webhooks."""
    others = {method.name for method in METHODS.values() if method.writing_verbs and method.needs not in RULES}
    of_files = {"import_requests", "import_results", "ship"}
    assert others == of_files | {"undo", "restore", "users", "grants", "tokens", "webhooks"}
