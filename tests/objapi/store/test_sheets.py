"""Requests from a sheet cost the same number of statements, however many there are."""

from objapi.model.values import NewFile
from objapi.profiles.lims.ar_imports import import_requests
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
