"""Roles, first objects and settings of a site from the declarations of all profiles."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from objapi.model.loading.names_and_paths import PERMISSION_KEYS, permission_maps
from objapi.model.loading.profiles import Profile
from objapi.model.references import PathProblem, normalise_path
from objapi.model.registry import GroupDeclaration, IdSettings, Roles
from objapi.model.types import EntityType
from workflows import PermissionSetting
from workflows.declarations import DeclarationProblem, Node, Section, listed, listed_sections, suggestion

ROLES_KEYS: Final = (
    "roles",
    "groups",
    "permissions",
    "by_path",
    "scoped_roles",
    "staff_roles",
    "api_permission",
    "history_permission",
)
GROUP_KEYS: Final = ("title", "roles")
LAYOUT_KEYS: Final = ("path", "portal_type", "fields")
ID_SETTINGS_KEYS: Final = ("path", "rows", "year")
DEFAULT_API_PERMISSION: Final = "BIKA: Access JSON API"
DEFAULT_HISTORY_PERMISSION: Final = "BIKA: View Log Tab"


@dataclass(slots=True)
class SiteSettings:
    """Settings of the site as a whole, from the profile.yaml files."""

    default_catalog: str = "portal_catalog"
    uid_catalog: str = "uid_catalog"
    root_type: str = "Plone Site"
    ids: IdSettings = field(default_factory=IdSettings)
    variable_aliases: dict[str, str] = field(default_factory=dict)
    content_files: dict[str, tuple[str, ...]] = field(default_factory=dict)


def read_settings(profiles: Sequence[Profile]) -> SiteSettings:
    """The settings of all profiles; a later one replaces what it names."""
    site = SiteSettings()
    for profile in profiles:
        section = profile.settings
        site.default_catalog = section.text("default_catalog", site.default_catalog)
        site.uid_catalog = section.text("uid_catalog", site.uid_catalog)
        site.root_type = section.text("root_type", site.root_type)
        if section.has("id_settings"):
            inner = section.section("id_settings", ID_SETTINGS_KEYS)
            site.ids = IdSettings(
                inner.text("path", required=True), inner.optional_text("rows"), inner.optional_text("year")
            )
        aliases = section.section("variable_aliases")
        site.variable_aliases |= {name: aliases.text(name) for name in aliases.names()}
        contents = section.section("content")
        for name in contents.names():
            path = profile.folder / contents.text(name)
            if not path.is_file():
                contents.note(f"there is no file {path}", "a file in the folder of the profile", name)
            site.content_files[name] = (*site.content_files.get(name, ()), str(path))
    return site


def read_roles(profiles: Sequence[Profile], problems: list[DeclarationProblem]) -> tuple[Roles, list[Section]]:
    """The roles of all profiles together, and the files they come from; a later profile replaces what it names."""
    sections = []
    roles: dict[str, None] = {}
    scoped: dict[str, None] = {}
    staff: dict[str, None] = {}
    groups: dict[str, GroupDeclaration] = {}
    permissions: dict[str, PermissionSetting] = {}
    by_path: dict[str, dict[str, PermissionSetting]] = {}
    api, history = DEFAULT_API_PERMISSION, DEFAULT_HISTORY_PERMISSION
    for profile in profiles:
        tree = profile.tree("roles.yaml", problems)
        if tree is None:
            continue
        section = Section(tree, "", problems, ROLES_KEYS)
        sections.append(section)
        roles |= dict.fromkeys(section.texts("roles"))
        scoped |= dict.fromkeys(section.texts("scoped_roles"))
        staff |= dict.fromkeys(section.texts("staff_roles"))
        for name, inner in section.sections("groups", GROUP_KEYS):
            groups[name] = GroupDeclaration(name, inner.text("title", name), inner.texts("roles"))
        permissions |= permission_maps(section, "permissions")
        paths = section.section("by_path")
        for path in paths.names():
            normal = _path(paths, path, path)
            by_path[normal] = {**by_path.get(normal, {}), **permission_maps(paths, path)}
        api = section.text("api_permission", api)
        history = section.text("history_permission", history)
    found = Roles(
        roles=tuple(roles),
        groups=groups,
        permissions=permissions,
        by_path=by_path,
        scoped_roles=frozenset(scoped),
        staff_roles=frozenset(staff),
        api_permission=api,
        history_permission=history,
    )
    return found, sections


def check_roles(
    roles: Roles,
    sections: Sequence[Section],
    layout: Sequence[Mapping[str, object]],
    nodes: Mapping[str, Node],
    problems: list[DeclarationProblem],
) -> None:
    """Every role that is named exists, and so does every path that permissions are written onto.

    `nodes` are the declarations of types, which may have permissions of their own.
    """
    known = roles.roles
    paths = {"/", *(str(entry["path"]) for entry in layout)}
    for section in sections:
        for key in ("scoped_roles", "staff_roles"):
            for role in section.texts(key):
                section.choose(key, role, known, "role")
        for _, inner in section.sections("groups", GROUP_KEYS):
            _check_listed(inner, known)
        for _, inner in section.sections("permissions", PERMISSION_KEYS):
            _check_listed(inner, known)
        by_path = section.section("by_path")
        for path in by_path.names():
            if _path(by_path, path, path) not in paths:
                by_path.note(f"no object is made at {path}", f"one of {listed(sorted(paths))}", path)
            for _, inner in by_path.sections(path, PERMISSION_KEYS):
                _check_listed(inner, known)
    for name, node in nodes.items():
        declared = Section(node, name, problems)
        for _, inner in declared.sections("permissions", PERMISSION_KEYS):
            _check_listed(inner, known)
        if declared.has("login"):
            login = declared.section("login")
            for role in login.texts("local_roles"):
                login.choose("local_roles", role, known, "role")


def read_layout(
    profiles: Sequence[Profile],
    types: Mapping[str, EntityType],
    root_type: str,
    problems: list[DeclarationProblem],
) -> tuple[Mapping[str, object], ...]:
    """The objects that a new site is made with, containers first; each must be allowed where it stands."""
    found: dict[str, tuple[Section, Mapping[str, object]]] = {}
    for profile in profiles:
        tree = profile.tree("layout.yaml", problems)
        if tree is None:
            continue
        if not isinstance(tree.value, tuple):
            problems.append(tree.problem("", "the layout is not a list", "a list of {path, portal_type, fields}"))
        for section in listed_sections(tree, "layout", problems, LAYOUT_KEYS):
            path = _path(section, section.text("path", required=True), "path")
            portal_type = section.text("portal_type", required=True)
            if path in found:
                earlier = found[path][0].node
                section.note(f"{path} is already made in {earlier.file}:{earlier.line}", "each path once", "path")
                continue
            fields = section["fields"].plain() if section.has("fields") else {}
            found[path] = (section, {"path": path, "portal_type": portal_type, "fields": fields})
    for path, (section, entry) in found.items():
        _check_entry(section, path, str(entry["portal_type"]), found, types, root_type)
    return tuple(entry for _, entry in sorted(found.values(), key=lambda item: str(item[1]["path"]).count("/")))


def _check_entry(
    section: Section,
    path: str,
    portal_type: str,
    found: Mapping[str, tuple[Section, Mapping[str, object]]],
    types: Mapping[str, EntityType],
    root_type: str,
) -> None:
    if not portal_type or not section.choose("portal_type", portal_type, list(types), "type"):
        return
    above = path.rpartition("/")[0]
    if above and above not in found:
        section.note(f"its container {above} is not made", "an entry for the container", "path")
        return
    container = str(found[above][1]["portal_type"]) if above else root_type
    if container in types and container not in types[portal_type].containers:
        allowed = listed(sorted(types[portal_type].containers))
        section.note(f"{portal_type} cannot be in {container}", f"a container of type {allowed}", "path")
    entity_type = types[portal_type]
    for name in section.mapping("fields"):
        if name not in entity_type.fields:
            inner = section.section("fields")
            inner.note(f"{portal_type} has no field {name!r}{suggestion(name, entity_type.fields)}", "a field", name)


def _check_listed(section: Section, known: Sequence[str]) -> None:
    for role in section.texts("roles"):
        section.choose("roles", role, known, "role")


def _path(section: Section, text: str, at: str) -> str:
    """A path of the site, from its root; a note when it cannot be one."""
    try:
        return normalise_path(text, "")
    except PathProblem as problem:
        section.note(str(problem), "a path such as /clients", at)
        return text
