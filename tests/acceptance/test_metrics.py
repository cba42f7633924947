"""Whoever watches the site reads its numbers at `/metrics`, which name nothing that a client has sent."""

import re

import requests

from tests.acceptance.client import Client
from tests.waiting import ENOUGH, wait_until


def numbers(client: Client) -> dict[str, float]:
    """Series → its value."""
    answer = client.http.get(f"{client.root}/metrics", timeout=ENOUGH)
    assert (answer.status_code, answer.headers["Content-Type"].partition(";")[0]) == (200, "text/plain")
    assert answer.headers["Cache-Control"] == "no-store"
    return {series: float(value) for series, value in re.findall(r"^([^#\s].*) (\S+)$", answer.text, re.MULTILINE)}


def series(method: str, status: int, face: str = "api") -> str:
    return f'objapi_requests_total{{face="{face}",method="{method}",status="{status}"}}'


def test_requests_are_counted_by_face_method_and_status_and_with_their_statements(admin: Client) -> None:
    # A worker counts a request when its client has the answer.
    before = numbers(admin)
    admin.read(portal_type="Client")
    admin.call("read", {"portal_type": "Client"})
    # The status is that of the call, also in the historic style, which is always 200 in HTTP.
    assert admin.post("create", {"obj_type": "Nonsense"}).headers["X-Api-Status"] == "400"
    for path in ("/Plone/@@API/n0nsense", "/n0nsense", "/n0nsense/@@API/n0nsense"):
        assert requests.get(admin.root + path, timeout=ENOUGH).status_code == 404
    expected = {
        series("read", 200): 2,
        series("create", 400): 1,
        series("unknown", 404): 2,
        series("unknown", 404, "web"): 1,
    }

    def grown() -> dict[str, float]:
        after = numbers(admin)
        return {name: after.get(name, 0) - before.get(name, 0) for name in expected}

    wait_until(lambda: grown() == expected, "the counts of these requests")
    after = numbers(admin)
    total = "objapi_database_statements_total"
    # Each of the two reads asks for its user and its page.
    assert after[total] - before[total] >= 2 * 2
    assert after["objapi_database_seconds_total"] > before["objapi_database_seconds_total"]
    assert after['objapi_request_seconds_count{face="api",method="read"}'] >= 2
    assert after["objapi_database_connections_in_use"] == after["objapi_password_checks"] == 0
    assert not [name for name in after if "n0nsense" in name or "Nonsense" in name]


def test_who_comes_by_a_proxy_that_is_not_trusted_finds_nothing_there(admin: Client) -> None:
    behind = {"X-Forwarded-For": "127.0.0.1"}
    pages = [requests.get(f"{admin.root}/{path}", headers=behind, timeout=ENOUGH) for path in ("metrics", "nothing")]
    assert [page.status_code for page in pages] == [404, 404]
    shown, other = (re.sub(r"[0-9a-f]{16}", "", page.text) for page in pages)
    assert shown == other
