"""Content files: the users and objects of a sample site, or of one that moves in.

A file is YAML with `users` and `objects`::

    users:
    - {id: rita, password: secret, fullname: Rita, groups: [Clients], local_roles: {/clients/client-1: [Owner]}}
    objects:
    - {path: /clients/client-1, portal_type: Client, fields: {Name: Hills}, states: {client_workflow: active}}

Fields hold what a client would send; ``{ref: PATH}`` anywhere in them stands for the UID of the object at that path,
which may come later in the file.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from pathlib import Path as FilePath
from typing import Final

from catalog import DateSyntaxError, parse_date
from objapi.model.content import Content, ContentObject, ContentUser, Ref
from objapi.model.ids import IdProblem, check_id
from objapi.model.loading.profiles import ProfileError
from objapi.model.loading.yaml_nodes import read_yaml
from objapi.model.references import PathProblem, normalise_path
from objapi.model.registry import Registry
from objapi.model.types import EntityType, Kind
from workflows import Workflow
from workflows.declarations import DeclarationProblem, Node, Section, listed, suggestion

FILE_KEYS: Final = ("users", "objects")
USER_KEYS: Final = ("id", "password", "fullname", "email", "groups", "roles", "local_roles")
OBJECT_KEYS: Final = ("path", "portal_type", "fields", "states", "created")
REF: Final = "ref"


def read_content(file: str | FilePath, registry: Registry | None = None, *, zone: tzinfo = UTC) -> Content:
    """The contents of a file, containers first; dates without an offset are in `zone`.

    Raises `ProfileError` with every mistake: wrong keys and values, paths that are none or are given twice; with a
    registry also unknown types, fields, states, roles and groups, and objects in containers of a wrong type. Whether
    containers and references exist in the site is not known here.
    """
    problems: list[DeclarationProblem] = []
    node = read_yaml(FilePath(file), problems)
    section = Section(node or Node(None, str(file), 0), "", problems, FILE_KEYS)
    users: dict[str, ContentUser] = {}
    objects: dict[str, tuple[ContentObject, Section]] = {}
    for inner in section.list_sections("users", USER_KEYS):
        _add_user(inner, registry, users)
    for inner in section.list_sections("objects", OBJECT_KEYS):
        _add_object(inner, registry, objects, zone)
    if registry is not None:
        types = {str(entry["path"]): str(entry["portal_type"]) for entry in registry.layout}
        types |= {"/": registry.root_type} | {path: item.portal_type for path, (item, _) in objects.items()}
        for item, inner in objects.values():
            _check_place(item, inner, registry, types)
    if problems:
        raise ProfileError(problems)
    in_order = sorted((item for item, _ in objects.values()), key=_depth)
    return Content(tuple(users.values()), tuple(in_order))


def _depth(item: ContentObject) -> int:
    return 0 if item.path == "/" else item.path.count("/")


def _add_user(section: Section, registry: Registry | None, users: dict[str, ContentUser]) -> None:
    user_id = section.text("id", required=True)
    if user_id in users:
        section.note(f"the user {user_id!r} is given twice", "each user once", "id")
        return
    roles = None if registry is None else registry.roles
    known_roles = None if roles is None else roles.roles
    inner = section.section("local_roles")
    users[user_id] = ContentUser(
        id=user_id,
        password=section.text("password", required=True),
        fullname=section.text("fullname"),
        email=section.text("email"),
        groups=_known(section, "groups", None if roles is None else list(roles.groups), "group"),
        roles=_known(section, "roles", known_roles, "role"),
        local_roles={_path(inner, key, key): _known(inner, key, known_roles, "role") for key in inner.names()},
    )


def _add_object(
    section: Section, registry: Registry | None, objects: dict[str, tuple[ContentObject, Section]], zone: tzinfo
) -> None:
    item = content_object(section, registry, zone)
    if item.path in objects:
        earlier = objects[item.path][1].node
        section.note(f"{item.path} is already given in {earlier.file}:{earlier.line}", "each path once", "path")
        return
    objects[item.path] = (item, section)


def content_object(section: Section, registry: Registry | None, zone: tzinfo) -> ContentObject:
    """The object of an entry; the mistakes in it are noted in the section."""
    path = _path(section, section.text("path", required=True), "path")
    portal_type = section.text("portal_type", required=True)
    if path != "/":
        try:
            check_id(path.rpartition("/")[2])
        except IdProblem as problem:
            section.note(str(problem), "a path that ends in an id", "path")
    entity_type = None if registry is None else registry.types.get(portal_type)
    if registry is not None and entity_type is None and portal_type:
        section.choose("portal_type", portal_type, list(registry.types), "type")
    return ContentObject(
        path=path,
        portal_type=portal_type,
        fields=_fields(section, entity_type),
        states=_states(section, None if registry is None else registry.workflows, entity_type),
        created=_created(section, zone),
        source=f"{section.node.file}:{section.node.line}",
    )


def _fields(section: Section, entity_type: EntityType | None) -> Mapping[str, object]:
    inner = section.section("fields")
    found = {}
    for name in inner.names():
        declared = None if entity_type is None else entity_type.fields.get(name)
        if entity_type is not None and declared is None:
            known = entity_type.fields
            inner.note(f"{entity_type.portal_type} has no field {name!r}{suggestion(name, known)}", "a field", name)
        elif declared is not None and declared.kind is Kind.COMPUTED:
            inner.note("the value is computed by the gateway", "leave it out", name)
        found[name] = _value(inner[name], inner.path(name), section.problems)
    return found


def _states(
    section: Section, workflows: Mapping[str, Workflow] | None, entity_type: EntityType | None
) -> Mapping[str, str]:
    """Workflow id or state variable → state, as written; checked when the type and its workflows are known."""
    inner = section.section("states")
    states = {name: inner.text(name) for name in inner.names()}
    if workflows is not None and entity_type is not None:
        chain = [workflows[name] for name in entity_type.workflows]
        for name, state in states.items():
            workflow = _workflow(inner, name, chain)
            if workflow is not None:
                inner.choose(name, state, list(workflow.states), f"state of {workflow.id}")
    return states


def _workflow(section: Section, name: str, chain: Sequence[Workflow]) -> Workflow | None:
    fitting = [item for item in chain if item.id == name] or [item for item in chain if item.state_variable == name]
    if len(fitting) == 1:
        return fitting[0]
    known = [item.id for item in chain]
    message = f"{name!r} is the state of several workflows" if fitting else f"there is no workflow {name!r} here"
    section.note(message + suggestion(name, known), f"one of {listed(known)}", name)
    return None


def _created(section: Section, zone: tzinfo) -> datetime | None:
    text = section.optional_text("created")
    if text is None:
        return None
    try:
        return parse_date(text, zone, iso="local")
    except DateSyntaxError as error:
        section.note(str(error), "a date such as 2026-03-01T09:30:00Z", "created")
        return None


def _check_place(item: ContentObject, section: Section, registry: Registry, types: Mapping[str, str]) -> None:
    """The container, where it is known, may hold the type; what the site is made with keeps its type."""
    made = {str(entry["path"]): str(entry["portal_type"]) for entry in registry.layout}
    expected = registry.root_type if item.path == "/" else made.get(item.path)
    if expected is not None:
        if item.portal_type != expected:
            section.note(f"the object at {item.path} is a {expected}", expected, "portal_type")
        return
    container = types.get(item.container)
    entity_type = registry.types.get(item.portal_type)
    if entity_type is not None and container in registry.types and container not in entity_type.containers:
        allowed = listed(sorted(entity_type.containers))
        section.note(f"{item.portal_type} cannot be in {container}", f"a container of type {allowed}", "path")


def _value(node: Node, key: str, problems: list[DeclarationProblem]) -> object:
    """A raw value in which every ``{ref: PATH}`` has become a `Ref`."""
    match node.value:
        case Mapping():
            if set(node.value) == {REF}:
                return _ref(node.value[REF], f"{key}.{REF}", problems)
            return {name: _value(entry, f"{key}.{name}", problems) for name, entry in node.value.items()}
        case tuple():
            return [_value(entry, f"{key}[{number}]", problems) for number, entry in enumerate(node.value)]
        case _:
            return node.value


def _ref(node: Node, key: str, problems: list[DeclarationProblem]) -> Ref:
    try:
        return Ref(normalise_path(str(node.value), ""))
    except PathProblem as problem:
        problems.append(node.problem(key, str(problem), "the path of an object"))
        return Ref("/")


def _known(section: Section, name: str, known: Sequence[str] | None, what: str) -> tuple[str, ...]:
    """A list of names; each must be known, when it is known which there are."""
    found = section.texts(name)
    for text in found if known is not None else ():
        section.choose(name, text, known or (), what)
    return found


def _path(section: Section, text: str, at: str) -> str:
    try:
        return normalise_path(text, "")
    except PathProblem as problem:
        section.note(str(problem), "a path such as /clients/client-1", at)
        return text
