"""The `objapi` command: make a site, serve it, look after its users, contents, catalogs and workflows."""

from typing import Final

import click

from objapi import __version__
from objapi.cli.adopt import adopt
from objapi.cli.audit import audit
from objapi.cli.bulk import bulk
from objapi.cli.check import check
from objapi.cli.failures import DEBUG, Commands
from objapi.cli.ispyb import ispyb
from objapi.cli.lims import lims
from objapi.cli.mxlive import mxlive
from objapi.cli.permissions import permissions
from objapi.cli.pull import pull_command
from objapi.cli.serving import serve
from objapi.cli.site import content, init, reindex, show_settings, upgrade
from objapi.cli.snapshots import export_command, import_command
from objapi.cli.tokens import token
from objapi.cli.users import user
from objapi.cli.webhooks import webhook
from objapi.cli.workflows import workflows

HELP: Final = """A gateway through which laboratories talk JSON to everything they keep.

\b
To try it:             objapi serve --demo
A site of your own:    objapi init; objapi user add NAME --role Manager; objapi serve

Every setting is an environment variable; `objapi settings` lists them with their meaning.
"""


@click.group(
    cls=Commands, help=HELP, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, prog_name="objapi")
@click.option(DEBUG, is_flag=True, help="Show the traceback of a failure, too; may stand behind the command.")
def main(debug: bool) -> None:
    """The command; everything is in its sub-commands."""


for command in (
    serve,
    init,
    user,
    token,
    content,
    bulk,
    upgrade,
    reindex,
    export_command,
    import_command,
    pull_command,
    check,
    audit,
    webhook,
    workflows,
    permissions,
    adopt,
    lims,
    mxlive,
    ispyb,
    show_settings,
):
    main.add_command(command)
