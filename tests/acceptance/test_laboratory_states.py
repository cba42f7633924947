"""States of a laboratory that follow each other: no result, no submission; what is cancelled, reinstated or removed."""

import json
from typing import Any

import pytest

from tests.acceptance.client import Client, failed
from tests.acceptance.conftest import AsUser
from tests.acceptance.making import analyses_of, make_client, make_request, state_of

WAITING = "to_be_verified"


def act(client: Client, action: str, *paths: str) -> dict[str, Any]:
    return client.call("doActionFor_many", {"obj_paths": json.dumps(paths), "action": action})


def refused(client: Client, action: str, path: str, *, status: int = 403) -> str:
    request = {"obj_paths": json.dumps([path]), "action": action}
    message: str = client.refused("doActionFor_many", request, status=status, type="TransitionNotAllowed")["message"]
    return message


def received(admin: Client, services: list[str]) -> str:
    path: str = make_request(admin, make_client(admin), services)["path"]
    act(admin, "receive", path)
    return path


def submit(admin: Client, *paths: str) -> None:
    for path in paths:
        admin.call("update", {"obj_path": path, "Result": "1"})
    act(admin, "submit", *paths)


def worksheet(admin: Client, *paths: str) -> str:
    made = {"obj_path": "/worksheets", "obj_type": "Worksheet", "Analyst": "analyst1"}
    path: str = admin.call("create", made | {"Analyses:list": [admin.uid(path) for path in paths]})["path"]
    return path


def listed(admin: Client, sheet: str) -> list[str]:
    found: list[str] = admin.at(sheet)["Analyses"]
    return found


def chain(admin: Client, analysis: str) -> str:
    request, _, name = analysis.rpartition("/")
    found: str = analyses_of(admin, request)[name]["worksheetanalysis_review_state"]
    return found


@pytest.mark.parametrize("by", ["itself", "criteria", "request", "worksheet", "cascade"])
def test_no_analysis_is_submitted_without_a_result(admin: Client, as_user: AsUser, by: str) -> None:
    path = received(admin, ["Calcium", "Magnesium"])
    calcium, magnesium = f"{path}/Ca", f"{path}/Mg"
    if by == "itself":
        assert "has no result" in refused(admin, "submit", calcium)
        offers = admin.call("allowedTransitionsFor", {"uid": admin.uid(calcium)})["transitions"][0]["transitions"]
        assert "submit" not in [item["id"] for item in offers]
    elif by == "criteria":
        criteria = {"portal_type": "Analysis", "catalog_name": "bika_analysis_catalog", "path": path}
        body = as_user("analyst1").refused("doActionFor", criteria | {"action": "submit"}, status=403)
        assert "has no result" in body["message"]
    elif by == "request":
        refused(admin, "submit", path)
    elif by == "worksheet":
        refused(admin, "submit", worksheet(admin, calcium, magnesium))
    else:
        submit(admin, calcium)
    assert state_of(admin, path) == "sample_received"
    assert analyses_of(admin, path)["Mg"]["review_state"] == "sample_received"
    if by == "itself":
        admin.call("update", {"obj_path": calcium, "Result": "0"})
        act(admin, "submit", calcium)


def test_a_duplicate_and_a_control_need_a_result_too(admin: Client) -> None:
    path = received(admin, ["Calcium"])
    sheet = worksheet(admin, f"{path}/Ca")
    made = admin.call(
        "create", {"obj_path": sheet, "obj_type": "DuplicateAnalysis", "Analysis": admin.uid(f"{path}/Ca")}
    )
    assert "has no result" in refused(admin, "submit", made["path"])
    submit(admin, made["path"])


@pytest.mark.parametrize("last", ["cancel", "submit", "verify", "remove"])
def test_a_request_goes_on_when_its_last_open_analysis_is_cancelled(admin: Client, last: str) -> None:
    """In whatever order the one is done and the other cancelled, the request is where all that is left is."""
    path = received(admin, ["Calcium", "Magnesium"])
    calcium, magnesium = f"{path}/Ca", f"{path}/Mg"
    if last == "submit":
        act(admin, "cancel", magnesium)
    submit(admin, calcium)
    if last == "verify":
        act(admin, "verify", calcium)
    if last != "submit":
        act(admin, "cancel", magnesium)
    assert state_of(admin, path) == ("verified" if last == "verify" else WAITING)
    if last == "verify":
        assert admin.at(path)["DateVerified"] is not None
    else:
        act(admin, "verify", calcium)
        assert state_of(admin, path) == "verified"


def test_a_reinstated_analysis_opens_its_request_again(admin: Client, as_user: AsUser) -> None:
    path = received(admin, ["Calcium", "Magnesium"])
    calcium, magnesium = f"{path}/Ca", f"{path}/Mg"
    act(admin, "cancel", magnesium)
    submit(admin, calcium)
    assert state_of(admin, path) == WAITING
    act(admin, "reinstate", magnesium)
    assert state_of(admin, path) == "sample_received"
    act(admin, "cancel", magnesium)
    assert state_of(admin, path) == WAITING
    act(admin, "verify", calcium)
    assert "verified" in refused(admin, "reinstate", magnesium)
    act(as_user("publisher1"), "publish", path)
    assert "published" in refused(admin, "reinstate", magnesium)


def test_a_sample_goes_on_when_the_partition_it_waited_for_is_cancelled(admin: Client) -> None:
    made = make_request(admin, make_client(admin), ["Calcium"])
    sample = f"{made['path'].rpartition('/')[0]}/{made['sample_id']}"
    second = admin.call("create", {"obj_path": sample, "obj_type": "SamplePartition"})["path"]
    first = f"{sample}/{made['sample_id']}-P1"
    act(admin, "receive", first)
    assert state_of(admin, sample) == "sample_due"
    act(admin, "cancel", second)
    assert [state_of(admin, path) for path in (sample, made["path"])] == ["sample_received"] * 2


@pytest.mark.parametrize("name", ["Result", "ResultDM", "InterimFields", "Remarks"])
def test_results_on_a_cancelled_request_are_closed(admin: Client, as_user: AsUser, name: str) -> None:
    path = received(admin, ["Moisture"])
    value = '[{"keyword": "WetMass", "title": "Wet", "value": "2"}]' if name == "InterimFields" else "1"
    change = {"obj_path": f"{path}/Moist", name: value}
    as_user("analyst1").call("update", change)
    act(admin, "cancel", path)
    if name == "Remarks":
        as_user("analyst1").call("update", change)
        return
    body = as_user("analyst1").refused("update", change, status=422)
    assert "cancelled" in body["message"]
    refused(admin, "submit", f"{path}/Moist")
    refused(admin, "reinstate", f"{path}/Moist")
    service = "portal_type:AnalysisService|title:Zinc"
    admin.refused("create", {"obj_path": path, "obj_type": "Analysis", "Service": service}, status=409)
    act(admin, "reinstate", path)
    as_user("analyst1").call("update", change)


def test_a_removed_worksheet_frees_what_was_on_it(admin: Client) -> None:
    path = received(admin, ["Calcium", "Magnesium"])
    sheet = worksheet(admin, f"{path}/Ca", f"{path}/Mg")
    duplicate = {"obj_path": sheet, "obj_type": "DuplicateAnalysis", "Analysis": admin.uid(f"{path}/Ca")}
    admin.call("create", duplicate)
    admin.call("remove", {"UID": admin.uid(sheet)})
    assert [chain(admin, f"{path}/{name}") for name in ("Ca", "Mg")] == ["unassigned"] * 2
    assert chain(admin, f"{path}/Ca") == "unassigned"
    worksheet(admin, f"{path}/Ca", f"{path}/Mg")
    assert chain(admin, f"{path}/Ca") == "assigned"


def test_a_verified_worksheet_takes_nothing_and_loses_nothing(admin: Client, as_user: AsUser) -> None:
    path, other = received(admin, ["Calcium", "Magnesium"]), received(admin, ["Calcium"])
    sheet = worksheet(admin, f"{path}/Ca", f"{path}/Mg")
    submit(admin, f"{path}/Ca", f"{path}/Mg")
    act(as_user("verifier1"), "verify", f"{path}/Ca", f"{path}/Mg")
    assert state_of(admin, sheet) == "verified"
    there = listed(admin, sheet)
    for wanted in ([*there, admin.uid(f"{other}/Ca")], there[:1], [], there[::-1]):
        for user in (admin, as_user("labmanager1")):
            answer = user.json("update", {"obj_path": sheet, "Analyses": wanted})
            assert "verified" in failed(answer, 422)["message"]
    failed(admin.json("update", {"obj_path": sheet, "Layout": admin.at(sheet)["Layout"][::-1]}), 422)
    duplicate = {"obj_path": sheet, "obj_type": "DuplicateAnalysis", "Analysis": there[0]}
    admin.refused("create", duplicate, status=422)
    assert listed(admin, sheet) == there
    assert chain(admin, f"{other}/Ca") == "unassigned"
    admin.call("update", {"obj_path": sheet, "Analyst": "labmanager1"})
    assert analyses_of(admin, path)["Ca"]["Analyst"] == "analyst1"


@pytest.mark.parametrize("reached", ["verified", "published", "retracted"])
def test_what_is_done_is_put_on_no_worksheet(admin: Client, reached: str) -> None:
    path = received(admin, ["Calcium"])
    done = f"{path}/Ca"
    submit(admin, done)
    if reached == "retracted":
        act(admin, "retract", done)
        done = f"{path}/Ca-1"
    else:
        act(admin, "verify", done)
    if reached == "published":
        act(admin, "publish", path)
    assert analyses_of(admin, path)[done.rpartition("/")[2]]["review_state"] == reached
    body = {"obj_path": "/worksheets", "obj_type": "Worksheet", "Analyses": [admin.uid(done)]}
    assert reached in failed(admin.json("create", body), 422)["message"]
    sheet = worksheet(admin, f"{received(admin, ['Calcium'])}/Ca")
    there = listed(admin, sheet)
    answer = admin.json("update", {"obj_path": sheet, "Analyses": [*there, admin.uid(done)]})
    assert reached in failed(answer, 422)["message"]
    assert listed(admin, sheet) == there
    assert chain(admin, done) == "unassigned"


@pytest.mark.parametrize("last", ["assign", "cancel", "remove"])
def test_a_request_is_assigned_when_all_that_is_left_of_it_is(admin: Client, last: str) -> None:
    path = make_request(admin, make_client(admin), ["Calcium", "Magnesium"])["path"]
    calcium, magnesium = f"{path}/Ca", f"{path}/Mg"

    def assigned() -> str:
        found: str = admin.at(path)["worksheetanalysis_review_state"]
        return found

    if last == "cancel":
        act(admin, "receive", path)
    sheet = worksheet(admin, calcium)
    assert assigned() == "unassigned"
    if last == "assign":
        admin.json("update", {"obj_path": sheet, "Analyses": [*listed(admin, sheet), admin.uid(magnesium)]})
    elif last == "cancel":
        act(admin, "cancel", magnesium)
    else:
        admin.call("remove", {"UID": admin.uid(magnesium)})
    assert assigned() == "assigned"
    if last == "cancel":
        act(admin, "reinstate", magnesium)
        assert assigned() == "unassigned"
        act(admin, "cancel", magnesium)
        assert assigned() == "assigned"
    admin.call("remove", {"UID": admin.uid(sheet)})
    assert assigned() == "unassigned"


def test_a_reinstated_analysis_is_where_it_was_and_can_follow(admin: Client) -> None:
    """Cancellation is a workflow of its own: an analysis comes back in the state that it had, and is received there."""
    path = make_request(admin, make_client(admin), ["Calcium", "Magnesium"])["path"]
    act(admin, "cancel", f"{path}/Mg")
    act(admin, "receive", path)
    act(admin, "reinstate", f"{path}/Mg")
    assert analyses_of(admin, path)["Mg"]["review_state"] == "sample_due"
    act(admin, "receive", f"{path}/Mg")
    submit(admin, f"{path}/Ca", f"{path}/Mg")
    assert state_of(admin, path) == WAITING


def test_what_a_cascade_cannot_do_is_not_offered(admin: Client, as_user: AsUser) -> None:
    ordered = {
        "obj_type": "AnalysisRequest",
        "Client": "portal_type:Client|id:client-1",
        "SampleType": "portal_type:SampleType|title:Apple Pulp",
        "Contact": "portal_type:Contact|getFullname:Rita Mohale",
        "SamplingDate": "2024-05-06",
        "Services:list": ["portal_type:AnalysisService|title:Calcium"],
    }
    rita = as_user("rita")
    made = rita.call("create", ordered)
    places = [made["path"], f"{made['path'].rpartition('/')[0]}/{made['sample_id']}", f"{made['path']}/Ca"]

    def offered(path: str) -> list[str]:
        answer = rita.call("allowedTransitionsFor", {"uid": admin.uid(path)})["transitions"][0]
        return [item["id"] for item in answer["transitions"]]

    assert all("cancel" in offered(path) for path in places)
    worksheet(admin, f"{made['path']}/Ca")
    for path in places:
        assert "cancel" not in offered(path)
        refused(rita, "cancel", path)
