"""HTTP manners: entity tags, parts of files, compression, links, over HTTP."""

import gzip
import json
from typing import Any

import pytest
import requests

from tests.acceptance.client import Client, succeeded
from tests.acceptance.conftest import AsUser
from tests.acceptance.making import make_client
from tests.waiting import ENOUGH

CLIENTS = {
    "portal_type": "Client",
    "include_fields": "title",
    "page_size": "2",
    "id": ["client-1", "client-2", "client-3"],
}


def test_an_answer_that_the_client_has_is_not_sent_again(admin: Client) -> None:
    first = admin.get("read", CLIENTS)
    tag = first.headers["ETag"]
    assert tag.startswith('W/"')
    assert first.headers["Cache-Control"].startswith("private, no-cache")
    assert {"Authorization", "Cookie"} <= set(first.headers["Vary"].split(", "))
    for asked in (tag, tag.removeprefix("W/"), f'"other", {tag}', "*"):
        again = admin.get("read", CLIENTS, headers={"If-None-Match": asked})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["ETag"] == tag
        assert "Content-Type" not in again.headers
    assert admin.get("read", CLIENTS, headers={"If-None-Match": '"other"'}).status_code == 200


def test_a_tag_changes_with_the_answer(admin: Client) -> None:
    path = make_client(admin)
    query = {"portal_type": "Client", "path": path}
    before = admin.get("read", query).headers["ETag"]
    assert admin.get("read", query).headers["ETag"] == before
    admin.call("update", {"obj_path": path, "Phone": "555"})
    after = admin.get("read", query, headers={"If-None-Match": before})
    assert after.status_code == 200
    assert after.headers["ETag"] != before
    assert after.json()["objects"][0]["Phone"] == "555"


def test_a_tag_is_of_one_caller_and_one_query(admin: Client, as_user: AsUser) -> None:
    query = {"portal_type": "Client", "id": "client-1", "include_fields": "title"}
    tag = admin.get("read", query).headers["ETag"]
    assert as_user("labmanager1").get("read", query, headers={"If-None-Match": tag}).status_code == 200
    assert admin.get("read", query | {"limit": "5"}, headers={"If-None-Match": tag}).status_code == 200
    assert as_user(None).get("read", query, headers={"If-None-Match": tag}).status_code == 401
    assert as_user("clerk1").get("read", query, headers={"If-None-Match": tag}).json()["success"] is True


@pytest.mark.parametrize("verb", ["POST", "failed"])
def test_other_answers_have_no_tag(admin: Client, verb: str) -> None:
    answer = admin.post("read", CLIENTS) if verb == "POST" else admin.get("read", {"sort_on": "colour"})
    assert "ETag" not in answer.headers
    assert answer.headers["Cache-Control"].startswith("no-store")


def test_head_has_the_tag_of_get(admin: Client) -> None:
    head = admin.http.head(admin.url("read"), params=CLIENTS, timeout=ENOUGH)
    assert head.status_code == 200
    assert head.headers["ETag"] == admin.get("read", CLIENTS).headers["ETag"]
    again = admin.http.head(
        admin.url("read"), params=CLIENTS, headers={"If-None-Match": head.headers["ETag"]}, timeout=ENOUGH
    )
    assert again.status_code == 304


def test_the_next_page_is_linked(admin: Client) -> None:
    seen: list[str] = []
    answer = admin.get("read", CLIENTS | {"page_nr:int": "0", "x": "a b&c=é"})
    links = 0
    while True:
        seen += [item["path"] for item in succeeded(answer)["objects"]]
        if "next" not in answer.links:
            break
        assert f"next={answer.json()['next']}" in answer.links["next"]["url"]
        answer = admin.http.get(answer.links["next"]["url"], timeout=ENOUGH)
        links += 1
    assert seen == [f"/Plone/clients/client-{number}" for number in (1, 2, 3)]
    assert links == 1
    assert "Link" not in admin.post("read", CLIENTS).headers


# Compression


def plain(response: requests.Response) -> bytes:
    """The body as it was sent."""
    sent: bytes = response.raw.read(decode_content=False)
    return sent


def asked(client: Client, method: str, query: dict[str, Any], accepted: str) -> requests.Response:
    return client.get(method, query, headers={"Accept-Encoding": accepted}, stream=True)


def test_answers_are_compressed_for_whoever_asks(admin: Client) -> None:
    answer = asked(admin, "catalogs", {}, "gzip")
    assert answer.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in answer.headers["Vary"]
    assert json.loads(gzip.decompress(plain(answer)))["success"] is True
    assert "Content-Encoding" not in asked(admin, "catalogs", {}, "identity").headers
    assert "Content-Encoding" not in asked(admin, "version", {}, "gzip").headers


@pytest.mark.parametrize("size", ["50", "0"])
def test_an_answer_with_a_token_is_not_compressed(admin: Client, size: str) -> None:
    query = {"portal_type": "SampleType", "page_size": size}
    answer = asked(admin, "read", query, "gzip")
    body = plain(answer)
    assert b'"_authenticator":"' in body
    assert "Content-Encoding" not in answer.headers
    assert "no-transform" in answer.headers["Cache-Control"]
    without = asked(admin, "read", query | {"authenticator": "0"}, "gzip")
    assert without.headers["Content-Encoding"] == "gzip"
    read = json.loads(gzip.decompress(plain(without)))
    assert read["objects"] == json.loads(body)["objects"]
    assert "_authenticator" not in read


# Files


@pytest.fixture(scope="module")
def file(root: str) -> tuple[Client, str, bytes]:
    """A file of more than one piece in the database: a client, its URL and its content."""
    client = Client(root, "admin")
    content = bytes(number % 251 for number in range(1_300_000))
    made = client.post(
        "create",
        {"obj_path": "/clients/client-1", "obj_type": "Attachment"},
        files={"AttachmentFile": ("a.bin", content, "application/octet-stream")},
    ).json()
    assert made["success"], made
    return client, f"{client.root}{made['path']}/at_download/AttachmentFile", content


@pytest.mark.parametrize(
    ("asked_for", "start", "stop"),
    [
        ("bytes=0-9", 0, 10),
        ("bytes=524280-524300", 524280, 524301),
        ("bytes=1048576-", 1048576, 1_300_000),
        ("bytes=-7", 1_299_993, 1_300_000),
        ("bytes=1299999-9999999", 1_299_999, 1_300_000),
    ],
)
def test_a_part_of_a_file(file: tuple[Client, str, bytes], asked_for: str, start: int, stop: int) -> None:
    client, url, content = file
    answer = client.http.get(url, headers={"Range": asked_for}, timeout=ENOUGH)
    assert answer.status_code == 206
    assert answer.content == content[start:stop]
    assert answer.headers["Content-Range"] == f"bytes {start}-{stop - 1}/1300000"
    assert answer.headers["Content-Length"] == str(stop - start)


def test_a_download_goes_on_where_it_broke_off(file: tuple[Client, str, bytes]) -> None:
    client, url, content = file
    whole = client.http.get(url, timeout=ENOUGH)
    assert (whole.status_code, whole.content) == (200, content)
    assert whole.headers["Accept-Ranges"] == "bytes"
    tag = whole.headers["ETag"]
    rest = client.http.get(url, headers={"Range": "bytes=1000000-", "If-Range": tag}, timeout=ENOUGH)
    assert (rest.status_code, rest.content) == (206, content[1_000_000:])
    changed = client.http.get(url, headers={"Range": "bytes=1000000-", "If-Range": '"other"'}, timeout=ENOUGH)
    assert (changed.status_code, changed.content) == (200, content)
    assert client.http.get(url, headers={"If-None-Match": tag}, timeout=ENOUGH).status_code == 304
    head = client.http.head(url, headers={"Range": "bytes=0-1"}, timeout=ENOUGH)
    assert (head.status_code, head.headers["Content-Length"]) == (200, "1300000")


def test_bytes_that_a_file_does_not_have(file: tuple[Client, str, bytes]) -> None:
    client, url, _ = file
    answer = client.http.get(url, headers={"Range": "bytes=1300000-"}, timeout=ENOUGH)
    assert answer.status_code == 416
    assert answer.headers["Content-Range"] == "bytes */1300000"
    assert answer.json()["type"] == "RangeNotSatisfiable"
    several = client.http.get(url, headers={"Range": "bytes=0-1,5-6"}, timeout=ENOUGH)
    assert several.status_code == 200


def test_a_compressed_file_is_no_beginning_of_a_plain_one(admin: Client) -> None:
    sizes = {"big": 5000, "empty": 0}
    urls = {}
    for name, size in sizes.items():
        made = admin.post(
            "create",
            {"obj_path": "/clients/client-1", "obj_type": "Attachment"},
            files={"AttachmentFile": (f"{name}.txt", b"a" * size, "text/plain")},
        ).json()
        urls[name] = f"{admin.root}{made['path']}/at_download/AttachmentFile"
    answers = {
        name: admin.http.get(url, headers={"Accept-Encoding": "gzip"}, timeout=ENOUGH) for name, url in urls.items()
    }
    assert [answer.headers.get("Content-Encoding") for answer in answers.values()] == ["gzip", None]
    tag = answers["big"].headers["ETag"]
    assert tag.startswith("W/") and "Accept-Ranges" not in answers["big"].headers
    rest = admin.http.get(urls["big"], headers={"Range": "bytes=9-", "If-Range": tag}, timeout=ENOUGH)
    assert (rest.status_code, len(rest.content)) == (200, 5000)
    assert admin.http.get(urls["big"], headers={"If-None-Match": tag}, timeout=ENOUGH).status_code == 304
