"""Everything that a site's profiles declare, as one checked registry."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path as FilePath

from objapi.model.behaviors import Behaviors
from objapi.model.loading.catalogs import read_catalogs
from objapi.model.loading.charts import read_charts
from objapi.model.loading.checks import (
    TypeChecker,
    check_cascade,
    check_logins,
    check_natural_keys,
    check_sources,
    settings_type,
)
from objapi.model.loading.declared_queries import QueryReader
from objapi.model.loading.dialects import read_dialects
from objapi.model.loading.fingerprint import fingerprint
from objapi.model.loading.folded_states import with_folds
from objapi.model.loading.guard_checks import GuardChecker
from objapi.model.loading.instrument_files import read_instrument_files
from objapi.model.loading.labels import with_shared_labels
from objapi.model.loading.languages import Translated, read_languages
from objapi.model.loading.name_checks import check_type_permissions, check_workflow_names
from objapi.model.loading.profiles import Profile, ProfileError, find_profiles
from objapi.model.loading.reachability import check_containers
from objapi.model.loading.result_sheets import read_result_sheets
from objapi.model.loading.row_rules import check_named_rules, read_row_rules
from objapi.model.loading.signature_checks import check_signatures
from objapi.model.loading.site import SiteSettings, check_roles, read_layout, read_roles, read_settings
from objapi.model.loading.tables import catalog_of_table, catalogs_of_tables, check_tables
from objapi.model.loading.tracing import Tracer, check_cycles
from objapi.model.loading.types import read_types
from objapi.model.loading.workflows import read_workflows, with_entry_points
from objapi.model.loading.worklists import read_worklists
from objapi.model.registry import CatalogDeclaration, Registry, Roles, login_indexes
from objapi.model.types import EntityType
from workflows import Workflow
from workflows.declarations import DeclarationProblem, Node, listed, suggestion


def load_registry(profiles: Sequence[str | FilePath]) -> Registry:
    """The registry of the profiles named: built-in ones, those of installed packages, or folders.

    A later profile extends or replaces what an earlier one declares. Raises `ProfileError` with every mistake in
    all files, each with file, line, key and what was expected; Python that cannot be imported is one of them.
    """
    problems: list[DeclarationProblem] = []
    found = find_profiles(profiles, problems)
    behaviors = _behaviors(found)
    site = read_settings(found)
    rules, rule_sections = read_row_rules(found)
    types, type_nodes = read_types(found, rules, problems)
    catalogs, aliases, catalog_nodes = read_catalogs(found, types, problems)
    types = _with_catalogs_of_all(types, catalogs)
    workflows = read_workflows(found, behaviors, problems)
    check_tables(types, type_nodes, problems)
    types = _with_tables(types, catalogs, workflows.workflows, type_nodes, problems)
    before_roles = len(problems)
    roles, role_sections = read_roles(found, problems)
    roles_read = len(problems) == before_roles
    layout = read_layout(found, types, site.root_type, problems)
    types = with_shared_labels(found, types, problems)
    types = with_folds(found, types, Tracer(types, workflows.workflows))
    tracer = Tracer(types, workflows.workflows)
    checker = TypeChecker(
        tracer=tracer,
        behaviors=behaviors,
        workflows=workflows.workflows,
        workflow_names=workflows.nodes.keys(),
        catalog_names=catalogs.keys(),
        settings_type=settings_type(site.ids, layout, types),
        nodes=type_nodes,
        problems=problems,
    )
    for entity_type in types.values():
        checker.check(entity_type)
    for catalog in catalogs.values():
        if catalog.table_of is None:
            check_sources(catalog, catalog_nodes[catalog.name], tracer, behaviors, problems)
    guards = GuardChecker(tracer, workflows.conditions, problems)
    for workflow in workflows.workflows.values():
        guards.check_workflow(workflow, workflows.nodes[workflow.id])
    for name, node in workflows.condition_nodes.items():
        guards.check_condition(name, node)
    for cascade, node in workflows.places:
        check_cascade(cascade, node, tracer, workflows.workflows, problems)
        guards.check_cascade(cascade, node)
    check_named_rules(rules, rule_sections, tracer, behaviors, problems)
    check_cycles(tracer, type_nodes, problems)
    if roles_read:
        # Roles and groups that a mistake in their own file hides would be missing wherever they are named.
        check_roles(roles, role_sections, layout, type_nodes, problems)
        check_workflow_names(workflows.workflows.values(), workflows.nodes, roles, types.values(), problems)
        check_type_permissions(types.values(), type_nodes, roles, problems)
    persons_found_by = login_indexes(types, catalogs)
    check_logins(types.values(), persons_found_by, type_nodes, problems)
    check_natural_keys(types.values(), catalogs, type_nodes, problems)
    check_signatures(types.values(), workflows.workflows, type_nodes, problems)
    check_containers(types, site.root_type, type_nodes, problems)
    _check_settings(found, site, types, catalogs, problems)
    dialects = read_dialects(found, types, catalogs, workflows.workflows, problems)
    queries = QueryReader(tracer, workflows.workflows, catalogs, site.default_catalog)
    worklists = read_worklists(found, queries, roles, problems)
    result_sheets = read_result_sheets(found, queries, types, site.uid_catalog, problems)
    charts = read_charts(found, queries, types, catalogs, roles, problems)
    instrument_files = read_instrument_files(found, types, catalogs, workflows.workflows, problems)
    translated = Translated(types, workflows.workflows, catalogs, instrument_files)
    languages = read_languages(found, translated, problems)
    if problems:
        raise ProfileError(problems)
    return Registry(
        types=types,
        catalogs=catalogs,
        aliases=aliases,
        workflows=workflows.workflows,
        cascades=workflows.cascades,
        conditions=workflows.conditions,
        roles=roles,
        behaviors=behaviors,
        ids=site.ids,
        default_catalog=site.default_catalog,
        uid_catalog=site.uid_catalog,
        root_type=site.root_type,
        variable_aliases=site.variable_aliases,
        layout=layout,
        content_files=site.content_files,
        profiles=frozenset(profile.name for profile in found),
        login_indexes=persons_found_by,
        dialects=dialects,
        worklists=worklists,
        result_sheets=result_sheets,
        charts=charts,
        instrument_files=instrument_files,
        languages=languages,
        fingerprint=fingerprint(types, catalogs, workflows.workflows, dialects),
    )


def load_roles(profiles: Sequence[str | FilePath]) -> Roles:
    """Roles, groups and permissions of the profiles named. Raises `ProfileError` for mistakes in their declarations."""
    problems: list[DeclarationProblem] = []
    roles, _ = read_roles(find_profiles(profiles, problems), problems)
    if problems:
        raise ProfileError(problems)
    return roles


def _behaviors(profiles: Sequence[Profile]) -> Behaviors:
    merged = Behaviors()
    for profile in profiles:
        merged = merged.merged(profile.behaviors)
    return with_entry_points(merged)


def _with_catalogs_of_all(
    types: Mapping[str, EntityType], catalogs: Mapping[str, CatalogDeclaration]
) -> dict[str, EntityType]:
    """The types, each with the catalogs that hold every type after its own."""
    everywhere = [name for name, catalog in catalogs.items() if catalog.schema.types is None]
    return {
        name: item if item.table else replace(item, catalogs=tuple(dict.fromkeys((*item.catalogs, *everywhere))))
        for name, item in types.items()
    }


def _with_tables(
    types: Mapping[str, EntityType],
    catalogs: dict[str, CatalogDeclaration],
    workflows: Mapping[str, Workflow],
    nodes: Mapping[str, Node],
    problems: list[DeclarationProblem],
) -> dict[str, EntityType]:
    """The types, each one with a table having that table as its catalog, which is added to the catalogs."""
    found = dict(types)
    for name, catalog in catalogs_of_tables(types).items():
        if catalog in catalogs:
            node = nodes[name].nearest("read_catalog")
            message = f"the table is a catalog of its own, and there is a catalog {catalog!r} already"
            problems.append(node.problem(f"{name}.read_catalog", message, "another name"))
            continue
        catalogs[catalog] = catalog_of_table(types[name], catalog, workflows, types)
        found[name] = replace(types[name], catalogs=(catalog,), read_catalog=catalog)
    return found


def _check_settings(
    profiles: Sequence[Profile],
    site: SiteSettings,
    types: Mapping[str, EntityType],
    catalogs: Mapping[str, CatalogDeclaration],
    problems: list[DeclarationProblem],
) -> None:
    """The catalogs, the root type and the settings object that the profiles name exist."""
    named: tuple[tuple[str, str, Collection[str], str], ...] = (
        ("default_catalog", site.default_catalog, catalogs, "catalog"),
        ("uid_catalog", site.uid_catalog, catalogs, "catalog"),
        ("root_type", site.root_type, types, "type"),
    )
    for key, name, known, what in named:
        if name not in known:
            message = f"there is no {what} {name!r}{suggestion(name, known)}"
            problems.append(_place(profiles, key, message, f"one of {listed(known)}"))
    if site.ids.path is not None:
        made = settings_type(site.ids, read_layout(profiles, types, site.root_type, []), types)
        fields = {} if made is None else made.fields
        for field in (site.ids.rows_field, site.ids.year_field):
            if field is not None and field not in fields:
                message = f"the object at {site.ids.path} has no field {field!r}{suggestion(field, fields)}"
                problems.append(_place(profiles, "id_settings", message, "a field of the settings object"))


def _place(profiles: Sequence[Profile], key: str, message: str, expected: str) -> DeclarationProblem:
    """A mistake in the last profile.yaml that has the key, or in the last profile when a default is meant."""
    for profile in reversed(profiles):
        if profile.settings.has(key):
            return profile.settings[key].problem(key, message, expected)
    if profiles:
        return profiles[-1].settings.node.problem(key, message, expected)
    return DeclarationProblem("profiles", 0, key, message, expected)
