"""The lease under which the schema is changed."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from sqlalchemy import Engine, select

from catalog.dialect import create_engine_for
from objapi.store.schema import site_state
from objapi.store.upgrade.lease import DURATION, LEASE_ROW, PARTS, Lease, LeaseRefused, hold_lease, holder_of

MINUTE = timedelta(minutes=1)


class Clock:
    """A clock that a test moves on."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = create_engine_for(database_url)
    with engine.begin() as connection:
        site_state.create(connection)
    yield engine
    engine.dispose()


def _row(engine: Engine) -> str | None:
    with engine.connect() as connection:
        return connection.scalar(select(site_state.c.value).where(site_state.c.name == LEASE_ROW))


def test_second_taker_is_told_who_holds_it_and_until_when(engine: Engine) -> None:
    clock = Clock()
    with hold_lease(engine, clock), pytest.raises(LeaseRefused, match=r"process \d+ on .+, until 2026-03-01 09:35:00"):
        Lease(engine, clock).take()


def test_lease_given_back_can_be_taken(engine: Engine) -> None:
    with hold_lease(engine):
        assert _row(engine)
    assert _row(engine) is None
    with hold_lease(engine):
        assert _row(engine)


def test_lease_is_given_back_when_the_work_fails(engine: Engine) -> None:
    with pytest.raises(ZeroDivisionError), hold_lease(engine):
        raise ZeroDivisionError
    assert _row(engine) is None


def test_expired_lease_is_taken_over_and_its_holder_stops(engine: Engine) -> None:
    clock = Clock()
    slow, fast = Lease(engine, clock), Lease(engine, clock)
    slow.take()
    clock.now += DURATION - MINUTE
    with pytest.raises(LeaseRefused):
        fast.take()
    clock.now += MINUTE
    fast.take()
    with pytest.raises(LeaseRefused, match="too slow"):
        slow.renew()

    held = _row(engine)
    slow.give_back()
    assert _row(engine) == held


def test_renewed_lease_outlives_its_first_expiry(engine: Engine) -> None:
    clock = Clock()
    lease = Lease(engine, clock)
    lease.take()
    for _ in range(10):
        clock.now += DURATION - MINUTE
        lease.renew()
    with pytest.raises(LeaseRefused):
        Lease(engine, clock).take()


def test_expired_lease_that_nobody_took_is_renewed(engine: Engine) -> None:
    clock = Clock()
    lease = Lease(engine, clock)
    lease.take()
    clock.now += 2 * DURATION
    lease.renew()
    assert holder_of(_row(engine), clock.now) is not None


def test_young_lease_is_not_written_again(engine: Engine) -> None:
    clock = Clock()
    lease = Lease(engine, clock)
    lease.take()
    taken = _row(engine)
    clock.now += DURATION / PARTS / 2
    lease.renew()
    assert _row(engine) == taken
    clock.now += DURATION / PARTS / 2
    lease.renew()
    assert _row(engine) != taken


def test_one_of_many_who_take_it_at_once_gets_it(engine: Engine, database_url: str) -> None:
    takers = 6
    start = Barrier(takers)
    engines = [create_engine_for(database_url) for _ in range(takers)]

    def take(engine: Engine) -> bool:
        lease = Lease(engine)
        start.wait()
        try:
            lease.take()
        except LeaseRefused:
            return False
        return True

    with ThreadPoolExecutor(takers) as pool:
        taken = list(pool.map(take, engines))
    for each in engines:
        each.dispose()
    assert taken.count(True) == 1


@pytest.mark.parametrize("text", [None, ""])
def test_nobody_holds_an_absent_lease(text: str | None) -> None:
    assert holder_of(text, datetime.now(UTC)) is None


def test_lease_of_a_clock_that_was_set_back_keeps_nobody_waiting(engine: Engine) -> None:
    clock = Clock()
    dead, alive = Lease(engine, clock), Lease(engine, clock)
    dead.take()
    clock.now -= timedelta(hours=1)
    alive.take()
    with pytest.raises(LeaseRefused):
        dead.renew()
    clock.now -= timedelta(hours=1)
    # Who lives follows the clock before anybody else asks.
    alive.renew()
    with pytest.raises(LeaseRefused, match="until 2026-03-01 07:35:00"):
        dead.take()
