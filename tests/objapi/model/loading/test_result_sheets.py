"""Sheets of results: read from profiles, laid over each other, every name in them checked."""

from pathlib import Path

import pytest

from objapi.model.loading import ProfileError, load_registry
from objapi.model.result_sheets import DetectionLimits, ResultChoices, ResultSheet

PROFILE = "title: Ours\nextends: [lims]\n"
ROWS = "catalog: bika_analysis_catalog, criteria: {portal_type: Analysis, path: '{path}'}"
SHEET = f"{{title: Ours, result: Result, {ROWS}"


def loaded(tmp_path: Path, text: str) -> dict[str, ResultSheet]:
    """The sheets of a laboratory with some of its own."""
    (tmp_path / "profile.yaml").write_text(PROFILE, encoding="utf-8")
    (tmp_path / "result_sheets.yaml").write_text(text, encoding="utf-8")
    return dict(load_registry([tmp_path]).result_sheets)


def test_a_later_profile_adds_and_changes(tmp_path: Path) -> None:
    found = loaded(tmp_path, f"Batch: {SHEET}}}\nWorksheet: {{extend: true, transitions: []}}\n")
    assert list(found) == ["AnalysisRequest", "Worksheet", "Batch"]
    assert found["Batch"].range is found["Batch"].detection is found["Batch"].inputs is None
    assert found["Batch"].criteria_of("/batches/b", "1") == {"portal_type": "Analysis", "path": "/batches/b"}
    worksheet = found["Worksheet"]
    assert (worksheet.transitions, worksheet.criteria_of("/w", "u1")["getWorksheetUID"]) == ((), "u1")
    assert worksheet.detection == DetectionLimits(
        "Service", "LowerDetectionLimit", "UpperDetectionLimit", "uid_catalog"
    )
    assert worksheet.choices == ResultChoices("Service", "ResultOptions", "ResultValue", "ResultText", "uid_catalog")


@pytest.mark.parametrize(
    ("declared", "told"),
    [
        (f"Btach: {SHEET}}}", "there is no type 'Btach', did you mean 'Batch'?"),
        (f"Batch: {{title: X, {ROWS}}}", "result is missing"),
        (f"Batch: {{title: X, result: Resutl, {ROWS}}}", "did you mean 'Result'?"),
        (f"Batch: {SHEET}, inputs: Remarks}}", "its records have no keyword and no value"),
        (f"Batch: {SHEET}, calculated: Nothing}}", "there is no field of all these types 'Nothing'"),
        (f"Batch: {SHEET}, range: {{field: specification}}}}", "low is missing"),
        (f"Batch: {SHEET}, range: {{field: specs, low: min, high: max}}}}", "there is no field of these types 'specs'"),
        (f"Batch: {SHEET}, detection: {{reference: Result, lower: a, upper: b}}}}", "there is no reference 'Result'"),
        (
            f"Batch: {SHEET}, detection: {{reference: Service, lower: Lower, upper: UpperDetectionLimit}}}}",
            "there is no field of AnalysisService 'Lower'",
        ),
        (f"Batch: {SHEET}, choices: {{reference: Service, field: ResultOptions}}}}", "text is missing"),
        (
            f"Batch: {SHEET}, choices: {{reference: Service, field: Keyword, value: a, text: b}}}}",
            "there is no field of records of AnalysisService 'Keyword'",
        ),
        (
            f"Batch: {SHEET}, choices: {{reference: Service, field: ResultOptions, value: Valeu, text: ResultText}}}}",
            "there is no subfield of these records 'Valeu'",
        ),
        (f"Batch: {SHEET.replace('{path}', '{user}')}}}", "{user} stands for nothing"),
        (f"Batch: {SHEET}, colour: red}}", "is not known"),
    ],
)
def test_names_that_nothing_has_are_told(tmp_path: Path, declared: str, told: str) -> None:
    with pytest.raises(ProfileError) as raised:
        loaded(tmp_path, f"{declared}\n")
    assert told in str(raised.value)
    assert "result_sheets.yaml:1" in str(raised.value)
