"""Worksheets: analyses come and go, slots are kept, and a rejected sheet is replaced."""

from typing import Any

import pytest

from objapi.errors import TransitionNotAllowed, ValidationError
from tests.objapi.profiles.lims.laboratory import Laboratory

SHEET = "/worksheets/WS-001"
COPPER, ZINC = "/clients/client-4/CN-0002-R01/Cu", "/clients/client-4/CN-0002-R01/Zn"
DUPLICATE = f"{SHEET}/D-001"
CONTROL = "/bika_setup/bika_suppliers/supplier-1/QC-001/SA-001"
OTHERS = ("/clients/client-3/CN-0001-R01/Ca", "/clients/client-3/CN-0001-R01/Zn")


def sheet(lab: Laboratory, path: str = SHEET) -> dict[str, Any]:
    return lab.labmanager1.read(path)


def slots(lab: Laboratory, path: str = SHEET) -> list[tuple[int, str]]:
    return [(int(row["position"]), row["type"]) for row in sheet(lab, path)["Layout"]]


def uid(lab: Laboratory, path: str) -> str:
    found: str = lab.labmanager1.read(path)["UID"]
    return found


def put(lab: Laboratory, *paths: str) -> None:
    lab.analyst1.update(SHEET, Analyses=[*sheet(lab)["Analyses"], *(uid(lab, path) for path in paths)])


def chain(lab: Laboratory, path: str) -> str:
    found: str = lab.labmanager1.read(path)["worksheetanalysis_review_state"]
    return found


def test_what_is_added_is_assigned_and_gets_a_slot(lab: Laboratory) -> None:
    put(lab, *OTHERS)
    assert slots(lab) == [(1, "c"), (2, "a"), (2, "a"), (3, "d"), (4, "a"), (4, "a")]
    assert [chain(lab, path) for path in OTHERS] == ["assigned", "assigned"]
    assert lab.labmanager1.read(OTHERS[0])["Analyst"] == "analyst1"


def test_what_is_taken_off_leaves_with_its_duplicates(lab: Laboratory) -> None:
    lab.analyst1.update(SHEET, Analyses=[item for item in sheet(lab)["Analyses"] if item != uid(lab, ZINC)])
    assert slots(lab) == [(1, "c"), (2, "a")]
    assert chain(lab, ZINC) == "unassigned"
    assert lab.admin.find("bika_analysis_catalog", id="D-001") == []


def test_an_unassigned_analysis_is_off_its_worksheet(lab: Laboratory) -> None:
    lab.analyst1.act(COPPER, "unassign")
    assert uid(lab, COPPER) not in sheet(lab)["Analyses"]


def test_a_cancelled_analysis_is_off_its_worksheet(lab: Laboratory) -> None:
    lab.labmanager1.act(COPPER, "cancel")
    assert uid(lab, COPPER) not in sheet(lab)["Analyses"]
    assert chain(lab, COPPER) == "unassigned"


def test_an_analysis_is_assigned_by_a_worksheet_only(lab: Laboratory) -> None:
    with pytest.raises(TransitionNotAllowed, match="on no worksheet"):
        lab.analyst1.act(OTHERS[0], "assign")


def test_an_analysis_is_on_one_worksheet(lab: Laboratory) -> None:
    with pytest.raises(ValidationError, match="WS-001"):
        lab.analyst1.create("Worksheet", "/worksheets", Analyses=[uid(lab, COPPER)])


def test_a_layout_orders_and_does_no_more(lab: Laboratory) -> None:
    layout = sheet(lab)["Layout"]
    lab.analyst1.update(SHEET, Layout=list(reversed(layout)))
    assert sheet(lab)["Analyses"] == [row["analysis_uid"] for row in reversed(layout)]
    with pytest.raises(ValidationError, match="Layout only orders"):
        lab.analyst1.update(SHEET, Layout=layout[:2])


def test_a_duplicate_made_in_a_worksheet_is_on_it(lab: Laboratory) -> None:
    made = lab.analyst1.create("DuplicateAnalysis", SHEET, Analysis=COPPER)
    assert made.states == {"review_state": "assigned"}
    assert made.uid in sheet(lab)["Analyses"]


def test_a_worksheet_follows_what_is_on_it(lab: Laboratory) -> None:
    for path in (COPPER, ZINC, DUPLICATE, CONTROL):
        lab.analyst1.submit(path)
    assert lab.admin.states(SHEET, DUPLICATE, CONTROL) == ["to_be_verified"] * 3
    for path in (COPPER, ZINC, DUPLICATE, CONTROL):
        lab.labmanager1.act(path, "verify")
    assert lab.admin.states(SHEET) == ["verified"]


def test_another_analysis_opens_a_worksheet_again(lab: Laboratory) -> None:
    for path in (COPPER, ZINC, DUPLICATE, CONTROL):
        lab.analyst1.submit(path)
    put(lab, OTHERS[0])
    assert lab.admin.states(SHEET, COPPER) == ["open", "to_be_verified"]


def test_a_worksheet_without_its_last_open_analysis_goes_on(lab: Laboratory) -> None:
    for path in (ZINC, DUPLICATE, CONTROL):
        lab.analyst1.submit(path)
    lab.analyst1.act(COPPER, "unassign")
    assert lab.admin.states(SHEET) == ["to_be_verified"]


def test_a_retest_takes_the_slot_of_what_it_repeats(lab: Laboratory) -> None:
    lab.analyst1.submit(ZINC)
    lab.verifier1.act(ZINC, "retract")
    assert slots(lab) == [(1, "c"), (2, "a"), (2, "a"), (3, "d"), (2, "a")]
    assert chain(lab, ZINC) == "assigned"


def test_the_analyst_of_a_worksheet_is_that_of_its_analyses(lab: Laboratory) -> None:
    lab.analyst1.update(SHEET, Analyst="analyst2")
    assert {lab.labmanager1.read(path)["Analyst"] for path in (COPPER, ZINC, DUPLICATE, CONTROL)} == {"analyst2"}


def test_a_rejected_worksheet_is_replaced(lab: Laboratory) -> None:
    for path in (COPPER, ZINC, DUPLICATE, CONTROL):
        lab.analyst1.update(path, Result="21")
        lab.analyst1.act(path, "submit")
    lab.verifier1.act(ZINC, "verify")
    lab.labmanager1.act(SHEET, "reject")
    new = "/worksheets/WS-002"
    assert slots(lab) == [(1, "c"), (2, "r"), (2, "a"), (3, "d")]
    assert slots(lab, new) == [(1, "c"), (2, "a"), (3, "d")]
    assert lab.admin.states(SHEET, new, COPPER, ZINC, DUPLICATE, CONTROL) == [
        "rejected",
        "open",
        "sample_received",
        "verified",
        "rejected",
        "rejected",
    ]
    moved = lab.labmanager1.read(COPPER)
    assert (moved["Result"], moved["Retested"], moved["worksheetanalysis_review_state"]) == ("", True, "assigned")
    (left,) = lab.labmanager1.find(portal_type="RejectAnalysis")
    assert (left["Result"], left["Analysis"]) == ("21", moved["UID"])
