"""Whatever happens to an object, taking it back from the newest to the oldest gives what was before."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objapi.model.former_values import ObjectState, PastChange, changed_elsewhere, same_value, taken_back

NAMES = st.sampled_from(("a", "b", "c"))
VALUES = st.one_of(st.none(), st.text(max_size=3), st.integers(0, 9), st.lists(st.text(max_size=1), max_size=2))
STEPS = st.one_of(
    st.tuples(st.just("update"), st.dictionaries(NAMES, VALUES, min_size=1)),
    st.tuples(st.just("transition"), st.dictionaries(st.sampled_from(("s", "t")), st.sampled_from(("on", "off")))),
    st.tuples(st.just("rename"), st.text("xyz", min_size=1, max_size=2)),
    st.tuples(st.just("move"), st.integers(1, 3)),
    st.tuples(st.just("replace"), st.none()),
)
START = ObjectState({"a": "1"}, {}, "x", "/1/x", 1, 1)


def after(state: ObjectState, step: tuple[str, object]) -> tuple[ObjectState, list[PastChange]]:
    """The object after a step, with the entries of the history, oldest first."""
    kind, given_value = step
    version = (state.version or 0) + 1
    if kind in ("update", "transition"):
        assert isinstance(given_value, dict)
        there = state.values if kind == "update" else state.variables
        changes = {name: [there.get(name), value] for name, value in given_value.items()}
        now = {**there, **given_value}
        changed = replace(state, values=now) if kind == "update" else replace(state, variables=now)
        return replace(changed, version=version), [PastChange(kind, changes, version, state.path)]
    if kind == "replace":
        # Removed and restored: the removal keeps the states, and the restoration begins a new life with them.
        gone = PastChange(
            "remove",
            {name: [value, None] for name, value in state.values.items()},
            version,
            state.path,
            {"states": {"w": {"status": dict(state.variables)}}, "parent": state.parent},
        )
        made = PastChange("create", {}, version + 1, state.path)
        return replace(state, version=version + 1), [gone, made]
    parent = given_value if kind == "move" else state.parent
    own_id = given_value if kind == "rename" else state.id
    path = f"/{parent}/{own_id}"
    if path == state.path:
        return state, []
    changes = {name: [old, new] for name, old, new in (("id", state.id, own_id), ("path", state.path, path))}
    assert isinstance(parent, int)
    moved = replace(state, id=str(own_id), path=path, parent=parent, version=version)
    return moved, [PastChange("rename", changes, version, path, {"parent": state.parent})]


@given(st.lists(STEPS, max_size=12), st.integers(0, 12))
def test_taking_back_what_came_later_gives_what_was(steps: list[tuple[str, object]], kept: int) -> None:
    state, then, later = START, START, list[PastChange]()
    for number, step in enumerate(steps):
        state, entries = after(state, step)
        if number < kept:
            then = state
        else:
            later += entries
    found = taken_back(state, reversed(later))
    assert found is not None

    def known(values: dict[str, object]) -> dict[str, object]:
        return {name: value for name, value in values.items() if value is not None}

    assert known(dict(found.values)) == known(dict(then.values))
    assert (found.variables, found.id, found.path, found.version) == (then.variables, then.id, then.path, then.version)
    assert found.parent == then.parent


def test_before_its_creation_nothing_was_there() -> None:
    made = PastChange("create", {"a": [None, "1"]}, 1, "/1/x")
    gone = PastChange("remove", {"a": ["1", None]}, 2, "/1/x")
    assert taken_back(START, [made]) is None
    assert taken_back(None, [gone, made]) is None
    found = taken_back(None, [gone])
    assert found is not None
    assert (found.values, found.version, found.states_known) == ({"a": "1"}, 1, False)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("1.50", 1.5, True),
        (None, "", True),
        ("2026-01-01T12:00:00+00:00", "2026-01-01T13:00:00+01:00", True),
        (True, 1, True),
        ("a", "b", False),
        ("1", None, False),
        ("1.5", "1.6", False),
    ],
)
def test_values_are_the_same_however_they_are_spelt(one: object, other: object, same: bool) -> None:
    assert same_value(one, other) is same


def test_what_the_last_entry_does_not_say_was_changed_elsewhere() -> None:
    changes = [
        PastChange("update", {"a": ["0", "1"]}, None),
        PastChange("create", {"a": [None, "0"], "b": [None, "x"]}),
    ]
    assert changed_elsewhere(replace(START, values={"a": "1", "b": "x"}), changes) == ()
    assert changed_elsewhere(replace(START, values={"a": "2", "b": "x"}), changes) == ("a",)
    assert changed_elsewhere(None, changes) == ("",)
    assert changed_elsewhere(None, [PastChange("remove", {"a": ["1", None]}), *changes]) == ()
    assert changed_elsewhere(START, [PastChange("remove", {"a": ["1", None]}), *changes]) == ("",)
