"""Kinds of entries that auditors may ask for are those that the gateway writes."""

import re
from pathlib import Path

import objapi
from objapi.security.failed_log_ins import EVENT
from objapi.store.trail.reading import KINDS

_WRITES = r"(?:user_event|_?record|AccessEvent|record_own_change)\((?:[^()\"]|\([^()]*\))*?\"([a-z_]+)\"(?!:)"
_YIELDS = r"yield draft, \"([a-z]+)\"|\.of_row\([^\"]*\"([a-z]+)\""


def test_every_kind_that_is_written_can_be_asked_for() -> None:
    package = Path(objapi.__file__).parent
    texts = [path.read_text(encoding="utf-8") for path in package.rglob("*.py")]
    written = {name for text in texts for found in re.findall(f"{_WRITES}|{_YIELDS}", text) for name in found if name}
    assert {"create", "remove", "token_add", "password", "unlink", "second_factor"} <= written
    assert written - set(KINDS) - {EVENT} == set()
