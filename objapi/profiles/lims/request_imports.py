"""Analysis requests from a sheet: what its texts mean among the objects there are, and what is to be made of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from catalog.dates import other_reading, parse_date
from objapi.model.types import Field, Kind
from objapi.profiles.lims.request_sheets import (
    ANALYSES,
    PRICE,
    PROFILES,
    TOTAL,
    RequestSheet,
    SampleRow,
    check_totals,
    is_marked,
    names_in,
)
from objapi.sheets.cells import EVERY_ROW, SheetProblems
from objapi.sheets.columns import plain
from objapi.sheets.day_order import has_days_first, with_month_first
from objapi.sheets.lookup import Choices, Known, known_objects
from objapi.sheets.making import NewObject, reference_to
from objapi.store.requests import ByPath, CreateItem, Selector
from objapi.store.transaction import Transaction

BATCH: Final = "batch"
"""The name by which requests refer to a batch that is made along with them."""
_REQUEST: Final = "AnalysisRequest"
_NAMED_BY: Final[Mapping[str, tuple[str, ...]]] = {
    "AnalysisProfile": ("title", "ProfileKey"),
    "AnalysisService": ("Keyword", "title"),
    "Batch": ("title", "id"),
    "Client": ("title", "ClientID"),
    "Contact": ("title", "id", "EmailAddress"),
    "SampleType": ("title", "Prefix"),
}
"""Type → the fields whose values its objects may be called by; others go by title and id."""
_OTHER_HEADINGS: Final = {"containertype": "DefaultContainerType", "ccnames": "CCContact", "ccemails": "CCEmails"}
"""Headings of columns that are fields under another name."""
_NOT_IN_ROWS: Final = frozenset({"Client", "Sample", "Batch", "Attachment", "Invoice", "ChildAnalysisRequest"})
_WRITTEN: Final = frozenset(
    {Kind.STRING, Kind.TEXT, Kind.BOOLEAN, Kind.DATETIME, Kind.FIXEDPOINT, Kind.NUMBER, Kind.INTEGER, Kind.REFERENCE}
)


@dataclass(frozen=True, slots=True)
class RequestPlan:
    """What a sheet asks to be made: a batch, if a new one is named, then the requests in the order of their rows."""

    client: Known
    header: Mapping[str, object]
    """Values of the record of the import."""
    batch: NewObject | None
    batch_uid: str | None
    """The batch that exists already and was named."""
    requests: tuple[NewObject, ...]
    warnings: tuple[str, ...] = ()


@dataclass(slots=True)
class RequestReader:
    """Reads one sheet with the objects of a site; problems are collected."""

    tx: Transaction
    problems: SheetProblems
    warnings: list[str] = field(default_factory=list)
    _choices: dict[str, Choices] = field(default_factory=dict)
    _client: Known | None = None
    _fields: Mapping[str, str] = field(default_factory=dict)
    """Heading, without case and marks → the field of requests that it names."""
    _days_first: frozenset[str] = frozenset()
    """Headings of columns whose dates have the day first."""

    def plan(self, sheet: RequestSheet, client: Selector | None = None) -> RequestPlan:
        """What the sheet asks for, for the client that it names, or that is given.

        Problems are noted, and what they concern is left empty. Raises ValidationError when no client is named.
        """
        self._client = self._found_client(sheet, client)
        if self._client is None:
            self.problems.raise_if_any()
            raise AssertionError("a client that is missing is a problem")
        common = self._common(sheet)
        batch, batch_uid = self._batch(sheet)
        self._days_first = frozenset(
            heading
            for heading in sheet.headings
            if has_days_first(sample.cells.get(heading, "") for sample in sheet.samples)
        )
        link: object = reference_to(BATCH) if batch is not None else batch_uid
        requests = [self._request(sheet, sample, common, link) for sample in sheet.samples]
        told = sheet.header.get("NrSamples")
        if told and told != str(len(requests)):
            self.warnings.append(f"The header says {told[:20]} samples, the file has {len(requests)}.")
        return RequestPlan(
            self._client, self._record(sheet, common), batch, batch_uid, tuple(requests), tuple(self.warnings)
        )

    # The header

    def _found_client(self, sheet: RequestSheet, given: Selector | None) -> Known | None:
        """The client that the header names by name and id, which agree with each other and with the one given."""
        named = [(key, heading) for key, heading in (("ClientID", "Client ID"), ("ClientName", "Client name"))]
        texts = [(heading, sheet.header[key]) for key, heading in named if sheet.header.get(key)]
        row = sheet.header_row
        chosen: dict[str, Known] = {}
        if given is not None:
            found = self.tx.entity(given)
            chosen[found.uid] = Known(found.uid, found.path, (found.id,))
        for heading, text in texts:
            client = self._chosen("Client", text, row, heading)
            if client is not None:
                chosen[client.uid] = client
        if not texts and given is None:
            self.problems.note(row, "Client ID", "name the client by Client ID or Client name", "missing")
        if len(chosen) > 1:
            paths = " and ".join(client.path for client in chosen.values())
            self.problems.note(row, texts[0][0] if texts else "", f"these are different clients: {paths}")
        return next(iter(chosen.values()), None)

    def _common(self, sheet: RequestSheet) -> dict[str, tuple[object, str]]:
        """The values that all requests get from the header, each with its heading."""
        found: dict[str, tuple[object, str]] = {}
        row, header = sheet.header_row, sheet.header
        if header.get("Contact"):
            contact = self._chosen("Contact", header["Contact"], row, "Contact", EVERY_ROW)
            found["Contact"] = (None if contact is None else contact.uid, "Contact")
        copies = self._all_chosen("Contact", header.get("CCNamesReport", ""), row, "CC Names - Report")
        if copies:
            found["CCContact"] = (copies, "CC Names - Report")
        for name, key, heading in (
            ("CCEmails", "CCEmailsReport", "CC Emails - Report"),
            ("ClientOrderNumber", "ClientOrderNumber", "Client Order Number"),
            ("ClientReference", "ClientReference", "Client Reference"),
        ):
            if header.get(key):
                found[name] = (header[key], heading)
        return found

    def _record(self, sheet: RequestSheet, common: Mapping[str, tuple[object, str]]) -> dict[str, object]:
        """The values of the object that keeps the file and what was read of it."""
        header = sheet.header
        kept = ("ClientName", "ClientID", "ClientOrderNumber", "ClientReference")
        copies = {name: list(names_in(header.get(name, ""))) for name in header if name.startswith("CC")}
        record: dict[str, object] = {name: header[name] for name in kept if header.get(name)}
        record["NrSamples"] = str(len(sheet.samples))
        record["SampleData"] = [{"row": sample.row, "sample": sample.label, **sample.cells} for sample in sheet.samples]
        if copies:
            record["CCContacts"] = [copies]
        if "Contact" in common:
            record["Contact"] = common["Contact"][0]
        return record

    def _batch(self, sheet: RequestSheet) -> tuple[NewObject | None, str | None]:
        """The batch to make, or the UID of the one that is named and exists; neither when none is asked for."""
        wanted, row = dict(sheet.batch), sheet.batch_row
        if wanted.pop("ReturnSampleToClient", ""):
            self.warnings.append("ReturnSampleToClient: batches have no such field here; it was left out.")
        texts = [(heading, wanted[heading]) for heading in ("id", "title") if wanted.get(heading)]
        if not texts:
            if wanted:
                self.problems.note(row, "title", "name the batch by title or id", "missing")
            return None, None
        for heading, text in texts:
            if self._of("Batch").knows(text):
                batch = self._chosen("Batch", text, row, heading)
                return None, batch.uid if batch is not None else None
        own_id = wanted.pop("id", None)
        values: dict[str, object] = {**wanted}
        if wanted.get("BatchDate"):
            values["BatchDate"] = self._date(wanted["BatchDate"], row, "BatchDate")
        if wanted.get("BatchLabels"):
            values["BatchLabels"] = list(names_in(wanted["BatchLabels"]))
        path = self._client.path if self._client is not None else ""
        return NewObject(CreateItem("Batch", ByPath(path), values, own_id, BATCH), row), None

    # Samples

    def _request(
        self, sheet: RequestSheet, sample: SampleRow, common: Mapping[str, tuple[object, str]], batch: object
    ) -> NewObject:
        values: dict[str, object] = {name: value for name, (value, _) in common.items()}
        columns = {name: heading for name, (_, heading) in common.items()}
        services: dict[str, None] = {}
        profiles: dict[str, None] = {}
        marked: list[str] = []
        for heading, text in sample.cells.items():
            name = self._field_of(heading)
            if name is not None:
                if text:
                    values[name], columns[name] = self._value(name, text, sample.row, heading), heading
            elif plain(heading) in ANALYSES | {PROFILES}:
                kind = "AnalysisProfile" if plain(heading) == PROFILES else "AnalysisService"
                found = self._all_chosen(kind, text, sample.row, heading)
                (profiles if kind == "AnalysisProfile" else services).update(dict.fromkeys(found))
                marked += found
            elif plain(heading) == "samplematrix":
                if text:
                    self._chosen("SampleMatrix", text, sample.row, heading)
            elif plain(heading) not in (TOTAL, PRICE):
                self._take_mark(sample, heading, text, services, profiles, marked)
        check_totals(sample, sheet.headings, marked, self.problems)
        ordered = dict.fromkeys((*services, *self._services_of(profiles)))
        if not ordered:
            self.problems.note(sample.row, "", "no service and no profile is marked", "missing")
        values |= {"Client": self._client.uid if self._client is not None else "", "Services": list(ordered)}
        if profiles:
            values["Profiles"] = list(profiles)
        if batch is not None:
            values["Batch"] = batch
        return NewObject(CreateItem(_REQUEST, None, values), sample.row, columns)

    def _take_mark(
        self,
        sample: SampleRow,
        heading: str,
        text: str,
        services: dict[str, None],
        profiles: dict[str, None],
        marked: list[str],
    ) -> None:
        """Take the column of a service or profile into account; any other is unknown."""
        chosen: Known | None
        if self._of("AnalysisService").knows(heading):
            chosen, taken = self._chosen("AnalysisService", heading, sample.row, heading), services
        elif self._of("AnalysisProfile").knows(heading):
            chosen, taken = self._chosen("AnalysisProfile", heading, sample.row, heading), profiles
        else:
            if text and is_marked(text) is not False:
                known = "neither a field of requests nor the keyword of a service nor the name of a profile"
                self.problems.note(sample.row, heading, f"the heading is {known}", "unknown")
            return
        mark = is_marked(text)
        if mark is None:
            self.problems.note(sample.row, heading, f"1 or 0 is expected, not {text[:20]!r}")
        elif mark and chosen is not None:
            taken[chosen.uid] = None
            marked.append(chosen.uid)

    def _field_of(self, heading: str) -> str | None:
        """The field of requests that a column holds; None for another column."""
        if not self._fields:
            fields = self.tx.registry.types[_REQUEST].fields
            written = {plain(name): name for name, declared in fields.items() if self._is_written(declared)}
            self._fields = {**written, **_OTHER_HEADINGS}
        return self._fields.get(plain(heading))

    def _is_written(self, declared: Field) -> bool:
        if declared.system or declared.alias_of is not None or declared.name in _NOT_IN_ROWS | {"Profiles"}:
            return False
        return declared.kind in _WRITTEN

    def _value(self, name: str, text: str, row: int, heading: str) -> object:
        declared = self.tx.registry.types[_REQUEST].fields[name]
        if declared.kind is Kind.BOOLEAN:
            mark = is_marked(text)
            if mark is None:
                self.problems.note(row, heading, f"1 or 0 is expected, not {text[:20]!r}")
            return mark
        if declared.kind is Kind.DATETIME:
            return self._date(text, row, heading)
        if declared.kind is not Kind.REFERENCE:
            return text
        target = declared.targets[0]
        if declared.multi:
            return self._all_chosen(target, text, row, heading)
        chosen = self._chosen(target, text, row, heading)
        return None if chosen is None else chosen.uid

    def _date(self, text: str, row: int, heading: str) -> str:
        """A date as it is meant in its column; a warning where day and month could be swapped."""
        swapped = other_reading(text)
        if swapped is None:
            return text
        read, other, order, written = parse_date(text).date(), swapped.date(), "month first", text
        if heading in self._days_first:
            read, other, order, written = other, read, "day first like others of its column", with_month_first(text)
        meant = f"{text!r} was read as {read}, {order}; write {other} if that is meant."
        self.warnings.append(f"row {row}, column {heading}: {meant}")
        return written

    def _services_of(self, profiles: Iterable[str]) -> Iterable[str]:
        for uid in profiles:
            profile = self._of("AnalysisProfile").choose(uid)
            services = profile.values.get("Service") if isinstance(profile, Known) else None
            yield from services if isinstance(services, Sequence) and not isinstance(services, str) else ()

    # Objects by their names

    def _of(self, portal_type: str) -> Choices:
        """The objects of a type that texts may name, loaded once."""
        if portal_type not in self._choices:
            names = _NAMED_BY.get(portal_type, ("title", "id"))
            client = self._client.path if self._client is not None else ""
            of_client = {"path": client} if portal_type == "Contact" and client else None
            more = ("Service",) if portal_type == "AnalysisProfile" else ()
            what = self.tx.registry.types[portal_type].title.lower()
            known = known_objects(self.tx, portal_type, names, more, of_client)
            self._choices[portal_type] = Choices(what, self._not_of_others(known), preferred=client)
        return self._choices[portal_type]

    def _not_of_others(self, known: Iterable[Known]) -> list[Known]:
        """The objects that do not lie in another client."""
        if self._client is None:
            return list(known)
        own, clients = f"{self._client.path}/", f"{self._client.path.rpartition('/')[0]}/"
        return [one for one in known if one.path.startswith(own) or not one.path.startswith(clients)]

    def _chosen(self, portal_type: str, text: str, row: int, heading: str, code: str = "unresolved") -> Known | None:
        found = self._of(portal_type).choose(text)
        if isinstance(found, str):
            self.problems.note(row, heading, found, code)
            return None
        return found

    def _all_chosen(self, portal_type: str, text: str, row: int, heading: str) -> list[str]:
        found = (self._chosen(portal_type, name, row, heading) for name in names_in(text))
        return [known.uid for known in found if known is not None]
