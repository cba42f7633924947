"""Charts: read from profiles, laid over each other, every name in them checked."""

from pathlib import Path

import pytest

from objapi.model.charts import Chart
from objapi.model.loading import ProfileError, load_registry

PROFILE = "title: Ours\nextends: [lims]\n"
ROWS = "catalog: bika_analysis_catalog, criteria: {portal_type: Analysis, getClientUID: '{uid}'}"
DATES = "date: ResultCaptureDate, date_index: getResultCaptureDate"
CHART = f"{{title: Ours, of: [Client], {ROWS}, value: Result, {DATES}"
COUNT = "{title: Ours, catalog: bika_catalog, criteria: {portal_type: Sample}"


def loaded(tmp_path: Path, text: str) -> dict[str, Chart]:
    """The charts of a laboratory with some of its own."""
    (tmp_path / "profile.yaml").write_text(PROFILE, encoding="utf-8")
    (tmp_path / "charts.yaml").write_text(text, encoding="utf-8")
    return dict(load_registry([tmp_path]).charts)


def test_a_later_profile_adds_and_changes(tmp_path: Path) -> None:
    found = loaded(tmp_path, f"ours: {CHART}}}\nrequests_per_week: {{extend: true, roles: []}}\n")
    assert list(found)[-1] == "ours"
    assert found["ours"].criteria_of("/clients/c", "u1") == {"portal_type": "Analysis", "getClientUID": "u1"}
    assert [one.index for one in found["requests_per_week"].counts] == ["getDateReceived", "getDatePublished"]
    assert found["requests_per_week"].is_for(frozenset())
    assert not found["results_of_client"].counts


@pytest.mark.parametrize(
    ("declared", "told"),
    [
        (f"ours: {CHART.replace('Client]', 'Clinet]')}}}", "there is no type 'Clinet', did you mean 'Client'?"),
        (f"ours: {{title: X, of: [Client], {ROWS}, value: Result}}", "date is missing"),
        (f"ours: {CHART.replace('value: Result', 'value: Resutl')}}}", "did you mean 'Result'?"),
        (f"ours: {CHART.replace('getResultCaptureDate', 'getResult')}}}", "there is no index of dates"),
        (f"ours: {CHART}, filters: [getNothing]}}", "there is no index of bika_analysis_catalog 'getNothing'"),
        (f"ours: {CHART}, range: {{field: specification}}}}", "low is missing"),
        (f"ours: {CHART}, expected: {{field: Name, key: a, of: Unit, value: b, low: c, high: d}}}}", "subfield of it"),
        (f"ours: {CHART}, counts: {{}}}}", "it goes with value, not with counts"),
        (f"ours: {COUNT}, counts: {{made: {{index: getClientUID}}}}}}", "there is no index of dates of bika_catalog"),
        (f"ours: {COUNT}, counts: {{made: {{title: Made}}}}}}", "index is missing"),
        (f"ours: {COUNT.replace('Sample}', 'Sample, path: x, UID: ' + chr(39) + '{uid}' + chr(39) + '}')}}}", "{uid}"),
        (f"ours: {COUNT}, roles: [Nobody]}}", "there is no role 'Nobody'"),
    ],
)
def test_names_that_nothing_has_are_told(tmp_path: Path, declared: str, told: str) -> None:
    with pytest.raises(ProfileError) as raised:
        loaded(tmp_path, f"{declared}\n")
    assert told in str(raised.value)
    assert "charts.yaml:1" in str(raised.value)
