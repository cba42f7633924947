"""Declarations of the profiles that come with the gateway, loaded once a process: nothing in the tests changes them."""

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Final, TypeVar

import objapi.site
import objapi.site_context
from objapi.model.dependents import Dependents
from objapi.model.loading import load_registry
from objapi.model.registry import Registry
from objapi.store.permissions.rights import FieldAccess

_T = TypeVar("_T")

SHIPPED: Final = frozenset({"base", "lims", "mxlive", "ispyb"})


def load_once(profiles: Sequence[str | Path]) -> Registry:
    """Load the declarations of profiles; those that come with the gateway are read at the first call alone."""
    names = tuple(str(name) for name in profiles)
    return _shipped(names) if SHIPPED.issuperset(names) else load_registry(profiles)


_shared: list[Registry] = []


@cache
def _shipped(profiles: tuple[str, ...]) -> Registry:
    _shared.append(load_registry(profiles))
    return _shared[-1]


def once(make: Callable[[Registry], _T]) -> Callable[[Registry], _T]:
    """What follows from declarations alone, made once for those that come with the gateway."""
    made: dict[int, _T] = {}

    def found(registry: Registry) -> _T:
        if not any(registry is shared for shared in _shared):
            return make(registry)
        if id(registry) not in made:
            made[id(registry)] = make(registry)
        return made[id(registry)]

    return found


def share_declarations(put: Callable[[object, str, object], None]) -> None:
    """Let sites share declarations and what follows from them; `put` sets an attribute of a module."""
    put(objapi.site, "load_registry", load_once)
    put(objapi.site_context, "Dependents", once(Dependents))
    put(objapi.site_context, "FieldAccess", once(FieldAccess))
