"""What a read answers of rows: rendered from the rows as they are now, since nothing of them is stored."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import orjson

from objapi.store.mapped.names import RowNames
from objapi.store.reading.render import Renderer
from objapi.store.writing.draft import Draft
from objapi.store.writing.planner import StorePlanner


@dataclass(frozen=True, slots=True)
class RenderedRow:
    """A row as an object, with its answer and metadata as JSON."""

    draft: Draft
    title: str
    acl: int
    version: int
    meta: str
    answer: str


class RowAnswers:
    """Renders rows for one request."""

    def __init__(self, names: RowNames, planner: Callable[[], tuple[StorePlanner, Renderer]]) -> None:
        self._names = names
        self._planner = planner

    def rendered(self, rids: Sequence[int]) -> list[RenderedRow]:
        """The rows with these numbers that are there, with all that a read answers."""
        planner, renderer = self._planner()
        found = []
        for draft in self._drafts(planner, rids):
            title = planner.values.title(draft)
            (catalog,) = planner.registry.catalogs_of(draft.portal_type)
            answer = orjson.dumps(renderer.members(draft), default=str)[1:-1].decode()
            meta = orjson.dumps(dict.fromkeys(catalog.returned, title)).decode()
            found.append(_rendered(draft, title, meta, answer))
        return found

    def named(self, uids: Iterable[str]) -> list[RenderedRow]:
        """The rows that some of the UIDs mean, with their titles alone."""
        rids = [rid for rid in map(self._names.of_uid, uids) if rid is not None]
        if not rids:
            return []
        planner, _ = self._planner()
        return [_rendered(draft, planner.values.title(draft), "{}", "") for draft in self._drafts(planner, rids)]

    @staticmethod
    def _drafts(planner: StorePlanner, rids: Sequence[int]) -> list[Draft]:
        with planner.without_locks():
            planner.workspace.load_rids(rids)
        known = planner.workspace.by_rid
        return [known[rid] for rid in rids if rid in known]


def _rendered(draft: Draft, title: str, meta: str, answer: str) -> RenderedRow:
    record = draft.record
    if record is None:
        raise TypeError(f"{draft!r} is no row yet")
    return RenderedRow(draft, title, record.acl, record.version, meta, answer)
