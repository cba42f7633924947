"""Routes of py-ISPyB asked for rows of others, and for rows that never were."""

import re
from collections.abc import Mapping
from typing import Any, Final

from werkzeug.test import Client

from objapi.ispyb.wire.routes import Door, IspybRoute
from objapi.profiles.ispyb import tables as t
from tests.objapi.ispyb.calling import Rows

NAMED: Final = {"proposal": "BX2", "proposal_id": "BX2", "session": "BX2-2"}
"""Parameters that take names of the others' proposal and session."""
KEYS: Final = {
    "datacollection_id": "dataCollectionId",
    "data_collections_ids": "dataCollectionId",
    "dataCollectionIds": "dataCollectionId",
    "data_collections_group_id": "dataCollectionGroupId",
    "movie_id": "movieId",
    "session_id": "sessionId",
}
"""Parameters that take keys, by other names than those of the columns."""
OTHERS: Final = {
    "attachmentType": "x",
    "attr_keys": "a",
    "end_date": "20231231",
    "imageNumber": "1",
    "path": "/",
    "start_date": "20230101",
    "x": "1",
    "y": "1",
}
"""Further parameters that routes need."""
BODIES: Final[Mapping[str, Mapping[str, object]]] = {
    "/dewars": {"shippingId": "", "code": "D"},
    "/shippings": {"proposalId": "", "shippingName": "S", "sendingLabContactId": "", "returnLabContactId": ""},
    "/labcontacts": {"proposalId": "", "cardName": "C", "Person": {"familyName": "F", "givenName": "G"}},
    "/containers": {"dewarId": "", "code": "P", "containerType": "Puck"},
}
"""Bodies of routes that make rows in others; the empty values are keys."""


class Asker:
    """Asks routes of py-ISPyB for rows, by their keys or names or, if not `there`, by those that no row has."""

    def __init__(self, client: Client, rows: Rows, token: str, *, there: bool) -> None:
        self._client, self._rows, self._token, self._there = client, rows, token, there
        self._tables = {
            columns[0].name: table
            for table in t.METADATA.tables.values()
            if len(columns := list(table.primary_key.columns)) == 1
        }
        self.asked: dict[str, None] = {}
        """What rows were asked for by."""

    def value(self, parameter: str) -> str | None:
        """A key or name for a parameter; None for one that takes none."""
        name = NAMED.get(parameter)
        if name is None:
            column = KEYS.get(parameter, parameter)
            keys = [row[column] for row in self._rows.all(self._tables[column])] if column in self._tables else []
            if not keys:
                return None
            # The rows of others were made last.
            name = str(max(keys) if self._there else max(keys) + 1)
        elif not self._there:
            name = name.replace("2", "7", 1)
        self.asked[name] = None
        return f"[{name}]" if parameter == "dataCollectionIds" else name

    def answer(self, route: IspybRoute, query_parameter: str | None) -> tuple[int, str]:
        """The status and the body of an answer, without what was asked for."""
        path, self.asked = route.published_path, {}
        for name in route.path_parameters:
            own = self._token if name == "token" else self.value(name)
            path = path.replace(f"{{{name}}}", own or OTHERS.get(name, "1"))
        query = {name: OTHERS[name] for name in route.query if name in OTHERS}
        if query_parameter is not None:
            query[query_parameter] = self.value(query_parameter) or ""
        if route.access.door is Door.QUERY:
            query["token"] = self._token
        sent: dict[str, Any] = {"query_string": query}
        if route.access.door is Door.BEARER:
            sent["headers"] = {"Authorization": f"Bearer {self._token}"}
        if route.method in ("POST", "PATCH"):
            body_of = BODIES.get(route.path, {}) if route.method == "POST" else {}
            sent["json"] = {
                name: int(self.value(name) or 0) if value == "" else value for name, value in body_of.items()
            }
        answer = self._client.open(path, method=route.method, **sent)
        text = answer.text
        for name in self.asked:
            told = rf'(?<=Id":){name}\b' if answer.status_code == 200 else rf"\b{name}\b"
            text = re.sub(told, "", text)
        return answer.status_code, text
