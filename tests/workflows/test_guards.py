"""Guards: or within a list, and between lists; roles in context; permissions on the object; manager bypass."""

from typing import Any

import pytest

from tests.workflows.building import machine, move, world_of
from workflows import (
    ConditionCall,
    Guard,
    PlainWorld,
    Reason,
    Registry,
    TransitionRefused,
    UnknownCondition,
    Verdict,
    WorkflowError,
)

NEVER = (ConditionCall("never"),)
ALWAYS = (ConditionCall("always"),)


def one_guard(guard: Guard, **attributes: Any) -> PlainWorld:
    return world_of(machine(states={"a": "go", "b": ""}, transitions=[move("go", "b", guard=guard)], **attributes))


@pytest.mark.parametrize(
    ("guard", "user", "roles", "groups", "passes"),
    [
        pytest.param(Guard(), None, (), (), True, id="an empty guard passes for anybody"),
        pytest.param(
            Guard(permissions=("P", "Q")), "ana", ("Q role",), (), True, id="one of the permissions is enough"
        ),
        pytest.param(Guard(permissions=("P",)), "ana", ("Q role",), (), False, id="none of the permissions"),
        pytest.param(Guard(permissions=("Unheard",)), "ana", ("Manager",), (), True, id="undeclared: Manager has it"),
        pytest.param(Guard(permissions=("Unheard",)), "ana", ("Owner",), (), False, id="undeclared: nobody else"),
        pytest.param(Guard(roles=("A", "B")), "ana", ("B",), (), True, id="one of the roles is enough"),
        pytest.param(Guard(roles=("A",)), "ana", ("Manager",), (), False, id="Manager is not every role"),
        pytest.param(Guard(roles=("Anonymous",)), None, (), (), True, id="not logged in: Anonymous"),
        pytest.param(Guard(roles=("Authenticated",)), None, (), (), False, id="not logged in: not Authenticated"),
        pytest.param(Guard(roles=("Anonymous",)), "ana", (), (), False, id="logged in: not Anonymous"),
        pytest.param(Guard(roles=("Authenticated",)), "ana", (), (), True, id="logged in: Authenticated"),
        pytest.param(Guard(groups=("g", "h")), "ana", (), ("h",), True, id="one of the groups is enough"),
        pytest.param(Guard(groups=("g",)), "ana", ("g",), (), False, id="a role is no group"),
        pytest.param(Guard(("P",), ("A",)), "ana", ("P role", "A"), (), True, id="both lists satisfied"),
        pytest.param(Guard(("P",), ("A",)), "ana", ("P role",), (), False, id="permission without role"),
        pytest.param(Guard(roles=("A",), groups=("g",)), "ana", ("A",), (), False, id="role without group"),
        pytest.param(Guard(roles=("A",), conditions=NEVER), "ana", ("A",), (), False, id="role, condition fails"),
        pytest.param(Guard(conditions=ALWAYS + NEVER), "ana", (), (), False, id="every condition must hold"),
        pytest.param(Guard(conditions=ALWAYS), None, (), (), True, id="a condition that holds"),
    ],
)
def test_guard_table(
    guard: Guard, user: str | None, roles: tuple[str, ...], groups: tuple[str, ...], passes: bool
) -> None:
    world = one_guard(guard)
    document = world.create("Document", "doc")
    world.set_permission(document, "P", ["P role"])
    world.set_permission(document, "Q", ["Q role"])
    with world.acting(user, roles, groups):
        assert world.supports(document, "go") is passes


@pytest.mark.parametrize("bypass", [True, False])
def test_manager_passes_whatever_the_guard_says_only_with_bypass(bypass: bool) -> None:
    world = one_guard(Guard(("P",), ("Owner",), ("g",), NEVER), manager_bypass=bypass)
    document = world.create("Document", "doc")
    world.set_permission(document, "P", [])
    with world.acting("root", ["Manager"]):
        assert world.supports(document, "go") is bypass


def test_bypass_counts_manager_as_a_local_role_of_the_object() -> None:
    world = one_guard(Guard(roles=("Owner",)), manager_bypass=True)
    folder = world.create("Folder", "f", entering=False)
    inside, outside = world.create("Document", "in", folder), world.create("Document", "out")
    world.grant(folder, "ana", ["Manager"])
    with world.acting("ana"):
        assert world.supports(inside, "go")
        assert not world.supports(outside, "go")


@pytest.mark.parametrize("principal", ["ana", "staff"])
@pytest.mark.parametrize("level", ["object", "container", "site"])
def test_local_roles_count_on_the_object_and_every_container_by_user_or_group(principal: str, level: str) -> None:
    world = one_guard(Guard(roles=("Reviewer",)))
    folder = world.create("Folder", "f", entering=False)
    document = world.create("Document", "doc", folder)
    world.grant({"object": document, "container": folder, "site": world.site}[level], principal, ["Reviewer"])
    with world.acting("ana", groups=["staff"]):
        assert world.supports(document, "go")
    with world.acting("ben", groups=["guests"]):
        assert not world.supports(document, "go")


def test_refusal_says_who_what_state_why_and_what_else_is_allowed() -> None:
    guard = Guard(permissions=("Review portal content",))
    world = world_of(
        machine(states={"a": "go stay"}, transitions=[move("go", "a", guard=guard), move("stay")], title="Docs")
    )
    document = world.create("Document", "doc")
    with world.acting("ana"), pytest.raises(TransitionRefused) as caught:
        world.do_action(document, "go")
    error = caught.value
    assert (error.subject, error.transition, error.states, error.allowed) == (document, "go", {"wf": "a"}, ("stay",))
    assert [reason.kind for reason in error.verdict.reasons] == ["permission"]
    for part in ("site/doc", "wf: a", "'go'", "Review portal content", "stay"):
        assert part in str(error)


def test_permission_role_and_group_reasons_come_together_and_conditions_only_after_them() -> None:
    calls: list[str] = []

    def spy(*_: object) -> bool:
        calls.append("asked")
        return False

    registry = Registry.standard().extended(conditions={"spy": spy})
    guard = Guard(("P",), ("A",), ("g",), (ConditionCall("spy"),))
    world = world_of(machine(states={"a": "go"}, transitions=[move("go", guard=guard)]), registry=registry)
    document = world.create("Document", "doc")
    world.set_permission(document, "P", ["A"])
    with world.acting("ana"), pytest.raises(TransitionRefused) as caught:
        world.do_action(document, "go")
    assert [reason.kind for reason in caught.value.verdict.reasons] == ["permission", "role", "group"]
    assert calls == []
    with world.acting("ana", ["A"], ["g"]), pytest.raises(TransitionRefused) as caught:
        world.do_action(document, "go")
    assert [reason.kind for reason in caught.value.verdict.reasons] == ["condition"]
    assert "spy" in str(caught.value)


def test_unknown_condition_is_an_error_that_suggests_a_name_not_a_pass() -> None:
    world = one_guard(Guard(conditions=(ConditionCall("field_sett", {"field": "x"}),)))
    document = world.create("Document", "doc")
    with pytest.raises(UnknownCondition, match=r"'field_sett'.*'field_set'"):
        world.do_action(document, "go")
    assert issubclass(UnknownCondition, WorkflowError)


@pytest.mark.parametrize(
    ("reasons", "sentence"),
    [
        ((), ""),
        ((Reason("role", "it needs the role Chief", "ask a Chief"),), "it needs the role Chief; ask a Chief."),
        ((Reason("condition", "Not today."), Reason("condition", "why?")), "Not today. why?"),
    ],
)
def test_a_refusal_and_its_remedy_make_one_sentence(reasons: tuple[Reason, ...], sentence: str) -> None:
    assert Verdict(not reasons, reasons).sentence() == sentence
