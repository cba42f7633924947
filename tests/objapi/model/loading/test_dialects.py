"""Dialects: read from profiles, laid over each other, every name in them checked."""

from pathlib import Path

import pytest

from objapi.model.dialects import Dialect
from objapi.model.loading import ProfileError, load_registry
from objapi.model.registry import fold
from objapi.model.types import FoldRule

PROFILE = "title: Ours\nextends: [lims]\n"


def loaded(tmp_path: Path, dialect: str, profile: str = PROFILE) -> Dialect:
    """The dialect of a laboratory with declarations of its own."""
    (tmp_path / "dialects").mkdir(exist_ok=True)
    (tmp_path / "profile.yaml").write_text(profile, encoding="utf-8")
    (tmp_path / "dialects" / "senaite.yaml").write_text(dialect, encoding="utf-8")
    return load_registry([tmp_path]).dialects["senaite"]


def test_a_later_profile_adds_to_the_dialect(tmp_path: Path) -> None:
    dialect = loaded(tmp_path, "types:\n  ARPriority: {catalog: senaite_catalog_setup, names: [Priority]}\n")
    assert dialect.resources["arpriority"] == ("ARPriority", "ARPriority")
    assert dialect.resources["priority"] == ("ARPriority", "Priority")
    assert dialect.types["Client"].catalog == "senaite_catalog_client"


def test_a_later_profile_extends_a_type(tmp_path: Path) -> None:
    dialect = loaded(tmp_path, "types:\n  Client: {extend: true, fields: {phone: Phone}}\n")
    assert dialect.types["Client"].fields["phone"].field == "Phone"
    assert dialect.types["Client"].found_by == ("getClientID",)


def test_names_in_any_case_and_without_blanks_are_resources(tmp_path: Path) -> None:
    dialect = loaded(tmp_path, "")
    assert dialect.resources["analysisrequest"] == ("AnalysisRequest", "AnalysisRequest")
    assert dialect.resources["sampletemplate"] == ("ARTemplate", "SampleTemplate")
    assert dialect.shown_transitions == {"retract_ar": "invalidate"}


@pytest.mark.parametrize(
    ("declared", "told"),
    [
        ("types: {Cleint: {catalog: uid_catalog}}", "there is no type 'Cleint', did you mean 'Client'?"),
        ("types: {ARPriority: {catalog: nowhere}}", "there is no catalog of the dialect 'nowhere'"),
        ("types: {ARPriority: {}}", "types.ARPriority.catalog"),
        ("types: {ARPriority: {catalog: senaite_catalog_client}}", "senaite_catalog_client does not show ARPriority"),
        ("types: {Batch: {extend: true, fields: {x: Titel}}}", "there is no field 'Titel'"),
        ("types: {Batch: {extend: true, fields: {x: {field: title, words: nothing}}}}", "no set of words 'nothing'"),
        ("types: {Batch: {extend: true, written: {x: {to: nothing}}}}", "there is no field 'nothing'"),
        ("types: {Batch: {extend: true, defaults: {BatchDate: [Nothing]}}}", "Batch has no 'Nothing'"),
        ("types: {Batch: {extend: true, read: {x: Client.Nothing}}}", "Client has no 'Nothing'"),
        ("types: {Batch: {extend: true, read: {x: {actor: nothing}}}}", "there is no transition 'nothing'"),
        ("types: {Batch: {extend: true, found_by: [nothing]}}", "there is no index 'nothing'"),
        ("types: {Batch: {extend: true, contents: [Analyses]}}", "there is no embedded object 'Analyses'"),
        ("types: {Batch: {extend: true, colour: red}}", "is not known"),
        ("catalogs: {ours: {catalog: nowhere}}", "there is no catalog 'nowhere'"),
        ("catalogs: {ours: {catalog: portal_catalog, types: [Analysis]}}", "no type in portal_catalog 'Analysis'"),
        ("catalogs: {ours: {catalog: portal_catalog, indexes: {x: nothing}}}", "no index of portal_catalog 'nothing'"),
        ("catalogs: {ours: {catalog: portal_catalog, indexes: {x: {present: nothing}}}}", "'nothing'"),
        (
            "catalogs: {ours: {catalog: portal_catalog, columns: {x: {url: nothing}}}}",
            "has no reference field 'nothing'",
        ),
        (
            "catalogs: {ours: {catalog: portal_catalog, columns: {x: {own: nothing}}}}",
            "no value of every object 'nothing'",
        ),
        ("transitions: {go: nowhere}", "there is no transition 'nowhere'"),
        ("deactivation: nothing", "there is no transition 'nothing'"),
        ("everything: nowhere", "there is no catalog of the dialect 'nowhere'"),
        ("folder_aliases: {/a/../b: /c}", "/a/../b"),
        ("nonsense: 1", "is not known"),
    ],
)
def test_a_name_that_is_not_there_is_told_with_its_place(tmp_path: Path, declared: str, told: str) -> None:
    with pytest.raises(ProfileError) as refused:
        loaded(tmp_path, declared + "\n")
    assert told in str(refused.value)
    assert "senaite.yaml" in str(refused.value)


# Folded states

RULES = (
    FoldRule("cancellation_state", frozenset({"cancelled"})),
    FoldRule("worksheet_state", when={"review_state": frozenset({"received"})}),
    FoldRule("review_state", frozenset({"due", "sampled"}), word="registered"),
    FoldRule("review_state"),
)


@pytest.mark.parametrize(
    ("states", "folded"),
    [
        ({"review_state": "due", "cancellation_state": "cancelled"}, "cancelled"),
        ({"review_state": "due", "cancellation_state": "active"}, "registered"),
        ({"review_state": "received", "worksheet_state": "assigned"}, "assigned"),
        ({"review_state": "received"}, "received"),
        ({"review_state": "verified", "worksheet_state": "assigned"}, "verified"),
        ({}, None),
    ],
)
def test_the_first_rule_that_applies_gives_the_word(states: dict[str, str], folded: str | None) -> None:
    assert fold(RULES, states.get) == folded


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("{variable: reveiw_state}", "there is no workflow variable 'reveiw_state'"),
        ("{variable: review_state, types: [Cleint]}", "there is no type 'Cleint'"),
        ("{variable: review_state, when: {nothing: [x]}}", "there is no workflow variable 'nothing'"),
        ("{values: [x]}", "variable"),
    ],
)
def test_rules_name_variables_that_there_are(tmp_path: Path, rule: str, told: str) -> None:
    with pytest.raises(ProfileError) as refused:
        loaded(tmp_path, "", f"{PROFILE}folded_state:\n  - {rule}\n")
    assert told in str(refused.value)


def test_an_object_with_one_workflow_is_in_its_state(tmp_path: Path) -> None:
    registry = load_registry(["lims"])
    states = {"review_state": "active", "inactive_state": "inactive"}
    assert fold(registry.types["Client"].folds, states.get) == "inactive"
    assert fold(registry.types["Batch"].folds, {"review_state": "open"}.get) == "open"
