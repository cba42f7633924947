"""Requests with an idempotency key: done once, answered as the first time, whoever comes in between."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, insert, select, update
from werkzeug.test import TestResponse

from objapi.api.idempotency import fingerprint, without_secrets
from objapi.api.method import PartlyDone
from objapi.api.methods import METHODS
from objapi.app import create_app
from objapi.errors import BadRequest
from objapi.http.forms.form_records import FormRecord
from objapi.http.forms.pairs import FormUpload
from objapi.http.keyed_requests import HEADER, REPLAYED, request_key
from objapi.security import principals
from objapi.security.passwords import Passwords
from objapi.site import Site
from objapi.store import idempotency
from objapi.store.records import to_micros
from objapi.store.schema import idempotency_keys, requests
from tests.objapi.store.workshop import USERS, Gateway, open_site
from tests.waiting import ENOUGH

PASSWORD = "secret"
_numbers = count(1)


@dataclass
class Workbench:
    """A workshop whose users call its API."""

    gateway: Gateway
    application: Flask
    client: FlaskClient = field(init=False)

    def __post_init__(self) -> None:
        self.client = self.application.test_client()

    @property
    def site(self) -> Site:
        return self.gateway.site

    def call(
        self, method: str, body: dict[str, Any], key: str | None = None, *, user: str = "boss", **headers: str
    ) -> TestResponse:
        """A POST with a JSON body; a client of its own, since tests call from several threads."""
        given = {**headers, **({} if key is None else {HEADER: key})}
        client = self.application.test_client()
        return client.post(f"/Plone/@@API/{method}", json=body, auth=(user, PASSWORD), headers=given)

    def stored(self) -> int:
        """The number of stored answers."""
        statement = select(func.count()).select_from(idempotency_keys)
        return self.site.transact(lambda connection: connection.scalar(statement) or 0, write=False)

    def done(self) -> int:
        """The number of requests that have changed something."""
        statement = select(func.count()).select_from(requests)
        return self.site.transact(lambda connection: connection.scalar(statement) or 0, write=False)

    def grow_old(self, key: str, hours: float) -> None:
        """Let an answer have been stored so many hours earlier than it was."""
        earlier = idempotency_keys.c.at - timedelta(hours=hours) // timedelta(microseconds=1)
        row = update(idempotency_keys).where(idempotency_keys.c.key == key).values(at=earlier)
        assert self.site.transact(lambda connection: connection.execute(row).rowcount, write=True) == 1


@pytest.fixture(scope="module")
def module_bench(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    site = open_site(module_database_url, tmp_path_factory.mktemp("workshop"), lock_timeout=1.0, idempotency_hours=2)
    gateway = Gateway.on(site)
    gateway.add_users(USERS, Passwords().hash(PASSWORD))
    yield Workbench(gateway, create_app(site=site))
    site.close()


@pytest.fixture
def bench(module_bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> Workbench:
    """The bench; what is done now and then after a commit is not."""
    monkeypatch.setattr("objapi.site.ROWS_TO_FOLD", 10**9)
    monkeypatch.setattr("objapi.site.ANSWERS_TO_SWEEP", 10**9)
    next(module_bench.site._stored_answers)
    return module_bench


@pytest.fixture
def key() -> str:
    return f"key {next(_numbers)}"


@pytest.fixture
def team(bench: Workbench) -> str:
    return bench.gateway.create("boss", "Team", "/", title=f"Team {next(_numbers)}").path


def label() -> dict[str, Any]:
    return {"obj_path": "/", "obj_type": "Label", "title": f"Label {next(_numbers)}"}


def is_replay(response: TestResponse) -> bool:
    return response.headers.get(REPLAYED) == "true"


def test_the_first_answer_is_given_again_and_nothing_done_twice(bench: Workbench, key: str) -> None:
    body = label()
    before = bench.done()
    first = bench.call("create", body, key)
    assert first.status_code == 200
    assert REPLAYED not in first.headers
    again = bench.call("create", body, key)
    assert is_replay(again)
    assert (again.status_code, again.data, again.content_type) == (200, first.data, first.content_type)
    assert bench.done() == before + 1


def test_a_request_that_changed_nothing_is_answered_as_it_was_then(bench: Workbench, key: str, team: str) -> None:
    body = {"obj_path": team, "Room": "1"}
    bench.call("update", body)
    first = bench.call("update", body, key)
    assert first.json is not None
    assert first.json["success"] is True
    bench.call("update", {"obj_path": team, "Room": "2"})
    assert is_replay(bench.call("update", body, key))
    assert bench.gateway.read("boss", team)["Room"] == "2"


def test_another_request_under_the_key_is_refused(bench: Workbench, key: str) -> None:
    body = label()
    bench.call("create", body, key)
    before = bench.done()
    for method, other, headers in (
        ("create", {**body, "title": "other"}, {}),
        ("remove", {"UID": "0" * 32}, {}),
        ("update", {"obj_path": "/settings", "title": "x"}, {"If-Match": "1"}),
    ):
        refused = bench.call(method, other, key, **headers)
        assert refused.json is not None
        assert (refused.status_code, refused.json["type"]) == (422, "IdempotencyKeyReused")
        assert HEADER in refused.json["message"]
    assert bench.done() == before


def test_keys_are_those_of_a_user(bench: Workbench, key: str, team: str) -> None:
    bodies = {user: {"obj_path": team, "obj_type": "Box", "title": f"of {user}"} for user in ("mia", "max")}
    for user, body in bodies.items():
        assert not is_replay(bench.call("create", body, key, user=user))
    for user, body in bodies.items():
        again = bench.call("create", body, key, user=user)
        assert again.json is not None
        assert is_replay(again)
        assert again.json["obj_id"] == f"of-{user}"


def test_of_a_request_that_fails_nothing_is_stored(bench: Workbench, key: str, team: str) -> None:
    before = bench.stored()
    missing = {"obj_path": f"{team}/later", "Room": "1"}
    wrong = {"obj_path": team, "obj_type": "Thing", "title": "x"}
    partial = {"input_values": {f"{team}/none": {"Room": "1"}}, "partial": True}
    for method, body, status in (("update", missing, 404), ("create", wrong, 422), ("update_many", partial, 200)):
        for _ in range(2):
            failed = bench.call(method, body, key)
            assert failed.status_code == status
            assert not is_replay(failed)
    assert bench.stored() == before
    bench.gateway.create("boss", "Box", team, id="later", title="Later")
    assert bench.call("remove", {"UID": bench.gateway.uid(f"{team}/later")}, key).status_code == 200


def test_what_was_done_in_part_is_not_done_again(bench: Workbench, key: str, team: str) -> None:
    body = {"input_values": {team: {"Room": "7"}, f"{team}/none": {"Room": "7"}}, "partial": True}
    first, again = (bench.call("update_many", body, key) for _ in range(2))
    assert is_replay(again)
    assert again.json == first.json
    assert again.json is not None
    assert again.json["type"] == "PartlyDone"
    assert again.headers["X-Api-Status"] == "200"


def test_questions_need_no_key_and_take_none(bench: Workbench, key: str) -> None:
    before = bench.stored()
    body = label()
    for method, asked in (
        ("create", {**body, "dry_run": True}),
        ("read", {"portal_type": "Label"}),
        ("users", {}),
        ("grants", {"userid": "mia"}),
    ):
        for sent in (key, "", "x" * 300):
            answer = bench.call(method, asked, sent)
            assert answer.status_code == 200, answer.text
            assert not is_replay(answer)
    assert bench.stored() == before
    assert not is_replay(bench.call("create", body, key))


@pytest.mark.parametrize("sent", ["", "   ", "x" * 256, "a\tb", "a\x7f", "clé"])
def test_a_key_that_is_none_is_refused(bench: Workbench, sent: str) -> None:
    refused = bench.call("create", label(), sent)
    assert refused.json is not None
    assert (refused.status_code, refused.json["type"]) == (400, "BadRequest")
    assert refused.json["message"].startswith(HEADER)


@pytest.mark.parametrize("sent", ["x", "x" * 255, '"8e03978e-40d5-43dd-bc93-6894a57f9324"', " a b "])
def test_a_key_is_a_text_of_printable_characters(sent: str) -> None:
    assert request_key(sent, "").key == sent.strip()


@pytest.mark.parametrize("character", ["\r", "\n", "\0", "\x1f", "\x80", "\u00ff"])
def test_a_key_has_no_other_characters(character: str) -> None:
    with pytest.raises(BadRequest, match="printable"):
        request_key(f"a{character}b", "")


def test_nobody_has_no_key(bench: Workbench, key: str) -> None:
    answer = bench.application.test_client().post("/Plone/@@API/create", json=label(), headers={HEADER: key})
    assert answer.status_code == 401


# Who comes in between


def together(*tasks: Callable[[], TestResponse]) -> list[TestResponse]:
    """The answers of tasks that begin at once."""
    answers: list[TestResponse] = []
    start = threading.Barrier(len(tasks))

    def run(task: Callable[[], TestResponse]) -> None:
        start.wait()
        answers.append(task())

    threads = [threading.Thread(target=run, args=(task,)) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(ENOUGH)
        assert not thread.is_alive()
    return answers


def test_of_requests_at_once_one_is_done_and_the_others_have_its_answer(bench: Workbench, team: str) -> None:
    def bodies(turn: int) -> list[tuple[str, dict[str, Any]]]:
        box = {"obj_path": team, "obj_type": "Box", "title": f"Box {turn}"}
        return [
            ("create", label()),
            ("create", {**box, "obj_id": f"box-{turn}"}),
            ("update", {"obj_path": team, "Room": str(turn)}),
            ("create_many", {"input_values": [{"obj_type": "Person", "obj_path": "/", "title": f"P {turn}"}] * 2}),
        ]

    for turn in range(3):
        for place, (method, body) in enumerate(bodies(turn)):
            sent, before = f"{team} {turn} {place}", bench.done()
            answers = together(*[lambda m=method, b=body, s=sent: bench.call(m, b, s)] * 4)
            assert [answer.status_code for answer in answers] == [200] * 4, [answer.text for answer in answers]
            assert sorted(map(is_replay, answers)) == [False, True, True, True]
            assert len({answer.data for answer in answers}) == 1
            assert bench.done() == before + 1


def look_too_early(monkeypatch: pytest.MonkeyPatch, times: int = 1) -> None:
    """Let the first looks for a key find nothing, as those do that come before the earlier request has committed."""
    looks = iter(range(times))
    find = principals._earlier
    monkeypatch.setattr(principals, "_earlier", lambda row: find(row) if next(looks, None) is None else None)


@pytest.mark.parametrize("way", ["fails for what the earlier one did", "would be done again"])
def test_a_request_that_looked_for_its_twin_too_early_finds_it_later(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch, key: str, team: str, way: str
) -> None:
    body = {"obj_path": team, "obj_type": "Box", "title": "Box", "obj_id": "box"}
    method = "create"
    if way == "would be done again":
        method, body = "update", {"obj_path": team, "Room": "9"}
    first = bench.call(method, body, key)
    assert first.status_code == 200, first.text
    before = bench.done()
    look_too_early(monkeypatch)
    again = bench.call(method, body, key)
    assert is_replay(again)
    assert again.data == first.data
    look_too_early(monkeypatch)
    other = bench.call(method, {**body, "title": "other"}, key)
    assert other.json is not None
    assert other.json["type"] == "IdempotencyKeyReused"
    assert bench.done() == before


def test_the_wait_for_a_twin_has_an_end(bench: Workbench, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setattr("objapi.site.should_retry", lambda error: False)
    now = to_micros(bench.site.now())
    row = {"user_id": "boss", "key": key, "at": now, "fingerprint": "f", "outbox": None, "headers": "{}", "body": b""}
    before = bench.done()

    def hold(connection: Any) -> TestResponse:
        connection.execute(insert(idempotency_keys).values(row))
        return bench.call("create", label(), key)

    refused = bench.site.transact(hold, write=True)
    assert refused.json is not None
    # SQLite lets nobody else begin to write, so it is not known there what is waited for.
    expected = (503, "Unavailable") if bench.site.settings.on_sqlite else (409, "IdempotencyKeyInUse")
    assert (refused.status_code, refused.json["type"]) == expected
    assert int(refused.headers["Retry-After"]) > 0
    assert bench.done() == before


# What it costs


@pytest.mark.parametrize("way", ["basic", "cookie"])
def test_a_key_costs_one_statement_and_an_answer_given_again_one_beside_the_log_in(
    bench: Workbench, key: str, team: str, way: str
) -> None:
    client = bench.application.test_client()
    options: dict[str, Any] = {"auth": ("boss", PASSWORD)} if way == "basic" else {}
    if way == "cookie":
        client.post("/Plone/login_form", data={"__ac_name": "boss", "__ac_password": PASSWORD})

    def costs(room: str, headers: dict[str, str]) -> int:
        with bench.gateway.statements.counted() as sent:
            answer = client.post(
                "/Plone/@@API/update", json={"obj_path": team, "Room": room}, headers=headers, **options
            )
        assert answer.status_code == 200, answer.text
        return len(sent)

    costs("a", {})
    plain = costs("b", {})
    assert costs("c", {HEADER: key}) <= plain + 1
    assert costs("c", {HEADER: key}) == 2
    assert costs("d", {}) == plain


# What is over


def test_after_its_time_an_answer_is_not_given_again_and_its_key_is_free(bench: Workbench, key: str) -> None:
    body = label()
    bench.call("create", body, key)
    bench.grow_old(key, 1.9)
    assert is_replay(bench.call("create", body, key))
    bench.grow_old(key, 0.2)
    refused = bench.call("create", body, key)
    assert refused.json is not None
    assert refused.json["type"] == "ValidationError"
    other = label()
    assert not is_replay(bench.call("create", other, key))
    assert is_replay(bench.call("create", other, key))


def test_answers_that_are_over_are_deleted_now_and_then(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    for turn in range(3):
        bench.call("create", label(), f"{key} {turn}")
        bench.grow_old(f"{key} {turn}", 3)
    monkeypatch.setattr(idempotency, "MOST_SWEPT", 2)
    before = bench.stored()
    monkeypatch.setattr("objapi.site.ANSWERS_TO_SWEEP", 1)
    bench.call("create", label(), key)
    assert bench.stored() == before + 1 - 2
    bench.call("create", label(), f"{key} x")
    assert bench.stored() == before + 2 - 3


# What is stored, and what a request asks for


@pytest.mark.parametrize(
    ("method", "body", "secret"),
    [
        ("users", {"action": "create", "fullname": "U"}, "password_link"),
        ("tokens", {"action": "add", "name": "robot"}, "token"),
    ],
)
def test_no_secret_is_stored(bench: Workbench, key: str, method: str, body: dict[str, Any], secret: str) -> None:
    if method == "users":
        body = {**body, "userid": f"u{next(_numbers)}"}
    first, again = (bench.call(method, body, key) for _ in range(2))
    assert is_replay(again)
    told, retold = dict(first.json or {}), dict(again.json or {})
    link = told.pop(secret)
    (warning,) = retold.pop("warnings")
    assert secret in warning
    assert retold == told
    assert link.rpartition("key=")[2] not in again.text


def test_secrets_are_left_out_of_replies_of_either_kind() -> None:
    whole = without_secrets({"a": 1, "token": "x", "warnings": ["old"]}, ("token", "other"))
    assert isinstance(whole, dict)
    assert whole.keys() == {"a", "warnings"}
    assert whole["warnings"][0] == "old"
    parted = without_secrets(PartlyDone({"token": "x"}, 1, 2), ("token",))
    assert isinstance(parted, PartlyDone)
    assert parted.answer.keys() == {"warnings"}
    assert without_secrets({"a": 1}, ("token",)) == {"a": 1}


def test_methods_that_change_something_answer_json_and_stream_nothing() -> None:
    for name, method in METHODS.items():
        assert not method.writing_verbs or (method.streamed is None and not method.downloads), name


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.decimals(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.text(min_size=1, max_size=5), VALUES, max_size=5), st.randoms())
def test_the_order_of_parameters_does_not_count_nor_do_credentials(parameters: dict[str, Any], chance: Any) -> None:
    names = list(parameters)
    chance.shuffle(names)
    shuffled = {name: parameters[name] for name in names} | {"_authenticator": "x", "__ac_password": "y", "_": "1"}
    assert fingerprint("POST", ("m",), None, parameters) == fingerprint("POST", ("m",), None, shuffled)


A_FILE = FormUpload("a.txt", "text/plain", b"a")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": 1}, {"a": "1"}),
        ({"a": 1}, {"a": True}),
        ({"a": ["1", "2"]}, {"a": ["2", "1"]}),
        ({"a": Decimal("1.0")}, {"a": Decimal("1.00")}),
        ({"a": Decimal("1.5")}, {"a": "1.5"}),
        ({"a": None}, {}),
        ({"a": FormRecord({"b": "1"})}, {"a": FormRecord({"b": "2"})}),
        ({"a": A_FILE}, {"a": replace(A_FILE, content=b"b")}),
        ({"a": A_FILE}, {"a": replace(A_FILE, filename="b.txt")}),
        ({"a": "\ud800"}, {"a": "?"}),
    ],
)
def test_what_is_asked_for_counts(one: dict[str, Any], other: dict[str, Any]) -> None:
    same = fingerprint("POST", ("m",), None, one)
    assert same == fingerprint("POST", ("m",), None, dict(one))
    assert len(same) == 64
    assert same != fingerprint("POST", ("m",), None, other)
    for verb, segments, if_match in (("GET", ("m",), None), ("POST", ("m", "x"), None), ("POST", ("m",), "1")):
        assert same != fingerprint(verb, segments, if_match, one)


def test_a_file_sent_again_is_the_same_whatever_separates_the_parts(bench: Workbench, key: str, team: str) -> None:
    maker = bench.gateway.create("boss", "Person", "/", title=f"Maker {next(_numbers)}").uid
    thing = bench.gateway.create("boss", "Thing", team, title="Saw", Maker=maker).path

    def send(content: str, boundary: str) -> TestResponse:
        parts = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="obj_path"\r\n\r\n{thing}\r\n'
            f'--{boundary}\r\nContent-Disposition: form-data; name="Manual"; filename="m.txt"\r\n\r\n{content}\r\n'
            f"--{boundary}--\r\n"
        )
        kind = f"multipart/form-data; boundary={boundary}"
        return bench.client.post(
            "/Plone/@@API/update",
            data=parts,
            content_type=kind,
            auth=("boss", PASSWORD),
            headers={HEADER: key, "Prefer": "http-status"},
        )

    assert send("one", "aaa").status_code == 200
    assert is_replay(send("one", "bbb"))
    assert send("two", "aaa").status_code == 422
