"""Request forms as Zope 6.3 itself read them, recorded one a line: `form` is null where it refused the request.

Values are tagged with their type, because 1, 1.0 and True are equal and not the same.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

from objapi.http.forms.marshalling import FormOptions, Record, marshal, parse_pairs

CASES: Final = [json.loads(line) for line in Path(__file__).with_name("zope_forms.jsonl").read_text().splitlines()]


def tagged(value: Any) -> list[Any]:
    """A form value in the spelling of the recording."""
    if isinstance(value, (Record, dict)):
        kind = "record" if isinstance(value, Record) else "dict"
        return [kind, *([key, tagged(member)] for key, member in value.items())]
    if isinstance(value, (list, tuple)):
        return [type(value).__name__, *(tagged(member) for member in value)]
    if isinstance(value, datetime):
        return ["date", round(value.timestamp(), 3)]
    return [type(value).__name__, repr(value)]


def test_the_recording_holds_forms_and_refusals() -> None:
    assert len([case for case in CASES if case["form"] is None]) >= 100
    assert len([case for case in CASES if case["form"] is not None]) >= 400


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['query']} {case['body'] or ''}".strip() or "empty")
def test_the_form_is_the_one_that_zope_makes(case: dict[str, Any]) -> None:
    query, body = (None if text is None else text.encode("latin-1") for text in (case["query"], case["body"]))
    form = marshal(parse_pairs(query or b"", body), FormOptions.zope(), UTC)
    assert (None if form.problems else tagged(dict(form))) == case["form"]
