"""Shipments of MxLIVE from a sheet with one sample a row: containers, groups and samples of a project."""

from typing import Final

from objapi.errors import Conflict
from objapi.model.values import NewFile
from objapi.sheets.cells import SheetProblems
from objapi.sheets.columns import Column, Line, check_alike, check_distinct, check_safe, read_lines
from objapi.sheets.lookup import Choices, Known, known_objects
from objapi.sheets.making import NewObject, make_objects, reference_to, refuse_problems
from objapi.sheets.reading import read_sheet
from objapi.store.requests import ByPath, CreateItem, Outcome
from objapi.store.transaction import Transaction

PROJECTS: Final = "/mxlive/projects"
COLUMNS: Final = (
    Column("Container", required=True, other_headings=("Container name", "Puck")),
    Column("Container type", required=True, other_headings=("Kind", "Container kind")),
    Column("Location", required=True, other_headings=("Position", "Slot", "Sample position")),
    Column("Sample", required=True, other_headings=("Sample name", "Name")),
    Column("Barcode", other_headings=("Pin barcode",)),
    Column("Group", other_headings=("Group name",)),
    Column("Priority"),
    Column("Comments", other_headings=("Comment",)),
)
_FIELDS: Final = {"name": "Sample", "barcode": "Barcode", "priority": "Priority", "comments": "Comments"}
_PLACES: Final = {"container": "Container", "location": "Location", "group": "Group"}


def ship(tx: Transaction, file: NewFile, project: str, name: str, *, most_rows: int, dry_run: bool) -> Outcome:
    """Make a shipment of a project, with the containers, groups and samples of a file; the shipment comes first.

    Raises NotFound for the project, Conflict for a shipment of that name, ValidationError with every problem by row
    and column, and Forbidden.
    """
    owner = tx.entity(ByPath(f"{PROJECTS}/{project}"))
    known = known_objects(tx, "MxShipment", ("name",), (), {"path": owner.path})
    if any(name in shipment.names for shipment in known):
        raise Conflict(f"{project} has a shipment {name!r} already; choose another name.")
    problems = SheetProblems()
    lines = read_lines(read_sheet(file.content, most_rows), COLUMNS, problems)
    check_safe(lines, "Sample", problems)
    check_alike(lines, "Container", "Container type", problems)
    check_distinct(lines, ("Container", "Location"), problems)
    check_distinct(lines, ("Sample",), problems)
    objects = [
        NewObject(CreateItem("MxShipment", None, {"project": owner.uid, "name": name}, name="shipment")),
        *_containers(tx, lines, owner.uid, problems),
        *_groups(lines, owner.uid),
        *_samples(tx, lines, owner.uid, problems),
    ]
    refuse_problems(tx, objects, problems, dry_run=dry_run)
    return make_objects(tx, objects, dry_run=dry_run)


def _first_lines(lines: list[Line], column: str) -> dict[str, Line]:
    """The names in a column, each with the line in which it is first."""
    found: dict[str, Line] = {}
    for line in lines:
        if line[column]:
            found.setdefault(line[column], line)
    return found


def _containers(tx: Transaction, lines: list[Line], project: str, problems: SheetProblems) -> list[NewObject]:
    kinds = Choices("container type", known_objects(tx, "MxContainerType", ("name", "id")))
    objects = []
    for name, line in _first_lines(lines, "Container").items():
        kind = _chosen(kinds, line, "Container type", problems)
        values = {"project": project, "name": name, "shipment": reference_to("shipment")}
        if kind is not None:
            values["kind"] = kind.uid
        columns = {"name": "Container", "kind": "Container type"}
        item = CreateItem("MxContainer", None, values, name=f"container {name}")
        objects.append(NewObject(item, line.row, columns))
    return objects


def _groups(lines: list[Line], project: str) -> list[NewObject]:
    return [
        NewObject(
            CreateItem(
                "MxGroup",
                None,
                {"project": project, "name": name, "shipment": reference_to("shipment")},
                name=f"group {name}",
            ),
            line.row,
            {"name": "Group"},
        )
        for name, line in _first_lines(lines, "Group").items()
    ]


def _samples(tx: Transaction, lines: list[Line], project: str, problems: SheetProblems) -> list[NewObject]:
    slots = known_objects(tx, "MxContainerLocation", ("name", "id"))
    kinds = Choices("container type", known_objects(tx, "MxContainerType", ("name", "id")))
    of_kind: dict[str, Choices] = {}
    objects = []
    for line in lines:
        values: dict[str, object] = {name: line[column] for name, column in _FIELDS.items() if line[column]}
        values["project"] = project
        if line["Container"]:
            values["container"] = reference_to(f"container {line['Container']}")
        if line["Group"]:
            values["group"] = reference_to(f"group {line['Group']}")
        kind = kinds.choose(line["Container type"]) if line["Container type"] else ""
        if isinstance(kind, Known) and line["Location"]:
            if kind.path not in of_kind:
                inside = [slot for slot in slots if slot.path.startswith(f"{kind.path}/")]
                of_kind[kind.path] = Choices(f"slot of {kind.names[0]}", inside)
            slot = _chosen(of_kind[kind.path], line, "Location", problems)
            if slot is not None:
                values["location"] = slot.uid
        objects.append(NewObject(CreateItem("MxSample", None, values), line.row, {**_FIELDS, **_PLACES}))
    return objects


def _chosen(choices: Choices, line: Line, column: str, problems: SheetProblems) -> Known | None:
    if not line[column]:
        return None
    found = choices.choose(line[column])
    if isinstance(found, str):
        problems.note(line.row, column, found, "unresolved")
        return None
    return found
