"""One call of a route: what it names, what it carries, and who sends it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from objapi.errors import NotFound
from objapi.http.exchange import Exchange
from objapi.http.visitors import Visitor
from objapi.model.dialects import DialectType
from objapi.model.references import is_uid, site_path
from objapi.senaite.items import Items, ItemShape
from objapi.senaite.parameters import SentValues
from objapi.senaite.searching import SearchReader, meant_path
from objapi.senaite.urls import SITE_UID, Urls
from objapi.senaite.vocabulary import Vocabulary
from objapi.site import Site
from objapi.store.reading.loaded_records import ObjectRecord
from objapi.store.requests import ByPath, ByUid, Selector
from objapi.store.transaction import Transaction

ROOT: Final = "/"


@dataclass(frozen=True, slots=True)
class SenaiteCall:
    """A call of a route of the face."""

    site: Site
    vocabulary: Vocabulary
    exchange: Exchange
    urls: Urls
    segments: tuple[str, ...]
    """What stands behind `v1` in the URL."""
    sent: SentValues
    resource: DialectType | None = None
    resource_name: str = ""
    """The name by which the resource was asked for, as it is spelt."""
    key: str | None = None
    """The UID, login or name at the end of the URL."""
    visitor: Visitor | None = None
    if_match: str | None = None

    @property
    def url(self) -> str:
        """The URL of the route, as it was called."""
        return self.urls.api(*self.segments)

    @property
    def site_id(self) -> str:
        """The site's id."""
        return self.site.settings.site_id

    def items(self, tx: Transaction) -> Items:
        """The maker of items for this call."""
        return Items(self.vocabulary, tx, self.urls)

    def searches(self) -> SearchReader:
        """The reader of searches for this call."""
        settings = self.site.settings
        return SearchReader(
            self.vocabulary, settings.site_id, self.site.now(), settings.timezone, settings.max_page_size
        )

    def wanted(self, *, complete: bool = False, single: bool = False) -> ItemShape:
        """What is answered of each object; `complete` where nothing else is asked for."""
        sent = self.sent
        whole = sent.flag("complete", complete)
        more = whole or single
        return ItemShape(
            complete=whole,
            children=more and sent.flag("children"),
            workflow=more and sent.flag("workflow"),
            filedata=sent.flag("filedata"),
            fields=sent.texts("fields"),
            names={} if self.resource is None else {self.resource.portal_type: self.resource_name},
        )

    # Objects

    def path(self, text: str) -> str:
        """The whole path that a text means. Raises BadRequest."""
        return site_path(meant_path(self.vocabulary, text, self.site_id), self.site_id)

    def selector(self, record: Mapping[str, Any]) -> Selector | None:
        """The object that a record names by `uid`, by `path`, or by `parent_path` and `id`; None for none."""
        uid, path = _text(record.get("uid")), _text(record.get("path"))
        parent, own_id = _text(record.get("parent_path")), _text(record.get("id"))
        if uid:
            return self.by_uid(uid)
        if path:
            return ByPath(self.path(path))
        if parent and own_id:
            return ByPath(f"{self.path(parent)}/{own_id}")
        return None

    def by_uid(self, uid: str) -> Selector:
        """The object with a UID, of which 0 is the site's. Raises NotFound for a text that is none."""
        if uid == SITE_UID:
            return ByPath(ROOT)
        if not is_uid(uid):
            raise NotFound(f"{uid[:80]!r} is no UID: 32 hexadecimal digits are expected.")
        return ByUid(uid.lower())

    def record_of(self, tx: Transaction, selector: Selector) -> ObjectRecord:
        """An object that the caller may see. Raises NotFound."""
        found = self.found(tx, selector)
        if found is None:
            raise NotFound(f"There is no object {named(selector)}, or you may not see it.")
        return found

    def found(self, tx: Transaction, selector: Selector) -> ObjectRecord | None:
        """An object that the caller may see; None for none."""
        if isinstance(selector, ByUid):
            return tx.records.by_uid([selector.uid]).get(selector.uid)
        if isinstance(selector, ByPath):
            path = site_path(ROOT, self.site_id) if selector.path == ROOT else selector.path
            return tx.records.by_path([path]).get(path)
        raise TypeError(f"{selector!r} is not asked for here")

    def require_visitor(self) -> Visitor:
        """The sender, which every route but the open ones has identified."""
        if self.visitor is None:
            raise TypeError("the sender of this call was not identified")
        return self.visitor


def named(selector: Selector) -> str:
    """An object as a message names it."""
    match selector:
        case ByUid(uid):
            return f"with the UID {uid}"
        case ByPath(path):
            return f"at {path[:200]!r}"
    return repr(selector)


def _text(value: Any) -> str:
    if isinstance(value, list):
        value = value[-1] if value else None
    return value.strip() if isinstance(value, str) else ""
