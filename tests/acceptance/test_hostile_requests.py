"""Requests put together from the grammars of forms, criteria, references, paths and `input_values`, mostly wrongly.

Each is answered by what `openapi.json` says of the method, and never by a fault of the gateway. What may change
something is a dry run, so that the shared laboratory stays as it is.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from typing import Any, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objapi.api.description.operations import error_names, operations
from objapi.api.method import Method
from objapi.api.methods import METHODS
from tests.acceptance.client import Client

Sent: TypeAlias = tuple[Method, str, list[tuple[str, str]], dict[str, Any] | None]

METHOD_ROWS = [method for method in dict.fromkeys(METHODS.values()) if method.name not in ("openapi.json", "version")]

INDEXES = """
id UID path portal_type title created Subject is_folderish SearchableText effectiveRange getResult review_state
getObjPositionInParent scan allowedRolesAndUsers
""".split()
FIELDS = "title Client Contact SamplingDate Services Remarks Analyses Price obj_type fields".split()
ENDINGS = """
[] [k] [0][k] .query:record .range:record .depth:record:int .not:record:list :list :int :float :long :date :boolean
:json :lines :tokens :record :records :required :ignore_empty :default :nosuch .x.y:record :int:list :list:int _range
_not _operator _empty _since _contains _startswith _level .gt .le
""".split()
WORDS = """
0 -1 1 99999999999999999999 1e400 nan 2013-09-29 2013-13-45 9999-12-31T23:59:59Z 0001-01-01 min min:max and 1h 99999999y
client-1 /Plone/clients /clients/../x // portal_type:Client|title:Nobody portal_type: | a\\|b:c id:a,title:b * NOT { [
[1,2 {"a":[1]} {'a':'b'} [[[[]]]] ';-- Client Batch submit Manager bika_catalog uid_catalog descending
""".split()
WORDS += ["", "a AND (", '"', "\0", "😀", "\ud7ff", "é" * 200, "f" * 32, "uid:" + "f" * 32]


def names(method: Method) -> st.SearchStrategy[str]:
    """Names of parameters: those of a method with their other spellings, indexes and fields, with any ending."""
    own = [name for control in method.controls for name in (control.name, *control.aliases)]
    known = st.sampled_from([*own, *INDEXES, *FIELDS] if method.others == "criteria" else [*own, *own, *FIELDS])
    return st.builds(str.__add__, known, st.sampled_from(["", *ENDINGS])) | st.text(max_size=8)


VALUES = st.sampled_from(WORDS) | st.text(max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | VALUES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(VALUES | st.sampled_from(FIELDS), inner, max_size=3),
    max_leaves=8,
)
ENTRIES = st.dictionaries(VALUES, JSON, max_size=3) | st.lists(
    st.dictionaries(st.sampled_from(["obj_path", "obj_uid", "UID", "obj_type", "ref", *FIELDS]), JSON, max_size=4)
    | JSON,
    max_size=3,
)


@st.composite
def requests_of(draw: st.DrawFn) -> Sent:
    """A method, a verb, and what is sent: a form, or beside that a JSON object."""
    method = draw(st.sampled_from(METHOD_ROWS))
    form = draw(st.lists(st.tuples(names(method), VALUES), max_size=5))
    has_entries = any(control.name == "input_values" for control in method.controls)
    if has_entries:
        form.append(("input_values", json.dumps(draw(ENTRIES))))
    body = draw(st.none() | st.dictionaries(names(method), JSON, max_size=4))
    if body is not None and has_entries:
        body["input_values"] = draw(ENTRIES)
    verb = "POST" if body is not None else draw(st.sampled_from(["GET", "POST"]))
    return method, verb, form, body


def _is_dry(name: str) -> bool:
    return name.partition(":")[0].partition("[")[0].partition(".")[0] in ("dry_run", "page_size")


def _check(client: Client, sent: Sent) -> None:
    method, verb, form, body = sent
    form = [(name, value) for name, value in form if not _is_dry(name)]
    dry = [("dry_run", "1")] if any(control.name == "dry_run" for control in method.controls) else []
    # The headers of a client that looks at the status.
    headers = {"Prefer": "http-status"}
    if body is not None:
        body = {name: value for name, value in body.items() if not _is_dry(name)} | dict(dry)
        answer = client.http.post(client.url(method.name), params=form, json=body, headers=headers, timeout=60)
    elif verb == "GET":
        answer = client.get(method.name, form + dry, headers=headers)
    else:
        answer = client.post(method.name, form + dry, headers=headers)
    described = operations(method, method.name)[f"/{method.name}"][verb.lower()]["responses"]
    assert str(answer.status_code) in described, (answer.status_code, answer.text[:500])
    assert answer.status_code < 500, answer.text[:500]
    if answer.status_code != 200:
        told = answer.json()
        assert told["type"] in error_names()[answer.status_code], told
        assert told["message"]
        assert (told["success"], told["status"]) == (False, answer.status_code)


@pytest.fixture(scope="module")
def client_of() -> Iterator[Callable[[str, str], Client]]:
    """A function that gives the client of a user on a server, the same each time."""
    with ExitStack() as stack:

        @cache
        def client(root: str, user: str) -> Client:
            made = Client(root, user)
            stack.enter_context(made.http)
            return made

        yield client


@pytest.mark.parametrize("user", ["labmanager1", "rita"])
@settings(max_examples=40)
@given(sent=requests_of())
def test_whatever_is_sent_is_answered_as_described(
    root: str, user: str, client_of: Callable[[str, str], Client], sent: Sent
) -> None:
    _check(client_of(root, user), sent)


@pytest.mark.extended
@pytest.mark.parametrize("user", ["admin", "rita"])
@settings(max_examples=800)
@given(sent=requests_of())
def test_very_much_that_is_sent_is_answered_as_described(
    root: str, user: str, client_of: Callable[[str, str], Client], sent: Sent
) -> None:
    _check(client_of(root, user), sent)
