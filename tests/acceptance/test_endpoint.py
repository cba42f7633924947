"""Where the API lives and how it answers: URLs, verbs, the envelope, the status of failures, headers, limits."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from tests.acceptance.client import Client, failed, succeeded
from tests.acceptance.conftest import AsUser, Serve
from tests.acceptance.making import make_batch
from tests.waiting import ENOUGH


@pytest.mark.parametrize(
    "path",
    [
        "/Plone/@@API/read",
        "/@@API/read",
        "/Plone/%40%40API/read",
        "/Plone/API/read",
        "/Plone/clients/client-1/@@API/read",
        "/Plone/no/such/place/@@API/read",
        "//Plone//@@API//read/",
    ],
)
def test_the_endpoint_is_below_every_object_under_each_of_its_names(admin: Client, path: str) -> None:
    answer = succeeded(admin.http.get(f"{admin.root}{path}", params={"portal_type": "Client"}))
    assert answer["total_objects"] >= 5


@pytest.mark.parametrize("method", ["get", "post"])
def test_every_answer_has_the_four_keys_of_the_envelope(admin: Client, method: str) -> None:
    response = getattr(admin, method)("read", {"portal_type": "Client"})
    body = response.json()
    assert body["url"] == f"{admin.site}/@@API/read"
    assert (body["success"], body["error"]) == (True, False)
    assert 0 < body["_runtime"] < 60
    assert "message" not in body
    assert response.headers["Content-Type"] == "application/json; charset=utf-8"
    assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_a_failure_says_what_is_wrong_under_a_stable_name(admin: Client) -> None:
    body = admin.refused("read", {"sort_on": "nosuchindex"}, status=400, type="BadRequest")
    assert "sort_on" in body["message"]
    assert any("sort_on" in str(cause) for cause in body["errors"])


def test_an_unknown_method_is_404_for_everybody(admin: Client, as_user: AsUser) -> None:
    for client in (admin, as_user(None)):
        response = client.get("nosuchmethod")
        assert response.status_code == 404
        failed(response, 404, "UnknownMethod")
    assert admin.http.get(f"{admin.site}/@@API").status_code == 404
    assert admin.get("read/more").status_code == 404


@pytest.mark.parametrize("verb", ["PUT", "DELETE", "PATCH", "BREW"])
def test_a_wrong_verb_is_405_and_names_the_right_ones(admin: Client, verb: str) -> None:
    response = admin.http.request(verb, admin.url("read"))
    assert response.status_code == 405
    assert response.headers["Allow"] == "GET, HEAD, POST"
    failed(response, 405, "MethodNotAllowed")


def test_head_answers_as_get_without_body_and_never_writes(admin: Client) -> None:
    response = admin.http.head(admin.url("read"))
    assert (response.status_code, response.content) == (200, b"")
    response = admin.http.head(admin.url("create"), params={"obj_path": "/batches", "obj_type": "Batch"})
    assert (response.status_code, response.headers["Allow"]) == (405, "GET, POST")


@pytest.mark.parametrize("path", ["/Plone/%ff/@@API/read", "/Plone/../@@API/read", "/Plone/%00/@@API/read"])
def test_a_path_that_cannot_be_meant_is_400(admin: Client, path: str) -> None:
    # The connection is used directly: clients tidy such paths up before they send them.
    request = requests.Request("GET", admin.root, auth=admin.http.auth).prepare()
    request.url = f"{admin.root}{path}"
    failed(admin.http.send(request), 400, "BadRequest")


@pytest.mark.parametrize(
    ("options", "status"),
    [
        pytest.param({}, 200, id="historic: form body"),
        pytest.param({"headers": {"Prefer": "http-status"}}, 404, id="Prefer"),
        pytest.param({"headers": {"Accept": "application/problem+json"}}, 404, id="problem"),
    ],
)
def test_the_status_is_real_for_clients_that_look_at_it(admin: Client, options: dict[str, Any], status: int) -> None:
    response = admin.post("update", {"obj_path": "/clients/nobody", "Name": "x"}, **options)
    assert response.status_code == status
    assert response.headers["X-Api-Status"] == "404"
    assert response.json()["status"] == 404
    assert admin.json("update", {"obj_path": "/clients/nobody", "Name": "x"}).status_code == 404


@pytest.mark.parametrize(
    ("setting", "form", "body"), [("http", 404, 404), ("historic", 200, 200)], ids=["http", "historic"]
)
def test_the_setting_error_status_forces_one_side(serve: Serve, setting: str, form: int, body: int) -> None:
    client = Client(serve("sqlite", OBJAPI_ERROR_STATUS=setting), "admin")
    values = {"obj_path": "/clients/nobody", "Name": "x"}
    with client.http:
        assert client.post("update", values).status_code == form
        assert client.json("update", values).status_code == body
        assert client.get("nosuchmethod").status_code == 404


def test_a_problem_document_follows_rfc_9457(admin: Client) -> None:
    response = admin.get("read", {"sort_on": "nosuchindex"}, headers={"Accept": "application/problem+json"})
    problem = response.json()
    assert response.headers["Content-Type"] == "application/problem+json"
    assert (problem["status"], problem["title"], problem["name"]) == (400, "Bad Request", "BadRequest")
    assert problem["detail"] == problem["message"]


def test_a_json_body_is_read_with_its_types_and_replaces_the_query(admin: Client) -> None:
    answer = succeeded(
        admin.json("read?portal_type=Batch&page_size=3", {"portal_type": "Client", "page_size": 2, "page_nr": 1})
    )
    # Other tests make clients, too.
    page = admin.read(portal_type="Client", page_size="2", page_nr="1")["objects"]
    assert [item["id"] for item in answer["objects"]] == [item["id"] for item in page]
    assert {item["portal_type"] for item in answer["objects"]} == {"Client"}
    assert len(page) == 2
    failed(admin.json("read", {"portal_type:list": ["Client"]}), 400, "BadRequest")


@pytest.mark.parametrize("body", ['{"a": 1, "a": 2}', '{"a": NaN}', "[1]", "{", '{"a": ' + "[" * 99 + "]" * 99 + "}"])
def test_a_json_body_that_means_two_things_is_refused(admin: Client, body: str) -> None:
    response = admin.post("read", body, headers={"Content-Type": "application/json"})
    failed(response, 400, "BadRequest")
    assert response.status_code == 400


def test_a_form_body_is_added_to_the_query(admin: Client) -> None:
    answer = succeeded(admin.post("read?portal_type=Client&id=client-1", "id=client-2", headers=FORM))
    assert [item["id"] for item in answer["objects"]] == ["client-1", "client-2"]


FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("&portal_type=Client&id:list=client-1&id:list=client-2", id="leading ampersand, :list"),
        pytest.param("portal_type=Client&id%3Alist=client-1&id%3Alist=client-2", id="percent-encoded suffix"),
        pytest.param("portal_type=Client&id%5B%5D=client-1&id%5B%5D=client-2", id="jQuery: id[]"),
        pytest.param("portal_type=Client&id=client-1&id=client-2", id="jQuery traditional: repeated"),
        pytest.param("portal_type=Client&id.query:record:list=client-1&id.query:record:list=client-2", id="record"),
        pytest.param("portal_type=Client&id=client-1&id=client-2&_=1700000000&debug_mode=1&-C=", id="leavings"),
    ],
)
def test_the_encodings_of_published_clients_mean_the_same(admin: Client, body: str) -> None:
    for answer in (admin.post("read", body, headers=FORM), admin.get(f"read?{body}")):
        found = succeeded(answer)
        assert [item["id"] for item in found["objects"]] == ["client-1", "client-2"]
        assert "warnings" not in found


def test_a_value_that_is_not_utf8_is_refused_by_name(admin: Client) -> None:
    assert "title" in admin.refused("read", "title=%ff", status=400, headers=FORM)["message"]


def test_no_shared_cache_stores_an_answer_and_each_has_a_request_id(admin: Client) -> None:
    for method, storing in (("read", "private, no-cache, no-transform"), ("version", "no-store")):
        response = admin.get(method)
        assert response.headers["Cache-Control"] == storing
        assert len(response.headers["X-Request-Id"]) == 16


@pytest.mark.parametrize(
    ("data", "status", "named"),
    [
        pytest.param({"title": "x" * 2001}, 413, "title", id="value"),
        pytest.param({"page_size": 51}, 400, "page_size", id="page size"),
        pytest.param({"id:list": ["x"] * 21}, 413, "id", id="list"),
        pytest.param([(f"name{number}", "x") for number in range(41)], 413, "40", id="parameters"),
        pytest.param({"blob": "x" * 30_000}, 413, "", id="body"),
    ],
)
def test_limits_are_settings_and_refused_by_name(limited: Client, data: Any, status: int, named: str) -> None:
    response = limited.post("read", data, headers={"Prefer": "http-status"})
    assert response.status_code == status
    assert named in failed(response, status)["message"]


def test_the_number_of_parameters_is_limited_in_json_too(limited: Client) -> None:
    answer = failed(limited.json("read", {f"name{number}": "x" for number in range(41)}), 413, "TooLarge")
    assert "40" in answer["message"]


def test_the_number_of_updates_is_limited(limited: Client) -> None:
    values = {f"/clients/client-{number}": {"Phone": "1"} for number in range(4)}
    answer = limited.refused("update_many", {"input_values": json.dumps(values)}, status=413, type="TooLarge")
    assert "3" in answer["message"]


@pytest.fixture(scope="module")
def limited(serve: Serve) -> Client:
    """The administrator of a site with narrow limits."""
    root = serve(
        "sqlite",
        OBJAPI_MAX_BODY_SIZE="20000",
        OBJAPI_MAX_VALUE_LENGTH="2000",
        OBJAPI_MAX_PAGE_SIZE="50",
        OBJAPI_MAX_LIST_LENGTH="20",
        OBJAPI_MAX_PARAMETERS="40",
        OBJAPI_MAX_UPDATE_ENTRIES="3",
    )
    return Client(root, "admin")


def test_version_is_open_to_all(as_user: AsUser) -> None:
    answer = succeeded(as_user(None).get("version"))
    assert answer["version"]


@pytest.mark.parametrize("host", ["a..b", ".", "a" * 64, "a b", "a/b"])
def test_a_host_that_is_none_is_refused_in_the_envelope(admin: Client, host: str) -> None:
    failed(admin.get("read", headers={"Host": host}), 400, "BadRequest")


@pytest.mark.parametrize("headers", [{}, {"Cookie": "__ac=stolen"}])
def test_a_long_body_is_parsed_only_for_users(root: str, headers: dict[str, str]) -> None:
    """Nothing is said of the body, which is no JSON: nobody looked into it."""
    address = urlsplit(root)
    with closing(HTTPConnection(address.hostname or "", address.port, timeout=ENOUGH)) as connection:
        sent = {"Content-Type": "application/json"} | headers
        connection.request("POST", "/Plone/@@API/create", b"[" * (1024 * 1024), sent)
        response = connection.getresponse()
        assert response.status == 401
        assert json.loads(response.read())["type"] == "Unauthorized"


def test_nothing_of_the_inside_is_told(admin: Client) -> None:
    for response in (admin.get("read", {"path": "\x00"}), admin.post("update", {"obj_path": "/../x", "a": "b"})):
        text = response.text
        assert "Traceback" not in text
        assert "SELECT" not in text
        assert ".py" not in text


def test_a_batch_can_be_made_by_get_as_scripts_do(admin: Client) -> None:
    made = succeeded(admin.get("create", {"obj_path": "/batches", "obj_type": "Batch", "title": "by get"}))
    assert made["path"].startswith("/Plone/batches/")
    assert make_batch(admin)["obj_id"] != made["obj_id"]


def test_a_body_of_unknown_length_is_read_and_limited_too(admin: Client, limited: Client) -> None:
    def pieces(size: int) -> Iterator[bytes]:
        yield b"portal_type=Client&title="
        yield b"x" * size

    assert succeeded(admin.http.post(admin.url("read"), data=pieces(10), headers=FORM))["total_objects"] == 0
    response = limited.http.post(limited.url("read"), data=pieces(30_000), headers=FORM)
    assert response.status_code == 413
    failed(response, 413, "TooLarge")


def test_objects_made_at_the_same_time_get_different_ids(admin: Client) -> None:
    def make(number: int) -> dict[str, Any]:
        own = Client(admin.root, "admin")
        with own.http:
            return make_batch(own)

    with ThreadPoolExecutor(6) as threads:
        made = list(threads.map(make, range(18)))
    assert len({item["obj_id"] for item in made}) == len({item["obj_uid"] for item in made}) == 18
