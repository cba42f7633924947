"""Labels and help of fields for all types, and translations: read from profiles, every name in them checked."""

from pathlib import Path

import pytest

from objapi.model.labels import Label
from objapi.model.loading import ProfileError, load_registry
from objapi.model.registry import Registry

TYPES = """
Fridge:
  title: Fridge
  containers: [ClientFolder]
  id: {kind: sequence, form: 'fridge-{n}'}
  fields:
    Colour: {kind: string}
    Remarks: {kind: text, about: What the fridge is like.}
  create_parameters: {Colours: {kind: string}}
"""


def loaded(folder: Path, **files: str) -> Registry:
    """A laboratory with fridges, and with files of their profile."""
    for name, text in {"profile": "title: Ours\nextends: [lims]\n", "types/fridge": TYPES, **files}.items():
        path = folder / f"{name}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return load_registry([folder])


def test_a_field_has_the_help_of_its_name_unless_it_says_something_itself(tmp_path: Path) -> None:
    registry = loaded(tmp_path, fields="Colour: {title: Color, about: By name.}\nColours: {about: All.}\n")
    fridge = registry.types["Fridge"]
    assert (fridge.fields["Colour"].title, fridge.fields["Colour"].about) == ("Color", "By name.")
    assert fridge.create_parameters["Colours"].about == "All."
    assert fridge.fields["Remarks"].about == "What the fridge is like."
    assert registry.types["Batch"].fields["Remarks"].about == "Anything else worth knowing."


def test_translations_of_one_type_stand_above_those_of_a_name_and_later_ones_above_earlier(tmp_path: Path) -> None:
    german = (
        "types: {Fridge: {title: Schrank, fields: {Remarks: {about: Wie er ist.}}}}\nfields: {Colour: {title: F}}\n"
    )
    registry = loaded(tmp_path, **{"languages/de": german})
    fridge, labels = registry.types["Fridge"], registry.labels("de")
    assert labels.of_type(fridge) == Label("Schrank", "")
    assert labels.of_field("Fridge", fridge.fields["Remarks"]) == Label("Bemerkungen", "Wie er ist.")
    assert labels.of_field("Fridge", fridge.fields["Colour"]) == Label("F", "")
    assert labels.of_type(registry.types["Batch"]).title == "Charge"
    for other in (None, "fr"):
        assert registry.labels(other).of_field("Fridge", fridge.fields["Remarks"]) == Label(
            "", "What the fridge is like."
        )


@pytest.mark.parametrize(
    ("file", "text", "told"),
    [
        ("fields", "Color: {about: X}", "there is no field of any type 'Color'"),
        ("fields", "Colour: {help: X}", "is not known"),
        ("languages/de", "types: {Frigde: {title: X}}", "there is no type 'Frigde', did you mean 'Fridge'?"),
        ("languages/de", "types: {Fridge: {fields: {Color: {title: X}}}}", "there is no field of Fridge 'Color'"),
        ("languages/de", "fields: {Color: {title: X}}", "there is no field of any type 'Color'"),
        ("languages/de", "states: {ajar: X}", "there is no state 'ajar'"),
        (
            "languages/de",
            "workflows: {bika_batch_workflow: {states: {due: X}}}",
            "no state of bika_batch_workflow 'due'",
        ),
        ("languages/de", "fields: {DecimalMark: {words: {'-': X}}}", "there is no choice of DecimalMark '-'"),
        ("languages/de", "indexes: {getColour: X}", "there is no index or variable of a workflow 'getColour'"),
        ("languages/de", "roles: {Manager: X}", "is not known"),
    ],
    ids=str,
)
def test_names_that_nothing_has_are_told(tmp_path: Path, file: str, text: str, told: str) -> None:
    with pytest.raises(ProfileError) as raised:
        loaded(tmp_path, **{file: f"{text}\n"})
    assert told in str(raised.value)
    assert f"{file}.yaml:1" in str(raised.value)


def test_every_type_and_field_of_the_laboratory_has_its_words_in_german() -> None:
    """But for identifiers of other objects, and what only other programs use."""
    registry = load_registry(["lims"])
    labels = registry.labels("de")
    bare = {
        field.name
        for declared in registry.types.values()
        for field in declared.fields.values()
        if not field.about or not labels.of_field(declared.portal_type, field).title
    }
    of_others = {"_AvailableInstruments", "_Calculation", "_Instruments", "ManualEntryOfResultsViewField"}
    computed = {"InvoiceSearchableText", "service_data", "Analyses"}
    assert {name for name in bare if not name.endswith("UID")} <= of_others | computed


def test_whatever_else_the_laboratory_names_has_its_words_in_german() -> None:
    """Each in its own words: what is called alike in one language may have two names in the other."""
    registry = load_registry(["lims"])
    labels = registry.labels("de")
    missing = {
        *(name for name in registry.types if name not in labels.types),
        *(item.id for item in registry.workflows.values() if not labels.workflows[item.id].title),
        *(state for item in registry.workflows.values() for state in item.states if state not in labels.states),
        *(step for item in registry.workflows.values() for step in item.transitions if step not in labels.transitions),
        *(name for name in registry.catalogs if name not in labels.catalogs),
        *(name for name in registry.instrument_files if name not in labels.result_files),
        *(
            f"{declared.portal_type}.{field.name} {value}"
            for declared in registry.types.values()
            for field in (*declared.fields.values(), *declared.create_parameters.values())
            for value in field.vocabulary
            if value not in labels.fields[field.name].words
        ),
        *(item.state_variable for item in registry.workflows.values() if not labels.of_index(item.state_variable)),
        *(
            index
            for catalog in registry.catalogs.values()
            for index in catalog.schema.indexes
            if index not in catalog.hidden and not labels.of_index(index)
        ),
        *(item.name for item in registry.worklists.values() if not (item.titles.get("de") and item.abouts.get("de"))),
        *(name for name, sheet in registry.result_sheets.items() if not sheet.titles.get("de")),
        *(chart.name for chart in registry.charts.values() if not chart.titles.get("de")),
        *(count.title for chart in registry.charts.values() for count in chart.counts if not count.titles.get("de")),
    }
    assert not missing


def test_names_in_one_workflow_stand_above_those_of_an_id(tmp_path: Path) -> None:
    german = (
        "workflows: {bika_batch_workflow: {title: W, states: {open: A}, transitions: {close: B}}}\n"
        "states: {open: C}\nindexes: {getId: Kennung}\n"
    )
    registry = loaded(tmp_path, **{"languages/de": german})
    labels, workflows = registry.labels("de"), registry.workflows
    batch, tour = workflows["bika_batch_workflow"], workflows["bika_samplinground_workflow"]
    assert labels.of_workflow(batch) == "W"
    assert (labels.of_state(batch, batch.states["open"]), labels.of_state(tour, tour.states["open"])) == ("A", "C")
    assert labels.of_transition(batch, batch.transitions["close"]) == "B"
    assert registry.labels("fr").of_state(batch, batch.states["open"]) == "Open"
    # An index is called as the field that it is named after, unless it has a name of its own.
    named = [labels.of_index(name) for name in ("getClientUID", "getId", "review_state", "no_such_index")]
    assert named == ["Kunde", "Kennung", "Zustand", ""]
