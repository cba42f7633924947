"""Another laboratory's server is asked slowly, and what it answers harms nobody, whatever it is."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from objapi.model.dialects import Dialect
from objapi.model.loading import load_registry
from objapi.pull.remote import LONGEST_PAGE, PageFailed, Remote, RemoteError, site_url
from objapi.pull.sources import BIKA, PAGE, SENAITE, BikaSource, SenaiteSource, open_source
from objapi.pull.spool import Spool
from objapi.security.outgoing import NoAnswer, ServerAnswer

BASE = "http://lims.example.org/senaite"
Query = Mapping[str, str]


def answer(value: object, status: int = 200, **headers: str) -> ServerAnswer:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return ServerAnswer(status, body, {name.replace("_", "-"): text for name, text in headers.items()})


def item(number: int, **more: Any) -> dict[str, Any]:
    return {"uid": f"{number:032x}", "portal_type": "Client", "path": f"/senaite/clients/client-{number}"} | more


@dataclass
class Server:
    """Answers by `reply(route, query)`; a time that passes as it is slept."""

    reply: Callable[[str, Query], ServerAnswer]
    asked: list[tuple[str, Query]] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    now: float = 0.0

    def remote(self, rate: float = 1000.0) -> Remote:
        return Remote(BASE, "admin", "secret", rate, self.sleep, lambda: self.now, self.send)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def send(self, url: str, *, seconds: float, longest: int, headers: Mapping[str, str]) -> ServerAnswer:
        assert headers["Authorization"] == "Basic YWRtaW46c2VjcmV0"
        parts = urlsplit(url)
        asked = parts.path.partition("@@API/")[2], {name: values[0] for name, values in parse_qs(parts.query).items()}
        self.asked.append(asked)
        return self.reply(*asked)


@pytest.fixture(scope="module")
def dialect() -> Dialect:
    return load_registry(["lims"]).dialects["senaite"]


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    opened = Spool(tmp_path / "pull" / "one.sqlite", BASE)
    yield opened
    opened.close()


def fetched(server: Server, spool: Spool, dialect: Dialect) -> None:
    SenaiteSource(server.remote(), Dialect(SENAITE, {}, {}, dialect.everything)).fetch(spool, lambda done, total: None)


def pages(items: list[Any], total: int | None = None, most: int = 10_000) -> Callable[[str, Query], ServerAnswer]:
    """A list as SENAITE answers it."""

    def reply(route: str, query: Query) -> ServerAnswer:
        start, size = int(query["b_start"]), min(int(query["limit"]), most)
        return answer({"count": len(items) if total is None else total, "items": items[start : start + size]})

    return reply


def test_a_list_is_read_to_its_end_whatever_the_length_of_its_pages(spool: Spool, dialect: Dialect) -> None:
    server = Server(pages([item(number) for number in range(1, 201)], most=30))
    fetched(server, spool, dialect)
    assert spool.count() == 200
    assert [query["complete"] for _, query in server.asked] == ["yes"] * 7


def test_pages_that_are_numbered_are_read_to_the_end_whatever_their_length(spool: Spool) -> None:
    items = [{**item(number), "UID": item(number)["uid"]} for number in range(1, 201)]

    def reply(route: str, query: Query) -> ServerAnswer:
        size = int(query["page_size"])
        start = int(query["page_nr"]) * size
        return answer({"total_objects": 200, "objects": items[start : start + min(size, 30)]})

    BikaSource(Server(reply).remote(), ()).fetch(spool, lambda done, total: None)
    assert spool.count() == 200


def test_a_list_goes_on_where_it_was_cut_short(spool: Spool, dialect: Dialect) -> None:
    items = [item(number) for number in range(1, 151)]

    def dies(route: str, query: Query) -> ServerAnswer:
        if query["b_start"] != "0":
            raise KeyboardInterrupt
        return pages(items)(route, query)

    with pytest.raises(KeyboardInterrupt):
        fetched(Server(dies), spool, dialect)
    assert spool.count() == PAGE
    again = Server(pages(items))
    fetched(again, spool, dialect)
    assert again.asked[0][1]["b_start"] == str(PAGE)
    assert spool.count() == 150


def test_an_object_that_cannot_be_answered_is_left_out_and_told(spool: Spool, dialect: Dialect) -> None:
    items = [item(number) for number in range(1, 101)]

    def reply(route: str, query: Query) -> ServerAnswer:
        start, size = int(query["b_start"]), int(query["limit"])
        return answer({"success": False}, 500) if start <= 41 < start + size else pages(items)(route, query)

    server = Server(reply)
    fetched(server, spool, dialect)
    query = next(query for _, query in server.asked if query["limit"] == "1" and query["b_start"] == "41")
    assert spool.count() == 99
    assert [found.reason for found in spool.misfits()] == [
        f"object 42 is not answered: {BASE} answers 500 to {server.remote().url('@@API/senaite/v1/search', query)}."
    ]


@pytest.mark.parametrize(
    ("items", "total", "kept"),
    [
        ([item(1), "text", None, {"uid": "no uid"}, {"uid": "f" * 32}, {"uid": "0", "portal_type": "Site"}], None, 1),
        ([item(1)] * 500, None, 1),
        ([item(1)], 10**6, 1),
        ([], 10**6, 0),
    ],
    ids=["of other things", "of one object again and again", "that promises more", "that promises everything"],
)
def test_a_list_comes_to_an_end(items: list[Any], total: int | None, kept: int, spool: Spool, dialect: Dialect) -> None:
    server = Server(pages(items, total))
    fetched(server, spool, dialect)
    assert spool.count() == kept
    assert len(server.asked) < 50


def test_a_list_that_grows_as_fast_as_it_is_read_comes_to_an_end(spool: Spool, dialect: Dialect) -> None:
    def reply(route: str, query: Query) -> ServerAnswer:
        start, size = int(query["b_start"]), int(query["limit"])
        return answer({"count": start + 10 * size, "items": [item(start + place) for place in range(1, size + 1)]})

    fetched(Server(reply), spool, dialect)
    assert spool.count() < 3_000


@pytest.mark.parametrize(
    ("told", "message"),
    [
        (answer({}, 302, location="http://elsewhere.example.org/"), "sends .* on to http://elsewhere.example.org/"),
        (answer({}, 401), "does not take the user admin with this password"),
        (answer({}, 403), "does not let admin read"),
        (answer({"count": 10**9, "items": [item(1)]}), "at most 5000000 are pulled"),
        (answer(b"<html>"), "no JSON"),
        (answer(b"[" * 100_000), "no JSON"),
        (answer([1]), "JSON that is no object"),
        (answer({"count": "9", "items": []}), "a page lacks count or items"),
        (answer({"success": False, "message": "Not today"}), "refuses .*: Not today"),
    ],
    ids=["elsewhere", "unknown user", "no right", "too many", "a page", "brackets", "a list", "no count", "a refusal"],
)
def test_what_cannot_be_pulled_is_a_sentence(told: ServerAnswer, message: str, spool: Spool, dialect: Dialect) -> None:
    with pytest.raises(RemoteError, match=message):
        fetched(Server(lambda route, query: told), spool, dialect)
    assert spool.count() == 0


def test_a_server_that_is_busy_is_waited_for_as_long_as_it_asks(spool: Spool, dialect: Dialect) -> None:
    busy = iter([answer({}, 503, retry_after="7"), answer({}, 429), answer({}, 503, retry_after="999999999")])
    server = Server(lambda route, query: next(busy, None) or pages([item(1)])(route, query))
    fetched(server, spool, dialect)
    assert [seconds for seconds in server.slept if seconds >= 1] == [7.0, 4.0, 600.0]
    assert spool.count() == 1


def test_a_server_that_stays_away_is_given_up_and_gone_on_from_later(spool: Spool, dialect: Dialect) -> None:
    def away(route: str, query: Query) -> ServerAnswer:
        raise NoAnswer("it cannot be reached")

    with pytest.raises(RemoteError, match=r"cannot be reached\. Run the command again later; it goes on"):
        fetched(Server(away), spool, dialect)


def test_no_more_is_asked_than_the_rate_allows(spool: Spool, dialect: Dialect) -> None:
    server = Server(pages([item(number) for number in range(1, 300)]))
    source = SenaiteSource(server.remote(rate=2.0), Dialect(SENAITE, {}, {}, dialect.everything))
    source.fetch(spool, lambda done, total: None)
    assert server.slept == [0.5] * (len(server.asked) - 1)


def test_answers_of_other_servers_and_long_ones_are_not_taken() -> None:
    def long(route: str, query: Query) -> ServerAnswer:
        raise NoAnswer(f"its answer is longer than {LONGEST_PAGE} bytes")

    remote = Server(long).remote()
    with pytest.raises(PageFailed, match="longer than"):
        remote.json("@@API/read")
    for url in ("http://elsewhere.example.org/file", "https://lims.example.org/file", "//evil.example.org/file"):
        with pytest.raises(PageFailed, match="on another server"):
            remote.content(url, 10)


def test_the_interface_that_answers_is_taken(dialect: Dialect) -> None:
    def bika(route: str, query: Query) -> ServerAnswer:
        return answer({"success": True}) if route == "version" else answer({}, 404)

    assert isinstance(open_source(Server(bika).remote(), None, dialect, ()), BikaSource)
    senaite = Server(lambda route, query: answer({"version": "1.0.0"}))
    assert isinstance(open_source(senaite.remote(), None, dialect, ()), SenaiteSource)
    assert isinstance(open_source(senaite.remote(), BIKA, dialect, ()), BikaSource)
    with pytest.raises(RemoteError, match="answers neither"):
        open_source(Server(lambda route, query: answer({}, 404)).remote(), None, dialect, ())


@pytest.mark.parametrize(
    ("typed", "url"),
    [
        ("https://lims.example.org/senaite/", "https://lims.example.org/senaite"),
        ("https://lims.example.org/@@API/senaite/v1/client", "https://lims.example.org"),
        ("http://127.0.0.1:8080/Plone/@@API/read", "http://127.0.0.1:8080/Plone"),
    ],
)
def test_the_url_of_the_site_is_what_stands_before_the_interface(typed: str, url: str) -> None:
    assert site_url(typed) == url


@pytest.mark.parametrize(
    "typed", ["lims.example.org", "ftp://x", "http://admin:secret@lims.example.org", "http://x:y/"]
)
def test_what_is_no_url_is_refused(typed: str) -> None:
    with pytest.raises(RemoteError):
        site_url(typed)


def test_one_process_works_with_a_spool(spool: Spool) -> None:
    with pytest.raises(RemoteError, match="in use by another pull"):
        Spool(spool.file, BASE)
    assert spool.file.stat().st_mode & 0o777 == 0o600
