"""Checking that the conditions of guards and cascades name relations and values that the types concerned have."""

from collections.abc import Collection, Iterable, Iterator
from typing import Final

from objapi.model.loading.tracing import BrokenPath, Tracer
from objapi.model.paths import NamedRelation
from workflows import Cascade, Condition, ConditionCall, FireRelated, Guard, Transition, Workflow, WorkflowRegistry
from workflows.conditions import STANDARD
from workflows.declarations import DeclarationProblem, Node, suggestion
from workflows.guard_reads import conditions_in_code, guard_reads

_NAMES: Final = ("field", "variable")
"""Arguments of the standard conditions that name a value of the object, or of the related objects."""


_RELATIONS: Final = "a list of relations of the type, or of paths to objects"


class GuardChecker:
    """Check of conditions against types. A name that one of several types has is right; the others lack it."""

    def __init__(self, tracer: Tracer, conditions: WorkflowRegistry, problems: list[DeclarationProblem]) -> None:
        self._tracer = tracer
        self._conditions = conditions
        self._problems = problems

    def check_workflow(self, workflow: Workflow, node: Node) -> None:
        """Check the guards of a workflow against the types that have it."""
        types = [name for name, item in self._tracer.types.items() if workflow.id in item.workflows]
        if not types:
            return
        for key, guard in _guards(workflow):
            for fault in self._faults(guard.conditions, types):
                place = f"{key}.conditions"
                self._problems.append(node.nearest(place).problem(f"{workflow.id}.{place}", fault, _expected(types)))
        for key, fault, expected in self._worklist_faults(workflow, types):
            self._problems.append(node.nearest(key).problem(f"{workflow.id}.{key}", fault, expected))
        for transition in workflow.always:
            place = f"transitions.{transition.id}.depends"
            for fault in self._dependency_faults(transition, types):
                self._problems.append(node.nearest(place).problem(f"{workflow.id}.{place}", fault, _RELATIONS))

    def check_condition(self, name: str, node: Node) -> None:
        """Check a composed condition. It may serve types that lack what it asks for, so one type of all is enough."""
        condition = self._conditions.conditions.get(name)
        if isinstance(condition, Condition):
            for fault in self._faults(condition.uses, self._tracer.types):
                self._problems.append(node.problem(f"conditions.{name}", fault, "a name that some type has"))

    def check_cascade(self, cascade: Cascade, node: Node) -> None:
        """Check the conditions of a cascade: `when` on the moved object, `each` on the related ones."""
        if cascade.type_name not in self._tracer.types:
            return
        start = f"cascades.{cascade.type_name}.{cascade.event or cascade.transition}"
        for number, action in enumerate(cascade.actions):
            parts: list[tuple[str, tuple[ConditionCall, ...], Collection[str]]] = [
                ("when", action.when, [cascade.type_name])
            ]
            if isinstance(action, FireRelated):
                parts.append(("each", action.each, self._reached(cascade.type_name, action.relation)))
            for key, calls, types in parts:
                place = f"do[{number}].{key}"
                for fault in self._faults(calls, types) if types else ():
                    self._problems.append(node.nearest(place).problem(f"{start}.{place}", fault, _expected(types)))

    def _worklist_faults(self, workflow: Workflow, types: Collection[str]) -> Iterator[tuple[str, str, str]]:
        """Place, fault and what was expected of worklists that ask for states or values that there are not."""
        known = {name for portal_type in types for name in self._tracer.names(portal_type)}
        for worklist in workflow.worklists.values():
            place = f"worklists.{worklist.id}.match"
            for variable, values in worklist.match.items():
                if variable == workflow.state_variable:
                    for value in values:
                        if value not in workflow.states and "%(" not in value:
                            fault = f"there is no state {value!r}{suggestion(value, workflow.states)}"
                            yield f"{place}.{variable}", fault, f"states of {workflow.id}"
                elif variable not in known and (meant := suggestion(variable, known)):
                    # An index of another name may be asked for; one that nearly is a value is a slip.
                    yield place, f"there is no value {variable!r}{meant}", _expected(types)

    def _dependency_faults(self, transition: Transition, types: Collection[str]) -> Iterator[str]:
        """Mistakes in the `depends` of an `always` transition, a missing one included."""
        if transition.depends is None:
            calls = transition.guard.conditions
            unknown = [f"the condition {name!r}" for name in conditions_in_code(calls, self._conditions)]
            unknown += [f"the relation {name!r}" for name in self._relations_in_code(calls, types)]
            if unknown:
                yield (
                    f"{' and '.join(dict.fromkeys(unknown))} of the guard is written in Python: name the relations "
                    "to the objects whose changes count, or none"
                )
        for relation in transition.depends or ():
            faults = [fault for portal_type in types if (fault := self._relation_fault(portal_type, relation))]
            if len(faults) == len(types):
                yield f"the relation {relation!r} leads nowhere: {faults[0]}"

    def _relations_in_code(self, calls: Iterable[ConditionCall], types: Collection[str]) -> Iterator[str]:
        for read in guard_reads(calls, self._conditions):
            reached = set(types)
            for relation in read.relations:
                if any(isinstance(self._tracer.types[name].relations.get(relation), NamedRelation) for name in reached):
                    yield relation
                reached = {end for name in reached for end in self._reached(name, relation)}

    def _relation_fault(self, portal_type: str, relation: str) -> str:
        try:
            by_path = self._tracer.relation(portal_type, relation) is not None
        except BrokenPath as error:
            return str(error)
        return "" if by_path else f"{portal_type} has it from Python; a path is needed"

    def _reached(self, portal_type: str, relation: str) -> Collection[str]:
        """The types that a relation leads to; none when a behaviour decides, or when it leads nowhere."""
        try:
            return self._tracer.relation(portal_type, relation) or ()
        except BrokenPath:
            return ()

    def _faults(self, calls: Iterable[ConditionCall], types: Collection[str]) -> Iterator[str]:
        for call in calls:
            if call.name in STANDARD:
                yield from self._call_faults(call, types)

    def _call_faults(self, call: ConditionCall, types: Collection[str]) -> Iterator[str]:
        relation = call.args.get("relation")
        if isinstance(relation, str):
            reached: set[str] = set()
            reasons: list[BrokenPath] = []
            for portal_type in sorted(types):
                try:
                    found = self._tracer.relation(portal_type, relation)
                except BrokenPath as error:
                    reasons.append(error)
                    continue
                if found is None:
                    return
                reached |= found
            if not reached:
                yield f"{call.name}: the relation {relation!r} leads nowhere: {reasons[0]}"
                return
            types = reached
        known = {name for portal_type in types for name in self._tracer.names(portal_type)}
        for argument in _NAMES:
            name = call.args.get(argument)
            if isinstance(name, str) and name not in known:
                yield f"{call.name}: there is no {argument} {name!r}{suggestion(name, known)}"


def _guards(workflow: Workflow) -> Iterator[tuple[str, Guard]]:
    yield "creation_guard", workflow.creation_guard
    yield from ((f"transitions.{name}.guard", item.guard) for name, item in workflow.transitions.items())
    for name, item in workflow.transitions.items():
        yield f"transitions.{name}.offered_if", Guard(conditions=item.offered_if)
    yield from ((f"variables.{name}.guard", item.guard) for name, item in workflow.variables.items())
    yield from ((f"worklists.{name}.guard", item.guard) for name, item in workflow.worklists.items())


def _expected(types: Collection[str]) -> str:
    return f"a name that {' or '.join(sorted(types)[:4])} has"
