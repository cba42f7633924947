"""A pull from its first question to its last object: fetch, plan, load, report."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import BinaryIO, Final

import orjson

from objapi import upkeep
from objapi.model import kinds
from objapi.model.dialects import Dialect
from objapi.model.registry import Registry
from objapi.pull.companions import add_companions
from objapi.pull.loading import NOT_MADE, Loader
from objapi.pull.pull_plan import PullPlan, load_context, plan_pull
from objapi.pull.pulled_users import add_users, persons_of, read_users
from objapi.pull.remote import PageFailed, Remote
from objapi.pull.sources import SENAITE, SenaiteSource, Show, Source, open_source
from objapi.pull.spool import PullMisfit, Spool
from objapi.site import Site

FOLDER: Final = "pull"
"""Folder of the site's data in which the files of pulls are."""
LONGEST_FILE: Final = 100 * 1024 * 1024
FETCHED: Final = "fetched"
_EXAMPLES: Final = 200


@dataclass(frozen=True, slots=True)
class PullOptions:
    """What is pulled."""

    kind: str | None = None
    """The interface; None: whichever answers."""
    users: bool = True
    files: bool = True
    fresh: bool = False
    """Begin anew in place of going on."""


@dataclass(frozen=True, slots=True)
class PullReport:
    """What a pull made, or would make."""

    counts: Counter[str]
    """Type → number of objects."""
    not_made: int
    files: int
    file_bytes: int
    users: int
    groups: tuple[tuple[int, PullMisfit], ...]
    """What did not fit: how often, and the first of each kind."""

    def lines(self) -> Iterator[str]:
        """The report as text."""
        for name in sorted(self.counts):
            yield f"{self.counts[name]:8}  {name}"
        yield f"{self.counts.total():8}  objects in all"
        yield f"{self.users:8}  users who are not here yet"
        yield f"{self.files:8}  files, {self.file_bytes} bytes"
        if self.groups:
            yield "What does not fit:"
        for number, first in self.groups[:_EXAMPLES]:
            field = f" {first.field}" if first.field else ""
            place = f", first {first.path}" if first.path else ""
            yield f"{number:8}  {first.portal_type}{field}: {first.reason}{place}"
        if len(self.groups) > _EXAMPLES:
            yield f"… and {len(self.groups) - _EXAMPLES} other kinds; --report FILE tells all."


@contextmanager
def opened_spool(site: Site, remote: Remote, options: PullOptions) -> Iterator[Spool]:
    """The file of the pulls from a laboratory, kept after whatever happens."""
    digest = hashlib.sha256(f"{remote.base} {remote.login} {options.kind}".encode()).hexdigest()[:24]
    spool = Spool(site.settings.data_dir / FOLDER / f"{digest}.sqlite", remote.base)
    try:
        if options.fresh:
            spool.empty()
        yield spool
    finally:
        spool.close()


def pull(
    site: Site,
    remote: Remote,
    spool: Spool,
    options: PullOptions,
    progress: upkeep.Progress,
    *,
    dry_run: bool = False,
) -> PullReport:
    """Fill the site from a laboratory; with `dry_run` tell what that would do.

    What was fetched before is not asked for again, and what was made before is gone on from. Raises RemoteError,
    and ApiError when the site's own database fails.
    """
    dialect = site.registry.dialects.get(SENAITE)
    source = open_source(remote, options.kind, dialect, site.registry.roles.roles)
    names = dialect if isinstance(source, SenaiteSource) else None
    _fetch(source, spool, options, site.registry, names, progress)
    plan = plan_pull(site, spool, names)
    if dry_run:
        _check_references(site, spool, plan, names)
    else:
        if options.files:
            _fetch_files(site, remote, spool, names, plan, progress)
        name = f"pull {hashlib.sha256(remote.base.encode()).hexdigest()[:40]}"
        Loader(site, spool, plan, names, name).load(progress)
    logins = _logins(site, spool, names, plan)
    users = read_users(site, spool, persons_of(site, plan, logins)) if options.users else []
    if users and not dry_run:
        add_users(site, users)
    return _report(spool, plan, len(users), options)


def _fetch(
    source: Source,
    spool: Spool,
    options: PullOptions,
    registry: Registry,
    names: Dialect | None,
    progress: upkeep.Progress,
) -> None:
    if spool.noted(FETCHED) is None:
        with _shown(progress) as show:
            source.fetch(spool, show)
        add_companions(spool, registry, names)
        spool.note(FETCHED, "yes")
    if options.users and spool.noted("users") is None:
        source.fetch_users(spool)
        spool.note("users", "yes")


@contextmanager
def _shown(progress: upkeep.Progress) -> Iterator[Show]:
    """Progress of work whose amount is told by its first answer."""
    opened: list[AbstractContextManager[Callable[[int], None]]] = []
    advance: list[Callable[[int], None]] = []
    shown = 0

    def show(done: int, total: int) -> None:
        nonlocal shown
        if not opened:
            opened.append(progress("Fetching objects", total))
            advance.append(opened[0].__enter__())
        advance[0](max(done - shown, 0))
        shown = max(done, shown)

    try:
        yield show
    finally:
        if opened:
            opened[0].__exit__(None, None, None)


def _fetch_files(
    site: Site, remote: Remote, spool: Spool, dialect: Dialect | None, plan: PullPlan, progress: upkeep.Progress
) -> None:
    """Fetch the files of objects that are made; one that cannot be fetched is told and left out."""
    numbers = set(plan.numbers.values())
    with progress("Fetching files", plan.files) as advance, kinds.reading_with(load_context(site)):
        for number, item in spool.documents():
            found = plan.reader.read(item) if number in numbers else None
            for name, file in (found.files if found is not None else {}).items():
                if found is not None and not spool.has_file(found.uid, name):
                    try:
                        spool.add_file(found.uid, name, remote.content(file.url, LONGEST_FILE), None)
                    except PageFailed as failure:
                        reason = f"the file {file.filename!r} is not fetched: {failure}"
                        spool.add_file(found.uid, name, None, reason)
                        spool.add_misfits("fetch", [PullMisfit(found.path, found.portal_type, reason, name, found.uid)])
                advance(1)
            plan.reader.misfits.clear()


def _check_references(site: Site, spool: Spool, plan: PullPlan, dialect: Dialect | None) -> None:
    """Tell the references that do not fit, as making the objects would."""
    Loader(site, spool, plan, dialect, "").check()


def _logins(site: Site, spool: Spool, dialect: Dialect | None, plan: PullPlan) -> dict[str, str]:
    """Path → log-in of the pulled persons."""
    fields = {name: item.login.field for name, item in site.registry.types.items() if item.login is not None}
    numbers = {number: path for path, number in plan.numbers.items() if plan.types[path] in fields}
    found = {}
    with kinds.reading_with(load_context(site)):
        for number, path in numbers.items():
            item = plan.reader.read(spool.document(number))
            login = None if item is None else item.values.get(fields[item.portal_type])
            if isinstance(login, str) and login:
                found[path] = login
    plan.reader.misfits.clear()
    return found


def _report(spool: Spool, plan: PullPlan, users: int, options: PullOptions) -> PullReport:
    groups: dict[tuple[str, str, str], tuple[int, PullMisfit]] = {}
    counts, not_made = Counter(plan.counts), 0
    for item in spool.misfits():
        if item.reason.startswith(NOT_MADE):
            counts[item.portal_type] -= 1
            not_made += 1
        key = (item.portal_type, item.field, item.reason)
        number, first = groups.get(key, (0, item))
        groups[key] = (number + 1, first)
    ordered = sorted(groups.values(), key=lambda group: -group[0])
    files, size = (plan.files, plan.file_bytes) if options.files else (0, 0)
    return PullReport(+counts, not_made, files, size, users, tuple(ordered))


def write_report(spool: Spool, output: BinaryIO) -> None:
    """Write what did not fit, one a line, as JSON."""
    output.writelines(_lines(spool.misfits()))


def _lines(misfits: Iterable[PullMisfit]) -> Iterator[bytes]:
    for item in misfits:
        yield orjson.dumps(item.as_dict()) + b"\n"
