"""Calling the face in a test, and filling its tables."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from flask import Flask
from sqlalchemy.engine import Engine
from werkzeug.test import TestResponse

from objapi.ispyb import API_ROOT
from objapi.ispyb.auth.caller import Caller
from objapi.ispyb.auth.tokens import Tokens
from objapi.profiles.ispyb import tables as t

KEY = "a key for tests that is long enough to be one"


def at(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    """A time of the laboratory's wall clock."""
    return datetime(year, month, day, hour, minute)  # noqa: DTZ001 - a wall clock time has no zone


class Rows:
    """Puts rows into the tables; `there` are those that the database has, when it lacks tables or columns."""

    def __init__(self, engine: Engine, there: sa.MetaData | None = None) -> None:
        self.engine = engine
        self.there = there

    def add(self, table: sa.Table, **values: Any) -> int:
        """One row; its key. Values for columns that the database lacks are left out."""
        if self.there is not None:
            values = {name: value for name, value in values.items() if name in self.there.tables[table.name].columns}
        with self.engine.begin() as connection:
            result = connection.execute(sa.insert(table).values(values))
            key = result.inserted_primary_key
            return int(key[0]) if key is not None and key[0] is not None else 0

    def all(self, table: sa.Table) -> list[dict[str, Any]]:
        """All rows of a table in the order of their keys."""
        statement = sa.select(table).order_by(*table.primary_key.columns)
        with self.engine.connect() as connection:
            return [dict(row) for row in connection.execute(statement).mappings()]

    def count(self, table: sa.Table) -> int:
        """How many rows a table has."""
        with self.engine.connect() as connection:
            return int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())

    def person(self, login: str | None, *permissions: str, **values: Any) -> int:
        """A person, in a group of their own that holds the permissions."""
        given = {"givenName": "Ada", "familyName": "Byron"} | values
        person = self.add(t.Person, login=login, **given)
        if permissions:
            group = self.add(t.UserGroup, name=f"group {person}")
            self.add(t.UserGroup_has_Person, userGroupId=group, personId=person)
            for type_ in permissions:
                permission = self.add(t.Permission, type=type_)
                self.add(t.UserGroup_has_Permission, userGroupId=group, permissionId=permission)
        return person

    def seed(self) -> dict[str, int]:
        """Proposals MX1 and BX2, sessions MX1-1 and BX2-1 at ID30A-1 and MX1-2 at ID23-1, people by what they see."""
        key = {name: self.person(name) for name in ("principal", "member", "visitor", "outsider")}
        for code, number in (("MX", "1"), ("BX", "2")):
            key[code + number] = self.add(
                t.Proposal, proposalCode=code, proposalNumber=number, personId=key["principal"], title=f"About {code}"
            )
        for name, proposal, visit, beamline in (
            ("MX1-1", "MX1", 1, "ID30A-1"),
            ("MX1-2", "MX1", 2, "ID23-1"),
            ("BX2-1", "BX2", 1, "ID30A-1"),
        ):
            key[name] = self.add(
                t.BLSession,
                proposalId=key[proposal],
                visit_number=visit,
                beamLineName=beamline,
                startDate=at(2023, 1, visit, 9),
                endDate=at(2023, 1, visit + 1, 9),
                scheduled=1,
                lastUpdate=at(2023, 1, 1),
            )
        self.add(t.ProposalHasPerson, proposalId=key["MX1"], personId=key["member"])
        self.add(t.Session_has_Person, sessionId=key["MX1-2"], personId=key["visitor"], role="Staff", remote=1)
        return key


class Api:
    """Calls routes as some person."""

    def __init__(self, application: Flask, rows: Rows) -> None:
        self.application = application
        self.client = application.test_client()
        self.rows = rows
        self.tokens = Tokens(KEY, 3600)

    def token(self, person_id: int = 1, *permissions: str, login: str = "somebody") -> str:
        """A token as a log-in would give it."""
        return self.tokens.issue(Caller(person_id, login, permissions))

    def call(self, method: str, path: str, token: str | None = None, **options: Any) -> TestResponse:
        """Call a route below the API's root, with a token or without."""
        headers = dict(options.pop("headers", {}))
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        return self.client.open(API_ROOT + path, method=method, headers=headers, **options)

    def get(self, path: str, token: str | None = None, /, **query: Any) -> TestResponse:
        """GET a route with query parameters."""
        return self.call("GET", path, token, query_string=query)

    def seen(self, path: str, token: str, key: str, **query: Any) -> list[Any]:
        """The values of one key in the results of a list."""
        response = self.get(path, token, **query)
        assert response.status_code == 200, response.text
        return [row[key] for row in body(response)["results"]]


def body(response: TestResponse) -> Any:
    """The JSON value of a response."""
    return response.get_json()


def faults(response: TestResponse) -> list[tuple[list[Any], str]]:
    """Place and type of every fault of a 422."""
    assert response.status_code == 422, response.text
    detail: list[Mapping[str, Any]] = body(response)["detail"]
    return [(fault["loc"], fault["type"]) for fault in detail]
