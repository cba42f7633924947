"""The generic conditions on objects in a relation.

`has_related` (relation), `any_related_in`, `all_related_in`, `none_related_in` (relation, variable, states),
`related_field_set` (relation, field), `related_field_in` (relation, field, values), `holds_on_related` (relation,
permission), `each_related` and `some_related` (relation, conditions); all of them take `where`, which narrows the
relation (see `workflows.condition`).

Statements about *all* and *none* hold when there is no object; combine them with `has_related` where one is needed.
An exception to that: `related_field_set` and `related_field_in` need at least one, as they usually speak of a single
object.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from workflows.condition import (
    Args,
    ConditionTest,
    Evaluator,
    parse_calls,
    parse_where,
    text_argument,
    values_argument,
)
from workflows.definition import ConditionCall
from workflows.world import PASSED, Context, Reason, Subject, Verdict, World, refused


def is_empty(value: object) -> bool:
    """True if a field value counts as not set: None, the empty text, an empty collection. Zero and False are values."""
    return value is None or (isinstance(value, str | list | tuple | dict | set | frozenset) and not value)


def listed(values: tuple[object, ...]) -> str:
    """Values as the alternatives of a sentence."""
    return " or ".join(str(value) for value in values)


def all_hold(
    calls: Sequence[ConditionCall], evaluator: Evaluator, world: World, subject: Subject, context: Context
) -> Verdict:
    """The verdict of several conditions, with the reasons of all that do not hold."""
    failed: list[Verdict] = []
    for call in calls:
        verdict = evaluator.evaluate(call, world, subject, context)
        if not verdict.passed:
            failed.append(verdict)
    if not failed:
        return PASSED
    return failed[0] if len(failed) == 1 else Verdict(False, tuple(each for one in failed for each in one.reasons))


class _Related:
    """The objects of a relation, narrowed by `where`, last first, and what is said where there are none.

    Batches work from the first to the last, so the one that still holds things back is found soonest from the end.
    """

    __slots__ = ("_filters", "name", "none")

    def __init__(self, args: Args) -> None:
        self.name = text_argument(args, "relation")
        self._filters = parse_where(args.get("where"))
        self.none = refused("condition", f"it has no {self.name}", f"add {self.name}")

    def of(self, world: World, subject: Subject) -> Iterable[Subject]:
        """Those of an object."""
        found = reversed(world.related(subject, self.name))
        return self._narrowed(found) if self._filters else found

    def _narrowed(self, found: Iterable[Subject]) -> Iterator[Subject]:
        for other in found:
            if all(where.matches(other) for where in self._filters):
                yield other

    def any_of(self, world: World, subject: Subject) -> bool:
        """True when an object has any."""
        return next(iter(self.of(world, subject)), None) is not None


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

    def reason(self, named: list[str], relation: str) -> Reason:
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
    related: _Related, world: World, subject: Subject, context: Context, faults: Callable[[Subject], Sequence[_Fault]]
) -> Verdict:
    """Refuse for the first related object that has faults; where the context explains for all, by what they lack.

    Of those that the user may not see it is told that there is one.
    """
    found: dict[_Fault, list[str]] = {}
    hidden = False
    for other in related.of(world, subject):
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
    if not (found or hidden):
        return PASSED
    reasons = [fault.reason(named, related.name) for fault, named in found.items()]
    if hidden:
        message = f"something of its {related.name} that the user may not see holds it back"
        reasons.append(Reason("condition", message, "ask someone who sees it"))
    return Verdict(False, tuple(reasons))


def has_related(args: Args) -> ConditionTest:
    """There is at least one object in the relation."""
    related = _Related(args)

    def test(_: Evaluator, world: World, subject: Subject, context: Context) -> Verdict:
        return PASSED if related.any_of(world, subject) else related.none

    return test


def any_related_in(args: Args) -> ConditionTest:
    """At least one object in the relation has one of the states."""
    related = _Related(args)
    variable, states = text_argument(args, "variable"), values_argument(args, "states")
    no = refused("condition", f"none of its {related.name} has {variable} {listed(states)}")

    def test(_: Evaluator, world: World, subject: Subject, context: Context) -> Verdict:
        return PASSED if any(other.value(variable) in states for other in related.of(world, subject)) else no

    return test


def all_related_in(args: Args) -> ConditionTest:
    """Every object in the relation has one of the states."""
    related = _Related(args)
    variable, states = text_argument(args, "variable"), values_argument(args, "states")
    wanted = listed(states)

    def faults(other: Subject) -> Sequence[_Fault]:
        if (state := other.value(variable)) in states:
            return ()
        return (_Fault("", " has ", f"{variable} {state}, not {wanted}", f"bring it to {wanted}"),)

    def test(_: Evaluator, world: World, subject: Subject, context: Context) -> Verdict:
        return _unless_faulty(related, world, subject, context, faults)

    return test


def none_related_in(args: Args) -> ConditionTest:
    """No object in the relation has one of the states."""
    related = _Related(args)
    variable, states = text_argument(args, "variable"), values_argument(args, "states")

    def faults(other: Subject) -> Sequence[_Fault]:
        if (state := other.value(variable)) not in states:
            return ()
        return (_Fault("", " has ", f"{variable} {state}", "move it on first"),)

    def test(_: Evaluator, world: World, subject: Subject, context: Context) -> Verdict:
        return _unless_faulty(related, world, subject, context, faults)

    return test


def related_field_set(args: Args) -> ConditionTest:
    """There is an object in the relation, and each of them has a value in the field."""
    related, field = _Related(args), text_argument(args, "field")
    unset = (_Fault("", " has ", f"no {field}", f"set {field} there"),)

    def faults(other: Subject) -> Sequence[_Fault]:
        return unset if is_empty(other.value(field)) else ()

    def test(_: Evaluator, world: World, subject: Subject, context: Context) -> Verdict:
        verdict = _unless_faulty(related, world, subject, context, faults)
        return related.none if verdict.passed and not related.any_of(world, subject) else verdict

    return test


def related_field_in(args: Args) -> ConditionTest:
    """There is an object in the relation, and each of them has one of the values in the field."""
    related = _Related(args)
    field, values = text_argument(args, "field"), values_argument(args, "values")

    def test(_: Evaluator, world: World, subject: Subject, context: Context) -> Verdict:
        def faults(other: Subject) -> Sequence[_Fault]:
            if (value := other.value(field)) in values:
                return ()
            shown = f"{field} {value}, not" if world.context(other).reads(field) else f"a {field} that is not"
            return (_Fault("", " has ", f"{shown} {listed(values)}"),)

        verdict = _unless_faulty(related, world, subject, context, faults)
        return related.none if verdict.passed and not related.any_of(world, subject) else verdict

    return test


def holds_on_related(args: Args) -> ConditionTest:
    """The user has the permission on every object in the relation."""
    related, permission = _Related(args), text_argument(args, "permission")
    remedy = f"ask someone with {permission}"
    lacking = (_Fault(f"the user lacks the permission {permission} on ", remedy=remedy),)

    def test(_: Evaluator, world: World, subject: Subject, context: Context) -> Verdict:
        def faults(other: Subject) -> Sequence[_Fault]:
            return () if world.context(other).holds(permission) else lacking

        return _unless_faulty(related, world, subject, context, faults)

    return test


def each_related(args: Args) -> ConditionTest:
    """The conditions hold for every object in the relation, as the same user sees it."""
    related, calls = _Related(args), parse_calls(args["conditions"])

    def test(evaluator: Evaluator, world: World, subject: Subject, context: Context) -> Verdict:
        def faults(other: Subject) -> Sequence[_Fault]:
            verdict = all_hold(calls, evaluator, world, other, world.context(other))
            if verdict.passed:
                return ()
            # A condition may say no without a word, and is a no all the same.
            reasons = verdict.reasons or (Reason("condition", "a condition does not hold"),)
            return [_Fault("", ": ", reason.message, reason.remedy, reason.kind) for reason in reasons]

        return _unless_faulty(related, world, subject, context, faults)

    return test


def some_related(args: Args) -> ConditionTest:
    """The conditions hold for at least one object in the relation."""
    related, calls = _Related(args), parse_calls(args["conditions"])
    names = " and ".join(call.name for call in calls)
    no = refused("condition", f"{names} holds for none of its {related.name}")

    def test(evaluator: Evaluator, world: World, subject: Subject, context: Context) -> Verdict:
        for other in related.of(world, subject):
            if all_hold(calls, evaluator, world, other, world.context(other)).passed:
                return PASSED
        return no

    return test
