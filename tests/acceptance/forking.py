"""A process that forks servers: what the gateway imports and declares is loaded once for all of them.

It reads an order a line and answers each with a line, in JSON. All servers end with it, and it ends with its input.
"""

import json
import os
import signal
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

import objapi.cli.demo
import objapi.site_context
from objapi.cli import main
from objapi.cli.demo import DEMO
from objapi.model.loading.content import read_content
from objapi.settings import load_settings
from tests.shipped import load_once, share_declarations

PRELOADED = (("lims",), ("ispyb",), ("lims", "mxlive", "ispyb"))
"""Profiles of which most servers are, and those of the rows of any."""


def run() -> None:
    share_declarations(setattr)
    objapi.cli.demo.read_content = read_once = cache(read_content)
    zone = load_settings({}).timezone
    for profiles in PRELOADED:
        registry = load_once(profiles)
        objapi.site_context.Dependents(registry)
        objapi.site_context.FieldAccess(registry)
        for file in registry.content_files.get(DEMO, ()):
            read_once(Path(file), zone=zone)
    ended: dict[int, int] = {}
    running: set[int] = set()
    for line in sys.stdin:
        order = json.loads(line)
        if "start" in order:
            number = os.fork()
            if number == 0:
                _become(**order["start"])
            running.add(number)
            _answer(number)
        elif "kill" in order:
            if order["kill"] in running:
                os.kill(order["kill"], signal.SIGKILL)
                os.waitpid(order["kill"], 0)
                running.discard(order["kill"])
            _answer(None)
        else:
            _reap(running, ended)
            _answer(ended.get(order["status"]))
    for number in running:
        with suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)


def _reap(running: set[int], ended: dict[int, int]) -> None:
    for number in tuple(running):
        found, status = os.waitpid(number, os.WNOHANG)
        if found:
            ended[number] = os.waitstatus_to_exitcode(status)
            running.discard(number)


def _answer(value: object) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def _become(command: list[str], folder: str, log: str, environment: dict[str, Any]) -> NoReturn:
    """Be the command from here on, with output of its own; never returns to the loop that reads orders."""
    status = 1
    try:
        with Path(os.devnull).open("rb") as nothing, Path(log).open("ab") as output:
            os.dup2(nothing.fileno(), 0)
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)
        os.environ.clear()
        os.environ.update(environment)
        os.chdir(folder)
        main(command, prog_name="objapi")
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    run()
