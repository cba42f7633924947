"""What clients sent for objects, as stored values: validated, references resolved together, files made ready."""

from collections.abc import Mapping
from dataclasses import dataclass

from objapi.errors import ApiError, UnusedFields, ValidationError
from objapi.model.types import EntityType, Field
from objapi.model.validation import Mode, Validated, validate
from objapi.model.values import LoadContext
from objapi.store.blobs import new_blob
from objapi.store.writing.batch_attempt import BatchAttempt
from objapi.store.writing.resolve import Resolver, Wanted


@dataclass(frozen=True, slots=True)
class Sent:
    """Values for one object of a type, as the client sent them."""

    entity_type: EntityType
    values: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Incoming:
    """The fields that were sent, and their stored values as far as they could be read."""

    names: tuple[str, ...]
    values: Mapping[str, object]


def read_incoming(
    attempt: BatchAttempt, sent: Mapping[int, Sent], mode: Mode, context: LoadContext, resolver: Resolver
) -> dict[int, Incoming]:
    """Read the values of all items; what is wrong is noted in the attempt."""
    checked = {place: _validated(attempt, place, item, mode, context) for place, item in sent.items()}
    wanted = [
        (place, Wanted(_field(sent[place].entity_type, name), lookups))
        for place, item in checked.items()
        for name, lookups in item.references.items()
        if lookups is not None
    ]
    resolved: dict[tuple[int, str], object] = {}
    for (place, want), uids in zip(wanted, resolver.references([want for _, want in wanted]), strict=True):
        if isinstance(uids, ApiError):
            attempt.fail(place, uids)
        else:
            resolved[place, want.field.name] = uids if want.field.multi else uids[0] if uids else None
    return {
        place: Incoming(item.names, _stored(attempt, place, sent[place], item, resolved))
        for place, item in checked.items()
    }


def _field(entity_type: EntityType, name: str) -> Field:
    return entity_type.create_parameters.get(name) or entity_type.fields[name]


def _validated(attempt: BatchAttempt, place: int, item: Sent, mode: Mode, context: LoadContext) -> Validated:
    checked = validate(item.entity_type, item.values, mode=mode, context=context)
    if checked.unused:
        attempt.fail(place, UnusedFields(checked.unused))
    missing = [cause for cause in checked.problems if cause.code == "required" and mode == "create"]
    if missing:
        names = ", ".join(cause.name for cause in missing)
        attempt.fail(place, ValidationError(f"Required field not found in request: {names}", causes=missing))
    others = [cause for cause in checked.problems if cause not in missing]
    if others:
        attempt.fail(place, ValidationError.from_causes(others))
    return checked


def _stored(
    attempt: BatchAttempt, place: int, item: Sent, checked: Validated, resolved: Mapping[tuple[int, str], object]
) -> dict[str, object]:
    values: dict[str, object] = dict(checked.values)
    for name, lookups in checked.references.items():
        if lookups is None:
            values[name] = [] if _field(item.entity_type, name).multi else None
        elif (place, name) in resolved:
            values[name] = resolved[place, name]
    for name, file in checked.files.items():
        blob = new_blob(file.content)
        attempt.planner.blobs.append(blob)
        values[name] = {
            "filename": file.filename,
            "content_type": file.content_type,
            "size": len(file.content),
            "sha256": blob.sha256,
        }
    return {name: values[name] for name in checked.names if name in values}
