"""`openapi.json` of `@@API` names every method and type, and what it says of answers is true."""

from base64 import b64encode
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from objapi.api.methods import METHODS
from tests.acceptance.client import PASSWORD, Client, failed, succeeded
from tests.acceptance.conftest import AsUser, Serve
from tests.acceptance.schema_runs import judge

_REQUIRED = [
    (method.name, control.name)
    for method in dict.fromkeys(METHODS.values())
    for control in method.controls
    if control.required
]
# What a call needs besides, one of several parameters each.
_BESIDES = {"rename": {"obj_path": "/clients"}, "ship": {"project": "none"}}
_VALUES = {"file": {"filename": "samples.csv", "base64": "YQ=="}}


def test_the_description_is_answered_to_those_who_may_call_and_once(admin: Client, as_user: AsUser) -> None:
    answered = admin.get("openapi.json")
    description = answered.json()
    assert (answered.status_code, description["openapi"]) == (200, "3.1.0")
    assert description["servers"] == [{"url": f"{admin.site}/@@API"}]
    names = [item["portal_type"] for item in succeeded(admin.get("types"))["types"]]
    assert {name.replace(" ", "_") for name in names} <= description["components"]["schemas"].keys()
    tag = answered.headers["ETag"]
    again = admin.get("openapi.json", headers={"If-None-Match": tag})
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)
    assert admin.post("openapi.json").json() == description
    failed(admin.get("openapi.json", {"colour": "red"}), 400, "BadRequest")
    failed(as_user(None).get("openapi.json"), 401, "Unauthorized")


def test_objects_are_as_their_types_are_described(admin: Client) -> None:
    """Of every type that the laboratory has objects of, whoever made them."""
    description = admin.get("openapi.json").json()
    objects = admin.read(catalog_name="uid_catalog", page_size="1000")["objects"]
    judges: dict[str, Any] = {}
    for item in objects:
        name = item["portal_type"].replace(" ", "_")
        if name not in judges:
            whole = {"$ref": f"#/components/schemas/{name}", "components": description["components"]}
            judges[name] = jsonschema_rs.validator_for(whole)
        wrong = [f"{list(error.instance_path)}: {error.message}" for error in judges[name].iter_errors(item)]
        assert not wrong, (item["path"], wrong)
    assert len(judges) > 20


@pytest.mark.parametrize(("method", "parameter"), _REQUIRED)
def test_what_is_described_as_required_is_asked_for(admin: Client, method: str, parameter: str) -> None:
    others = {name: _VALUES.get(name, "x") for other, name in _REQUIRED if other == method and name != parameter}
    refused = failed(admin.json(method, others | _BESIDES.get(method, {})), 400, "BadRequest")
    assert refused["message"] == f"Required field not found in request: {parameter}"


def _run(root: str, login: str, folder: Path, *options: str) -> None:
    credentials = b64encode(f"{login}:{PASSWORD}".encode()).decode()
    # Beside these headers it sends some itself: those that the description names.
    headers = {"Authorization": f"Basic {credentials}", "Prefer": "http-status"}
    done = judge(f"{root}/Plone/@@API/openapi.json", "schemathesis_api.toml", folder, *options, headers=headers)
    assert done.returncode == 0, done.stdout + done.stderr


def test_answers_are_as_they_are_described(shared: Serve, tmp_path: Path) -> None:
    """A part of the run below, short enough for every time: to begin it takes longer than to call what is described."""
    some = r"^(GET|POST) /(getusers|version|workflows/\{workflow\}|update_many)$"
    _run(
        shared("sqlite"),
        "labmanager1",
        tmp_path,
        "--include-name-regex",
        some,
        "--phases",
        "fuzzing",
        "--max-examples",
        "3",
    )


@pytest.mark.extended
@pytest.mark.parametrize(("database", "login"), [("sqlite", "rita"), ("mariadb", "admin")])
def test_all_methods_answer_as_they_are_described(database: str, login: str, serve: Serve, tmp_path: Path) -> None:
    """As somebody who may do everything and as a client, on a server of its own: objects are made and removed."""
    _run(serve(database), login, tmp_path, "--max-examples", "8", "--continue-on-failure")
