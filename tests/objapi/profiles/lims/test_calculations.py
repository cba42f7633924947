"""Calculated results: they follow their inputs, step aside for what was typed, and stay once submitted."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from objapi import upkeep
from objapi.errors import Forbidden, TransitionNotAllowed, ValidationError
from objapi.model.loading.content import read_content
from objapi.store.requests import ByPath, UpdateItem
from tests.objapi.profiles.lims.laboratory import Laboratory, Person, quietly

DRY = "/clients/client-1/W13-0001-R01"
MOIST, DM = f"{DRY}/Moist", f"{DRY}/DM"
SETUP = "/bika_setup"
CALCULATION = f"{SETUP}/bika_calculations/calculation-2"
DRY_MATTER = f"{SETUP}/bika_analysisservices/analysisservice-6"
ZERO = "division by zero, at character 25"


def weigh(person: Person, path: str, wet: str, dry: str, dish: str) -> None:
    masses = {"WetMass": wet, "DryMass": dry, "DishMass": dish}
    person.update(path, InterimFields=[{"keyword": name, "value": value} for name, value in masses.items()])


def results(lab: Laboratory, *paths: str) -> list[str]:
    return [str(lab.analyst1.read(path)["Result"]) for path in paths]


def message(lab: Laboratory, path: str) -> str:
    return str(lab.analyst1.read(path)["CalculationMessage"])


def formula(lab: Laboratory, text: str, path: str = CALCULATION) -> None:
    lab.labmanager1.update(path, Formula=text)


def test_a_result_follows_its_interim_values_and_the_results_it_is_calculated_from(lab: Laboratory) -> None:
    weigh(lab.analyst1, MOIST, "30", "14", "10")
    assert results(lab, MOIST, DM) == ["80", "20"]
    dry_matter = lab.analyst1.read(DM)
    assert dry_matter["CalculatedFrom"] == [{"keyword": "Moist", "value": "80"}]
    assert (dry_matter["ResultByHand"], dry_matter["CalculationMessage"]) == (False, "")
    assert dry_matter["ResultCaptureDate"] is not None
    weigh(lab.analyst1, MOIST, "30", "15", "10")
    assert results(lab, MOIST, DM) == ["75", "25"]


def test_the_inputs_are_in_the_history_of_the_result(lab: Laboratory) -> None:
    lab.analyst1.update(MOIST, Result="12.5")
    row: Any = lab.admin._run(lambda tx: tx.history(ByPath(DM)), write=False).rows[0]
    assert row["changes"]["Result"] == {"old": None, "new": "87.5"}
    assert row["changes"]["CalculatedFrom"] == {"old": None, "new": [{"keyword": "Moist", "value": "12.5"}]}
    assert row["actor"] == "analyst1"


def test_a_dry_run_shows_what_is_calculated_and_does_nothing(lab: Laboratory) -> None:
    item = UpdateItem(ByPath(MOIST), {"Result": "12.5"})
    outcome = lab.analyst1._run(lambda tx: tx.update([item], dry_run=True), write=True)
    planned = {change.path: {field.field: field.new for field in change.fields} for change in outcome.plan.changes}
    assert planned[f"/Plone{DM}"]["Result"] == "87.5"
    assert results(lab, MOIST, DM) == ["", ""]


def test_a_typed_result_stays_until_it_is_given_back(lab: Laboratory) -> None:
    lab.analyst1.update(DM, Result="90")
    assert lab.analyst1.read(DM)["ResultByHand"] is True
    lab.analyst1.update(MOIST, Result="12.5")
    dry_matter = lab.analyst1.read(DM)
    assert (dry_matter["Result"], dry_matter["CalculatedResult"]) == ("90", "87.5")
    lab.analyst1.update(DM, ResultByHand=False)
    assert results(lab, DM) == ["87.5"]
    lab.analyst1.update(MOIST, Result="13")
    assert results(lab, DM) == ["87"]


def test_a_calculated_result_that_is_typed_over_is_by_hand(lab: Laboratory) -> None:
    lab.analyst1.update(MOIST, Result="12.5")
    lab.analyst1.update(DM, Result="88")
    lab.analyst1.update(MOIST, Result="20")
    assert results(lab, DM) == ["88"]
    lab.analyst1.update(DM, Result="")
    assert results(lab, DM) == ["80"]
    assert lab.analyst1.read(DM)["ResultByHand"] is False


def test_a_calculated_result_can_be_held(lab: Laboratory) -> None:
    lab.analyst1.update(MOIST, Result="12.5")
    lab.analyst1.update(DM, ResultByHand=True)
    lab.analyst1.update(MOIST, Result="20")
    assert results(lab, DM) == ["87.5"]


@pytest.mark.parametrize("order", [(MOIST, DM), (DM, MOIST)])
def test_what_is_typed_together_with_its_input_is_by_hand(lab: Laboratory, order: tuple[str, str]) -> None:
    typed = {MOIST: "12.5", DM: "90"}
    items = [UpdateItem(ByPath(path), {"Result": typed[path]}) for path in order]
    lab.analyst1._run(lambda tx: tx.update(items), write=True)
    assert results(lab, MOIST, DM) == ["12.5", "90"]


@pytest.mark.parametrize(
    ("moisture", "dry_matter", "why"),
    [
        ("12.50", "87.5", ""),
        ("<0.1", ">99.9", ""),
        ("> 40", "<60", ""),
        ("n.d.", "n.d.", ""),
        ("1e400", "", "Moist is 1e400, with which nothing can be calculated"),
        ("3,5", "", "Moist is '3,5', which cannot be read as a number; write it as 1234.5"),
        ("≤0.1", "", "Moist is '≤0.1', which cannot be read as a number; write it as 1234.5"),
    ],
)
def test_limits_and_texts_propagate(lab: Laboratory, moisture: str, dry_matter: str, why: str) -> None:
    lab.analyst1.update(MOIST, Result=moisture)
    assert (results(lab, DM), message(lab, DM)) == ([dry_matter], why)


def test_a_limit_chosen_beside_the_result_counts_as_one(lab: Laboratory) -> None:
    lab.labmanager1.update(f"{SETUP}/bika_analysisservices/analysisservice-8", DetectionLimitSelector=True)
    lab.analyst1.update(MOIST, Result="0.1", DetectionLimitOperand="<")
    assert results(lab, DM) == [">99.9"]
    lab.analyst1.update(MOIST, Result="5")
    assert results(lab, DM) == ["95"]


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("if([Moist.BELOWLDL], 0, [Moist])", "0"),
        ("[Moist.LDL] / 2 if [Moist.BELOWLDL] else [Moist]", "0.1"),
        ("[Moist.UDL] * [Moist.ABOVEUDL]", "0"),
        ("[Moist.WetMass] + [DM.LDL]", "7"),
    ],
)
def test_a_formula_may_ask_for_limits_and_interim_values_of_services(lab: Laboratory, text: str, result: str) -> None:
    lab.labmanager1.update(f"{SETUP}/bika_analysisservices/analysisservice-8", LowerDetectionLimit="0.2")
    lab.labmanager1.update(DRY_MATTER, LowerDetectionLimit="2")
    lab.analyst1.update(MOIST, InterimFields=[{"keyword": "WetMass", "value": "5"}])
    formula(lab, text)
    lab.analyst1.update(MOIST, Result="0.15")
    assert results(lab, DM) == [result]


def test_what_gives_no_result_says_why_and_takes_the_old_one_back(lab: Laboratory) -> None:
    weigh(lab.analyst1, MOIST, "30", "14", "10")
    weigh(lab.analyst1, MOIST, "10", "14", "10")
    assert results(lab, MOIST, DM) == ["", ""]
    assert (message(lab, MOIST), message(lab, DM)) == (ZERO, "Moist has no value yet")
    lab.analyst1.update(MOIST, Result="5")
    assert (message(lab, DM), results(lab, DM)) == ("", ["95"])


def test_a_result_that_is_no_option_is_not_written(lab: Laboratory) -> None:
    options = [{"ResultValue": "1", "ResultText": "low"}, {"ResultValue": "2", "ResultText": "high"}]
    lab.labmanager1.update(DRY_MATTER, ResultOptions=options)
    formula(lab, "if([Moist] > 10, 1, 3)")
    lab.analyst1.update(MOIST, Result="12")
    assert results(lab, DM) == ["1"]
    lab.analyst1.update(MOIST, Result="5")
    assert results(lab, DM) == [""]
    assert "3 is not one of the options" in message(lab, DM)


def test_what_is_submitted_is_never_calculated_again(lab: Laboratory) -> None:
    lab.analyst1.update(MOIST, Result="12.5")
    lab.analyst1.act(DM, "submit")
    lab.analyst1.update(MOIST, Result="20")
    dry_matter = lab.analyst1.read(DM)
    assert (dry_matter["Result"], dry_matter["CalculatedResult"]) == ("87.5", "87.5")
    lab.analyst1.act(MOIST, "submit")
    lab.verifier1.act(MOIST, "verify")
    with pytest.raises(TransitionNotAllowed, match="it was submitted before Moist changed"):
        lab.verifier1.act(DM, "verify")
    lab.verifier1.act(DM, "retract")
    assert results(lab, DM, f"{DRY}/DM-1") == ["80", "87.5"]


def test_a_limit_that_a_service_is_given_later_keeps_no_result_from_being_verified(lab: Laboratory) -> None:
    formula(lab, "[Moist] + [Moist.LDL]")
    lab.analyst1.update(MOIST, Result="12.5")
    lab.analyst1.act(MOIST, "submit")
    lab.labmanager1.update(f"{SETUP}/bika_analysisservices/analysisservice-8", LowerDetectionLimit="0.3")
    lab.verifier1.act(MOIST, "verify")
    assert lab.verifier1.act(DM, "verify")["review_state"] == "verified"


def test_an_input_that_is_cancelled_takes_the_result_back(lab: Laboratory) -> None:
    lab.analyst1.update(MOIST, Result="12.5")
    lab.labmanager1.act(MOIST, "cancel")
    assert (results(lab, DM), message(lab, DM)) == ([""], "Moist is not analysed here")
    lab.labmanager1.act(MOIST, "reinstate")
    assert results(lab, DM) == ["87.5"]


def test_a_repetition_is_calculated_again_whoever_typed_the_former_result(lab: Laboratory) -> None:
    lab.analyst1.update(DM, Result="90")
    weigh(lab.analyst1, MOIST, "30", "14", "10")
    lab.analyst1.act_on_all([MOIST, DM], "submit")
    lab.verifier1.act(MOIST, "retract")
    assert results(lab, MOIST, DM, f"{DRY}/DM-1") == ["80", "20", "90"]
    weigh(lab.analyst1, MOIST, "30", "15", "10")
    assert results(lab, MOIST, DM) == ["75", "25"]
    assert results(lab, f"{DRY}/Moist-1", f"{DRY}/DM-1") == ["80", "90"]


def test_an_analysis_that_is_added_later_finds_its_inputs(lab: Laboratory) -> None:
    request = "/clients/client-3/AP-0001-R01"
    lab.analyst1.update(f"{request}/Moist", Result="12.5")
    made = lab.labmanager1.create("Analysis", request, Service=DRY_MATTER)
    assert results(lab, made.path) == ["87.5"]


def test_new_analyses_have_no_result_before_anything_is_measured(lab: Laboratory) -> None:
    formula(lab, "[WetMass] - [DryMass]", f"{SETUP}/bika_calculations/calculation-1")
    services = [f"portal_type:AnalysisService|title:{title}" for title in ("Moisture", "Dry Matter")]
    request = lab.order(Services=services)
    for keyword in ("Moist", "DM"):
        analysis = lab.labmanager1.read(f"{request}/{keyword}")
        assert (analysis["Result"], analysis["CalculationMessage"], analysis["version"]) == ("", "", 1)


def test_interim_values_sent_with_a_new_analysis_count(lab: Laboratory) -> None:
    request = "/clients/client-3/CN-0001-R01"
    masses = [{"keyword": "WetMass", "value": "30", "title": "w"}, {"keyword": "DryMass", "value": "14", "title": "d"}]
    service = f"{SETUP}/bika_analysisservices/analysisservice-8"
    made = lab.labmanager1.create("Analysis", request, Service=service, InterimFields=masses)
    assert results(lab, made.path) == ["53.3333333333333"]


def test_a_result_sent_with_a_new_analysis_is_by_hand(lab: Laboratory) -> None:
    request = "/clients/client-3/AP-0001-R01"
    made = lab.labmanager1.create("Analysis", request, Service=DRY_MATTER, Result="90")
    lab.analyst1.update(f"{request}/Moist", Result="12.5")
    assert results(lab, made.path) == ["90"]


def test_results_follow_along_a_chain_and_over_several_ways(lab: Laboratory) -> None:
    """Fat = DM / 2 and Ash = DM + Fat: each is worked out after what it needs."""
    calculations = f"{SETUP}/bika_calculations"
    needs = {"analysisservice-9": "[DM] / 2", "analysisservice-7": "[DM] + [Fat]"}
    for service, text in needs.items():
        made = lab.labmanager1.create("Calculation", calculations, title=text, Formula=text).path
        lab.labmanager1.update(
            f"{SETUP}/bika_analysisservices/{service}", UseDefaultCalculation=False, DeferredCalculation=made
        )
    keywords = [lab.labmanager1.read(f"{SETUP}/bika_analysisservices/{name}")["Keyword"] for name in needs]
    services = [f"{SETUP}/bika_analysisservices/analysisservice-{number}" for number in (7, 9, 6, 8)]
    request = lab.order(Services=services)
    lab.clerk1.act(request, "receive")
    weigh(lab.analyst1, f"{request}/Moist", "30", "14", "10")
    paths = [f"{request}/{keyword}" for keyword in ("Moist", "DM", *keywords)]
    assert results(lab, *paths) == ["80", "20", "10", "30"]
    steps = [lab.labmanager1.read(path)["version"] for path in paths]
    weigh(lab.analyst1, f"{request}/Moist", "30", "15", "10")
    assert results(lab, *paths) == ["75", "25", "12.5", "37.5"]
    assert [lab.labmanager1.read(path)["version"] for path in paths] == [step + 1 for step in steps]


def test_whoever_may_not_enter_results_sets_none_off(lab: Laboratory) -> None:
    with pytest.raises(Forbidden):
        lab.clerk1.update(MOIST, Result="12.5")
    for name in ("CalculatedResult", "CalculatedFrom", "CalculationMessage"):
        with pytest.raises(ValidationError, match=name):
            lab.labmanager1.update(DM, **{name: "1"})
    with pytest.raises(Forbidden):
        lab.clerk1.update(DM, ResultByHand=False)


def test_a_field_measurement_sets_off_a_result_of_the_laboratory(lab: Laboratory) -> None:
    """The sampler may enter field results alone; what follows from one is written by the gateway."""
    lab.labmanager1.update(f"{SETUP}/bika_analysisservices/analysisservice-8", PointOfCapture="field")
    lab.labmanager1.update(DRY_MATTER, Uncertainties=[{"intercept_min": 0, "intercept_max": 100, "errorvalue": "1"}])
    lab.sampler1.update(MOIST, Result="12.5")
    dry_matter = lab.analyst1.read(DM)
    assert (dry_matter["Result"], dry_matter["Uncertainty"]) == ("87.5", "1.0000000000")


def test_duplicates_are_calculated_from_their_own_values(lab: Laboratory) -> None:
    sheet = lab.analyst1.create("Worksheet", "/worksheets", Analyst="analyst1").path
    uids = [lab.labmanager1.read(path)["UID"] for path in (MOIST, DM)]
    lab.analyst1.update(sheet, Analyses=uids)
    twins = [lab.analyst1.create("DuplicateAnalysis", sheet, Analysis=uid).path for uid in uids]
    weigh(lab.analyst1, twins[0], "30", "14", "10")
    assert results(lab, *twins, MOIST, DM) == ["80", "20", "", ""]


def test_controls_are_calculated_from_their_own_values(lab: Laboratory) -> None:
    service = f"{SETUP}/bika_analysisservices/analysisservice-8"
    control = lab.analyst1.create(
        "ReferenceAnalysis", f"{SETUP}/bika_suppliers/supplier-1/QC-001", Service=service
    ).path
    sheet = lab.analyst1.create("Worksheet", "/worksheets", Analyst="analyst1").path
    lab.analyst1.update(sheet, Analyses=[lab.labmanager1.read(control)["UID"]])
    weigh(lab.analyst1, control, "30", "14", "10")
    assert results(lab, control) == ["80"]


def test_a_rejected_worksheet_has_calculated_results_done_again(lab: Laboratory) -> None:
    sheet = lab.analyst1.create("Worksheet", "/worksheets", Analyst="analyst1").path
    lab.analyst1.update(sheet, Analyses=[lab.labmanager1.read(path)["UID"] for path in (MOIST, DM)])
    weigh(lab.analyst1, MOIST, "30", "14", "10")
    lab.analyst1.act_on_all([MOIST, DM], "submit")
    lab.labmanager1.act(sheet, "reject")
    assert results(lab, MOIST, DM) == ["", ""]
    left = {item["title"]: item["Result"] for item in lab.labmanager1.find(portal_type="RejectAnalysis")}
    assert left == {"Moisture": "80", "Dry Matter": "20"}


def load(lab: Laboratory, folder: Path, path: str, portal_type: str, **fields: str) -> None:
    """Load a content file of one object."""
    item = {"path": path, "portal_type": portal_type, "fields": fields}
    file = folder / "content.yaml"
    file.write_text(yaml.safe_dump({"objects": [item]}), encoding="utf-8")
    upkeep.load_content(lab.site, read_content(file, lab.site.registry), quietly)


@pytest.mark.parametrize(("wrong", "why"), [("[Moits]", "names neither"), ("1 +", "at character 4")])
def test_a_content_file_holds_formulas_to_the_same_rules(lab: Laboratory, tmp_path: Path, wrong: str, why: str) -> None:
    path = f"{SETUP}/bika_calculations/loaded"
    with pytest.raises(ValidationError, match=rf"content.yaml:\d+.*loaded: Formula: .*{why}"):
        load(lab, tmp_path, path, "Calculation", title="Loaded", Formula=wrong)
    load(lab, tmp_path, path, "Calculation", title="Loaded", Formula="[Moist] * 2")
    assert len(lab.labmanager1.read(path)["DependentServices"]) == 1


def test_a_content_file_makes_no_circle(lab: Laboratory, tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="a circle: DM needs DM"):
        load(lab, tmp_path, CALCULATION, "Calculation", Formula="100 - [DM]")


def test_results_of_a_content_file_set_off_what_is_calculated_from_them(lab: Laboratory, tmp_path: Path) -> None:
    for _ in range(2):
        load(lab, tmp_path, MOIST, "Analysis", Result="12.5")
        moisture, dry_matter = lab.analyst1.read(MOIST), lab.analyst1.read(DM)
        assert (moisture["Result"], moisture["ResultByHand"]) == ("12.5", True)
        assert (dry_matter["Result"], dry_matter["ResultByHand"]) == ("87.5", False)
