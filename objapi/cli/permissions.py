"""`objapi permissions`: what every call needs and which roles have it, for those who audit a site."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path
from typing import Final

import click
import orjson

from objapi.api.methods import METHODS
from objapi.cli.common import data_option, settings_from
from objapi.cli.failures import Refused
from objapi.http.access import PUBLIC
from objapi.ispyb import API_ROOT
from objapi.ispyb.face import GROUPS
from objapi.ispyb.wire.routes import Door, IspybRoute
from objapi.model.loading import load_registry
from objapi.model.registry import Registry
from objapi.mxlive.paths import BASE
from objapi.mxlive.routes import ROUTES
from objapi.security.role_table import RoleTable
from objapi.senaite import DIALECT
from objapi.senaite.routes import ROUTE, ListedRoute, listed_routes
from objapi.site_context import profiles_of

# What everybody holds is among the rights of each role.
_EVERYBODY: Final = frozenset({"Anonymous", "Authenticated"})
_DOORS: Final[Mapping[Door, str]] = {
    Door.NONE: "open to all",
    Door.BEARER: "token of a log-in",
    Door.PATH: "token in the path",
    Door.QUERY: "token in the query",
}


@dataclass(frozen=True, slots=True)
class CallRow:
    """One row of the table: a call, a right that it needs, and who has it."""

    method: str
    right: str
    permission: str
    type: str
    of: str
    inside: str
    state: str
    roles: tuple[str, ...]
    also: str


COLUMNS: Final = tuple(item.name for item in fields(CallRow))


@click.command()
@data_option
@click.option("--format", "form", type=click.Choice(("table", "csv", "json")), default="table", show_default=True)
@click.option("--type", "types", multiple=True, metavar="TYPE", help="Only rights on objects of this type; repeatable.")
@click.option("--role", "roles", multiple=True, metavar="ROLE", help="Only rights that this role has; repeatable.")
def permissions(data_dir: Path | None, form: str, types: tuple[str, ...], roles: tuple[str, ...]) -> None:
    """Show every method and route with the permission that it needs, and the roles that hold it by type and state.

    Computed from the declarations of the site's profiles. A call needs all of its rows that are about its object, and
    its fields; roles given on single objects count there like others.
    """
    registry = load_registry(profiles_of(settings_from(data_dir=data_dir)))
    _require_known("type", types, registry.types)
    _require_known("role", roles, registry.roles.roles)
    rows = [row for row in call_rows(registry) if _is_wanted(row, types, roles)]
    click.echo(_FORMATS[form](rows), nl=False)


def call_rows(registry: Registry) -> Iterator[CallRow]:
    """The rows of every face."""
    table, api_permission = RoleTable(registry), registry.roles.api_permission
    by_need: dict[str, list[CallRow]] = {}
    for name, method in METHODS.items():
        if name != method.name:
            continue
        if method.access is PUBLIC:
            yield CallRow(name, "", "", "", "", "", "", ("Anonymous",), _DOORS[Door.NONE])
            continue
        yield CallRow(name, "call", api_permission, "", "", "", "", table.on_site(api_permission), "")
        for need in method.needs:
            if need not in by_need:
                by_need[need] = [
                    CallRow(
                        "", need, row.permission, row.portal_type, row.of, row.inside, row.state, row.roles, row.also
                    )
                    for row in table.rows(need)
                ]
            yield from (replace(row, method=name) for row in by_need[need])
    if DIALECT in registry.dialects:
        yield from (_of_senaite(route, api_permission, table) for route in listed_routes())
    yield from (_of_ispyb(route) for group in GROUPS for route in group.routes)
    for name, device in ROUTES.items():
        for verb in device.verbs:
            permission = device.permission or ""
            roles = table.on_site(permission) if permission else ("Anonymous",)
            also = "signed by the key of a project" if permission else "not signed"
            yield CallRow(f"{verb} {BASE}/{name}", "call", permission, "", "", "", "", roles, also)


def _of_senaite(route: ListedRoute, permission: str, table: RoleTable) -> CallRow:
    """A route of SENAITE; beyond the call it needs what the methods do that do the same."""
    name = f"{route.verb} {ROUTE}/{route.path}"
    if route.is_open:
        return CallRow(name, "", "", "", "", "", "", ("Anonymous",), _DOORS[Door.NONE])
    also = f"and the rights of {' and '.join(route.like)}" if route.like else ""
    return CallRow(name, "call", permission, "", "", "", "", table.on_site(permission), also)


def _of_ispyb(route: IspybRoute) -> CallRow:
    """A route of py-ISPyB, whose permissions are of ISPyB and held by groups of its persons."""
    needed, door = " or ".join(route.access.any_of), _DOORS[route.access.door]
    roles = ("Anonymous",) if route.access.door is Door.NONE else ()
    return CallRow(f"{route.method} {API_ROOT}{route.path}", "call", needed, "", "", "", "", roles, door)


def _require_known(kind: str, asked: Iterable[str], known: Iterable[str]) -> None:
    there = sorted(known)
    unknown = [name for name in asked if name not in there]
    if unknown:
        raise Refused(f"There is no {kind} {', '.join(unknown)}; there are {', '.join(there)}.")


def _is_wanted(row: CallRow, types: Sequence[str], roles: Sequence[str]) -> bool:
    if types and row.type not in types:
        return False
    return not roles or not (_EVERYBODY | frozenset(roles)).isdisjoint(row.roles)


def _as_csv(rows: Sequence[CallRow]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow(_texts(row))
    return text.getvalue()


def _as_json(rows: Sequence[CallRow]) -> str:
    listed = [dict(zip(COLUMNS, astuple(row), strict=True)) for row in rows]
    return orjson.dumps(listed, option=orjson.OPT_INDENT_2).decode() + "\n"


def _as_table(rows: Sequence[CallRow]) -> str:
    """The rows for a reader: those that differ by method or state alone are one."""
    merged: dict[CallRow, tuple[dict[str, None], dict[str, None]]] = {}
    for row in rows:
        methods, states = merged.setdefault(replace(row, method="", state=""), ({}, {}))
        methods[row.method] = states[row.state] = None
    shown = [replace(row, method=", ".join(names), state=", ".join(states)) for row, (names, states) in merged.items()]
    lines = [COLUMNS, *(_texts(row) for row in shown)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(COLUMNS))]
    return "".join("  ".join(map(str.ljust, line, widths)).rstrip() + "\n" for line in lines)


def _texts(row: CallRow) -> tuple[str, ...]:
    return tuple(", ".join(value) if isinstance(value, tuple) else value for value in astuple(row))


_FORMATS: Final[Mapping[str, Callable[[Sequence[CallRow]], str]]] = {
    "table": _as_table,
    "csv": _as_csv,
    "json": _as_json,
}
