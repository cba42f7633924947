"""Names of new rows: known beforehand where the key is, else given when the database gives the key."""

from collections.abc import Mapping, Sequence

from catalog.dialect.row_keys import key_text, key_value
from objapi.errors import Cause, Conflict, Forbidden, ValidationError
from objapi.model.types import Field, Kind, TableMapping
from objapi.store.mapped.names import encode_id
from objapi.store.writing.draft import Draft
from objapi.store.writing.workspace import Workspace

NEW = "new"
"""The id of a row whose key the database will give."""


def place_row(workspace: Workspace, draft: Draft) -> None:
    """Put a new row where its fellows are, under a path that it has until it gets its key."""
    rows = workspace.rows
    draft.parent_rid = None
    draft.scope = rows.visibility.scope
    draft.path = f"{rows.names.folder(draft.portal_type)}/{NEW}-{draft.uid}"


def name_row(workspace: Workspace, draft: Draft, wanted: str | None) -> None:
    """Give a new row the id asked for, or the one that its values say. Raises ValidationError, Forbidden, Conflict.

    A row with neither is called new until it is written.
    """
    names, mapping = workspace.rows.names, _mapping(draft)
    own = _own_id(workspace, draft, mapping)
    if wanted is not None and own is not None and wanted != own:
        raise _bad_id(f"{wanted!r} is not the id that the values of the key give, which is {own}; leave obj_id out.")
    text = own or wanted
    if text is None:
        draft.id = NEW
        return
    if own is None:
        _check_may_choose(workspace, draft, mapping)
    key = names.key_of_id(draft.portal_type, text)
    layout = workspace.rows.site.layout(draft.portal_type, workspace.rows.connections)
    if key is None or layout.values_of(names, key) is None:
        raise _bad_id(f"{text!r} is no key of {mapping.name}: {_expected(mapping, text)}.")
    rid = names.rid(draft.portal_type, key)
    workspace.load_rids([rid])
    known = workspace.by_rid.get(rid)
    if known is not None and not known.removed:
        message = f"The key {text} is taken in {mapping.name}."
        raise Conflict(message, causes=[Cause("parameter", "obj_id", message, code="taken")])
    assign_key(workspace, draft, key)


def _check_may_choose(workspace: Workspace, draft: Draft, mapping: TableMapping) -> None:
    """Raise Forbidden for a key that the database would give, asked for by someone who sees only some of the rows.

    A database counts on from the greatest key, so a great one would leave none for all others who share the table.
    """
    rows = workspace.rows
    layout = rows.site.layout(draft.portal_type, rows.connections)
    if not all(layout.columns[column.name].given for column in layout.key):
        return
    if not workspace.context.rights.principal.unrestricted and rows.visibility.by_rule(draft.portal_type) is not None:
        raise Forbidden(
            f"{mapping.name} gives its rows their keys, and only who sees all of them may choose one: leave obj_id out."
        )


def assign_key(workspace: Workspace, draft: Draft, key: int) -> None:
    """Let a new row be known by its key from now on."""
    names, portal_type = workspace.rows.names, draft.portal_type
    workspace.renamed(draft, names.rid(portal_type, key), names.uid(portal_type, key))
    draft.id = names.id(portal_type, key)
    workspace.moved(draft, names.path(portal_type, key))


def _expected(mapping: TableMapping, text: str) -> str:
    if not mapping.text_key:
        return "a whole number without sign is expected"
    return f"it is written {encode_id((text,))}" if len(mapping.key) == 1 else "its parts are joined by hyphens"


def _own_id(workspace: Workspace, draft: Draft, mapping: TableMapping) -> str | None:
    """The id that the values of the key's fields make; None where they make none."""
    names, fields = workspace.rows.names, mapping.column_fields
    if mapping.text_key:
        return _id_of_texts(workspace, draft, fields)
    if len(mapping.key) == 1:
        return None
    parts: Sequence[object] = [draft.data.get(fields[column]) for column in mapping.key]
    texts = []
    for column, part in zip(mapping.key, parts, strict=True):
        field = draft.type.fields[fields[column]]
        key = names.key_of(str(part), field.targets[0]) if field.targets else part
        if key is None:
            raise _key_required(field)
        texts.append(str(key))
    return "-".join(texts)


def _id_of_texts(workspace: Workspace, draft: Draft, fields: Mapping[str, str]) -> str | None:
    """The id that texts make: as the columns will store them, which may add zeros to bytes or change a case."""
    rows = workspace.rows
    layout = rows.site.layout(draft.portal_type, rows.connections)
    texts = []
    for column in layout.key:
        known = layout.columns[column.name]
        if column.name not in fields:
            return None
        field = draft.type.fields[fields[column.name]]
        stored = draft.data.get(field.name)
        if stored is None:
            if len(layout.key) == 1:
                return None
            raise _key_required(field)
        try:
            text = key_text(rows.site.conversion.written(stored, field, known.type, in_utc=known.in_utc))
        except ValueError:
            text = None
        value = None if text is None else key_value(text, known.type, known.words)
        shown = None if value is None else key_text(value)
        if shown is None:
            raise _invalid_key(field, f"{stored!r} is no value of the key column {column.name}")
        draft.data[field.name] = shown if field.kind is Kind.STRING else stored
        texts.append(shown)
    return encode_id(texts)


def _key_required(field: Field) -> ValidationError:
    message = f"{field.name} is part of the key and must be given"
    return ValidationError.from_causes([Cause("field", field.name, message, code="required")])


def _invalid_key(field: Field, problem: str) -> ValidationError:
    return ValidationError.from_causes([Cause("field", field.name, f"{field.name}: {problem}", code="invalid")])


def _mapping(draft: Draft) -> TableMapping:
    if draft.type.table is None:
        raise TypeError(f"{draft!r} is no row of a table")
    return draft.type.table


def _bad_id(message: str) -> ValidationError:
    return ValidationError(message, causes=[Cause("parameter", "obj_id", message)])
