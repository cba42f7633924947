"""Worklists over HTTP: each role's own, with queries that `read` takes as they stand."""

from tests.acceptance.client import Client, failed, succeeded
from tests.acceptance.conftest import AsUser


def worklists(client: Client, **more: str) -> dict[str, dict[str, object]]:
    return {item["id"]: item for item in succeeded(client.get("worklists", more))["worklists"]}


def test_each_role_has_its_own_and_their_queries_find_what_is_counted(as_user: AsUser) -> None:
    of = {name: worklists(as_user(name), counts="1") for name in ("clerk1", "analyst1", "verifier1", "publisher1")}
    assert list(of["clerk1"]) == ["to_be_received", "late"]
    assert "results_to_enter" in of["analyst1"]
    assert (list(of["verifier1"]), list(of["publisher1"])) == (["to_be_verified"], ["to_be_published"])
    for name in ("clerk1", "analyst1"):
        for item in of[name].values():
            found = succeeded(as_user(name).json("read", {**item["query"], "strict": True}))  # type: ignore[dict-item]
            # Others may have changed something between the two.
            assert abs(found["total_objects"] - int(str(item["count"]))) <= 5
    (late,) = [item for item in of["clerk1"].values() if item["id"] == "late"]
    assert late["titles"] == {"de": "Überfällig"}
    states = {column["name"]: column for column in late["columns"]}["review_state"]  # type: ignore[attr-defined]
    assert (states["kind"], states["words"]["sample_due"]) == ("state", "Sample Due")


def test_one_is_named_by_the_url_and_others_of_a_role_are_not_there(as_user: AsUser) -> None:
    (one,) = succeeded(as_user("clerk1").get("worklists/late"))["worklists"]
    assert (one["id"], "count" in one) == ("late", False)
    answer = as_user("clerk1").get("worklists/to_be_verified", headers={"Prefer": "http-status"})
    assert "to_be_verified" in failed(answer, 404, "NotFound")["message"]
    assert worklists(as_user("rita")).keys() == {"in_the_laboratory", "published"}


def test_instruments_are_in_the_list_of_whoever_looks_after_them(as_user: AsUser) -> None:
    for name, numbers in (("analyst1", ["Q7-0042"]), ("analyst2", [])):
        item = worklists(as_user(name), language="de")["my_instruments"]
        found = succeeded(as_user(name).json("read", {**item["query"], "strict": True}))["objects"]  # type: ignore[dict-item]
        assert [row["SerialNo"] for row in found] == numbers
    assert [column["title"] for column in item["columns"]][:2] == ["Geräteart", "Standort"]  # type: ignore[attr-defined]
    assert item["abouts"] == {"de": "Geräte, um die Sie sich kümmern."}
