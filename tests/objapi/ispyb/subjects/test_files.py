"""Routes that send files: who gets them, which file it is, and what is said when there is none."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from objapi.app import create_app
from objapi.profiles.ispyb import tables as t
from objapi.site import Site
from tests.objapi.ispyb.calling import Api, Rows, body, faults

PREFIX = "/visitor"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The data root, with files named by what they hold."""
    for name in ("a1.jpeg", "a1t.jpeg", "a2.jpeg", "plot.png", "first.jpg", "firstt.jpg", "run.log", "step.html"):
        file = tmp_path / "visitor" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(name)
    return tmp_path


@pytest.fixture
def application(ispyb_site: Site, data: Path) -> Flask:
    """The application with one data root and a prefix before every stored path."""
    settings = replace(ispyb_site.settings, ispyb_data_roots=(data,), ispyb_path_map=str(data))
    return create_app(site=replace(ispyb_site, settings=settings))


@pytest.fixture
def measured(rows: Rows) -> Mapping[str, int]:
    """A data collection with files in session MX1-1, which only the member of MX1 sees."""
    key = rows.seed()
    key["workflow"] = rows.add(t.Workflow, workflowTitle="Mesh")
    key["step"] = rows.add(
        t.WorkflowStep,
        workflowId=key["workflow"],
        imageResultFilePath=f"{PREFIX}/plot.png",
        resultFilePath=f"{PREFIX}/none.json",
    )
    key["group"] = rows.add(t.DataCollectionGroup, sessionId=key["MX1-1"], workflowId=key["workflow"])
    key["collection"] = rows.add(
        t.DataCollection,
        dataCollectionGroupId=key["group"],
        xtalSnapshotFullPath1=f"{PREFIX}/a1.jpeg",
        xtalSnapshotFullPath2=f"{PREFIX}/a2.jpeg",
        xtalSnapshotFullPath3=f"{PREFIX}/a3.jpeg",
        imageQualityIndicatorsPlotPath=f"{PREFIX}/plot.png",
    )
    rows.add(
        t.Image,
        dataCollectionId=key["collection"],
        imageNumber=1,
        jpegFileFullPath=f"{PREFIX}/first.jpg",
        jpegThumbnailFileFullPath=f"{PREFIX}/firstt.jpg",
    )
    key["attachment"] = rows.add(
        t.DataCollectionFileAttachment,
        dataCollectionId=key["collection"],
        fileFullPath=f"{PREFIX}/run.log",
        fileType="log",
    )
    key["program"] = rows.add(t.AutoProcProgram, dataCollectionId=key["collection"])
    key["result"] = rows.add(
        t.AutoProcProgramAttachment,
        autoProcProgramId=key["program"],
        fileType="Log",
        filePath=PREFIX,
        fileName="run.log",
    )
    return key


@pytest.mark.parametrize(
    ("path", "query", "content", "type_"),
    [
        ("/datacollections/images/{collection}", {}, "a1.jpeg", "image/jpeg"),
        ("/datacollections/images/{collection}", {"snapshot": "true"}, "a1t.jpeg", "image/jpeg"),
        ("/datacollections/images/{collection}", {"imageId": 2, "snapshot": "true"}, "a2.jpeg", "image/jpeg"),
        ("/datacollections/images/quality/{collection}", {}, "plot.png", "image/png"),
        ("/datacollections/images/diffraction/{collection}", {}, "first.jpg", "image/jpeg"),
        ("/datacollections/images/diffraction/{collection}", {"snapshot": 1}, "firstt.jpg", "image/jpeg"),
        ("/datacollections/attachments/{attachment}", {}, "run.log", "text/plain; charset=utf-8"),
        (
            "/datacollections/workflows/steps/{step}",
            {"attachmentType": "imageResultFilePath"},
            "plot.png",
            "image/png",
        ),
        ("/processings/attachments/{result}", {}, "run.log", "text/plain; charset=utf-8"),
    ],
)
def test_files_are_sent_to_those_who_see_their_session(
    api: Api, measured: Mapping[str, int], path: str, query: dict[str, Any], content: str, type_: str
) -> None:
    url = path.format(**measured)
    response = api.get(url, api.token(measured["member"]), **query)
    assert (response.status_code, response.text, response.content_type) == (200, content, type_)
    assert ("filename=" + content in response.headers.get("Content-Disposition", "")) == (
        "attachments" in path or "steps" in path
    )
    for stranger in ("visitor", "outsider"):
        refused = api.get(url, api.token(measured[stranger]), **query)
        missing = api.get(path.format(**dict.fromkeys(measured, 999_999)), api.token(measured["member"]), **query)
        assert (refused.status_code, refused.json) == (404, missing.json)


def test_a_missing_file_is_answered_like_a_missing_row(api: Api, measured: Mapping[str, int]) -> None:
    token = api.token(measured["member"])
    path = f"/datacollections/images/{measured['collection']}"
    for image in (3, 4):
        assert body(api.get(path, token, imageId=image)) == {"detail": "Image not found"}
    step = f"/datacollections/workflows/steps/{measured['step']}"
    response = api.get(step, token, attachmentType="resultFilePath")
    assert (response.status_code, response.json) == (404, {"detail": "Workflow step attachment not found"})


def test_parameters_of_files_are_checked(api: Api, measured: Mapping[str, int]) -> None:
    token = api.token(measured["member"])
    path = f"/datacollections/images/{measured['collection']}"
    assert faults(api.get(path, token, imageId=0)) == [(["query", "imageId"], "value_error.number.not_ge")]
    assert faults(api.get(path, token, imageId=5)) == [(["query", "imageId"], "value_error.number.not_le")]
    step = f"/datacollections/workflows/steps/{measured['step']}"
    place = ["query", "attachmentType"]
    assert faults(api.get(step, token)) == [(place, "value_error.missing")]
    assert faults(api.get(step, token, attachmentType="htmlResultFilePath")) == [(place, "type_error.enum")]


def test_part_of_a_file_is_sent(api: Api, measured: Mapping[str, int]) -> None:
    path = f"/datacollections/attachments/{measured['attachment']}"
    response = api.call("GET", path, api.token(measured["member"]), headers={"Range": "bytes=4-"})
    assert (response.status_code, response.text) == (206, "log")
    beyond = api.call("GET", path, api.token(measured["member"]), headers={"Range": "bytes=70-"})
    assert (beyond.status_code, beyond.headers["Content-Range"]) == (416, "bytes */7")


def test_attachments_are_listed_without_their_paths(api: Api, measured: Mapping[str, int]) -> None:
    token = api.token(measured["member"])
    for filters in ({}, {"dataCollectionId": measured["collection"]}, {"dataCollectionGroupId": measured["group"]}):
        page = body(api.get("/datacollections/attachments", token, **filters))
        assert page["total"] == 1
        assert page["results"] == [
            {
                "dataCollectionFileAttachmentId": measured["attachment"],
                "dataCollectionId": measured["collection"],
                "fileType": "log",
                "_metadata": {
                    "url": f"/ispyb/api/v1/datacollections/attachments/{measured['attachment']}",
                    "fileName": "run.log",
                },
            }
        ]
    assert api.seen("/datacollections/attachments", token, "fileType", dataCollectionId=999_999) == []
    assert api.seen("/datacollections/attachments", api.token(measured["outsider"]), "fileType") == []


def test_workflow_steps_tell_which_files_there_are(api: Api, measured: Mapping[str, int]) -> None:
    path = "/datacollections/workflows/steps"
    page = body(api.get(path, api.token(measured["member"]), workflowId=measured["workflow"]))
    assert page["total"] == 1
    assert page["results"][0]["_metadata"]["attachments"] == {
        "imageResultFilePath": True,
        "resultFilePath": False,
        "htmlResultFilePath": False,
    }
    assert api.seen(path, api.token(measured["visitor"]), "workflowStepId") == []


def test_quality_is_one_object_of_parallel_lists(api: Api, rows: Rows, measured: Mapping[str, int]) -> None:
    collection, token = measured["collection"], api.token(measured["member"])
    path = "/datacollections/quality"
    empty = dict.fromkeys(("imageNumber", "totalIntegratedSignal", "goodBraggCandidates", "method2Res"))
    page = body(api.get(path, token, dataCollectionId=collection))
    assert (page["total"], page["results"]) == (0, [{"dataCollectionId": collection, **empty}])
    for number, spots in ((2, 7), (1, None), (3, 9)):
        rows.add(
            t.ImageQualityIndicators,
            dataCollectionId=collection,
            imageNumber=number,
            goodBraggCandidates=spots,
            method2Res=1.5,
            totalIntegratedSignal=number * 2.5,
        )
    page = body(api.get(path, token, dataCollectionId=collection, limit=2))
    assert page["total"] == 2
    assert page["results"] == [
        {
            "dataCollectionId": collection,
            "imageNumber": [1, 2],
            "totalIntegratedSignal": [2.5, 5.0],
            "goodBraggCandidates": [7],
            "method2Res": [1.5, 1.5],
        }
    ]
    assert body(api.get(path, api.token(measured["outsider"])))["results"][0]["imageNumber"] is None


def test_processing_files_are_seen_by_whichever_way_they_name_their_collection(
    api: Api, rows: Rows, measured: Mapping[str, int]
) -> None:
    job = rows.add(t.ProcessingJob, dataCollectionId=measured["collection"])
    by_job = rows.add(t.AutoProcProgram, processingJobId=job)
    by_integration = rows.add(t.AutoProcProgram)
    rows.add(t.AutoProcIntegration, autoProcProgramId=by_integration, dataCollectionId=measured["collection"])
    nobodys = rows.add(t.AutoProcProgram)
    for program in (by_job, by_integration, nobodys):
        rows.add(t.AutoProcProgramAttachment, autoProcProgramId=program, fileName="x", filePath="/y", fileType="Log")
    path, member = "/processings/attachments", api.token(measured["member"])
    assert api.seen(path, member, "autoProcProgramId") == [measured["program"], by_job, by_integration]
    assert api.seen(path, member, "autoProcProgramId", autoProcProgramId=by_job) == [by_job]
    assert api.seen(path, api.token(measured["visitor"]), "autoProcProgramId") == []
    assert len(api.seen(path, api.token(1, "all_proposals"), "autoProcProgramId")) == 4
    entry = body(api.get(path, member, autoProcProgramAttachmentId=measured["result"]))["results"][0]
    assert entry["importanceRank"] is None
    assert entry["_metadata"]["url"] == f"/ispyb/api/v1/processings/attachments/{measured['result']}"


def test_pictures_of_samples_are_sent_to_those_who_see_the_proposal(
    api: Api, rows: Rows, measured: Mapping[str, int]
) -> None:
    shipping = rows.add(t.Shipping, proposalId=measured["MX1"])
    container = rows.add(t.Container, dewarId=rows.add(t.Dewar, shippingId=shipping))
    sample = rows.add(t.BLSample, containerId=container, name="s1")
    image = rows.add(t.BLSampleImage, blSampleId=sample, imageFullPath=f"{PREFIX}/a1.jpeg", micronsPerPixelX=1.5)
    visitor = api.token(measured["visitor"])
    assert body(api.get("/samples/images", visitor, blSampleId=sample))["results"] == [
        {
            "blSampleImageId": image,
            "blSampleId": sample,
            "micronsPerPixelX": 1.5,
            "micronsPerPixelY": 0,
            "offsetX": 0,
            "offsetY": 0,
            "_metadata": {"url": f"/ispyb/api/v1/samples/images/{image}"},
        }
    ]
    assert api.get(f"/samples/images/{image}", visitor).text == "a1.jpeg"
    refused = api.get(f"/samples/images/{image}", api.token(measured["outsider"]))
    assert (refused.status_code, refused.json) == (404, {"detail": "Sample image not found"})


@pytest.fixture
def movie(rows: Rows, measured: Mapping[str, int]) -> int:
    """A movie of the data collection, corrected and estimated."""
    key = rows.add(t.Movie, dataCollectionId=measured["collection"], micrographSnapshotFullPath=f"{PREFIX}/a1.jpeg")
    correction = rows.add(
        t.MotionCorrection,
        movieId=key,
        driftPlotFullPath=f"{PREFIX}/plot.png",
        micrographSnapshotFullPath=f"{PREFIX}/a2.jpeg",
    )
    rows.add(t.CTF, motionCorrectionId=correction, spectraImageThumbnailFullPath=f"{PREFIX}/first.jpg")
    return key


@pytest.mark.parametrize(
    ("by_header", "by_path", "content"),
    [
        ("thumbnail", "thumbnail", "a1.jpeg"),
        ("thumbnail/motioncorrection", "motioncorrection/thumbnail", "a2.jpeg"),
        ("thumbnail/ctf", "ctf/thumbnail", "first.jpg"),
        ("plot/motioncorrectiondrift", "motioncorrection/drift", "plot.png"),
    ],
)
def test_pictures_of_movies_are_sent_through_both_doors(
    api: Api, measured: Mapping[str, int], movie: int, by_header: str, by_path: str, content: str
) -> None:
    def by_both_doors(token: str, proposal: str | int) -> set[tuple[int, str]]:
        first = api.get(f"/legacy/em/proposal/{proposal}/movie/{movie}/{by_header}", token)
        collection = measured["collection"]
        second = api.get(f"/legacy/{token}/proposal/{proposal}/em/datacollection/{collection}/movie/{movie}/{by_path}")
        return {(response.status_code, response.text) for response in (first, second)}

    missing = (404, '{"detail":"Sample not found"}')
    for proposal in ("mx1", measured["MX1"]):
        assert by_both_doors(api.token(measured["member"], "own_proposals"), proposal) == {(200, content)}
        assert by_both_doors(api.token(measured["principal"], "own_proposals"), proposal) == {(200, content)}
        assert by_both_doors(api.token(1, "all_proposals"), proposal) == {(200, content)}
    assert by_both_doors(api.token(1, "all_proposals"), "BX2") == {missing}
    assert by_both_doors(api.token(1, "all_proposals"), "XX7") == {missing}
    for token in (api.token(measured["outsider"], "own_proposals"), api.token(measured["member"])):
        ((status, text),) = by_both_doors(token, "MX1")
        assert status == 403
        assert "proposal MX1" in text


def test_a_movie_that_was_not_corrected_has_no_picture(api: Api, rows: Rows, measured: Mapping[str, int]) -> None:
    bare = rows.add(t.Movie, dataCollectionId=measured["collection"], micrographSnapshotFullPath=f"{PREFIX}/a1.jpeg")
    response = api.get(f"/legacy/em/proposal/MX1/movie/{bare}/thumbnail", api.token(1, "all_proposals"))
    assert (response.status_code, response.json) == (404, {"detail": "Sample not found"})
