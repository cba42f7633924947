"""Rules of the folded state from the declarations of all profiles."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from objapi.model.loading.profiles import Profile
from objapi.model.loading.tracing import Tracer
from objapi.model.types import EntityType, FoldRule
from workflows.declarations import Section

REVIEW_STATE: Final = "review_state"
RULE_KEYS: Final = ("variable", "values", "when", "types", "word")
_OTHERWISE: Final = FoldRule(REVIEW_STATE)


def with_folds(profiles: Sequence[Profile], types: Mapping[str, EntityType], tracer: Tracer) -> dict[str, EntityType]:
    """The types, each with the rules of its folded state: those of the last profile that declares any."""
    rules: list[FoldRule] = []
    for profile in profiles:
        if profile.settings.has("folded_state"):
            rules = [_rule(section, tracer) for section in profile.settings.list_sections("folded_state", RULE_KEYS)]
    return {name: replace(item, folds=rules_of(name, rules, tracer.variables(name))) for name, item in types.items()}


def _rule(section: Section, tracer: Tracer) -> FoldRule:
    types = section.texts("types")
    for name in types:
        section.choose("types", name, tracer.types, "type")
    known = {variable for name in types or tracer.types for variable in tracer.variables(name)}
    variable = section.text("variable", required=True)
    if variable:
        section.choose("variable", variable, known, "workflow variable")
    when = section.section("when")
    for name in when.names():
        when.choose(name, name, known, "workflow variable")
    return FoldRule(
        variable,
        frozenset(section.texts("values")),
        {name: frozenset(when.texts(name)) for name in when.names()},
        frozenset(types) if section.has("types") else None,
        section.optional_text("word"),
    )


def rules_of(portal_type: str, rules: Iterable[FoldRule], variables: Iterable[str]) -> tuple[FoldRule, ...]:
    """The rules that can apply to a type with some workflow variables, that of `review_state` at the end."""
    known = frozenset(variables)
    return tuple(
        rule
        for rule in (*rules, _OTHERWISE)
        if (rule.types is None or portal_type in rule.types) and known.issuperset(rule.variables())
    )
