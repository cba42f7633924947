"""`objapi audit`: verify the trail of all changes, sign its head, export it."""

import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final

import click
import orjson
from sqlalchemy import Connection

from objapi.cli.common import data_option, opened_site
from objapi.cli.failures import Refused
from objapi.progress import Advance, progress
from objapi.security.audit_key import (
    SignedHead,
    key_file,
    load_key,
    load_public_key,
    public_pem,
    read_heads,
    sign_head,
)
from objapi.site import Site
from objapi.store.trail.exporting import count_linked, export_lines
from objapi.store.trail.numbering import count_unnumbered
from objapi.store.trail.verifying import Verification, verify_trail

_EXAMPLES: Final = """
\b
objapi audit head >> /mnt/elsewhere/heads.ndjson       daily, to a place that the server cannot change
objapi audit verify --head /mnt/elsewhere/heads.ndjson
objapi audit export > trail.ndjson
"""


@click.group(epilog=_EXAMPLES)
def audit() -> None:
    """Verify the trail of all changes, sign its head, export it."""


@audit.command("verify")
@click.option(
    "--head",
    "head_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Heads that `objapi audit head` wrote, one a line, to compare with.",
)
@click.option(
    "--public-key",
    "public_key_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Public key (PEM) that signed the heads, in place of that of this site.",
)
@data_option
def verify(head_file: Path | None, public_key_file: Path | None, data_dir: Path | None) -> None:
    """Compute every digest and link anew, and tell each request that was changed, taken away, put in or exchanged.

    Exit status 1 when there is one. Nothing is written. Requests that are not linked yet are counted at the end.
    """
    with opened_site(data_dir) as site:
        expected = {} if head_file is None else _expected(site, head_file, public_key_file)
        total = site.transact(count_linked, write=False) + site.transact(count_unnumbered, write=False)
        with progress("Verifying", total) as advance:
            result = site.transact(partial(_verify, site, expected, advance), write=False)
    for problem in result.problems:
        click.echo(problem)
    if result.untold:
        click.echo(f"And {result.untold} more.")
    tail = f" {result.unlinked} at the end are not linked yet." if result.unlinked else ""
    if result.problems:
        raise Refused(
            f"The trail of {result.linked} linked requests is not as it was written.{tail} Compare it with a backup "
            "or an export."
        )
    heads = f" {len(expected)} exported head{' fits' if len(expected) == 1 else 's fit'}." if expected else ""
    click.echo(f"{result.linked} linked requests are as they were written.{heads}{tail}", err=True)


def _verify(site: Site, expected: Mapping[int, str], advance: Advance, connection: Connection) -> Verification:
    return verify_trail(connection, site.settings.site_id, expected, advance)


def _expected(site: Site, head_file: Path, public_key_file: Path | None) -> dict[int, str]:
    """Number → link of the heads in a file. Raises Refused for one of another site, or not signed by the key."""
    key = (
        load_key(key_file(site.settings)).public_key() if public_key_file is None else load_public_key(public_key_file)
    )
    heads = read_heads(head_file)
    wrong = [
        f"The head of number {item.head.seq} of {item.time} is {problem}."
        for item in heads
        for problem in ([f"of the site {item.site!r}"] if item.site != site.settings.site_id else [])
        + ([] if item.is_signed_by(key) else ["not signed by this key"])
    ]
    if wrong:
        raise Refused("\n".join((*wrong[:10], "Nothing was verified; name the file and the key of this site.")))
    return {item.head.seq: item.head.link for item in heads if item.head.seq}


@audit.command("head")
@click.option("--public-key", "only_key", is_flag=True, help="Print the public key (PEM) instead.")
@data_option
def head(only_key: bool, data_dir: Path | None) -> None:
    """Link all requests, and print the head signed, as one line of JSON, to be kept where the server cannot change it.

    The key is made when there is none.
    """
    with opened_site(data_dir) as site:
        key = load_key(key_file(site.settings), make=True)
        if only_key:
            click.echo(public_pem(key), nl=False)
            return
        _print_line(signed_head(site))


def signed_head(site: Site) -> SignedHead:
    """The head of a site, all requests linked, signed with its key, which is made when there is none."""
    return sign_head(
        load_key(key_file(site.settings), make=True), site.settings.site_id, site.number_requests(), site.now()
    )


@audit.command("export")
@click.option("--after", type=click.IntRange(min=0), default=0, help="Number of the request after which to begin.")
@data_option
def export(after: int, data_dir: Path | None) -> None:
    """Print every linked request with its entries, as one line of JSON each, and at the end the signed head."""
    with opened_site(data_dir) as site:
        last = signed_head(site)
        total = site.transact(partial(count_linked, after=after), write=False)
        with progress("Exporting", total) as advance:
            site.transact(partial(_export, sys.stdout.buffer, after, last.head.seq, advance), write=False)
        _print_line(last)


def _export(stream: BinaryIO, after: int, to: int, advance: Advance, connection: Connection) -> None:
    for line in export_lines(connection, after, to):
        stream.write(line)
        advance(1)
    stream.flush()


def _print_line(item: SignedHead) -> None:
    click.echo(orjson.dumps(item.document()))
