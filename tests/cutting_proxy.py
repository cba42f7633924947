"""A proxy before a MariaDB server that cuts connections, or refuses statements, when a test tells it to."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final, Literal

from sqlalchemy.engine import URL

Cut = Literal["before", "after", "late"]
"""When the connection of a commit is lost: before the server has it, after it has answered, or the server gets it only
once another connection looks what became of it."""

_COMMIT: Final = b"\x03COMMIT"
_LOOK: Final = b"FOR UPDATE"
_MESSAGE: Final = b"#08S01WSREP has not yet prepared node for application use"
_REFUSAL: Final = b"\xff" + (1047).to_bytes(2, "little") + _MESSAGE
_PIECE: Final = 65_536


@dataclass
class CuttingProxy:
    """The proxy; `cuts` are what happens to the next commits, one each."""

    server: tuple[str, int]
    cuts: list[Cut] = field(default_factory=list)
    refuses: bool = False
    """True: statements are answered as by a node that is no part of its cluster."""
    hangs: bool = False
    """True: nothing that the server is asked reaches it, and nobody is told."""
    connections: int = 0
    """Connections that were made so far."""
    _held: list[tuple[socket.socket, bytes]] = field(default_factory=list)
    _sockets: list[socket.socket] = field(default_factory=list)
    _listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def run(self) -> None:
        with suppress(OSError):  # closed: the test is over
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                server = socket.create_connection(self.server)
                self._sockets += [client, server]
                cut = threading.Event()
                for work in (self._to_server, self._to_client):
                    threading.Thread(target=work, args=(client, server, cut), daemon=True).start()

    def close(self) -> None:
        _end(self._listener, *self._sockets)

    def _to_server(self, client: socket.socket, server: socket.socket, cut: threading.Event) -> None:
        with suppress(OSError):
            while data := client.recv(_PIECE):
                if data[4:] == _COMMIT and self.cuts:
                    match self.cuts.pop(0):
                        case "before":
                            _end(client, server)
                        case "after":
                            cut.set()
                            server.sendall(data)
                        case "late":
                            self._held.append((server, data))
                            _end(client)
                    return
                if self.refuses and data[4:5] == b"\x03":
                    client.sendall(len(_REFUSAL).to_bytes(3, "little") + b"\x01" + _REFUSAL)
                    continue
                if self.hangs:
                    continue
                server.sendall(data)
                if _LOOK in data and self._held:
                    held, commit = self._held.pop()
                    held.sendall(commit)
            if (server, data) not in self._held:
                _end(server)

    def _to_client(self, client: socket.socket, server: socket.socket, cut: threading.Event) -> None:
        with suppress(OSError):
            while data := server.recv(_PIECE):
                if cut.is_set():
                    break
                client.sendall(data)
        _end(client, server)


def _end(*sockets: socket.socket) -> None:
    for each in sockets:
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
        each.close()


@contextmanager
def cutting_proxy(server: URL) -> Iterator[CuttingProxy]:
    """A proxy before the server of a URL."""
    proxy = CuttingProxy((server.host or "127.0.0.1", server.port or 3306))
    threading.Thread(target=proxy.run, daemon=True).start()
    try:
        yield proxy
    finally:
        proxy.close()
