"""Launching and closing: what the client reads, and which stretches are left."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from objapi.mxlive.routes import ROUTES
from objapi.mxlive.sessions import describe_duration
from tests.objapi.mxlive.station import Station, User, dataset, report


def stretches(station: Station, user: User, name: str = "week-1") -> list[dict[str, Any]]:
    """The stretches of a session of a user, oldest first."""
    sessions = [item for item in station.read("MxSession", project=user.uid) if item["name"] == name]
    assert len(sessions) == 1
    return station.read("MxStretch", session=sessions[0]["UID"])


def test_launch_answers_what_the_client_puts_in_its_log(station: Station, user: User, beamline: str) -> None:
    answer = user.post(f"launch/{beamline}/week-1/")
    assert answer.keys() == {"session", "duration", "survey", "end_time"}
    assert answer["session"] == "week-1"
    assert answer["duration"] == "0 minutes"
    assert answer["end_time"] is None
    assert answer["survey"].startswith("http://localhost/users/feedback/")


def test_launching_twice_in_a_row_adds_neither_session_nor_stretch(station: Station, user: User, beamline: str) -> None:
    for _ in range(3):
        user.post(f"launch/{beamline}/week-1/")
    assert len(stretches(station, user)) == 1


def test_a_new_session_gets_one_secure_key_and_keeps_it(station: Station, user: User, beamline: str) -> None:
    asked = len(station.proxy.asked)
    user.post(f"launch/{beamline}/week-1/")
    first = station.read("MxSession", project=user.uid)[0]["url"]
    user.post(f"launch/{beamline}/week-1/")
    assert station.read("MxSession", project=user.uid)[0]["url"] == first != ""
    assert station.proxy.asked[asked:] == [f"{user.name}/week-1"]


def test_a_launch_closes_what_else_runs_at_the_beamline(station: Station, user: User, beamline: str) -> None:
    other = station.user()
    other.post(f"launch/{beamline}/theirs/")
    user.post(f"launch/{beamline}/week-1/")
    user.post(f"launch/{beamline}/week-2/")
    assert all(item["end"] for item in stretches(station, other, "theirs"))
    assert all(item["end"] for item in stretches(station, user, "week-1"))
    assert [item["end"] for item in stretches(station, user, "week-2")] == [None]
    running = station.read(
        "MxSession", beamline=station.read("MxBeamline", acronym=beamline)[0]["UID"], review_state="running"
    )
    assert [item["name"] for item in running] == ["week-2"]


def test_a_session_at_another_beamline_goes_on(station: Station, user: User, beamline: str) -> None:
    elsewhere = station.beamline()
    user.post(f"launch/{elsewhere}/week-1/")
    user.post(f"launch/{beamline}/week-1/")
    running = station.read("MxSession", project=user.uid, review_state="running")
    assert len(running) == 2


@pytest.mark.parametrize(("minutes", "expected"), [(4, 1), (6, 2)])
def test_a_stretch_that_ended_a_moment_ago_is_taken_up_again(
    station: Station, user: User, beamline: str, minutes: int, expected: int
) -> None:
    user.post(f"launch/{beamline}/week-1/")
    user.post(f"close/{beamline}/week-1/")
    ended = datetime.now(UTC) - timedelta(minutes=minutes)
    station.update(
        stretches(station, user)[0]["UID"],
        start=(ended - timedelta(hours=1)).isoformat(),
        end=ended.isoformat(),
    )
    answer = user.post(f"launch/{beamline}/week-1/")
    found = stretches(station, user)
    assert len(found) == expected
    assert [item["end"] is None for item in found] == [*[False] * (expected - 1), True]
    assert answer["duration"] == ("1 hour 4 mins" if expected == 1 else "1 hour")


def test_close_ends_the_session_and_tells_the_newest_stretch(station: Station, user: User, beamline: str) -> None:
    user.post(f"launch/{beamline}/week-1/")
    old = stretches(station, user)[0]["UID"]
    station.update(old, start="2026-01-01T00:00:00Z", end="2026-01-02T00:00:00Z")
    station.transition(station.read("MxSession", project=user.uid)[0]["UID"], "close")
    user.post(f"launch/{beamline}/week-1/")
    begun = datetime.now(UTC) - timedelta(hours=3)
    station.update(stretches(station, user)[-1]["UID"], start=begun.isoformat())
    assert user.post(f"close/{beamline}/week-1/") == {"session": "week-1", "duration": "3 hours"}
    assert user.post(f"close/{beamline}/week-1/") == {"session": "week-1", "duration": "3 hours"}
    assert station.read("MxBeamline", acronym=beamline)[0]["active_session"] is None


@pytest.mark.parametrize("route", ["launch/NOWHERE/week-1/", "close/NOWHERE/week-1/", "close/{line}/never/"])
def test_what_is_not_there_is_not_found(user: User, beamline: str, route: str) -> None:
    assert user.refused(route.format(line=beamline)) == 404


def test_sessions_of_others_cannot_be_closed(station: Station, user: User, beamline: str) -> None:
    other = station.user()
    other.post(f"launch/{beamline}/theirs/")
    assert user.refused(f"close/{beamline}/theirs/") == 404
    assert stretches(station, other, "theirs")[0]["end"] is None


NAMELESS = {"launch": "a session of one's own", "samples": "what is in the automounter of one's own"}
"""Signed routes that take no name of what others have."""


def test_what_others_have_is_answered_as_what_never_was(station: Station, user: User, beamline: str) -> None:
    other = station.user()
    other.post(f"launch/{beamline}/theirs/")
    frames = other.post(f"data/{beamline}/", dataset())["id"]
    made = other.post(f"report/{beamline}/", report(data_id=[frames]))["id"]
    ways = {
        "close": [(f"close/{beamline}/{name}/", None) for name in ("theirs", "nobody")],
        "data": [(f"data/{beamline}/", dataset(id=number, sample_id=number)) for number in (frames, 10**9)],
        "report": [(f"report/{beamline}/", report(id=number, data_id=[number])) for number in (made, 10**9)],
    }
    signed = {name for name, route in ROUTES.items() if route.permission is not None}
    assert ways.keys() | NAMELESS.keys() == signed
    for route, (there, gone) in ways.items():
        answers = [user.call("POST", path, body) for path, body in (there, gone)]
        assert len({answer.status_code for answer in answers}) == 1, route
        texts = [re.sub(r"[0-9]+|theirs|nobody", "", answer.text) for answer in answers]
        assert texts[0] == texts[1], route


@pytest.mark.parametrize(
    ("name", "status"),
    [("a" * 100, 200), ("a" * 101, 422), ("séance-é", 200), ("with space", 404), ("a.b", 404), ("Week-1", 200)],
)
def test_names_of_sessions(user: User, beamline: str, name: str, status: int) -> None:
    assert user.call("POST", f"launch/{beamline}/{name}/").status_code == status


def test_names_that_differ_in_case_are_two_sessions(station: Station, user: User, beamline: str) -> None:
    user.post(f"launch/{beamline}/week-1/")
    user.post(f"launch/{beamline}/Week-1/")
    assert len(station.read("MxSession", project=user.uid)) == 2


def test_a_session_is_made_when_the_data_proxy_is_back(station: Station, user: User, beamline: str) -> None:
    station.proxy.status = 500
    assert user.refused(f"launch/{beamline}/week-1/") == 503
    assert station.read("MxSession", project=user.uid) == []
    station.proxy.well()
    user.post(f"launch/{beamline}/week-1/")
    assert station.read("MxSession", project=user.uid)[0]["url"]


def test_making_a_session_is_logged_and_launching_again_is_not(station: Station, user: User, beamline: str) -> None:
    for route in ("launch", "launch", "close", "launch"):
        user.post(f"{route}/{beamline}/week-1/")
    logged = station.read("MxActivityLog", project=user.uid)
    assert [(item["action_type"], item["description"]) for item in logged] == [("Create", "Session launched")]
    assert logged[0]["ip_number"] == "127.0.0.1"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.02, "0 minutes"),
        (1, "1 sec"),
        (2, "2 secs"),
        (45 * 60, "45 mins"),
        (3 * 3600, "3 hours"),
        (27 * 3600, "1 day 3 hours"),
        (8 * 86400, "1 week 1 day"),
        (400 * 86400, "1 year 1 month"),
        (-5, "0 minutes"),
    ],
)
def test_durations_are_told_in_their_two_largest_units(seconds: float, words: str) -> None:
    assert describe_duration(seconds) == words
