"""Shipments of ISPyB from a sheet with one sample a row: parcels, containers, crystals and samples of a proposal."""

import re
from typing import Final

from objapi.errors import Cause, Conflict, NotFound, ValidationError
from objapi.model.values import NewFile
from objapi.sheets.cells import SheetProblems
from objapi.sheets.columns import Column, Line, check_alike, check_distinct, check_safe, read_lines
from objapi.sheets.lookup import Choices, Known, known_objects
from objapi.sheets.making import NewObject, make_objects, reference_to, refuse_problems
from objapi.sheets.reading import read_sheet
from objapi.store.requests import CreateItem, Outcome
from objapi.store.transaction import Transaction

COLUMNS: Final = (
    Column("Parcel", other_headings=("Dewar", "Parcel name")),
    Column("Container", required=True, other_headings=("Container name", "Puck")),
    Column("Container type"),
    Column("Position", required=True, other_headings=("Location", "Sample position", "Container position")),
    Column("Protein", required=True, other_headings=("Protein acronym", "Acronym")),
    Column("Sample", required=True, other_headings=("Sample name", "Sample acronym", "Name")),
    Column("Barcode", other_headings=("Pin barcode", "Code")),
    Column("Comments", other_headings=("Comment",)),
    *(Column(f"Cell {name}", other_headings=(f"cell_{name}",)) for name in ("a", "b", "c", "alpha", "beta", "gamma")),
)
_CELL: Final = {f"cell_{name}": f"Cell {name}" for name in ("a", "b", "c", "alpha", "beta", "gamma")}
_SAMPLE: Final = {"name": "Sample", "code": "Barcode", "location": "Position", "comments": "Comments"}
_POSITION: Final = re.compile(r"[1-9][0-9]{0,3}")
"""A place in a container, as sample changers count."""
_STATUS: Final = "opened"
"""The status in which a user portal makes shipments."""


def ship(tx: Transaction, file: NewFile, proposal: str, name: str, *, most_rows: int, dry_run: bool) -> Outcome:
    """Make a shipment of a proposal, with the parcels, containers and samples of a file; the shipment comes first.

    Without a column for parcels all containers are in one that has the shipment's name. Raises NotFound for the
    proposal, Conflict for a shipment of that name, ValidationError with every problem by row and column, and Forbidden.
    """
    owner = _proposal(tx, proposal)
    known = known_objects(tx, "Shipping", ("shippingName",), (), {"Proposal": owner.uid, "shippingName": name})
    if known:
        raise Conflict(f"{proposal} has a shipment {name!r} already; choose another name.")
    problems = SheetProblems()
    lines = read_lines(read_sheet(file.content, most_rows), COLUMNS, problems)
    check_safe(lines, "Sample", problems)
    check_alike(lines, "Container", "Container type", problems)
    check_alike(lines, "Container", "Parcel", problems)
    check_distinct(lines, ("Container", "Position"), problems)
    check_distinct(lines, ("Protein", "Sample"), problems)
    values = {"Proposal": owner.uid, "shippingName": name, "shippingStatus": _STATUS}
    values |= {"creationDate": tx.now.isoformat(timespec="seconds")}
    objects = [
        NewObject(CreateItem("Shipping", None, values, name="shipment")),
        *_parcels(lines, name),
        *_containers(lines, name),
        *_samples(tx, lines, owner, problems),
    ]
    refuse_problems(tx, objects, problems, dry_run=dry_run)
    return make_objects(tx, objects, dry_run=dry_run)


def _proposal(tx: Transaction, text: str) -> Known:
    """The proposal of a name such as MX1234: its code, then its number."""
    code = text.rstrip("0123456789")
    number = text[len(code) :]
    if not code or not number:
        message = f"proposal: a code and a number are expected, such as MX1234, not {text[:40]!r}."
        raise ValidationError.from_causes([Cause("parameter", "proposal", message)])
    criteria = {"proposalCode": code, "proposalNumber": number}
    found = known_objects(tx, "Proposal", ("proposalCode",), (), criteria)
    if not found:
        raise NotFound(f"There is no proposal {text[:40]!r}, or you may not see it.")
    return found[0]


def _parcel(line: Line, shipment: str) -> str:
    return line["Parcel"] or shipment


def _parcels(lines: list[Line], shipment: str) -> list[NewObject]:
    first: dict[str, Line] = {}
    for line in lines:
        first.setdefault(_parcel(line, shipment), line)
    return [
        NewObject(
            CreateItem(
                "Dewar",
                None,
                {"Shipping": reference_to("shipment"), "code": name, "dewarStatus": _STATUS, "type": "Dewar"},
                name=f"parcel {name}",
            ),
            line.row,
            {"code": "Parcel"},
        )
        for name, line in first.items()
    ]


def _containers(lines: list[Line], shipment: str) -> list[NewObject]:
    first: dict[str, Line] = {}
    for line in lines:
        if line["Container"]:
            first.setdefault(line["Container"], line)
    objects = []
    for name, line in first.items():
        values: dict[str, object] = {"Dewar": reference_to(f"parcel {_parcel(line, shipment)}"), "code": name}
        if line["Container type"]:
            values["containerType"] = line["Container type"]
        item = CreateItem("ISPyBContainer", None, values, name=f"container {name}")
        objects.append(NewObject(item, line.row, {"code": "Container", "containerType": "Container type"}))
    return objects


def _samples(tx: Transaction, lines: list[Line], proposal: Known, problems: SheetProblems) -> list[NewObject]:
    proteins = Choices(
        "protein of the proposal", known_objects(tx, "Protein", ("acronym", "name"), (), {"Proposal": proposal.uid})
    )
    objects = []
    for line in lines:
        if line["Position"] and _POSITION.fullmatch(line["Position"]) is None:
            problems.note(line.row, "Position", f"a whole number from 1 is expected, not {line['Position'][:20]!r}")
        protein = proteins.choose(line["Protein"]) if line["Protein"] else None
        if isinstance(protein, str):
            problems.note(line.row, "Protein", protein, "unresolved")
        crystal: dict[str, object] = {name: line[column] for name, column in _CELL.items() if line[column]}
        crystal["Protein"] = protein.uid if isinstance(protein, Known) else ""
        sample: dict[str, object] = {name: line[column] for name, column in _SAMPLE.items() if line[column]}
        sample["Crystal"] = reference_to(f"crystal of row {line.row}")
        if line["Container"]:
            sample["Container"] = reference_to(f"container {line['Container']}")
        objects += [
            NewObject(
                CreateItem("Crystal", None, crystal, name=f"crystal of row {line.row}"),
                line.row,
                {**_CELL, "Protein": "Protein"},
            ),
            NewObject(CreateItem("BLSample", None, sample), line.row, {**_SAMPLE, "Container": "Container"}),
        ]
    return objects
