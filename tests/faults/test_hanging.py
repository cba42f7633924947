"""A database that holds its connections and answers nothing: every face says so, and all works again afterwards."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
import requests
from sqlalchemy.engine import URL, make_url

from tests.acceptance.conftest import SETTINGS
from tests.acceptance.server import Servers, served_laboratory
from tests.cutting_proxy import cutting_proxy
from tests.databases import fresh_mariadb_database
from tests.faults.callers import SETTINGS as FACES
from tests.faults.callers import callers

SOON = {"OBJAPI_QUERY_TIME_LIMIT": "1s", "OBJAPI_LOCK_TIMEOUT": "1s"}


@pytest.mark.extended
def test_every_face_gives_a_database_up_that_hangs(mariadb: Callable[[], URL], tmp_path: Path) -> None:
    with ExitStack() as stack:
        url = make_url(stack.enter_context(fresh_mariadb_database(mariadb())))
        proxy = stack.enter_context(cutting_proxy(url))
        through = url.set(port=proxy.port).render_as_string(hide_password=False)
        (tmp_path / "var").mkdir()
        servers = stack.enter_context(closing(Servers()))
        settings = SETTINGS | FACES | SOON | {"OBJAPI_DATABASE_URL": through}
        who = stack.enter_context(callers(stack.enter_context(served_laboratory(servers, tmp_path, settings))))
        proxy.hangs = True
        with ThreadPoolExecutor() as pool:
            calls = {
                **{f"{name} reads": pool.submit(caller.read) for name, caller in who.by_name.items()},
                **{f"{name} writes": pool.submit(caller.write) for name, caller in who.by_name.items()},
                **{f"{name} logs in": pool.submit(log_in) for name, log_in in who.log_ins.items()},
            }
            ready = who.ready()
            answers: dict[str, requests.Response] = {name: call.result() for name, call in calls.items()}
        assert (ready[0], "does not answer" in ready[1]) == (503, True)
        assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(answers, 503)
        proxy.hangs = False
        well = dict.fromkeys(who.by_name, 200)
        assert who.read() == well
        assert {name: answer.status_code for name, answer in who.write().items()} == well
        assert who.ready() == (200, '{"status":"ok"}')
