"""Dates in the spellings that forms and queries use."""

from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog import DateSyntaxError, parse_date
from catalog.dates import FIRST_INSTANT, LAST_INSTANT, in_zone, shifted

BERLIN = ZoneInfo("Europe/Berlin")


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-01-02", utc(2024, 1, 2)),
        ("2024-01-02T03:04:05", utc(2024, 1, 2, 3, 4, 5)),
        ("2024-01-02 03:04", utc(2024, 1, 2, 3, 4)),
        ("20240102", utc(2024, 1, 2)),
        ("2024-06", utc(2024, 6, 1)),
        ("2024", utc(2024, 1, 1)),
        ("2024-01-02T03:04:05.250Z", utc(2024, 1, 2, 3, 4, 5, 250000)),
        ("2024-01-02T03:04:05+02:00", utc(2024, 1, 2, 1, 4, 5)),
        ("2024-01-02T03:04-0330", utc(2024, 1, 2, 6, 34)),
    ],
)
def test_iso_without_offset_is_utc(text: str, expected: datetime) -> None:
    assert parse_date(text, BERLIN) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024/01/02", utc(2024, 1, 1, 23)),
        ("2024/07/02 03:04:05", utc(2024, 7, 2, 1, 4, 5)),
        ("01/02/2024", utc(2024, 1, 1, 23)),
        ("31/12/2024", utc(2024, 12, 30, 23)),
        ("12/31/2024", utc(2024, 12, 30, 23)),
        ("Mar 9, 1997 1:45 pm", utc(1997, 3, 9, 12, 45)),
        ("9 March 97 12:00 am", utc(1997, 3, 8, 23)),
        ("2024/01/05 1pm", utc(2024, 1, 5, 12)),
    ],
)
def test_other_spellings_are_local_time_summer_time_respected(text: str, expected: datetime) -> None:
    assert parse_date(text, BERLIN) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024/01/05 10:30 UTC", utc(2024, 1, 5, 10, 30)),
        ("2024/01/05 10:30 GMT+2", utc(2024, 1, 5, 8, 30)),
        ("2024/01/05 10:30 US/Eastern", utc(2024, 1, 5, 15, 30)),
        ("2024/07/05 10:30 us/eastern", utc(2024, 7, 5, 14, 30)),
        ("2024/01/05 UTC", utc(2024, 1, 5)),
        ("Sat, 09 Mar 1997 13:45:00 -0500", utc(1997, 3, 9, 18, 45)),
    ],
)
def test_a_zone_may_follow(text: str, expected: datetime) -> None:
    assert parse_date(text, BERLIN) == expected


def test_international_dates_begin_with_the_day_and_are_never_swapped() -> None:
    assert parse_date("01/02/2024", UTC, international=True) == utc(2024, 2, 1)
    assert parse_date("31/12/2024", UTC, international=True) == utc(2024, 12, 31)
    with pytest.raises(DateSyntaxError):
        parse_date("12/31/2024", UTC, international=True)
    for text in ("03-05-21", "03/05/21", "3.5.21", "03/05/2021"):
        assert parse_date(text, UTC, international=True) == utc(2021, 5, 3)


@pytest.mark.parametrize(
    "text", ["2024-07-05", "20240705", "2024-07", "2024", "2024-07-05T10:30", "2024-07-05 10:30:15"]
)
def test_iso_dates_without_an_offset_are_in_utc_or_on_demand_in_the_local_zone(text: str) -> None:
    as_zope = parse_date(text, BERLIN)
    assert as_zope.utcoffset() == timedelta(0)
    assert parse_date(text, BERLIN, iso="local") == as_zope.replace(tzinfo=BERLIN)
    for offset in ("Z", "+00:00"):
        if ":" in text:
            assert parse_date(f"{text}{offset}", BERLIN, iso="local") == as_zope


@pytest.mark.parametrize("zone", [None, UTC, BERLIN, ZoneInfo("America/La_Paz"), ZoneInfo("Pacific/Auckland")])
def test_arithmetic_ends_with_the_calendar(zone: tzinfo | None) -> None:
    first, last = (end.replace(tzinfo=zone) for end in (FIRST_INSTANT, LAST_INSTANT))
    for span in ({"minutes": 20}, {"days": 10**12}, {"minutes": 10**30}, {"microseconds": 1}):
        assert shifted(last, **span) >= LAST_INSTANT.replace(tzinfo=zone and UTC)
        backwards = {name: -part for name, part in span.items()}
        assert shifted(first, **backwards) <= FIRST_INSTANT.replace(tzinfo=zone and UTC)
    middle = datetime(2024, 7, 5, tzinfo=zone)
    assert shifted(middle, days=1, minutes=-5) == middle + timedelta(days=1, minutes=-5)


@pytest.mark.parametrize("zone", [BERLIN, ZoneInfo("America/La_Paz"), ZoneInfo("Pacific/Auckland")])
def test_an_instant_keeps_its_offset_where_the_calendar_ends(zone: tzinfo) -> None:
    for end in (FIRST_INSTANT, LAST_INSTANT):
        assert in_zone(end, zone) == end
        assert in_zone(in_zone(end.replace(tzinfo=zone), UTC), zone).replace(tzinfo=None) == end.replace(tzinfo=None)
    assert in_zone(utc(2024, 7, 5), zone).utcoffset() == utc(2024, 7, 5).astimezone(zone).utcoffset()


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "no date", "2023/02/29", "2023-02-29", "25:00", "2024-01-01T24:00:00", "2024/01/01 25:00", "12"),
        *("2024/01/05 10:30 Nowhere", "2024/01/05 10:30 ../../etc/passwd", "0000-01-01", "99999/1/1", "1/2", "13pm"),
        *("9999-12-31T23:59:59-14:00", "2024-01-02T03:04:05+15:00", "٢٠٢٤-01-02", "2024/01/05 13:00 pm", "1" * 200),
        *("2024-005", "2024-005T10:00", "Jan 005 2024", "2024-W01"),
    ],
)
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(DateSyntaxError):
        parse_date(text, BERLIN)


@pytest.mark.parametrize("text", ["9999-12-31T23:59:59-14:00", "9999/12/31 23:59 US/Eastern", "0001-01-01T00:00+02:00"])
def test_a_date_past_the_calendar_is_told_as_such(text: str) -> None:
    with pytest.raises(DateSyntaxError, match="outside the years 1 to 9999"):
        parse_date(text, BERLIN)


@given(st.text(max_size=40))
def test_any_text_is_a_date_or_refused(text: str) -> None:
    try:
        found = parse_date(text, BERLIN)
    except DateSyntaxError:
        return
    assert found.utcoffset() is not None


@given(
    st.datetimes(min_value=datetime(1000, 1, 1), max_value=datetime(9000, 1, 1)),  # noqa: DTZ001
    st.integers(-14 * 60, 14 * 60),
)
def test_iso_round_trip(moment: datetime, minutes: int) -> None:
    sign, rest = ("-" if minutes < 0 else "+"), abs(minutes)
    local = moment + timedelta(minutes=minutes)
    text = f"{local.isoformat()}{sign}{rest // 60:02d}:{rest % 60:02d}"
    assert parse_date(text, BERLIN) == moment.replace(tzinfo=UTC)
