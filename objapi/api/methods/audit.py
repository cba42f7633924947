"""The method `audit`: the trail of all changes, for auditors."""

from typing import Final

from catalog.dates import parse_date
from objapi.api.answer_schemas import RECORDS, TEXT
from objapi.api.method import Json, Method, MethodCall
from objapi.api.methods.reading import OBJECT, page_size_of, whole_path
from objapi.api.parameters import Control
from objapi.errors import BadRequest, Cause, joined_messages
from objapi.http.access import API
from objapi.security.needs import Need
from objapi.store.records import to_micros
from objapi.store.trail.reading import KINDS, AuditSearch
from objapi.store.transaction import Transaction
from workflows.declarations import suggestion


def audit(call: MethodCall, tx: Transaction) -> Json:
    """One page of the trail, newest first: who changed what and how, when, from where and in which request."""
    controls = call.controls
    unknown = [name for name in controls.names("kind") if name not in KINDS]
    if unknown:
        causes = [
            Cause("parameter", "kind", f"kind: there is none {name[:60]!r}{suggestion(name[:60], KINDS)}")
            for name in unknown
        ]
        raise BadRequest(joined_messages(cause.message for cause in causes), causes=causes)
    search = AuditSearch(
        uid=controls.text("obj_uid"),
        path=whole_path(call, "obj_path"),
        actor=controls.text("actor"),
        begins=_instant(call, "from"),
        ends=_instant(call, "to"),
        kinds=controls.names("kind"),
        request_id=controls.text("request"),
    )
    page = tx.audit(search, page_size_of(call), controls.text("next"))
    more = {} if page.next is None else {"next": page.next}
    return call.with_warnings({**more, "entries": list(page.entries)})


def _instant(call: MethodCall, name: str) -> int | None:
    text = call.controls.text(name)
    if text is None:
        return None
    try:
        return to_micros(parse_date(text, call.settings.timezone, iso="local"))
    except ValueError:
        raise BadRequest.of_parameter(
            name, f"{name}: {text[:60]!r} is no date; write it as 2026-03-01 or 2026-03-01T09:30:00+01:00."
        ) from None


AUDIT: Final = (
    Method(
        name="audit",
        access=API,
        needs=(Need.TRAIL,),
        controls=(
            *OBJECT,
            Control("actor", "text", about="The user who made the changes."),
            Control("from", "text", about="The instant from which on changes are told."),
            Control("to", "text", about="The instant up to which changes are told."),
            Control("kind", "names", (), about="The kinds of changes."),
            Control("request", "text", about="The id of the request that made the changes."),
            Control("page_size", "whole", 50, about="Entries on a page."),
            Control("next", "text", about="The page that an earlier answer calls next."),
        ),
        answer={"entries": RECORDS, "next?": TEXT},
        reads_trail=True,
        run=audit,
    ),
)
