"""The generic conditions that every registry has; with them most guards are data.

On the object itself: `field_set` and `field_empty` (field), `field_in` and `field_not_in` (field, values), `state_in`
and `state_not_in` (variable, states), `type_in` (types), `holds` (permission), `has_role` (roles), `not_last_actor`
(transition, unless_holds). On objects in a relation: those of `workflows.related_conditions`. Composed: `all_of` and
`any_of` (conditions), `negate` (condition), `choose` (if, then, else). Fixed: `always`, `never`,
`unsupported_expression` (expression), which refuses.

Each function reads the arguments of a call once and gives the test that is asked of object after object.
"""

from collections.abc import Mapping

from workflows import related_conditions as related
from workflows.condition import Args, Condition, ConditionTest, Evaluator, parse_calls, text_argument, values_argument
from workflows.related_conditions import all_hold, is_empty, listed
from workflows.world import PASSED, Context, Reason, Subject, Verdict, World, refused


def field_set(args: Args) -> ConditionTest:
    """The field has a value."""
    field = text_argument(args, "field")
    no = refused("condition", f"{field} is not set", f"set {field}")

    def test(_: Evaluator, world: World, subject: Subject, context: Context) -> Verdict:
        return no if is_empty(subject.value(field)) else PASSED

    return test


def field_empty(args: Args) -> ConditionTest:
    """The field has no value."""
    field = text_argument(args, "field")
    no = refused("condition", f"{field} is set", f"clear {field}")

    def test(_: Evaluator, world: World, subject: Subject, context: Context) -> Verdict:
        return PASSED if is_empty(subject.value(field)) else no

    return test


def field_in(args: Args) -> ConditionTest:
    """The field has one of the values."""
    field, values = text_argument(args, "field"), values_argument(args, "values")
    wanted = listed(values)

    def test(_: Evaluator, world: World, subject: Subject, context: Context) -> Verdict:
        value = subject.value(field)
        if value in values:
            return PASSED
        # Of a value that the user may not read it is told what it is not.
        shown = f"{field} is {value}, not" if context.reads(field) else f"{field} is not"
        return refused("condition", f"{shown} {wanted}", f"set {field} to {wanted}")

    return test


def field_not_in(args: Args) -> ConditionTest:
    """The field has none of the values."""
    field, values = text_argument(args, "field"), values_argument(args, "values")

    def test(_: Evaluator, world: World, subject: Subject, context: Context) -> Verdict:
        value = subject.value(field)
        if value not in values:
            return PASSED
        shown = f"{field} is {value if context.reads(field) else listed(values)}"
        return refused("condition", shown, f"give {field} another value")

    return test


def state_in(args: Args) -> ConditionTest:
    """A workflow state variable of the object has one of the states."""
    variable, states = text_argument(args, "variable"), values_argument(args, "states")
    wanted = listed(states)

    def test(_: Evaluator, world: World, subject: Subject, context: Context) -> Verdict:
        state = subject.value(variable)
        if state in states:
            return PASSED
        return refused("condition", f"{variable} is {state}, not {wanted}", f"bring it to {wanted}")

    return test


def state_not_in(args: Args) -> ConditionTest:
    """A workflow state variable of the object has none of the states."""
    variable, states = text_argument(args, "variable"), values_argument(args, "states")

    def test(_: Evaluator, world: World, subject: Subject, context: Context) -> Verdict:
        state = subject.value(variable)
        if state not in states:
            return PASSED
        return refused("condition", f"{variable} is {state}", "bring it to another state")

    return test


def type_in(args: Args) -> ConditionTest:
    """The object is of one of the types."""
    types = values_argument(args, "types")
    verdicts: dict[str, Verdict] = {}

    def test(_: Evaluator, world: World, subject: Subject, context: Context) -> Verdict:
        name = subject.type_name
        verdict = verdicts.get(name)
        if verdict is None:
            no = refused("condition", f"it is of type {name}, not {listed(types)}")
            verdict = verdicts[name] = PASSED if name in types else no
        return verdict

    return test


def holds(args: Args) -> ConditionTest:
    """The user has the permission on the object."""
    permission = text_argument(args, "permission")
    no = refused("condition", f"the user lacks the permission {permission}", f"ask someone with {permission}")

    def test(_: Evaluator, world: World, subject: Subject, context: Context) -> Verdict:
        return PASSED if context.holds(permission) else no

    return test


def has_role(args: Args) -> ConditionTest:
    """The user has one of the roles on the object."""
    roles = values_argument(args, "roles")
    no = refused("condition", f"the user is not {listed(roles)} here", f"ask someone who is {listed(roles)}")

    def test(_: Evaluator, world: World, subject: Subject, context: Context) -> Verdict:
        return PASSED if any(role in context.roles for role in roles) else no

    return test


def not_last_actor(args: Args) -> ConditionTest:
    """The user is not the one who last took the transition on this object, or has the permission `unless_holds`."""
    transition = text_argument(args, "transition")
    permission = text_argument(args, "unless_holds") if "unless_holds" in args else None

    def test(_: Evaluator, world: World, subject: Subject, context: Context) -> Verdict:
        actors = (subject.last_actor(workflow.id, transition) for workflow in world.chain(subject))
        if context.user_id is None or context.user_id not in actors:
            return PASSED
        if permission is not None and context.holds(permission):
            return PASSED
        message = f"{transition} of {subject.key} was done by the same user, {context.user_id}"
        return refused("condition", message, "ask someone else")

    return test


def all_of(args: Args) -> ConditionTest:
    """Every one of the conditions holds; the reasons are those of all that do not."""
    calls = parse_calls(args["conditions"])

    def test(evaluator: Evaluator, world: World, subject: Subject, context: Context) -> Verdict:
        return all_hold(calls, evaluator, world, subject, context)

    return test


def any_of(args: Args) -> ConditionTest:
    """At least one of the conditions holds; else the reasons are those of all of them."""
    calls = parse_calls(args["conditions"])

    def test(evaluator: Evaluator, world: World, subject: Subject, context: Context) -> Verdict:
        reasons: list[Reason] = []
        for call in calls:
            verdict = evaluator.evaluate(call, world, subject, context)
            if verdict.passed:
                return PASSED
            reasons.extend(verdict.reasons)
        return Verdict(False, tuple(reasons) or (Reason("condition", "the list of conditions is empty"),))

    return test


def negate(args: Args) -> ConditionTest:
    """The condition does not hold (of several: not all of them hold)."""
    calls = parse_calls(args["condition"])
    names = " and ".join(call.name for call in calls)
    no = refused("condition", f"the condition {names} holds, and must not")

    def test(evaluator: Evaluator, world: World, subject: Subject, context: Context) -> Verdict:
        return no if all_hold(calls, evaluator, world, subject, context).passed else PASSED

    return test


def choose(args: Args) -> ConditionTest:
    """Condition `then` holds where `if` does, `else` where it does not; a branch left out passes."""
    asked, then, otherwise = (parse_calls(args.get(name, ())) for name in ("if", "then", "else"))

    def test(evaluator: Evaluator, world: World, subject: Subject, context: Context) -> Verdict:
        branch = then if all_hold(asked, evaluator, world, subject, context).passed else otherwise
        return all_hold(branch, evaluator, world, subject, context)

    return test


def always(_: Args) -> ConditionTest:
    """True in every case."""
    return lambda *asked: PASSED


def never(_: Args) -> ConditionTest:
    """Does not hold."""
    no = refused("condition", "the definition never allows it")
    return lambda *asked: no


def unsupported_expression(args: Args) -> ConditionTest:
    """False, with the guard expression of an imported definition that could not be carried over as the reason."""
    no = refused(
        "condition",
        f"the guard expression {args['expression']!r} of the imported definition cannot be evaluated here",
        "name a condition for it when the definition is read",
    )
    return lambda *asked: no


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
    "has_related": Condition(related.has_related, ("relation",), _WHERE),
    "any_related_in": Condition(related.any_related_in, _OF_RELATED, _WHERE),
    "all_related_in": Condition(related.all_related_in, _OF_RELATED, _WHERE),
    "none_related_in": Condition(related.none_related_in, _OF_RELATED, _WHERE),
    "related_field_set": Condition(related.related_field_set, ("relation", "field"), _WHERE),
    "related_field_in": Condition(related.related_field_in, ("relation", "field", "values"), _WHERE),
    "holds_on_related": Condition(related.holds_on_related, ("relation", "permission"), _WHERE),
    "each_related": Condition(related.each_related, ("relation", "conditions"), _WHERE, ("conditions",)),
    "some_related": Condition(related.some_related, ("relation", "conditions"), _WHERE, ("conditions",)),
    "all_of": Condition(all_of, ("conditions",), (), ("conditions",)),
    "any_of": Condition(any_of, ("conditions",), (), ("conditions",)),
    "negate": Condition(negate, ("condition",), (), ("condition",)),
    "choose": Condition(choose, ("if",), ("then", "else"), ("if", "then", "else")),
    "always": Condition(always),
    "never": Condition(never),
    "unsupported_expression": Condition(unsupported_expression, ("expression",)),
}
