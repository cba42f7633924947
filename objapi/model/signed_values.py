"""Part of an object that a signature is about: the values that people enter. Pure.

States are left out, since those that follow would break each signature, and so are values that the gateway alone
writes, such as the instant of a later publication.
"""

from collections.abc import Mapping

from objapi.model.registry import Registry
from objapi.model.types import EntityType

SIGNATURES = "signatures"
"""The name under which the signatures of an object are answered."""


def signed_values(entity_type: EntityType, data: Mapping[str, object]) -> dict[str, object]:
    """The stored values that count, by field."""
    return {name: value for name, value in data.items() if counts(entity_type, name)}


def counts(entity_type: EntityType, name: str) -> bool:
    """True for a field that people write, and for one that is declared no more."""
    field = entity_type.fields.get(name)
    return field is None or not field.system


def takes_signatures(registry: Registry, portal_type: str) -> bool:
    """True for a type of which some transition is signed."""
    return any(
        transition.signature is not None
        for workflow in registry.chain(portal_type)
        for transition in workflow.transitions.values()
    )
