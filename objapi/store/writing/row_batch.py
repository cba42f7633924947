"""Rows written with a route's authority: checked, planned, written and recorded in bulk, one or ten thousand alike.

The values are those of the columns, and nothing is converted on their way into the table. What is recorded of them is
what any other change of the rows is recorded as: stored forms of the declared fields; a column that no field declares,
such as one for passwords, stays out of the history.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from catalog.dialect import insert_rows
from catalog.dialect.borrowed import insert_keys
from catalog.dialect.existing import update_rows
from objapi.errors import Cause, Forbidden, NotFound, ValidationError
from objapi.store.context import RequestContext
from objapi.store.mapped.layouts import Layout
from objapi.store.mapped.outbox import RowOutbox
from objapi.store.records import StaleWrite, chunks
from objapi.store.row_requests import NewRow, RowItem, RowRemoval, RowsOutcome, RowUpdate, WriteAuthority
from objapi.store.writing.key_search import KeySearch
from objapi.store.writing.row_checks import missing_columns, value_problem
from objapi.store.writing.row_keys import WrittenRow, keyed, taken_row_keys

MOST_EXPECTED = 50
"""Rows by which a request to a foreign database is known to have been carried out; one of them suffices."""

Key = tuple[int, ...]
Columns = tuple[str, ...]
OpenSearch = Callable[[], KeySearch | None]
"""Gives the search for natural keys, when some are written."""


@dataclass(frozen=True, slots=True, eq=False)
class _Change:
    """A row as it was read and locked, and the columns that change in it."""

    portal_type: str
    key: Key
    stored: Mapping[str, Any]
    values: Mapping[str, Any]
    label: str | None = None


class RowBatch:
    """The rows of one request, written with the authority of its route."""

    def __init__(self, context: RequestContext, authority: WriteAuthority, open_search: OpenSearch) -> None:
        self._rows = context.rows
        self._open_search = open_search
        self._authority = authority
        self._recorder = context.recorder
        self._locks = context.writes

    def write(self, items: Sequence[RowItem], *, dry_run: bool) -> RowsOutcome:
        """Write the rows, all or none.

        Raises NotFound for a row that is not there or that the caller does not see, ValidationError for values that
        the table does not take, Forbidden for a table that the route does not declare, StaleWrite when another request
        came between, and what the database raises for a key that is taken or refers to nothing.
        """
        types = {table: self._type_of(table) for table in {item.table for item in items}}
        items = self._spelled(items, types)
        created = [item for item in items if isinstance(item, NewRow)]
        changed = self._changes([item for item in items if isinstance(item, RowUpdate)], types)
        removed = self._removals([item for item in items if isinstance(item, RowRemoval)], types)
        self._check(created, changed, types)
        self._check_keys(created, changed, removed, types)
        outcome = RowsOutcome(
            Counter(item.table for item in created),
            Counter(self._rows.names.tables[change.portal_type].name for change in changed),
            Counter(self._rows.names.tables[change.portal_type].name for change in removed),
        )
        # A dry run sends nothing to the tables, so the foreign keys are asked by hand.
        if dry_run:
            self._check_references(created, changed, types)
        elif created or changed or removed:
            # Removed first: their unique values may be taken anew. Inserted before changed: a change may refer to one.
            self._remove(removed)
            self._insert(created, types)
            changed = [_resolved(change) for change in changed]
            self._update(changed)
            self._check_seen(created, changed, types)
            self._record(created, changed, removed, types)
        return outcome

    # Stored rows

    def _spelled(self, items: Sequence[RowItem], types: Mapping[str, str]) -> list[RowItem]:
        """The items with their columns as the database spells them, whose case may be another than the declared one."""
        spelling: dict[str, dict[str, str]] = {}
        for table, portal_type in types.items():
            mapping, known = self._rows.names.tables[portal_type], self._layout(portal_type).columns
            by_lower = {name.lower(): name for name in known}
            declared = {*mapping.columns.values(), *mapping.key} - known.keys()
            spelling[table] = {name: by_lower[name.lower()] for name in declared if name.lower() in by_lower}
        return [_respelled(item, spelling[item.table]) if spelling[item.table] else item for item in items]

    def _type_of(self, table: str) -> str:
        """The type whose rows a table holds. Raises Forbidden for a table that is not the route's to write."""
        if not self._authority.covers(table):
            raise Forbidden(f"The route {self._authority.name} does not declare that it writes {table}.")
        return self._rows.names.type_of(self._authority.database, table)

    def _is_ruled(self, portal_type: str) -> bool:
        return self._rows.names.tables[portal_type].name in self._authority.tables

    def _changes(self, items: Sequence[RowUpdate], types: Mapping[str, str]) -> list[_Change]:
        """The rows in which something changes; those that hold the values already are left out."""
        stored = self._stored(items, types)
        changes = []
        for item in items:
            row = stored[item.table, item.key]
            if any(row[name] != value for name, value in item.expected.items() if name in row):
                raise StaleWrite
            values = {name: value for name, value in item.values.items() if row.get(name) != value}
            if values:
                changes.append(_Change(types[item.table], item.key, row, values, item.label))
        return changes

    def _removals(self, items: Sequence[RowRemoval], types: Mapping[str, str]) -> list[_Change]:
        stored = self._stored(items, types)
        return [_Change(types[item.table], item.key, stored[item.table, item.key], {}) for item in items]

    def _stored(
        self, items: Sequence[RowUpdate] | Sequence[RowRemoval], types: Mapping[str, str]
    ) -> dict[tuple[str, Key], Mapping[str, Any]]:
        """(Table, key) → the row as it is now, locked until a writing transaction ends. Raises NotFound."""
        wanted: dict[str, dict[Key, None]] = {}
        for item in items:
            wanted.setdefault(item.table, {})[item.key] = None
        found: dict[tuple[str, Key], Mapping[str, Any]] = {}
        for table, keys in wanted.items():
            for key, seen, row in self._select(types[table], list(keys), lock=self._locks):
                if seen:
                    found[table, key] = row
        for item in items:
            if (item.table, item.key) not in found:
                text = "-".join(map(str, item.key))
                raise NotFound(f"There is no {types[item.table]} {text}, or you may not see it.")
        return found

    def _select(
        self, portal_type: str, keys: Sequence[Key], *, lock: bool
    ) -> Iterator[tuple[Key, bool, Mapping[str, Any]]]:
        """Rows by their keys: key, whether the caller sees it, and its columns."""
        layout = self._layout(portal_type)
        condition = self._rows.visibility.by_rule(portal_type) if self._is_ruled(portal_type) else None
        seen: sa.ColumnElement[Any] = sa.literal(1) if condition is None else sa.case((condition, 1), else_=0)
        names = [column.name for column in layout.table.columns]
        places = [names.index(column.name) + 1 for column in layout.key]
        for chunk in chunks(keys):
            packed = [self._rows.names.packed(key) for key in chunk]
            statement = sa.select(seen.label("seen_by_user"), *layout.table.columns).where(
                layout.having(self._rows.names, [key for key in packed if key is not None])
            )
            for row in self._rows.connection(portal_type).execute(statement.with_for_update() if lock else statement):
                yield tuple(int(row[place]) for place in places), bool(row[0]), dict(zip(names, row[1:], strict=True))

    # Checks

    def _check(self, created: Sequence[NewRow], changed: Sequence[_Change], types: Mapping[str, str]) -> None:
        """Ask the tables whether they take the values. Raises ValidationError with every cause."""
        causes: list[Cause] = []
        given = [(types[item.table], item.values, True, item.label) for item in created]
        given += [(change.portal_type, change.values, False, change.label) for change in changed]
        lacking = {(types[item.table], tuple(item.values)): item.label for item in created}
        for (portal_type, names), label in lacking.items():
            layout = self._layout(portal_type)
            causes += [
                Cause("field", name, f"{name}: the column must be filled", object=label, code="required")
                for name in missing_columns(layout, names)
            ]
        for portal_type, values, is_new, label in given:
            columns, keys = self._layout(portal_type).columns, self._rows.names.tables[portal_type].key
            for name, value in values.items():
                known = columns.get(name)
                if known is None:
                    problem: str | None = "the table has no such column, or its type no field for it"
                elif not is_new and name in keys:
                    problem = "the column is part of the key, and a row keeps its key"
                else:
                    problem = None if isinstance(value, NewRow) else value_problem(known, value, is_new=is_new)
                if problem is not None:
                    causes.append(Cause("field", name, f"{name}: {problem}", object=label, code="invalid"))
        if causes:
            raise ValidationError.from_causes(causes)

    def _check_keys(
        self,
        created: Sequence[NewRow],
        changed: Sequence[_Change],
        removed: Sequence[_Change],
        types: Mapping[str, str],
    ) -> None:
        """Raise ValidationError for natural keys that other rows have."""
        new = (
            WrittenRow(self._layout(types[item.table]), None, item.values, item.values.keys(), item.label)
            for item in created
            if item.table not in self._authority.told_apart
        )
        other = (
            WrittenRow(
                self._layout(change.portal_type),
                self._packed(change),
                {**change.stored, **change.values},
                change.values.keys(),
                change.label,
            )
            for change in changed
            if self._rows.names.tables[change.portal_type].name not in self._authority.told_apart
        )
        rows = keyed([*new, *other])
        search = self._open_search() if rows else None
        if search is not None:
            names = self._rows.names
            gone = {names.rid(change.portal_type, self._packed(change)) for change in removed}
            causes = taken_row_keys(names, search, rows, gone)
            if causes:
                raise ValidationError.from_causes(causes)

    def _check_references(
        self, created: Sequence[NewRow], changed: Sequence[_Change], types: Mapping[str, str]
    ) -> None:
        """Raise ValidationError for references to rows that are not there, which the database itself would refuse."""
        wanted: dict[str, dict[int, tuple[str, str | None]]] = {}
        given = [(types[item.table], item.values, item.label) for item in created]
        given += [(change.portal_type, change.values, change.label) for change in changed]
        for portal_type, values, label in given:
            layout = self._layout(portal_type)
            for name, column in layout.fields.items():
                field, value = layout.entity_type.fields[name], values.get(column.name)
                if field.targets and isinstance(value, int):
                    wanted.setdefault(field.targets[0], {})[value] = (column.name, label)
        causes = []
        for portal_type, keys in wanted.items():
            layout = self._layout(portal_type)
            # No column refers to a table with two key columns by one of them.
            if len(layout.key) > 1:
                continue
            known = set[int]()
            for chunk in chunks(keys):
                statement = sa.select(layout.key[0]).where(layout.key[0].in_(chunk))
                known.update(self._rows.connection(portal_type).scalars(statement))
            causes += [
                Cause("field", name, f"{name}: there is no {portal_type} {key}", object=label, code="unresolved")
                for key, (name, label) in keys.items()
                if key not in known
            ]
        if causes:
            raise ValidationError.from_causes(causes)

    def _check_seen(self, created: Sequence[NewRow], changed: Sequence[_Change], types: Mapping[str, str]) -> None:
        """Raise Forbidden for a row that its writer could not see afterwards."""
        written: dict[str, list[Key]] = {}
        for portal_type, key in self._written(created, changed, types):
            if self._is_ruled(portal_type) and self._rows.visibility.by_rule(portal_type) is not None:
                written.setdefault(portal_type, []).append(key)
        for portal_type, keys in written.items():
            for key, seen, _ in self._select(portal_type, keys, lock=False):
                if not seen:
                    text = "-".join(map(str, key))
                    raise Forbidden(f"You could not see {portal_type} {text} after this. Refer to rows that you see.")

    def _written(
        self, created: Sequence[NewRow], changed: Sequence[_Change], types: Mapping[str, str]
    ) -> Iterator[tuple[str, Key]]:
        for item in created:
            yield types[item.table], self._rows.names.parts(types[item.table], item.number)
        for change in changed:
            yield change.portal_type, change.key

    # Writing

    def _remove(self, removed: Sequence[_Change]) -> None:
        for portal_type, keys in _by_type((change.portal_type, change.key) for change in removed).items():
            layout, names = self._layout(portal_type), self._rows.names
            for chunk in chunks(keys):
                packed = [number for key in chunk if (number := names.packed(key)) is not None]
                statement = sa.delete(layout.table).where(layout.having(self._rows.names, packed))
                if self._rows.connection(portal_type).execute(statement).rowcount < len(chunk):
                    raise StaleWrite

    def _insert(self, created: Sequence[NewRow], types: Mapping[str, str]) -> None:
        """Insert new rows in their order, those that others refer to first; each gets its key."""
        waiting = [(item, [value for value in item.values.values() if isinstance(value, NewRow)]) for item in created]
        while waiting:
            alike: dict[tuple[str, Columns], list[NewRow]] = {}
            later = []
            for item, referred in waiting:
                if any(other.key is None for other in referred):
                    later.append((item, referred))
                    continue
                if referred:
                    item.values = {name: _plain(value) for name, value in item.values.items()}
                alike.setdefault((item.table, tuple(item.values)), []).append(item)
            if not alike:
                raise ValueError("new rows refer to each other in a circle")
            for (table, _), rows in alike.items():
                self._insert_alike(self._layout(types[table]), rows)
            waiting = later

    def _insert_alike(self, layout: Layout, items: Sequence[NewRow]) -> None:
        """Insert rows of one table that name the same columns."""
        portal_type = layout.entity_type.portal_type
        connection = self._rows.connection(portal_type)
        key_names = [column.name for column in layout.key]
        for chunk in chunks(items):
            values = [item.values for item in chunk]
            if all(name in values[0] for name in key_names):
                insert_rows(connection, layout.table, values)
                keys = [self._rows.names.packed([row[name] for name in key_names]) for row in values]
            else:
                keys = [int(key) for key in insert_keys(connection, layout.table, values)]
            for item, key in zip(chunk, keys, strict=True):
                item.key = key

    def _update(self, changed: Sequence[_Change]) -> None:
        """Update rows, in one statement those of a table in which the same columns change."""
        alike: dict[tuple[str, Columns], list[_Change]] = {}
        for change in changed:
            alike.setdefault((change.portal_type, tuple(change.values)), []).append(change)
        for (portal_type, columns), changes in alike.items():
            layout = self._layout(portal_type)
            names = [column.name for column in layout.key]
            rows = [{**change.values, **dict(zip(names, change.key, strict=True))} for change in changes]
            targets = [layout.table.c[name] for name in columns]
            connection = self._rows.connection(portal_type)
            if update_rows(connection, layout.table, layout.key, targets, rows) < len(rows):
                raise StaleWrite

    # Recording

    def _record(
        self,
        created: Sequence[NewRow],
        changed: Sequence[_Change],
        removed: Sequence[_Change],
        types: Mapping[str, str],
    ) -> None:
        """Add to the history, or to what is stored once the foreign database has committed."""
        names, outbox = self._rows.names, RowOutbox()
        entries: list[dict[str, object]] = []
        for item in created:
            portal_type = types[item.table]
            values = self._stored_forms(portal_type, item.values)
            changes = {name: [None, value] for name, value in values.items() if value is not None}
            entries.append(self._recorder.of_row(names, portal_type, item.number, "create", changes))
        for change in changed:
            old = self._stored_forms(change.portal_type, change.stored)
            new = self._stored_forms(change.portal_type, change.values)
            changes = {name: [old[name], value] for name, value in new.items() if old[name] != value}
            if changes:
                entries.append(
                    self._recorder.of_row(names, change.portal_type, self._packed(change), "update", changes)
                )
        for change in removed:
            old = self._stored_forms(change.portal_type, change.stored)
            gone = {name: [value, None] for name, value in old.items()}
            entries.append(self._recorder.of_row(names, change.portal_type, self._packed(change), "remove", gone))
            if self._rows.site.has_workflow_states(change.portal_type):
                outbox.forgotten.append((change.portal_type, self._packed(change)))
        if self._rows.connections.is_foreign(self._authority.database):
            self._expect(outbox, created, changed, removed, types)
            outbox.history = entries
            self._rows.add_outbox(outbox)
        else:
            outbox.write(self._rows.connections.own)
            self._recorder.entries += entries

    def _expect(
        self,
        outbox: RowOutbox,
        created: Sequence[NewRow],
        changed: Sequence[_Change],
        removed: Sequence[_Change],
        types: Mapping[str, str],
    ) -> None:
        """Note by which rows it will be known that the request was carried out."""
        outbox.expected.extend((change.portal_type, self._packed(change), None) for change in removed[:MOST_EXPECTED])
        names = self._rows.names
        written = list(self._written(created, changed, types))[:MOST_EXPECTED]
        rids = [names.rid(portal_type, names.packed(key) or 0) for portal_type, key in written]
        outbox.expected.extend((*names.of_rid(record.rid), record.stamp) for record in self._rows.records(rids))

    def _stored_forms(self, portal_type: str, values: Mapping[str, Any]) -> dict[str, object]:
        """Field → stored form, of the values of those columns that fields declare."""
        layout, conversion = self._layout(portal_type), self._rows.site.conversion
        return {
            name: conversion.stored(
                values[column.name], layout.entity_type.fields[name], in_utc=layout.columns[column.name].in_utc
            )
            for name, column in layout.fields.items()
            if column.name in values
        }

    def _packed(self, change: _Change) -> int:
        number = self._rows.names.packed(change.key)
        if number is None:
            raise NotFound(f"There is no {change.portal_type} {change.key}.")
        return number

    def _layout(self, portal_type: str) -> Layout:
        return self._rows.site.layout(portal_type, self._rows.connections)


def _by_type(pairs: Iterable[tuple[str, Key]]) -> dict[str, list[Key]]:
    found: dict[str, list[Key]] = {}
    for portal_type, key in pairs:
        found.setdefault(portal_type, []).append(key)
    return found


def _plain(value: Any) -> Any:
    return value.number if isinstance(value, NewRow) else value


def _resolved(change: _Change) -> _Change:
    """The change with keys in place of new rows."""
    values = {name: _plain(value) for name, value in change.values.items()}
    return _Change(change.portal_type, change.key, change.stored, values, change.label)


def _respelled(item: RowItem, names: Mapping[str, str]) -> RowItem:
    match item:
        case NewRow():
            item.values = {names.get(name, name): value for name, value in item.values.items()}
            return item
        case RowUpdate():
            values = {names.get(name, name): value for name, value in item.values.items()}
            expected = {names.get(name, name): value for name, value in item.expected.items()}
            return replace(item, values=values, expected=expected)
        case RowRemoval():
            return item
