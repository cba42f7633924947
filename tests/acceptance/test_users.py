"""Managing users over HTTP: locking out, giving and taking roles, who may, and what the history says of it."""

from collections.abc import Iterator

import pytest

from tests.acceptance.client import Client, failed, succeeded
from tests.acceptance.conftest import Serve
from tests.conftest import DATABASES

CALLS = 8
"""So many that each of the two processes answers some, each call being a connection of its own."""


@pytest.fixture(scope="module", params=DATABASES)
def laboratory(request: pytest.FixtureRequest, serve: Serve) -> str:
    """The URL of a laboratory of two processes whose users these tests change."""
    return serve(request.param, OBJAPI_WORKERS="2", OBJAPI_LOGIN_FAILURES="1000")


@pytest.fixture
def admin(laboratory: str) -> Iterator[Client]:
    client = Client(laboratory, "admin")
    with client.http:
        yield client


def as_user(laboratory: str, user: str) -> Client:
    return Client(laboratory, user)


def changes(admin: Client, uid: str) -> list[tuple[object, ...]]:
    """The history of a user, newest first, without failed log-ins: they enter it when their minute is over."""
    rows = admin.call("history", {"UID": uid})["history"]
    return [(row["event"], row["actor"], row["changes"]) for row in rows if row["event"] != "log_in_failed"]


def test_users_are_listed_and_shown(admin: Client) -> None:
    listed = {user["userid"]: user for user in succeeded(admin.get("users"))["users"]}
    assert (listed["admin"]["roles"], listed["admin"]["active"]) == (["Manager"], True)
    shown = succeeded(admin.get("users", {"userid": "sarel"}))["user"]
    assert shown.items() >= listed["sarel"].items()
    assert (shown["groups"], shown["site_roles"]) == (["Clients"], ["Client", "Member"])
    assert [(grant["path"], grant["roles"]) for grant in shown["local_roles"]] == [
        ("/Plone/clients/client-1", ["Owner"])
    ]
    failed(admin.get("users", {"userid": "ghost"}), 404, "NotFound")


def test_a_disabled_user_is_out_at_once_in_every_process(laboratory: str, admin: Client) -> None:
    by_cookie, by_password = Client(laboratory), as_user(laboratory, "analyst2")
    by_cookie.log_in("analyst2")
    for client in (by_cookie, by_password):
        client.http.headers["Connection"] = "close"
    for client in (by_cookie, by_password):
        assert [client.get("read").status_code for _ in range(CALLS)] == [200] * CALLS
    assert admin.call("users", {"action": "disable", "userid": "analyst2"})["updated"] == ["active"]
    for client in (by_cookie, by_password):
        assert [client.get("read").status_code for _ in range(CALLS)] == [401] * CALLS
    assert "login_failed" in Client(laboratory).log_in("analyst2").text
    assert admin.call("users", {"action": "disable", "userid": "analyst2"})["updated"] == []
    assert admin.json("users", {"action": "enable", "userid": "analyst2"}).json()["updated"] == ["active"]
    assert by_password.get("read").status_code == 200
    assert by_cookie.get("read").status_code == 401
    uid = succeeded(admin.get("users", {"userid": "analyst2"}))["user"]["UID"]
    assert changes(admin, uid)[:-1] == [
        ("enable", "admin", {"active": {"old": False, "new": True}}),
        ("disable", "admin", {"active": {"old": True, "new": False}}),
    ]


def test_roles_groups_and_local_roles_are_given_and_taken(laboratory: str, admin: Client) -> None:
    pavel, path = as_user(laboratory, "pavel"), "/Plone/clients/client-3"
    assert pavel.read(portal_type="Client", path=path)["total_objects"] == 0
    form = {
        "userid": "pavel",
        "roles": ["Reviewer", "Reader"],
        "group": "Suppliers",
        "local_roles": ["Owner"],
        "obj_path": path,
    }
    answer = succeeded(admin.json("grants", {"action": "give", **form}))
    assert answer["updated"] == ["roles", "groups", "local_roles"]
    assert pavel.read(portal_type="Client", path=path)["total_objects"] == 1
    granted = succeeded(admin.get("grants", {"userid": "pavel"}))
    assert granted["grants"] == [
        {"userid": "pavel", "roles": ["Reviewer", "Reader"], "groups": ["Clients", "Suppliers"]}
    ]
    assert [grant["path"] for grant in granted["local_roles"]] == ["/Plone/clients/client-2", path]
    on_object = succeeded(admin.get("grants", {"obj_path": path}))
    assert [(grant["userid"], grant["roles"]) for grant in on_object["local_roles"]] == [("pavel", ["Owner"])]
    taken = admin.call("grants", {"action": "take", "userid": "pavel", "local_role": "Owner", "obj_path": path})
    assert taken["updated"] == ["local_roles"]
    assert pavel.read(portal_type="Client", path=path)["total_objects"] == 0
    assert changes(admin, admin.uid(path))[:2] == [
        ("revoke", "admin", {"local_roles": {"old": {"pavel": ["Owner"]}, "new": {"pavel": []}}}),
        ("grant", "admin", {"local_roles": {"old": {"pavel": []}, "new": {"pavel": ["Owner"]}}}),
    ]
    admin.call("grants", {"action": "take", **form | {"local_roles": [], "obj_path": ""}})
    shown = succeeded(admin.get("users", {"userid": "pavel"}))["user"]
    assert (shown["roles"], shown["groups"]) == ([], ["Clients"])


def test_local_roles_through_a_group_are_shown_with_the_group(admin: Client) -> None:
    path, group = "/Plone/clients/client-5", "group:Samplers"
    form = {"userid": group, "local_role": "Owner", "obj_path": path}
    admin.call("grants", {"action": "give", **form})
    local = {"path": path, "UID": admin.uid(path), "roles": ["Owner"]}
    shown = succeeded(admin.get("users", {"userid": "sampler1"}))["user"]
    assert shown["local_roles"] == [local | {"through": group}]
    granted = succeeded(admin.get("grants", {"userid": "sampler1"}))
    assert granted["local_roles"] == [local | {"userid": "sampler1", "through": group}]
    assert succeeded(admin.get("grants", {"userid": group}))["local_roles"] == [local | {"userid": group}]
    admin.call("grants", {"action": "take", **form})
    assert succeeded(admin.get("grants", {"userid": "sampler1"}))["local_roles"] == []


@pytest.mark.parametrize("name", ["nobody", "group:Nobody"])
def test_grants_of_somebody_unknown_are_not_found(admin: Client, name: str) -> None:
    failed(admin.get("grants", {"userid": name}), 404, "NotFound")


def test_the_roles_and_groups_that_can_be_given_are_listed(admin: Client) -> None:
    listed = succeeded(admin.get("grants"))
    assert "Verifier" in listed["roles"]
    assert {"id": "Analysts", "title": "Lab Technicians", "roles": ["Member", "Analyst"]} in listed["groups"]
    assert {"userid": "admin", "roles": ["Manager"], "groups": []} in listed["grants"]


def test_a_dry_run_changes_nothing(admin: Client) -> None:
    told = admin.call("users", {"action": "disable", "userid": "sampler1", "dry_run": "1"})
    assert told["plan"]["changes"][0]["fields"] == [{"field": "active", "old": True, "new": False}]
    form = {"action": "give", "userid": "sampler1", "role": "Verifier", "dry_run": "1"}
    (change,) = admin.call("grants", form)["plan"]["changes"]
    assert change["fields"] == [{"field": "roles", "old": [], "new": ["Verifier"]}]
    shown = succeeded(admin.get("users", {"userid": "sampler1"}))["user"]
    assert (shown["active"], shown["roles"]) == (True, [])
    assert [event for event, _, _ in changes(admin, shown["UID"])] == ["create"]


@pytest.mark.parametrize(
    ("method", "form", "status", "named"),
    [
        ("users", {"action": "disable", "userid": "admin"}, 409, "last active user with the role Manager"),
        ("grants", {"action": "take", "userid": "admin", "role": "Manager"}, 409, "last active user"),
        ("grants", {"action": "take", "userid": "analyst1", "role": "Analyst"}, 409, "take the group instead"),
        ("users", {"action": "disable", "userid": "ghost"}, 404, "ghost"),
        ("users", {"action": "disable"}, 400, "userid"),
        ("users", {"action": "delete", "userid": "rita"}, 400, "action: disable or enable"),
        ("users", {"action": "disable", "userid": "rita", "rols": "x"}, 400, "rols"),
        ("grants", {"action": "give", "userid": "rita", "role": "Boss"}, 422, "'Boss'"),
        ("grants", {"action": "give", "userid": "rita", "group": "Nobodies"}, 422, "'Nobodies'"),
        ("grants", {"action": "give", "userid": "rita"}, 422, "Name a role"),
        ("grants", {"action": "give", "userid": "rita", "local_role": "Owner"}, 422, "name both"),
        ("grants", {"action": "give", "userid": "rita", "local_role": "Owner", "obj_path": "/x"}, 404, "'/x'"),
        (
            "grants",
            {"action": "give", "userid": "rita", "roles": "Owner", "obj_path": "/clients"},
            422,
            "obj_path was sent without local_roles; send the role as local_role.",
        ),
    ],
)
def test_what_cannot_be_is_refused_by_name(
    admin: Client, method: str, form: dict[str, str], status: int, named: str
) -> None:
    before = succeeded(admin.get("users"))["users"]
    assert named in admin.refused(method, form, status=status)["message"]
    assert succeeded(admin.get("users"))["users"] == before


@pytest.mark.parametrize("user", ["rita", "analyst1", "clerk1"])
@pytest.mark.parametrize("method", ["users", "grants"])
def test_whoever_lacks_the_permission_learns_and_changes_nothing(laboratory: str, user: str, method: str) -> None:
    client = as_user(laboratory, user)
    failed(client.get(method), 403, "Forbidden")
    client.refused(method, {"action": "nonsense", "userid": "ghost"}, status=403, type="Forbidden")


def test_nobody_gives_or_takes_more_than_the_own_roles(laboratory: str, admin: Client) -> None:
    manager = as_user(laboratory, "labmanager1")
    for method, form in (
        ("grants", {"action": "give", "userid": "labmanager1", "role": "Manager"}),
        ("grants", {"action": "give", "userid": "rita", "group": "Analysts"}),
        ("grants", {"action": "take", "userid": "admin", "role": "Manager"}),
        ("users", {"action": "disable", "userid": "admin"}),
    ):
        assert "You may not" in manager.refused(method, form, status=403, type="Forbidden")["message"]
    assert manager.call("grants", {"action": "give", "userid": "rita", "role": "LabManager"})["updated"] == ["roles"]
    assert manager.call("grants", {"action": "take", "userid": "rita", "role": "LabManager"})["updated"] == ["roles"]


def test_a_change_is_sent_by_post_from_this_site(laboratory: str, admin: Client) -> None:
    failed(admin.get("users", {"action": "disable", "userid": "rita"}), 400, "BadRequest")
    foreign = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    form = {"action": "disable", "userid": "rita"}
    admin.refused("users", form, status=403, type="CrossSite", headers=foreign)
    assert succeeded(admin.get("users", {"userid": "rita"}, headers=foreign))["user"]["active"] is True
