"""Charts over HTTP: what an object is looked at over time, and the numbers of each week."""

from tests.acceptance.client import Client, failed, succeeded
from tests.acceptance.conftest import AsUser
from tests.acceptance.making import CONTROL, INSTRUMENT, analyses_of, controls_measured, make_client, make_request


def test_the_charts_of_an_object_find_their_values(admin: Client, as_user: AsUser) -> None:
    owner = make_client(admin)
    path = make_request(admin, owner, ["Calcium", "Copper"])["path"]
    admin.call("doActionFor_many", {"obj_paths": [path], "action": "receive"})
    found = analyses_of(admin, path)
    admin.call("update", {"UID": found["Ca"]["UID"], "Result": "12.5"})
    admin.call("doActionFor_many", {"uids": [found["Ca"]["UID"]], "action": "submit"})
    manager = as_user("labmanager1")
    (chart,) = succeeded(manager.get("charts", {"obj_path": owner}))["charts"]
    (value,) = succeeded(manager.json("read", {**chart["query"], "strict": True}))["objects"]
    assert (value[chart["value"]], value[chart["line"]], bool(value[chart["date"]])) == ("12.5", "Calcium", True)
    (of_service,) = succeeded(manager.get("charts", {"obj_uid": found["Ca"]["ServiceUID"]}))["charts"]
    asked = {**of_service["query"], "getClientTitle": admin.at(owner)["title"], "count_only": True}
    assert succeeded(manager.json("read", asked))["total_objects"] == 1
    assert succeeded(admin.get("types/Client"))["type"]["charts"] == ["results_of_client"]
    assert succeeded(manager.get("charts", {"obj_path": "/batches/B-001"}))["charts"] == []


def test_the_chart_of_a_control_says_what_is_expected(admin: Client) -> None:
    (chart,) = succeeded(admin.get("charts", {"obj_path": CONTROL}))["charts"]
    expected = chart["expected"]
    records = admin.at(f"/Plone{CONTROL}")[expected["field"]]
    made = admin.call(
        "create", {"obj_path": CONTROL, "obj_type": "ReferenceAnalysis", "Service": records[0][expected["key"]]}
    )
    control = admin.at(made["path"])
    (stated,) = [one for one in records if one[expected["key"]] == control[expected["of"]]]
    assert (stated[expected["low"]], stated[expected["high"]]) == ("18", "22")
    # Without a result it has no instant at which it could be drawn.
    assert succeeded(admin.json("read", {**chart["query"], "strict": True}))["objects"] == []


def test_controls_of_a_worksheet_are_in_the_charts_of_their_sample_and_of_the_instrument(admin: Client) -> None:
    made = controls_measured(admin, ["20.5", "25"])
    for path in (CONTROL, INSTRUMENT):
        (chart,) = succeeded(admin.get("charts", {"obj_path": path}))["charts"]
        found = succeeded(admin.json("read", {**chart["query"], "page_size": 500, "strict": True}))["objects"]
        values = {one["UID"]: one for one in found if one["UID"] in made}
        assert sorted(one[chart["value"]] for one in values.values()) == ["20.5", "25"]
        assert all(one[chart["date"]] and one[chart["line"]] == "Copper" for one in values.values())


def test_objects_are_counted_week_by_week(admin: Client, as_user: AsUser) -> None:
    def numbers(client: Client) -> tuple[list[str], list[int]]:
        (chart,) = succeeded(client.get("charts", {"weeks": "3"}))["charts"]
        assert [one["title"] for one in chart["counts"]] == ["Received", "Published"]
        return chart["weeks"], chart["counts"][0]["numbers"]

    weeks, before = numbers(admin)
    path = make_request(admin, make_client(admin), ["Calcium"])["path"]
    admin.call("doActionFor_many", {"obj_paths": [path], "action": "receive"})
    weeks_then, after = numbers(admin)
    # At midnight of a Sunday the weeks have moved on.
    assert len(weeks) == 3
    assert weeks_then != weeks or [after[place] - before[place] for place in range(3)] == [0, 0, 1]
    assert succeeded(as_user("analyst1").get("charts"))["charts"] == []
    assert "weeks: a number from 1 to 53" in failed(admin.get("charts", {"weeks": "99"}), 400)["message"]
