"""Connections whose answer broke off are cut, and where that is impossible the log says so once."""

import errno
import logging
import os
import socket
from pathlib import Path

import pytest

from objapi.http import asgi


@pytest.fixture(autouse=True)
def nothing_told_yet() -> None:
    asgi._tell_uncut.cache_clear()


def no_descriptor(*args: object) -> int:
    raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))


@pytest.mark.parametrize("place", ["list of files", "copy"])
def test_a_connection_that_cannot_be_cut_is_logged_once(
    place: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client, listener.accept()[0]:
            scope = {"client": client.getsockname(), "server": ("127.0.0.1", port)}
            if place == "copy":
                monkeypatch.setattr(asgi.os, "dup", no_descriptor)
            else:
                monkeypatch.setattr(Path, "iterdir", no_descriptor)
            with caplog.at_level(logging.ERROR, "objapi.requests"):
                for _ in range(3):
                    asgi._cut_connection(scope)
            monkeypatch.undo()
            (line,) = [record.getMessage() for record in caplog.records]
            assert os.strerror(errno.EMFILE) in line
            assert "number of open files" in line
            asgi._cut_connection(scope)
            assert client.recv(1) == b""
