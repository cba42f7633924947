"""Explanations: every reason of a refusal, those of one kind together, and nothing that the user may not know."""

from dataclasses import replace
from typing import Any

import pytest

from tests.workflows.building import machine, move, world_of
from workflows import ConditionCall, Guard, PlainWorld, Subject, Verdict, offers
from workflows.testing import PlainSubject

NUMBER = 8
FIVE = ", ".join(f"site/R/A{number}" for number in (7, 6, 5, 4, 3))
STATES = {"relation": "contents", "variable": "review_state", "states": ["received"]}


def laboratory() -> tuple[PlainWorld, PlainSubject]:
    """A folder of analyses that are all received, the second and third without a result."""
    world = world_of(machine(states={"received": ""}))
    folder = world.create("Folder", "R", entering=False)
    for number in range(NUMBER):
        world.create("Analysis", f"A{number}", folder).fields["Result"] = "" if number in (1, 2) else str(number)
    return world, folder


def as_seen(world: PlainWorld, monkeypatch: pytest.MonkeyPatch, hidden: tuple[str, ...] = (), **more: Any) -> None:
    """Let the user not see some objects, and contexts have more attributes."""
    plain = world.context

    def context(subject: Subject) -> Any:
        return replace(plain(subject), sees=str(subject.key).rpartition("/")[2] not in hidden, **more)

    monkeypatch.setattr(world, "context", context)


def asked(world: PlainWorld, subject: PlainSubject, name: str, args: dict[str, object]) -> Verdict:
    return world.registry.evaluate(ConditionCall(name, args), world, subject, world.context(subject))


EACH = {"relation": "contents", "conditions": [{"field_set": {"field": "Result"}}]}


@pytest.mark.parametrize(
    ("name", "args", "message"),
    [
        (
            "none_related_in",
            STATES,
            f"8 of its contents have review_state received ({FIVE} and 3 more)",
        ),
        (
            "all_related_in",
            {**STATES, "states": ["verified"], "where": {"Result": ""}},
            "2 of its contents have review_state received, not verified (site/R/A2, site/R/A1)",
        ),
        ("related_field_set", {"relation": "contents", "field": "Result"}, "2 of its contents have no Result"),
        ("each_related", EACH, "2 of its contents: Result is not set (site/R/A2, site/R/A1)"),
        (
            "holds_on_related",
            {"relation": "contents", "permission": "Verify", "where": {"Result": ""}},
            "the user lacks the permission Verify on 2 of its contents (site/R/A2, site/R/A1)",
        ),
    ],
)
def test_objects_with_one_fault_are_told_together(
    monkeypatch: pytest.MonkeyPatch, name: str, args: dict[str, object], message: str
) -> None:
    world, folder = laboratory()
    first = asked(world, folder, name, args)
    assert len(first.reasons) == 1
    assert " and " not in first.reasons[0].message
    as_seen(world, monkeypatch, explains=True)
    (reason,) = asked(world, folder, name, args).reasons
    assert reason.message.startswith(message)
    assert reason.remedy == first.reasons[0].remedy


@pytest.mark.parametrize("explains", [True, False])
def test_of_what_the_user_may_not_see_nothing_is_told(monkeypatch: pytest.MonkeyPatch, explains: bool) -> None:
    world, folder = laboratory()
    as_seen(world, monkeypatch, hidden=("A1", "A2"), explains=explains)
    for name, args in (("related_field_set", {"relation": "contents", "field": "Result"}), ("each_related", EACH)):
        (reason,) = asked(world, folder, name, args).reasons
        assert reason.message == "something of its contents that the user may not see holds it back"
    told = asked(world, folder, "none_related_in", STATES).sentence()
    assert ("6 of its contents" in told) is explains
    assert "A1" not in told


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("field_in", {"field": "Result", "values": ["x"]}),
        ("field_not_in", {"field": "Result", "values": ["5", "9"]}),
        ("related_field_in", {"relation": "itself", "field": "Result", "values": ["x"]}),
    ],
)
def test_a_value_that_the_user_may_not_read_is_not_told(
    monkeypatch: pytest.MonkeyPatch, name: str, args: dict[str, object]
) -> None:
    world, folder = laboratory()
    analysis = folder.contents[5]
    analysis.relations["itself"] = [analysis]
    assert "Result is 5" in (told := asked(world, analysis, name, args).sentence()) or "Result 5" in told
    as_seen(world, monkeypatch, reads=lambda field: field != "Result")
    told = asked(world, analysis, name, args).sentence()
    assert "Result" in told
    assert "Result is 5," not in told
    assert "Result is 5;" not in told
    assert "Result 5" not in told


@pytest.mark.parametrize("explains", [True, False])
def test_all_parts_of_a_guard_are_asked_when_it_is_to_be_explained(
    monkeypatch: pytest.MonkeyPatch, explains: bool
) -> None:
    guard = Guard(("Verify",), ("Verifier",), conditions=(ConditionCall("never"),))
    world = world_of(machine(states={"a": "go", "b": ""}, transitions=[move("go", "b", guard=guard)]))
    document = world.create("Document", "doc")
    as_seen(world, monkeypatch, explains=explains)
    with world.acting("ana"):
        (offer,) = offers(world, world.registry, document)
    kinds = [(reason.kind, reason.names) for reason in offer.verdict.reasons]
    expected = [("permission", ("Verify",)), ("role", ("Verifier",))]
    assert kinds == ([*expected, ("condition", ())] if explains else expected)


def test_a_no_without_a_reason_is_a_no_of_related_objects_too() -> None:
    world, folder = laboratory()
    world.registry = world.registry.extended(conditions={"mute": lambda *_: Verdict(False)})
    verdict = asked(world, folder, "each_related", {"relation": "contents", "conditions": ["mute"]})
    assert not verdict.passed
    assert verdict.sentence() == "site/R/A7 of its contents: a condition does not hold."
