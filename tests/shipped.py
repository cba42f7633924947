"""Declarations of the profiles that come with the gateway, loaded once a process: nothing in the tests changes them."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final

from objapi.model.loading import load_registry
from objapi.model.registry import Registry

SHIPPED: Final = frozenset({"base", "lims", "mxlive", "ispyb"})


def load_once(profiles: Sequence[str | Path]) -> Registry:
    """Load the declarations of profiles; those that come with the gateway are read at the first call alone."""
    names = tuple(str(name) for name in profiles)
    return _shipped(names) if SHIPPED.issuperset(names) else load_registry(profiles)


@cache
def _shipped(profiles: tuple[str, ...]) -> Registry:
    return load_registry(profiles)
