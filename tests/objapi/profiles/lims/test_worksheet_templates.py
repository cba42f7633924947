"""Worksheet templates fill worksheets; the instrument of a sheet goes to its analyses."""

from typing import Any

import pytest

from objapi.errors import ValidationError
from objapi.store.requests import ByPath, CreateItem
from tests.objapi.profiles.lims.laboratory import Laboratory

TEMPLATE = "/bika_setup/bika_worksheettemplates/worksheettemplate-1"
BOTTLE = "/bika_setup/bika_suppliers/supplier-1/QC-001"
SERVICES = "/bika_setup/bika_analysisservices"
COPPER, ZINC = f"{SERVICES}/analysisservice-2", f"{SERVICES}/analysisservice-4"


def filled(lab: Laboratory, **values: object) -> str:
    return lab.analyst1.create(
        "Worksheet", "/worksheets", WorksheetTemplate=TEMPLATE, Analyst="analyst1", **values
    ).path


def slots(lab: Laboratory, sheet: str) -> list[tuple[int, str, str, str]]:
    """Position, type, portal type and keyword of each row of the layout."""
    found = {item["UID"]: item for item in lab.admin.find("bika_analysis_catalog")}
    rows = lab.admin.read(sheet)["Layout"]
    return [
        (
            int(row["position"]),
            row["type"],
            found[row["analysis_uid"]]["portal_type"],
            found[row["analysis_uid"]]["Keyword"],
        )
        for row in rows
    ]


def on(lab: Laboratory, sheet: str) -> list[dict[str, Any]]:
    listed = lab.admin.read(sheet)["Analyses"]
    found = {item["UID"]: item for item in lab.admin.find("bika_analysis_catalog")}
    return [found[uid] for uid in listed]


def test_a_template_fills_a_new_worksheet(lab: Laboratory) -> None:
    sheet = filled(lab)
    assert slots(lab, sheet) == [
        (1, "c", "ReferenceAnalysis", "Cu"),
        (1, "c", "ReferenceAnalysis", "Zn"),
        (2, "a", "Analysis", "Cu"),
        (2, "a", "Analysis", "Zn"),
        (3, "d", "DuplicateAnalysis", "Cu"),
        (3, "d", "DuplicateAnalysis", "Zn"),
    ]
    analyses = on(lab, sheet)
    instrument = lab.admin.read(TEMPLATE)["Instrument"]
    assert {item["Instrument"] for item in analyses} == {instrument} == {lab.admin.read(sheet)["Instrument"]}
    assert {item["Analyst"] for item in analyses} == {"analyst1"}
    routine = [item for item in analyses if item["portal_type"] == "Analysis"]
    assert {item["worksheetanalysis_review_state"] for item in routine} == {"assigned"}
    assert len({item["RequestID"] for item in routine}) == 1
    assert {item["review_state"] for item in analyses if item["portal_type"] != "Analysis"} == {"assigned"}


def test_what_a_worksheet_has_is_on_no_other(lab: Laboratory) -> None:
    first, second = filled(lab), filled(lab)
    taken = {item["UID"] for item in on(lab, first)}
    assert taken.isdisjoint(item["UID"] for item in on(lab, second))


def test_several_positions_take_a_request_each(lab: Laboratory) -> None:
    layout = [{"pos": number, "type": "a"} for number in (1, 3)] + [{"pos": 2, "type": "d", "dup": "1"}]
    lab.labmanager1.update(TEMPLATE, Layout=layout, Service=[ZINC])
    sheet = filled(lab)
    assert [(position, kind) for position, kind, _, _ in slots(lab, sheet)] == [(1, "a"), (2, "d"), (3, "a")]
    requests = [item["RequestID"] for item in on(lab, sheet)]
    assert requests[0] == requests[1] != requests[2]


def test_a_template_fills_the_free_positions_of_an_open_worksheet(lab: Laboratory) -> None:
    sheet = lab.analyst1.create("Worksheet", "/worksheets", Analyst="analyst1").path
    waiting = lab.admin.find(
        "bika_analysis_catalog",
        getKeyword="Ca",
        review_state="sample_received",
        worksheetanalysis_review_state="unassigned",
    )
    lab.analyst1.update(sheet, Analyses=[waiting[0]["UID"]])
    lab.analyst1.update(sheet, WorksheetTemplate=TEMPLATE)
    assert [(position, kind, keyword) for position, kind, _, keyword in slots(lab, sheet)] == [
        (1, "a", "Ca"), (2, "a", "Cu"), (2, "a", "Zn"), (3, "d", "Cu"), (3, "d", "Zn"),
    ]  # fmt: skip


def test_a_worksheet_that_is_done_takes_no_template(lab: Laboratory) -> None:
    sheet = filled(lab)
    for item in on(lab, sheet):
        lab.analyst1.submit(item["path"].removeprefix("/Plone"))
    lab.analyst1.update(sheet, Remarks="done")
    with pytest.raises(ValidationError, match="is not open"):
        lab.labmanager1.update(sheet, WorksheetTemplate="")
        lab.labmanager1.update(sheet, WorksheetTemplate=TEMPLATE)


@pytest.mark.parametrize("out_of_use", [{"ExpiryDate": "2014-01-01"}, "expire", "deactivate", {"ReferenceResults": []}])
def test_a_control_that_nobody_has_is_refused(lab: Laboratory, out_of_use: Any) -> None:
    if out_of_use == {"ReferenceResults": []}:
        lab.labmanager1.update(TEMPLATE, Service=[f"{SERVICES}/analysisservice-1"])
    elif isinstance(out_of_use, dict):
        lab.labmanager1.update(BOTTLE, **out_of_use)
    else:
        lab.labmanager1.act(BOTTLE, out_of_use)
    with pytest.raises(ValidationError, match="position 1 of the template takes a control of Metals control 20"):
        filled(lab)


def test_the_instrument_of_a_worksheet_goes_to_its_analyses(lab: Laboratory) -> None:
    sheet = filled(lab)
    there = lab.admin.read("/bika_setup/bika_instruments/instrument-1")
    needed = {name: there[name] for name in ("InstrumentType", "Manufacturer", "Supplier")}
    other = lab.labmanager1.create("Instrument", "/bika_setup/bika_instruments", title="Spare", **needed).path
    lab.labmanager1.update(COPPER, Instruments=[])
    lab.labmanager1.update(sheet, Instrument=other)
    uid, first = lab.admin.read(other)["UID"], lab.admin.read("/bika_setup/bika_instruments/instrument-1")["UID"]
    assert {(item["Keyword"], item["Instrument"]) for item in on(lab, sheet)} == {("Cu", uid), ("Zn", first)}


def test_a_repetition_takes_the_position_and_the_instrument_of_what_it_repeats(lab: Laboratory) -> None:
    sheet = filled(lab)
    zinc = next(item for item in on(lab, sheet) if item["portal_type"] == "Analysis" and item["Keyword"] == "Zn")
    path = zinc["path"].removeprefix("/Plone")
    lab.analyst1.submit(path)
    lab.verifier1.act(path, "retract")
    again = lab.admin.read(path)
    row = next(row for row in lab.admin.read(sheet)["Layout"] if row["analysis_uid"] == again["UID"])
    assert (row["position"], again["Instrument"], again["UID"] != zinc["UID"]) == (2, zinc["Instrument"], True)


def test_a_dry_run_fills_nothing(lab: Laboratory) -> None:
    item = CreateItem("Worksheet", ByPath("/worksheets"), {"WorksheetTemplate": TEMPLATE, "Analyst": "analyst1"})
    outcome = lab.analyst1._run(lambda tx: tx.create([item], dry_run=True), write=True)
    made = [change.portal_type for change in outcome.plan.changes if change.event == "create"]
    assert (made.count("ReferenceAnalysis"), made.count("DuplicateAnalysis")) == (2, 2)
    assert len(lab.admin.find(portal_type="Worksheet")) == 1


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([{"type": "b"}], "position 1: blank_ref is the UID of a reference definition"),
        ([{"type": "c", "control_ref": "0" * 32}], "position 1: control_ref is the UID"),
        ([{"type": "d", "dup": "1"}], "position 1: dup is the pos of routine analyses"),
        ([{"type": "a"}, {"type": "d", "dup": "1"}, {"type": "d", "dup": "2"}], "position 3: dup"),
    ],
)
def test_what_positions_of_a_template_name_is_there(lab: Laboratory, rows: list[dict[str, str]], why: str) -> None:
    layout = [{"pos": number, **row} for number, row in enumerate(rows, start=1)]
    with pytest.raises(ValidationError, match=why):
        lab.labmanager1.update(TEMPLATE, Layout=layout)
