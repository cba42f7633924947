"""Cascades and composed conditions from plain mappings; the notation is described in `workflows.declare`."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from workflows.cascades import EVENTS, SELF, Cascade, CascadeAction, FireRelated, NamedValue, RunEffect, SetField
from workflows.condition import Condition, ConditionFn, ConditionTest, Evaluator
from workflows.conditions import all_of, any_of, negate, never
from workflows.declarations import DeclarationProblem, Node
from workflows.definition import ConditionCall
from workflows.errors import DeclarationError
from workflows.reader import WorkflowSection
from workflows.world import PASSED, Context, Subject, Verdict, World, refused

CASCADE_KEYS = ("type", "after", "event", "do")
FIRE_KEYS = ("fire", "relation", "where", "when", "each", "attempt", "system", "cascade")
SET_KEYS = ("set", "value", "relation", "where", "when", "system")
RUN_KEYS = ("run", "args", "when", "system")
CONDITION_KEYS = ("all", "any", "not", "reason", "remedy")


def load_cascades(declared: Sequence[object], *, source: str = "") -> tuple[Cascade, ...]:
    """Read cascades in declared order, one for each type named; `source` names them in messages.

    Raises DeclarationError with all problems.
    """
    problems: list[DeclarationProblem] = []
    cascades = tuple(cascade for cascade, _ in read_cascades(Node(declared, source), problems))
    if problems:
        raise DeclarationError(problems)
    return cascades


def read_cascades(node: Node, problems: list[DeclarationProblem]) -> Iterator[tuple[Cascade, Node]]:
    """Read a list of cascades, each with its declaration; one declaration may name several types."""
    top = WorkflowSection(Node({"cascades": node}, node.file, node.line), "", problems)
    for section in top.list_sections("cascades", CASCADE_KEYS):
        for cascade in _cascade(section):
            yield cascade, section.node


def _cascade(section: WorkflowSection) -> list[Cascade]:
    types = section.texts("type") if isinstance(section.plain("type"), list | tuple) else (section.text("type"),)
    if not any(types):
        section.note("the key 'type' is missing", "the type, or a list of types, that sets it off", "type")
    after, event = section.text("after"), section.text("event")
    if bool(after) is bool(event):
        section.note("it must have exactly one of 'after' and 'event'", "after: transition, or event: created")
    if event:
        section.reference("event", event, EVENTS, "event")
    if not section.has("do"):
        section.note("None is not a list", "a list of actions", "do")
    entries = section.entries("do", "a list of actions")
    actions = [_action(section, f"do[{number}]", entry) for number, entry in enumerate(entries)]
    taken = tuple(action for action in actions if action is not None)
    return [Cascade(name, after or None, taken, event or None) for name in types]


def _action(parent: WorkflowSection, key: str, node: Node) -> CascadeAction | None:
    kinds = {"fire": FIRE_KEYS, "set": SET_KEYS, "run": RUN_KEYS}
    named = [kind for kind in kinds if kind in node.items()]
    if len(named) != 1:
        parent.note(f"{node.plain()!r} is not an action", "a mapping with exactly one of fire, set and run", key)
        return None
    section = WorkflowSection(node, parent.path(key), parent.problems, kinds[named[0]])
    if named[0] == "fire":
        return _fire(section)
    if named[0] == "set":
        return _set(section)
    args = dict(section.items("args"))
    return RunEffect(section.text("run", required=True), args, section.calls("when"), section.flag("system"))


def _fire(section: WorkflowSection) -> FireRelated:
    return FireRelated(
        transition=section.text("fire", required=True),
        relation=section.text("relation", SELF),
        where=section.filters("where"),
        when=section.calls("when"),
        each=section.calls("each"),
        attempt=section.flag("attempt"),
        system=section.flag("system"),
        cascade=section.flag("cascade", True),
    )


def _set(section: WorkflowSection) -> SetField:
    if "value" not in section:
        section.note("the key 'value' is missing", "a value, {now: true}, {actor: true} or {field: name}", "value")
    return SetField(
        field=section.text("set", required=True),
        value=_value(section, section.plain("value")),
        relation=section.text("relation", SELF),
        where=section.filters("where"),
        when=section.calls("when"),
        system=section.flag("system"),
    )


def _value(section: WorkflowSection, value: object) -> NamedValue:
    if not isinstance(value, Mapping):
        return NamedValue("literal", value)
    match dict(value):
        case {"literal": literal, **rest} if not rest:
            return NamedValue("literal", literal)
        case {"now": True, **rest} if not rest:
            return NamedValue("now")
        case {"actor": True, **rest} if not rest:
            return NamedValue("actor")
        case {"field": str(name), **rest} if not rest:
            return NamedValue("field", name)
    section.note(f"{value!r} is not a value", "{now: true}, {actor: true}, {field: name} or {literal: value}", "value")
    return NamedValue("literal")


def declared_conditions(declared: Mapping[str, object], *, source: str = "") -> dict[str, ConditionFn]:
    """Read conditions composed of others, for `WorkflowRegistry.extended`. Raises DeclarationError with all problems.

    That the conditions used exist, and that none uses itself, is found by `WorkflowRegistry.check`.
    """
    problems: list[DeclarationProblem] = []
    conditions = read_conditions(Node(declared, source), problems)
    if problems:
        raise DeclarationError(problems)
    return conditions


def read_conditions(node: Node, problems: list[DeclarationProblem]) -> dict[str, ConditionFn]:
    """Read a mapping of composed conditions."""
    top = WorkflowSection(node, "conditions", problems)
    return {name: _condition(name, top.section(name, CONDITION_KEYS)) for name in top.names()}


def _condition(name: str, section: WorkflowSection) -> Condition:
    kinds = [kind for kind in ("all", "any", "not") if kind in section]
    if len(kinds) != 1:
        section.note("it must have exactly one of 'all', 'any' and 'not'", "all: [conditions]")
        return Condition(never)
    calls = section.calls(kinds[0])
    if not calls:
        section.note("it names no condition", "at least one condition", kinds[0])
    preparation = partial(_composed, kinds[0], calls, section.text("reason"), section.text("remedy"))
    return Condition(preparation, uses=calls)


def _composed(
    kind: str, calls: tuple[ConditionCall, ...], reason: str, remedy: str, args: Mapping[str, object]
) -> ConditionTest:
    """The test of a declared condition: others, composed, with its own words for a no."""
    del args
    compose = {"all": all_of, "any": any_of}.get(kind)
    test = negate({"condition": calls}) if compose is None else compose({"conditions": calls})
    if not reason:
        return test
    always_alike = refused("condition", reason, remedy) if remedy and "{detail}" not in reason else None

    def worded(evaluator: Evaluator, world: World, subject: Subject, context: Context) -> Verdict:
        verdict = test(evaluator, world, subject, context)
        if verdict.passed:
            return PASSED
        if always_alike is not None:
            return always_alike
        detail = "; ".join(item.message for item in verdict.reasons)
        remedies = dict.fromkeys(item.remedy for item in verdict.reasons if item.remedy)
        return refused("condition", reason.replace("{detail}", detail), remedy or "; ".join(remedies))

    return worded
