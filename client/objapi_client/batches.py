"""Many changes as several requests, each done wholly or not at all, and once even when it is sent twice."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final, TypeVar

from objapi_client.errors import BatchStopped, ClientError
from objapi_client.names import named

BATCH_SIZE: Final = 500

T = TypeVar("T")
Change = tuple[str, Mapping[str, Any]] | Mapping[str, Any]
"""A path or UID with the new values of fields; or an entry as `update_many` takes it, which may have a `version`."""
Changes = Mapping[str, Mapping[str, Any]] | Iterable[Change]


@dataclass(slots=True)
class Written:
    """What batches have done: an answer for each entry, in order."""

    done: list[dict[str, Any]] = field(default_factory=list)
    failed: list[dict[str, Any]] = field(default_factory=list)
    """Entries that were left as they were; there are some with `partial` alone."""
    warnings: list[str] = field(default_factory=list)

    def add(self, answer: Mapping[str, Any], key: str) -> None:
        """Add the answer of one request, whose entries stand under `key`."""
        for entry in answer[key]:
            (self.done if entry.get("success", True) else self.failed).append(entry)
        self.warnings += answer.get("warnings", ())


def entries_of(changes: Changes) -> Iterator[dict[str, Any]]:
    """The entries of `update_many` that changes mean."""
    for change in changes.items() if isinstance(changes, Mapping) else changes:
        if isinstance(change, Mapping):
            yield dict(change)
        else:
            target, fields = change
            yield {**named(target), "fields": dict(fields)}


def in_batches(
    entries: Iterable[T],
    size: int,
    send: Callable[[list[T]], Mapping[str, Any]],
    key: str,
    advance: Callable[[int], None] | None,
) -> Written:
    """Send entries in batches; `advance` is told how many were done. Raises BatchStopped at the first that fails."""
    written, start = Written(), 0
    for batch in _cut(entries, size):
        try:
            answer = send(batch)
        except ClientError as error:
            raise BatchStopped(start, start + len(batch), written.done, error) from error
        written.add(answer, key)
        start += len(batch)
        if advance is not None:
            advance(len(batch))
    return written


def _cut(entries: Iterable[T], size: int) -> Iterator[list[T]]:
    if size < 1:
        raise ValueError("a batch holds at least one entry")
    rest = iter(entries)
    while batch := list(islice(rest, size)):
        yield batch


def names_of(targets: str | Iterable[str]) -> dict[str, Sequence[str]]:
    """Objects as the parameters that name several: paths and UIDs apart."""
    paths: list[str] = []
    uids: list[str] = []
    for target in [targets] if isinstance(targets, str) else targets:
        ((kind, name),) = named(target).items()
        (uids if kind == "obj_uid" else paths).append(name)
    return {name: found for name, found in (("obj_paths", paths), ("uids", uids)) if found}
