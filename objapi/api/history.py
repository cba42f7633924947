"""`history`: what happened to one object, newest first."""

from objapi.api.call import Call, Json
from objapi.api.pages import page_of
from objapi.api.selectors import selected
from objapi.store.transaction import Transaction


def history(call: Call, tx: Transaction) -> Json:
    """One page of an object's history: who did what and when, with old and new values.

    `page_size=0` gives as much as the site allows in one page.
    """
    page = page_of(call)
    found = tx.history(selected(call, tx), offset=page.offset, size=page.size or call.settings.max_page_size)
    return call.with_warnings({**page.envelope(found.total, len(found.rows)), "history": list(found.rows)})
