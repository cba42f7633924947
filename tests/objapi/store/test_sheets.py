"""Sheets cost the same number of statements, however many rows they have."""

from datetime import UTC

from objapi.model.values import NewFile
from objapi.profiles.lims.ar_imports import import_requests
from objapi.sheets.returned_files import read_returned
from objapi.sheets.returning import SheetOutcome, SheetRequest, take_back
from objapi.store.transaction import Transaction
from tests.objapi.store.workshop import Gateway

HEAD = "Header,Client ID,Contact\nHeader Data,GVO,Rita Mohale\nBatch Header,title\nBatch Data,{title}\n"
SAMPLES = "Samples,ClientSampleID,SamplingDate,SampleType,Ca,Mg,Trace metals\n"


def statements(laboratory: Gateway, title: str, samples: int) -> int:
    rows = "".join(f"s,{title}-{number},2014-09-03,Water,1,1,1\n" for number in range(samples))
    file = NewFile("many.csv", "text/csv", (HEAD.format(title=title) + SAMPLES + rows).encode())
    with laboratory.statements.counted() as inside:
        made = laboratory.run(
            "clerk1", lambda tx: import_requests(tx, file, None, most_rows=1000, dry_run=False), write=True
        )
    assert len(made.requests) == samples
    return len(inside)


def test_the_number_of_statements_does_not_grow_with_the_rows(laboratory: Gateway) -> None:
    statements(laboratory, "First", 2)
    few, many = statements(laboratory, "Few", 3), statements(laboratory, "Many", 30)
    # One less: the first page that is not full tells the total.
    assert few - 1 <= many <= few


def returned(laboratory: Gateway, text: str) -> tuple[SheetOutcome, int]:
    """The result of a sheet that has come back, and its statements."""

    def work(tx: Transaction) -> SheetOutcome:
        sheet, problems = read_returned(text.encode(), 1000)
        return take_back(tx, sheet, problems, SheetRequest(UTC, "Batch", "/batches"))

    with laboratory.statements.counted() as inside:
        done = laboratory.run("admin", work, write=True)
    return done, len(inside)


def test_a_sheet_that_comes_back_costs_the_same_for_more_rows(laboratory: Gateway) -> None:
    head, counts = "UID,version,title,Remarks\n", []
    for number in (2, 3, 30):
        rows = "".join(f",,Round {number}-{n},a\n" for n in range(number))
        made, creating = returned(laboratory, head + rows)
        assert [edit.event for edit in made.edits] == ["create"] * number
        edited = [(entry.uid, n) for n, entry in enumerate(made.entries)]
        done, changing = returned(laboratory, head + "".join(f"{uid},1,Round {number}-{n},b\n" for uid, n in edited))
        assert [edit.event for edit in done.edits] == ["update"] * number
        # Written from a version that is not there any more, and changed by others in another field.
        stale, merging = returned(laboratory, head + "".join(f"{uid},1,Other {number}-{n},a\n" for uid, n in edited))
        assert [[cell.field for cell in edit.cells] for edit in stale.edits] == [["title"]] * number
        counts.append((creating, changing, merging))
    assert counts[1] == counts[2]
