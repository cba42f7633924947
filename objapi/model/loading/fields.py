"""Fields from their declarations."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from marshmallow import ValidationError

from objapi.model.kinds import load
from objapi.model.loading.names_and_paths import NAME, optional_path
from objapi.model.loading.reserved import INTRINSIC_NAMES, RESERVED_NAMES
from objapi.model.paths import Path
from objapi.model.types import Copying, Field, Kind
from objapi.model.values import LoadContext
from workflows.declarations import Node, Section, listed, suggestion

FIELD_KEYS: Final = (
    "title",
    "about",
    "kind",
    "required",
    "default",
    "default_from",
    "targets",
    "multi",
    "subfields",
    "required_subfields",
    "subfield_rules",
    "unique_subfields",
    "merge_by",
    "vocabulary",
    "moved_values",
    "precision",
    "write_permission",
    "write_permission_by",
    "read_permission",
    "checks",
    "searchable",
    "from",
    "behavior",
    "depends",
    "volatile",
    "stored_on",
    "alias_of",
    "system",
    "on_change",
    "allow_out_of_use",
    "copied",
    "copied_from",
    "column",
)
MAX_PRECISION: Final = 12

_RECORDS: Final = (Kind.RECORD, Kind.RECORDS)
_ONLY_FOR: Final[Mapping[str, tuple[Kind, ...]]] = {
    "targets": (Kind.REFERENCE,),
    "multi": (Kind.REFERENCE,),
    "allow_out_of_use": (Kind.REFERENCE,),
    "subfields": _RECORDS,
    "required_subfields": _RECORDS,
    "subfield_rules": _RECORDS,
    "unique_subfields": (Kind.RECORDS,),
    "merge_by": (Kind.RECORDS,),
    "vocabulary": (Kind.STRING, Kind.TEXT, Kind.INTEGER, Kind.LINES),
    "moved_values": (Kind.STRING, Kind.TEXT, Kind.INTEGER, Kind.LINES),
    "precision": (Kind.FIXEDPOINT,),
    "from": (Kind.COMPUTED,),
    "behavior": (Kind.COMPUTED,),
    "depends": (Kind.COMPUTED,),
    "volatile": (Kind.COMPUTED,),
}
_NOT_FOR_COMPUTED: Final = (
    "required",
    "default",
    "default_from",
    "checks",
    "stored_on",
    "write_permission",
    "on_change",
    "copied",
)


_KINDS: Final = [str(kind) for kind in Kind]


def _no_text(text: str) -> object:
    raise ValueError("a default is written as a mapping or a list, not as text")


_DEFAULTS: Final = LoadContext(zone=UTC, parse_structured=_no_text, now=datetime(2000, 1, 1, tzinfo=UTC))


def read_field(section: Section, name: str, siblings: Mapping[str, Node]) -> Field:
    """One field; `siblings` are the declarations of all fields of the type."""
    _check_name(section, name)
    alias_of = section.optional_text("alias_of")
    kind = _kind(section, alias_of, siblings)
    if kind is None:
        # The mistake is noted; a reference to the field is not a second one.
        return Field(name, Kind.JSON, alias_of=alias_of)
    _check_keys(section, kind, alias_of)
    path, depends = _computed(section, kind, aliased=alias_of is not None)
    field = Field(
        name=name,
        kind=kind,
        title=section.text("title"),
        about=section.text("about"),
        required=section.flag("required"),
        default_from=section.optional_text("default_from"),
        targets=section.texts("targets"),
        multi=section.flag("multi"),
        subfields=section.texts("subfields"),
        required_subfields=section.texts("required_subfields"),
        subfield_kinds=_subfield_kinds(section) if section.has("subfield_rules") else {},
        subfield_words=_subfield_words(section) if section.has("subfield_rules") else {},
        unique_subfields=section.texts("unique_subfields"),
        merge_by=section.optional_text("merge_by"),
        vocabulary=_vocabulary(section),
        moved_values=_moved_values(section),
        precision=section.number("precision", most=MAX_PRECISION),
        write_permission=section.optional_text("write_permission"),
        write_permission_by=_permission_by(section),
        read_permission=section.optional_text("read_permission"),
        checks=section.texts("checks"),
        searchable=section.flag("searchable"),
        path=path,
        compute=section.optional_text("behavior"),
        depends=depends,
        volatile=section.flag("volatile"),
        stored_on=section.optional_text("stored_on"),
        alias_of=alias_of,
        system=section.flag("system"),
        on_change=section.texts("on_change"),
        allow_out_of_use=section.flag("allow_out_of_use"),
        copied=_copied(section, kind),
        copied_from=_copied_from(section),
    )
    _check_subfields(section, field)
    return _with_default(section, field)


def _check_subfields(section: Section, field: Field) -> None:
    named = {
        "required_subfields": field.required_subfields,
        "subfield_rules": (*field.subfield_kinds, *field.subfield_words),
        "unique_subfields": field.unique_subfields,
        "merge_by": () if field.merge_by is None else (field.merge_by,),
    }
    for key, subfields in named.items():
        for subfield in subfields:
            if subfield not in field.subfields:
                message = f"{subfield!r} is not a subfield{suggestion(subfield, field.subfields)}"
                section.note(message, f"some of {', '.join(field.subfields)}", key)


def _check_name(section: Section, name: str) -> None:
    if NAME.fullmatch(name) is None:
        section.note(f"{name!r} cannot name a field", "letters, digits, _ and blanks, not a digit first")
    if name in RESERVED_NAMES:
        section.note(f"{name!r} is a parameter of requests, so no client could write the field", "another name")
    elif name in INTRINSIC_NAMES and name != "title":
        section.note(f"every object has {name!r} beside its fields", "another name")


def _kind(section: Section, alias_of: str | None, siblings: Mapping[str, Node]) -> Kind | None:
    text = section.optional_text("kind")
    if text is None and alias_of is not None and alias_of in siblings:
        aliased = siblings[alias_of].items().get("kind")
        text = aliased.value if aliased is not None and isinstance(aliased.value, str) else None
    if text is None:
        if not section.has("kind") and alias_of is None:
            section.note("kind is missing", f"one of {', '.join(Kind)}")
        return None
    return Kind(text) if section.choose("kind", text, _KINDS, "kind") else None


def _check_keys(section: Section, kind: Kind, alias_of: str | None) -> None:
    """Keys that mean nothing for the kind, and keys that it cannot do without."""
    if not _ONLY_FOR.keys().isdisjoint(section.names()):
        for key, kinds in _ONLY_FOR.items():
            if section.has(key) and kind not in kinds:
                section.note(f"{key} has no meaning for kind {kind}", f"only for {', '.join(kinds)}", key)
    if kind is Kind.COMPUTED:
        for key in _NOT_FOR_COMPUTED:
            if section.has(key):
                section.note(f"{key} has no meaning for a computed field, which nobody writes", "leave it out", key)
    elif kind is Kind.REFERENCE and alias_of is None and not section.texts("targets"):
        section.note("a reference names the types it may lead to", "targets: [portal types]")
    if section.has("default") and section.has("default_from"):
        section.note("default and default_from exclude each other", "one of them", "default_from")


def _computed(section: Section, kind: Kind, *, aliased: bool) -> tuple[Path | None, tuple[Path, ...] | None]:
    if kind is not Kind.COMPUTED or aliased:
        return None, None
    if section.has("from") is section.has("behavior"):
        section.note("a computed field says where its value comes from", "exactly one of from (a path) and behavior")
    for key in ("depends", "volatile"):
        if section.has(key) and not section.has("behavior"):
            section.note(f"{key} belongs to a behavior; what a path reads is known", "leave it out", key)
    depends = tuple(
        path
        for number, text in enumerate(section.texts("depends"))
        if (path := optional_path(section, text, f"depends[{number}]")) is not None
    )
    text = section.optional_text("from")
    return None if text is None else optional_path(section, text, "from"), depends if section.has("depends") else None


def _copied(section: Section, kind: Kind) -> Copying:
    if not section.has("copied") or isinstance(section["copied"].value, bool):
        return Copying.TAKEN if section.flag("copied", default=True) else Copying.LEFT
    text = section.text("copied")
    if section.choose("copied", text, [str(Copying.INSIDE)], "treatment in a copy") and kind is not Kind.REFERENCE:
        section.note("inside has no meaning for what leads nowhere", "true or false", "copied")
    return Copying.INSIDE


def _copied_from(section: Section) -> Path | None:
    text = section.optional_text("copied_from")
    return None if text is None else optional_path(section, text, "copied_from")


def _vocabulary(section: Section) -> Mapping[str, str]:
    if not section.has("vocabulary"):
        return {}
    entries = section["vocabulary"].entries()
    if entries and all(type(entry.value) is int for entry in entries):
        # Of an integer field: a whole number is compared by its digits.
        return {str(entry.value): str(entry.value) for entry in entries}
    if isinstance(section["vocabulary"].value, list | tuple):
        return {word: word for word in section.texts("vocabulary")}
    inner = section.section("vocabulary")
    return {word: inner.text(word) for word in inner.names()}


def _moved_values(section: Section) -> Mapping[str, str]:
    """Words by which those that left the vocabulary are replaced; whole numbers by their digits."""
    if not section.has("moved_values"):
        return {}
    words = _vocabulary(section)
    inner = section.section("moved_values")
    written = section["moved_values"].value
    entries = written.items() if isinstance(written, Mapping) else ()
    moved = {
        str(former): str(entry.value)
        for former, entry in entries
        if isinstance(former, str | int) and isinstance(entry, Node)
    }
    for former, word in moved.items():
        if former in words:
            inner.note(f"{former!r} is in the vocabulary, so nothing is moved from it", "a former word", former)
        elif word not in words:
            section.note(
                f"there is no word {word!r}{suggestion(word, words)}",
                f"one of {listed(words)}",
                f"moved_values.{former}",
            )
    return moved


def _permission_by(section: Section) -> tuple[str, Mapping[str, str]] | None:
    if not section.has("write_permission_by"):
        return None
    entries = section.mapping("write_permission_by")
    if len(entries) != 1:
        section.note("it names one value and the permission for each of its values", "{Name: {value: permission}}")
        return None
    (name,) = entries
    inner = section.section("write_permission_by").section(name)
    return name, {value: inner.text(value) for value in inner.names()}


_SUBFIELD_KINDS: Final = (Kind.NUMBER, Kind.INTEGER, Kind.BOOLEAN, Kind.DATETIME, Kind.LINES)


def _subfield_kinds(section: Section) -> Mapping[str, Kind]:
    """The rules that name a kind, such as ``days: number``."""
    inner = section.section("subfield_rules")
    kinds = [str(kind) for kind in _SUBFIELD_KINDS]
    named = {name: inner.text(name) for name in inner.names() if isinstance(inner[name].value, str)}
    return {name: Kind(text) for name, text in named.items() if inner.choose(name, text, kinds, "kind of subfield")}


def _subfield_words(section: Section) -> Mapping[str, tuple[str, ...]]:
    """The rules that list the texts allowed, such as ``bearing: [N, S]``."""
    inner = section.section("subfield_rules")
    return {name: inner.texts(name) for name in inner.names() if not isinstance(inner[name].value, str)}


def _with_default(section: Section, field: Field) -> Field:
    """The field with its default in stored form. An empty text is a value here: the field need not be sent."""
    if not section.has("default"):
        return field
    raw = section["default"].plain()
    if field.kind in (Kind.REFERENCE, Kind.FILE):
        section.note(f"a {field.kind} has no literal default", "default_from: the name of a behaviour", "default")
        return field
    if raw == "" and field.kind in (Kind.STRING, Kind.TEXT):
        return replace(field, default="")
    if raw in ([], {}):
        return replace(field, default=raw)
    try:
        return replace(field, default=load(raw, field, _DEFAULTS))
    except ValidationError as error:
        section.note("; ".join(str(message) for message in error.messages), f"a value of kind {field.kind}", "default")
        return field
