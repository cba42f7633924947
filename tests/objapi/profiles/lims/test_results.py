"""Results on their way: entered, submitted, verified, published, retracted."""

import pytest

from objapi.errors import Forbidden, TransitionNotAllowed, ValidationError
from tests.objapi.profiles.lims.laboratory import Laboratory

METALS = "/clients/client-3/CN-0001-R01"
DRY = "/clients/client-1/W13-0001-R01"


def test_a_result_is_kept_as_sent_and_stamped(lab: Laboratory) -> None:
    lab.analyst1.update(f"{METALS}/Zn", Result="10")
    analysis = lab.analyst1.read(f"{METALS}/Zn")
    assert analysis["Result"] == "10"
    assert analysis["ResultCaptureDate"] is not None
    assert analysis["Uncertainty"] == "0.5000000000"
    assert analysis["review_state"] == "sample_received"


@pytest.mark.parametrize(("result", "operand"), [("<0.1", "<"), (">5000", ">"), ("7", "")])
def test_a_sign_becomes_a_detection_limit_where_the_service_shows_them(
    lab: Laboratory, result: str, operand: str
) -> None:
    lab.labmanager1.update("/bika_setup/bika_analysisservices/analysisservice-4", DetectionLimitSelector=True)
    lab.analyst1.update(f"{METALS}/Zn", Result=result)
    analysis = lab.analyst1.read(f"{METALS}/Zn")
    assert (analysis["Result"], analysis["DetectionLimitOperand"]) == (result, operand)


def test_a_sign_is_mere_text_where_the_service_does_not(lab: Laboratory) -> None:
    lab.analyst1.update(f"{METALS}/Zn", Result="<0.1")
    assert lab.analyst1.read(f"{METALS}/Zn")["DetectionLimitOperand"] == ""
    with pytest.raises(ValidationError, match="detection limits"):
        lab.analyst1.update(f"{METALS}/Zn", DetectionLimitOperand="<")


def test_an_uncertainty_by_hand_needs_a_service_that_allows_it(lab: Laboratory) -> None:
    with pytest.raises(ValidationError, match="by hand"):
        lab.analyst1.update(f"{METALS}/Zn", Result="10", Uncertainty="3")
    lab.labmanager1.update("/bika_setup/bika_analysisservices/analysisservice-4", AllowManualUncertainty=True)
    lab.analyst1.update(f"{METALS}/Zn", Result="10", Uncertainty="3")
    assert lab.analyst1.read(f"{METALS}/Zn")["Uncertainty"] == "3.0000000000"


@pytest.mark.parametrize("name", ["clerk1", "verifier1", "publisher1", "rita"])
def test_only_analysts_and_leaders_enter_results(lab: Laboratory, name: str) -> None:
    with pytest.raises((Forbidden, LookupError, ValidationError)):
        getattr(lab, name).update("/clients/client-1/SO-0002-R01/Ca", Result="1")


def test_a_submitted_result_is_no_longer_changed(lab: Laboratory) -> None:
    lab.analyst1.update(f"{METALS}/Zn", Result="10")
    lab.analyst1.act(f"{METALS}/Zn", "submit")
    with pytest.raises(Forbidden):
        lab.labmanager1.update(f"{METALS}/Zn", Result="11")


def test_a_request_follows_its_analyses_to_publication(lab: Laboratory) -> None:
    paths = [f"{METALS}/{keyword}" for keyword in ("Ca", "Cu", "Mg", "Zn")]
    for path in paths:
        lab.analyst1.update(path, Result="20")
    lab.analyst1.act_on_all(paths[:3], "submit")
    assert lab.admin.states(METALS) == ["sample_received"]
    lab.analyst1.act(paths[3], "submit")
    assert lab.admin.states(METALS) == ["to_be_verified"]
    lab.verifier1.act_on_all(paths, "verify")
    assert lab.admin.states(METALS) == ["verified"]
    lab.publisher1.act(METALS, "publish")
    assert lab.admin.states(METALS, *paths) == ["published"] * 5
    analysis = lab.admin.read(paths[0])
    assert analysis["DateAnalysisPublished"] is not None
    assert analysis["Earliness"] == analysis["Duration"] - 5 * 24 * 60


def test_verifying_a_request_verifies_its_analyses(lab: Laboratory) -> None:
    lab.verifier1.act("/clients/client-4/MK-0003-R01", "verify")
    assert lab.admin.states("/clients/client-4/MK-0003-R01/Fat") == ["verified"]
    assert lab.admin.find("bika_catalog", getDateVerified={"query": "2014/01/01", "range": "min"}, id="MK-0003-R01")


def test_nobody_verifies_their_own_result(lab: Laboratory) -> None:
    lab.labmanager1.update(f"{METALS}/Zn", Result="10")
    lab.labmanager1.act(f"{METALS}/Zn", "submit")
    with pytest.raises(TransitionNotAllowed, match="submitted"):
        lab.labmanager1.act(f"{METALS}/Zn", "verify")
    lab.verifier1.act(f"{METALS}/Zn", "verify")


def test_cancelled_analyses_hold_nothing_back(lab: Laboratory) -> None:
    request = "/clients/client-1/SO-0002-R01"
    lab.labmanager1.act(f"{request}/Mg", "cancel")
    lab.analyst1.submit(f"{request}/Ca")
    lab.verifier1.act(f"{request}/Ca", "verify")
    assert lab.admin.states(request) == ["verified"]


def test_a_calculated_result_is_submitted_with_its_sources(lab: Laboratory) -> None:
    lab.analyst1.update(f"{DRY}/DM", Result="90")
    lab.analyst1.submit(f"{DRY}/Moist")
    assert lab.admin.states(DRY, f"{DRY}/DM") == ["to_be_verified", "to_be_verified"]
    with pytest.raises(TransitionNotAllowed, match="not verified"):
        lab.verifier1.act(f"{DRY}/DM", "verify")
    lab.verifier1.act(DRY, "verify")
    assert lab.admin.states(f"{DRY}/DM", f"{DRY}/Moist") == ["verified", "verified"]


def test_a_retracted_result_stays_beside_its_repetition(lab: Laboratory) -> None:
    lab.analyst1.update(f"{METALS}/Zn", Result="10")
    lab.analyst1.act(f"{METALS}/Zn", "submit")
    lab.verifier1.act(f"{METALS}/Zn", "retract")
    assert lab.admin.states(f"{METALS}/Zn", f"{METALS}/Zn-1") == ["sample_received", "retracted"]
    retest = lab.analyst1.read(f"{METALS}/Zn")
    assert (retest["Retested"], retest["Result"]) == (True, "10")
    assert [row["Result"] for row in retest["Previous Results"]] == ["10"]
    lab.analyst1.update(f"{METALS}/Zn", Result="12")
    lab.analyst1.act(f"{METALS}/Zn", "submit")
    lab.verifier1.act(f"{METALS}/Zn", "retract")
    assert [row["Result"] for row in lab.analyst1.read(f"{METALS}/Zn")["Previous Results"]] == ["10", "12"]
    assert lab.admin.states(f"{METALS}/Zn-2") == ["retracted"]


def test_a_retraction_reaches_what_was_calculated_with_it(lab: Laboratory) -> None:
    lab.analyst1.update(f"{DRY}/DM", Result="90")
    lab.analyst1.submit(f"{DRY}/Moist")
    lab.analyst1.act(f"{DRY}/Moist", "retract")
    paths = (DRY, f"{DRY}/Moist", f"{DRY}/DM", f"{DRY}/Moist-1", f"{DRY}/DM-1")
    assert lab.admin.states(*paths) == ["sample_received"] * 3 + ["retracted"] * 2


def test_every_analysis_is_shown_with_its_request(lab: Laboratory) -> None:
    shown = lab.analyst1.read("/clients/client-1/SO-0001-R01")["Analyses"]
    assert [(item["id"], item["review_state"]) for item in shown] == [
        ("Ca", "sample_received"),
        ("Ca-1", "retracted"),
        ("Mg", "to_be_verified"),
    ]
    assert shown[0]["Previous Results"][0]["Result"] == "410"
    assert shown[0]["Unit"] == "mg/kg"


def test_invalidating_makes_no_copy(lab: Laboratory) -> None:
    lab.verifier1.act("/clients/client-4/MK-0002-R01", "retract_ar")
    assert lab.admin.states("/clients/client-4/MK-0002-R01") == ["invalid"]
    assert lab.admin.find(id="MK-0002-R02") == []
