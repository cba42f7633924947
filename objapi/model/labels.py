"""What types and fields are called, and what helps to fill them in: as they are declared, and in other languages."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from objapi.model.types import EntityType, Field


@dataclass(frozen=True, slots=True)
class Label:
    """A title and help; either may be empty."""

    title: str = ""
    about: str = ""


@dataclass(frozen=True, slots=True)
class Labels:
    """The labels in one language. Those of a field in one type stand above those of all fields of that name."""

    types: Mapping[str, Label] = field(default_factory=dict)
    fields: Mapping[str, Label] = field(default_factory=dict)
    own_fields: Mapping[tuple[str, str], Label] = field(default_factory=dict)
    """Type and field."""

    def of_type(self, declared: EntityType) -> Label:
        """The label of a type; what has no translation is as it is declared."""
        found = self.types.get(declared.portal_type, _NOTHING)
        return Label(found.title or declared.title, found.about or declared.about)

    def of_field(self, portal_type: str, declared: Field) -> Label:
        """The label of a field of a type; what has no translation is as it is declared."""
        own = self.own_fields.get((portal_type, declared.name), _NOTHING)
        shared = self.fields.get(declared.name, _NOTHING)
        return Label(own.title or shared.title or declared.title, own.about or shared.about or declared.about)


_NOTHING: Final = Label()
AS_DECLARED: Final = Labels()
