"""Names with brackets, as jQuery and PHP write what is nested: `PhysicalAddress[city]=x`, `Rows[0][keyword]=Ca`. Pure.

The reading of Zope's publisher knows no brackets; this comes after it.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from objapi.api.converters import shown
from objapi.api.forms import Form, FormProblem

_NESTED: Final = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])+)")
_KEY: Final = re.compile(r"\[([^\[\]]*)\]")
_MOST_LEVELS: Final = 8


def with_nested(form: Form) -> Form:
    """The form in which every `name[key]…` is part of a record, or of a list where its keys are numbers, under `name`.

    `name[]` alone stays: it is a list already. A name that cannot be placed is a problem of the form.
    """
    nested = {name: match for name in form if (match := _NESTED.fullmatch(name)) and match[2] != "[]"}
    if not nested:
        return form
    values: dict[str, Any] = {name: value for name, value in form.items() if name not in nested}
    trees: dict[str, dict[str, Any]] = {}
    problems = list(form.problems)
    for name, match in nested.items():
        base, keys = match[1], _KEY.findall(match[2])
        wrong = _place(trees.setdefault(base, {}), keys, form[name]) if base not in values else "sent as a value, too"
        if wrong:
            problems.append(FormProblem(name, f"{shown(name)[1:-1]}: {wrong}."))
    values.update((base, _with_lists(tree)) for base, tree in trees.items() if base not in values)
    return Form(values, problems, form.dropped)


def _place(tree: dict[str, Any], keys: list[str], value: Any) -> str:
    """Put a value into a tree of records; the reason why it has no place there, or an empty text."""
    if len(keys) > _MOST_LEVELS:
        return f"nested more than {_MOST_LEVELS} levels deep"
    if keys[-1] == "":
        keys, value = keys[:-1], value if isinstance(value, list) else [value]
    if "" in keys:
        return "only the last brackets may be empty; number the entries of a list of records"
    for key in keys[:-1]:
        below = tree.setdefault(key, {})
        if not isinstance(below, dict):
            return "sent as a value, too"
        tree = below
    if keys[-1] in tree:
        return "sent twice"
    tree[keys[-1]] = value
    return ""


def _with_lists(tree: Mapping[str, Any]) -> Any:
    """The tree with each level whose keys are all numbers as a list, in the order of the numbers."""
    level = {key: _with_lists(part) if isinstance(part, dict) else part for key, part in tree.items()}
    if level and all(key.isascii() and key.isdigit() and len(key) < 10 for key in level):
        return [level[key] for key in sorted(level, key=int)]
    return level
