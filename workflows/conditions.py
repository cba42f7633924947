"""The generic conditions that every registry has; with them most guards are data.

On the object itself: `field_set` and `field_empty` (field), `field_in` and `field_not_in` (field, values), `state_in`
and `state_not_in` (variable, states), `type_in` (types), `holds` (permission), `has_role` (roles), `not_last_actor`
(transition, unless_holds). On objects in a relation: `has_related` (relation), `any_related_in`, `all_related_in`,
`none_related_in` (relation, variable, states), `related_field_set` (relation, field), `related_field_in` (relation,
field, values), `holds_on_related` (relation, permission), `each_related` and `some_related` (relation, conditions);
all of them take `where`, which narrows the relation (see `workflows.condition`). Composed: `all_of` and `any_of`
(conditions), `negate` (condition), `choose` (if, then, else). Fixed: `always`, `never`, `unsupported_expression`
(expression), which refuses.

Statements about *all* and *none* hold when there is no object; combine them with `has_related` where one is needed.
An exception to that: `related_field_set` and `related_field_in` need at least one, as they usually speak of a single
object.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from workflows.condition import Condition, Evaluator, parse_calls, parse_where, text_argument, values_argument
from workflows.definition import ConditionCall
from workflows.world import PASSED, Context, Reason, Subject, Verdict, World, refused

Args = Mapping[str, object]


def is_empty(value: object) -> bool:
    """True if a field value counts as not set: None, the empty text, an empty collection. Zero and False are values."""
    return value is None or (isinstance(value, str | list | tuple | dict | set | frozenset) and not value)


def _answer(passed: bool, message: str, remedy: str = "") -> Verdict:
    return PASSED if passed else refused("condition", message, remedy)


def _listed(values: tuple[object, ...]) -> str:
    return " or ".join(str(value) for value in values)


def field_set(_: Evaluator, world: World, subject: Subject, context: Context, args: Args) -> Verdict:
    """The field has a value."""
    field = text_argument(args, "field")
    return _answer(not is_empty(subject.value(field)), f"{field} is not set", f"set {field}")


def field_empty(_: Evaluator, world: World, subject: Subject, context: Context, args: Args) -> Verdict:
    """The field has no value."""
    field = text_argument(args, "field")
    return _answer(is_empty(subject.value(field)), f"{field} is set", f"clear {field}")


def field_in(_: Evaluator, world: World, subject: Subject, context: Context, args: Args) -> Verdict:
    """The field has one of the values."""
    field, values = text_argument(args, "field"), values_argument(args, "values")
    value = subject.value(field)
    if value in values:
        return PASSED
    # Of a value that the user may not read it is told what it is not.
    shown = f"{field} is {value}, not" if context.reads(field) else f"{field} is not"
    return refused("condition", f"{shown} {_listed(values)}", f"set {field} to {_listed(values)}")


def field_not_in(_: Evaluator, world: World, subject: Subject, context: Context, args: Args) -> Verdict:
    """The field has none of the values."""
    field, values = text_argument(args, "field"), values_argument(args, "values")
    value = subject.value(field)
    if value not in values:
        return PASSED
    shown = f"{field} is {value if context.reads(field) else _listed(values)}"
    return refused("condition", shown, f"give {field} another value")


def state_in(_: Evaluator, world: World, subject: Subject, context: Context, args: Args) -> Verdict:
    """A workflow state variable of the object has one of the states."""
    variable, states = text_argument(args, "variable"), values_argument(args, "states")
    state = subject.value(variable)
    if state in states:
        return PASSED
    return refused("condition", f"{variable} is {state}, not {_listed(states)}", f"bring it to {_listed(states)}")


def state_not_in(_: Evaluator, world: World, subject: Subject, context: Context, args: Args) -> Verdict:
    """A workflow state variable of the object has none of the states."""
    variable, states = text_argument(args, "variable"), values_argument(args, "states")
    state = subject.value(variable)
    return (
        PASSED if state not in states else refused("condition", f"{variable} is {state}", "bring it to another state")
    )


def type_in(_: Evaluator, world: World, subject: Subject, context: Context, args: Args) -> Verdict:
    """The object is of one of the types."""
    types = values_argument(args, "types")
    if subject.type_name in types:
        return PASSED
    return refused("condition", f"it is of type {subject.type_name}, not {_listed(types)}")


def holds(_: Evaluator, world: World, subject: Subject, context: Context, args: Args) -> Verdict:
    """The user has the permission on the object."""
    permission = text_argument(args, "permission")
    if context.holds(permission):
        return PASSED
    return refused("condition", f"the user lacks the permission {permission}", f"ask someone with {permission}")


def has_role(_: Evaluator, world: World, subject: Subject, context: Context, args: Args) -> Verdict:
    """The user has one of the roles on the object."""
    roles = values_argument(args, "roles")
    if any(role in context.roles for role in roles):
        return PASSED
    return refused("condition", f"the user is not {_listed(roles)} here", f"ask someone who is {_listed(roles)}")


def not_last_actor(_: Evaluator, world: World, subject: Subject, context: Context, args: Args) -> Verdict:
    """The user is not the one who last took the transition on this object, or has the permission `unless_holds`."""
    transition = text_argument(args, "transition")
    actors = (subject.last_actor(workflow.id, transition) for workflow in world.chain(subject))
    if context.user_id is None or context.user_id not in actors:
        return PASSED
    if "unless_holds" in args and context.holds(text_argument(args, "unless_holds")):
        return PASSED
    return refused(
        "condition", f"{transition} of {subject.key} was done by the same user, {context.user_id}", "ask someone else"
    )


def _related(world: World, subject: Subject, args: Args) -> Iterator[Subject]:
    """The related objects that pass `where`, last first.

    Batches work from the first to the last, so the one that still holds things back is found soonest from the end.
    """
    filters = parse_where(args.get("where"))
    for other in reversed(world.related(subject, text_argument(args, "relation"))):
        if all(where.matches(other) for where in filters):
            yield other


_MOST_NAMED: Final = 5
"""Objects of one fault that a reason names; of the others it tells the number."""


@dataclass(frozen=True, slots=True)
class _Fault:
    """What is wrong with a related object, in words around those that name it, and what would mend it."""

    before: str = ""
    verb: str = ""
    after: str = ""
    remedy: str = ""
    kind: str = "condition"

    def reason(self, named: list[str], relation: object) -> Reason:
        """The reason for the objects that have the fault."""
        if len(named) == 1:
            whom = f"{named[0]} of its {relation}"
            return Reason(self.kind, f"{self.before}{whom}{self.verb}{self.after}", self.remedy)
        shown, more = ", ".join(named[:_MOST_NAMED]), len(named) - _MOST_NAMED
        shown += f" and {more} more" if more > 0 else ""
        verb = " have " if self.verb == " has " else self.verb
        message = f"{self.before}{len(named)} of its {relation}{verb}{self.after} ({shown})"
        return Reason(self.kind, message, self.remedy)


def _unless_faulty(
    world: World, subject: Subject, context: Context, args: Args, faults: Callable[[Subject], Sequence[_Fault]]
) -> Verdict:
    """Refuse for the first related object that has faults; where the context explains for all, by what they lack.

    Of those that the user may not see it is told that there is one.
    """
    found: dict[_Fault, list[str]] = {}
    hidden = False
    for other in _related(world, subject, args):
        wrong = faults(other)
        if not wrong:
            continue
        if world.context(other).sees:
            for fault in wrong:
                found.setdefault(fault, []).append(str(other.key))
        else:
            hidden = True
        if not context.explains:
            break
    reasons = [fault.reason(named, args["relation"]) for fault, named in found.items()]
    if hidden:
        message = f"something of its {args['relation']} that the user may not see holds it back"
        reasons.append(Reason("condition", message, "ask someone who sees it"))
    return Verdict(False, tuple(reasons)) if reasons else PASSED


def has_related(_: Evaluator, world: World, subject: Subject, context: Context, args: Args) -> Verdict:
    """There is at least one object in the relation."""
    found = next(_related(world, subject, args), None) is not None
    return _answer(found, f"it has no {args['relation']}", f"add {args['relation']}")


def any_related_in(_: Evaluator, world: World, subject: Subject, context: Context, args: Args) -> Verdict:
    """At least one object in the relation has one of the states."""
    variable, states = text_argument(args, "variable"), values_argument(args, "states")
    found = any(other.value(variable) in states for other in _related(world, subject, args))
    return _answer(found, f"none of its {args['relation']} has {variable} {_listed(states)}")


def all_related_in(_: Evaluator, world: World, subject: Subject, context: Context, args: Args) -> Verdict:
    """Every object in the relation has one of the states."""
    variable, states = text_argument(args, "variable"), values_argument(args, "states")

    def faults(other: Subject) -> Sequence[_Fault]:
        if (state := other.value(variable)) in states:
            return ()
        return (_Fault("", " has ", f"{variable} {state}, not {_listed(states)}", f"bring it to {_listed(states)}"),)

    return _unless_faulty(world, subject, context, args, faults)


def none_related_in(_: Evaluator, world: World, subject: Subject, context: Context, args: Args) -> Verdict:
    """No object in the relation has one of the states."""
    variable, states = text_argument(args, "variable"), values_argument(args, "states")

    def faults(other: Subject) -> Sequence[_Fault]:
        if (state := other.value(variable)) not in states:
            return ()
        return (_Fault("", " has ", f"{variable} {state}", "move it on first"),)

    return _unless_faulty(world, subject, context, args, faults)


def _unless_missing(world: World, subject: Subject, args: Args, verdict: Verdict) -> Verdict:
    """The verdict on the related objects, refused where there is none."""
    if verdict.passed and next(_related(world, subject, args), None) is None:
        return refused("condition", f"it has no {args['relation']}", f"add {args['relation']}")
    return verdict


def related_field_set(_: Evaluator, world: World, subject: Subject, context: Context, args: Args) -> Verdict:
    """There is an object in the relation, and each of them has a value in the field."""
    field = text_argument(args, "field")

    def faults(other: Subject) -> Sequence[_Fault]:
        return (_Fault("", " has ", f"no {field}", f"set {field} there"),) if is_empty(other.value(field)) else ()

    return _unless_missing(world, subject, args, _unless_faulty(world, subject, context, args, faults))


def related_field_in(_: Evaluator, world: World, subject: Subject, context: Context, args: Args) -> Verdict:
    """There is an object in the relation, and each of them has one of the values in the field."""
    field, values = text_argument(args, "field"), values_argument(args, "values")

    def faults(other: Subject) -> Sequence[_Fault]:
        if (value := other.value(field)) in values:
            return ()
        shown = f"{field} {value}, not" if world.context(other).reads(field) else f"a {field} that is not"
        return (_Fault("", " has ", f"{shown} {_listed(values)}"),)

    return _unless_missing(world, subject, args, _unless_faulty(world, subject, context, args, faults))


def holds_on_related(_: Evaluator, world: World, subject: Subject, context: Context, args: Args) -> Verdict:
    """The user has the permission on every object in the relation."""
    permission = text_argument(args, "permission")

    def faults(other: Subject) -> Sequence[_Fault]:
        if world.context(other).holds(permission):
            return ()
        return (_Fault(f"the user lacks the permission {permission} on ", remedy=f"ask someone with {permission}"),)

    return _unless_faulty(world, subject, context, args, faults)


def all_of(evaluator: Evaluator, world: World, subject: Subject, context: Context, args: Args) -> Verdict:
    """Every one of the conditions holds; the reasons are those of all that do not."""
    return _all_hold(parse_calls(args["conditions"]), evaluator, world, subject, context)


def _all_hold(
    calls: Sequence[ConditionCall], evaluator: Evaluator, world: World, subject: Subject, context: Context
) -> Verdict:
    failed: list[Verdict] = []
    for call in calls:
        verdict = evaluator.evaluate(call, world, subject, context)
        if not verdict.passed:
            failed.append(verdict)
    if len(failed) < 2:
        return failed[0] if failed else PASSED
    return Verdict(False, tuple(reason for verdict in failed for reason in verdict.reasons))


def any_of(evaluator: Evaluator, world: World, subject: Subject, context: Context, args: Args) -> Verdict:
    """At least one of the conditions holds; else the reasons are those of all of them."""
    reasons: list[Reason] = []
    for call in parse_calls(args["conditions"]):
        verdict = evaluator.evaluate(call, world, subject, context)
        if verdict.passed:
            return PASSED
        reasons.extend(verdict.reasons)
    return Verdict(False, tuple(reasons) or (Reason("condition", "the list of conditions is empty"),))


def negate(evaluator: Evaluator, world: World, subject: Subject, context: Context, args: Args) -> Verdict:
    """The condition does not hold (of several: not all of them hold)."""
    calls = parse_calls(args["condition"])
    if not _all_hold(calls, evaluator, world, subject, context).passed:
        return PASSED
    names = " and ".join(call.name for call in calls)
    return refused("condition", f"the condition {names} holds, and must not")


def choose(evaluator: Evaluator, world: World, subject: Subject, context: Context, args: Args) -> Verdict:
    """Condition `then` holds where `if` does, `else` where it does not; a branch left out passes."""
    question = _all_hold(parse_calls(args["if"]), evaluator, world, subject, context)
    branch = args.get("then" if question.passed else "else", ())
    return _all_hold(parse_calls(branch), evaluator, world, subject, context)


def each_related(evaluator: Evaluator, world: World, subject: Subject, context: Context, args: Args) -> Verdict:
    """The conditions hold for every object in the relation, as the same user sees it."""
    calls = parse_calls(args["conditions"])

    def faults(other: Subject) -> Sequence[_Fault]:
        verdict = _all_hold(calls, evaluator, world, other, world.context(other))
        if verdict.passed:
            return ()
        # A condition may say no without a word, and is a no all the same.
        reasons = verdict.reasons or (Reason("condition", "a condition does not hold"),)
        return [_Fault("", ": ", reason.message, reason.remedy, reason.kind) for reason in reasons]

    return _unless_faulty(world, subject, context, args, faults)


def some_related(evaluator: Evaluator, world: World, subject: Subject, context: Context, args: Args) -> Verdict:
    """The conditions hold for at least one object in the relation."""
    calls = parse_calls(args["conditions"])
    for other in _related(world, subject, args):
        if _all_hold(calls, evaluator, world, other, world.context(other)).passed:
            return PASSED
    names = " and ".join(call.name for call in calls)
    return refused("condition", f"{names} holds for none of its {args['relation']}")


def always(_: Evaluator, world: World, subject: Subject, context: Context, args: Args) -> bool:
    """True in every case."""
    return True


def never(_: Evaluator, world: World, subject: Subject, context: Context, args: Args) -> Verdict:
    """Does not hold."""
    return refused("condition", "the definition never allows it")


def unsupported_expression(_: Evaluator, world: World, subject: Subject, context: Context, args: Args) -> Verdict:
    """False, with the guard expression of an imported definition that could not be carried over as the reason."""
    return refused(
        "condition",
        f"the guard expression {args['expression']!r} of the imported definition cannot be evaluated here",
        "name a condition for it when the definition is read",
    )


_OF_RELATED = ("relation", "variable", "states")
_WHERE = ("where",)

STANDARD: Mapping[str, Condition] = {
    "field_set": Condition(field_set, ("field",)),
    "field_empty": Condition(field_empty, ("field",)),
    "field_in": Condition(field_in, ("field", "values")),
    "field_not_in": Condition(field_not_in, ("field", "values")),
    "state_in": Condition(state_in, ("variable", "states")),
    "state_not_in": Condition(state_not_in, ("variable", "states")),
    "type_in": Condition(type_in, ("types",)),
    "holds": Condition(holds, ("permission",)),
    "has_role": Condition(has_role, ("roles",)),
    "not_last_actor": Condition(not_last_actor, ("transition",), ("unless_holds",)),
    "has_related": Condition(has_related, ("relation",), _WHERE),
    "any_related_in": Condition(any_related_in, _OF_RELATED, _WHERE),
    "all_related_in": Condition(all_related_in, _OF_RELATED, _WHERE),
    "none_related_in": Condition(none_related_in, _OF_RELATED, _WHERE),
    "related_field_set": Condition(related_field_set, ("relation", "field"), _WHERE),
    "related_field_in": Condition(related_field_in, ("relation", "field", "values"), _WHERE),
    "holds_on_related": Condition(holds_on_related, ("relation", "permission"), _WHERE),
    "each_related": Condition(each_related, ("relation", "conditions"), _WHERE, ("conditions",)),
    "some_related": Condition(some_related, ("relation", "conditions"), _WHERE, ("conditions",)),
    "all_of": Condition(all_of, ("conditions",), (), ("conditions",)),
    "any_of": Condition(any_of, ("conditions",), (), ("conditions",)),
    "negate": Condition(negate, ("condition",), (), ("condition",)),
    "choose": Condition(choose, ("if",), ("then", "else"), ("if", "then", "else")),
    "always": Condition(always),
    "never": Condition(never),
    "unsupported_expression": Condition(unsupported_expression, ("expression",)),
}
