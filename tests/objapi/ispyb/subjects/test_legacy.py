"""The routes of old clients, by both doors: with the token in the header, and in the path or the query."""

from collections.abc import Mapping
from typing import Any

import pytest

from objapi.ispyb.values.conversions import stored_id
from objapi.profiles.ispyb import tables as t
from tests.objapi.ispyb.calling import Api, Rows, at, body, faults
from tests.objapi.ispyb.scenery import collection, collection_group, noted_statements, sample

Keys = Mapping[str, Any]

ROUTES: Mapping[str, tuple[str, str]] = {
    "sessions": ("/legacy/sessions", "/legacy/{token}/session/list"),
    "dates": (
        "/legacy/sessions/date/{first}/{last}",
        "/legacy/{token}/proposal/session/date/{first}/{last}/list",
    ),
    "sessions of proposal": (
        "/legacy/sessions/proposal/{proposal}",
        "/legacy/{token}/proposal/{proposal}/session/list",
    ),
    "proposals": ("/legacy/proposals", "/legacy/{token}/proposal/list"),
    "proposal": ("/legacy/proposals/{proposal}", "/legacy/{token}/proposal/{proposal}/info/get"),
    "groups": (
        "/legacy/data_collections/groups/session/{session}",
        "/legacy/{token}/proposal/session/{session}/list",
    ),
    "movies": (
        "/legacy/em/proposal/{proposal}/datacollection/{collection}/movies",
        "/legacy/{token}/proposal/{proposal}/em/datacollection/{collection}/movie/all",
    ),
    "movie statistics": (
        "/legacy/em/session/{session}/stats",
        "/legacy/{token}/proposal/{proposal}/em/session/{session}/stats",
    ),
    "counts": (
        "/legacy/em/proposal/{proposal}/data_collections/{collection}/stats",
        "/legacy/proposal/{proposal}/data_collections/{collection}/stats?token={token}",
    ),
    "counts of group": (
        "/legacy/em/proposal/{proposal}/data_collections_group/{group}/stats",
        "/legacy/proposal/{proposal}/data_collections_group/{group}/stats?token={token}",
    ),
    "groups with counts": (
        "/legacy/em/proposal/{proposal}/session/{session}/data_collections/groups",
        "/legacy/{token}/proposal/{proposal}/em/datacollection/session/{session}/list",
    ),
    "classes": (
        "/legacy/em/session/{session}/classification",
        "/legacy/{token}/proposal/{proposal}/em/session/{session}/classification",
    ),
}

# Routes that anybody with one of the plain permissions may call, for their own rows.
LISTS = ("sessions", "dates", "sessions of proposal", "proposals")

EVERYTHING = ("all_sessions", "all_proposals")
OWN = ("own_sessions", "own_proposals")


@pytest.fixture
def world(rows: Rows, seeded: Keys) -> dict[str, Any]:
    """A group with two collections and two movies in MX1-1, and what names things in paths."""
    keys = {"proposal": "mx1", "session": "MX1-1", "first": "20230101", "last": "2023-01-02", **seeded}
    keys["sample"] = sample(rows, keys["MX1"], "s1")
    keys["workflow"] = rows.add(t.Workflow, workflowTitle="grid", workflowType="MeshScan", status="done")
    for kind in ("Grid", "Characterisation"):
        rows.add(t.WorkflowStep, workflowId=keys["workflow"], workflowStepType=kind, status="ok")
    keys["group"] = collection_group(
        rows,
        keys["MX1-1"],
        experimentType="EM",
        blSampleId=keys["sample"],
        workflowId=keys["workflow"],
        endTime=at(2023, 1, 1, 11),
    )
    keys["collection"] = collection(rows, keys["group"], 0, numberOfImages=4, imageDirectory="/data/a", voltage=300)
    keys["other"] = collection(rows, keys["group"], 5, numberOfImages=5, imageDirectory="/data/b", transmission=50)
    keys["movie"] = rows.add(
        t.Movie, dataCollectionId=keys["collection"], movieNumber=1, createdTimeStamp=at(2023, 1, 1, 12)
    )
    rows.add(t.Movie, dataCollectionId=keys["collection"], movieNumber=2)
    keys["correction"] = rows.add(t.MotionCorrection, movieId=keys["movie"], totalMotion="7.5", lastFrame="40")
    rows.add(t.CTF, motionCorrectionId=keys["correction"], defocusU="1.25", angle="33")
    return keys


def ask(api: Api, route: str, door: int, token: str, world: Keys) -> Any:
    """Call a route by its first or second door."""
    path = ROUTES[route][door].format(**{**world, "token": token})
    return api.call("GET", path, token if door == 0 else None)


def both(api: Api, route: str, token: str, world: Keys) -> Any:
    """What a route answers, which is the same by both doors."""
    answers = [ask(api, route, door, token, world) for door in (0, 1)]
    assert [answer.status_code for answer in answers] == [200, 200], answers[0].text
    assert answers[0].json == answers[1].json
    return body(answers[0])


@pytest.mark.parametrize("route", ROUTES)
def test_both_doors_answer_the_same(api: Api, world: Keys, route: str) -> None:
    for token in (api.token(1, *EVERYTHING), api.token(world["principal"], *OWN)):
        assert both(api, route, token, world) is not None


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("door", [0, 1])
def test_a_bad_token_is_refused_at_both_doors(api: Api, world: Keys, route: str, door: int) -> None:
    response = ask(api, route, door, "abc", world)
    assert (response.status_code, response.json) == (401, {"detail": "Invalid token"})


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("door", [0, 1])
def test_without_a_permission_nothing_is_shown(api: Api, world: Keys, route: str, door: int) -> None:
    response = ask(api, route, door, api.token(world["principal"]), world)
    assert response.status_code == 403
    if route in LISTS:
        assert response.json == {"detail": "Not Authorized"}
    else:
        assert "somebody" in body(response)["detail"]


@pytest.mark.parametrize("route", ["counts", "counts of group"])
def test_a_token_that_belongs_into_the_query_must_be_there(api: Api, world: Keys, route: str) -> None:
    path = ROUTES[route][1].partition("?")[0].format(**world)
    assert faults(api.get(path)) == [(["query", "token"], "value_error.missing")]


def test_a_onetime_token_opens_a_route_with_the_token_in_the_header(api: Api, rows: Rows, world: Keys) -> None:
    person = rows.person("staff", *EVERYTHING)
    signed = api.call("POST", "/user/sign", api.token(person), json={"validity": "/legacy/sessions"})
    assert api.get("/legacy/sessions", onetime=body(signed)["token"]).status_code == 200
    assert api.get("/legacy/sessions", onetime=body(signed)["token"]).status_code == 401


def test_a_session_is_a_wide_row(api: Api, rows: Rows, world: Keys) -> None:
    rows.add(t.EnergyScan, sessionId=world["MX1-1"])
    for _ in range(2):
        rows.add(t.XFEFluorescenceSpectrum, sessionId=world["MX1-1"])
    for kind in ("HPLC", "STATIC", "STATIC", "CALIBRATION", "OTHER"):
        rows.add(t.Experiment, sessionId=world["MX1-1"], experimentType=kind)
    found = both(api, "sessions", api.token(1, "all_sessions"), world)
    assert [row["sessionId"] for row in found] == [world["MX1-1"], world["MX1-2"], world["BX2-1"]]
    row = found[0]
    assert row.pop("bltimeStamp") is not None
    assert row == {
        "sessionId": world["MX1-1"],
        "expSessionPk": None,
        "beamLineSetupId": None,
        "proposalId": world["MX1"],
        "projectCode": None,
        "BLSession_startDate": "2023-01-01T09:00:00",
        "BLSession_endDate": "2023-01-02T09:00:00",
        "beamLineName": "ID30A-1",
        "scheduled": 1,
        "nbShifts": None,
        "comments": None,
        "beamLineOperator": None,
        "visit_number": 1,
        "usedFlag": None,
        "sessionTitle": None,
        "structureDeterminations": None,
        "dewarTransport": None,
        "databackupFrance": None,
        "databackupEurope": None,
        "operatorSiteNumber": None,
        "BLSession_lastUpdate": "2023-01-01T00:00:00",
        "BLSession_protectedData": None,
        "Proposal_title": "About MX",
        "Proposal_proposalCode": "MX",
        "Proposal_ProposalNumber": "1",
        "Proposal_ProposalType": None,
        "Person_personId": world["principal"],
        "Person_familyName": "Byron",
        "Person_givenName": "Ada",
        "Person_emailAddress": None,
        "energyScanCount": 1,
        "sampleCount": 1,
        "imagesCount": 9,
        "testDataCollectionGroupCount": 1,
        "dataCollectionGroupCount": 1,
        "EMdataCollectionGroupCount": 2,
        "xrfSpectrumCount": 2,
        "hplcCount": 1,
        "sampleChangerCount": 2,
        "calibrationCount": 1,
        "lastExperimentDataCollectionGroup": "EM",
        "lastEndTimeDataCollectionGroup": "2023-01-01T11:00:00",
    }
    assert (found[1]["imagesCount"], found[1]["sampleCount"], found[1]["lastExperimentDataCollectionGroup"]) == (
        None,
        0,
        None,
    )


def test_the_last_group_of_a_session_is_the_one_with_the_highest_key(api: Api, rows: Rows, world: Keys) -> None:
    collection_group(rows, world["MX1-1"], experimentType="Burn")
    row = both(api, "sessions", api.token(1, "all_sessions"), world)[0]
    assert (row["lastExperimentDataCollectionGroup"], row["lastEndTimeDataCollectionGroup"]) == ("Burn", None)


@pytest.mark.parametrize(
    ("person", "permission", "names"),
    [
        ("principal", "own_sessions", ["MX1-1", "MX1-2", "BX2-1"]),
        ("visitor", "own_sessions", ["MX1-2"]),
        ("member", "own_sessions", []),
        ("outsider", "own_sessions", []),
        ("outsider", "all_sessions", ["MX1-1", "MX1-2", "BX2-1"]),
    ],
)
def test_own_sessions_are_those_of_participants_and_principals(
    api: Api, rows: Rows, world: Keys, person: str, permission: str, names: list[str]
) -> None:
    if person == "visitor":
        rows.add(t.Session_has_Person, sessionId=world["BX2-1"], personId=world["visitor"])
        names = [*names, "BX2-1"]
    token = api.token(world[person], permission)
    found = both(api, "sessions", token, world)
    assert [row["sessionId"] for row in found] == [world[name] for name in names]
    of_proposal = both(api, "sessions of proposal", token, {**world, "proposal": world["BX2"]})
    assert [row["sessionId"] for row in of_proposal] == [world[name] for name in names if name == "BX2-1"]
    assert both(api, "sessions of proposal", token, {**world, "proposal": "ZZ9"}) == []


@pytest.mark.parametrize(
    ("first", "last", "names"),
    [
        ("20230101", "20230102", ["BX2-1", "MX1-1"]),
        ("20230102", "20230102", ["MX1-1"]),
        ("2023-01-02", "20230103", ["MX1-2", "MX1-1"]),
        ("20220101", "2024-01-01", ["BX2-1", "MX1-2", "MX1-1"]),
        ("20230601", "20230701", []),
    ],
)
def test_sessions_that_overlap_a_range_of_dates(api: Api, world: Keys, first: str, last: str, names: list[str]) -> None:
    # BX2-1 has the times of MX1-1; the end day counts to its first moment only.
    found = both(api, "dates", api.token(1, "all_sessions"), {**world, "first": first, "last": last})
    expected = [name for name in ("BX2-1", "MX1-2", "MX1-1") if name in names or (name == "BX2-1" and "MX1-1" in names)]
    assert [row["sessionId"] for row in found] == [world[name] for name in expected]


def test_dates_that_are_none_are_faults_of_the_path(api: Api, world: Keys) -> None:
    response = ask(api, "dates", 0, api.token(1, "all_sessions"), {**world, "first": "20230230", "last": "x"})
    assert faults(response) == [
        (["path", "start_date"], "value_error.date"),
        (["path", "end_date"], "value_error.date"),
    ]


@pytest.mark.parametrize(
    ("person", "permission", "names"),
    [
        ("principal", "own_proposals", ["MX1", "BX2"]),
        ("visitor", "own_proposals", ["MX1"]),
        ("member", "own_proposals", []),
        ("outsider", "all_proposals", ["MX1", "BX2"]),
    ],
)
def test_own_proposals_are_those_of_principals_and_visitors(
    api: Api, world: Keys, person: str, permission: str, names: list[str]
) -> None:
    found = both(api, "proposals", api.token(world[person], permission), world)
    assert [row["Proposal_proposalId"] for row in found] == [world[name] for name in names]
    if names:
        assert found[0] == {
            "Proposal_proposalId": world["MX1"],
            "Proposal_proposalType": None,
            "Proposal_personId": world["principal"],
            "Proposal_title": "About MX",
            "Proposal_proposalCode": "MX",
            "Proposal_proposalNumber": "1",
        }


@pytest.mark.parametrize(
    ("number", "shown"), [(None, None), (158, 158), (2**53, str(2**53)), (2**128 - 1, str(2**128 - 1))]
)
def test_one_proposal_is_given_with_all_its_columns(
    api: Api, rows: Rows, world: Keys, number: int | None, shown: Any
) -> None:
    rows.add(
        t.Proposal,
        proposalCode="CX",
        proposalNumber="3",
        personId=world["principal"],
        bltimeStamp=at(2023, 5, 6),
        externalId=stored_id(number),
    )
    found = both(api, "proposal", api.token(1, "all_proposals"), {**world, "proposal": "cx3"})["proposal"]
    assert found == {
        "proposalId": found["proposalId"],
        "personId": world["principal"],
        "title": None,
        "proposalCode": "CX",
        "proposalNumber": "3",
        "proposalType": None,
        "bltimeStamp": "2023-05-06T00:00:00",
        "externalId": shown,
        "state": "Open",
    }
    assert both(api, "proposal", api.token(1, "all_proposals"), {**world, "proposal": found["proposalId"]}) == {
        "proposal": found
    }


@pytest.mark.parametrize(("person", "status"), [("principal", 200), ("member", 200), ("visitor", 403)])
def test_one_proposal_is_open_to_its_principal_and_members(api: Api, world: Keys, person: str, status: int) -> None:
    for door in (0, 1):
        response = ask(api, "proposal", door, api.token(world[person], "own_proposals"), world)
        assert response.status_code == status


def test_an_unknown_proposal_is_null_to_those_who_see_all_and_refused_to_others(api: Api, world: Keys) -> None:
    unknown = {**world, "proposal": "ZZ9"}
    assert both(api, "proposal", api.token(1, "all_proposals"), unknown) == {"proposal": None}
    response = ask(api, "proposal", 0, api.token(world["principal"], "own_proposals"), unknown)
    assert response.status_code == 403
    assert "ZZ9" in body(response)["detail"]


def test_groups_of_a_session_are_wide_rows(api: Api, rows: Rows, world: Keys) -> None:
    program = rows.add(t.AutoProcProgram, processingPrograms="XDS", processingStatus="SUCCESS")
    integration = rows.add(t.AutoProcIntegration, dataCollectionId=world["other"], autoProcProgramId=program)
    scaling = rows.add(t.AutoProcScaling, autoProcId=rows.add(t.AutoProc, spaceGroup="P 1"))
    rows.add(t.AutoProcScaling_has_Int, autoProcScalingId=scaling, autoProcIntegrationId=integration)
    for shell in ("overall", "innerShell"):
        rows.add(t.AutoProcScalingStatistics, autoProcScalingId=scaling, scalingStatisticsType=shell, rMerge=0.5)
    screening = rows.add(t.Screening, dataCollectionId=world["other"])
    rows.add(t.ScreeningOutput, screeningId=screening, indexingSuccess=1)
    for number in (1, 2):
        rows.add(t.Image, dataCollectionId=world["other"], imageNumber=number)
    empty = collection_group(rows, world["MX1-1"])
    found = both(api, "groups", api.token(1, "all_sessions"), world)
    assert [row["DataCollectionGroup_dataCollectionGroupId"] for row in found] == [world["group"], empty]
    row = found[0]
    expected = {
        "DataCollectionGroup_experimentType": "EM",
        "DataCollectionGroup_endTime": "2023-01-01T11:00:00",
        "BLSample_name": "s1",
        "BLSession_proposalId": world["MX1"],
        "Protein_acronym": "s1",
        "DataCollection_dataCollectionId": world["other"],
        "DataCollection_imageDirectory": "/data/b",
        "transmission": 50,
        "Workflow_workflowTitle": "grid",
        "WorkflowStep_workflowStepType": "Grid,Characterisation",
        "WorkflowStep_status": "ok,ok",
        "totalNumberOfImages": 9,
        "totalNumberOfDataCollections": 2,
        "numberOfGridSquares": 2,
        "dataCollectionIdList": f"{world['collection']},{world['other']}",
        "imageDirectoryList": "/data/a,/data/b",
        "startTimeList": "2023-01-01 10:00:00,2023-01-01 10:05:00",
        "imagesCount": "4,5",
        "magnificationList": None,
        "processingPrograms": "XDS, XDS",
        "processingStatus": "SUCCESS, SUCCESS",
        "scalingStatisticsTypes": "overall, innerShell",
        "AutoProc_spaceGroups": "P 1, P 1",
        "Screening_screeningId": screening,
        "ScreeningOutput_indexingSuccess": 1,
    }
    assert {name: row[name] for name in expected} == expected
    assert row["lastImageId"] == row["firstImageId"] + 1
    assert found[1]["DataCollection_dataCollectionId"] is None
    assert found[1]["processingPrograms"] is None


def test_groups_of_a_session_come_with_the_numbers_of_their_movies(api: Api, world: Keys) -> None:
    (row,) = both(api, "groups with counts", api.token(1, *EVERYTHING), world)
    assert row["stats"] == [
        counts(world["collection"], 2, 1, 1),
        counts(world["other"], 0, 0, 0),
    ]
    assert both(api, "groups with counts", api.token(1, *EVERYTHING), {**world, "proposal": "BX2"}) == []
    for held in EVERYTHING:
        assert ask(api, "groups with counts", 0, api.token(1, held), world).status_code == 403


def counts(key: int, movies: int, corrections: int, functions: int) -> dict[str, int]:
    return {
        "dataCollectionId": key,
        "movieCount": movies,
        "motionCorrectionCount": corrections,
        "ctfCorrectionCount": functions,
    }


def test_movies_are_counted_for_collections_and_groups_of_the_proposal(api: Api, rows: Rows, world: Keys) -> None:
    foreign = collection(rows, collection_group(rows, world["BX2-1"]))
    token = api.token(world["member"], "own_proposals")
    ids = f"{world['other']},{world['collection']},{foreign}"
    expected = [counts(world["collection"], 2, 1, 1), counts(world["other"], 0, 0, 0)]
    assert both(api, "counts", token, {**world, "collection": ids}) == expected
    assert both(api, "counts of group", token, world) == expected
    response = ask(api, "counts", 0, token, {**world, "collection": "1,x"})
    assert faults(response) == [(["path", "data_collections_ids"], "type_error.integer")]


def test_movies_are_given_with_what_was_made_of_them(api: Api, world: Keys) -> None:
    token = api.token(world["member"], "own_proposals")
    first, second = both(api, "movies", token, world)
    expected = {
        "Movie_movieId": world["movie"],
        "Movie_dataCollectionId": world["collection"],
        "Movie_movieNumber": 1,
        "Movie_createdTimeStamp": "2023-01-01T12:00:00",
        "MotionCorrection_motionCorrectionId": world["correction"],
        "MotionCorrection_totalMotion": "7.5",
        "CTF_defocusU": "1.25",
        "Proposal_proposalId": world["MX1"],
        "BLSession_sessionId": world["MX1-1"],
    }
    assert {name: first[name] for name in expected} == expected
    assert (second["Movie_movieNumber"], second["CTF_CTFid"]) == (2, None)
    assert both(api, "movies", api.token(1, "all_proposals"), {**world, "proposal": "BX2"}) == []


def test_statistics_of_movies_are_given_by_session(api: Api, world: Keys) -> None:
    first, second = both(api, "movie statistics", api.token(world["principal"], "own_sessions"), world)
    assert first == {
        "proposalId": world["MX1"],
        "sessionId": world["MX1-1"],
        "imageDirectory": "/data/a",
        "movieId": world["movie"],
        "movieNumber": 1,
        "createdTimeStamp": "2023-01-01T12:00:00",
        "motionCorrectionId": world["correction"],
        "dataCollectionId": world["collection"],
        "totalMotion": "7.5",
        "averageMotionPerFrame": None,
        "lastFrame": "40",
        "dosePerFrame": None,
        "defocusU": "1.25",
        "defocusV": None,
        "resolutionLimit": None,
        "estimatedBfactor": None,
        "angle": "33",
    }
    assert (second["movieNumber"], second["totalMotion"]) == (2, None)


def test_classes_of_particles_are_given_by_session(api: Api, rows: Rows, world: Keys) -> None:
    rows.add(t.CTF, motionCorrectionId=world["correction"])
    picker = rows.add(t.ParticlePicker, firstMotionCorrectionId=world["correction"], numberOfParticles=99)
    classes = rows.add(t.ParticleClassificationGroup, particlePickerId=picker)
    for number in (1, 2):
        rows.add(t.ParticleClassification, particleClassificationGroupId=classes, classNumber=number)
    found = both(api, "classes", api.token(1, "all_sessions"), world)
    assert [(row["classNumber"], row["numberOfParticles"], row["sessionId"]) for row in found] == [
        (1, 99, world["MX1-1"]),
        (2, 99, world["MX1-1"]),
    ]


def test_an_unknown_session_is_empty_to_those_who_see_all(api: Api, world: Keys) -> None:
    unknown = {**world, "session": "ZZ9-1"}
    for route in ("groups", "movie statistics", "classes"):
        assert both(api, route, api.token(1, "all_sessions"), unknown) == []
        assert ask(api, route, 1, api.token(world["principal"], "own_sessions"), unknown).status_code == 403


@pytest.mark.parametrize("route", [name for name in ROUTES if name != "proposal"])
def test_lists_need_the_same_number_of_statements_for_any_number_of_rows(
    api: Api, rows: Rows, world: Keys, route: str
) -> None:
    token = api.token(1, *EVERYTHING)

    def statements() -> int:
        with noted_statements(rows.engine) as texts:
            assert ask(api, route, 0, token, world).status_code == 200
        return len(texts)

    statements()
    few = statements()
    for minute in range(4):
        session = rows.add(
            t.BLSession,
            proposalId=world["MX1"],
            visit_number=minute + 7,
            startDate=at(2023, 1, 1),
            lastUpdate=at(2023, 1, 1),
        )
        for place in (session, world["MX1-1"]):
            key = collection(rows, collection_group(rows, place, workflowId=world["workflow"]), minute)
            rows.add(t.Movie, dataCollectionId=key)
        rows.add(t.Movie, dataCollectionId=world["collection"])
    assert statements() == few


def test_the_routes_are_absent_when_their_option_was_off_at_start(api: Api, rows: Rows, world: Keys) -> None:
    rows.add(t.AdminVar, name="enable_legacy_routes", value="false")
    for door in (0, 1):
        assert ask(api, "sessions", door, api.token(1, *EVERYTHING), world).status_code == 404
