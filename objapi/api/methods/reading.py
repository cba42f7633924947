"""Methods that read objects and users: `read`, `history`, `file`, `allowedTransitionsFor`, `getusers`, `version`.

What their parameters select (a search, a page of it, one object) is read here for the writing methods too.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from catalog.facets import Facet
from objapi import __version__
from objapi.api.answer_schemas import BOOLEAN, OBJECT_READ, RECORDS, TEXT, TEXT_OR_NULL, WHOLE, list_of, map_of, record
from objapi.api.method import Download, Export, Json, Listing, Method, MethodCall, missing
from objapi.api.methods.exporting import FORMATS, export, format_of, is_export
from objapi.api.methods.former import read_former
from objapi.api.parameters import LANGUAGE, MAX_WHOLE, Control, Controls
from objapi.errors import ApiError, BadRequest, Cause, Unauthorized, joined_messages
from objapi.http.access import API, PUBLIC
from objapi.model.references import PathProblem, normalise_path, site_path
from objapi.security.needs import Need
from objapi.store.requests import Blocked, BlockReason, ByPath, ByUid, Find, Offered, Selector
from objapi.store.transaction import Transaction

OBJECT: Final = (
    Control("obj_path", "text", about="The path of the object."),
    Control("obj_uid", "text", aliases=("UID",), about="The UID of the object."),
)
_PAGE: Final = (
    Control("page_nr", "whole", 0, about="The number of the page, from 0."),
    Control("page_size", "whole", 10, about="Entries on a page; 0: all."),
)
_LIMITS: Final = (
    Control("sort_limit", "whole", 0, about="An older way to ask for the first of the result alone."),
    Control("b_start", "whole", about="With b_size: the place from which on sort_limit cuts."),
    Control("b_size", "whole", about="With b_start: the number of objects that sort_limit leaves."),
)
SEARCH: Final = (
    Control("catalog_name", "text", about="The catalog that is searched; by default the one of the types asked for."),
    Control("limit", "whole", 0, about="Take the first so many of the sorted result; 0: all."),
    Control("sort_on", "words", ("id",), about="The indexes to sort by."),
    Control("sort_order", "words", about="ascending, descending or reverse, for each index of sort_on."),
    *_LIMITS,
    Control("include_fields", "names", about="The fields to answer; by default all."),
    Control("include_methods", "names", about="Computed fields to answer besides."),
    *_PAGE,
    Control("strict", "boolean", False, about="Refuse what would be warned of."),
    Control("warnings", "boolean", False, about="Tell how many objects are left out since they cannot be sorted."),
    Control("expand", "names", about="Reference fields whose titles and paths are answered, too."),
    Control("references", "text", about="uid, or title for titles in place of UIDs."),
)

_MANY: Final = "allowedTransitionsFor_many"
_NEXT: Final = Control("next", "text", about="The page that an earlier answer calls next.")
_NUMBERS: Final = (
    Control("facets", "names", about="Indexes whose values are counted."),
    Control("count_only", "boolean", False, about="Answer the number of objects without the objects."),
)
_TOKEN: Final = Control("authenticator", "boolean", True, about="Answer a token for forms, _authenticator.")
_FORMAT: Final = Control(
    "format", "text", "json", about="json; or csv, xlsx or ndjson for a file of all that is found."
)
_AS_OF: Final = Control(
    "as_of", "text", about="An instant: the objects that UID or path names are answered as they were."
)
_COUNTED: Final = {"total_objects": WHOLE, "first_object_nr": WHOLE, "last_object_nr": WHOLE}
_TRANSITIONS: Final = list_of(record(id=TEXT, title=TEXT))

# Old listing pages send the source of a template in place of a state; no state has such a name.
_TEMPLATE: Final = re.compile(r"[{}]")
_TEMPLATED: Final = frozenset({"review_state"})


# One object


def selected(call: MethodCall, tx: Transaction) -> Selector:
    """The object that `obj_path`, or `obj_uid` or `UID`, names.

    Both may be sent when they name the same object. Raises BadRequest when neither was sent or they disagree.
    """
    path, uid = call.controls.text("obj_path"), call.controls.text("obj_uid")
    if path is None and uid is None:
        raise missing("obj_path")
    if uid is None:
        return ByPath(path or "")
    if path is not None and tx.entity(ByPath(path)).uid != tx.entity(ByUid(uid)).uid:
        raise BadRequest.of_parameter("obj_uid", "obj_path and obj_uid name different objects; send one of them.")
    return ByUid(uid)


def whole_path(call: MethodCall, name: str) -> str | None:
    """The path in a parameter, from any of its spellings, with the site's id; None when it was not sent.

    Raises BadRequest.
    """
    text, site_id = call.controls.text(name), call.settings.site_id
    if text is None:
        return None
    try:
        return site_path(normalise_path(text, site_id), site_id)
    except PathProblem as problem:
        raise BadRequest.of_parameter(name, f"{name}: {problem}.") from None


# A page of a result


@dataclass(frozen=True, slots=True)
class ResultPage:
    """A page of `size` objects from `offset` on; size 0 is all from there to the end.

    `is_past_all`: a page behind the one that holds everything, which holds nothing.
    """

    offset: int
    size: int
    is_past_all: bool = False

    def envelope(self, total: int, count: int) -> Json:
        """The keys of an answer that number the objects it holds."""
        offset = total if self.is_past_all else self.offset
        return {
            "total_objects": total,
            "first_object_nr": offset,
            "last_object_nr": offset + count,
        }


def page_of(call: MethodCall) -> ResultPage:
    """The page that `page_nr` and `page_size` ask for; raises BadRequest for one larger than the site allows."""
    number, size = call.controls.values.get("page_nr") or 0, call.controls.whole("page_size") or 0
    if size > call.settings.max_page_size:
        raise BadRequest.of_parameter(
            "page_size",
            f"page_size: {size} is more than the limit of this site, {call.settings.max_page_size} "
            "(its setting OBJAPI_MAX_PAGE_SIZE); ask for several pages, or for page_size=0, which read streams.",
        )
    if number and not size:
        # Page 0 of size 0 holds all there is, so there is nothing on the pages after it.
        return ResultPage(MAX_WHOLE, 0, is_past_all=True)
    return ResultPage(number * size, size)


def page_size_of(call: MethodCall) -> int:
    """The `page_size` of a method that goes on by a cursor; 0 is as many as the site allows.

    Raises BadRequest for more than that.
    """
    most = call.settings.max_page_size
    return page_of(call).size or most


# A search


@dataclass(frozen=True, slots=True)
class ObjectSearch:
    """A search as a request describes it, the page that it names, and a warning for each criterion dropped."""

    find: Find
    page: ResultPage
    warnings: tuple[str, ...]


def search_of(call: MethodCall, *, acts: bool = False) -> ObjectSearch:
    """The search that the parameters of a read describe.

    Raises BadRequest for an unknown form of references and, with `strict` or where the method `acts` on what is found,
    for a criterion that a read would drop.
    """
    controls = call.controls
    page = page_of(call)
    criteria, dropped = drop_template_values(controls.rest)
    strict = acts or controls.flag("strict")
    warnings = (*controls.notes, *(text if strict else f"{text}; criterion ignored" for text in dropped))
    if warnings and strict:
        causes = [Cause("parameter", text.partition(":")[0], text) for text in dropped]
        messages = joined_messages(warnings)
        raise BadRequest(f"{messages} Nothing was done." if acts else messages, causes=causes)
    after = controls.values.get("next")
    if after is not None and page.offset:
        raise BadRequest.of_parameter("next", "next: it names the page itself; send it without page_nr.")
    references = controls.text("references")
    if references not in (None, "uid", "title"):
        raise BadRequest.of_parameter("references", f"references: uid or title is expected, not {references!r}.")
    include = controls.names("include_fields")
    find = Find(
        criteria={**criteria, **_order_limits(controls)},
        catalog=controls.text("catalog_name"),
        sort_on=controls.names("sort_on"),
        sort_order=controls.names("sort_order") or None,
        limit=controls.whole("limit") or 0,
        offset=page.offset,
        size=page.size,
        include_fields=include or None,
        include_methods=controls.names("include_methods"),
        expand=controls.names("expand"),
        reference_titles=(references or call.settings.references) == "title",
        # What every read adds is left out where the fields are named, as any other member is.
        transitions="transitions" in include if include else call.settings.transitions_in_read,
        strict=strict,
        count_missing=controls.flag("warnings") or controls.flag("strict"),
        after=after,
    )
    return ObjectSearch(find, page, warnings)


def _order_limits(controls: Controls) -> dict[str, object]:
    """The older ways to cut the sorted result, which the catalog reads itself; only those that were sent."""
    return {limit.name: controls.whole(limit.name) for limit in _LIMITS if limit.name in controls.sent}


def drop_template_values(rest: Mapping[str, object]) -> tuple[dict[str, object], tuple[str, ...]]:
    """The criteria without unrendered templates in place of a state, and a warning for each that was dropped."""
    criteria: dict[str, object] = {}
    warnings: list[str] = []
    for name, value in rest.items():
        if name in _TEMPLATED and isinstance(value, str) and _TEMPLATE.search(value):
            warnings.append(f"{name}: {value[:60]!r} looks like an unrendered template, not a state")
        else:
            criteria[name] = value
    return criteria, tuple(warnings)


# The methods


def _search_of_read(call: MethodCall) -> ObjectSearch:
    search, controls = search_of(call), call.controls
    find = replace(search.find, facets=controls.names("facets"), count_only=controls.flag("count_only"))
    return replace(search, find=find)


def read(call: MethodCall, tx: Transaction) -> Json:
    """One page of the objects that a catalog finds, in order, with its numbers; with `as_of` objects as they were."""
    format_of(call.controls)
    if "as_of" in call.controls.sent:
        return read_former(call, tx)
    search = _search_of_read(call)
    found = tx.find(search.find)
    if found.offset != search.page.offset:
        search = replace(search, page=replace(search.page, offset=found.offset))
    head = _head(call, search, found.total, len(found.objects), found.warnings)
    more = {} if found.next is None else {"next": found.next}
    return {**head, **more, **_described_facets(found.facets), "objects": found.objects}


def read_all(call: MethodCall, tx: Transaction) -> Listing | Export:
    """All objects that a catalog finds, in chunks."""
    search = _search_of_read(call)
    if is_export(call.controls):
        return export(call, tx, search.find, search.warnings)
    streamed = tx.stream(search.find)
    search = replace(search, page=replace(search.page, offset=streamed.offset))
    head = _head(call, search, streamed.total, streamed.count, streamed.warnings)
    return Listing({**head, **_described_facets(streamed.facets)}, streamed)


def reads_all(controls: Controls) -> bool:
    """True when the answer may be too large for one piece: a file, or all objects found (`page_size=0`)."""
    if is_export(controls):
        return True
    return controls.whole("page_size") == 0 and not controls.flag("count_only") and "as_of" not in controls.sent


def empty_result(error: ApiError, url: str) -> Json:
    """The keys that a read without log-in carries besides: pullers test `total_objects` before anything else."""
    return {"total_objects": 0, "objects": []} if isinstance(error, Unauthorized) else {}


def _head(call: MethodCall, search: ObjectSearch, total: int, count: int, warnings: tuple[str, ...]) -> Json:
    head = {**search.page.envelope(total, count)}
    if call.controls.flag("authenticator"):
        head["_authenticator"] = call.authenticator()
    all_warnings = [*search.warnings, *warnings]
    return {**head, "warnings": all_warnings} if all_warnings else head


def _described_value(facet: Facet, value: object, count: int) -> Json:
    titled = {"title": facet.titles[value]} if isinstance(value, str) and value in facet.titles else {}
    return {"value": value, "count": count, **titled}


def _described_facets(facets: Mapping[str, Facet]) -> Json:
    if not facets:
        return {}
    described = {
        name: {"values": [_described_value(facet, value, count) for value, count in facet.values], "more": facet.more}
        for name, facet in facets.items()
    }
    return {"facets": described}


def history(call: MethodCall, tx: Transaction) -> Json:
    """One page of an object's history, newest first: actor, time, event, old and new values.

    `page_size=0` gives as much as the site allows in one page.
    """
    page = page_of(call)
    if not page.size:
        most = call.settings.max_page_size
        page = ResultPage((call.controls.whole("page_nr") or 0) * most, most)
    found = tx.history(selected(call, tx), offset=page.offset, size=page.size)
    return call.with_warnings({**page.envelope(found.total, len(found.rows)), "history": list(found.rows)})


def file(call: MethodCall, tx: Transaction) -> Download:
    """The content of a file field of the object whose path stands before the endpoint in the URL.

    The parameter `field` names the field, or the segment behind the method.
    """
    call.refuse_unused()
    field = call.tail[0] if call.tail else call.require_text("field")
    conditions = call.file_conditions
    stored = tx.file(ByPath("/".join(("", *call.target.before))), field, conditions.part)
    return Download(stored, conditions.is_current(stored.tag))


def _always(controls: Controls) -> bool:
    return True


def allowed_transitions(call: MethodCall, tx: Transaction) -> Json:
    """The transitions of each object that `uid` names, in that order; `refused` are those a guard prevents.

    `explain`: these in full, as `blocked`.

    An object that is not there is a NotFound, for `allowedTransitionsFor_many` a warning.
    """
    uids = tuple(dict.fromkeys(call.controls.names("uid")))
    if not uids:
        others = joined_messages(f"{name} is not known here; name objects by their UIDs" for name in call.controls.rest)
        raise BadRequest.of_parameter("uid", f"{missing('uid').message}. {others}") if others else missing("uid")
    selectors, explain = [ByUid(uid) for uid in uids], call.controls.flag("explain")
    language = call.controls.text("language")
    if call.target.method != _MANY:
        offered = tx.offered(selectors, explain=explain, language=language)
        return call.with_warnings({"transitions": [_described(item, explain=explain) for item in offered]})
    # A list of objects outlives some of them: what is gone is left out, with a warning.
    offered, gone = tx.offered_of_those_found(selectors, explain=explain, language=language)
    answer = {"transitions": [_described(item, explain=explain) for item in offered]}
    return call.with_warnings(answer, *(error.message for error in gone))


def _described(offered: Offered, *, explain: bool) -> Json:
    described: dict[str, object] = {
        "uid": offered.uid,
        "transitions": offered.described(),
        "refused": [{"id": name, "message": reason} for name, reason in offered.refused],
    }
    if explain:
        described |= {"roles": list(offered.roles), "blocked": [_described_block(item) for item in offered.blocked]}
    return described


def _described_block(blocked: Blocked) -> Json:
    """A transition that is held back: why in one text, what would do in another, and each reason by itself."""
    return {
        "id": blocked.transition,
        "title": blocked.title,
        "new_state": blocked.new_state,
        "reason": joined_messages(reason.message for reason in blocked.reasons),
        "needs": joined_messages(reason.needs for reason in blocked.reasons),
        "reasons": [_described_reason(reason) for reason in blocked.reasons],
    }


def _described_reason(reason: BlockReason) -> Json:
    described: dict[str, object] = {"kind": reason.kind, "reason": reason.message, "needs": reason.needs}
    if reason.names:
        described[f"{reason.kind}s"] = list(reason.names)
    if reason.kind == "permission":
        described["roles"] = list(reason.roles)
    return described


def getusers(call: MethodCall, tx: Transaction) -> Json:
    """The users that have one of `roles`, by full name."""
    roles = call.controls.names("roles")
    if not roles:
        raise missing("roles")
    users = [{"userid": user_id, "fullname": fullname} for user_id, fullname in tx.users(roles)]
    unknown = [f"roles: there is no role {role!r}." for role in roles if role not in tx.registry.roles.roles]
    return call.with_warnings({"users": users}, *unknown)


def version(call: MethodCall) -> Json:
    """Name and version of the gateway; open to all, so it answers nothing else."""
    return call.with_warnings({"component": "objapi", "version": __version__})


READING: Final = (
    Method(
        name="read",
        access=API,
        needs=(Need.VIEW,),
        controls=(*SEARCH, _NEXT, *_NUMBERS, _TOKEN, _AS_OF, _FORMAT),
        others="criteria",
        answer={
            **_COUNTED,
            "objects": list_of(OBJECT_READ),
            "_authenticator?": TEXT_OR_NULL,
            "next?": TEXT,
            "as_of?": TEXT,
            "left_out?": map_of(list_of(TEXT)),
            "facets?": map_of(record(values=list_of(record(count=WHOLE)), more=BOOLEAN)),
        },
        media_types=tuple(FORMATS.values()),
        run=read,
        tagged=True,
        exports=is_export,
        streams=reads_all,
        streamed=read_all,
        more_on_failure=empty_result,
    ),
    Method(
        name="history",
        access=API,
        needs=(Need.VIEW, Need.HISTORY),
        controls=(*OBJECT, *_PAGE),
        answer={**_COUNTED, "history": list_of(record(event=TEXT, actor=TEXT_OR_NULL, time=TEXT))},
        run=history,
    ),
    Method(
        name="file",
        access=API,
        needs=(Need.VIEW,),
        controls=(Control("field", "text", about="The name of the file field."),),
        media_types=("*/*",),
        tail=1,
        tail_name="field",
        downloads=True,
        run=file,
        streams=_always,
        streamed=file,
    ),
    Method(
        name="allowedTransitionsFor",
        aliases=(_MANY,),
        access=API,
        needs=(Need.VIEW,),
        controls=(
            Control("uid", "texts", (), aliases=("UID", "uids"), about="The UIDs of the objects.", required=True),
            Control("explain", "boolean", False, about="Tell what holds each of the other transitions back."),
            LANGUAGE,
        ),
        answer={"transitions": list_of(record(uid=TEXT, transitions=_TRANSITIONS, refused=RECORDS))},
        run=allowed_transitions,
    ),
    Method(
        name="getusers",
        access=API,
        needs=(Need.STAFF,),
        controls=(Control("roles", "texts", (), about="Roles of which the users have one.", required=True),),
        answer={"users": list_of(record(userid=TEXT, fullname=TEXT))},
        run=getusers,
    ),
    Method(
        name="version",
        access=PUBLIC,
        answer={"component": TEXT, "version": TEXT},
        run_open=version,
    ),
)
