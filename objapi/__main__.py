"""The `objapi` command, also as `python -m objapi`."""

import gc
from typing import Final

STARTING: Final = (20_000, 50, 100)
"""New objects before a collection of the youngest, and numbers of collections before one of older objects.

Nearly all that a command makes while it starts stays: its modules and declarations. Going through them again and again
took a fourth of the time that a server needs to start.
"""


def main() -> None:
    """Run the command, with few garbage collections from its first import on."""
    gc.set_threshold(*STARTING)
    from objapi.cli import main as command  # noqa: PLC0415 - after the line above

    command()


if __name__ == "__main__":
    main()
