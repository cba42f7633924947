"""The ISPyB tables of a facility in a database of its own, filled by SQL to a number of sessions."""

import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from benchmarks.laboratory import NotEmpty
from objapi import upkeep
from objapi.ispyb.database import prepare
from objapi.profiles.ispyb import tables as t
from objapi.profiles.ispyb.tables import METADATA
from objapi.progress import progress
from objapi.settings import load_settings
from objapi.site import Site

CHUNK: Final = 1_000
"""Sessions that are made in one transaction; a multiple of PER_PROPOSAL."""

PER_PROPOSAL: Final = 10
"""Sessions of a proposal; the last one may have fewer."""

PERSON: Final = 1
"""The only person, who takes part in the first proposal."""

GROUP: Final = "MX"
BEAMLINES: Final = ("ID23-1", "ID23-2", "ID30A-1", "ID30A-3", "ID30B")
EXPERIMENTS: Final = ("OSC", "Characterization", "Mesh", "Helical", "SAD")
IMAGES: Final = 5
"""Analysed images of the first data collection of each session."""

SAMPLES: Final = 2
"""Samples of each session, of the two proteins of its proposal."""

_BEGIN: Final = datetime(2015, 1, 1, 9)  # noqa: DTZ001 - wall clock times have no zone
_HOUR: Final = timedelta(hours=1)
_MINUTE: Final = timedelta(minutes=1)

Made = Iterator[tuple[sa.Table, dict[str, Any]]]


@contextmanager
def facility(data: Path, environ: dict[str, str]) -> Iterator[Site]:
    """A site with empty ISPyB tables and one person on an empty database. Raises NotEmpty."""
    settings = load_settings({**environ, "OBJAPI_ISPYB_TOKEN_KEY": secrets.token_hex(32)}, {"data_dir": data})
    site = Site.open(settings)
    try:
        if not upkeep.initialise(site, progress):
            raise NotEmpty("The database holds a site already. Name an empty one: measurements make rows in it.")
        prepare(site)
        options = {
            "groupName": GROUP,
            "uiGroup": "mx",
            "permission": "mx_staff",
            "beamLines": [{"beamLineName": name, "archived": False} for name in BEAMLINES],
        }
        with site.engine.begin() as connection:
            connection.execute(sa.insert(t.AdminVar).values(name="beamLineGroups", value=json.dumps([options])))
            connection.execute(sa.insert(t.Person).values(personId=PERSON, givenName="Ada", familyName="Byron"))
        yield site
    finally:
        site.close()


def sessions(site: Site) -> int:
    """Number of sessions."""
    with site.engine.connect() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(t.BLSession)).scalar_one())


def fill(site: Site, wanted: int, collections: int, seconds: float) -> int:
    """Make sessions with so many data collections each until there are enough, or the time is over.

    Returns how many sessions there are then.
    """
    there, deadline = sessions(site), time.monotonic() + seconds
    with progress(f"Filling to {wanted} sessions", max(wanted - there, 0)) as advance:
        while there < wanted and time.monotonic() < deadline:
            upto = min(there - there % CHUNK + CHUNK, wanted)
            _insert(site, there, upto, collections)
            advance(upto - there)
            there = upto
    return there


def _insert(site: Site, first: int, upto: int, collections: int) -> None:
    rows: dict[sa.Table, list[dict[str, Any]]] = {}
    for number in range(first, upto):
        if number % PER_PROPOSAL == 0:
            for table, row in _proposal(number // PER_PROPOSAL + 1):
                rows.setdefault(table, []).append(row)
        for table, row in _session(number, collections):
            rows.setdefault(table, []).append(row)
    with site.engine.begin() as connection:
        for table in METADATA.sorted_tables:
            if table in rows:
                connection.execute(sa.insert(table), rows[table])


def _proposal(key: int) -> Made:
    """A proposal with two proteins and a container on its way."""
    yield (
        t.Proposal,
        {"proposalId": key, "personId": PERSON, "proposalCode": "MX", "proposalNumber": str(key), "title": "Folds"},
    )
    if key == 1:
        yield t.ProposalHasPerson, {"proposalId": key, "personId": PERSON}
    for protein in (2 * key - 1, 2 * key):
        yield (
            t.Protein,
            {"proteinId": protein, "proposalId": key, "name": f"Protein {protein}", "acronym": f"p{protein}"},
        )
        yield t.Crystal, {"crystalId": protein, "proteinId": protein}
    yield t.Shipping, {"shippingId": key, "proposalId": key, "shippingName": f"Shipment {key}"}
    yield t.Dewar, {"dewarId": key, "shippingId": key, "code": f"D{key}", "dewarStatus": "processing"}
    place = {"beamlineLocation": BEAMLINES[key % len(BEAMLINES)], "sampleChangerLocation": "1"}
    yield t.Container, dict(containerId=key, dewarId=key, code=f"C{key}", **place)


def _session(number: int, collections: int) -> Made:
    """A session with its samples, robot action, and data collections, two of a sample in a group."""
    session, proposal, start = number + 1, number // PER_PROPOSAL + 1, _BEGIN + number * _HOUR
    yield (
        t.BLSession,
        {
            "sessionId": session,
            "proposalId": proposal,
            "startDate": start,
            "endDate": start + 8 * _HOUR,
            "beamLineName": BEAMLINES[number % len(BEAMLINES)],
            "visit_number": number % PER_PROPOSAL + 1,
            "scheduled": 1,
        },
    )
    samples = [SAMPLES * number + place + 1 for place in range(SAMPLES)]
    for place, sample in enumerate(samples):
        crystal = 2 * proposal - place % 2
        yield t.BLSample, {"blSampleId": sample, "crystalId": crystal, "containerId": proposal, "name": f"s{sample}"}
    moment = {"startTimestamp": start, "endTimestamp": start + _MINUTE}
    yield t.RobotAction, {"blsessionId": session, "blsampleId": samples[0], "status": "SUCCESS", **moment}
    groups = (collections + 1) // 2
    for place in range(groups):
        yield from _group(session, number * groups + place + 1, samples[place % SAMPLES], place)
    for place in range(collections):
        begun = start + (5 * place + 2) * _MINUTE
        yield from _collection(number * collections + place + 1, number * groups + place // 2 + 1, begun, place)


def _group(session: int, key: int, sample: int, place: int) -> Made:
    kind = EXPERIMENTS[place % len(EXPERIMENTS)]
    yield (
        t.DataCollectionGroup,
        {"dataCollectionGroupId": key, "sessionId": session, "blSampleId": sample, "experimentType": kind},
    )


def _collection(key: int, group: int, start: datetime, place: int) -> Made:
    """A data collection; every other one was integrated by a program, with a message in the first of the session."""
    yield (
        t.DataCollection,
        {
            "dataCollectionId": key,
            "dataCollectionGroupId": group,
            "startTime": start,
            "endTime": start + 3 * _MINUTE,
            "runStatus": "DataCollection Successful",
            "numberOfImages": 100,
            "imageDirectory": f"/data/{key}",
            "fileTemplate": "image_%04d.cbf",
        },
    )
    if place % 2 == 0:
        yield t.AutoProcProgram, {"autoProcProgramId": key, "processingPrograms": "xds", "processingStatus": "SUCCESS"}
        yield t.AutoProcIntegration, {"dataCollectionId": key, "autoProcProgramId": key}
    if place == 0:
        yield t.AutoProcProgramMessage, {"autoProcProgramId": key, "severity": "WARNING", "message": "Ice rings"}
        for image in range(IMAGES):
            seen = {"goodBraggCandidates": 40 + image, "method2Res": 1.5, "totalIntegratedSignal": 1e5}
            yield t.ImageQualityIndicators, {"dataCollectionId": key, "imageNumber": image + 1, **seen}
