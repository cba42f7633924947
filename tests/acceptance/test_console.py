"""The console in a real browser: people of a laboratory at work, by scanner, by keyboard, on a phone, in the dark."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.browser import Person
from tests.acceptance.client import Client, succeeded
from tests.acceptance.conftest import Log, Serve
from tests.acceptance.making import make_batch, make_client, make_request, state_of
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
    assert page.locator(".steps").inner_text().startswith("20 selected")
    page.get_by_label("Comment").fill("cool box intact")
    page.get_by_role("button", name="Receive sample").click()
    page.wait_for_selector(".notice.good")
    assert "20 done" in page.locator(".notice").inner_text()
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
    told = page.locator(".held").inner_text()
    assert "Submit" in told
    assert "It needs:" in told


def test_rows_are_selected_by_range_and_numbers_follow_what_others_do(admin: Client, person: Log) -> None:
    made = requests_due(admin, 3)
    clerk = person("clerk1")
    page = clerk.open("/Plone/console/worklists/to_be_received")
    boxes = page.locator("table.rows tbody input")
    boxes.nth(0).click()
    boxes.nth(2).click(modifiers=["Shift"])
    assert page.locator("tr.on").count() == 3
    boxes.nth(2).press("ArrowUp")
    page.keyboard.press(" ")
    assert page.locator("tr.on").count() == 2
    number = page.locator(".lists a[aria-current] b")
    before = int(number.inner_text())
    admin.call("doActionFor_many", {"obj_paths": f'["{made[0]["path"]}"]', "action": "receive"})
    wait_until(lambda: number.inner_text() == str(before - 1), "the new number")
    assert page.locator(f"table.rows a[href='{made[0]['path']}']").count() == 0


def test_what_is_scanned_elsewhere_is_opened_or_chosen(admin: Client, person: Log) -> None:
    (request,) = requests_due(admin, 1)
    clerk = person("clerk1")
    page = clerk.open(BATCH)
    clerk.scan(request["ar_id"].lower())
    page.wait_for_url(f"**{request['path']}")
    clerk.open(BATCH)
    clerk.scan(request["sample_id"])
    page.locator(".candidates a").first.wait_for()
    assert page.locator(".candidates a").count() >= 2
    clerk.scan("no such number")
    page.get_by_text("Nothing here has the number no such number.").wait_for()


def test_two_editors_are_told_of_each_other_and_nothing_is_lost(admin: Client, person: Log) -> None:
    path = make_batch(admin)["path"]
    manager = person("labmanager1")
    page = manager.open(f"{path}#edit")
    page.get_by_label("Remarks").fill("mine")
    page.get_by_label("Client batch ID").fill("CB-7")
    # The other one saves first; this page must not have heard of it when it sends.
    page.route("**/@@API/changes", lambda route: route.fulfill(status=503, json={"success": False}))
    admin.call("update", {"obj_path": path, "Remarks": "theirs", "title": "Renamed meanwhile"})
    page.get_by_role("button", name="Save").click()
    assert manager.violations() == []
    page.get_by_role("button", name="Keep mine").click()
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Saved.").wait_for()
    stored = admin.at(path)
    assert (stored["Remarks"], stored["ClientBatchID"], stored["title"]) == ("mine", "CB-7", "Renamed meanwhile")
    page.get_by_role("link", name="History").click()
    assert "theirs" in page.locator(".history del").first.inner_text()


def test_messages_of_the_server_stand_beside_their_fields(admin: Client, person: Log) -> None:
    (request,) = requests_due(admin, 1)
    manager = person("labmanager1")
    page = manager.open(f"{request['path']}#edit")
    page.get_by_label("Member discount").fill("much")
    page.get_by_role("button", name="Save").click()
    page.locator("#field-MemberDiscount-fault").wait_for()
    field = page.get_by_label("Member discount")
    assert (field.get_attribute("aria-invalid"), field.evaluate("field => field === document.activeElement")) == (
        "true",
        True,
    )
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
    assert page.locator(".box.current").count() == page.locator(".diagram").count()
    assert page.evaluate(CROSSED) == []


PAGES = (
    "/Plone",
    "/Plone/login_form",
    "/Plone/console/worklists/late",
    "/Plone/clients/client-3/AP-0001-R01",
    "/Plone/clients/client-3/AP-0001-R01#edit",
    "/Plone/clients/client-3#contents",
    "/Plone/clients/client-3/AP-0001-R01#workflow",
    "/Plone/clients/client-3/AP-0001-R01#history",
)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_pages_are_accessible_in_both_themes_and_fit_a_phone(person: Log, theme: str, width: int) -> None:
    manager = person("labmanager1", color_scheme=theme, viewport={"width": width, "height": 800})
    found = {}
    for path in PAGES:
        # Another hash alone would load nothing.
        manager.page.goto("about:blank")
        page = manager.open(path)
        if "late" in path:
            page.locator("table.rows tbody input").first.click()
            page.locator(".held summary").click()
        if "#" in path:
            page.locator(f".parts a[href='#{path.partition('#')[2]}'][aria-current]").wait_for()
            page.locator(".edit .field, .listing, .box.current, .history li").first.wait_for()
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
    assert "Reviewed" in dialog.inner_text()
    assert verifier.violations() == []
    for password, told in (("wrong", dialog.get_by_role("alert")), ("secret", page.get_by_text("Verify: 1 done."))):
        dialog.get_by_label("Password").fill(password)
        dialog.get_by_role("button", name="Sign").click()
        told.wait_for()
    assert verifier.complaints == []
    verifier.context.close()


def test_pages_speak_german(person: Log) -> None:
    page = person("clerk1", locale="de-CH").open("/Plone/console/worklists/late")
    assert page.locator("h1").inner_text().startswith("Überfällig")
    assert page.get_by_placeholder("Nummer scannen oder eingeben").is_visible()


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
