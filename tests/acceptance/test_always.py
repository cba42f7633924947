"""Transitions that any change sets off, over HTTP."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.client import Client
from tests.acceptance.conftest import Serve
from tests.conftest import DATABASES
from tests.objapi.model.loading.small_profile import write_profile
from tests.objapi.store.writing.crates import FILES

OWN = FILES | {"profile.yaml": "title: Crates\nextends: [lims]\n"}
del OWN["types/base.yaml"]


@pytest.fixture(scope="module", params=DATABASES)
def client(request: pytest.FixtureRequest, serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder: Path = write_profile(tmp_path_factory.mktemp("crates"), OWN)
    found = Client(serve(request.param, OBJAPI_PROFILES=str(folder)), "admin")
    with found.http:
        yield found


def make(client: Client, portal_type: str, container: str = "/", **values: object) -> dict[str, str]:
    return client.call("create", {"obj_type": portal_type, "obj_path": container, "title": portal_type, **values})


def test_an_update_moves_what_waits_for_it(client: Client) -> None:
    crate = make(client, "Crate")
    pallet = make(client, "Pallet", Crates=crate["obj_uid"])
    bottle = make(client, "Bottle", crate["path"])
    plan = client.call("update", {"obj_uid": bottle["obj_uid"], "Level": "3", "dry_run": "1"})["plan"]
    assert [change["path"] for change in plan["changes"]] == [crate["path"], pallet["path"], bottle["path"]]
    assert client.at(crate["path"])["review_state"] == "open"
    client.call("update", {"obj_uid": bottle["obj_uid"], "Level": "3"})
    assert client.at(crate["path"])["review_state"] == "full"
    assert client.at(crate["path"])["FilledOn"]
    assert client.at(pallet["path"])["review_state"] == "ready"
    told = client.get("history", {"UID": crate["obj_uid"]}).json()["history"]
    assert [row["transition"] for row in told if row["event"] == "transition"] == ["fill", None]


def test_creation_removal_and_cascades_move_it_too(client: Client) -> None:
    crate = make(client, "Crate")
    make(client, "Bottle", crate["path"], Level="1")
    assert client.at(crate["path"])["review_state"] == "full"
    empty = make(client, "Bottle", crate["path"])
    assert client.at(crate["path"])["review_state"] == "open"
    pour = {"uids": f'["{empty["obj_uid"]}"]', "action": "pour"}
    client.call("doActionFor_many", pour)
    assert client.at(crate["path"])["review_state"] == "full"
    client.call("update", {"obj_uid": empty["obj_uid"], "Level": ""})
    assert client.at(crate["path"])["review_state"] == "open"
    client.call("remove", {"UID": empty["obj_uid"]})
    assert client.at(crate["path"])["review_state"] == "full"


def test_nobody_takes_it_and_a_loop_is_refused(client: Client) -> None:
    crate, coin = make(client, "Crate"), make(client, "Coin")
    fire = {"uids": f'["{crate["obj_uid"]}"]', "action": "fill"}
    client.refused("doActionFor_many", fire, status=409, type="TransitionNotAllowed")
    told = client.refused("update", {"obj_uid": coin["obj_uid"], "Tossed": "1"}, status=409, type="Conflict")
    assert "automatic transitions of coin_workflow followed each other" in told["message"]
    assert client.at(coin["path"])["review_state"] == "heads"


def test_the_description_of_workflows_tells_it(client: Client) -> None:
    workflow = client.get("workflows/crate_workflow").json()["workflow"]
    assert [(item["id"], item["automatic"], item["always"]) for item in workflow["transitions"]] == [
        ("fill", True, True),
        ("reopen", True, True),
    ]
