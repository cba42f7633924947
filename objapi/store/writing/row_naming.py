"""Names of new rows: known beforehand where the key is, else given when the database gives the key."""

from collections.abc import Sequence

from objapi.errors import Cause, Conflict, Forbidden, ValidationError
from objapi.model.types import TableMapping
from objapi.store.mapped.names import RowNames
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
    own = _own_id(names, draft, mapping)
    if wanted is not None and own is not None and wanted != own:
        raise _bad_id(f"{wanted!r} is not the id that the values of the key give, which is {own}; leave obj_id out.")
    text = own or wanted
    if text is None:
        draft.id = NEW
        return
    if own is None:
        _check_may_choose(workspace, draft, mapping)
    key = names.key_of_id(draft.portal_type, text)
    if key is None:
        raise _bad_id(f"{text!r} is no key of {mapping.name}: a whole number without sign is expected.")
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


def _own_id(names: RowNames, draft: Draft, mapping: TableMapping) -> str | None:
    """The id that the values of a key of two columns make."""
    if len(mapping.key) == 1:
        return None
    fields = mapping.column_fields
    parts: Sequence[object] = [draft.data.get(fields[column]) for column in mapping.key]
    texts = []
    for column, part in zip(mapping.key, parts, strict=True):
        field = draft.type.fields[fields[column]]
        key = names.key_of(str(part), field.targets[0]) if field.targets else part
        if key is None:
            raise ValidationError.from_causes(
                [Cause("field", field.name, f"{field.name} is part of the key and must be given", code="required")]
            )
        texts.append(str(key))
    return "-".join(texts)


def _mapping(draft: Draft) -> TableMapping:
    if draft.type.table is None:
        raise TypeError(f"{draft!r} is no row of a table")
    return draft.type.table


def _bad_id(message: str) -> ValidationError:
    return ValidationError(message, causes=[Cause("parameter", "obj_id", message)])
