"""Ports for servers that tests start."""

import random
import socket
from typing import Final

# Below those that systems give to clients (Linux: 32768 and up), so that no connection takes one before it is used.
_CHANCE: Final = random.SystemRandom()  # independent of the seeds that property tests set
_PORTS: Final = range(20_000, 32_000)


def free_port() -> int:
    """A loopback port on which nobody listens, another one each time."""
    while True:
        port = _CHANCE.choice(_PORTS)
        with socket.socket() as probe:
            # A connection that has ended a moment ago does not matter: servers ask for the same.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
