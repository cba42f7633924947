"""Sheets of objects that have come back: the difference to what is there now, and its writing, by default all of it."""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import tzinfo
from typing import Any, Final, Literal

import orjson

from objapi.errors import ApiError, Cause, Conflict, ValidationError, joined_messages
from objapi.model.types import EntityType, Field, Kind
from objapi.sheets.cell_changes import CellConflict, merged, shown_text, stored_text, value_of
from objapi.sheets.cells import Hints, SheetProblems, sheet_cause
from objapi.sheets.export_columns import PATH, TYPE, UID, VERSION
from objapi.sheets.making import RowItem, refused_items, refused_rows, write_items
from objapi.sheets.returned_rows import ReturnedRow, ReturnedSheet
from objapi.store.requests import ByPath, ByUid, CreateItem, Entry, Find, Plan, RefusedItem, UpdateItem
from objapi.store.transaction import Transaction

_CHUNK: Final = 500
_TARGETS: Final = ("_title", "_path", "_uid")
"""Ends of the names of columns that say more about a reference."""

Members = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CellEdit:
    """A value that a sheet changes, as its cells show it."""

    field: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class RowEdit:
    """A row of a sheet that changes an object, or makes one."""

    row: int
    event: Literal["update", "create"]
    uid: str
    path: str
    cells: tuple[CellEdit, ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """What somebody has decided about a conflict, who has seen the value of the others."""

    theirs: str
    takes_mine: bool


@dataclass(frozen=True, slots=True)
class SheetOutcome:
    """The result of a sheet that has come back."""

    edits: tuple[RowEdit, ...]
    unchanged: int
    entries: tuple[Entry, ...]
    """Of each edit, in order."""
    plan: Plan
    warnings: tuple[str, ...]
    refused: tuple[RefusedItem, ...] = ()
    """Rows that could not be done, in a partial request."""
    conflicts: tuple[CellConflict, ...] = ()
    """Cells of these."""


@dataclass(frozen=True, slots=True)
class SheetRequest:
    """How a sheet is taken back."""

    zone: tzinfo
    new_type: str = ""
    """The type of new objects, where the row has none."""
    container: str = ""
    """Their container, where the row has no path."""
    dry_run: bool = False
    is_partial: bool = False
    """What cannot be done is left out, and the rest is done."""
    decisions: Mapping[tuple[int, str], Decision] = field(default_factory=dict)
    """Row and field of a conflict → what was decided about it."""


class SheetConflict(Conflict):
    """A sheet whose cells were changed on the site, too, since it was written; `conflicts` are all of them."""

    def __init__(self, message: str, causes: Sequence[Cause], conflicts: Sequence[CellConflict]) -> None:
        super().__init__(message, causes=causes)
        self.conflicts = tuple(conflicts)


@dataclass(slots=True)
class _Difference:
    """What a sheet asks for, and what is wrong with it, as far as it is known."""

    problems: SheetProblems
    edits: list[RowEdit] = field(default_factory=list)
    items: list[RowItem] = field(default_factory=list)
    """Of each edit, what is to be written."""
    conflicts: list[CellConflict] = field(default_factory=list)
    unchanged: int = 0
    warnings: dict[str, None] = field(default_factory=dict)


def take_back(tx: Transaction, sheet: ReturnedSheet, problems: SheetProblems, request: SheetRequest) -> SheetOutcome:
    """Write what a sheet changes, all of it or nothing unless it is partial; rows without a UID become objects.

    Raises SheetConflict for cells that were changed meanwhile, ValidationError and what the store raises by row and
    column. A dry run that is refused has the plan of the other rows. What is wrong with the sheet as a whole refuses a
    partial request, too.
    """
    difference = _Compared(tx, sheet, problems, request).difference()
    if not problems and not difference.conflicts and not request.is_partial:
        outcome = write_items(tx, difference.items, dry_run=request.dry_run)
        return SheetOutcome(
            tuple(difference.edits), difference.unchanged, outcome.entries, outcome.plan, tuple(difference.warnings)
        )
    unread = [*problems.causes, *map(_conflict_cause, difference.conflicts)]
    bad = problems.rows | {conflict.row for conflict in difference.conflicts}
    if request.is_partial and not problems.of_all:
        return _done_in_part(tx, difference, unread, bad, dry_run=request.dry_run)
    # The rows that are right may be wrong for the store: one answer tells all.
    rest = [item for item in difference.items if item.row not in bad]
    plan = Plan()
    if rest:
        try:
            plan = write_items(tx, rest, dry_run=True).plan
        except ApiError as error:
            problems.add(error.causes)
            plan = error.trial if isinstance(error.trial, Plan) else plan
    causes = sorted([*problems.causes, *map(_conflict_cause, difference.conflicts)], key=lambda cause: cause.row or 0)
    refusal = _refusal(causes, difference.conflicts)
    if request.dry_run:
        refusal.trial = _with_refused(plan, refused_rows(unread))
    raise refusal


def _done_in_part(
    tx: Transaction, difference: "_Difference", unread: Sequence[Cause], bad: Set[int], *, dry_run: bool
) -> SheetOutcome:
    """The rows that are right, written, beside what is wrong with the others."""
    pairs = zip(difference.edits, difference.items, strict=True)
    readable = [(edit, item) for edit, item in pairs if item.row not in bad]
    items = [item for _, item in readable]
    outcome = write_items(tx, items, dry_run=dry_run, is_partial=True)
    done = [(edit, entry) for (edit, _), entry in zip(readable, outcome.entries, strict=True) if entry.error is None]
    before = refused_rows(unread)
    refused = sorted((*before, *refused_items(items, outcome.entries)), key=lambda item: item.row)
    return SheetOutcome(
        tuple(edit for edit, _ in done),
        difference.unchanged,
        tuple(entry for _, entry in done),
        _with_refused(outcome.plan, before),
        tuple(difference.warnings),
        tuple(refused),
        tuple(difference.conflicts),
    )


def _with_refused(plan: Plan, refused: Iterable[RefusedItem]) -> Plan:
    return replace(plan, refused=tuple(sorted((*refused, *plan.refused), key=lambda item: item.row)))


def _refusal(causes: Sequence[Cause], conflicts: Sequence[CellConflict]) -> ApiError:
    if not conflicts:
        return ValidationError.from_causes(causes)
    return SheetConflict(joined_messages(cause.message for cause in causes), causes, conflicts)


def _conflict_cause(conflict: CellConflict) -> Cause:
    was = "it was changed" if conflict.base is None else f"{conflict.base[:40]!r} was changed"
    message = (
        f"{was} meanwhile to {conflict.theirs[:40]!r}, and to {conflict.mine[:40]!r} in the sheet. Enter the value "
        "that is right, and the version that the object has now."
    )
    return sheet_cause(conflict.row, conflict.field, message, "conflict")


class _Compared:
    """A sheet beside the objects that it is about."""

    def __init__(
        self,
        tx: Transaction,
        sheet: ReturnedSheet,
        problems: SheetProblems,
        request: SheetRequest,
    ) -> None:
        self._tx = tx
        self._sheet = sheet
        self._zone = request.zone
        self._request = request
        self._found = _Difference(problems)
        self._types = tx.registry.types
        self._hints = Hints()
        self._worked_out: dict[str, frozenset[str]] = {}

    def difference(self) -> _Difference:
        """What the sheet changes."""
        wanted = [row for row in self._sheet.rows if row.uid]
        there = self._present(wanted)
        stale = {
            row.uid: row.version
            for row in wanted
            if row.version is not None and row.uid in there and there[row.uid].get(VERSION) != row.version
        }
        then = self._tx.values_at(stale) if stale else {}
        for row in self._sheet.rows:
            if not row.uid:
                self._create(row)
            elif row.uid in there:
                self._update(row, there[row.uid], then.get(row.uid), is_stale=row.uid in stale)
            elif len(row.uid) == 32:
                self._note(row, UID, f"there is no object {row.uid}, or you may not see it")
        return self._found

    def _note(self, row: ReturnedRow, column: str, message: str) -> None:
        self._found.problems.note(row.row, column, message)

    def _present(self, rows: Sequence[ReturnedRow]) -> dict[str, Members]:
        """UID → the object as it is now, with what the columns show. One search a type for each 500 rows."""
        by_catalog: dict[str, list[str]] = {}
        for row in rows:
            by_catalog.setdefault(self._catalog_of(row.portal_type), []).append(row.uid)
        expand = tuple(name.rpartition("_")[0] for name in self._sheet.names if name.endswith(_TARGETS))
        include = (UID, PATH, TYPE, VERSION, *self._sheet.names)
        found: dict[str, Members] = {}
        for catalog, uids in by_catalog.items():
            for start in range(0, len(uids), _CHUNK):
                part = tuple(uids[start : start + _CHUNK])
                find = Find({UID: list(part)}, catalog, size=0, include_fields=include, expand=expand)
                objects: list[Members] = orjson.loads(orjson.dumps(list(self._tx.find(find).objects)))
                found.update((item[UID], item) for item in objects)
        return found

    def _catalog_of(self, portal_type: str) -> str:
        """The catalog in which objects of a type are found by UID."""
        everywhere = "uid_catalog"
        catalogs = (
            [item.name for item in self._tx.registry.catalogs_of(portal_type)] if portal_type in self._types else []
        )
        return everywhere if everywhere in catalogs or not catalogs else catalogs[0]

    # Rows of objects that are there

    def _update(self, row: ReturnedRow, now: Members, then: Mapping[str, object] | None, *, is_stale: bool) -> None:
        declared = self._types[now[TYPE]]
        if row.portal_type and row.portal_type != declared.portal_type:
            self._note(row, TYPE, f"{now[PATH]} is a {declared.portal_type}; leave the column as it was")
            return
        # The versions of objects count up; those of rows of tables tell values apart, in no order.
        if is_stale and declared.table is None and row.version is not None and row.version > int(str(now[VERSION])):
            message = f"{now[PATH]} has never had version {row.version}, it is at {now[VERSION]}"
            self._note(row, VERSION, f"{message}; leave the column as it was")
            return
        mine = self._own_columns(row, declared, now, is_stale=is_stale)
        theirs = {name: shown_text(now.get(name), declared.fields[name], self._zone) for name in mine}
        base = self._base(declared, then) if is_stale else {}
        edits, conflicting = merged(mine, theirs, base, declared.fields, self._zone)
        open_ones = []
        for name in conflicting:
            decision = self._request.decisions.get((row.row, name))
            # What has changed once more since then was not what was decided about.
            if decision is None or decision.theirs != theirs[name]:
                open_ones.append(name)
            elif decision.takes_mine:
                edits[name] = mine[name]
        for name in open_ones:
            old = None if base is None else base[name]
            self._found.conflicts.append(CellConflict(row.row, now[PATH], name, old, theirs[name], mine[name]))
        values = self._values(row, edits, declared.fields)
        if open_ones:
            return
        if not edits:
            self._found.unchanged += row.row not in self._found.problems.rows
            return
        cells = tuple(CellEdit(name, theirs[name], text) for name, text in edits.items())
        item = UpdateItem(ByUid(row.uid), values, int(now[VERSION]) if now.get(VERSION) is not None else None)
        self._add(RowEdit(row.row, "update", row.uid, now[PATH], cells), item, edits)

    def _own_columns(self, row: ReturnedRow, declared: EntityType, now: Members, *, is_stale: bool) -> dict[str, str]:
        """The cells that a sheet may change. What it may not, and is not as it was, is a problem."""
        mine: dict[str, str] = {}
        for name in self._sheet.names:
            text, of_type = row.texts.get(name, ""), declared.fields.get(name)
            if of_type is not None and _is_written(of_type):
                mine[name] = text
            elif name in now or of_type is not None:
                shown = shown_text(now.get(name), of_type, self._zone)
                # What the gateway works out may have changed since.
                if not is_stale and merged({name: text}, {name: shown}, {}, declared.fields, self._zone)[0]:
                    self._note(row, name, "the gateway itself sets this value; leave the column as it was")
            elif text.strip():
                self._other_column(row, name, declared)
        return mine

    def _other_column(self, row: ReturnedRow, name: str, declared: EntityType) -> None:
        """Note a column that is none of the type: of catalogs, contained objects or another type; or a mistake."""
        if name.endswith(_TARGETS) or name in self._worked_out_of(declared):
            self._found.warnings[f"The column {name} is worked out by the gateway and was not looked at."] = None
        else:
            near = self._hints.near(name, declared.fields)
            self._note(row, name, f"{declared.portal_type} has no field of this name{near}; leave the cell empty")

    def _worked_out_of(self, declared: EntityType) -> frozenset[str]:
        """Members of an answer that are no fields of the type."""
        if declared.portal_type not in self._worked_out:
            registry = self._tx.registry
            catalogs = registry.catalogs_of(declared.portal_type)
            states = registry.state_variables(declared.portal_type)
            columns = (column for item in catalogs for column in item.returned)
            self._worked_out[declared.portal_type] = frozenset({*declared.embed, *states, *columns, "title"})
        return self._worked_out[declared.portal_type]

    def _base(self, declared: EntityType, then: Mapping[str, object] | None) -> dict[str, str] | None:
        """The texts that cells had when the sheet was written, of fields that have changed since."""
        if then is None:
            return None
        stored = {
            name: then[of_type.alias_of or name]
            for name, of_type in declared.fields.items()
            if (of_type.alias_of or name) in then
        }
        return {name: stored_text(value, declared.fields[name], self._zone) for name, value in stored.items()}

    # Rows of new objects

    def _create(self, row: ReturnedRow) -> None:
        portal_type = row.portal_type or self._request.new_type
        declared = self._types.get(portal_type)
        if declared is None:
            near = self._hints.near(portal_type, self._types)
            what = f"there is no type {portal_type[:60]!r}{near}" if portal_type else "a new object needs a type"
            self._note(row, TYPE, what)
            return
        fields = {**declared.fields, **declared.create_parameters}
        sent: dict[str, str] = {}
        for name, text in row.texts.items():
            if not text.strip():
                continue
            if name in fields and _is_written(fields[name]):
                sent[name] = text
            elif name in fields:
                self._found.warnings[
                    f"The column {name} is set by the gateway; of new objects it was not looked at."
                ] = None
            else:
                self._other_column(row, name, declared)
        parent = row.path.rpartition("/")[0] or self._request.container
        values = self._values(row, sent, fields)
        item = CreateItem(portal_type, ByPath(parent) if parent else None, values, row.id or None)
        cells = tuple(CellEdit(name, "", text) for name, text in sent.items())
        self._add(RowEdit(row.row, "create", "", row.path, cells), item, sent)

    # What both have in common

    def _values(self, row: ReturnedRow, texts: Mapping[str, str], fields: Mapping[str, Field]) -> dict[str, object]:
        values: dict[str, object] = {}
        for name, text in texts.items():
            try:
                values[name] = value_of(text, fields[name])
            except ValueError as error:
                self._note(row, name, str(error))
        return values

    def _add(self, edit: RowEdit, item: UpdateItem | CreateItem, columns: Iterable[str]) -> None:
        self._found.edits.append(edit)
        self._found.items.append(RowItem(item, edit.row, {name: name for name in columns}))


def _is_written(declared: Field) -> bool:
    """True for a field that a cell can set: files are uploaded by themselves."""
    worked_out = declared.system or declared.path is not None or declared.compute is not None
    return not worked_out and declared.kind not in (Kind.COMPUTED, Kind.FILE)
