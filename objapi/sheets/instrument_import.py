"""Results of a file written into the objects that they are about, which then take their next step: by default all."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import orjson

from objapi.errors import ApiError, BadRequest, ValidationError
from objapi.model.instrument_files import InstrumentFile
from objapi.sheets.cells import SheetProblems
from objapi.sheets.instrument_results import FileResult, converted, is_number, read_results
from objapi.sheets.making import RowItem, refused_items, refused_rows, write_items
from objapi.store.requests import ByUid, Entry, Find, Plan, RefusedItem, UpdateItem
from objapi.store.transaction import Transaction
from workflows.declarations import suggestion

_CHUNK: Final = 200

Members = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RecordedResult:
    """A result of a file, and the object that has it now."""

    measured: FileResult
    value: str
    entry: Entry


@dataclass(frozen=True, slots=True)
class ImportedResults:
    """The result of a run."""

    results: tuple[RecordedResult, ...]
    left_out: tuple[FileResult, ...]
    """Results of tests that nobody has asked for."""
    plan: Plan
    refused: tuple[RefusedItem, ...] = ()
    """Lines and results that could not be entered, in a partial request."""


def shape_of(tx: Transaction, name: str) -> InstrumentFile:
    """The declared shape of a name. Raises BadRequest."""
    known = tx.registry.instrument_files
    if name not in known:
        listed = ", ".join(sorted(known)) or "none"
        message = f"instrument: there is no {name[:40]!r}{suggestion(name[:60], known)}; this site has {listed}."
        raise BadRequest.of_parameter("instrument", message)
    return known[name]


def import_results(
    tx: Transaction,
    content: bytes,
    shape: InstrumentFile,
    *,
    most_rows: int,
    dry_run: bool,
    is_partial: bool = False,
) -> ImportedResults:
    """Write the results of a file, and take the declared transition with each: all of them or nothing.

    Raises ValidationError with every problem by row and column, and what the store raises. A dry run that is refused
    has the plan of the other rows. With `is_partial` the lines that are right are done; what is wrong with the file as
    a whole is raised all the same.
    """
    problems = SheetProblems()
    measured = read_results(content, shape, most_rows, problems)
    matched = _Matching(tx, shape, problems).match(measured)
    if not measured and not problems:
        raise ValidationError(f"The file holds no results of {shape.title}.")
    if problems and not (is_partial and not problems.of_all):
        raise _refusal(tx, shape, matched, problems, dry_run=dry_run)
    found = [one for one in matched.found if one.measured.row not in problems.rows]
    unread = refused_rows(problems.causes)
    if not found:
        return ImportedResults((), tuple(matched.left_out), Plan(refused=tuple(unread)), tuple(unread))
    items = _items(found, shape)
    outcome = write_items(tx, items, dry_run=dry_run, action=shape.target.action, is_partial=is_partial)
    recorded = (
        RecordedResult(one.measured, one.value, entry)
        for one, entry in zip(found, outcome.entries, strict=True)
        if entry.error is None
    )
    refused = sorted((*unread, *refused_items(items, outcome.entries)), key=lambda item: item.row)
    plan = replace(outcome.plan, refused=tuple(sorted((*unread, *outcome.plan.refused), key=lambda item: item.row)))
    return ImportedResults(tuple(recorded), tuple(matched.left_out), plan, tuple(refused))


def _refusal(
    tx: Transaction, shape: InstrumentFile, matched: "_Matched", problems: SheetProblems, *, dry_run: bool
) -> ValidationError:
    """The refusal of a file with problems, and of what the store finds in the rest of it."""
    unread = list(problems.causes)
    rest = _items([one for one in matched.found if one.measured.row not in problems.rows], shape)
    plan = Plan()
    if rest:
        try:
            plan = write_items(tx, rest, dry_run=True, action=shape.target.action).plan
        except ApiError as error:
            problems.add(error.causes)
            plan = error.trial if isinstance(error.trial, Plan) else plan
    refusal = ValidationError.from_causes(sorted(problems.causes, key=lambda cause: cause.row or 0))
    if dry_run:
        in_order = sorted((*refused_rows(unread), *plan.refused), key=lambda item: item.row)
        refusal.trial = replace(plan, refused=tuple(in_order))
    return refusal


@dataclass(frozen=True, slots=True)
class _Match:
    measured: FileResult
    uid: str
    path: str
    value: str


@dataclass(slots=True)
class _Matched:
    """Results with the objects that they are of."""

    found: list[_Match] = field(default_factory=list)
    left_out: list[FileResult] = field(default_factory=list)


def _items(found: Iterable[_Match], shape: InstrumentFile) -> list[RowItem]:
    """What is to be written."""
    name = shape.target.field
    return [
        RowItem(UpdateItem(ByUid(one.uid), {name: one.value}), one.measured.row, {name: one.measured.column})
        for one in found
    ]


class _Matching:
    """Looks for the objects that results are of, with a few searches for the whole file."""

    def __init__(self, tx: Transaction, shape: InstrumentFile, problems: SheetProblems) -> None:
        self._tx = tx
        self._shape = shape
        self._problems = problems

    def match(self, measured: Sequence[FileResult]) -> _Matched:
        """The objects of results; what finds none, or several, is a problem."""
        samples = self._samples(dict.fromkeys(one.sample for one in measured))
        targets = self._targets(
            dict.fromkeys(path for paths in samples.values() for path in paths),
            dict.fromkeys(one.keyword for one in measured),
        )
        matched = _Matched()
        seen: dict[str, FileResult] = {}
        twice: set[str] = set()
        for one in measured:
            paths = samples.get(one.sample.casefold(), ())
            if not paths:
                self._note(
                    one, self._shape.sample.column, f"there is no sample {one.sample[:60]!r}, or you may not see it"
                )
                continue
            named = [target for path in paths for target in targets.get((path, one.keyword.casefold()), ())]
            if not named:
                matched.left_out.append(one)
            elif (target := self._open(one, named)) is not None and (value := self._in_unit(one, target)) is not None:
                uid = str(target["UID"])
                if uid in seen:
                    # Which of them is right nobody knows, so none of them is.
                    self._note_twice(one, seen[uid])
                    if uid not in twice:
                        self._note_twice(seen[uid], one)
                        twice.add(uid)
                else:
                    seen[uid] = one
                    matched.found.append(_Match(one, uid, str(target["path"]), value))
        return matched

    def _note_twice(self, one: FileResult, other: FileResult) -> None:
        where = f"row {other.row}" if other.row != one.row else f"column {other.column}"
        self._note(one, one.column, f"{where} has a result of the same test of this sample; leave one")

    def _note(self, one: FileResult, column: str, message: str) -> None:
        self._problems.note(one.row, column, message)

    def _search(
        self, portal_type: str, catalog: str, criteria: Mapping[str, object], names: Iterable[str]
    ) -> Iterator[Members]:
        include = tuple(dict.fromkeys(("UID", "path", *names)))
        find = Find({"portal_type": portal_type, **criteria}, catalog, size=0, include_fields=include)
        found: list[Members] = orjson.loads(orjson.dumps(list(self._tx.find(find).objects)))
        yield from found

    def _samples(self, codes: Iterable[str]) -> dict[str, list[str]]:
        """Code in small letters → the paths of what has it."""
        sample, wanted = self._shape.sample, list(codes)
        found: dict[str, list[str]] = {}
        for start in range(0, len(wanted), _CHUNK):
            criteria = {sample.index: wanted[start : start + _CHUNK]}
            for item in self._search(sample.portal_type, sample.catalog, criteria, sample.names):
                for code in {str(item[name]).casefold() for name in sample.names if item.get(name)}:
                    found.setdefault(code, []).append(str(item["path"]))
        return found

    def _targets(self, paths: Iterable[str], keywords: Iterable[str]) -> dict[tuple[str, str], list[Members]]:
        """Path of a sample and keyword in small letters → the objects that may take results."""
        target, wanted, words = self._shape.target, list(paths), list(keywords)
        names = [
            target.keyword,
            *([target.unit] if target.unit else []),
            *([target.variable] if target.variable else []),
        ]
        found: dict[tuple[str, str], list[Members]] = {}
        for start in range(0, len(wanted), _CHUNK):
            criteria = {"path": {"query": wanted[start : start + _CHUNK]}, target.index: words}
            for item in self._search(target.portal_type, target.catalog, criteria, names):
                key = (str(item["path"]).rpartition("/")[0], str(item[target.keyword]).casefold())
                found.setdefault(key, []).append(item)
        return found

    def _open(self, one: FileResult, named: Sequence[Members]) -> Members | None:
        """The one object that takes a result now; None where there is a problem."""
        target = self._shape.target
        ready = [item for item in named if not target.states or item.get(target.variable) in target.states]
        if len(ready) == 1:
            return ready[0]
        paths = ", ".join(str(item["path"]) for item in (ready or named)[:5])
        if ready:
            message = f"several {target.portal_type} wait for this result: {paths}"
        else:
            states = ", ".join(sorted({str(item.get(target.variable)) for item in named}))
            message = f"{paths} takes no result in the state {states}, only in {', '.join(sorted(target.states))}"
        self._note(one, one.column, message)
        return None

    def _in_unit(self, one: FileResult, target: Members) -> str | None:
        """The result in the unit that is expected; None where there is a problem."""
        expected = str(target.get(self._shape.target.unit) or "") if self._shape.target.unit else ""
        # A result without a unit is in the expected one, and a word is in none.
        if not one.unit or not expected or one.unit == expected or not is_number(one.value):
            return one.value
        for conversion in self._shape.conversions.get(one.unit, ()):
            if conversion.unit == expected:
                return converted(one.value, conversion.factor)
        message = f"the result is in {one.unit!r}, {target['path']} is in {expected!r}: declare a conversion"
        self._note(one, one.column, message)
        return None
