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
        ("languages/de", "states: {open: offen}", "is not known"),
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
