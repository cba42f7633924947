"""The measurements run through on a small laboratory, and say how many statements were needed."""

from pathlib import Path

import pytest

from benchmarks.inside import measure_inside
from benchmarks.laboratory import NotEmpty, batches, grow, laboratory
from benchmarks.measuring import ENOUGH_SECONDS, HEAD, Measurement, repeated, table


def test_a_laboratory_is_grown_and_measured(tmp_path: Path) -> None:
    with laboratory(tmp_path, {}) as site:
        assert grow(site, 20, seconds=60) == batches(site) == 20
        assert grow(site, 30, seconds=0) == 20
        measured = list(measure_inside(site, "sqlite", repeats=1))
    assert {measurement.objects for measurement in measured} == {20}
    assert all(measurement.seconds and measurement.statements for measurement in measured)
    with pytest.raises(NotEmpty), laboratory(tmp_path, {}):
        pass


def test_what_takes_long_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(repeated(lambda: None, repeats=3)) == 3
    readings = iter([0.0, ENOUGH_SECONDS])
    monkeypatch.setattr("benchmarks.measuring.time.perf_counter", lambda: next(readings))
    assert repeated(lambda: None) == (ENOUGH_SECONDS,)


def test_statements_that_were_not_counted_are_left_out() -> None:
    measurement = Measurement("sqlite", 1_000, "read", (5.0,))
    assert measurement.cells == ("sqlite", "1,000", "read", "5,000.0", "5,000.0", "")


def test_the_table_has_a_line_for_each_measurement() -> None:
    lines = table([Measurement("sqlite", 10, "read 10", (0.001, 0.003, 0.002), 4)]).splitlines()
    assert lines[0].split("  ")[0] == HEAD[0]
    assert lines[1].split() == ["sqlite", "10", "read", "10", "2.0", "3.0", "4"]
