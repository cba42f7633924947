"""A server with a tiny application, started as a process of its own by the tests of `objapi.serve`.

It takes its settings from the environment and writes `ready` when the port answers.
"""

import os
import sys
from collections.abc import Iterable
from functools import partial
from threading import Event
from wsgiref.types import StartResponse, WSGIEnvironment

from objapi.serve import ServeError, serve
from objapi.settings import Settings, load_settings


class Application:
    """Answers `<process id> <site id> <bytes of the body>`; `/slow` says so and stays, `/crash` ends the worker."""

    def __init__(self, settings: Settings) -> None:
        self.site_id = settings.site_id

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/slow":
            say("slow")
            Event().wait()
        if environ["PATH_INFO"] == "/crash":
            os._exit(3)
        body = environ["wsgi.input"].read() if environ["REQUEST_METHOD"] == "POST" else b""
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [f"{os.getpid()} {self.site_id} {len(body)}".encode()]


def create_app(settings: Settings) -> Application:
    if settings.site_id == "broken":
        raise RuntimeError("this application cannot be made")
    return Application(settings)


def say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def main() -> int:
    try:
        return serve(load_settings(os.environ), partial(say, "ready"), "tests.objapi.small_server:create_app")
    except ServeError as error:
        sys.stderr.write(f"{error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
