"""Whether index sources and cascades fit the types they are about."""

from collections.abc import Collection, Iterable, Mapping

from declarations import DeclarationProblem, Node, listed, suggestion
from objapi.model.behaviors import Behaviors
from objapi.model.loading.tracing import NoWay, Tracer
from objapi.model.paths import Path
from objapi.model.registry import CatalogDeclaration, IndexSource
from workflows import Cascade, FireRelated, RunEffect, SetField, Workflow


def check_sources(
    catalog: CatalogDeclaration,
    node: Node,
    tracer: Tracer,
    behaviors: Behaviors,
    problems: list[DeclarationProblem],
) -> None:
    """Every index of a catalog has a source that some type in it has, and behaviours that exist."""
    held = tracer.types if catalog.schema.types is None else catalog.schema.types
    for index, source in catalog.sources.items():
        key = f"indexes.{index}"
        for at, message in _faults(source, held, tracer, behaviors):
            place = node.nearest(f"{key}.{at}" if at else key)
            full = f"{catalog.name}.{key}.{at}" if at else f"{catalog.name}.{key}"
            problems.append(
                place.problem(
                    full,
                    message,
                    "a path to a value that some type in the catalog has; for an index that stays empty, sources: {}",
                )
            )


def _faults(
    source: IndexSource, held: Collection[str], tracer: Tracer, behaviors: Behaviors
) -> Iterable[tuple[str, str]]:
    for portal_type, path in source.by_type.items():
        at = f"sources.{portal_type}"
        if portal_type not in tracer.types:
            yield at, f"there is no type {portal_type!r}{suggestion(portal_type, tracer.types)}"
        elif portal_type not in held:
            yield at, f"the catalog does not hold {portal_type}"
        elif isinstance(path, Path):
            yield from _no_value([portal_type], path, at, tracer)
    rest = [name for name in held if name not in source.by_type]
    if isinstance(source.default, Path):
        yield from _no_value(rest, source.default, "source", tracer)
    elif source.default is not None and source.default not in behaviors.computed:
        known = behaviors.computed
        yield "behavior", f"there is no computed behaviour {source.default!r}{suggestion(source.default, known)}"
    if source.until is not None:
        yield from _no_value(rest, source.until, "source", tracer)
    for path in source.depends:
        yield from _no_value(rest, path, "depends", tracer)


def _no_value(start: Collection[str], path: Path, at: str, tracer: Tracer) -> Iterable[tuple[str, str]]:
    """A fault unless the path ends in a value for one of the types at least."""
    reasons = []
    for portal_type in sorted(start):
        try:
            tracer.check_value([portal_type], path)
        except NoWay as error:
            reasons.append(str(error))
        else:
            return
    more = f" (and so for {len(reasons) - 1} more types)" if len(reasons) > 1 else ""
    yield at, f"{path} leads nowhere: {reasons[0] if reasons else 'the catalog holds no other type'}{more}"


def check_cascade(
    cascade: Cascade,
    node: Node,
    tracer: Tracer,
    workflows: Mapping[str, Workflow],
    problems: list[DeclarationProblem],
) -> None:
    """The type, the transitions, the relations and the fields that a cascade names exist."""
    start = f"cascades.{cascade.type_name}.{cascade.event or cascade.transition}"

    def note(key: str, message: str, expected: str) -> None:
        problems.append(node.nearest(key).problem(f"{start}.{key}", message, expected))

    if cascade.type_name not in tracer.types:
        message = f"there is no type {cascade.type_name!r}{suggestion(cascade.type_name, tracer.types)}"
        note("type", message, "a declared type")
        return
    if cascade.transition is not None:
        known = _transitions([cascade.type_name], tracer, workflows)
        if cascade.transition not in known:
            message = f"{cascade.type_name} has no transition {cascade.transition!r}"
            note("after", message + suggestion(cascade.transition, known), f"one of {listed(sorted(known))}")
    for number, action in enumerate(cascade.actions):
        if isinstance(action, RunEffect):
            continue
        try:
            reached = tracer.relation(cascade.type_name, action.relation)
        except NoWay as error:
            message = f"the relation {action.relation!r} leads nowhere from {cascade.type_name}: {error}"
            note(f"do[{number}].relation", message, listed(["self", *tracer.types[cascade.type_name].relations]))
            continue
        if reached is not None:
            for at, message in _action_faults(action, cascade.type_name, reached, tracer, workflows):
                note(f"do[{number}].{at}", message, "a name that one of the reached types has")


def _action_faults(
    action: FireRelated | SetField,
    moved: str,
    reached: Collection[str],
    tracer: Tracer,
    workflows: Mapping[str, Workflow],
) -> Iterable[tuple[str, str]]:
    names = {name for portal_type in reached for name in tracer.names(portal_type)}
    shown = " or ".join(sorted(reached)[:4])
    if isinstance(action, FireRelated):
        known = _transitions(reached, tracer, workflows)
        if action.transition not in known:
            yield "fire", f"{shown} has no transition {action.transition!r}{suggestion(action.transition, known)}"
    else:
        if action.field not in names:
            yield "set", f"{shown} has no field {action.field!r}{suggestion(action.field, names)}"
        if action.value.kind == "field" and action.value.argument not in tracer.names(moved):
            yield "value", f"{moved} has no {action.value.argument!r}{suggestion(action.value.argument, names)}"
    for where in action.where:
        if where.variable not in names:
            yield "where", f"{shown} has no {where.variable!r}{suggestion(where.variable, names)}"


def _transitions(types: Iterable[str], tracer: Tracer, workflows: Mapping[str, Workflow]) -> set[str]:
    chains = (name for portal_type in types for name in tracer.types[portal_type].workflows)
    return {transition for name in chains if name in workflows for transition in workflows[name].transitions}
