"""Both faces show the same rows to the same person: the lists of py-ISPyB's routes, and `@@API/read` of the types."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import URL
from werkzeug.test import Client

from catalog.dialect import create_engine_for
from objapi.app import create_app
from objapi.ispyb import API_ROOT
from objapi.ispyb.demo import make_demo
from objapi.ispyb.face import GROUPS
from objapi.profiles.ispyb import tables as t
from objapi.profiles.ispyb.derived_types import derived_types, table_of
from objapi.security.accounts import Account, insert_user
from objapi.security.passwords import Passwords
from objapi.settings import load_settings
from objapi.site import Site
from tests.conftest import DATABASES
from tests.databases import fresh_mariadb_database, fresh_sqlite_database
from tests.objapi.ispyb.asking import BODIES, Asker
from tests.objapi.ispyb.calling import Rows, at, body
from tests.objapi.ispyb.scenery import card, collection, collection_group, container, noted_statements, sample
from tests.ready_sites import initialise

PEOPLE: Final = (
    "facility",
    "portal",
    "beamline",
    "scientist",
    "visitor",
    "member",
    "guest",
    "staff",
    "overseer",
    "nobody",
)
"""The people of the sample installation, and others: see `_add_others`."""

FEW: Final = ("beamline", "member", "guest", "overseer")
"""Those with one way of seeing each: by beamline, proposal, session and permission."""

each_person = pytest.mark.parametrize(
    "login", [login if login in FEW else pytest.param(login, marks=pytest.mark.extended) for login in PEOPLE]
)

LISTS: Final = {
    "/proposals": ("Proposal", "proposalId"),
    "/sessions": ("BLSession", "sessionId"),
    "/labcontacts": ("ISPyBLabContact", "labContactId"),
    "/proteins": ("Protein", "proteinId"),
    "/shippings": ("Shipping", "shippingId"),
    "/dewars": ("Dewar", "dewarId"),
    "/containers": ("ISPyBContainer", "containerId"),
    "/samples": ("BLSample", "blSampleId"),
    "/samples/sub": ("BLSubSample", "blSubSampleId"),
    "/samples/images": ("BLSampleImage", "blSampleImageId"),
    "/mapping": ("XRFFluorescenceMapping", "xrfFluorescenceMappingId"),
    "/mapping/rois": ("XRFFluorescenceMappingROI", "xrfFluorescenceMappingROIId"),
    "/datacollections/attachments": ("DataCollectionFileAttachment", "dataCollectionFileAttachmentId"),
    "/datacollections/workflows/steps": ("WorkflowStep", "workflowStepId"),
    "/processings/attachments": ("AutoProcProgramAttachment", "autoProcProgramAttachmentId"),
    "/events?eventType=robot": ("RobotAction", "id"),
    "/events?eventType=xrf": ("XFEFluorescenceSpectrum", "id"),
    "/events?eventType=es": ("EnergyScan", "id"),
}
"""The lists that show every visible row: type and key."""

_COLLECTION: Final = (("dataCollectionId", "DataCollection"),)
_GROUP: Final = (("dataCollectionGroupId", "DataCollectionGroup"),)
_SESSION: Final = (("sessionId", "BLSession"),)
_PROGRAM: Final = (("autoProcProgramId", "AutoProcProgram"),)
_PROPOSAL: Final = (("proposalId", "Proposal"),)
_MOTION: Final = (("motionCorrectionId", "MotionCorrection"),)

PARENTS: Final[Mapping[str, tuple[tuple[str, ...], ...]]] = {
    "ProposalHasPerson": _PROPOSAL,
    "Session_has_Person": _SESSION,
    "SessionType": _SESSION,
    "Protein_has_PDB": (("proteinid", "Protein"),),
    "Crystal": (("proteinId", "Protein"),),
    "ContainerQueueSample": (("blSampleId", "BLSample"), ("blSubSampleId", "BLSubSample")),
    "Position": (("back", "BLSubSample", "positionId"), ("back", "BLSubSample", "position2Id")),
    "BF_fault": _SESSION,
    "Experiment": _SESSION,
    "DataCollectionGroup": _SESSION,
    "DataCollection": _GROUP,
    "Image": _COLLECTION,
    "ImageQualityIndicators": _COLLECTION,
    "GridInfo": (*_GROUP, *_COLLECTION),
    "Workflow": (("back", "DataCollectionGroup", "workflowId"),),
    "XrayCentring": _GROUP,
    "ProcessingJob": _COLLECTION,
    "ProcessingJobParameter": (("processingJobId", "ProcessingJob"),),
    "ProcessingJobImageSweep": (("processingJobId", "ProcessingJob"),),
    "AutoProcIntegration": _COLLECTION,
    "AutoProcProgram": (
        *_COLLECTION,
        ("processingJobId", "ProcessingJob"),
        ("back", "AutoProcIntegration", "autoProcProgramId"),
    ),
    "AutoProcProgramMessage": _PROGRAM,
    "AutoProcScaling_has_Int": (("autoProcIntegrationId", "AutoProcIntegration"),),
    "AutoProcScaling": (("back", "AutoProcScaling_has_Int", "autoProcScalingId"),),
    "AutoProcScalingStatistics": (("autoProcScalingId", "AutoProcScaling"),),
    "AutoProc": (("back", "AutoProcScaling", "autoProcId"),),
    "Screening": (*_GROUP, *_COLLECTION),
    "ScreeningOutput": (("screeningId", "Screening"),),
    "ScreeningOutputLattice": (("screeningOutputId", "ScreeningOutput"),),
    "ScreeningStrategy": (("screeningOutputId", "ScreeningOutput"),),
    "ScreeningStrategyWedge": (("screeningStrategyId", "ScreeningStrategy"),),
    "ScreeningStrategySubWedge": (("screeningStrategyWedgeId", "ScreeningStrategyWedge"),),
    "Movie": _COLLECTION,
    "MotionCorrection": (("movieId", "Movie"),),
    "CTF": _MOTION,
    "ParticlePicker": (("firstMotionCorrectionId", "MotionCorrection"),),
    "ParticleClassificationGroup": (("particlePickerId", "ParticlePicker"),),
    "ParticleClassification": (("particleClassificationGroupId", "ParticleClassificationGroup"),),
    "Person": (("back", "ProposalHasPerson", "personId"), ("back", "ISPyBLabContact", "personId")),
    "ISPyBLaboratory": (("back", "Person", "laboratoryId"),),
}
"""Types without such a list → the column that leads to the parent and its type, or the type that leads back."""

OPEN: Final = {"ComponentType", "BeamLineSetup", "BeamCalendar", "v_run"}
CLOSED: Final = {
    "UserGroup",
    "Permission",
    "UserGroup_has_Permission",
    "UserGroup_has_Person",
    "AdminVar",
    "AdminActivity",
}
_PASSWORD: Final = "secret"


@dataclass(frozen=True)
class Facility:
    """A site that serves the ISPyB types by both faces."""

    site: Site
    client: Client
    rows: Rows

    def token(self, login: str) -> str:
        """The token of a log-in to the py-ISPyB face."""
        given = {"plugin": "dummy", "login": login, "password": "x"}
        return str(body(self.client.post(f"{API_ROOT}/auth/login", json=given))["token"])

    def listed(self, path: str, key: str, login: str) -> list[int]:
        """The keys that a list shows somebody who has just logged in to the py-ISPyB face."""
        return self.listed_by(self.token(login), path, key)

    def listed_by(self, token: str, path: str, key: str) -> list[int]:
        """The keys that a list shows the holder of a token."""
        mark = "&" if "?" in path else "?"
        answer = self.client.get(f"{API_ROOT}{path}{mark}limit=1000", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 200, answer.text
        return sorted(row[key] for row in body(answer)["results"])

    def read(self, login: str, **criteria: str) -> dict[str, Any]:
        """What `@@API/read` answers a user of the gateway."""
        answer = self.client.get("/Plone/@@API/read", query_string=criteria, auth=(login, _PASSWORD))
        read: dict[str, Any] = body(answer)
        assert read["success"], read
        return read

    def found(self, portal_type: str, login: str) -> list[str]:
        """The ids that `@@API/read` finds for a user of the gateway."""
        read = self.read(login, portal_type=portal_type, page_size="1000", include_fields="id")
        return sorted(item["id"] for item in read["objects"])

    def count(self, portal_type: str, login: str) -> int:
        """How many statements the second of two reads takes."""
        self.found(portal_type, login)
        with noted_statements(self.site.engine) as texts:
            self.found(portal_type, login)
        return len([text for text in texts if not text.startswith("SET ")])

    def key(self, table: sa.Table, **values: object) -> int:
        """The key of the one row with some values."""
        (name,) = table.primary_key.columns.keys()
        (key,) = (row[name] for row in self.rows.all(table) if values.items() <= row.items())
        return int(key)

    @contextmanager
    def joined(self, group: int, person: int) -> Iterator[None]:
        """A person in a group meanwhile."""
        self.rows.add(t.UserGroup_has_Person, userGroupId=group, personId=person)
        try:
            yield
        finally:
            link = t.UserGroup_has_Person.c
            with self.site.engine.begin() as connection:
                gone = (link.userGroupId == group, link.personId == person)
                connection.execute(sa.delete(t.UserGroup_has_Person).where(*gone))

    def keys(self, portal_type: str, login: str) -> set[int]:
        """The keys of a table with one key column that `@@API/read` finds."""
        return {int(key) for key in self.found(portal_type, login)}


@pytest.fixture(scope="module", params=DATABASES)
def facility(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, mariadb: Callable[[], URL]
) -> Iterator[Facility]:
    """A site with the sample installation and more, on each database; tests leave it as it is."""
    directory = tmp_path_factory.mktemp("facility")
    if request.param == "sqlite":
        yield from _opened(fresh_sqlite_database(directory), directory)
    else:
        with fresh_mariadb_database(mariadb()) as url:
            yield from _opened(url, directory)


def _opened(url: str, directory: Path, **more: str) -> Iterator[Facility]:
    settings = {
        "OBJAPI_DATABASE_URL": url,
        "OBJAPI_DATA_DIR": str(directory),
        "OBJAPI_PROFILES": "ispyb",
        "OBJAPI_ISPYB_DUMMY_LOGIN": "yes",
        "OBJAPI_ISPYB_SAME_LOGINS": "yes",
    }
    site = Site.open(load_settings(settings | more))
    initialise(site)
    make_demo(site)
    engine = site.engine
    if site.settings.ispyb_url is not None:
        engine = create_engine_for(site.settings.ispyb_url)
        t.METADATA.create_all(engine)
    rows = Rows(engine)
    _add_others(rows)
    hashed = Passwords().hash(_PASSWORD)

    def add_users(connection: Any) -> None:
        for name in (*PEOPLE, "stranger", "capitals"):
            insert_user(connection, Account(name, name, "", True, (), ()), hashed, datetime.now(UTC))
        insert_user(connection, Account("boss", "boss", "", True, ("Manager",), ()), hashed, datetime.now(UTC))

    site.transact(add_users, write=True)
    yield Facility(site, Client(create_app(site=site)), rows)
    engine.dispose()
    site.close()


def _add_others(rows: Rows) -> None:
    """A proposal with a member, a guest of one of its sessions, and people who see by permission or nothing at all."""
    member, guest = (rows.person(name, familyName=name) for name in ("member", "guest"))
    rows.person("staff", "mx_staff")
    rows.person("overseer", "all_proposals")
    rows.person("CAPITALS", "all_proposals")
    rows.person("nobody", laboratoryId=rows.add(t.Laboratory, name="Nobody's"))
    proposal = rows.add(t.Proposal, proposalCode="BX", proposalNumber="2", personId=member)
    rows.add(t.ProposalHasPerson, proposalId=proposal, personId=member)
    visited, other = (
        rows.add(
            t.BLSession,
            proposalId=proposal,
            visit_number=visit,
            beamLineName=beamline,
            startDate=at(2023, 1, visit),
            endDate=at(2023, 1, visit + 1),
        )
        for visit, beamline in ((1, "ID30A-1"), (2, "BM99"))
    )
    rows.add(t.Session_has_Person, sessionId=visited, personId=guest)
    card(rows, proposal, "Rome")
    puck = container(rows, proposal)
    first = sample(rows, proposal, "one", puck)
    part = rows.add(t.BLSubSample, blSampleId=first, positionId=rows.add(t.Position, posX=1))
    rows.add(t.BLSampleImage, blSampleId=first)
    rows.add(t.ContainerQueueSample, blSubSampleId=part)
    for session in (visited, other):
        workflow = rows.add(t.Workflow, workflowTitle="scan")
        rows.add(t.WorkflowStep, workflowId=workflow)
        group = collection_group(rows, session, blSampleId=first, workflowId=workflow)
        measured = collection(rows, group)
        rows.add(t.DataCollectionFileAttachment, dataCollectionId=measured, fileFullPath="/a")
        rows.add(t.RobotAction, blsessionId=session, blsampleId=first)
        rows.add(t.EnergyScan, sessionId=session, blSampleId=first)
        rows.add(t.XFEFluorescenceSpectrum, sessionId=session, blSampleId=first)
        program = rows.add(t.AutoProcProgram)
        rows.add(t.AutoProcProgramAttachment, autoProcProgramId=program, fileName="a", filePath="/b")
        rows.add(t.AutoProcIntegration, autoProcProgramId=program, dataCollectionId=measured)
        rows.add(t.Screening, dataCollectionId=measured)
        rows.add(t.ProcessingJob, dataCollectionId=measured)


@each_person
def test_lists_and_reads_show_the_same_rows(facility: Facility, login: str) -> None:
    for path, (portal_type, key) in LISTS.items():
        listed = facility.listed(path, key, login)
        assert listed == sorted(facility.keys(portal_type, login)), path
    with_login = {row["personId"] for row in facility.rows.all(t.Person) if row["login"] is not None}
    listed = facility.listed("/persons", "personId", login)
    assert listed == sorted(facility.keys("Person", login) & with_login)


@each_person
def test_other_rows_are_seen_with_their_parents(facility: Facility, login: str) -> None:
    sees_all = login in ("facility", "overseer")
    keys = cache(lambda portal_type: facility.keys(portal_type, login))
    for portal_type, parents in PARENTS.items():
        table = table_of(portal_type)
        rows = facility.rows.all(table)
        names = [column.name for column in table.primary_key.columns]
        seen: set[str] = set()
        for parent in parents:
            if parent[0] == "back":
                below = keys(parent[1])
                (key,) = table_of(parent[1]).primary_key.columns.keys()
                of = {row[parent[2]] for row in facility.rows.all(table_of(parent[1])) if row[key] in below}
                seen |= {str(row[names[0]]) for row in rows if row[names[0]] in of}
            else:
                above = keys(parent[1])
                seen |= {"-".join(str(row[name]) for name in names) for row in rows if row[parent[0]] in above}
        if sees_all:
            seen = {"-".join(str(row[name]) for name in names) for row in rows}
        assert facility.found(portal_type, login) == sorted(seen), portal_type


def test_every_type_is_compared() -> None:
    compared = {portal_type for portal_type, _ in LISTS.values()} | PARENTS.keys() | OPEN | CLOSED
    assert compared == derived_types.keys()


def test_people_see_what_their_part_opens(facility: Facility) -> None:
    sessions = {login: len(facility.found("BLSession", login)) for login in PEOPLE}
    assert sessions == {
        "facility": 5,
        "overseer": 5,
        "beamline": 3,
        "staff": 3,
        "scientist": 3,
        "visitor": 1,
        "member": 2,
        "guest": 1,
        "portal": 0,
        "nobody": 0,
    }
    assert [len(facility.found("ISPyBContainer", login)) for login in ("member", "guest", "nobody")] == [1, 1, 0]


def test_a_user_who_is_no_person_sees_no_rows(facility: Facility) -> None:
    for portal_type in {portal_type for portal_type, _ in LISTS.values()} | PARENTS.keys():
        assert facility.found(portal_type, "stranger") == [], portal_type


def test_a_user_whose_name_differs_in_case_is_another_person(facility: Facility) -> None:
    assert facility.found("Proposal", "overseer")
    assert facility.found("Proposal", "capitals") == []


def test_nobody_reads_without_logging_in(facility: Facility) -> None:
    answer = facility.client.get("/Plone/@@API/read", query_string={"portal_type": "Proposal"})
    assert (answer.status_code, body(answer).get("objects")) == (401, [])


def test_holders_of_the_permission_see_every_row(facility: Facility) -> None:
    for portal_type in {portal_type for portal_type, _ in LISTS.values()} | PARENTS.keys():
        assert len(facility.found(portal_type, "boss")) == facility.rows.count(table_of(portal_type)), portal_type


def test_permissions_count_at_once_in_the_api_and_at_the_next_log_in_in_a_token(facility: Facility) -> None:
    token = facility.token("nobody")
    group = facility.key(t.UserGroup, name=f"group {facility.key(t.Person, login='overseer')}")
    person = facility.key(t.Person, login="nobody")
    with facility.joined(group, person):
        assert len(facility.found("BLSession", "nobody")) == 5
        assert facility.listed_by(token, "/sessions", "sessionId") == []
        assert len(facility.listed("/sessions", "sessionId", "nobody")) == 5
    assert facility.found("BLSession", "nobody") == []


def test_how_to_reach_people_is_for_holders_of_the_permission(facility: Facility) -> None:
    person = facility.key(t.Person, login="scientist")
    shown = facility.read("scientist", portal_type="Person", id=str(person))["objects"][0]
    assert (shown["familyName"], shown.get("emailAddress"), shown.get("cache")) == ("Entist", None, None)
    assert "emailAddress" in facility.read("boss", portal_type="Person", id=str(person))["objects"][0]


@pytest.mark.parametrize(("login", "status"), [("member", 201), ("guest", 201), ("scientist", 422), ("nobody", 422)])
def test_a_sample_is_added_to_containers_that_one_sees(facility: Facility, login: str, status: int) -> None:
    (puck,) = facility.found("ISPyBContainer", "member")
    uid = facility.read("boss", portal_type="ISPyBContainer", id=puck)["objects"][0]["UID"]
    given = {"obj_type": "BLSample", "Container": uid, "name": f"of-{login}"}
    answer = facility.client.post("/Plone/@@API/create", data=given, auth=(login, _PASSWORD))
    made = [row for row in facility.rows.all(t.BLSample) if row["name"] == f"of-{login}"]
    assert (body(answer)["success"], len(made)) == ((True, 1) if status == 201 else (False, 0))
    if made:
        removal = {"UID": body(answer)["obj_uid"]}
        assert body(facility.client.post("/Plone/@@API/remove", data=removal, auth=("boss", _PASSWORD)))["success"]


def test_reads_take_the_same_number_of_statements_whatever_the_part(facility: Facility) -> None:
    for portal_type in ("BLSample", "AutoProcProgramAttachment"):
        member = facility.count(portal_type, "member")
        assert facility.count(portal_type, "guest") == member
        # Holders of permissions have the beamline groups looked up, and those who see all no rows of their own.
        assert facility.count(portal_type, "scientist") == member + 1
        assert facility.count(portal_type, "overseer") == member - 1


def test_common_rows_are_open_to_users_and_administration_to_managers(facility: Facility) -> None:
    for portal_type in OPEN:
        assert facility.found(portal_type, "stranger"), portal_type
    for portal_type in CLOSED - {"AdminActivity"}:
        assert (facility.found(portal_type, "facility"), bool(facility.found(portal_type, "boss"))) == ([], True)


@pytest.mark.parametrize("setting", ["no", "auto"])
def test_a_user_is_not_the_person_of_the_login_where_log_ins_differ(
    database_url: str, tmp_path: Path, setting: str
) -> None:
    for other in _opened(database_url, tmp_path, OBJAPI_ISPYB_SAME_LOGINS=setting):
        assert (other.found("BLSession", "facility"), other.found("BLSession", "scientist")) == ([], [])
        assert len(other.found("BLSession", "boss")) == 5
        assert len(other.listed("/sessions", "sessionId", "facility")) == 5


def test_rows_of_a_database_elsewhere_are_the_same_in_both_faces(database_url: str, tmp_path: Path) -> None:
    elsewhere = f"sqlite:///{tmp_path / 'ispyb.sqlite'}"
    for other in _opened(database_url, tmp_path, OBJAPI_ISPYB_URL=elsewhere):
        for login, number in (("member", 2), ("guest", 1), ("overseer", 2), ("nobody", 0)):
            for path, (portal_type, key) in LISTS.items():
                assert other.listed(path, key, login) == sorted(other.keys(portal_type, login)), path
            assert len(other.found("BLSession", login)) == number


def test_rows_of_others_are_answered_as_those_that_never_were(facility: Facility) -> None:
    token = facility.token("nobody")
    hidden, missing = (Asker(facility.client, facility.rows, token, there=there) for there in (True, False))
    tried, unlike = 0, []
    for route in (route for group in GROUPS for route in group.routes):
        in_query = [name for name in route.query if hidden.value(name)]
        in_path = route.path in BODIES or any(hidden.value(name) for name in route.path_parameters)
        for name in (*((None,) if in_path else ()), *in_query):
            answers = [asker.answer(route, name) for asker in (hidden, missing)]
            tried += 1
            if answers[0] != answers[1] or answers[0][0] >= 500:
                unlike.append((route.method, route.path, name, answers))
    assert unlike == []
    assert tried > 140
