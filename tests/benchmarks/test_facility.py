"""The polled routes are measured on a small facility, and answer what it was filled with."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from benchmarks.facility import IMAGES, PER_PROPOSAL, facility, fill, sessions
from benchmarks.laboratory import NotEmpty
from benchmarks.polled import CALLERS, measure_polled
from benchmarks.user_portal import CARDS, PEOPLE, PER_SESSION, PROTEINS, SESSIONS, measure_portal
from objapi.profiles.ispyb import tables as t


def test_a_facility_is_filled_and_measured(tmp_path: Path) -> None:
    with facility(tmp_path, {}) as site:
        assert fill(site, 7, collections=3, seconds=3600) == sessions(site) == 7
        assert fill(site, 25, collections=3, seconds=3600) == 25
        assert fill(site, 50, collections=3, seconds=0) == 25
        expected = {t.Proposal: 1 + 25 // PER_PROPOSAL, t.DataCollection: 25 * 3, t.ImageQualityIndicators: 25 * IMAGES}
        with site.engine.connect() as connection:
            counted = {table: connection.scalar(sa.select(sa.func.count()).select_from(table)) for table in expected}
        assert counted == expected
        measured = list(measure_polled(site, "sqlite", repeats=1))
    assert {measurement.objects for measurement in measured} == {25}
    assert all(measurement.seconds and measurement.statements for measurement in measured)
    assert len({measurement.what for measurement in measured}) == len(measured)
    assert len(measured) % len(CALLERS) == 0
    with pytest.raises(NotEmpty), facility(tmp_path, {}):
        pass


def test_payloads_of_a_user_portal_are_measured_new_and_repeated(tmp_path: Path) -> None:
    with facility(tmp_path, {}) as site:
        new, repeated = measure_portal(site, "sqlite", repeats=1)
        expected = {
            t.Proposal: 2,
            t.Person: 1 + 2 * PEOPLE,
            t.BLSession: 2 * SESSIONS,
            t.Session_has_Person: 2 * SESSIONS * PER_SESSION,
            t.LabContact: 2 * CARDS,
            t.Protein: 2 * PROTEINS,
        }
        with site.engine.connect() as connection:
            counted = {table: connection.scalar(sa.select(sa.func.count()).select_from(table)) for table in expected}
    assert counted == expected
    assert repeated.statements is not None and new.statements is not None
    assert repeated.statements < new.statements
