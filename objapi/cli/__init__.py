"""The `objapi` command: make a site, serve it, look after its users, contents, catalogs and workflows."""

from collections.abc import Iterator, MutableMapping
from importlib import import_module
from typing import Final

import click

from objapi import __version__
from objapi.cli.failures import DEBUG, Commands

HELP: Final = """A gateway through which laboratories talk JSON to everything they keep.

\b
To try it:             objapi serve --demo
A site of your own:    objapi init; objapi user add NAME --role Manager; objapi serve

Every setting is an environment variable; `objapi settings` lists them with their meaning.
"""

_PLACES: Final = {
    "serve": "serving",
    "init": "site",
    "user": "users",
    "token": "tokens",
    "content": "site",
    "bulk": "bulk",
    "upgrade": "site",
    "reindex": "site",
    "export": "snapshots",
    "import": "snapshots",
    "pull": "pull",
    "check": "check",
    "audit": "audit",
    "webhook": "webhooks",
    "workflows": "workflows",
    "permissions": "permissions",
    "adopt": "adopt",
    "lims": "lims",
    "mxlive": "mxlive",
    "ispyb": "ispyb",
    "settings": "site",
}
"""Command → its module here."""
_NAMES: Final = {
    "export": "export_command",
    "import": "import_command",
    "pull": "pull_command",
    "settings": "show_settings",
}
"""The names there of commands that Python or the module uses for something else."""


class _Modules(MutableMapping[str, click.Command]):
    """The commands by name, each imported when it is asked for: a server needs what one of them does."""

    def __init__(self) -> None:
        self._commands: dict[str, click.Command] = {}

    def __getitem__(self, name: str) -> click.Command:
        if name not in self._commands:
            self._commands[name] = getattr(import_module(f"{__name__}.{_PLACES[name]}"), _NAMES.get(name, name))
        return self._commands[name]

    def __setitem__(self, name: str, command: click.Command) -> None:
        self._commands[name] = command

    def __delitem__(self, name: str) -> None:
        del self._commands[name]

    def __iter__(self) -> Iterator[str]:
        return iter(_PLACES)

    def __len__(self) -> int:
        return len(_PLACES)


@click.group(
    cls=Commands,
    commands=_Modules(),
    help=HELP,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="objapi")
@click.option(DEBUG, is_flag=True, help="Show the traceback of a failure, too; may stand behind the command.")
def main(debug: bool) -> None:
    """The command; everything is in its sub-commands."""
