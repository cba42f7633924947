"""Rejecting with reasons, and invalidating with a repetition: both off until the site switches them on."""

from typing import Any

import pytest

from objapi import upkeep
from objapi.errors import ApiError, BadRequest, Conflict, Forbidden, TransitionNotAllowed, ValidationError
from objapi.model.content import Content, ContentObject
from objapi.store.requests import ByPath
from tests.objapi.profiles.lims.laboratory import Laboratory, Person, quietly

METALS = "/clients/client-3/CN-0001-R01"
SAMPLE = "/clients/client-3/CN-0001"
DRY = "/clients/client-1/W13-0001-R01"
FINISHED = "/clients/client-4/MK-0002-R01"
LEAKED: list[dict[str, Any]] = [{"selected": ["Container broken"], "other": "leaked in the van"}]


@pytest.fixture
def rejecting(lab: Laboratory) -> Laboratory:
    """The laboratory, with rejection switched on and two reasons declared."""
    reasons = ["Container broken", "Too little of it"]
    lab.labmanager1.update("/bika_setup", EnableRejectionWorkflow=True, RejectionReasons=reasons)
    return lab


def reject(person: Person, *paths: str, reasons: object = LEAKED, **options: Any) -> Any:
    selectors = [ByPath(path) for path in paths]
    fields = {"RejectionReasons": reasons} if reasons else None
    return person._run(lambda tx: tx.transition(selectors, "reject", fields=fields, **options), write=True)


def why(lab: Laboratory, path: str) -> object:
    return lab.admin.read(path)["RejectionReasons"]


@pytest.mark.parametrize("path", [SAMPLE, f"{SAMPLE}/CN-0001-P1", METALS, f"{METALS}/Zn"])
def test_nothing_is_rejected_before_it_is_switched_on(lab: Laboratory, path: str) -> None:
    offered = lab.labmanager1.offered(path)
    assert "reject" not in dict(offered.transitions)
    assert "reject" not in dict(offered.refused)
    with pytest.raises(TransitionNotAllowed, match=r"cannot take 'reject'|not offered|Allowed now") as refusal:
        reject(lab.labmanager1, path, reasons=None)
    assert refusal.value.status == 409


def test_a_sample_takes_its_partitions_requests_and_analyses_along(rejecting: Laboratory) -> None:
    reject(rejecting.clerk1, SAMPLE)
    paths = [SAMPLE, f"{SAMPLE}/CN-0001-P1", METALS, *(f"{METALS}/{keyword}" for keyword in ("Ca", "Cu", "Mg", "Zn"))]
    assert set(rejecting.admin.states(*paths)) == {"rejected"}
    assert [why(rejecting, path) for path in paths] == [LEAKED] * len(paths)


def test_a_request_takes_its_sample_along_when_no_other_request_is_left(rejecting: Laboratory) -> None:
    reject(rejecting.clerk1, METALS)
    assert rejecting.admin.states(METALS, SAMPLE, f"{SAMPLE}/CN-0001-P1") == ["rejected"] * 3


def test_a_sample_with_another_request_stays(rejecting: Laboratory) -> None:
    first = rejecting.order()
    sample = rejecting.admin.read(first)["Sample"]
    second = rejecting.order(Sample=sample)
    reject(rejecting.clerk1, first)
    path = first.removesuffix("-R01")
    assert rejecting.admin.states(first, second, path) == ["rejected", "sample_due", "sample_due"]
    reject(rejecting.clerk1, second)
    assert rejecting.admin.states(second, path) == ["rejected", "rejected"]


def test_the_last_partition_takes_its_sample_along(rejecting: Laboratory) -> None:
    reject(rejecting.clerk1, f"{SAMPLE}/CN-0001-P1")
    assert rejecting.admin.states(SAMPLE, METALS) == ["rejected", "rejected"]


@pytest.mark.parametrize("end", ["reject", "cancel"])
def test_a_later_partition_goes_with_its_request(rejecting: Laboratory, end: str) -> None:
    request = rejecting.order()
    sample = request.removesuffix("-R01")
    added = [rejecting.clerk1.create("SamplePartition", sample).path]
    assert rejecting.admin.states(*added) == ["sample_due"]
    rejecting.clerk1.act(sample, "receive")
    added.append(rejecting.clerk1.create("SamplePartition", sample).path)
    assert rejecting.admin.states(*added) == ["sample_received"] * 2
    if end == "reject":
        reject(rejecting.clerk1, request)
        assert rejecting.admin.states(sample, *added) == ["rejected"] * 3
        assert [why(rejecting, path) for path in added] == [LEAKED] * 2
    else:
        rejecting.admin.act(sample, "cancel")
        assert {rejecting.admin.read(path)["cancellation_state"] for path in (request, *added)} == {"cancelled"}
    with pytest.raises(Conflict, match="takes no partitions"):
        rejecting.clerk1.create("SamplePartition", sample)


def test_partitions_that_were_registered_before_the_request_go_with_it(rejecting: Laboratory) -> None:
    apple = "portal_type:SampleType|title:Apple Pulp"
    sample = rejecting.clerk1.create("Sample", "/clients/client-1", SampleType=apple, SamplingDate="2013-09-29").path
    parts = [rejecting.clerk1.create("SamplePartition", sample).path for _ in range(2)]
    assert rejecting.admin.states(*parts) == ["sample_registered"] * 2
    request = rejecting.order(Sample=rejecting.admin.read(sample)["UID"], SampleType=None, SamplingDate=None)
    assert rejecting.admin.states(sample, request, *parts) == ["sample_due"] * 4
    rejecting.clerk1.act(request, "receive")
    assert rejecting.admin.states(sample, request, *parts) == ["sample_received"] * 4
    reject(rejecting.clerk1, request)
    assert rejecting.admin.states(sample, *parts) == ["rejected"] * 3


def test_a_partition_that_was_left_registered_keeps_nothing(rejecting: Laboratory) -> None:
    left = ContentObject(f"{SAMPLE}/CN-0001-P7", "SamplePartition", {}, {"review_state": "sample_registered"})
    upkeep.load_content(rejecting.site, Content((), (left,)), quietly)
    rejecting.admin.act(SAMPLE, "cancel")
    rejecting.admin.act(SAMPLE, "reinstate")
    assert rejecting.admin.read(left.path)["cancellation_state"] == "active"
    reject(rejecting.clerk1, METALS)
    assert rejecting.admin.states(left.path) == ["rejected"]


def test_an_analysis_leaves_its_worksheet_and_takes_along_what_is_calculated_from_it(rejecting: Laboratory) -> None:
    sheet = rejecting.analyst1.create("Worksheet", "/worksheets", Analyst="analyst1").path
    moisture, dry_matter = f"{DRY}/Moist", f"{DRY}/DM"
    rejecting.analyst1.update(sheet, Analyses=[rejecting.admin.read(path)["UID"] for path in (moisture, dry_matter)])
    rejecting.analyst1.update(moisture, Result="12.5")
    reject(rejecting.labmanager1, moisture)
    assert rejecting.admin.states(moisture, dry_matter, DRY) == ["rejected", "rejected", "sample_received"]
    assert rejecting.admin.read(sheet)["Analyses"] == []
    assert why(rejecting, dry_matter) == LEAKED


def test_a_request_goes_on_without_a_rejected_analysis(rejecting: Laboratory) -> None:
    request = "/clients/client-1/SO-0002-R01"
    rejecting.analyst1.submit(f"{request}/Ca")
    reject(rejecting.clerk1, f"{request}/Mg")
    assert rejecting.admin.states(request) == ["to_be_verified"]
    rejecting.verifier1.act(f"{request}/Ca", "verify")
    assert rejecting.admin.states(request) == ["verified"]


@pytest.mark.parametrize("reasons", [None, [], [{"selected": [], "other": " "}]])
def test_a_reason_is_needed(rejecting: Laboratory, reasons: object) -> None:
    with pytest.raises((ValidationError, BadRequest), match=r"for a reason.*Container broken, Too little of it"):
        reject(rejecting.clerk1, METALS, reasons=reasons)
    assert rejecting.admin.states(METALS) == ["sample_received"]


def test_a_selected_reason_is_a_declared_one(rejecting: Laboratory) -> None:
    with pytest.raises(ValidationError, match="Ugly is none of the reasons declared"):
        reject(rejecting.clerk1, METALS, reasons=[{"selected": ["Ugly"]}])


def test_reasons_may_be_written_before(rejecting: Laboratory) -> None:
    rejecting.clerk1.update(METALS, RejectionReasons=[{"other": "smells"}])
    reject(rejecting.clerk1, METALS, reasons=None)
    assert rejecting.admin.states(METALS) == ["rejected"]


@pytest.mark.parametrize("name", ["analyst1", "verifier1"])
def test_rejecting_needs_its_own_permission(rejecting: Laboratory, name: str) -> None:
    person = getattr(rejecting, name)
    assert "reject" in dict(person.offered(f"{METALS}/Zn").refused)
    with pytest.raises((Forbidden, TransitionNotAllowed)):
        reject(person, f"{METALS}/Zn")


def test_a_client_rejects_nothing(rejecting: Laboratory) -> None:
    request = rejecting.order("rita")
    with pytest.raises(ApiError):
        reject(rejecting.rita, request)
    assert rejecting.admin.states(request) == ["sample_due"]


def test_what_is_verified_is_invalidated_not_rejected(rejecting: Laboratory) -> None:
    assert "reject" not in dict(rejecting.labmanager1.offered(FINISHED).transitions)
    with pytest.raises(TransitionNotAllowed, match="invalidate the request"):
        reject(rejecting.labmanager1, FINISHED.removesuffix("-R01"))


def test_what_is_rejected_is_closed(rejecting: Laboratory) -> None:
    reject(rejecting.clerk1, METALS)
    with pytest.raises(Forbidden):
        rejecting.labmanager1.update(f"{METALS}/Zn", Result="5")
    for path in (METALS, f"{METALS}/Zn", SAMPLE, f"{SAMPLE}/CN-0001-P1"):
        assert rejecting.labmanager1.offered(path).transitions == ()
        with pytest.raises(Forbidden):
            rejecting.labmanager1.update(path, RejectionReasons=[])


def test_a_dry_run_rejects_nothing(rejecting: Laboratory) -> None:
    outcome = reject(rejecting.clerk1, SAMPLE, dry_run=True)
    moved = {change.path for change in outcome.plan.changes if any(step.new == "rejected" for step in change.states)}
    assert {f"/Plone{SAMPLE}", f"/Plone{METALS}", f"/Plone{METALS}/Zn"} <= moved
    assert rejecting.admin.states(SAMPLE) == ["sample_received"]


@pytest.mark.parametrize("action", ["retract_ar", "invalidate"])
def test_an_invalidated_request_is_repeated_where_the_site_wants_it(lab: Laboratory, action: str) -> None:
    lab.labmanager1.update("/bika_setup", EnableRetestRequests=True)
    lab.verifier1.act(FINISHED, action)
    old, new = lab.labmanager1.read(FINISHED), lab.labmanager1.read(FINISHED.replace("R01", "R02"))
    assert (old["review_state"], new["review_state"]) == ("invalid", "to_be_verified")
    assert (old["ChildAnalysisRequest"], new["ParentAnalysisRequest"]) == (new["UID"], old["UID"])
    assert [(new[name], old[name]) for name in ("Sample", "Contact", "DateReceived") if new[name] != old[name]] == []
    kept = [(item["id"], item["Result"]) for item in old["Analyses"] if item["review_state"] != "retracted"]
    assert [(item["id"], item["Result"]) for item in new["Analyses"]] == kept
    assert {item["review_state"] for item in new["Analyses"]} == {"to_be_verified"}
    first = new["Analyses"][0]["path"].removeprefix("/Plone")
    lab.verifier1.act(first, "retract")
    assert lab.admin.states(first, new["path"].removeprefix("/Plone")) == ["sample_received", "sample_received"]


def test_a_copy_keeps_what_was_typed_and_what_was_calculated(lab: Laboratory) -> None:
    lab.labmanager1.update("/bika_setup", EnableRetestRequests=True)
    lab.analyst1.update(f"{DRY}/Moist", Result="12.5")
    lab.analyst1.act_on_all([f"{DRY}/Moist", f"{DRY}/DM"], "submit")
    lab.verifier1.act(DRY, "verify")
    lab.verifier1.act(DRY, "retract_ar")
    copy = {item["id"]: (item["Result"], item["ResultByHand"]) for item in lab.admin.read(DRY[:-1] + "2")["Analyses"]}
    assert copy == {"DM": ("87.5", False), "Moist": ("12.5", True)}


def test_nobody_verifies_what_they_submitted_in_its_repetition(lab: Laboratory) -> None:
    lab.labmanager1.update("/bika_setup", EnableRetestRequests=True)
    lab.labmanager1.submit(f"{DRY}/Moist")
    lab.verifier1.act(DRY, "verify")
    lab.verifier1.act(DRY, "retract_ar")
    with pytest.raises(TransitionNotAllowed, match="nobody verifies a result that they submitted"):
        lab.labmanager1.act(f"{DRY[:-1]}2/Moist", "verify")
    lab.verifier1.act(f"{DRY[:-1]}2/Moist", "verify")


def test_the_later_name_of_invalidating_is_there_only_where_it_repeats(lab: Laboratory) -> None:
    assert "invalidate" not in dict(lab.verifier1.offered(FINISHED).transitions)
    with pytest.raises(TransitionNotAllowed):
        lab.verifier1.act(FINISHED, "invalidate")
