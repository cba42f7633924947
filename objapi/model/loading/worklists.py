"""Worklists from the declarations of all profiles: `worklists.yaml`, every name in it checked."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from objapi.model.loading.declared_queries import QUERY_KEYS, QueryReader
from objapi.model.loading.merging import declared_in
from objapi.model.loading.profiles import Profile
from objapi.model.registry import Roles
from objapi.model.worklists import DeclaredWorklist, places_of
from workflows.declarations import DeclarationProblem, Section

FILE: Final = "worklists.yaml"
WORKLIST_KEYS: Final = ("extend", "title", "titles", "about", "abouts", "roles", *QUERY_KEYS)


def read_worklists(
    profiles: Sequence[Profile], queries: QueryReader, roles: Roles, problems: list[DeclarationProblem]
) -> dict[str, DeclaredWorklist]:
    """The worklists in the order in which they are declared; a later profile extends, replaces or adds."""
    found = {}
    for name, item in declared_in(FILE, "worklist", profiles, problems).items():
        section = Section(item.node, name, problems, WORKLIST_KEYS)
        worklist = _worklist(name, section, queries, tuple(roles.roles))
        if worklist is not None:
            found[name] = worklist
    return found


def _worklist(name: str, section: Section, queries: QueryReader, roles: Sequence[str]) -> DeclaredWorklist | None:
    for role in section.texts("roles"):
        section.choose("roles", role, roles, "role")
    query = queries.read(section, places_of("somebody", datetime.now(UTC)))
    if query is None:
        return None
    titles, abouts = section.section("titles"), section.section("abouts")
    return DeclaredWorklist(
        name=name,
        catalog=query.catalog,
        criteria=query.criteria,
        title=section.text("title", required=True),
        about=section.text("about"),
        roles=frozenset(section.texts("roles")),
        columns=query.columns,
        sort_on=query.sort_on,
        sort_order=query.sort_order,
        transitions=query.transitions,
        types=query.types,
        titles={language: titles.text(language) for language in titles.names()},
        abouts={language: abouts.text(language) for language in abouts.names()},
    )
