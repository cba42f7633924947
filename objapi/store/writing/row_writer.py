"""Writing rows of existing tables, and the state that the gateway stores for them.

Rows are locked and compared with what was read before they are written, so a writer that came between is noticed
whoever it is. What belongs together is written together: a statement for all new rows of a table that name the same
columns, one for all rows in which the same columns change.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import orjson
import sqlalchemy as sa

from catalog.dialect import insert_rows
from catalog.dialect.borrowed import insert_keys
from catalog.dialect.existing import update_rows
from catalog.dialect.failures import database_message, is_refused_value
from catalog.errors import BulkWarning
from objapi.errors import ApiError, Conflict, Forbidden, ReferenceInUse, ValidationError
from objapi.model.types import Field, Kind
from objapi.store.mapped.layouts import Layout
from objapi.store.mapped.outbox import RowOutbox
from objapi.store.mapped.rows import Rows
from objapi.store.permissions.acls import VIEW, digest_of
from objapi.store.records import StaleWrite, chunks, to_micros
from objapi.store.writing.draft import Draft, Values
from objapi.store.writing.row_checks import read_only_errors, row_causes
from objapi.store.writing.row_naming import NEW, assign_key
from objapi.store.writing.workspace import Workspace

Columns = tuple[str, ...]


class RowWriter:
    """Writes the rows of one request."""

    def __init__(self, workspace: Workspace, values: Values) -> None:
        self._workspace = workspace
        self._context = workspace.context
        self._values = values
        self._rows: Rows = workspace.rows
        self.outbox = RowOutbox()
        """State and history to store for the rows."""
        self._given: dict[str, str] = {}
        """UID that a new row had while it was planned → the one that its key gives."""

    def write(self, created: Sequence[Draft], changed: Sequence[Draft], removed: Sequence[Draft]) -> None:
        """Write everything. Raises StaleWrite when another request came between, ApiError for what tables refuse."""
        refused = next(read_only_errors([*created, *removed, *filter(self._changed_columns, changed)]), None)
        if refused is not None:
            raise refused
        causes = [cause for draft in (*created, *changed) for cause in row_causes(self._rows, draft)]
        if causes:
            raise ValidationError.from_causes(causes)
        self._workspace.lock_drafts([*changed, *removed])
        self._remove(removed)
        self._insert(created)
        self._update(changed)
        self._fill_outbox([*created, *changed], removed)
        if self._rows.foreign_database([*created, *changed, *removed]) is None:
            self.outbox.write(self._rows.connections.own)
            self.outbox = RowOutbox()
        self._read_again([*created, *changed])

    # Rows

    def _remove(self, removed: Sequence[Draft]) -> None:
        for portal_type, drafts in self._referrers_first(removed):
            layout = self._layout(portal_type)
            for chunk in chunks(drafts):
                keys = [self._rows.names.of_rid(draft.rid)[1] for draft in chunk]
                statement = sa.delete(layout.table).where(layout.having(self._rows.names, keys))
                with _refused_as(_still_used(layout.table.name)):
                    gone = self._rows.connection(portal_type).execute(statement).rowcount
                if gone < len(chunk):
                    raise StaleWrite

    def _referrers_first(self, drafts: Sequence[Draft]) -> Iterator[tuple[str, list[Draft]]]:
        by_type: dict[str, list[Draft]] = {}
        for draft in drafts:
            by_type.setdefault(draft.portal_type, []).append(draft)
        while by_type:
            referred = {
                target
                for name in by_type
                for field in self._context.registry.types[name].fields.values()
                for target in field.targets
                if target != name
            }
            name = next((name for name in by_type if name not in referred), next(iter(by_type)))
            yield name, by_type.pop(name)

    def _insert(self, created: Sequence[Draft]) -> None:
        """Insert new rows, those that others refer to first; each gets its key."""
        waiting = list(created)
        while waiting:
            unwritten = {draft.uid for draft in waiting}
            ready = [draft for draft in waiting if not unwritten.intersection(_referred(draft))]
            if not ready:
                names = ", ".join(draft.portal_type for draft in waiting)
                raise Conflict(f"New rows that refer to each other in a circle cannot be written: {names}.")
            for (portal_type, columns), drafts in _grouped(ready, self._new_columns).items():
                self._insert_alike(portal_type, columns, drafts)
            waiting = [draft for draft in waiting if draft not in ready]

    def _new_columns(self, draft: Draft) -> Columns:
        layout = self._layout(draft.portal_type)
        named = [column.name for name, column in layout.fields.items() if draft.data.get(name) is not None]
        key = [] if draft.id == NEW else [column.name for column in layout.key]
        return tuple(dict.fromkeys((*key, *named)))

    def _insert_alike(self, portal_type: str, columns: Columns, drafts: Sequence[Draft]) -> None:
        layout = self._layout(portal_type)
        connection = self._rows.connection(portal_type)
        values = [{name: self._value(layout, draft, name) for name in columns} for draft in drafts]
        for start in range(0, len(values), 500):
            part = drafts[start : start + 500]
            rows = values[start : start + 500]
            with _refused_as(_refused(layout.table.name)):
                if part[0].id != NEW:
                    insert_rows(connection, layout.table, rows)
                    continue
                keys = insert_keys(connection, layout.table, rows)
            for draft, given in zip(part, keys, strict=True):
                planned = draft.uid
                key = layout.key_of(self._rows.names, (given,))
                if key is None:
                    raise Conflict(f"{layout.table.name} gave a new row the key {given!r}, which cannot be served.")
                assign_key(self._workspace, draft, key)
                self._given[planned] = draft.uid

    def _update(self, changed: Sequence[Draft]) -> None:
        written = [draft for draft in changed if self._changed_columns(draft)]
        for (portal_type, columns), drafts in _grouped(written, self._changed_columns).items():
            layout = self._layout(portal_type)
            connection = self._rows.connection(portal_type)
            rows = [
                {
                    **{name: self._value(layout, draft, name) for name in columns},
                    **dict(zip(_names(layout), self._rows.key_values(draft.rid), strict=True)),
                }
                for draft in drafts
            ]
            targets = [layout.table.c[name] for name in columns]
            with _refused_as(_refused(layout.table.name)):
                matched = update_rows(connection, layout.table, layout.key, targets, rows)
            if matched < len(rows):
                raise StaleWrite

    def _changed_columns(self, draft: Draft) -> Columns:
        fields = self._layout(draft.portal_type).fields
        return tuple(
            sorted(
                fields[name].name
                for name, old in draft.changed.items()
                if name in fields and draft.data.get(name) != old
            )
        )

    def _value(self, layout: Layout, draft: Draft, column: str) -> Any:
        """Value of a column of a row."""
        name = next((name for name, other in layout.fields.items() if other.name == column), None)
        if name is None:
            key = self._rows.key_values(draft.rid)
            return key[_names(layout).index(column)]
        field, stored = layout.entity_type.fields[name], draft.data.get(name)
        if field.kind is Kind.REFERENCE and isinstance(stored, str):
            stored = draft.data[name] = self._given.get(stored, stored)
        known = layout.columns[column]
        return self._rows.site.conversion.written(stored, field, known.type, in_utc=known.in_utc)

    # State of the rows

    def _fill_outbox(self, written: Sequence[Draft], removed: Sequence[Draft]) -> None:
        """Put states and overrides of rows whose type has workflows into the outbox; forget those of removed rows."""
        names, outbox = self._rows.names, self.outbox
        outbox.forgotten.extend(names.of_rid(draft.rid) for draft in removed)
        outbox.expected.extend((*names.of_rid(draft.rid), None) for draft in removed)
        moved = [draft for draft in written if self._rows.site.has_workflow_states(draft.portal_type) and _moved(draft)]
        numbers = self._context.acls.numbers(draft.acl for draft in moved)
        outbox.states.extend(self._state_row(draft, numbers[digest_of(draft.acl)]) for draft in moved)
        outbox.variables.extend(row for draft in moved for row in self._variable_rows(draft))

    def _state_row(self, draft: Draft, acl: int) -> dict[str, object]:
        now = to_micros(self._context.now)
        known = draft.record is not None and draft.record.created
        return {
            "portal_type": draft.portal_type,
            "row_key": self._rows.names.of_rid(draft.rid)[1],
            "revision": now & 0x7FFFFFFF,
            "creator": draft.creator,
            "created": draft.created if draft.is_new or known else now,
            "modified": now,
            "acl": acl,
            "states": orjson.dumps(draft.states).decode(),
            "settings": draft.settings.document().decode(),
        }

    def _variable_rows(self, draft: Draft) -> Iterator[dict[str, object]]:
        variables = dict.fromkeys(item.state_variable for item in self._context.registry.chain(draft.portal_type))
        for variable in variables:
            yield {
                "portal_type": draft.portal_type,
                "row_key": self._rows.names.of_rid(draft.rid)[1],
                "variable": variable,
                "value": str(self._values.variable(draft, variable)),
            }

    # Afterwards

    def _read_again(self, written: Sequence[Draft]) -> None:
        """Load the versions of the written rows. Raises Forbidden for one that its writer cannot see."""
        found = {record.rid: record for record in self._rows.records([draft.rid for draft in written])}
        rights = self._context.rights
        for draft in written:
            record = found.get(draft.rid)
            if record is None:
                raise StaleWrite
            if not rights.principal.unrestricted and not self._rows.is_visible(record):
                raise Forbidden(
                    f"After this change you could not see {draft.path} yourself. Point it at one of your own objects, "
                    f"or ask someone with the permission ‹{self._permission_to_all(draft)}›."
                )
            draft.version_after = record.version
            self.outbox.expected.append((*self._rows.names.of_rid(draft.rid), record.stamp))

    def _permission_to_all(self, draft: Draft) -> str:
        """The permission that shows all rows of a type, whatever its row rule."""
        rule = self._rows.names.tables[draft.portal_type].rows
        return VIEW if rule is None else rule.all_with

    def _layout(self, portal_type: str) -> Layout:
        return self._rows.site.layout(portal_type, self._rows.connections)


def _names(layout: Layout) -> list[str]:
    return [column.name for column in layout.key]


def _grouped(drafts: Iterable[Draft], columns: Callable[[Draft], Columns]) -> dict[tuple[str, Columns], list[Draft]]:
    """The drafts by type and by the columns that are written of them."""
    groups: dict[tuple[str, Columns], list[Draft]] = {}
    for draft in drafts:
        groups.setdefault((draft.portal_type, columns(draft)), []).append(draft)
    return groups


def _referred(draft: Draft) -> Iterator[str]:
    """The UIDs that a row refers to."""
    fields: Iterable[Field] = draft.type.fields.values()
    for field in fields:
        value = draft.data.get(field.name)
        if field.kind is Kind.REFERENCE and isinstance(value, str):
            yield value


def _moved(draft: Draft) -> bool:
    """True when states or permission overrides differ from the stored ones."""
    record = draft.record
    if record is None:
        return True
    return (
        draft.settings_written
        or orjson.loads(record.states) != draft.states
        or orjson.loads(record.settings) != orjson.loads(draft.settings.document())
    )


@contextmanager
def _refused_as(refusal: ApiError) -> Iterator[None]:
    """Raise the refusal for what a table's own rules forbid, so that it is not retried.

    Raises ValidationError, with the database's own words, for a value that a column or a check does not take.
    """
    try:
        yield
    except BulkWarning as error:
        raise ValidationError(f"The database does not take the values as they are: {error}.") from error
    except sa.exc.DBAPIError as error:
        if is_refused_value(error):
            raise ValidationError(f"The database refuses a value: {database_message(error)}.") from error
        if isinstance(error, sa.exc.IntegrityError):
            raise refusal from error
        raise
    except sa.exc.StatementError as error:  # a value that the driver cannot pass to such a column
        raise ValidationError(f"The database refuses a value: {error.orig}.") from error


def _refused(table: str) -> Conflict:
    return Conflict(
        f"The table {table} refuses the values: another row has the same where they must be unique, what they refer to "
        "is gone, or a rule of the table forbids them."
    )


def _still_used(table: str) -> ReferenceInUse:
    return ReferenceInUse(f"Rows of other tables refer to the row of {table} that should go; remove them first.")
