"""Options, activity, groups and permissions."""

from typing import Any

import pytest

from objapi.profiles.ispyb import tables as t
from tests.objapi.ispyb.calling import Api, Rows, body, faults

BEAMLINES = [{"groupName": "MX", "uiGroup": "mx", "permission": "mx_staff", "beamLines": [{"beamLineName": "ID23-1"}]}]


def patch(api: Api, path: str, *permissions: str, **values: Any) -> Any:
    return api.call("PATCH", path, api.token(1, *permissions, login="boss"), json=values)


def test_options_have_defaults(api: Api) -> None:
    token = api.token(1, "manage_options")
    assert body(api.get("/options", token)) == {
        "motd": "",
        "beamLineGroups": [],
        "query_debug": False,
        "enable_legacy_routes": True,
        "enable_webservice_routes": True,
        "create_person_on_missing": False,
    }
    assert body(api.get("/options/ui", api.token())) == {"motd": "", "beamLineGroups": []}


def test_changed_options_are_stored_and_every_change_is_logged(api: Api, rows: Rows) -> None:
    assert body(patch(api, "/options", "manage_options", motd="Hello", unknown=1, query_debug=False))["motd"] == "Hello"
    changed = body(patch(api, "/options", "manage_options", motd="Bye", beamLineGroups=BEAMLINES))
    assert changed["beamLineGroups"][0]["beamLines"] == [
        {"beamLineName": "ID23-1", "sampleChangerType": None, "sampleChangerCapacity": None, "archived": False}
    ]
    patch(api, "/options", "manage_options", motd="Bye", beamLineGroups=BEAMLINES)
    log = body(api.get("/admin/activity", api.token(1, "view_activity"), action_type="db_options"))
    assert log["total"] == 3
    assert {entry["username"] for entry in log["results"]} == {"boss"}
    assert sorted(entry["comments"] for entry in log["results"]) == [
        "changed `beamLineGroups`",
        "changed `motd` to `Bye`",
        "changed `motd` to `Hello`",
    ]


def test_the_permission_is_checked_before_the_body(api: Api) -> None:
    refused = api.call("PATCH", "/options", api.token(), json={"motd": []})
    assert (refused.status_code, body(refused)) == (403, {"detail": "Not Authorized"})
    assert faults(api.call("PATCH", "/options", api.token(1, "manage_options"))) == [(["body"], "value_error.missing")]
    assert faults(patch(api, "/options", "manage_options", beamLineGroups=[{"groupName": "x", "beamLines": [{}]}])) == [
        (["body", "beamLineGroups", 0, "uiGroup"], "value_error.missing"),
        (["body", "beamLineGroups", 0, "permission"], "value_error.missing"),
        (["body", "beamLineGroups", 0, "beamLines", 0, "beamLineName"], "value_error.missing"),
    ]


def test_a_broken_body_is_a_fault_before_the_token(api: Api) -> None:
    response = api.call("PATCH", "/options", data="{x", content_type="application/json")
    assert faults(response) == [(["body", 1], "value_error.jsondecode")]


def test_an_unknown_action_is_a_fault(api: Api) -> None:
    response = api.get("/admin/activity", api.token(1, "view_activity"), action_type="other")
    assert faults(response) == [(["query", "action_type"], "type_error.enum")]


def test_groups_are_made_renamed_and_filled(api: Api, rows: Rows) -> None:
    person = rows.person("ada")
    permission = rows.add(t.Permission, type="mx_staff")
    token = api.token(1, "manage_groups")

    def call(method: str, path: str, **values: Any) -> Any:
        return api.call(method, path, token, json=values or None)

    made = call("POST", "/admin/groups", name="Staff")
    group = body(made)["userGroupId"]
    assert (made.status_code, body(made)) == (
        200,
        {"name": "Staff", "userGroupId": group, "_metadata": {"permissions": 0, "people": 0}},
    )
    assert call("POST", "/admin/groups", name="staff").status_code == 400
    assert faults(call("POST", "/admin/groups", name="x" * 32)) == [
        (["body", "name"], "value_error.any_str.max_length")
    ]
    assert body(call("PATCH", f"/admin/groups/{group}", name="MX staff"))["name"] == "MX staff"
    assert call("PATCH", "/admin/groups/999", name="x").status_code == 404
    for path, values in (("permission", {"permissionId": permission}), ("person", {"personId": person})):
        assert call("POST", f"/admin/groups/{group}/{path}", **values).status_code == 204
        assert call("POST", f"/admin/groups/{group}/{path}", **values).status_code == 400
        assert call("POST", f"/admin/groups/999/{path}", **values).status_code == 400
        assert call("POST", f"/admin/groups/{group}/{path}", **dict.fromkeys(values, 999)).status_code == 400
    listed = body(api.get("/admin/groups", token, userGroupId=group))
    assert [entry["_metadata"] for entry in listed["results"]] == [{"permissions": 1, "people": 1}]
    for path in (f"permission/{permission}", f"person/{person}"):
        assert call("DELETE", f"/admin/groups/{group}/{path}").status_code == 204
        assert call("DELETE", f"/admin/groups/{group}/{path}").status_code == 400
    assert rows.count(t.UserGroup_has_Person) == rows.count(t.UserGroup_has_Permission) == 0


def test_permissions_are_made_changed_and_found(api: Api, rows: Rows) -> None:
    token = api.token(1, "manage_perms")
    made = api.call("POST", "/admin/permissions", token, json={"type": "mx_staff", "description": "MX beamlines"})
    permission = body(made)["permissionId"]
    assert (made.status_code, body(made)["description"]) == (200, "MX beamlines")
    assert api.call("POST", "/admin/permissions", token, json={"type": "mx_staff"}).status_code == 400
    too_long = api.call("POST", "/admin/permissions", token, json={"type": "x" * 16})
    assert faults(too_long) == [(["body", "type"], "value_error.any_str.max_length")]
    changed = api.call("PATCH", f"/admin/permissions/{permission}", token, json={"description": None})
    assert body(changed) == {"type": "mx_staff", "description": None, "permissionId": permission}
    assert api.call("PATCH", "/admin/permissions/999", token, json={"type": "x"}).status_code == 400
    rows.person("ada", "all_sessions")
    assert api.seen("/admin/permissions", token, "type", search="staff") == ["mx_staff"]
    assert api.seen("/admin/permissions", token, "type", userGroupId=rows.all(t.UserGroup)[0]["userGroupId"]) == [
        "all_sessions"
    ]


@pytest.mark.parametrize("path", ["/options", "/admin/activity", "/admin/groups", "/admin/permissions"])
def test_administration_asks_for_its_permission(api: Api, path: str) -> None:
    assert api.get(path, api.token(1, "all_proposals")).status_code == 403
