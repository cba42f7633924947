"""Values on their way in: names and shapes of SENAITE turned into those of the profile, for all records at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from objapi.errors import ApiError, BadRequest, Cause, ValidationError, sentence_end
from objapi.http.forms.pairs import FormUpload
from objapi.model.dialects import Default, DialectType, DialectWords, WrittenName
from objapi.model.paths import Path, Target
from objapi.model.references import is_uid
from objapi.model.types import Kind
from objapi.senaite.field_values import BASE_KEYS
from objapi.senaite.parameters import NOISE
from objapi.senaite.references import References
from objapi.senaite.values import instant
from objapi.senaite.vocabulary import Vocabulary
from objapi.store.reading.object_records import uids_of
from objapi.store.transaction import Transaction
from workflows.declarations import suggestion

CONTROLS: Final = frozenset(
    {
        "partial", "dry_run", "strict", "transition", "comment", "portal_type", "obj_type", "parent_uid", "parent_path",
        "complete", "children", "workflow", "filedata", "fields", "action",
    }
)  # fmt: skip
"""Keys of a record that are about the request."""
NEVER_FIELDS: Final = frozenset({*BASE_KEYS, "version", "UID"}) - {"title", "description"}
"""Keys that a new object cannot be given: they are ignored, since clients send back what they once read."""
_FILE_KEYS: Final = ("filename", "content_type", "mimetype")


@dataclass(slots=True)
class Record:
    """One record of a request: the values for an object of a type, under the profile's names."""

    portal_type: str
    values: dict[str, Any] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    errors: list[ApiError] = field(default_factory=list)
    given: dict[str, tuple[str, WrittenName]] = field(default_factory=dict)
    """Field → the name that only requests carry, by which it was given."""


class IncomingReader:
    """Reads the records of one request."""

    def __init__(self, vocabulary: Vocabulary, tx: Transaction, site_id: str) -> None:
        self._vocabulary = vocabulary
        self._tx = tx
        self._references = References(vocabulary, tx, site_id)

    def read(self, sent: Sequence[tuple[str, Mapping[str, Any]]], *, new: bool) -> list[Record]:
        """The records of objects of some types. What is wrong with each is among its errors."""
        records = [self._named(portal_type, values, new=new) for portal_type, values in sent]
        for record in records:
            self._translate_words(record, new=new)
            for name, value in record.values.items():
                declared = self._vocabulary.field(record.portal_type, name)
                if declared.kind is Kind.REFERENCE:
                    self._references.expect(declared, value)
        self._references.find()
        for record in records:
            self._resolve(record)
        self._go_through(records)
        if new:
            self._fill(records)
        return records

    # Names

    def _named(self, portal_type: str, sent: Mapping[str, Any], *, new: bool) -> Record:
        """The record with the values under the profile's names; those that mean nothing are noted."""
        record = Record(portal_type)
        known = self._vocabulary.dialect.types.get(portal_type)
        written = {} if known is None else known.written
        sent = self._with_files(portal_type, sent)
        for name, value in sent.items():
            if name in CONTROLS or name in NOISE or name.startswith("__ac_") or (new and value is None):
                continue
            if new and name in NEVER_FIELDS and self._vocabulary.own_field(portal_type, name) is None:
                continue
            if new and name in ("id", "path", "uid", "version"):
                continue
            if known is not None and name in known.not_here and value not in (None, "", [], {}):
                message = f"{name}: this laboratory has no place for it; leave it out."
                record.errors.append(ValidationError(message, causes=[Cause("field", name, message)]))
                continue
            own = written.get(name)
            if own is not None and (new or own.adds or own.to in self._vocabulary.entity_type(portal_type).fields):
                record.values[own.to] = value
                record.given[own.to] = (name, own)
                continue
            field_name = self._vocabulary.own_field(portal_type, name)
            if field_name is None or (new and self.is_given(portal_type, field_name)):
                if known is None or name not in known.not_here:
                    record.unknown.append(name)
                continue
            record.values[field_name] = self._shaped(portal_type, field_name, value)
        if new and record.unknown:
            record.errors.append(self.unknown_error(portal_type, record.unknown))
        return record

    def is_given(self, portal_type: str, name: str) -> bool:
        """True for a field whose value the gateway gives: computed ones, and those of the system."""
        declared = self._vocabulary.field(portal_type, name)
        return declared.system or declared.path is not None or declared.compute is not None

    def unknown_error(self, portal_type: str, names: Sequence[str]) -> BadRequest:
        """The refusal of names that mean nothing for a type."""
        known = [plan.name for plan in self._vocabulary.plans(portal_type)]
        shown = self._vocabulary.shown_type(portal_type, {})
        causes = [
            Cause(
                "parameter",
                name,
                f"{name!r} is not a field of {shown}{sentence_end(suggestion(name, known))}",
                code="unused",
            )
            for name in names
        ]
        return BadRequest(
            f"{', '.join(names)}: no such field of {shown} can be written. Nothing was written.", causes=causes
        )

    def _with_files(self, portal_type: str, sent: Mapping[str, Any]) -> Mapping[str, Any]:
        """The values with those of files that stand beside the text of one put together with it."""
        entity_type = self._vocabulary.entity_type(portal_type)
        files = [
            name
            for name, value in sent.items()
            if name in entity_type.fields
            and entity_type.fields[name].kind is Kind.FILE
            and isinstance(value, str)
            and value
        ]
        if len(files) != 1:
            return sent
        beside = {
            key: sent[key] for key in _FILE_KEYS if isinstance(sent.get(key), str) and key not in entity_type.fields
        }
        rest = {name: value for name, value in sent.items() if name not in beside}
        rest[files[0]] = {
            "filename": beside.get("filename") or files[0],
            "content_type": beside.get("content_type") or beside.get("mimetype"),
            "data": sent[files[0]],
        }
        return rest

    def _shaped(self, portal_type: str, name: str, value: Any) -> Any:
        """A value in the shape that the gateway reads."""
        declared = self._vocabulary.field(portal_type, name)
        if declared.kind is Kind.FILE and isinstance(value, Mapping) and not isinstance(value, FormUpload):
            kept = {key: value[key] for key in ("filename", "content_type", "data", "base64") if value.get(key)}
            return {**kept, **({"content_type": value["mimetype"]} if value.get("mimetype") else {})}
        if declared.kind is Kind.REFERENCE and not declared.multi and isinstance(value, list) and len(value) == 1:
            return value[0]
        return value

    # DialectWords

    def _translate_words(self, record: Record, *, new: bool) -> None:
        known = self._vocabulary.dialect.types.get(record.portal_type)
        for name, meant in ({} if known is None else known.fields).items():
            words = meant.words
            if words is None:
                continue
            value = record.values.get(meant.field)
            if value is None and new and words.default is not None and words.default in words.values:
                self._default_word(record, meant.field, words)
            elif isinstance(value, str | int) and not is_uid(str(value)):
                text = str(value).strip()
                if text in words.values:
                    record.values[meant.field] = words.values[text]
                elif text and text not in words.answers:
                    message = f"{name}: one of {', '.join(words.values)} is expected, not {text[:40]!r}."
                    record.errors.append(ValidationError(message, causes=[Cause("field", name, message)]))

    def _default_word(self, record: Record, name: str, words: DialectWords) -> None:
        """Give the default where the site has such an object; it needs none."""
        declared = self._vocabulary.field(record.portal_type, name)
        title = words.values[words.default or ""]
        if self._tx.records.called(declared.targets, "title", [title]).get(title):
            record.values[name] = title

    # References

    def _resolve(self, record: Record) -> None:
        for name, value in list(record.values.items()):
            declared = self._vocabulary.field(record.portal_type, name)
            if declared.kind is not Kind.REFERENCE:
                continue
            try:
                record.values[name] = self._references.resolved(declared, value)
            except ApiError as error:
                record.errors.append(error)

    def _go_through(self, records: Sequence[Record]) -> None:
        """Put the value of a field of the object that is named in place of the object."""
        for record in records:
            for name, (their, written) in record.given.items():
                if written.through is None:
                    continue
                uids = uids_of(record.values.get(name))
                found = self._tx.records.by_uid(uids)
                if not uids or uids[0].lower() not in found:
                    message = f"{their}: there is no object {str(record.values.get(name))[:80]!r}."
                    record.errors.append(ValidationError(message, causes=[Cause("field", their, message)]))
                    continue
                record.values[name] = found[uids[0].lower()].members.get(written.through)

    # What is not sent

    def _fill(self, records: Sequence[Record]) -> None:
        for record in records:
            known = self._vocabulary.dialect.types.get(record.portal_type)
            if known is None:
                continue
            for written in known.written.values():
                self._add_more(record, written)
            for name, default in known.defaults.items():
                if record.values.get(name) in (None, "", [], {}):
                    self._give_default(record, name, default)

    def _add_more(self, record: Record, written: WrittenName) -> None:
        """Add the values that other fields of the request lead to."""
        if not (written.more or written.otherwise):
            return
        sent = record.values.get(written.to)
        values = list(sent) if isinstance(sent, list | tuple) else [sent] if sent not in (None, "") else []
        for path in written.more:
            values += self._along(record, path)
        if not values:
            for path in written.otherwise:
                values += self._along(record, path)
        if values:
            record.values[written.to] = list(dict.fromkeys(str(value) for value in values))

    def _give_default(self, record: Record, name: str, default: Default) -> None:
        for path in default.paths:
            values = [value for value in self._along(record, path) if value not in (None, "")]
            if values:
                record.values[name] = values[0]
                return
        if default.now:
            record.values[name] = instant(self._tx.now.isoformat())

    def _along(self, record: Record, path: Path) -> list[Any]:
        """The values at the end of a path that begins at a field of the request."""
        if not path.steps:
            value = record.values.get(path.attribute or "")
            return value if isinstance(value, list) else [] if value in (None, "") else [value]
        step = path.steps[0]
        uids = uids_of(record.values.get(step.field)) if isinstance(step, Target) else []
        objects = list(self._tx.records.by_uid(uid for uid in uids if is_uid(uid)).values())
        rest = Path(path.steps[1:], path.attribute, path.key)
        found: list[Any] = []
        for value in self._tx.records.values(objects, rest):
            found.extend(value if isinstance(value, list) else [value])
        return [value for value in found if value not in (None, "")]


def their_error(error: ApiError, vocabulary: Vocabulary, known: DialectType | None) -> ApiError:
    """An error with the names that clients know in place of the profile's own."""
    if known is None:
        return error
    message, causes = error.message, []
    names = {cause.name: vocabulary.their_name(known.portal_type, cause.name) for cause in error.causes}
    for own, their in names.items():
        if own != their:
            message = message.replace(own, their)
    for cause in error.causes:
        their = names[cause.name]
        text = cause.message.replace(cause.name, their) if their != cause.name else cause.message
        causes.append(Cause(cause.kind, their, text, cause.object, cause.index, cause.code, cause.row, cause.column))
    return error.restated(message, causes)
