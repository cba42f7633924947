"""Folders of profiles, the Python that they bring, and the error of those that cannot be used."""

import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib.metadata import entry_points
from pathlib import Path as FilePath
from traceback import extract_tb
from types import ModuleType
from typing import Final

import objapi
from objapi.model.behaviors import Behaviors
from objapi.model.loading.yaml_nodes import read_yaml
from workflows.declarations import DeclarationProblem, Node, Section, closest, listed, suggestion, without_followers

GROUP: Final = "objapi.profiles"
FOLDERS: Final = ("types", "catalogs", "workflows", "dialects", "result_files", "languages")
FILES: Final = ("profile", "roles", "layout", "worklists", "result_sheets", "charts", "fields")
SUFFIX: Final = ".yaml"
MODULES: Final = ("behaviors", "derived_types")
PROFILE_KEYS: Final = (
    "title",
    "about",
    "extends",
    "default_catalog",
    "uid_catalog",
    "root_type",
    "id_settings",
    "variable_aliases",
    "content",
    "row_rules",
    "folded_state",
)
_BUILT_IN: Final = FilePath(objapi.__file__).parent / "profiles"


class ProfileError(Exception):
    """Declarations that cannot be used; `problems` are all that is wrong, by file and line."""

    def __init__(self, problems: Iterable[DeclarationProblem]) -> None:
        # What stands in one place and is found wrong on several ways is one mistake.
        found: dict[tuple[str, int, str], DeclarationProblem] = {}
        for problem in without_followers(problems):
            found.setdefault((problem.file, problem.line, problem.message), problem)
        self.problems = tuple(sorted(found.values()))
        count = len(self.problems)
        heading = "1 mistake" if count == 1 else f"{count} mistakes"
        super().__init__("\n".join((f"{heading} in the declarations:", *map(str, self.problems))))


@dataclass(frozen=True, slots=True)
class Profile:
    """A folder of declarations. `above` are the profiles that it extends, directly or not."""

    name: str
    folder: FilePath
    settings: Section
    behaviors: Behaviors
    derived_types: Node
    """Declarations of types that the profile's Python makes, for the files to extend."""
    above: frozenset[str] = field(default=frozenset())

    def trees(self, part: str, problems: list[DeclarationProblem]) -> Iterator[Node]:
        """The YAML files of a part of the profile (`types`, `catalogs`, `workflows`), by name."""
        for _, node in self.named_trees(part, problems):
            yield node

    def named_trees(self, part: str, problems: list[DeclarationProblem]) -> Iterator[tuple[str, Node]]:
        """As `trees`, of a part whose files give what they declare their own name, with that name."""
        for path in sorted((self.folder / part).glob(f"*{SUFFIX}")):
            node = read_yaml(path, problems)
            if node is not None:
                yield path.stem, node

    def tree(self, name: str, problems: list[DeclarationProblem]) -> Node | None:
        """One YAML file of the profile, None when it has none of that name."""
        path = self.folder / name
        return read_yaml(path, problems) if path.is_file() else None


def find_profiles(names: Sequence[str | FilePath], problems: list[DeclarationProblem]) -> list[Profile]:
    """The profiles named and all that they extend, each once, the extended before the extending.

    Raises ProfileError for a profile that is not there, or whose Python cannot be imported.
    """
    found: dict[FilePath, Profile] = {}
    for name in names:
        _add(str(name), Node(None, str(name)), FilePath(), found, (), problems)
    return list(found.values())


def profile_address(name: str) -> str:
    """The name by which a profile is found from any working directory: that of an installed one, else its folder."""
    located = _locate(name, FilePath())
    return name if located is None or located[1] is not None else str(located[0])


def _add(
    name: str,
    named: Node,
    origin: FilePath,
    found: dict[FilePath, Profile],
    within: tuple[FilePath, ...],
    problems: list[DeclarationProblem],
) -> Profile | None:
    """Put a profile behind those it extends; `named` is where it is named, `origin` where a relative folder is."""
    located = _locate(name, origin)
    if located is None:
        available = _available()
        message = f"there is no profile {name!r}{suggestion(name, available)}"
        # Without the profile every name that it declares would be a mistake in all the others.
        key = "extends" if named.line else ""
        problems.append(named.problem(key, message, f"a folder, or one of {listed(available)}"))
        raise ProfileError(problems)
    folder, module = located
    if folder in found:
        return found[folder]
    if folder in within:
        problems.append(DeclarationProblem(str(folder), 0, "extends", "the profile extends itself"))
        return None
    settings = _settings(folder, problems)
    if settings.node.value is not None and not isinstance(settings.node.value, Mapping):
        # What it extends is not known, and every name from there would be missing.
        raise ProfileError(problems)
    above: set[str] = set()
    for other in settings.texts("extends"):
        extended = _add(other, settings["extends"], folder, found, (*within, folder), problems)
        if extended is not None:
            above |= {str(extended.folder), *extended.above}
    _check_file_names(folder, settings, problems)
    behaviors = _behaviors(folder, module, problems)
    profile = Profile(name, folder, settings, behaviors, _derived_types(folder, module, problems), frozenset(above))
    found[folder] = profile
    return profile


def _check_file_names(folder: FilePath, settings: Section, problems: list[DeclarationProblem]) -> None:
    """Note YAML files of a profile that nobody reads: of another suffix, in another folder, or nearly named right."""
    contents = {folder / str(node.value) for node in settings.mapping("content").values()}
    for path in sorted(folder.glob("*/*/*.y*ml")):
        if path.relative_to(folder).parts[0] in FOLDERS:
            message = "a folder in a folder is not read"
            problems.append(DeclarationProblem(str(path), 0, "", message, f"the file in {path.parent.parent.name}"))
    for path in sorted(folder.glob("*.py")):
        meant = closest(path.stem, MODULES)
        if meant is not None and path.stem not in MODULES and not (folder / f"{meant}.py").is_file():
            message = f"no Python is read from a file {path.stem!r}{suggestion(path.stem, MODULES)}"
            problems.append(DeclarationProblem(str(path), 0, "", message, listed(MODULES)))
    for path in sorted(folder.glob("*.y*ml")) + sorted(folder.glob("*/*.y*ml")):
        place = path.relative_to(folder).parts
        known = FOLDERS if len(place) > 1 else FILES
        name = place[0] if len(place) > 1 else path.stem
        right = name in known and path.suffix == SUFFIX
        if right or path in contents or (len(place) == 1 and not get_close_matches(name, known, cutoff=0.75)):
            continue
        if name in known:
            message, expected = f"a file with the suffix {path.suffix} is not read", f"{path.stem}{SUFFIX}"
        else:
            what = "folder" if len(place) > 1 else "file"
            message = f"no declarations are read from a {what} {name!r}{suggestion(name, known)}"
            expected = listed(known)
        problems.append(DeclarationProblem(str(path), 0, "", message, expected))


def _settings(folder: FilePath, problems: list[DeclarationProblem]) -> Section:
    path = folder / "profile.yaml"
    node = read_yaml(path, problems)
    return Section(node or Node(None, str(path), 0), "", problems, PROFILE_KEYS)


def _locate(name: str, origin: FilePath) -> tuple[FilePath, str | None] | None:
    """The folder of a profile and, when it is a package, its dotted name."""
    if name.isidentifier():
        if (_BUILT_IN / name / "profile.yaml").is_file():
            return _BUILT_IN / name, f"{objapi.__name__}.profiles.{name}"
        for entry in entry_points(group=GROUP, name=name):
            spec = importlib.util.find_spec(entry.module)
            if spec is not None and spec.submodule_search_locations:
                return FilePath(next(iter(spec.submodule_search_locations))).resolve(), entry.module
    folder = (origin / name).resolve()
    return (folder, None) if folder.is_dir() else None


def _available() -> list[str]:
    built_in = {path.parent.name for path in _BUILT_IN.glob("*/profile.yaml")}
    return sorted(built_in | {entry.name for entry in entry_points(group=GROUP)})


def _behaviors(folder: FilePath, module: str | None, problems: list[DeclarationProblem]) -> Behaviors:
    """The `behaviors` of a profile's module of that name; none when it has no such module."""
    path, found = _python(folder, module, "behaviors", problems)
    if path is None:
        return Behaviors()
    if isinstance(found, Behaviors):
        return found
    problems.append(DeclarationProblem(str(path), 0, "behaviors", "the module has no Behaviors of that name"))
    return Behaviors()


def _derived_types(folder: FilePath, module: str | None, problems: list[DeclarationProblem]) -> Node:
    """The `derived_types` of a profile's module of that name, as a file that declares them would hold them."""
    path, found = _python(folder, module, "derived_types", problems)
    if path is None:
        return Node({})
    if isinstance(found, Mapping):
        return Node(found, str(path))
    message, expected = "the module has no mapping of that name", "names of types, each with its declaration"
    problems.append(DeclarationProblem(str(path), 0, "derived_types", message, expected))
    return Node({})


def _python(
    folder: FilePath, module: str | None, name: str, problems: list[DeclarationProblem]
) -> tuple[FilePath | None, object]:
    """The file of a profile's module, and what the module holds under its own name.

    None twice when there is no such module. Raises ProfileError when it cannot be imported.
    """
    files = (folder / f"{name}.py", folder / name / "__init__.py")
    path = next((path for path in files if path.is_file()), None)
    if path is None:
        return None, None
    try:
        loaded = importlib.import_module(f"{module}.{name}") if module is not None else _from_file(path)
    except Exception as error:
        # Without its Python every behaviour that the profile names would be one more mistake.
        problems.append(_import_problem(error, folder, path))
        raise ProfileError(problems) from error
    return path, getattr(loaded, name, None)


def _import_problem(error: Exception, folder: FilePath, path: FilePath) -> DeclarationProblem:
    """The mistake for which a module could not be imported, at the last line of the profile that was reached."""
    if isinstance(error, SyntaxError) and error.filename is not None:
        return DeclarationProblem(error.filename, error.lineno or 0, "", f"{error.msg}: no Python can be read here")
    frames = [frame for frame in extract_tb(error.__traceback__) if folder in FilePath(frame.filename).parents]
    file, line = (frames[-1].filename, frames[-1].lineno or 0) if frames else (str(path), 0)
    remedy = "the library installed" if isinstance(error, ModuleNotFoundError) else "a module that can be imported"
    return DeclarationProblem(file, line, "", f"{type(error).__name__}: {error}", remedy)


def _from_file(path: FilePath) -> ModuleType:
    """The module in a file of a folder that is not on the import path."""
    name = f"objapi_profile_{hashlib.sha256(str(path).encode()).hexdigest()[:16]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
