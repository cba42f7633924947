"""Parts that several declarations have in common: names, paths, permission maps."""

import re
from collections.abc import Mapping
from typing import Final

from objapi.model.paths import Path, PathError, parse_path, parse_relation
from workflows import PermissionSetting
from workflows.declarations import Section

NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?: [A-Za-z0-9_]+)*")
"""Names of fields and types: a path holds them, so no dots, slashes or brackets."""
PERMISSION_KEYS: Final = ("acquire", "roles")


def optional_path(section: Section, text: str, at: str) -> Path | None:
    """A path that ends in a value; None, and a note at the entry, when it cannot be read."""
    try:
        return parse_path(text)
    except PathError as error:
        section.note(str(error), "a path such as SampleType.title or parent.id", at.partition("[")[0])
        return None


def optional_relation(section: Section, text: str, at: str) -> Path | None:
    """A path that means objects; None, and a note at the entry, when it cannot be read."""
    try:
        return parse_relation(text)
    except PathError as error:
        section.note(str(error), "a path such as parent, Sample or children(Analysis)", at)
        return None


def permission_maps(section: Section, name: str) -> Mapping[str, PermissionSetting]:
    """Permission → who holds it, from `{acquire: …, roles: […]}`."""
    return {
        permission: PermissionSetting(inner.flag("acquire", default=True), inner.texts("roles"))
        for permission, inner in section.sections(name, PERMISSION_KEYS)
    }
