"""Results are entered in a sheet of the console, in a real browser: as in a spreadsheet, by several people at once."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.acceptance.browser import expect
from tests.acceptance.client import Client
from tests.acceptance.conftest import Log, Serve
from tests.acceptance.making import analyses_of, make_client, make_request

pytestmark = pytest.mark.extended

SERVICES = ["Calcium", "Copper", "Dry Matter", "Magnesium", "Moisture"]


@pytest.fixture(scope="module")
def root(serve: Serve) -> str:
    """A laboratory of these tests' own; nothing here depends on the database."""
    return serve("sqlite")


@pytest.fixture
def admin(root: str) -> Iterator[Client]:
    client = Client(root, "admin")
    with client.http:
        yield client


def received(admin: Client, services: list[str] = SERVICES) -> dict[str, Any]:
    """A request whose sample is in the laboratory, judged by a specification."""
    spec = "portal_type:AnalysisSpec|title:Apple Pulp"
    request = make_request(admin, make_client(admin), services, Specification=spec)
    admin.call("doActionFor_many", {"obj_paths": json.dumps([request["path"]]), "action": "receive"})
    return request


def page_of(request: dict[str, Any]) -> str:
    return f"/Plone/console/results/{request['obj_uid']}"


def cell(page: Any, title: str, part: str = "Result") -> Any:
    return page.get_by_label(f"{part} of {title}", exact=True)


def test_results_are_typed_judged_reviewed_saved_and_submitted(admin: Client, person: Log) -> None:
    request = received(admin)
    page = person("analyst1").open(request["path"])
    page.get_by_role("link", name="Results").click()
    cell(page, "Calcium").focus()
    page.keyboard.type("5")
    page.keyboard.press("Enter")
    page.keyboard.type("<0.01")
    for key in ("ArrowDown", "ArrowDown"):
        page.keyboard.press(key)
    page.keyboard.type("700")
    page.keyboard.press("Escape")
    expect(cell(page, "Magnesium")).to_have_value("")
    page.keyboard.type("70")
    # Within the text after F2: arrows move in it, and nothing is selected any more.
    page.keyboard.press("F2")
    page.keyboard.press("ArrowLeft")
    page.keyboard.type("5")
    expect(cell(page, "Magnesium")).to_have_value("750")
    page.keyboard.press("Enter")
    expect(cell(page, "Moisture")).to_be_focused()
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    for mass in ("12", "8", "2"):
        page.keyboard.type(mass)
        page.keyboard.press("Tab")
    page.locator("tr", has_text="Moisture").get_by_text("calculated").wait_for()
    expect(cell(page, "Moisture")).to_have_value("40")
    expect(cell(page, "Dry Matter")).to_have_value("60")
    marks = {
        "Calcium": ["below the range"],
        "Copper": ["below the detection limit", "below the range"],
        "Dry Matter": [],
        "Magnesium": ["above the range"],
        "Moisture": ["below the range"],
    }
    for title, texts in marks.items():
        expect(page.locator("tr", has_text=title).locator(".mark")).to_have_text(texts)
    cell(page, "Magnesium").fill("7,5")
    magnesium = page.locator("tr", has_text="Magnesium")
    expect(magnesium.locator(".mark")).to_have_text(["no number: it takes a point, not a comma"])
    cell(page, "Magnesium").fill("750")
    expect(magnesium.locator(".mark")).to_have_text(marks["Magnesium"])
    page.keyboard.press("Control+s")
    review = page.get_by_role("region", name="What will be saved")
    review.get_by_text("Mass of wet sample and dish").wait_for()
    assert not analyses_of(admin, request["path"])["Ca"]["Result"]
    review.get_by_role("button", name="Save 4 rows").click()
    page.get_by_text("Results of 4 rows are saved.").wait_for()
    stored = {name: item["Result"] for name, item in analyses_of(admin, request["path"]).items()}
    assert stored == {"Ca": "5", "Cu": "<0.01", "DM": "60", "Mg": "750", "Moist": "40"}
    page.get_by_text("5 rows can go on").wait_for()
    page.get_by_role("button", name="Submit").click()
    page.get_by_text("You may not enter any of these results now.").wait_for()
    assert {item["review_state"] for item in analyses_of(admin, request["path"]).values()} == {"to_be_verified"}


def test_a_column_is_pasted_and_what_is_refused_stands_in_its_row(admin: Client, person: Log) -> None:
    request = received(admin, ["Calcium", "Copper", "Magnesium"])
    page = person("analyst1").open(page_of(request))
    paste = """(input, text) => {
        const data = new DataTransfer();
        data.setData('text/plain', text);
        input.dispatchEvent(new ClipboardEvent('paste', {clipboardData: data, bubbles: true, cancelable: true}));
    }"""
    cell(page, "Copper").evaluate(paste, "3.5\r\n61\r\nbeyond the last row\r\n")
    for title, text in (("Calcium", ""), ("Copper", "3.5"), ("Magnesium", "61")):
        expect(cell(page, title)).to_have_value(text)
    page.get_by_text("2 values changed").wait_for()
    cell(page, "Calcium").fill("50")
    admin.call("doActionFor_many", {"obj_paths": json.dumps([f"{request['path']}/Cu"]), "action": "cancel"})
    page.get_by_role("button", name="Review and save").click()
    page.locator("tr", has_text="Copper").locator(".fault").wait_for()
    expect(cell(page, "Copper")).to_have_attribute("aria-invalid", "true")
    cell(page, "Copper").fill("")
    page.get_by_role("button", name="Review and save").click()
    page.get_by_role("button", name="Save 2 rows").click()
    page.get_by_text("Results of 2 rows are saved.").wait_for()
    stored = {name: item["Result"] or "" for name, item in analyses_of(admin, request["path"]).items()}
    assert stored == {"Ca": "50", "Cu": "", "Mg": "61"}


def test_results_that_two_have_entered_are_decided_one_by_one(admin: Client, person: Log) -> None:
    request = received(admin, ["Calcium", "Copper", "Magnesium"])
    page = person("analyst1").open(page_of(request))
    # The other one saves first; this page must not have heard of it when it sends.
    page.route("**/@@API/changes", lambda route: route.fulfill(status=503, json={"success": False}))
    page.reload()
    for title, text in (("Calcium", "41"), ("Copper", "2"), ("Magnesium", "61")):
        cell(page, title).fill(text)
    page.get_by_role("button", name="Review and save").click()
    save = page.get_by_role("button", name="Save 3 rows")
    save.wait_for()
    theirs = {f"{request['path']}/{name}": {"Result": text} for name, text in (("Ca", "42"), ("Cu", "3"))}
    admin.call("update_many", {"input_values": json.dumps(theirs)})
    save.click()
    conflicts = page.get_by_role("region", name="Changed by both").first
    conflicts.get_by_role("button", name="Keep mine").first.wait_for()
    lines = [row.split("\t")[:5] for row in conflicts.locator("tbody tr").all_inner_texts()]
    assert lines == [["Calcium", "Result", "", "42", "41"], ["Copper", "Result", "", "3", "2"]]
    conflicts.locator("tr", has_text="Calcium").get_by_role("button", name="Keep mine").click()
    conflicts.locator("tr", has_text="Copper").get_by_role("button", name="Take theirs").click()
    page.get_by_role("button", name="Review and save").click()
    page.get_by_role("button", name="Save 2 rows").click()
    page.get_by_text("Results of 2 rows are saved.").wait_for()
    stored = {name: item["Result"] for name, item in analyses_of(admin, request["path"]).items()}
    assert stored == {"Ca": "41", "Cu": "3", "Mg": "61"}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_the_sheet_is_accessible_in_both_themes_and_fits_a_phone(
    admin: Client, person: Log, theme: str, width: int
) -> None:
    analyst = person("analyst1", color_scheme=theme, locale="de-CH", viewport={"width": width, "height": 800})
    page = analyst.open(page_of(received(admin)))
    expect(page.locator("h1")).to_contain_text("Ergebnisse")
    page.get_by_label("Ergebnis von Calcium", exact=True).fill("5")
    page.locator(".mark").first.wait_for()
    page.get_by_role("button", name="Prüfen und speichern").click()
    expect(page.locator(".review tbody")).to_contain_text("Eingegeben am")
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert analyst.violations() == []


def test_a_result_that_is_one_of_a_list_is_chosen_by_its_words(admin: Client, person: Log) -> None:
    """On the sheet of a request and on that of a worksheet."""
    options = [{"ResultValue": "0", "ResultText": "absent"}, {"ResultValue": "1", "ResultText": "present"}]
    folder, category = "/bika_setup/bika_analysisservices", "portal_type:AnalysisCategory|title:Microbiology"
    service = {"obj_path": folder, "obj_type": "AnalysisService", "title": "Salmonella", "Keyword": "Salm"}
    admin.json("create", service | {"Category": category, "ResultOptions": options})
    request = received(admin, ["Calcium", "Salmonella"])
    analyst = person("analyst1")
    page = analyst.open(page_of(request))
    choice = cell(page, "Salmonella")
    expect(choice.locator("option")).to_have_text(["", "absent", "present"])
    cell(page, "Calcium").focus()
    page.keyboard.press("ArrowDown")
    expect(choice).to_be_focused()
    page.keyboard.type("p")
    expect(choice).to_have_value("1")
    page.keyboard.press("ArrowUp")
    expect(cell(page, "Calcium")).to_be_focused()
    page.keyboard.press("Control+s")
    expect(page.locator(".review tbody")).to_contain_text("present")
    page.get_by_role("button", name="Save 1 row").click()
    page.get_by_text("Results of 1 row are saved.").wait_for()
    found = analyses_of(admin, request["path"])
    assert found["Salm"]["Result"] == "1"
    worksheet = admin.call("create", {"obj_path": "/worksheets", "obj_type": "Worksheet"})
    admin.call("update", {"obj_path": worksheet["path"], "Analyses:list": [found["Salm"]["UID"]]})
    page = analyst.open(page_of(worksheet))
    expect(cell(page, "Salmonella").locator("option:checked")).to_have_text("present")
    assert analyst.violations() == []
