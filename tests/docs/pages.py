"""Reading the documentation: its fenced blocks, each with the line it begins on."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"

_FENCE = re.compile(r"^```(?P<language>[a-z]*)[^\n]*\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block of a page: its language, its text, and the line of the page that the text begins on."""

    page: str
    line: int
    language: str
    text: str

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(page: Path, *languages: str) -> Iterator[Block]:
    """The fenced blocks of a page in these languages, in order."""
    text = page.read_text(encoding="utf-8")
    for match in _FENCE.finditer(text):
        if match["language"] in languages:
            line = text.count("\n", 0, match.start("text")) + 1
            yield Block(page.relative_to(ROOT).as_posix(), line, match["language"], match["text"])


def table_rows(page: Path, heading: str) -> list[list[str]]:
    """The cells of the table under a heading of a page, its head and rule left out, code marks taken off."""
    lines = page.read_text(encoding="utf-8").splitlines()
    rows = []
    for line in lines[lines.index(heading) + 1 :]:
        if line.startswith("#"):
            break
        if line.startswith("|"):
            rows.append([_plain(cell.strip()) for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
    return rows[2:]


def _plain(cell: str) -> str:
    """A cell without its code marks, when all of it is code."""
    return cell[1:-1] if re.fullmatch(r"`[^`]*`", cell) else cell


@cache
def _tests_in(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text(encoding="utf-8") if path.is_file() else "")
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


def named_tests(text: str) -> list[tuple[str, bool]]:
    """The tests that a text names, and whether each is there."""
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", text)
    return [(f"{path}::{name}", name in _tests_in(ROOT / path)) for path, name in named]
