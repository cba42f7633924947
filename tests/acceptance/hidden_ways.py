"""Every way to ask for an object, to be tried with one that the caller may not see and with one that never existed.

A way is a request with the names of the object in braces: `{uid}`, `{path}`, `{id}` and `{title}`. What takes no name
of an object stands in `NAMELESS`, with the reason.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

Form = Mapping[str, Any]

OWN: Final = "/clients/client-2"
"""A path that the callers see."""
OWN_REQUEST: Final = f"{OWN}/H2O-0003-R01"
OWN_CONTACT: Final = f"{OWN}/contact-3"


@dataclass(frozen=True, slots=True)
class Names:
    """The names of one object, or those that none has."""

    uid: str
    path: str
    id: str
    title: str

    @classmethod
    def of(cls, item: Mapping[str, Any]) -> "Names":
        """Those of an object that was read."""
        return cls(item["UID"], item["path"].removeprefix("/Plone"), item["id"], item["title"] or item["id"])

    def twin(self) -> "Names":
        """Names as long as these that no object has."""
        folder, _, own = self.path.rpartition("/")
        return Names(
            self.uid[::-1].translate(_OTHER_DIGIT), f"{folder}/{_other(own)}", _other(self.id), _other(self.title)
        )

    def filled(self, value: Any) -> Any:
        """A value with the names in place of what is in braces."""
        if isinstance(value, str):
            for name in self.__slots__:
                value = value.replace(f"{{{name}}}", getattr(self, name))
            return value
        if isinstance(value, Mapping):
            return {self.filled(name): self.filled(own) for name, own in value.items()}
        return [self.filled(own) for own in value] if isinstance(value, list | tuple) else value

    def blanked(self, text: str, kinds: Collection[str] = ("uid", "path", "id", "title")) -> str:
        """A text without the names of some kinds, as they are and as they stand in URLs."""
        for name in sorted(kinds, key=lambda name: -len(getattr(self, name))):
            value = getattr(self, name)
            text = text.replace(value, f"{{{name}}}").replace(quote(value, safe=""), f"{{{name}}}")
        return text


_OTHER_DIGIT: Final = str.maketrans("0123456789abcdef", "123456789abcdef0")


def _other(text: str) -> str:
    return ("Q" if text[0] != "Q" else "Z") + text[1:]


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One request; `call` is the method or route that it is of."""

    call: str
    about: str
    url: str
    """The URL below the root of the server."""
    form: Form = field(default_factory=dict)
    json: object = None
    sheet: str | None = None
    """The text of a file that is sent as `file`."""
    verb: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """A name that no other way has."""
        return f"{self.call} {self.about}".replace("_", " ")

    @property
    def names(self) -> frozenset[str]:
        """The kinds of names that it has in braces."""
        return frozenset(name for name in Names.__slots__ if f"{{{name}}}" in repr(self._request()))

    def request(self, names: Names) -> dict[str, Any]:
        """The arguments of a request, its URL without the root of the server."""
        filled: dict[str, Any] = names.filled(self._request())
        return filled

    def _request(self) -> dict[str, Any]:
        # One answer is compared with another, so that its real status has to be there.
        headers = {"Prefer": "http-status", **self.headers}
        sent: dict[str, Any] = {"method": self.verb, "url": self.url, "headers": headers}
        if self.json is not None:
            sent["json"] = self.json
        elif self.form:
            sent["params" if self.verb == "GET" else "data"] = self.form
        if self.sheet is not None:
            sent["files"] = {"file": ["sheet.csv", self.sheet]}
        return sent


def _ways(method: str, verb: str = "POST", /, **forms: Form) -> Iterator[Way]:
    for about, form in forms.items():
        yield Way(call=method, about=about, url=f"/Plone/@@API/{method}", form=form, verb=verb)


def _way(method: str, about: str, *, at: str = "", tail: str = "", **request: Any) -> Way:
    """A way of one method; `at` stands before the endpoint in the URL, `tail` behind the method."""
    return Way(call=method, about=about, url=f"/Plone{at}/@@API/{method}{tail}", **request)


_UID_CATALOG: Final = {"catalog_name": "uid_catalog"}
_NEW: Final = {"obj_type": "Contact", "Firstname": "A", "Surname": "B", "EmailAddress": "a@b.example", "dry_run": "1"}
_REFERRING: Final = {"obj_path": OWN_REQUEST, "dry_run": "1"}

API_WAYS: Final[Sequence[Way]] = (
    *_ways(
        "read",
        "GET",
        uid={"UID": "{uid}", **_UID_CATALOG},
        uid_elsewhere={"UID": "{uid}"},
        path={"path": "{path}"},
        exact_path={"path.query:record": "{path}", "path.depth:record:int": "0", **_UID_CATALOG},
        id={"id": "{id}", **_UID_CATALOG},
        title={"title": "{title}", "catalog_name": "portal_catalog"},
        words={"SearchableText": "{title}"},
        count={"UID": "{uid}", "count_only": "1", **_UID_CATALOG},
        counts_in={"path": "{path}", "count_only": "1", **_UID_CATALOG},
        facets={"path": "{path}", "facets": "portal_type,review_state", **_UID_CATALOG},
        all={"path": "{path}", "page_size": "0", **_UID_CATALOG},
        sorted={"UID": "{uid}", "sort_on": "sortable_title", "sort_order": "descending", "warnings": "1"},
        strict={"UID": "{uid}", "strict": "1", **_UID_CATALOG},
        csv={"UID": "{uid}", "format": "csv", "include_fields": "title", **_UID_CATALOG},
        ndjson={"path": "{path}", "format": "ndjson", **_UID_CATALOG},
        members={
            "UID": "{uid}",
            "include_methods": "getClientTitle",
            "include_fields": "title,transitions",
            **_UID_CATALOG,
        },
        referring={"getClientUID": "{uid}", "catalog_name": "bika_catalog"},
        referring_titles={"getClientTitle": "{title}", "catalog_name": "bika_catalog", "references": "title"},
        expanded={"path": "{path}", "expand": "Client,Contact", **_UID_CATALOG},
        former={"UID": "{uid}", "as_of": "2026-01-01"},
        former_path={"path": "{path}", "as_of": "2026-01-01"},
        page={"path": "{path}", "page_nr": "1", "page_size": "1", **_UID_CATALOG},
    ),
    *_ways("history", "GET", path={"obj_path": "{path}"}, uid={"UID": "{uid}"}, below={"obj_path": "{path}/nothing"}),
    _way("file", "path", verb="GET", at="{path}", form={"field": "AttachmentFile"}),
    _way("file", "tail", verb="GET", at="{path}", tail="/AttachmentFile"),
    _way("file", "part", verb="GET", at="{path}", tail="/File", headers={"Range": "bytes=0-1"}),
    *_ways("allowedTransitionsFor", "GET", uid={"uid": "{uid}"}, explained={"uid": "{uid}", "explain": "1"}),
    *_ways("allowedTransitionsFor_many", "GET", uid={"uid": "{uid}"}, explained={"uid": "{uid}", "explain": "1"}),
    *_ways(
        "can",
        path={"obj_paths": "{path}", "can": ["View", "update", "remove", "move", "copy", "history", "cancel"]},
        uid={"uids": "{uid}", "can": ["View", "update", "doActionFor"]},
        adding={"obj_path": "{path}", "can": "create", "obj_type": "Contact"},
        user={"uids": "{uid}", "can": "View", "userid": "rita"},
    ),
    *_ways(
        "audit",
        "GET",
        path={"obj_path": "{path}"},
        uid={"UID": "{uid}"},
        request={"request": "{uid}"},
    ),
    *_ways("changes", "GET", path={"since": "0", "path": "{path}"}),
    *_ways(
        "update",
        path={"obj_path": "{path}", "title": "x"},
        uid={"obj_uid": "{uid}", "title": "x"},
        both={"obj_path": "{path}", "obj_uid": "{uid}", "title": "x"},
        id={"obj_type": "Client", "id": "{id}", "Phone": "1"},
        contact_id={"obj_type": "Contact", "id": "{id}", "Phone": "1"},
        tried={"obj_path": "{path}", "title": "x", "dry_run": "1"},
        version={"obj_path": "{path}", "title": "x", "version": "1"},
        criteria={
            "criteria.UID:record": "{uid}",
            "criteria.catalog_name:record": "uid_catalog",
            "fields.title:record": "x",
        },
        reference={**_REFERRING, "CCContact:list": ["{uid}"]},
        reference_path={**_REFERRING, "CCContact:list": ["{path}"]},
        reference_id={**_REFERRING, "CCContact:list": ["{id}"]},
        reference_query={**_REFERRING, "CCContact:list": ["portal_type:Contact|getFullname:{title}"]},
        reference_uid_query={**_REFERRING, "CCContact:list": ["UID:{uid}"]},
        reference_elsewhere={**_REFERRING, "CCContact:list": ["catalog_name:uid_catalog|id:{id}"]},
        reference_of_other_type={**_REFERRING, "Batch": "{uid}"},
    ),
    _way("update", "If-Match", form={"obj_path": "{path}", "title": "x"}, headers={"If-Match": "7"}),
    _way("update", "key", form={"obj_path": "{path}", "title": "x"}, headers={"Idempotency-Key": '"h-{uid}"'}),
    _way("update_many", "path", json={"input_values": {"{path}": {"title": "x"}}}),
    _way("update_many", "uid", json={"input_values": {"{uid}": {"title": "x"}}, "partial": True}),
    _way("update_many", "tried", json={"input_values": {"{path}": {"title": "x"}}, "dry_run": True}),
    *_ways(
        "create",
        path={"obj_path": "{path}", **_NEW},
        uid={"obj_uid": "{uid}", **_NEW},
        below={"obj_path": "{path}/nothing", **_NEW},
        reference={
            "obj_type": "AnalysisRequest",
            "Client": "{uid}",
            "Contact": OWN_CONTACT,
            "SampleType": "title:Apple Pulp",
            "SamplingDate": "2024-05-06",
            "dry_run": "1",
        },
        reference_in_own={
            "obj_type": "AnalysisRequest",
            "Client": OWN,
            "Contact": "portal_type:Contact|getFullname:{title}",
            "CCContact:list": ["{uid}"],
            "Sample": "{id}",
            "SampleType": "title:Apple Pulp",
            "SamplingDate": "2024-05-06",
            "dry_run": "1",
        },
    ),
    _way(
        "create_many", "path", json={"input_values": [{**_NEW, "dry_run": None, "obj_path": "{path}"}], "dry_run": True}
    ),
    _way(
        "create_many",
        "reference",
        json={
            "input_values": [{"obj_type": "Batch", "obj_path": OWN, "title": "x", "Client": "{uid}"}],
            "partial": True,
            "dry_run": True,
        },
    ),
    *_ways(
        "copy",
        path={"obj_path": "{path}", "target_path": OWN, "dry_run": "1"},
        uid={"UID": "{uid}", "target_path": OWN, "dry_run": "1"},
        into={"obj_path": OWN_CONTACT, "target_path": "{path}", "dry_run": "1"},
        into_uid={"obj_path": OWN_CONTACT, "target_uid": "{uid}", "dry_run": "1"},
        with_reference={
            "obj_path": OWN_CONTACT,
            "target_path": OWN,
            "fields.CCContact:record": "{uid}",
            "dry_run": "1",
        },
    ),
    *_ways(
        "move",
        path={"obj_path": "{path}", "target_path": OWN, "dry_run": "1"},
        uid={"UID": "{uid}", "target_path": OWN, "dry_run": "1"},
        into={"obj_path": OWN_CONTACT, "target_path": "{path}", "dry_run": "1"},
        into_uid={"obj_path": OWN_CONTACT, "target_uid": "{uid}", "dry_run": "1"},
    ),
    *_ways(
        "rename", path={"obj_path": "{path}", "obj_id": "x"}, uid={"obj_uid": "{uid}", "obj_id": "x", "dry_run": "1"}
    ),
    *_ways(
        "remove",
        uid={"UID": "{uid}"},
        tried={"UID": "{uid}", "dry_run": "1"},
        partly={"UID": "{uid}", "partial": "1"},
        criteria={"criteria.UID:record": "{uid}", "criteria.catalog_name:record": "uid_catalog", "dry_run": "1"},
    ),
    *_ways(
        "doActionFor",
        uid={"action": "deactivate", "UID": "{uid}", **_UID_CATALOG},
        id={"action": "cancel", "id": "{id}", **_UID_CATALOG},
        path={"action": "cancel", "path": "{path}", "dry_run": "1", **_UID_CATALOG},
    ),
    *_ways(
        "doActionFor_many",
        path={"action": "deactivate", "obj_paths": "{path}"},
        uid={"action": "cancel", "uids": "{uid}"},
        tried={"action": "publish", "uids": "{uid}", "dry_run": "1"},
        partly={"action": "cancel", "uids": "{uid}", "partial": "1"},
        import_={"action": "import", "uids": "{uid}"},
        signed={"action": "publish", "uids": "{uid}", "password": "secret"},
    ),
    _way(
        "import_results",
        "id",
        form={"instrument": "aq2", "dry_run": "1"},
        sheet="Sample ID,Test,Results,Units\n{id},Ca,1,mg/kg\n",
    ),
    *_ways("import_requests", path={"obj_path": "{path}", "dry_run": "1"}, uid={"UID": "{uid}", "dry_run": "1"}),
    _way(
        "import_requests",
        "title",
        form={"dry_run": "1"},
        sheet="Header,File name,Client name,Client ID,Contact\nHeader Data,a.csv,{title},{id},{title}\n",
    ),
    _way("apply_sheet", "uid", form={"dry_run": "1"}, sheet="UID,title\n{uid},x\n"),
    _way("apply_sheet", "path", form={"dry_run": "1"}, sheet="path,title\n/Plone{path},x\n"),
    _way(
        "apply_sheet",
        "container",
        form={"dry_run": "1", "obj_type": "Contact", "obj_path": "{path}"},
        sheet="Surname\nx\n",
    ),
    _way("apply_sheet", "reference", form={"dry_run": "1"}, sheet=f"path,CCContact\n/Plone{OWN_REQUEST},{{uid}}\n"),
    *_ways("result_sheet", "GET", path={"obj_path": "{path}"}, uid={"UID": "{uid}"}),
    *_ways("charts", "GET", path={"obj_path": "{path}"}, uid={"obj_uid": "{uid}"}),
    *_ways("tokens", path={"action": "add", "path": "{path}", "dry_run": "1"}),
    *_ways("undo", request={"request_id": "{uid}", "dry_run": "1"}),
    *_ways("restore", uid={"UID": "{uid}", "dry_run": "1"}),
    *_ways("webhooks", path={"action": "add", "url": "http://localhost:8765/", "path": "{path}", "dry_run": "1"}),
    *_ways(
        "grants",
        path={"obj_path": "{path}"},
        given={"obj_path": "{path}", "action": "give", "userid": "pavel", "local_role": "Owner", "dry_run": "1"},
        uid={"UID": "{uid}"},
    ),
    *_ways(
        "users",
        "GET",
        path={"obj_path": "{path}"},
        uid={"UID": "{uid}"},
    ),
    *_ways(
        "users",
        link={"action": "link", "userid": "pavel", "obj_path": "{path}", "dry_run": "1"},
        unlink={"action": "unlink", "UID": "{uid}", "dry_run": "1"},
        password_link={"action": "password_link", "UID": "{uid}", "dry_run": "1"},
    ),
    *(
        _way("ship", of, form={of: "{id}", "name": "x", "dry_run": "1"}, sheet="Container;Sample\nA;B\n")
        for of in ("project", "proposal")
    ),
)

STREAM_FORMS: Final[Mapping[str, Form]] = {
    "path": {"path": "{path}"},
    "below": {"path": "{path}/nothing"},
    "path and type": {"path": "{path}", "portal_type": "Contact"},
}
"""Streams of events about an object, which never end: they are compared block by block, while the object changes."""

NAMELESS: Final[Mapping[str, str]] = {
    "openapi.json": "the description of the API",
    "types": "declarations",
    "catalogs": "declarations",
    "workflows": "declarations",
    "version": "the release",
    "getusers": "users are no objects, and the list is for staff",
    "result_files": "declarations",
    "worklists": "declarations, and counts of what the caller sees",
}
"""Methods by which no object can be asked for, with what they are about."""


def _senaite(verb: str, route: str, about: str, /, url: str, **request: Any) -> Way:
    return Way(call=f"{verb} {route}", about=about, verb=verb, url=f"/senaite/@@API/senaite/v1/{url}", **request)


_NEW_CONTACT: Final = {"portal_type": "Contact", "Firstname": "A", "Surname": "B"}
_NEW_SAMPLE: Final = {"portal_type": "AnalysisRequest", "SampleType": "Apple Pulp", "DateSampled": "2024-02-01"}

SENAITE_WAYS: Final[Sequence[Way]] = (
    _senaite("POST", "create", "uid", "create", json={**_NEW_CONTACT, "parent_uid": "{uid}"}),
    _senaite("POST", "create", "path", "create", json={**_NEW_CONTACT, "parent_path": "/senaite{path}"}),
    _senaite("POST", "create", "reference", "create", json={**_NEW_SAMPLE, "Client": "{uid}", "Contact": "{title}"}),
    _senaite(
        "POST",
        "create",
        "reference in own",
        "create",
        json={
            **_NEW_SAMPLE,
            "parent_path": OWN,
            "Contact": "{title}",
            "CCContact": [{"uid": "{uid}"}],
            "Batch": "{id}",
        },
    ),
    _senaite("POST", "create/<uid>", "uid", "create/{uid}", json=_NEW_CONTACT),
    _senaite("POST", "<type>/create", "uid", "Contact/create", json={"parent_uid": "{uid}", "Surname": "B"}),
    _senaite("POST", "<type>/create/<uid>", "uid", "Contact/create/{uid}", json={"Surname": "B"}),
    _senaite("POST", "update", "uid", "update", json={"uid": "{uid}", "title": "x"}),
    _senaite("POST", "update", "path", "update", json={"path": "/senaite{path}", "title": "x"}),
    _senaite("POST", "update", "partly", "update", json=[{"uid": "{uid}", "transition": "cancel"}]),
    _senaite("POST", "update", "reference", "update", json={"path": OWN_REQUEST, "CCContact": ["{uid}", "{title}"]}),
    _senaite("POST", "update/<uid>", "uid", "update/{uid}", json={"title": "x"}),
    _senaite("POST", "<type>/update", "uid", "Contact/update", json={"uid": "{uid}", "title": "x"}),
    _senaite("POST", "<type>/update/<uid>", "uid", "Contact/update/{uid}", json={"title": "x"}),
    _senaite("POST", "delete", "uid", "delete", json={"uid": "{uid}"}),
    _senaite("POST", "delete/<uid>", "uid", "delete/{uid}"),
    _senaite("POST", "<type>/delete", "path", "Contact/delete", json={"path": "/senaite{path}"}),
    _senaite("POST", "<type>/delete/<uid>", "uid", "Contact/delete/{uid}"),
    _senaite("GET", "search", "uid", "search", form={"UID": "{uid}", "catalog": "uid_catalog"}),
    _senaite("GET", "search", "uids", "search", form={"uids": "{uid}", "complete": "yes"}),
    _senaite("GET", "search", "path", "search", form={"path": "/senaite{path}", "children": "yes", "workflow": "yes"}),
    _senaite("GET", "search", "words", "search", form={"q": "{title}"}),
    _senaite("GET", "search", "referring", "search", form={"getClientUID": "{uid}", "catalog": "bika_catalog"}),
    _senaite("GET", "workflow/<name>", "uid", "workflow/{uid}"),
    _senaite("GET", "<type>", "id", "Contact", form={"id": "{id}", "complete": "1"}),
    _senaite("GET", "<uid>", "uid", "{uid}", form={"complete": "yes", "children": "yes"}),
    _senaite("PUT", "<uid>", "uid", "{uid}", json={"title": "x"}),
    _senaite("PATCH", "<uid>", "uid", "{uid}", json={"transition": "cancel"}),
    _senaite("DELETE", "<uid>", "uid", "{uid}"),
    _senaite("GET", "<type>/<uid>", "uid", "Contact/{uid}"),
    _senaite("PUT", "<type>/<uid>", "uid", "Contact/{uid}", json={"title": "x"}),
    _senaite("PATCH", "<type>/<uid>", "version", "Contact/{uid}", json={"title": "x"}, headers={"If-Match": "7"}),
    _senaite("DELETE", "<type>/<uid>", "uid", "Contact/{uid}"),
    _senaite("GET", "users/<name>", "login", "users/{id}"),
)

SENAITE_NAMELESS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("version", "auth", "login", "logout", "users/current"), "the caller"),
    **dict.fromkeys(("users/auth", "users/login", "users/logout"), "the caller"),
    **dict.fromkeys(("catalogs", "catalogs/<name>", "types", "types/<name>", "schema/<name>"), "declarations"),
    **dict.fromkeys(
        ("settings", "settings/<name>", "registry", "registry/<name>"), "the setup, which is for everybody"
    ),
    "users": "users are no objects; of others managers alone learn",
    "push": "consumers are declared",
}
"""Routes of SENAITE's face by which no object can be asked for, with what they are about."""

_HTML: Final = {"Accept": "text/html"}

PAGE_WAYS: Final[Sequence[Way]] = (
    Way(call="page", about="object", verb="GET", url="/Plone{path}", headers=_HTML),
    Way(call="page", about="below", verb="GET", url="/Plone{path}/nothing", headers=_HTML),
    Way(call="page", about="results", verb="GET", url="/Plone/console/results/{uid}", headers=_HTML),
    Way(call="page", about="worklists", verb="GET", url="/Plone/console/worklists/{id}", headers=_HTML),
    Way(call="page", about="search", verb="GET", url="/Plone/console/search/{id}", headers=_HTML),
    Way(call="page", about="download", verb="GET", url="/Plone{path}/at_download/AttachmentFile", headers=_HTML),
    Way(call="page", about="program", verb="GET", url="/Plone{path}"),
)
