"""The shape of packages, read from their source without running it: import circles, importers, doubled class names."""

import ast
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from grimp import ImportGraph, build_graph

PACKAGES = ("workflows", "catalog", "objapi")
"""The top-level packages of the project."""


@dataclass(frozen=True, slots=True)
class Structure:
    """Imports and class names of some packages; imports below `TYPE_CHECKING` count as any other."""

    importers: Mapping[str, frozenset[str]]
    """Module → modules that import it."""
    circles: tuple[frozenset[str], ...]
    """Sets of modules each of which imports every other one, directly or by way of others."""
    doubled_classes: Mapping[str, tuple[str, ...]]
    """Name of a public top-level class → modules that define one of this name; only names with several."""

    @property
    def modules(self) -> int:
        """Number of modules."""
        return len(self.importers)

    @property
    def single_importers(self) -> Mapping[str, str]:
        """Module → its importer, for modules that have exactly one."""
        return {module: next(iter(found)) for module, found in self.importers.items() if len(found) == 1}


def read_structure(*packages: str) -> Structure:
    """The structure of top-level packages that can be imported; those of the project when none are named."""
    packages = packages or PACKAGES
    graph = build_graph(*packages, cache_dir=None)
    importers = {
        module: frozenset(graph.find_modules_that_directly_import(module)) - {module}
        for module in sorted(graph.modules)
    }
    return Structure(importers, _circles(graph), _doubled_classes(graph.modules))


def _circles(graph: ImportGraph) -> tuple[frozenset[str], ...]:
    above = {module: graph.find_upstream_modules(module) for module in graph.modules}
    circles = {
        frozenset({module, *(other for other in found if module in above[other])}) for module, found in above.items()
    }
    return tuple(sorted((circle for circle in circles if len(circle) > 1), key=min))


def _doubled_classes(modules: set[str]) -> Mapping[str, tuple[str, ...]]:
    defined = defaultdict[str, list[str]](list)
    for module in sorted(modules):
        for node in ast.parse(_source(module).read_bytes()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                defined[node.name].append(module)
    return {name: tuple(found) for name, found in sorted(defined.items()) if len(found) > 1}


def _source(module: str) -> Path:
    """The file of a module, found without importing more than its top-level package."""
    top, *names = module.split(".")
    location = __import__(top).__path__[0]
    path = Path(location, *names)
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
