"""A site is filled from another gateway, object for object, by the interfaces of Bika LIMS and of SENAITE."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from objapi import upkeep
from objapi.app import create_app
from objapi.model.content import Content, ContentObject
from objapi.model.loading import read_content
from objapi.pull.pulling import PullOptions, PullReport, opened_spool, pull, write_report
from objapi.pull.remote import Remote
from objapi.pull.sources import BIKA, SENAITE
from objapi.security.accounts import list_accounts, local_roles_of
from objapi.security.outgoing import ServerAnswer
from objapi.site import Site
from objapi.store.requests import ByPath, CreateItem
from objapi.store.schema import blobs, entities, history_entries
from objapi.store.upgrade.installing import numbers_of_paths
from tests.objapi.store.workshop import Gateway, open_site, quietly

BASE = "http://lims.example.org/senaite"
_FRACTION = re.compile(r"(?<=T\d\d:\d\d:\d\d)\.\d+")


@dataclass(frozen=True)
class Source:
    """A laboratory that serves, and a way to ask it without a network."""

    site: Site
    client: FlaskClient

    def remote(self) -> Remote:
        return Remote(BASE, "admin", "secret", 1_000.0, lambda seconds: None, send=self.send)

    def send(self, url: str, *, seconds: float, longest: int, headers: Mapping[str, str]) -> ServerAnswer:
        parts = urlsplit(url)
        answer = self.client.get(
            f"{parts.path}?{parts.query}", headers=dict(headers), base_url="http://lims.example.org"
        )
        return ServerAnswer(answer.status_code, answer.data, {name.lower(): text for name, text in answer.headers})


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Source]:
    """The sample laboratory, with a file and a client out of use."""
    folder = tmp_path_factory.mktemp("source")
    site = open_site(f"sqlite:///{folder / 'site.sqlite'}", folder, ("lims",))
    upkeep.load_content(site, read_content(Path(site.registry.content_files["demo"][0])), quietly, for_trials=True)
    gateway = Gateway.on(site)
    file = {"data": "AAECAw==", "filename": "a.bin"}
    gateway.create_all("admin", [CreateItem("Attachment", ByPath("/clients/client-1"), {"AttachmentFile": file})])
    gateway.act("admin", "deactivate", "/clients/client-2")
    yield Source(site, create_app(site=site).test_client(use_cookies=False))
    site.close()


@pytest.fixture
def target(database_url: str, tmp_path: Path) -> Iterator[Site]:
    site = open_site(database_url, tmp_path, ("lims",))
    yield site
    site.close()


def pulled(source: Source, site: Site, kind: str = SENAITE, *, dry_run: bool = False, **options: Any) -> PullReport:
    chosen = PullOptions(kind, **options)
    with opened_spool(site, source.remote(), chosen) as spool:
        return pull(site, source.remote(), spool, chosen, quietly, dry_run=dry_run)


def objects_of(site: Site) -> dict[str, tuple[Any, ...]]:
    """Path → all that a pull keeps of an object: with paths for UIDs, since folders that are laid out keep theirs."""
    laid_out = {f"/{site.settings.site_id}{item['path']}" for item in site.registry.layout}
    with site.engine.connect() as connection:
        rows = connection.execute(sa.select(entities).order_by(entities.c.path)).all()
    paths = {row.uid: row.path for row in rows}
    found = {}
    for row in rows:
        if row.portal_type == site.registry.root_type:
            continue
        states = {name: item["status"] for name, item in json.loads(row.states).items()}
        variables = {name: states[name].get(site.registry.workflows[name].state_variable) for name in states}
        own = None if row.path in laid_out else (row.uid, row.created // 1_000_000, row.creator)
        found[row.path] = (row.portal_type, row.title, _plain(json.loads(row.data), paths), variables, own)
    return found


def _plain(value: Any, paths: Mapping[str, str]) -> Any:
    """Values without what is nothing."""
    if isinstance(value, dict):
        kept = {name: _plain(item, paths) for name, item in value.items()}
        return {name: item for name, item in kept.items() if item not in (None, "", [], {})}
    if isinstance(value, list):
        return [_plain(item, paths) for item in value]
    # SENAITE answers dates in whole seconds.
    return paths.get(value, _FRACTION.sub("", value)) if isinstance(value, str) else value


@pytest.mark.parametrize("kind", [SENAITE, BIKA])
def test_a_laboratory_is_the_same_here_object_for_object(kind: str, source: Source, target: Site) -> None:
    done = pulled(source, target, kind)
    assert done.groups == ()
    theirs, ours = objects_of(source.site), objects_of(target)
    assert ours.keys() == theirs.keys()
    assert {path: (ours[path], theirs[path]) for path in ours if ours[path] != theirs[path]} == {}
    assert done.counts.total() == len(ours)
    with target.engine.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(blobs)) == 1
        created = sa.select(sa.func.count()).select_from(history_entries).where(history_entries.c.event == "create")
        assert (connection.scalar(created) or 0) >= len(ours)
        rids = numbers_of_paths(connection, ["/clients/client-1"], target.settings.site_id)
        assert local_roles_of(connection, rids["/clients/client-1"], "rita") == ("Owner",)
        rita = {account.id: account for account in list_accounts(connection)}["rita"]
    assert (rita.fullname, rita.roles) == ("Rita Mohale", () if kind == SENAITE else ("Member",))
    # A second pull finds everything as it is, and numbers go on after those that were pulled.
    again = pulled(source, target, kind, fresh=True)
    assert (again.users, objects_of(target)) == (0, ours)
    assert Gateway.on(target).create("admin", "Client", "/clients", Name="Next", ClientID="N").path == (
        "/Plone/clients/client-6"
    )


class Killed(Exception):
    pass


def killed_at(label: str) -> upkeep.Progress:
    """A progress whose work ends, as by a kill, when it has begun."""

    @contextmanager
    def progress(shown: str, total: int) -> Iterator[Callable[[int], None]]:
        def advance(done: int) -> None:
            if shown == label:
                raise Killed

        yield advance

    return progress


def test_a_pull_that_was_cut_short_goes_on(source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("objapi.pull.loading.CHUNK", 100)
    site = open_site(f"sqlite:///{tmp_path / 'site.sqlite'}", tmp_path, ("lims",))
    options, remote = PullOptions(SENAITE), source.remote()
    for label in ("Fetching objects", "Fetching files", "Making objects", "Closing circles of references"):
        with pytest.raises(Killed), opened_spool(site, remote, options) as spool:
            pull(site, remote, spool, options, killed_at(label))
    pulled(source, site)
    theirs = objects_of(source.site)
    assert {path: item for path, item in objects_of(site).items() if item != theirs[path]} == {}
    assert len(objects_of(site)) == len(theirs)
    site.close()


def test_a_plan_tells_what_would_be_made_and_makes_nothing(source: Source, tmp_path: Path) -> None:
    site = open_site(f"sqlite:///{tmp_path / 'site.sqlite'}", tmp_path, ("lims",))
    before = objects_of(site)
    other = ContentObject("/clients/client-1", "Client", {"Name": "Here before", "ClientID": "H"})
    upkeep.load_content(site, Content((), (other,)), quietly)
    done = pulled(source, site, dry_run=True)
    assert (done.counts["Analysis"], done.counts["Client"], done.files, done.users) == (
        sum(item[0] == "Analysis" for path, item in objects_of(source.site).items() if "/client-1/" not in path),
        4,
        0,
        13,
    )
    reasons = {(first.portal_type, first.field): first for _, first in done.groups}
    assert reasons["Client", ""].reason == "there is another Client at this path already"
    assert reasons["Contact", ""].reason.startswith("what it lies in was left out")
    assert objects_of(site).keys() == before.keys() | {"/Plone/clients/client-1"}
    with opened_spool(site, source.remote(), PullOptions(SENAITE)) as spool, (tmp_path / "r").open("wb") as output:
        write_report(spool, output)
    lines = [orjson.loads(line) for line in (tmp_path / "r").read_bytes().splitlines()]
    assert lines[0] | {"uid": ""} == {
        "path": "/clients/client-1",
        "portal_type": "Client",
        "reason": "there is another Client at this path already",
        "uid": "",
    }
    site.close()


def as_senaite_has_it(value: Any) -> Any:
    """An answer of the gateway as a laboratory gives it that keeps no samples beside its requests."""
    kept = [item for item in value["items"] if item.get("portal_type") not in ("Sample", "SamplePartition")]
    for item in kept:
        item.pop("Sample", None)
        item.pop("SamplePartition", None)
        for step in item.get("workflow_info", ()):
            step["workflow"] = step["workflow"].replace("bika", "senaite")
    return {**value, "items": kept}


def test_requests_that_come_without_samples_get_them(source: Source, tmp_path: Path) -> None:
    site = open_site(f"sqlite:///{tmp_path / 'site.sqlite'}", tmp_path, ("lims",))

    @dataclass(frozen=True)
    class Other(Source):
        def send(self, url: str, **options: Any) -> ServerAnswer:
            if "/samplepartition?" in url or "/sample?" in url:
                return ServerAnswer(404, b"{}")
            answer = Source.send(self, url, **options)
            value = json.loads(answer.body)
            return ServerAnswer(200, json.dumps(as_senaite_has_it(value) if "items" in value else value).encode())

    done = pulled(Other(source.site, source.client), site, files=False)
    assert [first.reason for _, first in done.groups] == ["346 objects are counted, 266 were given in 3 rounds"]
    theirs, ours = objects_of(source.site), objects_of(site)
    requests = {path: item for path, item in ours.items() if item[0] == "AnalysisRequest"}
    assert requests.keys() == {path for path, item in theirs.items() if item[0] == "AnalysisRequest"}
    for path, item in requests.items():
        sample = ours[item[2]["Sample"]]
        (partition,) = [other for other in ours if other.startswith(f"{path}-S/")]
        assert (item[2]["Sample"], partition) == (f"{path}-S", f"{path}-S/{path.rpartition('/')[2]}-S-P1")
        assert sample[2]["SampleType"] == theirs[theirs[path][2]["Sample"]][2]["SampleType"]
        assert item[3]["bika_ar_workflow"] == theirs[path][3]["bika_ar_workflow"] or (
            theirs[path][3]["bika_cancellation_workflow"] == "cancelled"
        )
    received = Gateway.on(site)
    due = next(path for path, item in requests.items() if item[3]["bika_ar_workflow"] == "sample_due")
    received.act("admin", "receive", due.removeprefix("/Plone"))
    assert objects_of(site)[f"{due}-S"][3]["bika_sample_workflow"] == "sample_received"
    site.close()


def small_laboratory(url: str, **options: Any) -> ServerAnswer:
    """Two departments of one name, and categories that refer to the second, to a client, and to what is not here."""
    folder = "/senaite/setup/departments"
    items = [
        {"uid": f"{number:032x}", "portal_type": "Department", "path": f"{folder}/department-{number}", "title": "Same"}
        for number in (1, 2)
    ]
    items.append(
        {"uid": f"{3:032x}", "portal_type": "Client", "path": "/senaite/clients/client-3", "title": "C", "Name": "C"}
    )
    items += [
        {
            "uid": f"{number:032x}",
            "portal_type": "AnalysisCategory",
            "path": f"/senaite/setup/analysiscategories/category-{number}",
            "title": f"Category {number}",
            "Department": {"uid": f"{department:032x}"},
        }
        for number, department in ((4, 2), (5, 3), (6, 9), (7, 1))
    ]
    items.append({"uid": f"{8:032x}", "portal_type": "Contact", "path": "/senaite/nowhere/contact-1", "title": "N"})
    whole = "v1/search" in url and "b_start=0" in url
    return ServerAnswer(200, json.dumps({"version": "1.0.0", "count": 8 if whole else 0, "items": items}).encode())


def test_what_cannot_be_made_is_told_and_everything_else_is_made(tmp_path: Path) -> None:
    site = open_site(f"sqlite:///{tmp_path / 'site.sqlite'}", tmp_path, ("lims",))
    remote = Remote(BASE, "admin", "secret", 1_000.0, lambda seconds: None, send=small_laboratory)
    options = PullOptions(SENAITE)
    with opened_spool(site, remote, options) as spool:
        done = pull(site, remote, spool, options, quietly)
    told = {first.path.rpartition("/")[2]: (first.field, first.reason) for _, first in done.groups}
    assert told.keys() == {"department-2", "category-4", "category-5", "category-6", "contact-1"}
    assert told["department-2"][1] == (
        "not made: title: 'Same' is taken in /Plone/bika_setup/bika_departments by department-1; choose another title."
    )
    assert told["category-4"] == ("Department", "/bika_setup/bika_departments/department-2 was not made")
    assert told["category-5"] == ("Department", "/clients/client-3 is a Client, not one of Department")
    assert told["category-6"] == ("Department", f"the object {9:032x} that it names is not here")
    assert told["contact-1"] == ("", "there is no /nowhere to put it into")
    assert (done.not_made, done.counts) == (1, {"Department": 1, "Client": 1, "AnalysisCategory": 4})
    made = objects_of(site)
    assert made["/Plone/bika_setup/bika_analysiscategories/category-7"][2]["Department"] == (
        "/Plone/bika_setup/bika_departments/department-1"
    )
    assert "/Plone/bika_setup/bika_departments/department-2" not in made
    site.close()
