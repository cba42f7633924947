"""Named conditions and effects: the only way from a declaration to code."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, Protocol, TypeAlias

from workflows.cascades import Cascade, RunEffect
from workflows.condition import Condition, ConditionFn, ConditionTest, Evaluator, parse_calls, parse_where
from workflows.conditions import STANDARD
from workflows.declarations import DeclarationProblem, closest, suggestion
from workflows.definition import ConditionCall, Guard, Workflow
from workflows.errors import ConditionArgument, UnknownCondition, UnknownEffect
from workflows.world import PASSED, Context, Subject, Verdict, World, refused


class Firing(Protocol):
    """The run in which an effect is called, as far as effects may use it (a `workflows.run.Run`)."""

    def fire(self, subject: Subject, transition_id: str, comment: str = "") -> None:
        """Take a transition and everything that follows from it."""

    def attempt(self, subject: Subject, transition_id: str) -> bool:
        """Take a transition where that is possible; False, and nothing happens, where not."""

    def place(self, subject: Subject, state: str) -> None:
        """Put an object into a state without a transition."""


EffectFn: TypeAlias = Callable[[World, Subject, Mapping[str, object], Firing], None]
"""An effect: changes the world through `world.assign`, `run.fire`, `run.place` or the store's own means."""


_MOST_PREPARED: Final = 10_000
"""Calls of which the test is kept; guards have some hundreds, and a program may make calls without end."""


class WorkflowRegistry:
    """Conditions and effects by name. Immutable: `extended` makes a new one."""

    __slots__ = ("_tests", "conditions", "effects")

    def __init__(
        self,
        conditions: Mapping[str, ConditionFn] | None = None,
        effects: Mapping[str, EffectFn] | None = None,
    ) -> None:
        self.conditions: Mapping[str, ConditionFn] = dict(conditions or {})
        self.effects: Mapping[str, EffectFn] = dict(effects or {})
        self._tests: dict[int, tuple[ConditionCall, ConditionTest]] = {}
        """Identity of a call → the call, which keeps its identity for as long as it is here, and its test."""

    @classmethod
    def standard(cls) -> "WorkflowRegistry":
        """A registry with the generic conditions of `workflows.conditions` and no effects."""
        return cls(STANDARD)

    def extended(
        self,
        conditions: Mapping[str, ConditionFn] | None = None,
        effects: Mapping[str, EffectFn] | None = None,
    ) -> "WorkflowRegistry":
        """A registry with these added; a name that exists is replaced."""
        return WorkflowRegistry({**self.conditions, **(conditions or {})}, {**self.effects, **(effects or {})})

    def evaluate(self, call: ConditionCall, world: World, subject: Subject, context: Context) -> Verdict:
        """The verdict of a condition; UnknownCondition when there is none of that name."""
        return self.asked(self, call, world, subject, context)

    def asked(
        self, evaluator: Evaluator, call: ConditionCall, world: World, subject: Subject, context: Context
    ) -> Verdict:
        """The verdict of a condition which asks nested ones of an evaluator."""
        known = self._tests.get(id(call))
        test = known[1] if known is not None and known[0] is call else self._prepared(call, subject)
        return test(evaluator, world, subject, context)

    def _prepared(self, call: ConditionCall, subject: Subject) -> ConditionTest:
        """The test of a call, made now and kept: guards ask it of object after object."""
        condition = self.conditions.get(call.name)
        if condition is None:
            raise UnknownCondition(
                f"no condition {call.name!r} is registered{suggestion(call.name, self.conditions)}; "
                f"it was asked about {subject.key}"
            )
        test = condition.prepare(call.args) if isinstance(condition, Condition) else _called(condition, call)
        if len(self._tests) >= _MOST_PREPARED:
            self._tests.clear()
        self._tests[id(call)] = (call, test)
        return test

    def effect(self, name: str) -> EffectFn:
        """The effect of that name; UnknownEffect when there is none."""
        found = self.effects.get(name)
        if found is None:
            raise UnknownEffect(f"no effect {name!r} is registered{suggestion(name, self.effects)}")
        return found

    def check(self, workflows: Iterable[Workflow], cascades: Iterable[Cascade] = ()) -> tuple[DeclarationProblem, ...]:
        """Everything in the declarations that this registry cannot serve: unknown names, wrong or missing arguments.

        Run it when declarations are loaded, and refuse to start unless it is empty.
        """
        problems = [problem for name in self.conditions for problem in self._check_own(name)]
        for where, call in (*_calls_of_workflows(workflows), *_calls_of_cascades(cascades)):
            problems.extend(self._check_call(where, call))
        for cascade in cascades:
            for number, action in enumerate(cascade.actions):
                if isinstance(action, RunEffect) and action.name not in self.effects:
                    where = f"{_cascade_place(cascade)}.do[{number}]"
                    message = f"no effect {action.name!r} is registered{suggestion(action.name, self.effects)}"
                    problems.append(_problem(where, message, "a registered effect"))
        return tuple(problems)

    def _check_own(self, name: str) -> Iterator[DeclarationProblem]:
        """Problems of a declared condition itself: what it uses, and whether it uses itself."""
        condition = self.conditions[name]
        if not isinstance(condition, Condition):
            return
        for call in condition.uses:
            yield from self._check_call(f"conditions.{name}", call)
        if name in self._reachable(condition.uses):
            yield DeclarationProblem(
                "", 0, f"conditions.{name}", "the condition depends on itself", "conditions without a cycle"
            )

    def _reachable(self, calls: Iterable[ConditionCall]) -> set[str]:
        seen: set[str] = set()
        pending = list(calls)
        while pending:
            call = pending.pop()
            condition = self.conditions.get(call.name)
            if isinstance(condition, Condition):
                pending.extend(_nested(condition, call))
                if call.name not in seen:
                    pending.extend(condition.uses)
            seen.add(call.name)
        return seen

    def _check_call(self, where: str, call: ConditionCall) -> Iterator[DeclarationProblem]:
        condition = self.conditions.get(call.name)
        if condition is None:
            message = f"no condition {call.name!r} is registered{suggestion(call.name, self.conditions)}"
            yield _problem(where, message, "a registered condition")
            return
        if not isinstance(condition, Condition):
            return
        known = (*condition.required, *condition.optional)
        unknown = [name for name in call.args if name not in known]
        meant = {closest(name, known) for name in unknown}
        for name in condition.required:
            if name not in call.args and name not in meant:
                yield DeclarationProblem(
                    "", 0, where, f"{call.name} needs the argument {name!r}", f"arguments {', '.join(known)}"
                )
        for name in unknown:
            message = f"{call.name} has no argument {name!r}{suggestion(name, known)}"
            yield DeclarationProblem(
                "", 0, where, message, f"arguments {', '.join(known)}" if known else "no arguments"
            )
        try:
            parse_where(call.args.get("where"))
            nested = _nested(condition, call)
        except ConditionArgument as error:
            yield _problem(where, f"{call.name}: {error}")
            return
        for inner in nested:
            yield from self._check_call(f"{where}.{call.name}", inner)


def _called(condition: ConditionFn, call: ConditionCall) -> ConditionTest:
    """The test of a condition that is a plain function."""
    args, does_not_hold = call.args, refused("condition", f"the condition {call.name} does not hold")

    def test(_: Evaluator, world: World, subject: Subject, context: Context) -> Verdict:
        answer = condition(world, subject, context, args)
        if isinstance(answer, Verdict):
            return answer
        return PASSED if answer else does_not_hold

    return test


def _problem(where: str, message: str, expected: str = "") -> DeclarationProblem:
    """A mistake under a key path: what is checked here was read before, and its places are not known any more."""
    return DeclarationProblem("", 0, where, message, expected)


def _nested(condition: Condition, call: ConditionCall) -> list[ConditionCall]:
    return [inner for name in condition.nested if name in call.args for inner in parse_calls(call.args[name])]


def _calls_of_workflows(workflows: Iterable[Workflow]) -> Iterator[tuple[str, ConditionCall]]:
    for workflow in workflows:
        guards: list[tuple[str, Guard]] = [(f"{workflow.id}.creation_guard", workflow.creation_guard)]
        guards += [(f"{workflow.id}.transitions.{item.id}.guard", item.guard) for item in workflow.transitions.values()]
        guards += [(f"{workflow.id}.variables.{item.id}.guard", item.guard) for item in workflow.variables.values()]
        guards += [(f"{workflow.id}.worklists.{item.id}.guard", item.guard) for item in workflow.worklists.values()]
        guards += [
            (f"{workflow.id}.transitions.{item.id}.offered_if", Guard(conditions=item.offered_if))
            for item in workflow.transitions.values()
        ]
        for where, guard in guards:
            for call in guard.conditions:
                yield where, call


def _cascade_place(cascade: Cascade) -> str:
    return f"cascades.{cascade.type_name}.{cascade.event or cascade.transition}"


def _calls_of_cascades(cascades: Iterable[Cascade]) -> Iterator[tuple[str, ConditionCall]]:
    for cascade in cascades:
        for number, action in enumerate(cascade.actions):
            each = () if isinstance(action, RunEffect) else getattr(action, "each", ())
            for call in (*action.when, *each):
                yield f"{_cascade_place(cascade)}.do[{number}]", call
