"""Content files of any size: NDJSON, one object a line, read in chunks from where a former load ended.

A line is what an entry of `objects` is in a content file of YAML::

    {"path": "/clients/client-1", "portal_type": "Client", "fields": {"Name": "Hills"}}

Containers and objects that ``{"ref": PATH}`` names stand in earlier lines or in the site.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from itertools import islice
from pathlib import Path as FilePath
from typing import Any, Final

import orjson

from objapi.model.content import ContentObject, Ref
from objapi.model.ids import MAX_ID_LENGTH
from objapi.model.json_text import parse_json
from objapi.model.loading.content import OBJECT_KEYS, REF, content_object
from objapi.model.loading.profiles import ProfileError
from objapi.model.references import MAX_PATH_DEPTH
from workflows.declarations import DeclarationProblem, Node, Section

SUFFIXES: Final = (".ndjson", ".jsonl")
"""Ends of the names of such files."""
LINES: Final = 2_000
"""Lines of a chunk."""
MANY_LINES: Final = 5_000
"""The same where nobody else has to wait for it, as in a site that is being filled."""
_BLOCK: Final = 1 << 20
_PATH: Final = re.compile(r"(?:/[A-Za-z0-9][A-Za-z0-9._-]*)+")
_EXPECTED_KEYS: Final = frozenset(OBJECT_KEYS)
_SIMPLE: Final = frozenset({str, int, bool, type(None)})


@dataclass(frozen=True, slots=True)
class LinePosition:
    """A place in a file, after a line: its number, the bytes up to there and their SHA-256."""

    line: int
    offset: int
    digest: str


@dataclass(frozen=True, slots=True)
class ContentChunk:
    """The objects of some lines, in order, and the place before and after them."""

    objects: tuple[ContentObject, ...]
    before: LinePosition
    after: LinePosition


def count_lines(file: FilePath, offset: int = 0) -> int:
    """Number of lines of a file from a place on."""
    found, last = 0, b"\n"
    with file.open("rb") as blocks:
        blocks.seek(offset)
        while block := blocks.read(_BLOCK):
            found += block.count(b"\n")
            last = block[-1:]
    return found + (last != b"\n")


def begins_with(file: FilePath, position: LinePosition) -> bool:
    """True for a file that is the same up to a place as when that was noted."""
    found: str = _digest_to(file, position.offset).hexdigest()
    return found == position.digest


def read_chunks(
    file: FilePath, zone: tzinfo, start: LinePosition | None = None, lines: int = LINES
) -> Iterator[ContentChunk]:
    """The chunks of a file after a place in it, or from the beginning; dates without an offset are in `zone`.

    Raises `ProfileError` with all mistakes of a chunk when that is read: what `read_content` says of an object, and
    lines that are not JSON. A path that two lines give is one only where both are in one chunk.
    """
    digest = _digest_to(file, 0 if start is None else start.offset)
    before = start or LinePosition(0, 0, digest.hexdigest())
    with file.open("rb") as source:
        source.seek(before.offset)
        while texts := list(islice(source, lines)):
            digest.update(b"".join(texts))
            offset = before.offset + sum(map(len, texts))
            after = LinePosition(before.line + len(texts), offset, digest.hexdigest())
            yield ContentChunk(_objects(texts, str(file), before.line + 1, zone), before, after)
            before = after


def _digest_to(file: FilePath, offset: int) -> Any:
    digest, left = hashlib.sha256(), offset
    with file.open("rb") as blocks:
        while left and (block := blocks.read(min(left, _BLOCK))):
            digest.update(block)
            left -= len(block)
    return digest


def _objects(texts: list[bytes], file: str, first: int, zone: tzinfo) -> tuple[ContentObject, ...]:
    problems: list[DeclarationProblem] = []
    objects: dict[str, ContentObject] = {}
    for line, text in enumerate(texts, first):
        if not text.strip():
            continue
        found = _simple_object(text, file, line) or _object(text, file, line, zone, problems)
        if found is None:
            continue
        if found.path in objects:
            message = f"{found.path} is already given in {objects[found.path].source}"
            problems.append(DeclarationProblem(file, line, "path", message, "each path once"))
        objects[found.path] = found
    if problems:
        raise ProfileError(problems)
    return tuple(objects.values())


def _simple_object(text: bytes, file: str, line: int) -> ContentObject | None:
    """The object of a line on which there is nothing to judge, at a fraction of the cost; None for any other line."""
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    if type(found) is not dict or not found.keys() <= _EXPECTED_KEYS or "created" in found:
        return None
    path, portal_type = found.get("path"), found.get("portal_type")
    if not (isinstance(path, str) and _is_plain_path(path) and isinstance(portal_type, str) and portal_type):
        return None
    fields, states = found.get("fields", {}), found.get("states", {})
    if type(fields) is not dict or type(states) is not dict or not all(type(item) is str for item in states.values()):
        return None
    for name, value in fields.items():
        if type(value) is dict and value.keys() == {REF} and _is_plain_path(value[REF]):
            fields[name] = Ref(value[REF])
        elif type(value) not in _SIMPLE or (value == 0 and b"-0" in text):
            return None
    refs = sum(type(value) is Ref for value in fields.values())
    # A key that is given twice, or stands before a blank, leaves another number of colons.
    if text.count(b'":') != len(found) + len(fields) + len(states) + refs or b'" :' in text or b"\t" in text:
        return None
    return ContentObject(path, portal_type, fields, states, None, f"{file}:{line}")


def _is_plain_path(text: object) -> bool:
    return (
        isinstance(text, str)
        and len(text) <= MAX_ID_LENGTH
        and text.count("/") <= MAX_PATH_DEPTH
        and _PATH.fullmatch(text) is not None
    )


def _object(
    text: bytes, file: str, line: int, zone: tzinfo, problems: list[DeclarationProblem]
) -> ContentObject | None:
    try:
        value = parse_json(text.decode())
    except UnicodeDecodeError:
        problems.append(DeclarationProblem(file, line, "", "the line is not UTF-8"))
        return None
    except ValueError as error:
        problems.append(DeclarationProblem(file, line, "", str(error), "an object in JSON on one line"))
        return None
    if not isinstance(value, dict):
        problems.append(DeclarationProblem(file, line, "", "not an object in JSON", "a path, portal_type and fields"))
        return None
    return content_object(Section(_node(value, file, line), "", problems, OBJECT_KEYS), None, zone)


def _node(value: object, file: str, line: int) -> Node:
    match value:
        case Mapping():
            return Node({name: _node(item, file, line) for name, item in value.items()}, file, line)
        case list():
            return Node(tuple(_node(item, file, line) for item in value), file, line)
        case _:
            return Node(value, file, line)
