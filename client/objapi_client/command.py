"""The command `objapi-client`: writes the types of a site as a Python module."""

import argparse
import sys
from collections.abc import Sequence
from getpass import getpass
from pathlib import Path

from objapi_client.errors import ClientError
from objapi_client.site import Site
from objapi_client.stubs import UnknownType, written
from objapi_client.wire import NO_RETRIES


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command. Ends the program with 1 when the site refuses or is not there."""
    asked = _parser().parse_args(arguments)
    try:
        text = _stubs(asked)
    except (ClientError, UnknownType, OSError) as error:
        sys.exit(f"objapi-client: {error}")
    if asked.output is None:
        sys.stdout.write(text)
    else:
        asked.output.write_text(text, encoding="utf-8")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="objapi-client", description="Tools for scripts on a site of objapi.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    stubs = commands.add_parser(
        "stubs",
        help="write the types of a site as a Python module",
        description="Writes a class for each type of a site, for editors and type checkers. They are passed to "
        "Site.query in place of names.",
    )
    stubs.add_argument("url", metavar="URL", help="the URL of the site, such as https://lab.example/Plone")
    caller = stubs.add_mutually_exclusive_group()
    caller.add_argument("--token-file", type=Path, metavar="FILE", help="a file that holds an API token")
    caller.add_argument("--user", metavar="NAME", help="a user; the password is asked for")
    stubs.add_argument("--type", action="append", default=[], metavar="NAME", help="this type alone; may be repeated")
    stubs.add_argument("--output", type=Path, metavar="FILE", help="the file to write; standard output without it")
    return parser


def _stubs(asked: argparse.Namespace) -> str:
    token = None if asked.token_file is None else asked.token_file.read_text(encoding="utf-8").strip()
    password = None if asked.user is None else getpass()
    with Site(asked.url, token=token, user=asked.user, password=password, retries=NO_RETRIES) as site:
        return written(site.description(), asked.url, asked.type)
