"""Worklists: read from profiles, laid over each other, every name in them checked."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from objapi.model.loading import ProfileError, load_registry
from objapi.model.worklists import DeclaredWorklist

PROFILE = "title: Ours\nextends: [lims]\n"
DUE = "{title: Due, catalog: bika_catalog, criteria: {portal_type: AnalysisRequest, review_state: sample_due}"


def loaded(tmp_path: Path, text: str) -> dict[str, DeclaredWorklist]:
    """The worklists of a laboratory with some of its own."""
    (tmp_path / "profile.yaml").write_text(PROFILE, encoding="utf-8")
    (tmp_path / "worklists.yaml").write_text(text, encoding="utf-8")
    return dict(load_registry([tmp_path]).worklists)


def test_a_later_profile_adds_changes_and_replaces(tmp_path: Path) -> None:
    ours = f"ours: {DUE}}}\nlate: {{extend: true, title: Overdue}}\npublished: {DUE}, roles: [Analyst]}}\n"
    found = loaded(tmp_path, ours)
    assert list(found)[:2] == ["to_be_sampled", "to_be_preserved"]
    assert found["ours"].types == ("AnalysisRequest",)
    assert (found["late"].title, found["late"].sort_on) == ("Overdue", ("getDueDate",))
    assert (found["published"].roles, found["published"].columns) == (frozenset({"Analyst"}), ())


def test_places_are_filled_for_a_caller_and_a_moment(tmp_path: Path) -> None:
    criteria = "{portal_type: AnalysisRequest, Creator: ['{user}', other], getDueDate: {lt: '{now}'}}"
    worklist = loaded(tmp_path, f"ours: {{title: Ours, catalog: bika_catalog, criteria: {criteria}}}")["ours"]
    now = datetime(2026, 5, 4, tzinfo=UTC)
    assert worklist.criteria_of("mia", now) == {
        "portal_type": "AnalysisRequest",
        "Creator": ["mia", "other"],
        "getDueDate": {"lt": now.isoformat()},
    }


def test_a_worklist_is_for_holders_of_its_roles_or_for_all(tmp_path: Path) -> None:
    found = loaded(tmp_path, f"all: {DUE}}}\nsome: {DUE}, roles: [Analyst, LabClerk]}}\n")
    for roles, shown in ((frozenset(), [True, False]), (frozenset({"LabClerk", "Member"}), [True, True])):
        assert [found[name].is_for(roles) for name in ("all", "some")] == shown


@pytest.mark.parametrize(
    ("declared", "told"),
    [
        ("{catalog: nowhere, title: X, criteria: {portal_type: Batch}}", "there is no catalog 'nowhere'"),
        (f"{DUE}, roles: [Nobody]}}", "there is no role 'Nobody'"),
        (f"{DUE}, columns: [Klient]}}", "'Klient', did you mean 'Client'?"),
        (f"{DUE}, sort_on: [getSamplingDat]}}", "to sort by 'getSamplingDat', did you mean 'getSamplingDate'?"),
        (f"{DUE}, sort_order: upwards}}", "there is no order 'upwards'"),
        (f"{DUE}, transitions: [recieve]}}", "did you mean 'receive'?"),
        ("{title: X, catalog: bika_catalog}", "it asks for nothing"),
        ("{title: X, catalog: bika_catalog, criteria: {review_state: due}}", "it is not said what is found"),
        ("{catalog: bika_catalog, criteria: {portal_type: Batch}}", "title is missing"),
        ("{title: X, catalog: bika_catalog, criteria: {portal_type: Batsch}}", "there is no type 'Batsch'"),
        ("{title: X, catalog: bika_catalog, criteria: {portal_type: Client}}", "bika_catalog does not hold Client"),
        ("{title: X, catalog: bika_catalog, criteria: {portal_type: Batch, review_state: opne}}", "'open'"),
        ("{title: X, catalog: bika_catalog, criteria: {portal_type: Batch, colour: red}}", "no index 'colour'"),
        ("{title: X, catalog: bika_catalog, criteria: {portal_type: Batch, id: '{me}'}}", "{me} stands for nothing"),
        ("{title: X, catalog: bika_catalog, criteria: {portal_type: Batch, created: {lt: soon}}}", "soon"),
        (f"{DUE}, color: red}}", "is not known"),
    ],
)
def test_names_that_nothing_has_are_told(tmp_path: Path, declared: str, told: str) -> None:
    with pytest.raises(ProfileError) as raised:
        loaded(tmp_path, f"ours: {declared}\n")
    assert told in str(raised.value)
    assert "worklists.yaml:1" in str(raised.value)
