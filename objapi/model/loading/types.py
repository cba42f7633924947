"""Entity types from the declarations of all profiles."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from objapi.model.ids import MAX_PADDING, form_problems
from objapi.model.loading.fields import FIELD_KEYS, read_field
from objapi.model.loading.merging import Declared, declare_all
from objapi.model.loading.names_and_paths import NAME, optional_path, optional_relation, permission_maps
from objapi.model.loading.profiles import Profile
from objapi.model.loading.tables import read_table
from objapi.model.paths import NamedRelation, Path, Relation
from objapi.model.types import EntityType, Field, IdKind, IdRule, LoginDeclaration, NaturalKey, RowRule
from workflows.declarations import DeclarationProblem, Node, Section, listed, suggestion
from workflows.declarations.sections import shown

TYPE_KEYS: Final = (
    "extend",
    "title",
    "about",
    "containers",
    "id",
    "title_from",
    "title_required",
    "title_shared",
    "workflows",
    "catalogs",
    "read_catalog",
    "add_permission",
    "permissions",
    "scope",
    "access_from",
    "keep_after",
    "final_states",
    "out_of_use",
    "expires",
    "relations",
    "create_parameters",
    "creator",
    "container_from",
    "on_create",
    "on_remove",
    "on_load",
    "embed",
    "natural_keys",
    "extra_ids",
    "copyable",
    "movable",
    "without",
    "login",
    "scan",
    "table",
    "fields",
)
LOGIN_KEYS: Final = ("field", "email", "local_roles")
ID_KEYS: Final = ("kind", "form", "padding", "padding_setting", "start_setting", "overridable")


def read_type(section: Section, portal_type: str, rules: Mapping[str, RowRule]) -> EntityType:
    """One type; the fields that every type of its profile has are already among its own."""
    if NAME.fullmatch(portal_type) is None:
        section.note(f"{portal_type!r} cannot name a type", "letters, digits, _ and blanks, not a digit first")
    fields = _fields(section)
    return EntityType(
        portal_type=portal_type,
        title=section.text("title", portal_type),
        about=section.text("about"),
        fields=fields,
        id_rule=_id_rule(section, portal_type),
        containers=frozenset(section.texts("containers")),
        title_path=_title_path(section),
        title_required=section.flag("title_required"),
        title_shared=section.flag("title_shared"),
        workflows=section.texts("workflows"),
        catalogs=section.texts("catalogs"),
        read_catalog=section.optional_text("read_catalog"),
        add_permission=section.text("add_permission", "Add portal content"),
        permissions=permission_maps(section, "permissions"),
        scope=section.flag("scope"),
        access_from=section.optional_text("access_from"),
        keep_after=_lists(section, "keep_after"),
        final_states=_lists(section, "final_states"),
        out_of_use=_out_of_use(section),
        expires=_expires(section),
        relations=_relations(section),
        create_parameters=_create_parameters(section),
        creator=section.optional_text("creator"),
        container_from=section.optional_text("container_from"),
        on_create=section.texts("on_create"),
        on_remove=section.texts("on_remove"),
        on_load=section.texts("on_load"),
        embed=_texts(section, "embed"),
        natural_keys=tuple(_natural_key(*declared) for declared in _texts(section, "natural_keys").items()),
        extra_ids=_texts(section, "extra_ids"),
        login=_login(section),
        copyable=section.flag("copyable", default=True),
        movable=section.flag("movable", default=True),
        scan=_scan(section),
        table=read_table(section, portal_type, fields, rules),
        source=f"{section.node.file}:{section.node.line}",
    )


def _fields(section: Section) -> Mapping[str, Field]:
    nodes = section.mapping("fields")
    fields = {}
    for name, inner in section.sections("fields", FIELD_KEYS):
        fields[name] = read_field(inner, name, nodes)
        if inner.has("copied_from"):
            inner.note("a copy takes a field from the field", "a create parameter, or copied: false", "copied_from")
    return fields


def _create_parameters(section: Section) -> Mapping[str, Field]:
    nodes = section.mapping("create_parameters")
    parameters = {}
    for name, inner in section.sections("create_parameters", FIELD_KEYS):
        parameters[name] = read_field(inner, name, nodes)
        if name in section.mapping("fields"):
            inner.note("a field of the type has this name", "a name that no field has")
    return parameters


def _id_rule(section: Section, portal_type: str) -> IdRule:
    inner = section.section("id", ID_KEYS)
    text = inner.text("kind", IdKind.SEQUENCE)
    kind = IdKind(text) if inner.choose("kind", text, [str(kind) for kind in IdKind], "kind of id") else IdKind.SEQUENCE
    plain = re.sub(r"[^a-z0-9._-]+", "-", portal_type.lower())
    usual = {IdKind.SEQUENCE: f"{plain}-{{n}}", IdKind.FROM_TITLE: "{title}"}
    rule = IdRule(
        kind=kind,
        form=inner.text("form", usual.get(kind, "")),
        padding=inner.number("padding", most=MAX_PADDING) or 0,
        padding_setting=inner.optional_text("padding_setting"),
        start_setting=inner.optional_text("start_setting"),
        overridable=inner.flag("overridable", default=True),
    )
    for problem in form_problems(rule):
        inner.note(problem, "a form such as client-{n} or {Service.Keyword}", "form")
    return rule


def _title_path(section: Section) -> Path | None:
    text = section.optional_text("title_from")
    return None if text is None else optional_path(section, text, "title_from")


def _relations(section: Section) -> Mapping[str, Relation]:
    relations: dict[str, Relation] = {}
    inner = section.section("relations")
    for name in inner.names():
        node = inner[name]
        if isinstance(node.value, Mapping):
            named = inner.section(name, ("behavior",)).text("behavior", required=True)
            relations[name] = NamedRelation(named)
        else:
            path = optional_relation(inner, inner.text(name, "self"), name)
            if path is not None:
                relations[name] = path
    return relations


def _lists(section: Section, name: str) -> Mapping[str, tuple[str, ...]]:
    inner = section.section(name)
    return {key: inner.texts(key) for key in inner.names()}


def _out_of_use(section: Section) -> Mapping[Path, tuple[str, ...]]:
    inner = section.section("out_of_use")
    paths = {key: optional_path(inner, key, key) for key in inner.names()}
    return {path: inner.texts(key) for key, path in paths.items() if path is not None}


def _expires(section: Section) -> Path | None:
    text = section.optional_text("expires")
    return None if text is None else optional_path(section, text, "expires")


def _login(section: Section) -> LoginDeclaration | None:
    if not section.has("login"):
        return None
    inner = section.section("login", LOGIN_KEYS)
    return LoginDeclaration(
        inner.text("field", required=True), inner.optional_text("email"), inner.texts("local_roles")
    )


def _scan(section: Section) -> tuple[Path, ...]:
    paths = (optional_path(section, text, "scan") for text in section.texts("scan"))
    return tuple(path for path in paths if path is not None)


def _natural_key(names: str, scope: str) -> NaturalKey:
    """A key of fields separated by commas; its scope may be followed by a comma and `shared`."""
    within, comma, word = (part.strip() for part in scope.partition(","))
    is_shared = word == "shared"
    return NaturalKey(
        tuple(name.strip() for name in names.split(",")), within if is_shared or not comma else scope, is_shared
    )


def _texts(section: Section, name: str) -> Mapping[str, str]:
    inner = section.section(name)
    return {key: inner.text(key) for key in inner.names()}


BASE_FIELDS: Final = "base_fields"


def read_types(
    profiles: Sequence[Profile], rules: Mapping[str, RowRule], problems: list[DeclarationProblem]
) -> tuple[dict[str, EntityType], dict[str, Node]]:
    """Every type, and its declaration with the fields it has from its profile."""
    declared: dict[str, Declared] = {}
    base: dict[str, dict[str, Node]] = {}
    for profile in profiles:
        own: dict[str, Node] = {}
        named: list[tuple[str, Node]] = list(profile.derived_types.items().items())
        for tree in profile.trees("types", problems):
            _check_is_mapping(tree, problems)
            for name, node in tree.items().items():
                if name == BASE_FIELDS:
                    own |= node.items()
                else:
                    named.append((name, node))
        above = [fields for folder, fields in base.items() if folder in profile.above]
        base[str(profile.folder)] = {name: node for fields in (*above, own) for name, node in fields.items()}
        declare_all(declared, "type", profile, named, problems)
    types, nodes = {}, {}
    for name, found in declared.items():
        if not isinstance(found.node.value, Mapping):
            message = f"{shown(found.node)} is not a mapping"
            problems.append(found.node.problem(name, message, "a mapping with the keys of a type", origin=True))
        node = _with_base_fields(name, found.node, base[str(found.origin.folder)], problems)
        nodes[name] = node
        types[name] = read_type(Section(node, name, problems, TYPE_KEYS), name, rules)
    return types, nodes


def _check_is_mapping(tree: Node, problems: list[DeclarationProblem]) -> None:
    if not isinstance(tree.value, Mapping):
        problems.append(tree.problem("", "the file holds no mapping", "names, each with its declaration"))


def _with_base_fields(name: str, node: Node, base: Mapping[str, Node], problems: list[DeclarationProblem]) -> Node:
    """The declaration with the base fields that it does not leave out; its own field of such a name stands."""
    entries = dict(node.items())
    without = []
    for entry in entries["without"].entries() if "without" in entries else ():
        if isinstance(entry.value, str) and entry.value in base:
            without.append(entry.value)
        else:
            message = f"there is no base field {entry.value!r}{suggestion(entry.value, base)}"
            problems.append(entry.problem(f"{name}.without", message, f"some of {listed(base)}"))
    declared = entries.get("fields", Node({}, node.file, node.line))
    if declared.value is not None and not isinstance(declared.value, Mapping):
        return node
    fields = {key: field for key, field in base.items() if key not in without}
    fields |= declared.items()
    for key, field in declared.items().items():
        if field.value is None and key not in base:
            message, expected = "the field declares nothing", "a mapping with the keys of a field"
            problems.append(field.problem(f"{name}.fields.{key}", message, expected, origin=True))
    present = {key: field for key, field in fields.items() if field.value is not None}
    entries["fields"] = Node(present, declared.file, declared.line)
    return Node(entries, node.file, node.line)
