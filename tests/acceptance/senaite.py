"""A client of the SENAITE face, as scripts for SENAITE are."""

from dataclasses import dataclass
from typing import Any

import requests

from tests.acceptance.client import ENOUGH, Client

PREFIX = "senaite/@@API/senaite/v1"
"""The URL that clients of SENAITE know, below the root of the server."""


@dataclass(frozen=True, slots=True)
class Senaite:
    """Calls routes of the face as one user of the sample laboratory."""

    client: Client

    def url(self, route: str) -> str:
        return f"{self.client.root}/{PREFIX}/{route}"

    def send(self, verb: str, route: str, **options: Any) -> requests.Response:
        return self.client.http.request(verb, self.url(route), timeout=ENOUGH, allow_redirects=False, **options)

    def get(self, route: str, *, status: int = 200, **params: Any) -> dict[str, Any]:
        """The answer to a GET, which must have a status."""
        return checked(self.send("GET", route, params=params), status)

    def items(self, route: str, **params: Any) -> list[dict[str, Any]]:
        """The items of a list."""
        items: list[dict[str, Any]] = self.get(route, **params)["items"]
        return items

    def only(self, route: str, **params: Any) -> dict[str, Any]:
        """The one item of a list."""
        (item,) = self.items(route, **params)
        return item

    def post(self, route: str, body: object, *, status: int = 200, **options: Any) -> dict[str, Any]:
        """The answer to a POST of JSON, which must have a status."""
        return checked(self.send("POST", route, json=body, **options), status)

    def form(self, route: str, data: object, *, status: int = 200, **options: Any) -> dict[str, Any]:
        """The answer to a POST of a form, which must have a status."""
        return checked(self.send("POST", route, data=data, **options), status)

    def uid(self, path: str) -> str:
        """The UID of the object at a path below the site."""
        return str(self.only("search", catalog="uid_catalog", path=path, depth=0)["uid"])


def checked(response: requests.Response, status: int) -> dict[str, Any]:
    """The JSON of a response with a status; a success has no key that clients take for failure."""
    assert response.status_code == status, response.text
    answer: dict[str, Any] = response.json()
    assert isinstance(answer["_runtime"], float)
    if status >= 400:
        assert answer["success"] is False
        assert answer["status"] == status
    return answer
