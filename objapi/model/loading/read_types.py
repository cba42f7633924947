"""The types of all profiles, put together."""

from collections.abc import Mapping, Sequence
from typing import Final

from declarations import DeclarationProblem, Node, Section, listed, suggestion
from objapi.model.loading.merging import Declared, declare_all
from objapi.model.loading.profiles import Profile
from objapi.model.loading.types import TYPE_KEYS, read_type
from objapi.model.types import EntityType

BASE_FIELDS: Final = "base_fields"


def read_types(
    profiles: Sequence[Profile], problems: list[DeclarationProblem]
) -> tuple[dict[str, EntityType], dict[str, Node]]:
    """Every type, and its declaration with the fields it has from its profile."""
    declared: dict[str, Declared] = {}
    base: dict[str, dict[str, Node]] = {}
    for profile in profiles:
        own: dict[str, Node] = {}
        named: list[tuple[str, Node]] = []
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
        node = _with_base_fields(name, found.node, base[str(found.origin.folder)], problems)
        nodes[name] = node
        types[name] = read_type(Section(node, name, problems, TYPE_KEYS), name)
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
    kept = {key: field for key, field in fields.items() if field.value is not None}
    entries["fields"] = Node(kept, declared.file, declared.line)
    return Node(entries, node.file, node.line)
