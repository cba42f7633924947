"""Declarations of several profiles put together: what extends, what replaces, and what clashes."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from objapi.model.loading.profiles import Profile
from workflows.declarations import DeclarationProblem, Node, Section, listed, suggestion

EXTEND: Final = "extend"
_MERGED: Final = frozenset(
    {
        "fields",
        "relations",
        "create_parameters",
        "permissions",
        "keep_after",
        "final_states",
        "natural_keys",
        "out_of_use",
        "embed",
        "extra_ids",
        "table",
        "indexes",
        "states",
        "transitions",
        "variables",
        "worklists",
    }
)
"""Keys whose entries are laid over those of the extended declaration one by one; any other key replaces the earlier."""


@dataclass(frozen=True, slots=True)
class Declared:
    """A named declaration, and the profile that declared the name first."""

    node: Node
    profile: Profile
    origin: Profile


def declare_all(
    found: dict[str, Declared],
    what: str,
    profile: Profile,
    declared: Iterable[tuple[str, Node]],
    problems: list[DeclarationProblem],
) -> None:
    """Add what one profile declares to what the profiles before it did.

    ``extend: true`` lays a declaration over the earlier one of the same name, ``extend: Name`` makes a new one from
    another. Without it the earlier one is replaced when its profile is one that this profile extends; otherwise, and
    within one profile, the same name twice is a mistake. `what` names the declarations in messages.
    """
    every = list(declared)
    for name, node in every:
        if EXTEND not in node.items():
            _add(found, what, name, Declared(node, profile, profile), problems)
    for name, node in every:
        if EXTEND in node.items():
            _extend(found, what, name, node, profile, problems)


def declared_in(
    file: str,
    what: str,
    profiles: Sequence[Profile],
    problems: list[DeclarationProblem],
    known: Collection[str] | None = None,
) -> dict[str, Declared]:
    """The declarations in a file that profiles may have, by the names at its top, which may have to be `known` ones."""
    found: dict[str, Declared] = {}
    for profile in profiles:
        tree = profile.tree(file, problems)
        if tree is not None:
            root = Section(tree, "", problems)
            names = [name for name in root.names() if known is None or root.choose(name, name, list(known), "type")]
            declare_all(found, what, profile, [(name, root[name]) for name in names], problems)
    return found


def _add(found: dict[str, Declared], what: str, name: str, new: Declared, problems: list[DeclarationProblem]) -> None:
    earlier = found.get(name)
    if earlier is not None and str(earlier.profile.folder) not in new.profile.above:
        problems.append(
            new.node.problem(
                name,
                f"the {what} is already declared in {earlier.node.file}:{earlier.node.line}",
                "extend: true to add to it, or a profile.yaml with that profile under extends to replace it"
                + (", or run `objapi adopt --prefix Stock` for other names" if "table" in new.node.items() else ""),
            )
        )
        return
    found[name] = new


def _extend(
    found: dict[str, Declared],
    what: str,
    name: str,
    node: Node,
    profile: Profile,
    problems: list[DeclarationProblem],
) -> None:
    wanted = node.items()[EXTEND]
    base_name = name if wanted.value is True else wanted.value
    base = found.get(base_name) if isinstance(base_name, str) else None
    if base is None:
        known = [*found, "true"]
        message = f"there is no {what} {base_name!r} to extend{suggestion(base_name, found)}"
        problems.append(wanted.problem(f"{name}.{EXTEND}", message, f"one of {listed(known)}"))
        found.setdefault(name, Declared(_without_extend(node), profile, profile))
    elif base_name != name and name in found:
        _add(found, what, name, Declared(node, profile, profile), problems)
    else:
        found[name] = Declared(laid_over(base.node, _without_extend(node)), profile, base.origin)


def laid_over(base: Node, later: Node) -> Node:
    """A declaration with a later one over it; an entry that is null there is taken away."""
    entries = dict(base.items())
    for key, node in later.items().items():
        earlier = entries.get(key)
        if key in _MERGED and earlier is not None and isinstance(node.value, Mapping):
            before = earlier.items()
            merged = {**before, **{name: _entry_over(before.get(name), entry) for name, entry in node.items().items()}}
            entries_left = {name: entry for name, entry in merged.items() if entry.value is not None}
            entries[key] = Node(entries_left, node.file, node.line)
        else:
            entries[key] = node
    return Node(entries, later.file, later.line)


def _entry_over(earlier: Node | None, entry: Node) -> Node:
    """An entry in the place of an earlier one of that name; over it, where it says ``extend: true``."""
    extends = isinstance(entry.value, Mapping) and EXTEND in entry.items() and entry.items()[EXTEND].value is True
    return laid_over(earlier, _without_extend(entry)) if extends and earlier is not None else entry


def _without_extend(node: Node) -> Node:
    return Node({key: entry for key, entry in node.items().items() if key != EXTEND}, node.file, node.line)
