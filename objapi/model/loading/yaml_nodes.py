"""YAML as a tree that remembers where everything stands.

The scalars are those of YAML 1.2's core schema, so that `no`, `on`, `2026-03-01` and `10:30` are texts as people mean
them. Fractions are Decimals with their spelling, keys are always texts, and a key that is given twice is a mistake.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path as FilePath
from typing import Final, TypeAlias

import yaml

from workflows.declarations import DeclarationProblem, Node

Scalar: TypeAlias = str | int | Decimal | bool | None

_MAX_DEPTH: Final = 50
_MAX_NODES: Final = 500_000
_NULL: Final = re.compile(r"~|null|Null|NULL|")
_TRUE: Final = re.compile(r"true|True|TRUE")
_FALSE: Final = re.compile(r"false|False|FALSE")
_INTEGER: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_FRACTION: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")


@dataclass(slots=True)
class _Reader:
    """Conversion of the nodes that PyYAML composes."""

    file: str
    problems: list[DeclarationProblem]
    count: int = 0
    within: set[int] = field(default_factory=set)

    def node(self, source: yaml.Node, key: str, depth: int = 0) -> Node:
        line = source.start_mark.line + 1
        self.count += 1
        if id(source) in self.within or depth > _MAX_DEPTH or self.count > _MAX_NODES:
            self.problems.append(
                DeclarationProblem(self.file, line, key, "an alias that contains itself, or too much nesting")
            )
            return Node(None, self.file, line)
        if not isinstance(source, yaml.ScalarNode) and source.tag not in _COLLECTIONS:
            message = f"the tag {source.tag} is not known here"
            self.problems.append(DeclarationProblem(self.file, line, key, message, "no tag"))
        self.within.add(id(source))
        try:
            match source:
                case yaml.MappingNode():
                    return Node(self._mapping(source, key, depth), self.file, line)
                case yaml.SequenceNode():
                    entries = enumerate(source.value)
                    return Node(
                        tuple(self.node(item, f"{key}[{i}]", depth + 1) for i, item in entries), self.file, line
                    )
                case _:
                    return Node(self._scalar(source, key), self.file, line)
        finally:
            self.within.discard(id(source))

    def _mapping(self, source: yaml.MappingNode, key: str, depth: int) -> dict[str, Node]:
        entries: dict[str, Node] = {}
        for name_node, value_node in self._pairs(source, key):
            name = name_node.value
            path = f"{key}.{name}" if key else name
            if name in entries:
                line = name_node.start_mark.line + 1
                message = f"the key is given twice, first in line {entries[name].line}"
                # What a second declaration of a name says is lost.
                problem = DeclarationProblem(self.file, line, path, message, "each key once", unread=not key)
                self.problems.append(problem)
                continue
            value = self.node(value_node, path, depth + 1)
            # Where the key stands tells more than where a value that may begin on the next line does.
            entries[name] = Node(value.value, self.file, name_node.start_mark.line + 1)
        return entries

    def _pairs(self, source: yaml.MappingNode, key: str) -> Iterator[tuple[yaml.ScalarNode, yaml.Node]]:
        for name_node, value_node in source.value:
            if not isinstance(name_node, yaml.ScalarNode) or name_node.value == "<<":
                line = name_node.start_mark.line + 1
                self.problems.append(DeclarationProblem(self.file, line, key, "a key that is no text", "a name"))
            else:
                yield name_node, value_node

    def _scalar(self, source: yaml.Node, key: str) -> Scalar:
        text = str(source.value)
        if source.tag != _PLAIN and source.tag != _TEXT:
            message = f"the tag {source.tag} is not known here"
            self.problems.append(DeclarationProblem(self.file, source.start_mark.line + 1, key, message, "no tag"))
        return _plain_value(text) if source.tag == _PLAIN else text


_COLLECTIONS: Final = ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")
_PLAIN: Final = "plain"
_TEXT: Final = "tag:yaml.org,2002:str"


class _PlainTags:
    """Mix-in of loaders that compose nodes only: scalars without quotes have a tag of their own, see `_plain_value`."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's own interface

    def resolve(self, kind: type[yaml.Node], value: str | None, implicit: tuple[bool, bool]) -> str:
        """The tag of a node that has none."""
        if kind is yaml.ScalarNode and implicit[0]:
            return _PLAIN
        return str(super().resolve(kind, value, implicit))  # type: ignore[misc]


class _Loader(_PlainTags, yaml.SafeLoader):
    """Loader in Python, whose messages say best what is wrong."""


class _FastLoader(_PlainTags, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Loader on libyaml, ten times as fast, where PyYAML was built with it."""


def _plain_value(text: str) -> Scalar:
    if _NULL.fullmatch(text):
        return None
    if _TRUE.fullmatch(text):
        return True
    if _FALSE.fullmatch(text):
        return False
    if _INTEGER.fullmatch(text) and len(text) < 20:
        return int(text)
    if _FRACTION.fullmatch(text) and not text.lstrip("+-").isdigit():
        try:
            return Decimal(text)
        except InvalidOperation:
            return text
    return text


def read_yaml(path: FilePath, problems: list[DeclarationProblem]) -> Node | None:
    """The tree of a file; None when it is empty or cannot be read, which is noted in `problems`."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        problems.append(DeclarationProblem(str(path), 0, "", f"the file cannot be read: {reason}", unread=True))
        return None
    return parse_yaml(text, str(path), problems)


def parse_yaml(text: str, file: str, problems: list[DeclarationProblem]) -> Node | None:
    """The tree of a text; `file` is its name for messages."""
    try:
        composed = _compose(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        said = ", ".join(part for part in (error.context, error.problem) if part)
        problems.append(DeclarationProblem(file, line, "", f"no valid YAML: {said}", unread=True))
        return None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        message = f"no valid YAML: the character {chr(error.character)!a} cannot stand in a file"
        problems.append(DeclarationProblem(file, line, "", message, unread=True))
        return None
    return None if composed is None else _Reader(file, problems).node(composed, "")


def _compose(text: str) -> yaml.Node | None:
    try:
        composed: yaml.Node | None = _FastLoader(text).get_single_node()
    except yaml.YAMLError:
        # Read again for the message: that of the loader in Python says more than libyaml's.
        composed = _Loader(text).get_single_node()
    return composed
