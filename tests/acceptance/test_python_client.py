"""The Python client on a served laboratory: log-ins, pages, batches, transitions, changes, files."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from objapi_client import (
    NO_RETRIES,
    BadRequest,
    BatchStopped,
    LogInFailed,
    NotFound,
    Site,
    TransitionNotAllowed,
    Unauthorized,
)
from tests.acceptance.client import PASSWORD, Client
from tests.acceptance.making import analyses_of, make_batch, make_client, make_request, unique


def site_of(root: str, user: str | None = None, token: str | None = None) -> Site:
    password = None if user is None else PASSWORD
    # A transport of its own asks no proxy.
    return Site(
        f"{root}/Plone", user=user, password=password, token=token, retries=NO_RETRIES, transport=httpx.HTTPTransport()
    )


@pytest.fixture
def site(root: str) -> Iterator[Site]:
    with site_of(root, "admin") as made:
        yield made


def test_callers_are_known_by_each_kind_of_log_in(root: str, admin: Client) -> None:
    token = admin.call("tokens", {"action": "add", "name": unique("script")})["token"]
    with site_of(root, token=token) as by_token, site_of(root) as by_cookie:
        assert by_token.query("Client", id="client-1").count() == 1
        with pytest.raises(Unauthorized):
            by_cookie.query("Client").first()
        with pytest.raises(LogInFailed):
            by_cookie.log_in("clerk1", "wrong")
        by_cookie.log_in("clerk1", PASSWORD)
        assert by_cookie.query("Client", id="client-1").one()["portal_type"] == "Client"


def test_batches_are_written_whole_and_pages_read_to_the_end(site: Site, admin: Client) -> None:
    word = unique("word").replace(" ", "")
    entries = [{"obj_type": "Batch", "obj_path": "/batches", "title": f"{word} {number}"} for number in range(5)]
    made = site.create_many(entries, batch_size=2)
    paths = [entry["path"] for entry in made.done]
    query = site.query("Batch", title={"startswith": word}, page_size=2, sort_on="created")
    assert [batch["path"] for batch in query] == paths
    changes = [{"obj_path": path, "fields": {"Remarks": "once"}, "version": 1} for path in paths]
    site.update(paths[4], {"Remarks": "before"})
    with pytest.raises(BatchStopped) as caught:
        site.update_many(changes, batch_size=2)
    assert (caught.value.start, len(caught.value.done)) == (4, 4)
    assert [(entry["obj_path"], entry["type"]) for entry in caught.value.failed] == [(paths[4], "Conflict")]
    assert [batch["Remarks"] for batch in query] == ["once"] * 4 + ["before"]


def test_a_refused_transition_names_what_would_do(site: Site, root: str, admin: Client) -> None:
    paths = [make_batch(admin)["path"] for _ in range(2)]
    states = site.transition("close", paths, comment="done")
    assert [state["review_state"] for state in states] == ["closed", "closed"]
    request = make_request(admin, make_client(admin), ["Calcium"])["path"]
    site.transition("receive", request)
    (analysis,) = analyses_of(admin, request).values()
    site.update(analysis["UID"], {"Result": "5"})
    with site_of(root, "clerk1") as clerk, pytest.raises(TransitionNotAllowed) as caught:
        clerk.transition("submit", [analysis["UID"]])
    (reason,) = caught.value.reasons
    assert reason.object == analysis["path"]
    assert "Analyst" in reason.needs
    assert site.query("Analysis", UID=analysis["UID"]).count() == 1
    assert "receive" not in site.allowed(request)


def test_changes_are_followed_from_a_cursor(site: Site, admin: Client) -> None:
    site.create("Batch", "/batches", {"title": unique("Before")})
    cursor = admin.get("changes", {"since": "now"}).json()["cursor"]
    path = make_batch(admin)["path"]
    site.update(path, {"Remarks": "rain"})
    seen = list(site.changes(cursor, path=path, page_size=1))
    assert [change["kinds"] for change in seen] == [["create"], ["update"]]


def test_files_go_up_and_down(site: Site, admin: Client, tmp_path: Path) -> None:
    note = tmp_path / "note.txt"
    note.write_bytes(b"rain" * 1000)
    made = site.create("Attachment", make_client(admin), {"AttachmentFile": note})
    site.download(made["path"], "AttachmentFile", tmp_path / "back.txt")
    assert (tmp_path / "back.txt").read_bytes() == note.read_bytes()
    with pytest.raises(NotFound):
        site.download(made["path"] + "x", "AttachmentFile", tmp_path / "none.txt")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["back.txt", "note.txt"]


def test_a_sheet_goes_out_and_comes_back(site: Site, admin: Client, tmp_path: Path) -> None:
    uids = [make_batch(admin, Remarks="before")["obj_uid"] for _ in range(2)]
    sheet = tmp_path / "batches.ndjson"
    site.export(site.query("Batch", UID=uids, include_fields=["Remarks"]), sheet)
    sheet.write_text(sheet.read_text("utf-8").replace("before", "after"), encoding="utf-8")
    assert site.apply_sheet(sheet)["updated"] == 2
    assert {site.get(uid)["Remarks"] for uid in uids} == {"after"}
    with pytest.raises(BadRequest, match="format"):
        site.export(site.query("Batch"), tmp_path / "batches.doc")
    assert [path.name for path in tmp_path.iterdir()] == ["batches.ndjson"]
