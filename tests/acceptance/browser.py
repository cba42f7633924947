"""A real browser for the tests of the console: Chromium without a window, by Playwright."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.client import PASSWORD
from tests.waiting import ENOUGH

AXE = Path(__file__).resolve().parents[2] / "objapi" / "web" / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
REQUIRED = "OBJAPI_TEST_REQUIRE_BROWSER"
_NAMES = ("chromium", "chromium-browser", "google-chrome")


def leave_out(reason: str) -> None:
    """Skip the test, unless tests in a browser are demanded."""
    if os.environ.get(REQUIRED):
        pytest.fail(f"{reason}, and {REQUIRED} asks for it")
    pytest.skip(f"NOT TRIED IN A BROWSER: {reason}")


@contextmanager
def chromium() -> Iterator[Any]:
    """The browser; without it the test is left out, and says so."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        leave_out("Playwright is not installed (the extra `browser`)")
    program = next((path for name in _NAMES if (path := shutil.which(name))), None)
    if program is None:
        leave_out("Chromium is not installed (apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


def expect(shown: Any) -> Any:
    """Playwright's assertions about a page. They wait, since a page shows what follows an act a while later."""
    from playwright.sync_api import expect as waiting

    waiting.set_options(timeout=ENOUGH * 1000)
    return waiting(shown)


class Person:
    """Somebody who is logged in with a browser. What the page complains of is in `complaints`."""

    def __init__(self, browser: Any, root: str, user: str, **options: Any) -> None:
        self.root = root
        self.context = browser.new_context(base_url=root, **{"locale": "en", **options})
        self.context.set_default_timeout(ENOUGH * 1000)
        form = {"__ac_name": user, "__ac_password": PASSWORD, "form.submitted": "1"}
        answer = self.context.request.post("/Plone/login_form", form=form)
        assert "login_failed" not in answer.text()
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda line: line.type == "error" and self._note(line.text))

    def _note(self, text: str) -> None:
        # A refused call is told in the page, and by the browser too.
        if "the server responded with a status of" not in text:
            self.complaints.append(text)

    def open(self, path: str) -> Any:
        """The page at a path, once it is shown."""
        self.page.goto(path)
        self.page.wait_for_selector("main")
        return self.page

    def scan(self, code: str) -> None:
        """Type as a scanner does: wherever the focus is, with a line end."""
        self.page.keyboard.type(code)
        self.page.keyboard.press("Enter")

    def violations(self) -> list[str]:
        """What axe-core finds on the page by the rules of WCAG 2.2 AA and the good habits beside them."""
        if not AXE.is_file():
            leave_out("axe-core is not installed (npm ci in objapi/web/frontend)")
        self.page.evaluate(AXE.read_text("utf-8"))
        found = self.page.evaluate("async () => (await axe.run(document)).violations")
        return [f"{item['id']}: {[node['html'][:120] for node in item['nodes'][:3]]}" for item in found]
