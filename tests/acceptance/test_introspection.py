"""What the gateway says of itself: types, catalogs, workflows, history."""

import json
from xml.etree import ElementTree as ET

import pytest

from tests.acceptance.client import Client, failed, succeeded
from tests.acceptance.making import make_batch


def test_types_are_listed_and_described(admin: Client) -> None:
    names = [item["portal_type"] for item in succeeded(admin.get("types"))["types"]]
    assert {"AnalysisRequest", "Client", "Batch"} <= set(names)
    batch = succeeded(admin.get("types/Batch"))["type"]
    assert batch["containers"] == ["BatchFolder", "Client"]
    assert [workflow["id"] for workflow in batch["workflows"]] == ["bika_batch_workflow", "bika_cancellation_workflow"]
    fields = {field["name"]: field for field in batch["fields"]}
    assert fields["Client"]["targets"] == ["Client"]
    assert fields["BatchID"]["read_only"] is True
    request = succeeded(admin.get("types/AnalysisRequest"))["type"]
    assert [field["name"] for field in request["create_parameters"]] == ["Services"]
    assert {field["name"]: field for field in request["fields"]}["SampleType"]["stored_on"] == "Sample"
    failed(admin.get("types/Nosuch"), 404, "NotFound")


def test_types_and_fields_say_what_they_are_for_in_the_language_that_is_asked_for(admin: Client) -> None:
    told = {}
    for language in ("", "de", "xx"):
        asked = {"language": language} if language else {}
        request = succeeded(admin.get("types/AnalysisRequest", asked))["type"]
        fields = {field["name"]: field for field in request["fields"] + request["create_parameters"]}
        told[language] = (request["title"], fields["SampleType"]["about"], fields["Services"]["about"])
    assert told[""] == told["xx"] == ("Analysis Request", "What the sample is of.", "What is to be analysed.")
    assert told["de"] == ("Analysenauftrag", "Woraus die Probe besteht.", "Was untersucht werden soll.")
    brief = {item["portal_type"]: item for item in succeeded(admin.get("types", {"language": "de"}))["types"]}
    assert brief["Sample"]["title"] == "Probe"


def test_states_steps_choices_and_indexes_are_called_as_in_the_language_that_is_asked_for(admin: Client) -> None:
    batch = admin.at(make_batch(admin)["path"])["UID"]
    told = {}
    for language in ("en", "de"):
        asked = {"language": language}
        workflow = succeeded(admin.get("workflows/bika_batch_workflow", asked))["workflow"]
        fields = succeeded(admin.get("types/AnalysisService", asked))["type"]["fields"]
        catalogs = succeeded(admin.get("catalogs", asked))["catalogs"]
        (client,) = {
            index.get("title", "") for item in catalogs for index in item["indexes"] if index["name"] == "getClientUID"
        }
        (offered,) = succeeded(admin.json("allowedTransitionsFor", {"uid": batch, "explain": True, **asked}))[
            "transitions"
        ]
        steps = {step["id"]: step["title"] for step in (*offered["transitions"], *offered["blocked"])}
        (option,) = [field["vocabulary"] for field in fields if field["name"] == "PointOfCapture"]
        told[language] = [
            *(item["title"] for item in workflow["states"] if item["id"] == "closed"),
            *(item["title"] for item in workflow["transitions"] if item["id"] == "close"),
            steps["close"],
            option["lab"],
            client,
        ]
    assert told == {
        "en": ["Closed", "Close", "Close", "measured in the lab", ""],
        "de": ["Geschlossen", "Schließen", "Schließen", "im Labor gemessen", "Kunde"],
    }


def test_catalogs_are_listed_with_their_indexes_and_other_names(admin: Client) -> None:
    answer = succeeded(admin.get("catalogs"))
    catalogs = {item["name"]: item for item in answer["catalogs"]}
    indexes = {index["name"]: index for index in catalogs["portal_catalog"]["indexes"]}
    assert (indexes["review_state"]["kind"], indexes["review_state"]["sortable"]) == ("field", True)
    assert indexes["SearchableText"]["sortable"] is False
    assert "allowedRolesAndUsers" not in indexes
    assert "Batch" in catalogs["portal_catalog"]["types"]
    aliases = {item["name"]: item for item in answer["aliases"]}
    assert aliases["bika_catalog_analysisrequest_listing"]["types"] == ["AnalysisRequest"]


def test_workflows_are_listed_described_and_drawn(admin: Client) -> None:
    assert "bika_batch_workflow" in [item["id"] for item in succeeded(admin.get("workflows"))["workflows"]]
    workflow = succeeded(admin.get("workflows/bika_batch_workflow"))["workflow"]
    assert workflow["initial_state"] in [state["id"] for state in workflow["states"]]
    drawing = admin.get("workflows/bika_batch_workflow", {"format": "svg"})
    assert drawing.headers["Content-Type"] == "image/svg+xml; charset=utf-8"
    assert ET.fromstring(drawing.text).tag.endswith("svg")
    diagram = admin.get("workflows/bika_batch_workflow", {"format": "mermaid"})
    assert diagram.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert diagram.text.startswith("stateDiagram-v2")
    failed(admin.get("workflows/bika_batch_workflow", {"format": "pdf"}), 400, "BadRequest")
    failed(admin.get("workflows", {"format": "svg"}), 400, "BadRequest")
    failed(admin.get("workflows/nosuch"), 404, "NotFound")


def test_history_tells_who_changed_what_newest_first(admin: Client) -> None:
    made = make_batch(admin, Remarks="one")
    admin.call("update", {"obj_path": made["path"], "Remarks": "two"})
    answer = admin.call("history", {"UID": made["obj_uid"]})
    events = [row["event"] for row in answer["history"]]
    assert (events[0], events[-1]) == ("update", "create")
    newest = answer["history"][0]
    assert newest["actor"] == "admin"
    assert newest["time"]
    assert {"one", "two"} <= set(json.dumps(newest).replace('"', " ").replace(",", " ").split())
    assert answer["total_objects"] == len(events)
    assert admin.call("history", {"UID": made["obj_uid"], "page_size": "0"})["history"] == answer["history"]
    page = admin.call("history", {"obj_path": made["path"], "page_size": "1", "page_nr": "1"})
    assert [row["event"] for row in page["history"]] == events[1:2]
    assert (page["first_object_nr"], page["last_object_nr"]) == (1, 2)


def test_history_outlives_its_object(admin: Client) -> None:
    made = make_batch(admin)
    admin.call("remove", {"UID": made["obj_uid"]})
    events = [row["event"] for row in admin.call("history", {"UID": made["obj_uid"]})["history"]]
    assert (events[0], events[-1]) == ("remove", "create")


@pytest.mark.parametrize("request_form", [{}, {"UID": "f" * 32}, {"obj_path": "/nosuch"}])
def test_history_of_nothing_is_refused(admin: Client, request_form: dict[str, str]) -> None:
    admin.refused("history", request_form, status=404 if request_form else 400)
