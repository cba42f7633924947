"""Uploads of reports."""

import math
from typing import Any

import pytest

from tests.objapi.mxlive.station import Station, User, dataset, report

DETAILS = [
    {
        "title": "Résumé ³",
        "content": [
            {"kind": "table", "data": [["a", 1, 2.5, True, None], [2**53 + 1]], "header": "row"},
            {"kind": "lineplot", "data": {"x": ["d", 1.5, math.nan], "y1": [["I", 1, math.inf]]}},
            {"kind": "unheard of", "odd": {"deep": [[[[1]]]]}},
        ],
    }
]
KEPT = [
    {
        "title": "Résumé ³",
        "content": [
            {"kind": "table", "data": [["a", 1, 2.5, True, None], [2**53 + 1]], "header": "row"},
            {"kind": "lineplot", "data": {"x": ["d", 1.5, None], "y1": [["I", 1, None]]}},
            {"kind": "unheard of", "odd": {"deep": [[[[1]]]]}},
        ],
    }
]


def stored(station: Station, user: User) -> dict[str, Any]:
    """The one report of a user."""
    found = station.read("MxReport", project=user.uid)
    assert len(found) == 1
    return found[0]


def test_a_report_is_stored_with_its_details_exactly(station: Station, user: User, beamline: str) -> None:
    answer = user.post(f"report/{beamline}/", report(details=DETAILS, score=0.75, strategy={"x": 1}))
    found = stored(station, user)
    assert answer == {"id": found["number"]}
    assert (found["name"], found["kind"], found["score"]) == ("Lysozyme", "MX Native Analysis", "0.750000")
    assert found["details"] == KEPT
    assert found["url"]


@pytest.mark.parametrize("details", ["text", 17, {"a": [1]}, [], {}, [{}], [{"title": ""}], None])
def test_details_are_any_json(station: Station, user: User, beamline: str, details: Any) -> None:
    user.post(f"report/{beamline}/", report(details=details))
    assert stored(station, user)["details"] == details


def test_reports_are_linked_to_the_projects_own_datasets(station: Station, user: User, beamline: str) -> None:
    mine = [user.post(f"data/{beamline}/", dataset())["id"] for _ in range(3)]
    foreign = station.user().post(f"data/{beamline}/", dataset())["id"]
    uids = {item["number"]: item["UID"] for item in station.read("MxData", project=user.uid)}
    number = user.post(f"report/{beamline}/", report(data_id=[mine[1], None, foreign, 10**12, mine[0], mine[1]]))["id"]
    assert stored(station, user)["data"] == [uids[mine[1]], uids[mine[0]]]
    user.post(f"report/{beamline}/", report(id=number, data_id=[mine[2]], title="Again"))
    assert stored(station, user)["data"] == [uids[mine[1]], uids[mine[0]], uids[mine[2]]]
    assert stored(station, user)["name"] == "Again"


def test_names_of_the_documentation_serve_where_the_clients_are_missing(
    station: Station, user: User, beamline: str
) -> None:
    message = {"name": "By the page", "type": "MX Screening", "directory": "/d", "data_id": [], "score": None}
    user.post(f"report/{beamline}/", message)
    user.post(f"report/{beamline}/", report(name="ignored", type="ignored", kind=None, title="T"))
    user.post(f"report/{beamline}/", {"title": "Bare", "directory": "/d", "data_id": []})
    found = [(item["name"], item["kind"], item["score"]) for item in station.read("MxReport", project=user.uid)]
    assert found == [
        ("By the page", "MX Screening", "0.000000"),
        ("T", "ignored", "0.000000"),
        ("Bare", "Data Analysis", "0.000000"),
    ]


def test_reports_of_others_are_never_changed(station: Station, user: User, beamline: str) -> None:
    foreign = station.user().post(f"report/{beamline}/", report(title="Theirs"))["id"]
    assert user.post(f"report/{beamline}/", report(id=foreign))["id"] != foreign
    assert station.read("MxReport", number=foreign)[0]["name"] == "Theirs"


@pytest.mark.parametrize(
    ("wrong", "statuses"),
    [
        *(({"data_id": value}, (404,)) for value in (None, 7, "7", {"a": 1})),
        *(({name: None}, (400, 422)) for name in ("title", "directory")),
        ({"title": "x" * 61}, (400, 422)),
        ({"kind": "x" * 101}, (400, 422)),
        ({"score": "good"}, (400, 422)),
        ({"details": {"a": b"bytes"}}, (400, 422)),
    ],
)
def test_what_cannot_be_kept_is_refused_and_nothing_stored(
    station: Station, visitor: User, shared_line: str, wrong: dict[str, Any], statuses: tuple[int, ...]
) -> None:
    assert visitor.refused(f"report/{shared_line}/", report(**wrong)) in statuses
    assert station.read("MxReport", project=visitor.uid) == []


def test_without_a_secure_key_nothing_is_stored(station: Station, visitor: User, shared_line: str) -> None:
    station.proxy.status = 503
    assert visitor.refused(f"report/{shared_line}/", report()) == 503
    assert station.read("MxReport", project=visitor.uid) == []


def test_nesting_is_bounded(visitor: User, shared_line: str) -> None:
    nested: Any = []
    for _ in range(40):
        nested = [nested]
    assert visitor.refused(f"report/{shared_line}/", report(details=nested)) == 400


def test_trashing_a_dataset_does_the_same_to_its_reports(station: Station, user: User, beamline: str) -> None:
    number = user.post(f"data/{beamline}/", dataset())["id"]
    user.post(f"report/{beamline}/", report(data_id=[number]))
    station.transition(station.read("MxData", number=number)[0]["UID"], "trash")
    assert stored(station, user)["review_state"] == "trashed"


def test_uploads_are_logged(station: Station, user: User, beamline: str) -> None:
    user.post(f"report/{beamline}/", report())
    logged = station.read("MxActivityLog", project=user.uid)
    assert [item["description"] for item in logged] == [f"Lysozyme uploaded from {beamline}"]


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(["x" * (2 * 2**20)], id="text"),
        pytest.param([0.125 * n for n in range(200_000)], id="series", marks=pytest.mark.extended),
    ],
)
def test_two_mebibytes_are_taken(station: Station, user: User, beamline: str, values: list[Any]) -> None:
    number = user.post(f"report/{beamline}/", report(details=values))["id"]
    user.post(f"report/{beamline}/", report(id=number, details=[*values, 1]))
    assert stored(station, user)["details"] == [*values, 1]
