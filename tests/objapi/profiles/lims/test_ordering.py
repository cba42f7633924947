"""Requests: what one call makes, which values it takes from where, and what it refuses."""

import pytest
from sqlalchemy import event

from objapi.errors import Conflict, Forbidden, TransitionNotAllowed, UnresolvedReference, ValidationError
from tests.objapi.profiles.lims.laboratory import Laboratory

REQUEST = "/clients/client-1/AP-0002-R01"
SAMPLE = "/clients/client-1/AP-0002"
PARTITION = f"{SAMPLE}/AP-0002-P1"


def test_one_call_makes_sample_partition_request_and_analyses(lab: Laboratory) -> None:
    made = lab.clerk1.create(
        "AnalysisRequest",
        Client="portal_type:Client|id:client-1",
        Services=["portal_type:AnalysisService|title:Calcium", "portal_type:AnalysisService|title:Copper"],
        SampleType="portal_type:SampleType|title:Apple Pulp",
        Contact="portal_type:Contact|getFullname:Rita Mohale",
        SamplingDate="2013-09-29",
    )
    assert made.extra_ids == {"sample_id": "AP-0002", "ar_id": "AP-0002-R01"}
    assert made.path == f"/Plone{REQUEST}"
    paths = (SAMPLE, PARTITION, REQUEST, f"{REQUEST}/Ca", f"{REQUEST}/Cu")
    assert lab.admin.states(*paths) == ["sample_due"] * 5


def test_services_are_named_by_keyword_and_clients_by_their_number(lab: Laboratory) -> None:
    request = lab.order(Client="GVO", Services=["Cu", "analysisservice-3", "Ca"])
    assert request == f"/Plone{REQUEST}"
    assert [item["Keyword"] for item in lab.admin.read(REQUEST)["Analyses"]] == ["Ca", "Cu", "Mg"]
    with pytest.raises(UnresolvedReference, match="matches 'id:Xx'"):
        lab.order(Services=["Ca", "Xx"])


def test_many_keywords_are_looked_up_by_as_many_statements_as_two(lab: Laboratory) -> None:
    told: list[str] = []
    event.listen(lab.site.engine, "before_cursor_execute", lambda *said: told.append(said[2]))
    profiles, counts = "/bika_setup/bika_analysisprofiles", []
    for keywords in (["Ca", "Cu"], ["Ca", "Cu", "Zn", "Mg", "Fat", "Moist"]):
        before = len(told)
        lab.labmanager1.create("AnalysisProfile", profiles, title=str(len(keywords)), Service=keywords)
        counts.append(len(told) - before)
    # The first call fills caches.
    assert counts[1] <= counts[0]


def test_a_request_takes_ranges_priority_and_discount_from_the_laboratory(lab: Laboratory) -> None:
    lab.order()
    request = lab.labmanager1.read(REQUEST)
    calcium = next(row for row in request["ResultsRange"] if row["keyword"] == "Ca")
    assert (calcium["min"], calcium["max"]) == ("30", "80")
    assert all(row["uid"] for row in request["ResultsRange"])
    assert request["MemberDiscount"] == "20.00"
    assert request["Priority"] == lab.admin.read("/bika_setup/bika_arpriorities/arpriority-1")["UID"]
    assert request["SamplingDate"] == lab.admin.read(SAMPLE)["SamplingDate"]


def test_ranges_are_laid_over_each_other(lab: Laboratory) -> None:
    lab.order(
        SampleType="portal_type:SampleType|title:Apple Pulp Concentrate",
        Specification="/bika_setup/bika_analysisspecs/analysisspec-2",
        ResultsRange=[{"keyword": "Ca", "min": "1", "error": "3"}],
    )
    ranges = {row["keyword"]: row for row in lab.admin.read("/clients/client-1/AP1-0002-R01")["ResultsRange"]}
    assert (ranges["Ca"]["min"], ranges["Ca"]["max"], ranges["Ca"]["error"]) == ("1", "150", "3")
    assert ranges["Cu"]["max"] == "2"


def test_the_clients_own_specification_comes_before_the_laboratorys(lab: Laboratory) -> None:
    lab.order(SampleType="portal_type:SampleType|title:Apple Pulp Concentrate")
    (row,) = lab.admin.read("/clients/client-1/AP1-0002-R01")["ResultsRange"]
    assert (row["keyword"], row["min"], row["max"]) == ("Ca", "35", "70")


def test_a_client_orders_for_itself_and_is_its_own_contact(lab: Laboratory) -> None:
    lab.order("rita", Contact=None)
    assert lab.rita.read(REQUEST)["Contact"] == lab.admin.read("/clients/client-1/contact-1")["UID"]


def test_a_client_cannot_order_for_another(lab: Laboratory) -> None:
    with pytest.raises((Forbidden, ValidationError)):
        lab.order("pavel")


def test_a_request_without_contact_is_refused(lab: Laboratory) -> None:
    with pytest.raises(ValidationError, match="Contact"):
        lab.order(Contact=None)


def test_everything_that_is_missing_is_named(lab: Laboratory) -> None:
    with pytest.raises(ValidationError) as error:
        lab.order(Services=None, SampleType=None, SamplingDate=None)
    assert {cause.name for cause in error.value.causes} == {"Services", "SampleType", "SamplingDate"}


def test_a_service_that_cannot_be_found_undoes_everything(lab: Laboratory) -> None:
    with pytest.raises(ValidationError, match="Services"):
        lab.order(Services=["portal_type:AnalysisService|title:Gold"])
    assert lab.admin.find(id="AP-0002") == []


def test_a_second_request_is_on_the_same_sample(lab: Laboratory) -> None:
    path = lab.order(
        Client="portal_type:Client|id:client-3",
        Sample="/clients/client-3/CN-0001",
        SampleType=None,
        SamplingDate=None,
        Contact="/clients/client-3/contact-4",
        Services=["portal_type:AnalysisService|title:Crude Fat"],
        ClientReference="X9",
    )
    assert path == "/Plone/clients/client-3/CN-0001-R02"
    assert lab.admin.read("/clients/client-3/CN-0001")["ClientReference"] == "X9"
    assert lab.admin.read("/clients/client-3/CN-0001-R01")["ClientReference"] == "X9"
    assert lab.admin.states(path.removeprefix("/Plone"), "/clients/client-3/CN-0001") == [
        "sample_due",
        "sample_received",
    ]


def test_the_sample_of_another_client_is_refused(lab: Laboratory) -> None:
    with pytest.raises(ValidationError, match="CN-0001"):
        lab.order(Sample="/clients/client-3/CN-0001")


def test_an_analysis_that_is_added_takes_keyword_and_state(lab: Laboratory) -> None:
    lab.clerk1.create("Analysis", "/clients/client-1/AP1-0001-R01", Service="portal_type:AnalysisService|title:Calcium")
    analysis = lab.admin.read("/clients/client-1/AP1-0001-R01/Ca")
    assert analysis["review_state"] == "sample_due"
    assert analysis["SamplePartition"] == lab.admin.read("/clients/client-1/AP1-0001/AP1-0001-P1")["UID"]


def test_a_service_is_on_a_request_once(lab: Laboratory) -> None:
    with pytest.raises(Conflict, match="Zinc"):
        lab.clerk1.create(
            "Analysis", "/clients/client-1/AP1-0001-R01", Service="portal_type:AnalysisService|title:Zinc"
        )


def test_adding_an_analysis_opens_a_request_that_waits_for_verification(lab: Laboratory) -> None:
    request = "/clients/client-4/MK-0003-R01"
    lab.labmanager1.create("Analysis", request, Service="portal_type:AnalysisService|title:Calcium")
    assert lab.admin.states(request, f"{request}/Ca", f"{request}/Fat") == [
        "sample_received",
        "sample_received",
        "to_be_verified",
    ]


def test_receiving_reaches_up_and_down(lab: Laboratory) -> None:
    lab.order()
    lab.clerk1.act(PARTITION, "receive")
    assert lab.admin.states(SAMPLE, PARTITION, REQUEST, f"{REQUEST}/Ca") == ["sample_received"] * 4
    analysis = lab.admin.read(f"{REQUEST}/Ca")
    assert analysis["DateReceived"] == lab.admin.read(SAMPLE)["DateReceived"]
    assert analysis["DueDate"] > analysis["DateReceived"]
    assert lab.admin.find("bika_catalog", getReceivedBy="clerk1", id="AP-0002-R01") != []


def test_with_the_sampling_step_samples_wait_for_the_sampler_and_field_results(lab: Laboratory) -> None:
    lab.labmanager1.update("/bika_setup", SamplingWorkflowEnabled=True)
    lab.order(Services=["portal_type:AnalysisService|title:Temperature at Sampling"])
    assert lab.admin.states(SAMPLE, PARTITION, REQUEST, f"{REQUEST}/TempField") == ["to_be_sampled"] * 4
    with pytest.raises(TransitionNotAllowed):
        lab.clerk1.act(SAMPLE, "sample")
    lab.sampler1.act(SAMPLE, "sample")
    assert lab.admin.states(SAMPLE, PARTITION, REQUEST, f"{REQUEST}/TempField") == ["sample_due"] * 4
    with pytest.raises(TransitionNotAllowed, match="belongs in the field"):
        lab.clerk1.act(REQUEST, "receive")
    lab.sampler1.update(f"{REQUEST}/TempField", Result="14")
    lab.clerk1.act(REQUEST, "receive")
    assert lab.admin.states(SAMPLE, PARTITION, REQUEST, f"{REQUEST}/TempField") == ["sample_received"] * 4


def test_cancelling_a_sample_cancels_what_belongs_to_it_and_only_it_brings_it_back(lab: Laboratory) -> None:
    sample = "/clients/client-3/AP-0001"
    paths = (sample, f"{sample}/AP-0001-P2", f"{sample}-R01", f"{sample}-R01/Zn")
    lab.labmanager1.act(sample, "cancel")
    assert {lab.admin.read(path)["cancellation_state"] for path in paths} == {"cancelled"}
    with pytest.raises(TransitionNotAllowed):
        lab.labmanager1.act(f"{sample}-R01", "reinstate")
    lab.labmanager1.act(sample, "reinstate")
    assert {lab.admin.read(path)["cancellation_state"] for path in paths} == {"active"}


def test_a_request_is_cancelled_only_by_one_who_may_cancel_its_analyses(lab: Laboratory) -> None:
    with pytest.raises(TransitionNotAllowed, match="cannot be cancelled"):
        lab.clerk1.act("/clients/client-3/TEA-0001-R01", "cancel")


def test_a_client_sees_its_own_requests_and_results_when_they_are_verified(lab: Laboratory) -> None:
    seen = lab.rita.find(portal_type="AnalysisRequest")
    assert {item["path"].rpartition("/")[0] for item in seen} == {"/Plone/clients/client-1"}
    analyses = lab.rita.read("/clients/client-1/SO-0001-R01")["Analyses"]
    assert all("Result" not in analysis for analysis in analyses)


def test_what_was_received_is_kept(lab: Laboratory) -> None:
    with pytest.raises(Conflict):
        lab.labmanager1.remove("/clients/client-3/CN-0001-R01")
    lab.labmanager1.remove("/clients/client-1/AP1-0001-R01")
    assert lab.admin.find(id="AP1-0001-R01") == []


def test_a_request_moves_on_when_the_analysis_that_held_it_is_removed(lab: Laboratory) -> None:
    request = "/clients/client-1/AP1-0001-R01"
    lab.labmanager1.act(f"{request}/Zn", "cancel")
    lab.clerk1.act(request, "receive")
    lab.labmanager1.act(f"{request}/Zn", "reinstate")
    lab.analyst1.submit(f"{request}/Mg")
    assert lab.admin.states(request, f"{request}/Zn") == ["sample_received", "sample_due"]
    lab.labmanager1.remove(f"{request}/Zn")
    assert lab.admin.states(request) == ["to_be_verified"]


@pytest.mark.parametrize(("container", "waits"), [(None, True), ("/bika_setup/bika_containers/container-4", False)])
def test_what_has_to_be_preserved_waits_for_that(lab: Laboratory, container: str | None, waits: bool) -> None:
    water = "/bika_setup/bika_sampletypes/sampletype-7"
    lab.clerk1.create("Sample", "/clients/client-5", SampleType=water, SamplingDate="2013-09-29")
    sample = "/clients/client-5/H2O-0010"
    kept = {"Preservation": "/bika_setup/bika_preservations/preservation-1"}
    lab.labmanager1.create("SamplePartition", sample, **kept, **({} if container is None else {"Container": container}))
    lab.order(
        Client="portal_type:Client|id:client-5",
        Contact="/clients/client-5/contact-6",
        Sample=sample,
        SampleType=None,
        SamplingDate=None,
    )
    paths = (sample, f"{sample}/H2O-0010-P1", f"{sample}-R01", f"{sample}-R01/Ca")
    assert lab.admin.states(*paths) == ["to_be_preserved" if waits else "sample_due"] * 4
    if waits:
        lab.labmanager1.act(f"{sample}/H2O-0010-P1", "preserve")
        assert lab.admin.states(*paths) == ["sample_due"] * 4
