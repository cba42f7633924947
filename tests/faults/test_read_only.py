"""A database that can only be read: reads go on for who is logged in, what writes is refused, and it works again."""

import gc
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy.engine import URL, make_url

from objapi.app import create_app
from objapi.security.passwords import Passwords
from objapi.site import Site
from tests.acceptance.conftest import SETTINGS
from tests.acceptance.server import Servers, served_laboratory
from tests.databases import administer, fresh_mariadb_database, fresh_sqlite_database
from tests.faults.callers import SETTINGS as FACES
from tests.faults.callers import callers
from tests.objapi.store.workshop import USERS, Gateway, open_site
from tests.waiting import wait_until

ONLY_READ = "The database can only be read at present; nothing was stored."
NO_LOG_IN = "Nobody can log in by a password meanwhile"
PASSWORD = "correct horse"
REAL = {"Prefer": "http-status"}
HOLDS_OPEN = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("SELECT COUNT(*) FROM entities").fetchall()
print("open", flush=True)
sys.stdin.read()
"""


@pytest.mark.extended
def test_a_server_that_takes_no_writes_is_read_by_every_face(mariadb: Callable[[], URL], tmp_path: Path) -> None:
    server = mariadb()
    with ExitStack() as stack:
        url = make_url(stack.enter_context(fresh_mariadb_database(server)))
        # Whoever administers the server may always write.
        administer(server, "CREATE OR REPLACE USER 'lab'@'127.0.0.1' IDENTIFIED BY 'lab'")
        stack.callback(administer, server, "DROP USER 'lab'@'127.0.0.1'")
        administer(server, f"GRANT ALL ON `{url.database}`.* TO 'lab'@'127.0.0.1'")
        own = url.set(username="lab", password="lab").render_as_string(hide_password=False)
        (tmp_path / "var").mkdir()
        servers = stack.enter_context(closing(Servers()))
        settings = SETTINGS | FACES | {"OBJAPI_DATABASE_URL": own}
        who = stack.enter_context(callers(stack.enter_context(served_laboratory(servers, tmp_path, settings))))
        well = dict.fromkeys(who.by_name, 200)
        stack.callback(administer, server, "SET GLOBAL read_only = 0")
        administer(server, "SET GLOBAL read_only = 1")
        assert who.read() == well
        for name, answer in who.write().items():
            assert (answer.status_code, ONLY_READ in answer.text) == (503, True), (name, answer.text)
        for name in ("password", "form"):
            answer = who.log_ins[name]()
            assert (answer.status_code, NO_LOG_IN in answer.text) == (503, True), (name, answer.text)
        status, told = who.ready()
        assert (status, '"status":"read only"' in told) == (200, True)
        administer(server, "SET GLOBAL read_only = 0")
        assert {name: answer.status_code for name, answer in who.write().items()} == well
        assert who.ready() == (200, '{"status":"ok"}')


def test_an_sqlite_file_that_takes_no_writes_is_read(tmp_path: Path) -> None:
    with ExitStack() as stack:
        seen, folder = stack.enter_context(second_mount(tmp_path / "seen", tmp_path / "data")), tmp_path / "data"
        other = stack.enter_context(closing(open_site(fresh_sqlite_database(folder), tmp_path)))
        gateway = Gateway.on(other)
        gateway.add_users(USERS, Passwords().hash(PASSWORD))
        settings = replace(other.settings, database_url=fresh_sqlite_database(seen))
        site = stack.enter_context(closing(Site.open(settings, registry=other.registry)))
        client, stranger = create_app(site=site).test_client(), create_app(site=site).test_client()
        form = {"__ac_name": "boss", "__ac_password": PASSWORD, "form.submitted": "1"}
        create = {"obj_path": "/", "obj_type": "Person", "title": "Written"}
        assert client.post("/Plone/login_form", data=form).status_code == 200
        # In WAL mode SQLite reads a file that it cannot write as long as somebody else has it open.
        stack.enter_context(open_elsewhere(folder))
        other.close()
        site.close()
        remount(seen, "ro")
        # The trail, too, though who reads it would number what is in it.
        for read in ("read?portal_type=Team", "changes?since=0", "history?obj_path=/"):
            assert client.get(f"/Plone/@@API/{read}", headers=REAL).status_code == 200
        written = client.post("/Plone/@@API/create", data=create, headers=REAL)
        assert (written.status_code, ONLY_READ in written.text) == (503, True), written.text
        for answer in (
            stranger.post("/Plone/login_form", data=form),
            stranger.get("/Plone/@@API/read", auth=("boss", PASSWORD), headers=REAL),
        ):
            assert (answer.status_code, NO_LOG_IN in answer.text) == (503, True), answer.text
        ready = client.get("/readyz")
        assert (ready.status_code, ready.get_json()["status"]) == (200, "read only")
        site.close()
        remount(seen, "rw")
        assert client.post("/Plone/@@API/create", data=create, headers=REAL).status_code == 200
        assert client.get("/readyz").get_json() == {"status": "ok"}


@contextmanager
def open_elsewhere(folder: Path) -> Iterator[None]:
    """Have another process hold the database open: SQLite closes no file while its own process has locks on it."""
    command = [sys.executable, "-c", HOLDS_OPEN, fresh_sqlite_database(folder).removeprefix("sqlite:///")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        yield


@contextmanager
def second_mount(at: Path, folder: Path) -> Iterator[Path]:
    """A folder under a second path, which can be made read-only by itself. Skips the test where none can be made."""
    at.mkdir()
    folder.mkdir()
    mount = ["mount", "--bind", os.fspath(folder), os.fspath(at)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        pytest.skip("A read-only file not tested: only root can mount a folder so, and not in every container.")
    try:
        yield at
    finally:
        subprocess.run(["umount", "--lazy", os.fspath(at)], check=True)


def remount(at: Path, mode: str) -> None:
    """Mount it otherwise, once nothing has a file of it open for writing: a connection may wait to be collected."""
    command = ["mount", "-o", f"remount,bind,{mode}", os.fspath(at)]

    def done() -> bool:
        gc.collect()
        return subprocess.run(command, check=False, capture_output=True).returncode == 0

    wait_until(done, f"the mount {mode}")
