"""The two interfaces that are pulled from: SENAITE's and that of Bika LIMS, each asked for everything page by page."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Protocol

from objapi.model.dialects import Dialect
from objapi.model.references import is_uid
from objapi.pull.remote import NotThere, PageFailed, Remote, RemoteError
from objapi.pull.spool import PullMisfit, Spool

SENAITE: Final = "senaite"
BIKA: Final = "bika"
PAGE: Final = 64
"""Objects of a page; a power of two, so that halves of it begin where a page could."""
MOST_OBJECTS: Final = 5_000_000
MOST_USERS: Final = 100_000
_GROWTH: Final = 1_000
"""Objects by which a list may grow while it is read, beside a tenth of it."""
_SWEEPS: Final = 3

Items = Sequence[Any]
Show = Callable[[int, int], None]
"""Called with the number of objects that are here, and of those that the other laboratory counts."""


@dataclass(frozen=True, slots=True)
class PagedList:
    """One list of the other laboratory that is read to its end."""

    name: str
    """Name under which the spool notes how far it was read."""
    page: Callable[[int, int], tuple[int, Items]]
    """From a place on, so many objects: the number of all there are, and these. Raises PageFailed."""
    known: Callable[[], int]
    """The number of its objects that are here."""
    by_page: bool = False
    """True where a place is the number of a page: each begins at a multiple of its size."""


class Source(Protocol):
    """An interface."""

    @property
    def uid_key(self) -> str:
        """Name of the UID in an item."""

    def fetch(self, spool: Spool, show: Show) -> None:
        """Put all objects into the spool, on from where that was interrupted. Raises RemoteError."""

    def fetch_users(self, spool: Spool) -> None:
        """Put all users into the spool. Raises RemoteError."""


def open_source(remote: Remote, kind: str | None, dialect: Dialect | None, roles: Iterable[str]) -> Source:
    """The interface of a laboratory: the one that is named, else the first that answers. Raises RemoteError."""
    if kind != BIKA:
        if dialect is None:
            if kind == SENAITE:
                raise RemoteError("No profile of this site has the dialect senaite; add lims to OBJAPI_PROFILES.")
        else:
            try:
                found = remote.json("@@API/senaite/v1/version")
            except NotThere:
                if kind == SENAITE:
                    raise
            else:
                if "version" in found:
                    return SenaiteSource(remote, dialect)
    try:
        remote.json("@@API/version")
    except NotThere:
        raise RemoteError(
            f"{remote.base} answers neither @@API/senaite/v1/version nor @@API/version. Name the URL of the site, "
            "such as https://lims.example.org/senaite."
        ) from None
    return BikaSource(remote, tuple(roles))


@dataclass(frozen=True, slots=True)
class SenaiteSource:
    """The JSON API of SENAITE."""

    remote: Remote
    dialect: Dialect

    @property
    def uid_key(self) -> str:
        """Name of the UID in an item."""
        return "uid"

    def fetch(self, spool: Spool, show: Show) -> None:
        """All objects by the catalog of everything; then, by type, what that catalog does not hold."""
        everything = self._pages("search", {"catalog": self.dialect.everything})
        read_listing(PagedList("everything", everything, spool.count), self, spool, show)
        for portal_type, declared in self.dialect.types.items():
            for name in declared.names:
                resource = name.replace(" ", "").lower()
                if spool.noted(f"asked for {resource}") is not None:
                    break
                pages = self._pages(resource, {})
                try:
                    total, _ = pages(0, 1)
                except PageFailed:
                    continue
                known = partial(self._known, spool, portal_type)
                if total > known():
                    read_listing(PagedList(resource, pages, known), self, spool, show)
                spool.note(f"asked for {resource}", str(total))
                break

    def _known(self, spool: Spool, portal_type: str) -> int:
        """The number of objects of a type that are here, by whichever name."""
        resources, counts = self.dialect.resources, spool.counts()
        meant = {name: resources.get(name.replace(" ", "").lower(), ("", ""))[0] for name in counts}
        return sum(number for name, number in counts.items() if meant[name] == portal_type)

    def _pages(self, route: str, more: Mapping[str, str]) -> Callable[[int, int], tuple[int, Items]]:
        def page(start: int, size: int) -> tuple[int, Items]:
            asked = {
                **more,
                "complete": "yes",
                "workflow": "yes",
                "sort_on": "created",
                "sort_order": "ascending",
                "limit": size,
                "b_start": start,
            }
            return _batch(self.remote.json(f"@@API/senaite/v1/{route}", asked), "count", "items")

        return page

    def fetch_users(self, spool: Spool) -> None:
        """All users, with their roles and groups."""
        start, total = 0, 1
        while start < min(total, MOST_USERS):
            answer = self.remote.json("@@API/senaite/v1/users", {"limit": PAGE, "b_start": start})
            total, items = _batch(answer, "count", "items")
            if not items:
                break
            spool.add_users((login, item) for item in items if (login := _text(item.get("username"))))
            start += len(items)


@dataclass(frozen=True, slots=True)
class BikaSource:
    """The JSON API of Bika LIMS."""

    remote: Remote
    roles: tuple[str, ...]

    @property
    def uid_key(self) -> str:
        """Name of the UID in an item."""
        return "UID"

    def fetch(self, spool: Spool, show: Show) -> None:
        """All objects by the catalog of UIDs."""
        read_listing(PagedList("everything", self._page, spool.count, by_page=True), self, spool, show)

    def _page(self, start: int, size: int) -> tuple[int, Items]:
        asked = {"catalog_name": "uid_catalog", "page_nr": start // size, "page_size": size}
        return _batch(self.remote.json("@@API/read", asked), "total_objects", "objects")

    def fetch_users(self, spool: Spool) -> None:
        """The users with each of the roles that there are here: their names are all that is told of them."""
        found: dict[str, dict[str, Any]] = {}
        for role in self.roles:
            try:
                answer = self.remote.json("@@API/getusers", {"roles:list": role})
            except PageFailed:
                continue
            users = answer.get("users")
            for item in users[:MOST_USERS] if isinstance(users, list) else ():
                login = _text(item.get("userid")) if isinstance(item, Mapping) else ""
                if login:
                    known = found.setdefault(login, {"fullname": item.get("fullname"), "roles": []})
                    known["roles"].append(role)
        spool.add_users(found.items())


def read_listing(listing: PagedList, source: Source, spool: Spool, show: Show) -> None:
    """Read a list to its end, on from where that was interrupted, and again when objects have moved in it meanwhile.

    Raises RemoteError.
    """
    total = odd = 0
    for sweep in range(_SWEEPS):
        total, odd = _read_once(listing, f"{listing.name} {sweep}", source, spool, show)
        if listing.known() + odd >= total:
            return
    reason = f"{total} objects are counted, {listing.known()} were given in {_SWEEPS} rounds"
    spool.add_misfits("fetch", [PullMisfit("", listing.name, reason)])


def _read_once(listing: PagedList, note: str, source: Source, spool: Spool, show: Show) -> tuple[int, int]:
    """Read a list once; the number of objects that it counts, and of those among them that are none."""
    start, odd, first = (int(part) for part in (spool.noted(note) or "0 0 0").split())
    size, total = PAGE, first or 1
    while start < total:
        while listing.by_page and start % size:
            size //= 2
        try:
            total, items = listing.page(start, size)
        except NotThere:
            raise
        except PageFailed as failure:
            if size > 1:
                size //= 2
                continue
            if not first:
                raise
            spool.add_misfits("fetch", [PullMisfit("", listing.name, f"object {start + 1} is not answered: {failure}")])
            start, odd = start + 1, odd + 1
            spool.note(note, f"{start} {odd} {first}")
            continue
        first = first or total
        if max(first, total) > MOST_OBJECTS:
            raise RemoteError(f"The laboratory counts {total} objects; at most {MOST_OBJECTS} are pulled.")
        # A list that grows as fast as it is read would have no end.
        total = min(total, first + first // 10 + _GROWTH)
        if not items:
            break
        items = items[:size]
        new, foreign = _sorted_out(items, source.uid_key, listing.name)
        spool.add_misfits("fetch", foreign)
        start, odd = start + len(items), odd + len(items) - len(new)
        spool.add(new, {note: f"{start} {odd} {first}"})
        show(spool.count(), total)
        size = PAGE if len(items) == size else size
    return total, odd


def _sorted_out(
    items: Items, uid_key: str, listing: str
) -> tuple[list[tuple[str, str, Mapping[str, Any]]], list[PullMisfit]]:
    """The items that are objects, by UID and type; and what else there was."""
    objects, foreign = [], []
    for item in items:
        uid, name = (item.get(uid_key), item.get("portal_type")) if isinstance(item, Mapping) else (None, None)
        if uid == "0":
            continue
        if isinstance(uid, str) and is_uid(uid) and isinstance(name, str) and name:
            objects.append((uid.lower(), name[:100], item))
        else:
            foreign.append(PullMisfit("", listing, "an item has no UID or no type"))
    return objects, foreign


def _batch(answer: Mapping[str, Any], counted: str, listed: str) -> tuple[int, Items]:
    total, items = answer.get(counted), answer.get(listed)
    if not isinstance(total, int) or isinstance(total, bool) or total < 0 or not isinstance(items, list):
        raise PageFailed(f"a page lacks {counted} or {listed}")
    return total, items


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""
