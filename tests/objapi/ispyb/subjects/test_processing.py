"""Processings: states and messages of many data collections at once, results, integrations and screenings."""

from collections.abc import Mapping
from typing import Any

import pytest

from objapi.ispyb.database import Database, MissingSchema
from objapi.profiles.ispyb import tables as t
from tests.objapi.ispyb.calling import Api, Rows, at, body, faults
from tests.objapi.ispyb.scenery import collection, collection_group, count_statements

Keys = Mapping[str, Any]

LISTS = ("/processings", "/processings/auto-integrations", "/processings/messages", "/processings/screenings")
WITHOUT_JOBS = MissingSchema(
    frozenset({"ProcessingJob", "ProcessingJobParameter", "ProcessingJobImageSweep", "XrayCentring"})
    | frozenset({"AutoProcProgramMessage"}),
    frozenset(
        {
            ("AutoProcProgram", "processingJobId"),
            ("AutoProcScalingStatistics", "ccAnomalous"),
            ("AutoProcScalingStatistics", "resIOverSigI2"),
        }
    ),
)


@pytest.fixture
def collected(rows: Rows, seeded: Keys) -> dict[str, Any]:
    """Two data collections of one group of MX1-1, one in MX1-2 and one in BX2-1."""
    keys = dict(seeded)
    keys["group"] = collection_group(rows, keys["MX1-1"])
    keys["first"] = collection(rows, keys["group"], xBeam=1.5, yBeam=2.5)
    keys["second"] = collection(rows, keys["group"])
    keys["visited"] = collection(rows, collection_group(rows, keys["MX1-2"]))
    keys["other"] = collection(rows, collection_group(rows, keys["BX2-1"]))
    return keys


def job(rows: Rows, collection_id: int, name: str = "xia2", **values: Any) -> int:
    """The program of a processing job for a data collection, with a file, two messages, a parameter, two sweeps."""
    key = rows.add(
        t.ProcessingJob,
        dataCollectionId=collection_id,
        displayName=name,
        recipe="autoproc",
        automatic=1,
        recordTimestamp=at(2023, 1, 1, 11),
    )
    rows.add(t.ProcessingJobParameter, processingJobId=key, parameterKey="d_min", parameterValue="1.5")
    for _ in range(2):
        rows.add(t.ProcessingJobImageSweep, processingJobId=key, dataCollectionId=collection_id)
    given = {"processingPrograms": name, "recordTimeStamp": at(2023, 1, 1, 12), "processingStatus": "1"} | values
    program = rows.add(t.AutoProcProgram, processingJobId=key, **given)
    rows.add(t.AutoProcProgramAttachment, autoProcProgramId=program, fileType="Log", fileName="a.log", filePath="/d")
    for severity in ("WARNING", "ERROR"):
        rows.add(
            t.AutoProcProgramMessage,
            autoProcProgramId=program,
            severity=severity,
            message="short",
            description="long",
            recordTimeStamp=at(2023, 1, 1, 12, 1),
        )
    return program


def integration(rows: Rows, collection_id: int, **values: Any) -> int:
    """A program that integrated a data collection, with one scaling and its three shells."""
    given = {"processingPrograms": "XDS", "recordTimeStamp": at(2023, 1, 1, 12), "processingStatus": "SUCCESS"}
    program = rows.add(t.AutoProcProgram, **(given | values))
    integrated = rows.add(
        t.AutoProcIntegration, dataCollectionId=collection_id, autoProcProgramId=program, refinedXBeam=100.5
    )
    cell = {f"refinedCell_{part}": 10 for part in ("a", "b", "c", "alpha", "beta", "gamma")}
    result = rows.add(t.AutoProc, spaceGroup="P 21", **cell)
    scaling = rows.add(t.AutoProcScaling, autoProcId=result)
    rows.add(t.AutoProcScaling_has_Int, autoProcScalingId=scaling, autoProcIntegrationId=integrated)
    for shell in ("overall", "innerShell", "outerShell"):
        rows.add(
            t.AutoProcScalingStatistics,
            autoProcScalingId=scaling,
            scalingStatisticsType=shell,
            completeness=99.5,
            ccAno=0.25,
            anomalous=1,
            nTotalObservations=7,
        )
    return program


def screening(rows: Rows, **where: Any) -> int:
    """A screening with one output, lattice, strategy, wedge and sub wedge."""
    key = rows.add(t.Screening, programVersion="EDNA", comments="good", shortComments="ok", **where)
    output = rows.add(t.ScreeningOutput, screeningId=key, indexingSuccess=1, strategySuccess=0)
    cell = {f"unitCell_{part}": 10 for part in ("a", "b", "c", "alpha", "beta", "gamma")}
    rows.add(t.ScreeningOutputLattice, screeningOutputId=output, spaceGroup="P1", **cell)
    strategy = rows.add(t.ScreeningStrategy, screeningOutputId=output, rankingResolution=1.5)
    wedge = rows.add(t.ScreeningStrategyWedge, screeningStrategyId=strategy, wedgeNumber=1, resolution=2.5)
    rows.add(t.ScreeningStrategySubWedge, screeningStrategyWedgeId=wedge, subWedgeNumber=1, resolution=3.5)
    return key


def test_states_are_told_by_collection_kind_and_program(api: Api, rows: Rows, collected: Keys) -> None:
    screening(rows, dataCollectionId=collected["first"], dataCollectionGroupId=collected["group"])
    screening(rows, dataCollectionGroupId=collected["group"])
    rows.add(t.XrayCentring, dataCollectionGroupId=collected["group"], status="success")
    rows.add(t.XrayCentring, dataCollectionGroupId=collected["group"], status="pending")
    programs = [
        integration(rows, collected["first"]),
        integration(rows, collected["first"], processingStatus="FAILED"),
        integration(rows, collected["first"], processingPrograms="autoPROC", processingStatus="RUNNING"),
    ]
    done = job(rows, collected["second"], "dimple", processingStatus="0")
    for name in ("second", "other"):
        movie = rows.add(t.Movie, dataCollectionId=collected[name])
        rows.add(t.Movie, dataCollectionId=collected[name])
        correction = rows.add(t.MotionCorrection, movieId=movie)
        for _ in range(2):
            rows.add(t.CTF, motionCorrectionId=correction)
    ids = [collected[name] for name in ("first", "second", "visited", "other")]
    response = api.get("/processings/status", api.token(collected["member"]), dataCollectionIds=str(ids))
    whole = {"status": 0, "indexingSuccess": 1}
    centrings = {"xrc": [{"status": 1}, {"status": None}]}
    assert response.json == {
        "statuses": {
            str(collected["first"]): {
                "screening": {"EDNA": [whole, whole]},
                "xrc": centrings,
                "processing": None,
                "autoIntegration": {
                    "XDS": [
                        {"status": 1, "autoProcProgramId": programs[0]},
                        {"status": 0, "autoProcProgramId": programs[1]},
                    ],
                    "autoPROC": [{"status": None, "autoProcProgramId": programs[2]}],
                },
                "em": None,
            },
            str(collected["second"]): {
                "screening": {"EDNA": [whole]},
                "xrc": centrings,
                "processing": {"dimple": [{"status": 0, "autoProcProgramId": done}]},
                "autoIntegration": None,
                "em": {"movie": 2, "motionCorrection": 1, "ctf": 2},
            },
        }
    }


def test_numbers_of_messages_are_told_by_collection(api: Api, rows: Rows, collected: Keys) -> None:
    program = integration(rows, collected["first"])
    for severity in ("INFO", "INFO", "ERROR"):
        rows.add(t.AutoProcProgramMessage, autoProcProgramId=program, severity=severity)
    job(rows, collected["visited"])
    job(rows, collected["other"])
    ids = [collected[name] for name in ("first", "second", "visited", "other")]
    response = api.get("/processings/messages/status", api.token(collected["member"]), dataCollectionIds=str(ids))
    assert response.json == {
        "statuses": {
            str(collected["first"]): {"errors": 1, "warnings": 0, "info": 2},
            str(collected["visited"]): {"errors": 1, "warnings": 1, "info": 0},
        }
    }


@pytest.mark.parametrize("path", ["/processings/status", "/processings/messages/status"])
@pytest.mark.parametrize("ids", [None, "[]", "{}", "7", '["a"]', "[1, null]", "[1.5]", "[true]"])
def test_ids_must_be_a_list_of_integers(api: Api, seeded: Keys, path: str, ids: str | None) -> None:
    query = {} if ids is None else {"dataCollectionIds": ids}
    response = api.get(path, api.token(seeded["member"]), **query)
    assert (response.status_code, response.json) == (422, {"detail": "Couldn't parse dataCollectionIds"})


@pytest.mark.parametrize("path", ["/processings/status", "/processings/messages/status"])
def test_ids_that_are_no_json_are_a_fault_of_their_place(api: Api, seeded: Keys, path: str) -> None:
    response = api.get(path, api.token(seeded["member"]), dataCollectionIds="1,2")
    assert faults(response) == [(["query", "dataCollectionIds"], "value_error.json")]
    response = api.get(path, api.token(seeded["member"]), dataCollectionIds=f"[0, -1, {2**40}]")
    assert (response.status_code, response.json) == (200, {"statuses": {}})


@pytest.mark.parametrize("path", ["/processings/status", "/processings/messages/status"])
def test_states_need_the_same_number_of_statements_for_any_number_of_collections(
    api: Api, rows: Rows, collected: Keys, path: str
) -> None:
    token = api.token(collected["member"])
    ids = [collected["first"]]
    few = count_statements(api, path, token, dataCollectionIds=str(ids))
    for minute in range(4):
        key = collection(rows, collected["group"], minute)
        ids.append(key)
        job(rows, key)
        integration(rows, key)
        screening(rows, dataCollectionId=key)
    assert count_statements(api, path, token, dataCollectionIds=str(ids)) == few


def test_results_of_jobs_are_answered_with_what_hangs_on_them(api: Api, rows: Rows, collected: Keys) -> None:
    key = job(rows, collected["first"], processingMessage="ok", processingEndTime=at(2023, 1, 1, 13))
    integrated = integration(rows, collected["first"])
    processing_job = rows.all(t.ProcessingJob)[0]["processingJobId"]
    rows.add(t.AutoProcIntegration, dataCollectionId=collected["second"], autoProcProgramId=integrated)
    messages = [
        {
            "autoProcProgramMessageId": row["autoProcProgramMessageId"],
            "autoProcProgramId": key,
            "description": "long",
            "message": "short",
            "severity": row["severity"],
            "recordTimeStamp": "2023-01-01T12:01:00",
        }
        for row in rows.all(t.AutoProcProgramMessage)
    ]
    page = body(api.get("/processings", api.token(collected["member"]), dataCollectionId=collected["first"]))
    assert page == {
        "total": 1,
        "skip": 0,
        "limit": 25,
        "results": [
            {
                "autoProcProgramId": key,
                "processingCommandLine": None,
                "processingPrograms": "xia2",
                "processingStatus": 1,
                "processingMessage": "ok",
                "processingStartTime": None,
                "processingEndTime": "2023-01-01T13:00:00",
                "processingEnvironment": None,
                "recordTimeStamp": "2023-01-01T12:00:00",
                "ProcessingJob": {
                    "processingJobId": processing_job,
                    "displayName": "xia2",
                    "comments": None,
                    "recordTimestamp": "2023-01-01T11:00:00",
                    "recipe": "autoproc",
                    "automatic": True,
                    "ProcessingJobParameters": [{"parameterKey": "d_min", "parameterValue": "1.5"}],
                },
                "_metadata": {"attachments": 1, "autoProcProgramMessages": messages, "imageSweepCount": 2},
            }
        ],
    }


def test_integrations_are_answered_with_every_shell(api: Api, rows: Rows, collected: Keys) -> None:
    key = integration(rows, collected["first"])
    job(rows, collected["first"])
    token = api.token(collected["member"])
    page = body(api.get("/processings/auto-integrations", token, dataCollectionId=collected["first"]))
    assert page["total"] == 1
    (answer,) = page["results"]
    assert (answer["autoProcProgramId"], answer["processingStatus"], answer["ProcessingJob"]) == (key, 1, None)
    assert answer["_metadata"] == {"attachments": 0, "autoProcProgramMessages": [], "imageSweepCount": 0}
    (found,) = answer["AutoProcIntegration"]
    assert (found["refinedXBeam"], found["DataCollection"]) == (100.5, {"xBeam": 1.5, "yBeam": 2.5})
    scaling = found["AutoProcScalingHasInt"][0]["AutoProcScaling"]
    assert scaling["AutoProc"]["spaceGroup"] == "P 21"
    assert scaling["AutoProc"]["refinedCell_gamma"] == 10
    shells = scaling["AutoProcScalingStatistics"]
    assert [shell["scalingStatisticsType"] for shell in shells] == ["overall", "innerShell", "outerShell"]
    assert (shells[0]["ccAnomalous"], shells[0]["anomalous"], shells[0]["nTotalObservations"]) == (0.25, True, 7)


def test_a_program_that_integrated_several_collections_is_listed_once(api: Api, rows: Rows, collected: Keys) -> None:
    key = integration(rows, collected["first"])
    for name in ("second", "other"):
        rows.add(t.AutoProcIntegration, dataCollectionId=collected[name], autoProcProgramId=key)
    for person, number in (("member", 2), ("outsider", 0)):
        page = body(api.get("/processings/auto-integrations", api.token(collected[person])))
        assert page["total"] == min(number, 1)
        assert sum(len(row["AutoProcIntegration"]) for row in page["results"]) == number


def test_messages_are_listed_once_and_filtered(api: Api, rows: Rows, collected: Keys) -> None:
    program = job(rows, collected["first"])
    rows.add(t.AutoProcIntegration, dataCollectionId=collected["first"], autoProcProgramId=program)
    job(rows, collected["visited"])
    keys = [row["autoProcProgramMessageId"] for row in rows.all(t.AutoProcProgramMessage)]
    path, name = "/processings/messages", "autoProcProgramMessageId"
    assert api.seen(path, api.token(collected["member"]), name) == keys
    assert api.seen(path, api.token(collected["visitor"]), name) == keys[2:]
    assert api.seen(path, api.token(collected["member"]), name, dataCollectionId=collected["first"]) == keys[:2]
    assert api.seen(path, api.token(collected["member"]), name, autoProcProgramMessageId=keys[1]) == [keys[1]]
    assert body(api.get(path, api.token(collected["member"]), limit=1))["total"] == 4


def test_a_screening_is_answered_down_to_its_sub_wedges(api: Api, rows: Rows, collected: Keys) -> None:
    key = screening(rows, dataCollectionId=collected["first"])
    (answer,) = body(api.get("/processings/screenings", api.token(collected["member"])))["results"]
    assert (answer["screeningId"], answer["programVersion"], answer["comments"], answer["shortComments"]) == (
        key,
        "EDNA",
        "good",
        "ok",
    )
    (output,) = answer["ScreeningOutput"]
    assert (output["indexingSuccess"], output["strategySuccess"]) == (1, 0)
    assert output["ScreeningOutputLattice"][0]["spaceGroup"] == "P1"
    (strategy,) = output["ScreeningStrategy"]
    (wedge,) = strategy["ScreeningStrategyWedge"]
    (sub_wedge,) = wedge["ScreeningStrategySubWedge"]
    assert (strategy["rankingResolution"], wedge["resolution"], sub_wedge["RESOLUTION"]) == (1.5, 2.5, 3.5)


def test_screenings_are_found_by_collection_or_by_group(api: Api, rows: Rows, collected: Keys) -> None:
    one = screening(rows, dataCollectionId=collected["first"], dataCollectionGroupId=collected["group"])
    whole = screening(rows, dataCollectionGroupId=collected["group"])
    other = screening(rows, dataCollectionId=collected["other"])
    path, name, member = "/processings/screenings", "screeningId", api.token(collected["member"])
    assert api.seen(path, member, name) == [one, whole]
    assert api.seen(path, member, name, dataCollectionId=collected["first"]) == [one, whole]
    assert api.seen(path, member, name, dataCollectionId=collected["second"]) == [whole]
    assert api.seen(path, member, name, dataCollectionId=collected["other"]) == []
    assert api.seen(path, api.token(1, "all_proposals"), name) == [one, whole, other]
    page = body(api.get(path, member, skip=1, limit=1))
    assert (page["total"], [row["screeningId"] for row in page["results"]]) == (2, [whole])


@pytest.mark.parametrize("path", LISTS)
def test_lists_need_the_same_number_of_statements_for_any_number_of_rows(
    api: Api, rows: Rows, collected: Keys, path: str
) -> None:
    def add() -> None:
        job(rows, collected["first"])
        integration(rows, collected["first"])
        screening(rows, dataCollectionId=collected["first"])

    token = api.token(collected["member"])
    add()
    few = count_statements(api, path, token, limit=99)
    for _ in range(4):
        add()
    assert count_statements(api, path, token, limit=99) == few
    assert body(api.get(path, token, limit=2))["total"] in (5, 10)


@pytest.mark.parametrize(
    ("path", "total"),
    [*zip(LISTS, (0, 1, 0, 1), strict=True), ("/processings/status", 1), ("/processings/messages/status", 0)],
)
def test_a_database_without_jobs_and_messages_answers_what_it_has(
    api: Api, rows: Rows, collected: Keys, monkeypatch: pytest.MonkeyPatch, path: str, total: int
) -> None:
    monkeypatch.setattr(Database, "missing", WITHOUT_JOBS)
    job(rows, collected["first"])
    integration(rows, collected["first"])
    screening(rows, dataCollectionId=collected["first"])
    query = {"dataCollectionIds": f"[{collected['first']}]"} if path.endswith("status") else {}
    answer = body(api.get(path, api.token(collected["member"]), **query))
    if path.endswith("status"):
        assert len(answer["statuses"]) == total
        return
    assert answer["total"] == len(answer["results"]) == total
    if path == "/processings/auto-integrations":
        assert answer["results"][0]["_metadata"] == {
            "attachments": 0,
            "autoProcProgramMessages": [],
            "imageSweepCount": None,
        }
