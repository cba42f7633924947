"""Requests and answers as pages show them, and whether an answer is the one that is shown.

A request is an `http` block: a request line, headers, and after an empty line the body. A line of the head that begins
with blanks goes on with the one before it. A form body has one parameter a line, not yet percent-encoded. The block
after it is the answer: `json` when the status is 200, else `http` with the status line, headers and body.

An answer may hold more keys than are shown. `…` stands for anything: for a value, for the rest of a text, for the
further entries of a list or, first and last in it, for those around the ones shown. `{name}` in an answer keeps the
text that stands there, and stands for it from then on.
"""

import json
import re
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import requests

from tests.docs.pages import Block, blocks
from tests.waiting import ENOUGH

SHOWN_ROOT = "http://127.0.0.1:8080"
ANYTHING = "…"
FORM = "application/x-www-form-urlencoded"
_NAME = re.compile(r"\{([a-z_]+)\}")
_CREDENTIALS = re.compile(r"Basic <(?P<user>\w+):(?P<password>\w+)>")


@dataclass(frozen=True, slots=True)
class Message:
    """The first line, the headers and the body of a request or an answer."""

    start: str
    headers: dict[str, str]
    body: str


@dataclass(frozen=True, slots=True)
class Example:
    """A request, and the answer that a page shows for it."""

    place: str
    request: Message
    answer: Message


def examples(page: Path) -> Iterator[Example]:
    """The examples of a page in order. Raises ValueError when a request has no answer or an answer no request."""
    waiting: Block | None = None
    for block in blocks(page, "http", "json"):
        is_answer = block.language == "json" or block.text.startswith("HTTP/")
        if is_answer is (waiting is None):
            raise ValueError(f"{block.place}: a request and its answer follow each other")
        if waiting is None:
            waiting = block
            continue
        text = block.text if block.language == "http" else f"HTTP/1.1 200 OK\n\n{block.text}"
        yield Example(waiting.place, _message(waiting.text), _message(text))
        waiting = None
    if waiting is not None:
        raise ValueError(f"{waiting.place}: the request has no answer")


def _message(text: str) -> Message:
    head, _, body = text.partition("\n\n")
    lines = re.sub(r"\n[ \t]+", "", head).splitlines()
    headers = dict(line.split(": ", 1) for line in lines[1:])
    return Message(lines[0], headers, body)


@dataclass(slots=True)
class Reader:
    """Somebody who follows a page on a server: sends its requests, remembers names, notes what is not as shown."""

    root: str
    names: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def follow(self, page: Path) -> None:
        with requests.Session() as session:
            session.trust_env = False
            for example in examples(page):
                self._try(session, example)

    def _try(self, session: requests.Session, example: Example) -> None:
        response = self._send(session, example.request)
        found = len(self.problems)
        _, status, _ = example.answer.start.split(" ", 2)
        if response.status_code != int(status):
            self._note(example, "status", status, response.status_code)
        for name, value in example.answer.headers.items():
            self._compare(example, name, value, response.headers.get(name))
        if example.answer.body.strip():
            body = response.headers["Content-Type"].partition(";")[0]
            if body.endswith("json"):
                self._compare(example, "", json.loads(example.answer.body), response.json())
            else:
                self._compare(example, "body", example.answer.body.strip(), response.text.strip())
        if len(self.problems) > found:
            self.problems.append(f"    {response.text[:1500]}")

    def _send(self, session: requests.Session, request: Message) -> requests.Response:
        verb, target = self._filled(request.start).split(" ", 1)
        headers = {name: self._filled(value) for name, value in request.headers.items()}
        credentials = _CREDENTIALS.fullmatch(headers.get("Authorization", ""))
        if credentials is not None:
            pair = f"{credentials['user']}:{credentials['password']}"
            headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
        body = self._filled(request.body.strip())
        if headers.get("Content-Type") == FORM:
            body = urlencode([line.partition("=")[::2] for line in body.splitlines()])
        return session.request(
            verb, self.root + target, headers=headers, data=body.encode() or None, allow_redirects=False, timeout=ENOUGH
        )

    def _filled(self, text: str) -> str:
        return _NAME.sub(lambda match: self.names.get(match[1], match[0]), text)

    def _compare(self, example: Example, where: str, shown: Any, found: Any) -> None:
        if isinstance(shown, dict) and isinstance(found, dict):
            for key, value in shown.items():
                if key not in found:
                    self._note(example, f"{where}.{key}", value, "nothing")
                else:
                    self._compare(example, f"{where}.{key}", value, found[key])
        elif isinstance(shown, list) and isinstance(found, list):
            self._compare_lists(example, where, shown, found)
        elif isinstance(shown, str):
            self._compare_texts(example, where, shown, found)
        elif shown != found or type(shown) is not type(found):
            self._note(example, where, shown, found)

    def _compare_lists(self, example: Example, where: str, shown: list[Any], found: list[Any]) -> None:
        is_part = bool(shown) and shown[-1] == ANYTHING
        wanted = shown[:-1] if is_part else shown
        if is_part and len(wanted) > 1 and wanted[0] == ANYTHING:
            wanted = wanted[1:]
            found = found[self._place_of(example, wanted[0], found) :]
        if len(found) < len(wanted) or (len(found) > len(wanted) and not is_part):
            self._note(example, where, f"{len(wanted)} entries", f"{len(found)} entries")
        for number, (one, other) in enumerate(zip(wanted, found, strict=False)):
            self._compare(example, f"{where}[{number}]", one, other)

    def _place_of(self, example: Example, shown: object, found: list[Any]) -> int:
        """Position of the first entry that is as shown; 0 when none is, so that the comparison tells what differs."""
        for place, other in enumerate(found):
            trial = Reader(self.root, names=dict(self.names))
            trial._compare(example, "", shown, other)
            if not trial.problems:
                return place
        return 0

    def _compare_texts(self, example: Example, where: str, shown: str, found: Any) -> None:
        if shown == ANYTHING:
            return
        name = _NAME.fullmatch(shown)
        if name is not None and name[1] not in self.names and isinstance(found, str):
            self.names[name[1]] = found
            return
        wanted = self._filled(shown).replace(SHOWN_ROOT, self.root)
        pattern = ".*".join(re.escape(part) for part in wanted.split(ANYTHING))
        if not isinstance(found, str) or re.fullmatch(pattern, found, re.DOTALL) is None:
            self._note(example, where, wanted, found)

    def _note(self, example: Example, where: str, shown: object, found: object) -> None:
        self.problems.append(f"{example.place}: {where}: shown is {shown!r}, found {found!r}")
