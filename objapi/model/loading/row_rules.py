"""Row rules, which say who sees which rows of tables: those that a profile names, and those of single types."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from objapi.model.behaviors import Behaviors
from objapi.model.loading.names_and_paths import optional_path, optional_relation
from objapi.model.loading.profiles import Profile
from objapi.model.loading.tracing import BrokenPath, Tracer
from objapi.model.paths import Back, Path, Target
from objapi.model.types import EntityType, RowRule
from workflows.declarations import DeclarationProblem, Node, Section, listed

RULE_KEYS: Final = ("type", "own", "groups", "all_with", "viewer")

_OWN_RULE: Final = ("own", "all_with")
_COLUMN_PATH: Final = "a path over foreign keys to a column"


def read_row_rules(profiles: Sequence[Profile]) -> tuple[dict[str, RowRule], dict[str, Section]]:
    """The named rules of all profiles and their declarations; a later profile replaces what it names."""
    rules: dict[str, RowRule] = {}
    sections: dict[str, Section] = {}
    for profile in profiles:
        for name, section in profile.settings.sections("row_rules", RULE_KEYS):
            sections[name] = section
            rules[name] = RowRule(
                own=_paths(section, "own"),
                all_with=section.text("all_with", required=True),
                name=name,
                portal_type=section.text("type", required=True),
                groups=_paths(section, "groups"),
                viewer=section.optional_text("viewer"),
            )
    return rules, sections


def read_rows(rows: Section, portal_type: str, rules: Mapping[str, RowRule]) -> RowRule | None:
    """The `rows` of a type's table: a rule of its own, or a named one and the way to the rows that it is about."""
    if not rows.has("rule"):
        if rows.has("by"):
            rows.note("by leads to the rows of a named rule, and there is none", "rule: its name", "by")
        return RowRule(_paths(rows, "own"), rows.text("all_with", required=True), portal_type=portal_type)
    for key in _OWN_RULE:
        if rows.has(key):
            rows.note(f"the rule says {key}", "either a rule or its keys", key)
    name = rows.text("rule")
    if not rows.choose("rule", name, list(rules), "row rule"):
        return None
    rule = replace(rules[name], by=_ways(rows))
    if rule.by or rule.portal_type == portal_type:
        return rule
    rows.note(f"the rule {name} is about {rule.portal_type}", f"by: a path to {rule.portal_type}")
    return None


def _paths(section: Section, key: str) -> tuple[Path, ...]:
    found = [optional_path(section, text, key) for text in section.texts(key)]
    return tuple(path for path in found if path is not None)


def _ways(rows: Section) -> tuple[Path, ...]:
    if not rows.has("by"):
        return ()
    texts = rows.texts("by") if isinstance(rows["by"].value, list | tuple) else (rows.text("by"),)
    found = [optional_relation(rows, text, "by") for text in texts]
    return tuple(path for path in found if path is not None)


def check_named_rules(
    rules: Mapping[str, RowRule],
    sections: Mapping[str, Section],
    tracer: Tracer,
    behaviors: Behaviors,
    problems: list[DeclarationProblem],
) -> None:
    """Note what is wrong with the rules that profiles name."""
    for name, rule in rules.items():
        section = sections[name]
        known = [other for other, item in tracer.types.items() if item.table is not None]
        if rule.viewer is not None:
            section.choose("viewer", rule.viewer, list(behaviors.row_viewers), "behaviour of kind row_viewer")
        if rule.portal_type and section.choose("type", rule.portal_type, known, "type with a table"):
            for key, paths in (("own", rule.own), ("groups", rule.groups)):
                _check_ends(rule.portal_type, paths, tracer, section.node, f"{section.key}.{key}", key, problems)


def check_rows(entity_type: EntityType, tracer: Tracer, node: Node, problems: list[DeclarationProblem]) -> None:
    """Note what is wrong with the rule of a type; `node` is the type's declaration."""
    rule = None if entity_type.table is None else entity_type.table.rows
    if rule is None:
        return
    portal_type = entity_type.portal_type
    if not rule.name:
        key = "table.rows.own"
        _check_ends(portal_type, rule.own, tracer, node, f"{portal_type}.{key}", key, problems)
    for path in rule.by:
        _check_way(portal_type, path, rule, tracer, node, problems)


def _check_way(
    portal_type: str, path: Path, rule: RowRule, tracer: Tracer, node: Node, problems: list[DeclarationProblem]
) -> None:
    key, expected = "table.rows.by", f"a path over foreign keys to {rule.portal_type}"
    place = node.nearest(key)
    if not _is_over_keys(path):
        problems.append(place.problem(f"{portal_type}.{key}", f"{path} goes over more than foreign keys", expected))
        return
    try:
        ends = tracer.follow([portal_type], path.steps)
    except BrokenPath as error:
        problems.append(place.problem(f"{portal_type}.{key}", f"{path} leads nowhere: {error}", expected))
        return
    if ends != {rule.portal_type}:
        message = f"{path} leads to {listed(sorted(ends))}"
        problems.append(place.problem(f"{portal_type}.{key}", message, expected))


def _check_ends(
    portal_type: str,
    paths: Sequence[Path],
    tracer: Tracer,
    node: Node,
    place: str,
    key: str,
    problems: list[DeclarationProblem],
) -> None:
    """Note the paths that do not end in a column or a key of a table."""

    def note(message: str, expected: str) -> None:
        problems.append(node.nearest(key).problem(place, message, expected))

    for path in paths:
        try:
            tracer.check_value([portal_type], path)
            ends = tracer.follow([portal_type], path.steps)
        except BrokenPath as error:
            note(f"{path} leads nowhere: {error}", "a path to a value that is declared")
            continue
        tables = [tracer.types[name].table for name in ends]
        if not _is_over_keys(path) or not all(
            table is not None and (path.attribute in table.columns or (path.attribute == "id" and len(table.key) == 1))
            for table in tables
        ):
            note(f"{path} does not end in a column of a table", _COLUMN_PATH)


def _is_over_keys(path: Path) -> bool:
    return all(isinstance(step, Target | Back) for step in path.steps)
