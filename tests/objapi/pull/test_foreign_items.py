"""Items of Bika and SENAITE laboratories, as their own servers write them, read into the types of a site."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from objapi.model import kinds
from objapi.model.loading import load_registry
from objapi.model.registry import Registry
from objapi.model.values import LoadContext
from objapi.pull.foreign_items import ItemReader, PulledObject
from objapi.pull.foreign_states import states_of
from objapi.pull.spool import PullMisfit

UID = "a" * 32
OTHER = "b" * 32


def no_text(text: str) -> object:
    raise ValueError("no record")


CONTEXT = LoadContext(UTC, no_text, datetime(2026, 1, 1, tzinfo=UTC))


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry(["lims"])


@pytest.fixture
def senaite(registry: Registry) -> Iterator[ItemReader]:
    with kinds.reading_with(CONTEXT):
        yield ItemReader(registry, registry.dialects["senaite"], CONTEXT)


@pytest.fixture
def bika(registry: Registry) -> Iterator[ItemReader]:
    with kinds.reading_with(CONTEXT):
        yield ItemReader(registry, None, CONTEXT)


def read(reader: ItemReader, **item: Any) -> PulledObject:
    found = reader.read({"uid": UID, **item})
    assert found is not None, reader.misfits
    return found


def told(reader: ItemReader) -> list[tuple[str, str]]:
    return [(found.field, found.reason) for found in reader.misfits]


def test_names_of_both_generations_of_senaite_are_read(senaite: ItemReader) -> None:
    found = read(
        senaite,
        portal_type="SampleContainer",
        path="/senaite/setup/samplecontainers/container-1",
        title="Bottle",
        containertype={"uid": OTHER, "url": "…"},
        pre_preserved=True,
        preservation={},
        created="2021-11-29T13:17:37+00:00",
        author="admin",
    )
    assert (found.portal_type, found.path) == ("Container", "/bika_setup/bika_containers/container-1")
    assert found.references["ContainerType"] == (OTHER,)
    assert found.references["Preservation"] == ()
    assert found.values["PrePreserved"] is True
    assert (found.created, found.creator) == (datetime(2021, 11, 29, 13, 17, 37, tzinfo=UTC), "admin")
    assert told(senaite) == []


def test_words_are_read_back_to_the_title_that_they_stand_for(senaite: ItemReader) -> None:
    path = "/senaite/clients/client-1/AP-0001"
    assert read(senaite, portal_type="AnalysisRequest", path=path, Priority="1").titles == {"Priority": "Rush"}
    read(senaite, portal_type="AnalysisRequest", path=path, Priority="7")
    assert told(senaite) == [("Priority", "'7' is none of the words that this field has")]


def test_the_historic_shape_of_references_is_read_by_their_uids(bika: ItemReader) -> None:
    found = read(
        bika,
        UID=UID,
        portal_type="AnalysisService",
        path="/Plone/bika_setup/bika_analysisservices/analysisservice-1",
        Category="Metals",
        Category_uid=OTHER,
    )
    assert found.references["Category"] == (OTHER,)
    assert told(bika) == []


def test_a_file_is_described_and_not_fetched_here(senaite: ItemReader) -> None:
    described = {"filename": "r.pdf", "content_type": "application/pdf", "download": "http://x/at_download/Pdf"}
    found = read(senaite, portal_type="ARReport", path="/senaite/clients/c/AP-1/arreport-1", Pdf=described)
    assert found.files["Pdf"].url == "http://x/at_download/Pdf"
    assert read(senaite, portal_type="ARReport", path="/senaite/clients/c/AP-1/arreport-1", Pdf=None).files == {}


@pytest.mark.parametrize(
    ("item", "field", "reason"),
    [
        ({"path": "/senaite/../etc"}, "", "segment '.' or '..'"),
        ({"path": "/senaite"}, "", "the site itself is not pulled"),
        ({"path": 7}, "", "is no path"),
        ({"path": "/senaite/clients/_x"}, "", "_x"),
        ({"path": "/senaite/clients/c", "portal_type": "DynamicAnalysisSpec"}, "", "there is no such type here"),
        ({"BillingAddress": "no record"}, "BillingAddress", "no record"),
        ({"Name": {"de": "no text"}}, "Name", ""),
        ({"DefaultCategories": ["no uid"]}, "DefaultCategories", "'no uid' is no UID of an object"),
        ({"Loyalty": "gold"}, "Loyalty", "Client has no such field here"),
    ],
    ids=["climbs", "site", "number", "id", "type", "record", "text", "reference", "unknown"],
)
def test_what_does_not_fit_is_told_and_nothing_fails(
    item: dict[str, Any], field: str, reason: str, senaite: ItemReader
) -> None:
    senaite.read({"uid": UID, "portal_type": "Client", "path": "/senaite/clients/client-1", **item})
    (found,) = senaite.misfits
    assert isinstance(found, PullMisfit)
    assert (found.field, reason in found.reason) == (field, True), found


@pytest.mark.parametrize(
    ("portal_type", "item", "states"),
    [
        ("Client", {"review_state": "inactive"}, {"bika_inactive_workflow": "inactive"}),
        ("Client", {"review_state": "active"}, {}),
        ("AnalysisRequest", {"review_state": "sample_received"}, {"bika_ar_workflow": "sample_received"}),
        ("AnalysisRequest", {"review_state": "cancelled"}, {"bika_cancellation_workflow": "cancelled"}),
        ("Analysis", {"review_state": "registered"}, {"bika_analysis_workflow": "sample_due"}),
        (
            "Analysis",
            {"review_state": "assigned"},
            {"bika_analysis_workflow": "sample_received", "bika_worksheetanalysis_workflow": "assigned"},
        ),
        (
            "AnalysisRequest",
            {
                "review_state": "cancelled",
                "workflow_info": [{"workflow": "senaite_sample_workflow", "review_state": "cancelled"}],
            },
            {"bika_cancellation_workflow": "cancelled"},
        ),
        (
            "AnalysisRequest",
            {
                "review_state": "cancelled",
                "workflow_info": [
                    {"workflow": "bika_ar_workflow", "review_state": "verified"},
                    {"workflow": "bika_cancellation_workflow", "review_state": "cancelled"},
                ],
            },
            {"bika_ar_workflow": "verified", "bika_cancellation_workflow": "cancelled"},
        ),
    ],
    ids=["inactive", "active", "received", "cancelled", "registered", "assigned", "theirs", "ours"],
)
def test_one_state_is_unfolded_into_those_of_the_workflows_here(
    portal_type: str, item: dict[str, Any], states: dict[str, str], registry: Registry
) -> None:
    found, lacking = states_of(registry, portal_type, item, registry.dialects["senaite"].states)
    chain = {workflow.id: workflow for workflow in registry.chain(portal_type)}
    assert {name: state for name, state in found.items() if state != chain[name].initial_state} == states
    assert lacking == ()


def test_a_state_that_there_is_not_here_is_told(registry: Registry) -> None:
    assert states_of(registry, "AnalysisRequest", {"review_state": "dispatched"}, {})[1] == ("dispatched",)
