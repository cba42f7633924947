"""API tokens of the gateway's users on this face: the person of the same login, within the token's scope."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from objapi.app import create_app
from objapi.model.token_scope import ISPYB, TokenScope
from objapi.profiles.ispyb import tables as t
from objapi.security.accounts import Account, insert_user, set_active
from objapi.security.api_tokens import add_api_token, count_tokens, list_tokens, remove_tokens
from objapi.security.csrf_tokens import make_secret
from objapi.security.tables import api_tokens, login_attempts, memberships, users
from objapi.site import Site
from tests.objapi.ispyb.calling import Api, Rows, body

Make = Callable[..., str]


@pytest.fixture
def make(ispyb_site: Site) -> Iterator[Make]:
    """A function that makes a token of the gateway's user ada; the user and the tokens are gone afterwards."""
    now = ispyb_site.now()

    def begin(connection: sa.Connection) -> None:
        for table in (api_tokens, login_attempts, memberships, users):
            connection.execute(sa.delete(table))
        make_secret(connection, now)
        insert_user(connection, Account("ada", "Ada Byron"), "none", now)

    ispyb_site.transact(begin, write=True)

    def token(**scope: Any) -> str:
        made = ispyb_site.transact(
            lambda connection: add_api_token(connection, "ada", "", TokenScope(**scope), now, None), write=True
        )
        return made.text

    yield token
    ispyb_site.transact(lambda connection: connection.execute(sa.delete(api_tokens)), write=True)


def test_a_token_is_the_person_of_the_same_login_with_the_permissions_of_the_moment(
    api: Api, rows: Rows, make: Make, ispyb_site: Site
) -> None:
    token = make()
    assert (api.get("/user/current", token).status_code, api.get("/user/current").status_code) == (401, 401)
    person = rows.person("ada", "own_sessions")
    answer = body(api.get("/user/current", token))
    assert (answer["login"], answer["personId"], answer["Permissions"]) == ("ada", person, ["own_sessions"])
    (listed,) = ispyb_site.transact(list_tokens, write=False)
    assert listed.last_used is not None


@pytest.mark.parametrize("end", ["disabled", "revoked"])
def test_a_token_ends_with_its_user_and_when_it_is_revoked(
    api: Api, rows: Rows, make: Make, ispyb_site: Site, end: str
) -> None:
    rows.person("ada")
    token = make()
    signed = body(api.call("POST", "/user/sign", token, json={"validity": "/user/current"}))["token"]

    def work(connection: sa.Connection) -> None:
        if end == "disabled":
            set_active(connection, "ada", False, now=ispyb_site.now())
        else:
            remove_tokens(connection, [token.split("_")[1]])

    ispyb_site.transact(work, write=True)
    response = api.get("/user/current", token)
    assert (response.status_code, "not valid" in body(response)["detail"]) == (401, True)
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="objapi", error="invalid_token"'
    assert end == "revoked" or api.get("/user/current", onetime=signed).status_code == 401


@pytest.mark.parametrize(
    ("scope", "statuses"),
    [
        ({}, (200, 200)),
        ({"read_only": True}, (200, 403)),
        ({"methods": frozenset({ISPYB})}, (200, 200)),
        ({"methods": frozenset({"read"})}, (403, 403)),
        ({"types": frozenset({"Proposal"})}, (403, 403)),
        ({"path": "/Plone"}, (403, 403)),
    ],
)
def test_the_scope_of_a_token_holds_here_too(
    api: Api, rows: Rows, make: Make, scope: dict[str, Any], statuses: tuple[int, int]
) -> None:
    rows.person("ada")
    token = make(**scope)
    read = api.get("/user/current", token)
    written = api.call("POST", "/user/sign", token, json={"validity": "/user/current"})
    assert (read.status_code, written.status_code) == statuses
    if written.status_code == 403:
        assert 'error="insufficient_scope"' in written.headers["WWW-Authenticate"]
        assert "the token" in body(written)["detail"]


def test_invalid_tokens_have_to_wait(api: Api, make: Make) -> None:
    invalid = "oat_aaaaaaaa_" + "x" * 40
    answers = [api.get("/user/current", invalid) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [401] * 5 + [429]
    assert int(answers[-1].headers["Retry-After"]) > 0


def test_where_logins_are_other_peoples_a_token_is_nobody(rows: Rows, make: Make, ispyb_site: Site) -> None:
    rows.person("ada")
    settings = replace(ispyb_site.settings, ispyb_same_logins=False)
    elsewhere = Api(create_app(site=replace(ispyb_site, settings=settings)), rows)
    response = elsewhere.get("/user/current", make())
    assert (response.status_code, "not the persons" in body(response)["detail"]) == (401, True)
    assert rows.count(t.Person) == 1
    assert ispyb_site.transact(lambda connection: count_tokens(connection, "ada"), write=False) == 1
