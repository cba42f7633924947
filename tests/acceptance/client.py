"""A client as laboratories write them: one call of a method, one JSON object back."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import requests

from tests.waiting import ENOUGH

Pairs = Sequence[tuple[str, str]] | Mapping[str, Any]
PASSWORD = "secret"


class Client:
    """Calls the API of one site as one user, by HTTP Basic, or by the cookie once `log_in` was called."""

    def __init__(self, root: str, user: str | None = None, password: str = PASSWORD) -> None:
        self.root = root
        self.site = f"{root}/Plone"
        self.http = requests.Session()
        self.http.trust_env = False
        if user is not None:
            self.http.auth = (user, password)

    def log_in(self, user: str, password: str = PASSWORD, **more: str) -> requests.Response:
        """Log in by the form, as published clients do; the session cookie is kept."""
        form = {"form.submitted": "1", "pwd_empty": "0", "submit": "Log in"}
        form |= {"__ac_name": user, "__ac_password": password} | more
        return self.http.post(f"{self.site}/login_form", data=form, allow_redirects=False, timeout=ENOUGH)

    def url(self, method: str) -> str:
        return f"{self.site}/@@API/{method}"

    def get(self, method: str, params: Pairs | None = None, **options: Any) -> requests.Response:
        return self.http.get(self.url(method), params=_listed(params), timeout=ENOUGH, **options)

    def post(self, method: str, data: Pairs | str | bytes | None = None, **options: Any) -> requests.Response:
        body = data if isinstance(data, (str, bytes)) else _listed(data)
        return self.http.post(self.url(method), data=body, timeout=ENOUGH, **options)

    def read(self, **criteria: Any) -> dict[str, Any]:
        """A read that must succeed; `_` before `list` stands for the colon: `review_state_list=[…]`."""
        return succeeded(self.get("read", criteria))

    def only(self, **criteria: Any) -> dict[str, Any]:
        """The one object that a read finds."""
        answer = self.read(**criteria)
        assert answer["total_objects"] == 1, answer
        found: dict[str, Any] = answer["objects"][0]
        return found

    def at(self, path: str) -> dict[str, Any]:
        """The object at a path, which may be given without the site's id."""
        full = path if path.startswith("/Plone/") else f"/Plone/{path.strip('/')}"
        found = self.read(catalog_name="uid_catalog", id=full.rpartition("/")[2], page_size="1000")
        (one,) = [item for item in found["objects"] if item["path"] == full]
        there: dict[str, Any] = one
        return there

    def uid(self, path: str) -> str:
        """The UID of the object at a path."""
        uid: str = self.at(path)["UID"]
        return uid

    def call(self, method: str, data: Pairs | str | None = None, **options: Any) -> dict[str, Any]:
        """A POST that must succeed."""
        return succeeded(self.post(method, data, **options))

    def json(self, method: str, body: object, **options: Any) -> requests.Response:
        """A POST with a JSON body."""
        headers = {"Content-Type": "application/json"} | dict(options.pop("headers", {}))
        return self.post(method, json.dumps(body), headers=headers, **options)

    def refused(
        self, method: str, data: Pairs | str | None = None, *, status: int, type: str | None = None, **options: Any
    ) -> dict[str, Any]:
        """A POST that must fail with this status, told in the body and in X-Api-Status."""
        return failed(self.post(method, data, **options), status, type)


def _listed(params: Pairs | None) -> list[tuple[str, Any]]:
    if params is None:
        return []
    items = params.items() if isinstance(params, Mapping) else params
    return [(name, one) for name, value in items for one in (value if isinstance(value, (list, tuple)) else [value])]


def succeeded(response: requests.Response) -> dict[str, Any]:
    """The body of an answer that must be a success: the envelope's four keys, and no message."""
    body: dict[str, Any] = response.json()
    assert response.status_code == 200, body
    assert body["success"] is True, body
    assert body["error"] is False
    assert "message" not in body
    assert isinstance(body["_runtime"], float)
    assert body["url"].startswith("http://")
    return body


def failed(response: requests.Response, status: int, type: str | None = None) -> dict[str, Any]:
    """The body of an answer that must be this failure."""
    body: dict[str, Any] = response.json()
    assert body["success"] is False, body
    assert body["error"] is True
    assert body["status"] == status, body
    assert response.headers["X-Api-Status"] == str(status)
    assert body["message"]
    assert body["request_id"]
    if type is not None:
        assert body["type"] == type, body
    return body
