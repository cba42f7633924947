"""Rules for the whole source that no linter holds."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.structure import PACKAGES, Structure, read_structure

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


@pytest.fixture(scope="module")
def structure() -> Structure:
    return read_structure()


def test_imports_make_no_circles(structure: Structure) -> None:
    assert [sorted(circle) for circle in structure.circles] == []


def test_no_two_public_classes_have_one_name(structure: Structure) -> None:
    assert structure.doubled_classes == {}


def unused_private_names(source: str) -> Iterator[str]:
    """Private top-level names that their own module does not use; those under a decorator count as used."""
    tree = ast.parse(source)
    defined: set[str] = set()
    for node in tree.body:
        match node:
            case ast.FunctionDef(name=name, decorator_list=[]) | ast.ClassDef(name=name, decorator_list=[]):
                defined.add(name)
            case ast.Assign(targets=targets):
                defined.update(target.id for target in targets if isinstance(target, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name)):
                defined.add(name)
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    used |= {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return (name for name in sorted(defined - used) if name.startswith("_") and not name.startswith("__"))


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("_A = 1\n_B: int = 2\n\ndef _c(): ...\n\nclass _D: ...", ["_A", "_B", "_D", "_c"]),
        ("_A = 1\n_B: int = _A\nprint(_B)", []),
        ("_A: '_B' = 1\n_B = int\nprint(_A)", []),
        ("@register\ndef _a(): ...\n\n__all__ = []\nA = 1", []),
        ("class A:\n    _b = 1", []),
    ],
)
def test_unused_private_names_are_found(source: str, names: list[str]) -> None:
    assert list(unused_private_names(source)) == names


def test_no_module_has_private_names_that_it_does_not_use() -> None:
    """A name that several modules use privately hides from tools that look at all modules at once."""
    assert len(SOURCES) > 300
    found = {str(path.relative_to(ROOT)): list(unused_private_names(path.read_text("utf-8"))) for path in SOURCES}
    assert {path: names for path, names in found.items() if names} == {}


def leaves_the_checkout(source: str, depth: int) -> bool:
    """Whether a file `depth` folders below the checkout climbs out of it, counted from its own path."""
    climbs = re.findall(r"__file__.*?\.parents\[(\d+)\]((?:\.parent)?)", source)
    return any(int(number) + bool(further) > depth for number, further in climbs)


@pytest.mark.parametrize(
    ("source", "leaves"),
    [
        ("Path(__file__).resolve().parents[2]", False),
        ("Path(__file__).resolve().parents[3]", True),
        ("Path(__file__).resolve().parents[2].parent", True),
        ("Path(__file__).parent", False),
    ],
)
def test_leaving_the_checkout_is_noticed(source: str, leaves: bool) -> None:
    assert leaves_the_checkout(source, depth=2) is leaves


def test_tests_and_benchmarks_look_at_nothing_beside_the_checkout() -> None:
    own = Path(__file__).resolve()
    paths = [path for folder in ("tests", "benchmarks") for path in (ROOT / folder).rglob("*.py") if path != own]
    leaving = [
        str(path.relative_to(ROOT))
        for path in paths
        if leaves_the_checkout(path.read_text("utf-8"), depth=len(path.relative_to(ROOT).parts) - 1)
    ]
    assert leaving == []


def test_only_the_face_that_declares_routes_writes_rows_with_their_authority() -> None:
    """A face that serves no documents of another system judges by permissions, and has no authority to hand on."""
    named = re.compile(r"\b(WriteAuthority|write_rows|authority)\b")
    users = {path.relative_to(ROOT).parts[:2] for path in SOURCES if named.search(path.read_text("utf-8"))}
    assert users == {("objapi", "ispyb"), ("objapi", "store"), ("objapi", "site.py"), ("objapi", "cli")}
