"""The console in a real browser: people of a laboratory at work, by scanner, by keyboard, on a phone, in the dark."""

import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.acceptance.browser import Person, expect
from tests.acceptance.client import Client, succeeded
from tests.acceptance.conftest import Log, Serve
from tests.acceptance.making import (
    CONTROL,
    INSTRUMENT,
    analyses_of,
    controls_measured,
    make_batch,
    make_client,
    make_contact,
    make_request,
    state_of,
)
from tests.docs.pages import DOCS, blocks
from tests.waiting import wait_until

pytestmark = pytest.mark.extended

BATCH = "/Plone/batches/B-001"


class _Elsewhere(BaseHTTPRequestHandler):
    """A page of another site, which loads the client of the API from the gateway."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>Elsewhere</title>")

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def elsewhere() -> Iterator[str]:
    """The origin of a page of another site."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Elsewhere) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def other_origin() -> Iterator[str]:
    with elsewhere() as origin:
        yield origin


@pytest.fixture(scope="module")
def root(serve: Serve, browser: Any, other_origin: str) -> str:
    """A laboratory of these tests' own; nothing here depends on the database."""
    return serve("sqlite", OBJAPI_ALLOWED_ORIGINS=other_origin)


@pytest.fixture
def admin(root: str) -> Iterator[Client]:
    client = Client(root, "admin")
    with client.http:
        yield client


def requests_due(admin: Client, count: int) -> list[dict[str, Any]]:
    owner = make_client(admin)
    return [make_request(admin, owner, ["Calcium"]) for _ in range(count)]


def test_twenty_are_received_by_scanner_and_taken_back(admin: Client, person: Log) -> None:
    made = requests_due(admin, 20)
    manager = person("labmanager1")
    page = manager.open("/Plone/console/worklists/to_be_received")
    for number, request in enumerate(made):
        # Any case, blanks around; of the first ones the sample's label, of the others the request's.
        code = request["sample_id" if number < 10 else "ar_id"]
        manager.scan(f" {code.lower()} " if number % 2 else code)
        page.wait_for_selector(f"tr.on a[href='{request['path']}']")
    expect(page.locator(".steps")).to_contain_text("20 selected")
    page.get_by_label("Comment").fill("cool box intact")
    page.get_by_role("button", name="Receive sample").click()
    page.wait_for_selector(".notice.good")
    expect(page.locator(".notice")).to_contain_text("20 done")
    assert {state_of(admin, request["path"]) for request in made} == {"sample_received"}
    newest = admin.call("history", {"obj_path": made[0]["path"], "page_size": "50"})["history"]
    assert "cool box intact" in {entry.get("comment") for entry in newest}
    page.get_by_role("button", name="Undo").click()
    page.get_by_text("Undone.").wait_for()
    assert {state_of(admin, request["path"]) for request in made} == {"sample_due"}


def test_what_holds_a_step_back_is_told_with_what_would_do(admin: Client, person: Log) -> None:
    (request,) = requests_due(admin, 1)
    admin.call("doActionFor_many", {"obj_paths": f'["{request["path"]}"]', "action": "receive"})
    analyst = person("analyst1")
    page = analyst.open(f"{request['path']}/Ca")
    page.locator(".held summary").click()
    expect(page.locator(".held")).to_contain_text("Submit")
    expect(page.locator(".held")).to_contain_text("It needs:")


def test_rows_are_selected_by_range_and_numbers_follow_what_others_do(admin: Client, person: Log) -> None:
    made = requests_due(admin, 3)
    clerk = person("clerk1")
    page = clerk.open("/Plone/console/worklists/to_be_received")
    boxes = page.locator("table.rows tbody input")
    boxes.nth(0).click()
    boxes.nth(2).click(modifiers=["Shift"])
    expect(page.locator("tr.on")).to_have_count(3)
    boxes.nth(2).press("ArrowUp")
    page.keyboard.press(" ")
    expect(page.locator("tr.on")).to_have_count(2)
    number = page.locator(".lists a[aria-current] b")
    before = int(number.inner_text())
    admin.call("doActionFor_many", {"obj_paths": f'["{made[0]["path"]}"]', "action": "receive"})
    expect(number).to_have_text(str(before - 1))
    expect(page.locator(f"table.rows a[href='{made[0]['path']}']")).to_have_count(0)


def test_of_two_quick_clicks_on_a_row_each_counts(admin: Client, person: Log) -> None:
    requests_due(admin, 2)
    page = person("clerk1").open("/Plone/console/worklists/to_be_received")
    page.locator("table.rows tbody tr").nth(1).wait_for()
    # Without a pause for drawing between them, as no person is quick enough to click.
    click = (
        "rows => rows.slice(0, 2).forEach((row, place) => [...Array(2 + place)].forEach(() => row.cells[2].click()))"
    )
    page.locator("table.rows tbody tr").evaluate_all(click)
    expect(page.locator("tr.on")).to_have_count(1)
    box = page.locator("table.rows tbody input").nth(0)
    box.focus()
    box.evaluate("""box => [1, 2, 3].forEach(
        () => box.dispatchEvent(new KeyboardEvent("keydown", {key: " ", bubbles: true, cancelable: true})))""")
    expect(page.locator("tr.on")).to_have_count(2)


@pytest.mark.parametrize("places", [True, False])
def test_numbers_follow_by_events_and_without_a_place_for_them_by_calls(
    admin: Client, person: Log, places: bool
) -> None:
    (request,) = requests_due(admin, 1)
    clerk = person("clerk1")
    asked: list[str] = []
    if not places:
        clerk.page.route("**/@@API/changes?*", lambda route: route.fulfill(status=503, json={"success": False}))
    clerk.page.on("request", lambda sent: "/changes" in sent.url and asked.append(sent.method))
    page = clerk.open("/Plone/console/worklists/to_be_received")
    number = page.locator(".lists a[aria-current] b")
    expect(number).to_have_text(re.compile(r"\d+"))
    wait_until(lambda: asked[-1:] == ["GET" if places else "POST"], "the first call")
    before = int(number.inner_text())
    admin.call("doActionFor_many", {"obj_paths": f'["{request["path"]}"]', "action": "receive"})
    expect(number).to_have_text(str(before - 1))
    assert asked[0] == "GET"


def test_language_and_colours_are_chosen_in_the_page_and_stay(person: Log) -> None:
    clerk = person("clerk1", color_scheme="light")
    page = clerk.open("/Plone/console/worklists/late")
    background = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(background)
    page.locator(".user summary").click()
    page.get_by_role("button", name="Dark").click()
    dark = page.evaluate(background)
    assert dark != light
    page.get_by_role("button", name="Deutsch").click()
    expect(page.locator("h1")).to_contain_text("Überfällig")
    assert page.evaluate(background) == dark
    clerk.open("/Plone/console/search")
    expect(page.locator("html")).to_have_attribute("lang", "de")
    assert page.evaluate(background) == dark
    page.locator(".user summary").click()
    assert clerk.violations() == []
    page.get_by_role("button", name="Wie der Browser").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")


def test_what_is_scanned_elsewhere_is_opened_or_chosen(admin: Client, person: Log) -> None:
    (request,) = requests_due(admin, 1)
    clerk = person("clerk1")
    page = clerk.open(BATCH)
    clerk.scan(request["ar_id"].lower())
    page.wait_for_url(f"**{request['path']}")
    clerk.open(BATCH)
    clerk.scan(request["sample_id"])
    page.locator(".candidates a").nth(1).wait_for()
    clerk.scan("no such number")
    page.get_by_text("Nothing here has the number no such number.").wait_for()


def test_two_editors_are_told_of_each_other_and_nothing_is_lost(admin: Client, person: Log) -> None:
    path = make_batch(admin)["path"]
    manager = person("labmanager1")
    page = manager.open(f"{path}#edit")
    page.get_by_label("Remarks").fill("mine")
    page.get_by_label("Client batch ID").fill("CB-7")
    # The other one saves first; this page must not have heard of it when it sends.
    page.route("**/@@API/changes*", lambda route: route.fulfill(status=503, json={"success": False}))
    admin.call("update", {"obj_path": path, "Remarks": "theirs", "title": "Renamed meanwhile"})
    page.get_by_role("button", name="Save").click()
    assert manager.violations() == []
    page.get_by_role("button", name="Keep mine").click()
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Saved.").wait_for()
    stored = admin.at(path)
    assert (stored["Remarks"], stored["ClientBatchID"], stored["title"]) == ("mine", "CB-7", "Renamed meanwhile")
    page.get_by_role("link", name="History").click()
    expect(page.locator(".history del").first).to_contain_text("theirs")


def test_messages_of_the_server_stand_beside_their_fields(admin: Client, person: Log) -> None:
    (request,) = requests_due(admin, 1)
    manager = person("labmanager1")
    page = manager.open(f"{request['path']}#edit")
    page.get_by_label("Member discount").fill("much")
    page.get_by_role("button", name="Save").click()
    page.locator("#field-MemberDiscount-fault").wait_for()
    field = page.get_by_label("Member discount")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_be_focused()
    field.fill("5")
    page.get_by_role("combobox", name="Batch").fill("B")
    page.get_by_role("option").first.click()
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Saved.").wait_for()
    assert admin.at(request["path"])["Batch"]


def test_a_file_goes_up_and_comes_down(admin: Client, person: Log) -> None:
    owner = make_client(admin)
    made = admin.call("create", {"obj_path": owner, "obj_type": "Attachment"})
    manager = person("labmanager1")
    page = manager.open(f"{made['path']}#edit")
    page.locator("input[type=file]").set_input_files(
        {"name": "plan.txt", "mimeType": "text/plain", "buffer": b"a plan"}
    )
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Saved.").wait_for()
    page.get_by_role("link", name="Fields").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="plan.txt").click()
    assert download.value.path().read_bytes() == b"a plan"


def test_a_request_is_made_by_a_form_with_the_services_of_its_profile(admin: Client, person: Log) -> None:
    owner = make_client(admin)
    contact = admin.at(make_contact(admin, owner))["title"]
    manager = person("labmanager1")
    page = manager.open(f"{owner}#new")
    page.get_by_role("link", name="Analysis Request").click()
    form = page.get_by_role("form", name="New: Analysis Request")
    form.get_by_role("button", name="Create").click()
    expect(form.locator(".fault").first).to_have_text("the field is required")
    expect(page.locator("[aria-invalid=true]").first).to_be_focused()
    for field, text in (("Contact", contact), ("Sample type", "Apple Pulp")):
        form.get_by_role("combobox", name=field).fill(text)
        form.get_by_role("option", name=text).first.click()
    form.get_by_label("Sampling date").fill("2026-03-02T08:30")
    form.locator(".more summary").click()
    form.get_by_role("combobox", name="Profiles").fill("Trace")
    form.get_by_role("option", name="Trace metals").click()
    expect(form.get_by_label("Zinc")).to_be_checked()
    form.get_by_label("Moisture").check()
    assert manager.violations() == []
    form.get_by_role("button", name="Create").click()
    page.wait_for_url(f"**{owner}/*-R01")
    made = admin.at(page.url.partition("#")[0].removeprefix(manager.root))
    profile = admin.read(portal_type="AnalysisProfile", title="Trace metals")["objects"][0]
    assert made["SamplingDate"].startswith("2026-03-02T08:30")
    assert made["Profiles"] == [profile["UID"]]
    assert set(analyses_of(admin, made["path"])) >= {"Moist", "Zn"}


def test_a_new_object_may_bring_its_file(admin: Client, person: Log) -> None:
    owner = make_client(admin)
    page = person("labmanager1").open(f"{owner}#new/Attachment")
    page.locator(".more summary").click()
    page.locator("input[type=file]").set_input_files(
        {"name": "map.txt", "mimeType": "text/plain", "buffer": b"the way"}
    )
    page.get_by_role("button", name="Create").click()
    page.get_by_role("link", name="map.txt").wait_for()
    (made,) = admin.read(portal_type="Attachment", path=owner)["objects"]
    assert made["AttachmentFile"]["filename"] == "map.txt"


def searched(catalog: str, portal_type: str, *criteria: Mapping[str, Any], **more: Any) -> str:
    """The address of a search. A criterion has the keys `index`, `operator`, `values`, and `depth` for a place."""
    asked = {"catalog": catalog, "type": portal_type, "criteria": criteria, **more}
    return f"/Plone/console/search?q={quote(json.dumps(asked))}"


def asks(index: str, operator: str, *values: str, **more: str) -> Mapping[str, Any]:
    return {"index": index, "operator": operator, "values": values, **more}


SEARCHES = {
    "numbers": searched("bika_analysis_catalog", "Analysis", asks("getResult", "any", "5", "12")),
    "numbers between": searched(
        "bika_analysis_catalog", "Analysis", asks("getResult", "gt", "5"), asks("getResult", "le", "12")
    ),
    "none of these, with a part": searched(
        "portal_catalog", "Client", asks("id", "not", "client-1", "client-2"), asks("id", "contains", "CLIENT")
    ),
    "all words": searched("bika_catalog", "Sample", asks("getAnalysisService", "all", "Calcium", "Zinc")),
    "dates": searched(
        "portal_catalog", "Client", asks("created", "ge", "2020-01-01"), asks("created", "lt", "2100-01-01")
    ),
    "within the last": searched("portal_catalog", "Client", asks("modified", "since", "1d")),
    "of today": searched("portal_catalog", "Client", asks("created", "recent", "this-week")),
    "without": searched("bika_catalog", "AnalysisRequest", asks("getBatchUID", "empty")),
    "with": searched("bika_catalog", "AnalysisRequest", asks("getClientUID", "filled")),
    "yes or no": searched("portal_catalog", "Contact", asks("is_folderish", "is", "0")),
    "place": searched("uid_catalog", "", asks("path", "is", "/Plone/clients", depth="1")),
    "words of a text": searched(
        "portal_catalog", "Client", asks("SearchableText", "is", 'orchard* OR "Stonebridge Mills"')
    ),
    "label": searched("bika_catalog", "AnalysisRequest", asks("scan", "is", "ap-0001")),
    "order": searched("portal_catalog", "Client", sort="created", descending=True),
}


def test_a_search_of_each_kind_finds_the_same_by_its_url(admin: Client, person: Log) -> None:
    found, by_url = {}, {}
    manager = person("labmanager1")
    for name, path in SEARCHES.items():
        page = manager.open(path)
        page.locator(".call summary").click()
        page.locator("table.rows tbody tr").first.wait_for()
        expect(page.locator(".fault, .hint")).to_have_count(0)
        ids = page.locator("table.rows tbody th").all_inner_texts()
        found[name] = (int(page.locator("h1 small").inner_text()), ids)
        url = page.locator(".call pre").first.inner_text()
        answer = manager.context.request.get(f"{url}&strict=1&page_size=50").json()
        by_url[name] = (answer["total_objects"], [item["path"].rpartition("/")[2] for item in answer["objects"]])
    assert found == by_url


def test_a_search_is_put_together_and_taken_to_a_script_and_to_a_file(
    admin: Client, person: Log, capsys: pytest.CaptureFixture[str]
) -> None:
    page = person("admin").open("/Plone/console/search")
    page.get_by_role("combobox", name="Type", exact=True).select_option("AnalysisRequest")
    page.get_by_label("Add a criterion").select_option("created")
    page.get_by_role("textbox", name="Created").fill("2020-01-01")
    page.get_by_role("textbox", name="Created").press("Enter")
    page.locator(".facets").get_by_role("button", name="Published").click()
    page.locator(".facets").get_by_role("button", name="Published", pressed=True).wait_for()
    page.locator(".columns summary").click()
    page.get_by_role("checkbox", name="Client order number").check()
    page.get_by_role("columnheader", name="Client order number").wait_for()
    found = admin.read(portal_type="AnalysisRequest", review_state="published")["objects"]
    published = [item["id"] for item in found]
    expect(page.locator("table.rows tbody th")).to_have_text(published)
    page.locator(".call summary").click()
    program = page.locator(".call pre").nth(2).inner_text()
    token = succeeded(admin.json("tokens", {"action": "add", "read_only": True}))["token"]
    names: dict[str, Any] = {"token": token}
    exec(program, names)
    names["site"].close()
    assert [line.rpartition("/")[2] for line in capsys.readouterr().out.splitlines()] == published
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    names, *rows = download.value.path().read_text("utf-8-sig").splitlines()
    assert names.startswith("UID,version,path,title,")
    assert names.endswith("ClientOrderNumber")
    assert len(rows) == len(published)
    page.go_back()
    page.get_by_role("columnheader", name="Client order number").wait_for(state="detached")


def test_the_tree_is_opened_step_by_step(person: Log) -> None:
    page = person("labmanager1").open("/Plone/console/search")
    page.get_by_role("button", name="What is in Clients").click()
    page.get_by_role("button", name="Green Valley Orchards", exact=True).click()
    page.get_by_role("link", name="The page of /Plone/clients/client-1").wait_for()
    page.locator("table.rows a[href='/Plone/clients/client-1/contact-1']").wait_for()
    expect(page.locator(".tree [aria-current]")).to_have_text("Green Valley Orchards")


def test_a_saved_search_is_a_worklist_of_its_user(admin: Client, person: Log) -> None:
    made = requests_due(admin, 2)
    clerk = person("clerk1")
    # Of all that other tests have left there to be received, these might not be on the first page.
    own = asks("id", "any", *(request["ar_id"] for request in made))
    due = searched("bika_catalog", "AnalysisRequest", asks("review_state", "is", "sample_due"), own)
    page = clerk.open(due)
    page.get_by_label("Save this search as").fill("Due")
    page.get_by_label("Save this search as").press("Enter")
    number = page.locator(".saved li b")
    expect(number).to_have_text(re.compile(r"\d+"))
    before = int(number.inner_text())
    page = clerk.open("/Plone/console/search")
    page.locator(".saved").get_by_role("link", name="Due").click()
    page.get_by_role("heading", name="Due", level=1).wait_for()
    page.wait_for_selector(f"table.rows a[href='{made[0]['path']}']")
    clerk.scan(made[0]["ar_id"])
    page.wait_for_selector(f"tr.on a[href='{made[0]['path']}']")
    page.get_by_role("button", name="Receive sample").click()
    page.wait_for_selector(".notice.good")
    assert state_of(admin, made[0]["path"]) == "sample_received"
    expect(number).to_have_text(str(before - 1))
    page = clerk.open("/Plone/console/worklists")
    own = page.locator(".lists").get_by_role("link", name="Due")
    expect(own.locator("b")).to_have_text(str(before - 1))
    own.click()
    page.get_by_role("heading", name="Due", level=1).wait_for()


def test_what_the_server_refuses_stands_beside_the_search(person: Log) -> None:
    clerk = person("clerk1")
    page = clerk.open(searched("portal_catalog", "Client", asks("created", "since", "some time")))
    expect(page.get_by_role("alert")).to_contain_text("some time")
    page = clerk.open("/Plone/console/search?q={")
    page.get_by_text("The link of this page holds no search of this site.").wait_for()


CROSSED = """() => [...document.querySelectorAll('.diagram svg')].flatMap((svg) => {
    const boxes = [...svg.querySelectorAll('.box rect')].map((rect) => rect.getBBox());
    return [...svg.querySelectorAll('path.arrow')].filter((path) => {
        const length = path.getTotalLength();
        const inside = (point) => boxes.some((box) => point.x > box.x + 1 && point.x < box.x + box.width - 1
            && point.y > box.y + 1 && point.y < box.y + box.height - 1);
        return Array.from({length: 400}, (_, place) => path.getPointAtLength(length * place / 399)).some(inside);
    }).map((path) => path.getAttribute('d'));
})"""


@pytest.mark.parametrize("path", ["/Plone/clients/client-3/AP-0001-R01", "/Plone/clients/client-3/AP-0001-R01/Ca"])
def test_no_arrow_of_a_diagram_goes_through_a_box(person: Log, path: str) -> None:
    page = person("labmanager1").open(f"{path}#workflow")
    page.locator(".box.current").first.wait_for()
    expect(page.locator(".box.current")).to_have_count(page.locator(".diagram").count())
    assert page.evaluate(CROSSED) == []


PAGES = (
    "/Plone",
    "/Plone/login_form",
    "/Plone/console/worklists/late",
    "/Plone/console/files",
    f"/Plone{CONTROL}#charts",
    f"/Plone{INSTRUMENT}#charts",
    "/Plone/clients/client-3/AP-0001-R01",
    "/Plone/clients/client-3/AP-0001-R01#edit",
    "/Plone/clients/client-3#contents",
    "/Plone/clients/client-3#new",
    "/Plone/clients/client-3#new/AnalysisRequest",
    "/Plone/clients/client-3/AP-0001-R01#workflow",
    "/Plone/clients/client-3/AP-0001-R01#history",
    SEARCHES["place"],
    SEARCHES["all words"],
)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_pages_are_accessible_in_both_themes_and_fit_a_phone(
    admin: Client, person: Log, theme: str, width: int
) -> None:
    controls_measured(admin, ["20.5"])
    manager = person("labmanager1", color_scheme=theme, viewport={"width": width, "height": 800})
    found = {}
    for path in PAGES:
        # Another hash alone would load nothing.
        manager.page.goto("about:blank")
        page = manager.open(path)
        if "late" in path:
            page.locator("table.rows tbody input").first.click()
            page.locator(".held summary").click()
            page.get_by_text("Week by week").click()
            expect(page.locator(".plot canvas")).to_be_visible()
        if "search" in path:
            page.locator(".call summary").click()
            page.locator(".columns summary").click()
            page.locator(".facets li, .facets .none").first.wait_for(state="attached")
        if "#" in path:
            page.locator(f".parts a[href='#{path.partition('#')[2].partition('/')[0]}'][aria-current]").wait_for()
            page.locator(
                ".plot canvas, .edit .field, .listing, .offered li, .box.current, .history li"
            ).first.wait_for()
        if "charts" in path:
            page.get_by_text("Values as a table").first.press("Enter")
            page.locator(".values th a").first.wait_for()
        over = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        found[path] = [*manager.violations(), *([f"{over} px too wide"] if over > 0 else [])]
    assert {path: list(faults) for path, faults in found.items() if faults} == {}


SIGNED = """workflows:
  bika_analysis_workflow:
    extend: true
    transitions:
      verify: {extend: true, signature: {meaning: Reviewed, not_the_author: true}}
"""


def test_a_step_that_is_signed_asks_for_the_password(serve: Serve, browser: Any, tmp_path: Path) -> None:
    (tmp_path / "workflows").mkdir()
    (tmp_path / "profile.yaml").write_text("title: Ours\nextends: [lims]\n")
    (tmp_path / "workflows" / "signed.yaml").write_text(SIGNED)
    verifier = Person(browser, serve("sqlite", OBJAPI_PROFILES=str(tmp_path)), "verifier1")
    page = verifier.open("/Plone/console/worklists/to_be_verified")
    page.locator("table.rows tbody input").first.click()
    page.get_by_role("button", name="Verify").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Reviewed")
    assert verifier.violations() == []
    for password, told in (("wrong", dialog.get_by_role("alert")), ("secret", page.get_by_text("Verify: 1 done."))):
        dialog.get_by_label("Password").fill(password)
        dialog.get_by_role("button", name="Sign").click()
        told.wait_for()
    assert verifier.complaints == []
    verifier.context.close()


def drawn_in(plot: Any, colour: str) -> float | None:
    """How far to the right a drawing has a colour, from 0 to 1; None: nowhere."""
    found: float | None = plot.locator("canvas").evaluate(
        """(canvas, colour) => {
            const [context, probe] = [canvas.getContext("2d"), document.body.appendChild(document.createElement("i"))];
            probe.style.color = `var(${colour})`;
            const wanted = getComputedStyle(probe).color;
            probe.remove();
            const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
            let most = null;
            for (let at = 0; at < data.length; at += 4)
                if (data[at + 3] === 255 && `rgb(${data[at]}, ${data[at + 1]}, ${data[at + 2]})` === wanted)
                    most = Math.max(most ?? 0, ((at / 4) % canvas.width) / canvas.width);
            return most;
        }""",
        colour,
    )
    return found


def test_controls_are_charted_against_what_is_expected(admin: Client, person: Log) -> None:
    controls_measured(admin, ["20.5", "25"])
    manager = person("labmanager1")
    page = manager.open(f"/Plone{CONTROL}#charts")
    chart = page.get_by_role("img", name="Copper")
    expect(chart).to_have_attribute("aria-label", re.compile("out of range"))
    # The newest are at the right end, in the colours of the theme, also when another is chosen.
    wait_until(lambda: (drawn_in(chart, "--bad") or 0) > 0.4, "the mark of what is out of range")
    page.get_by_text("Maya Lindqvist").click()
    page.get_by_role("button", name="Dark").click()
    wait_until(lambda: (drawn_in(chart, "--bad") or 0) > 0.4, "the mark in the dark")
    assert drawn_in(chart, "--line")
    page.get_by_role("button", name="As the system").click()
    page.keyboard.press("Escape")
    page.locator("summary", has_text="Values as a table").first.press("Enter")
    row = page.locator(".values tr", has_text="25").first
    expect(row).to_contain_text("(out of range)")
    expect(row).to_contain_text("18 – 22")
    manager.page.goto("about:blank")
    expect(manager.open(f"/Plone{INSTRUMENT}#charts").get_by_role("img", name="Copper")).to_be_visible()
    assert manager.complaints == []


def test_pages_speak_german(person: Log) -> None:
    page = person("clerk1", locale="de-CH").open("/Plone/console/worklists/late")
    expect(page.locator("h1")).to_contain_text("Überfällig")
    expect(page.get_by_role("columnheader", name="Zustand")).to_be_visible()
    page.locator("table.rows tbody input").first.click()
    expect(page.locator(".steps button", has_text="Stornieren").or_(page.locator(".held"))).not_to_have_count(0)
    expect(page.get_by_placeholder("Nummer scannen oder eingeben")).to_be_visible()


def test_the_program_of_the_page_runs_on_another_site(
    admin: Client, browser: Any, root: str, other_origin: str
) -> None:
    token = succeeded(admin.json("tokens", {"action": "add", "read_only": True}))["token"]
    (block,) = blocks(DOCS / "console.md", "js")
    page = browser.new_page()
    page.goto(other_origin)
    shown = page.evaluate(f"async (token) => {{ {block.text.replace('http://127.0.0.1:8080', root)} }}", token)
    page.close()
    assert (len(shown), shown[-1]) == (
        admin.read(portal_type="Client", page_size="1")["total_objects"] + 1,
        "InsufficientScope",
    )


def test_a_page_of_another_site_uses_the_client_with_a_token(
    admin: Client, browser: Any, root: str, other_origin: str
) -> None:
    token = succeeded(admin.json("tokens", {"action": "add", "read_only": True}))["token"]
    page = browser.new_page()
    page.goto(other_origin)
    script = """async ([root, token]) => {
        const { Api } = await import(`${root}/static/objapi.js`);
        const api = new Api(`${root}/Plone`, { token });
        const titles = [];
        for await (const client of api.iterate({ portal_type: "Client", page_size: 2 })) titles.push(client.title);
        const refused = await api.call("update", { obj_path: "/clients/client-1", Phone: "1" }).catch((error) => error);
        return [titles.length, refused.name, refused.type, refused.status];
    }"""
    count, *refusal = page.evaluate(script, [root, token])
    page.close()
    assert count == admin.read(portal_type="Client", page_size="1")["total_objects"]
    assert refusal == ["ApiFailure", "InsufficientScope", 403]
