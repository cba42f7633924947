"""Files of rows go round, and numbers of many rows are drawn, by the console in a real browser."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from objapi.sheets.xlsx import read_xlsx
from tests.acceptance.browser import expect
from tests.acceptance.client import Client
from tests.acceptance.conftest import Log, Serve
from tests.acceptance.making import analyses_of, make_batch, make_client, make_request, unique
from tests.acceptance.test_console import asks, searched
from tests.objapi.sheets.workbooks import of_texts

pytestmark = pytest.mark.extended

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@pytest.fixture(scope="module")
def root(serve: Serve) -> str:
    """A laboratory of these tests' own; nothing here depends on the database."""
    return serve("sqlite")


@pytest.fixture
def admin(root: str) -> Iterator[Client]:
    client = Client(root, "admin")
    with client.http:
        yield client


def exported(page: Any, title: str) -> list[list[str]]:
    """The workbook of the batches with a title, as a search writes it."""
    columns = ["title", "Remarks", "BatchDate"]
    page.goto(searched("portal_catalog", "Batch", asks("Title", "is", title), columns=columns, sort="id"))
    with page.expect_download() as download:
        page.get_by_role("link", name="XLSX").click()
    return read_xlsx(Path(download.value.path()).read_bytes())


def give(page: Any, name: str, content: bytes, kind: str = XLSX) -> None:
    page.get_by_label("Choose a file, or drop it here").set_input_files(
        {"name": name, "mimeType": kind, "buffer": content}
    )


def test_a_workbook_goes_round_and_conflicts_are_decided(admin: Client, person: Log) -> None:
    word = unique("Round")
    uids = [make_batch(admin, title=f"{word} {number}", Remarks="base")["obj_uid"] for number in range(4)]
    manager = person("labmanager1")
    page = manager.open("/Plone/console/files")
    rows = exported(page, word)
    assert rows[0][:3] == ["UID", "version", "path"]
    remarks, date = rows[0].index("Remarks"), rows[0].index("BatchDate")
    by_uid = {row[0]: row for row in rows[1:]}
    for uid, text in zip(uids, ("edited", "mine", "also mine", "base"), strict=True):
        by_uid[uid][remarks] = text
    by_uid[uids[3]][date] = "next week"
    new = ["" for _ in rows[0]]
    new[rows[0].index("title")], new[remarks] = f"{word} new", "=SUM(A1)"
    rows.append(new)
    for uid in uids[1:3]:
        admin.call("update", {"UID": uid, "Remarks": "theirs"})

    manager.open("/Plone/console/files")
    give(page, "batches.xlsx", of_texts(rows))
    trial = page.get_by_role("region", name="What the file does")
    expect(trial).to_contain_text("a new object needs a type")
    page.locator("summary", has_text="New rows").click()
    page.get_by_label("Type", exact=True).select_option("Batch")
    page.get_by_label("Place").fill("/batches")
    page.get_by_label("Place").press("Tab")
    expect(trial).to_contain_text("1 row is new")
    expect(trial.locator("tr.refused")).to_contain_text("BatchDate: 'next week' is no date")
    conflicts = page.get_by_role("region", name="Changed by both")
    expect(conflicts.locator("tbody tr")).to_have_count(2)
    expect(conflicts.locator("tbody tr").first).to_contain_text("theirs")
    assert manager.violations() == []
    conflicts.get_by_role("row", name="also mine").get_by_role("button", name="Take theirs").click()
    expect(conflicts.locator("tbody tr")).to_have_count(1)
    conflicts.get_by_role("button", name="Keep mine").click()
    expect(conflicts).to_have_count(0)
    expect(trial).to_contain_text("The 1 that cannot be done is left as it is.")
    page.get_by_role("button", name="Write 3 rows").click()
    page.get_by_role("heading", name="3 rows are written").wait_for()
    assert [admin.read(UID=uid)["objects"][0]["Remarks"] for uid in uids] == ["edited", "mine", "theirs", "base"]
    assert admin.only(portal_type="Batch", Title=f'"{word} new"')["Remarks"] == "=SUM(A1)"
    page.get_by_role("button", name="Undo").click()
    page.get_by_text("Undone.").wait_for()
    assert admin.read(UID=uids[0])["objects"][0]["Remarks"] == "base"


def test_results_over_time_are_drawn_with_their_range_and_stand_in_a_table(admin: Client, person: Log) -> None:
    owner = make_client(admin)
    for result in ("45", "<1", "99"):
        spec = "portal_type:AnalysisSpec|title:Apple Pulp"
        path = make_request(admin, owner, ["Calcium"], Specification=spec)["path"]
        admin.call("doActionFor_many", {"obj_paths": [path], "action": "receive"})
        uid = analyses_of(admin, path)["Ca"]["UID"]
        admin.call("update", {"UID": uid, "Result": result})
        admin.call("doActionFor_many", {"uids": [uid], "action": "submit"})
    manager = person("labmanager1", color_scheme="dark")
    page = manager.open(f"{owner}#charts")
    expect(page.get_by_role("img", name="Calcium: 3 values")).to_have_attribute(
        "aria-label", "Calcium: 3 values, listed below; 2 out of range"
    )
    expect(page.locator(".plot canvas")).to_be_visible()
    page.get_by_text("Values as a table").click()
    expect(page.locator(".values tbody td.out")).to_have_text(["99 mg/kg (out of range)", "1 mg/kg (out of range)"])
    page.get_by_label("Time").select_option("30")
    expect(page.locator(".values tbody tr")).to_have_count(3)
    assert manager.violations() == []
    page = manager.open("/Plone/console")
    page.locator(".numbers summary").first.click()
    page.get_by_text("Values as a table").click()
    expect(page.locator(".values tbody tr")).to_have_count(12)
    assert manager.violations() == []


def test_the_file_of_an_instrument_is_tried_and_entered(admin: Client, person: Log) -> None:
    path = make_request(admin, make_client(admin), ["Calcium", "Magnesium"])["path"]
    admin.call("doActionFor_many", {"obj_paths": [path], "action": "receive"})
    name = path.rpartition("/")[2]
    lines = ["Sample ID,Test,Results,Units", f"{name},Ca,12.5,mg/kg", f"{name},Mg,much,mg/kg", f"{name},Zn,1,mg/kg"]
    analyst = person("analyst1", viewport={"width": 390, "height": 800}, color_scheme="dark")
    page = analyst.open("/Plone/console/files")
    page.get_by_label("What is in the file").select_option("aq2")
    give(page, "run.csv", "\n".join(lines).encode(), "text/csv")
    trial = page.get_by_role("region", name="What the file does")
    expect(trial).to_contain_text("1 result is entered")
    expect(trial.locator("tr.refused")).to_contain_text("'much' is no number")
    trial.locator("summary").click()
    expect(trial.locator("details li")).to_have_text([f"Row 4: Zn of {name}"])
    assert analyst.violations() == []
    page.get_by_role("button", name="Write 1 row").click()
    page.get_by_role("heading", name="1 row is written").wait_for()
    found = {keyword: (item["Result"], item["review_state"]) for keyword, item in analyses_of(admin, path).items()}
    assert found == {"Ca": ("12.5", "to_be_verified"), "Mg": ("", "sample_received")}
