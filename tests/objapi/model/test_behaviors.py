"""Behaviours are registered under a kind that exists, by functions that can be called as the kind is."""

import re
from collections.abc import Callable
from dataclasses import fields

import pytest

from objapi.model.behaviors import CALLED_WITH, Behaviors


def test_a_kind_that_does_not_exist_is_refused_with_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"there is no kind of behaviour 'chek', did you mean 'check'\?.*row_viewer"):
        Behaviors().add("chek", "short")


@pytest.mark.parametrize("kind", CALLED_WITH)
@pytest.mark.parametrize("function", [lambda: None, lambda *, planner: None, lambda a, b, c, d, e, f: None])
def test_a_function_that_does_not_fit_its_kind_is_refused(kind: str, function: Callable[..., object]) -> None:
    called = re.escape(f"the {kind} 'short' is called with ({', '.join(CALLED_WITH[kind])})")
    with pytest.raises(ValueError, match=called):
        Behaviors().add(kind, "short")(function)


@pytest.mark.parametrize("kind", CALLED_WITH)
def test_a_function_that_fits_is_registered_once(kind: str) -> None:
    behaviors = Behaviors()
    behaviors.add(kind, "short")(print)
    assert [len(getattr(behaviors, table.name)) for table in fields(behaviors)].count(1) == 1
    with pytest.raises(ValueError, match="two behaviours"):
        behaviors.add(kind, "short")(print)
