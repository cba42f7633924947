"""A first profile for an existing database, derived from its tables and columns.

Keys become ids, foreign keys references, types kinds, and what may not be empty is required. What a database does not
say (titles, who may do what, workflows) is for people to add.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

import sqlalchemy as sa
import yaml

from catalog.dialect.borrowed import Enumerated
from catalog.dialect.existing import ExistingColumn, ExistingTable, holds_bytes, is_truth
from objapi.model.loading.names_and_paths import NAME
from objapi.model.loading.reserved import INTRINSIC_NAMES, RESERVED_NAMES
from objapi.model.loading.tables import MOST_KEYS
from objapi.model.types import Kind

SHORT_BYTES: Final = 64
"""The longest binary column that becomes a field, as hexadecimal digits."""
MOST_PRECISION: Final = 12
_TITLES: Final = ("title", "name", "label", "code", "acronym", "login")
_SECRET: Final = re.compile(
    r"passw|pwd|passphrase|secret(?!ar)|api_?key|private_?key|(?:access|auth|refresh)_?token", re.IGNORECASE
)
"""Names of columns whose values open doors."""
_ID_ENDINGS: Final = re.compile(r"(?<=[a-z0-9])(?:_?Id|_?ID|_id|_fk)$")


@dataclass(slots=True)
class Adoption:
    """The types of a profile, and why tables and columns are not among them."""

    types: dict[str, dict[str, object]] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)

    def yaml(self) -> str:
        """The declarations of all types."""
        texts = [
            yaml.safe_dump({name: item}, sort_keys=False, default_flow_style=None, width=110, allow_unicode=True)
            for name, item in self.types.items()
        ]
        return "\n".join(texts)


def adopt(
    tables: Sequence[ExistingTable],
    *,
    database: str,
    folder: str,
    only: Sequence[str] = (),
    prefix: str = "",
    type_names: Mapping[str, str] = MappingProxyType({}),
    secrets: bool = False,
) -> Adoption:
    """Types for tables: all of a database, or those named (raises LookupError for one that is not there).

    `type_names` are the names of the types of some tables; others are named by `prefix` and table. Columns that look
    like passwords are left out unless `secrets` are asked for.
    """
    by_name = {table.name.lower(): table for table in tables}
    missing = [name for name in only if name.lower() not in by_name]
    if missing:
        raise LookupError(f"There is no table {', '.join(missing)}. There are {', '.join(by_name) or 'none'}.")
    chosen = [by_name[name.lower()] for name in only] or list(tables)
    adoption = Adoption()
    # Names of all types come first: a foreign key may lead to a table further down.
    names = {}
    for table in chosen:
        problem = _unfit_key(table)
        if problem is None:
            names[table.name.lower()] = type_names.get(table.name) or _type_name(prefix, table.name)
        else:
            adoption.left_out.append(f"{table.name}: {problem}")
    single = {name: by_name[name].key for name in names if len(by_name[name].key) == 1}
    for table in chosen:
        if table.name.lower() in names:
            declared = _Declaration(table, names, single, adoption.left_out, secrets).declared(database, folder)
            adoption.types[names[table.name.lower()]] = declared
    return adoption


def _unfit_key(table: ExistingTable) -> str | None:
    if not table.key:
        return "no primary key, so that its rows cannot be told apart"
    if len(table.key) > MOST_KEYS:
        return f"a primary key of {len(table.key)} columns; at most {MOST_KEYS} can be served"
    if not all(isinstance(table.types[column], sa.Integer) for column in table.key):
        return "a primary key that is no whole number"
    return None


def _type_name(prefix: str, table: str) -> str:
    plain = re.sub(r"[^A-Za-z0-9_]+", "_", table).strip("_")
    return f"{prefix}{plain}" if NAME.fullmatch(prefix + plain) else f"{prefix}Table_{plain}"


@dataclass(frozen=True, slots=True)
class _Declaration:
    """One table on its way to a type. `names`: table → type; `single`: table → its key when that is one column."""

    table: ExistingTable
    names: Mapping[str, str]
    single: Mapping[str, tuple[str, ...]]
    left_out: list[str]
    secrets: bool

    def declared(self, database: str, folder: str) -> dict[str, object]:
        fields = dict(self._fields())
        title = self._title(fields)
        key = self.table.key
        return {
            "title": self.table.name,
            **({"title_from": title} if title not in (None, "title") else {}),
            "table": {
                "name": self.table.name,
                "key": key[0] if len(key) == 1 else list(key),
                "database": database,
                "folder": folder,
            },
            "permissions": {"View": {"acquire": False, "roles": ["Manager"]}},
            "fields": fields,
        }

    def _fields(self) -> Iterator[tuple[str, dict[str, object]]]:
        references = self._references()
        taken: set[str] = set()
        for column in self.table.columns:
            if column.name in self.table.key and len(self.table.key) == 1:
                continue
            if not self.secrets and _SECRET.search(column.name):
                self.left_out.append(
                    f"{self.table.name}.{column.name}: looks like a password or key; declare it if it is none"
                )
                continue
            target = references.get(column.name)
            kind = (
                self._kind(column)
                if target is None
                else {"kind": str(Kind.REFERENCE), "targets": [self.names[target.lower()]]}
            )
            if kind is None:
                self.left_out.append(f"{self.table.name}.{column.name}: no kind of field fits {column.type!r}")
                continue
            name = self._name(column.name, target, references, taken)
            taken.add(name)
            declared: dict[str, object] = dict(kind)
            if name != column.name:
                declared["column"] = column.name
            if not column.nullable and not column.given:
                declared["required"] = True
            yield name, declared

    def _references(self) -> dict[str, str]:
        """Column → the table that it leads to, of those that become types."""
        return {
            key.column: key.table
            for key in self.table.foreign_keys
            if self.single.get(key.table.lower()) == (key.target,)
        }

    def _name(self, column: str, target: str | None, references: Mapping[str, str], taken: set[str]) -> str:
        """The name of a field: the table it leads to when nothing else does, else its column, without an ending Id."""
        columns = {item.name for item in self.table.columns}
        wanted = [re.sub(r"[^A-Za-z0-9_]+", "_", column).strip("_")]
        if target is not None:
            wanted.insert(0, _ID_ENDINGS.sub("", wanted[0]))
            if list(references.values()).count(target) == 1:
                wanted.insert(0, _type_name("", target))
        wanted.append(_type_name("", f"{self.table.name}_{wanted[-1]}"))
        free = [name for name in wanted if name == column or name not in columns | taken]
        fitting = [name for name in free if _may_name(name)]
        return fitting[0] if fitting else f"column_{len(taken) + 1}"

    def _kind(self, column: ExistingColumn) -> dict[str, object] | None:
        """The kind of field for a column that is no reference."""
        type_: Any = self.table.types[column.name]
        # The order matters where types are subclasses: an Enum and a Text are Strings, a truth value is an Integer.
        if is_truth(type_):
            return {"kind": str(Kind.BOOLEAN)}
        match type_:
            case sa.Enum():
                return {"kind": str(Kind.STRING), "vocabulary": list(type_.enums)}
            case Enumerated():
                return {"kind": str(Kind.STRING), "vocabulary": list(type_.values)}
            case sa.JSON():
                return {"kind": str(Kind.JSON)}
            case sa.Text():
                return {"kind": str(Kind.TEXT)}
            case sa.String() | sa.Time() | sa.Interval():
                return {"kind": str(Kind.STRING)}
            case sa.Integer():
                return {"kind": str(Kind.INTEGER)}
            case sa.Numeric() if type_.scale is not None:
                precision = min(type_.scale, MOST_PRECISION)
                return {"kind": str(Kind.FIXEDPOINT), "precision": precision}
            case sa.Numeric() | sa.Float():
                return {"kind": str(Kind.NUMBER)}
            case sa.DateTime() | sa.Date():
                return {"kind": str(Kind.DATETIME)}
        is_short = holds_bytes(type_) and (getattr(type_, "length", None) or SHORT_BYTES + 1) <= SHORT_BYTES
        return {"kind": str(Kind.STRING)} if is_short else None

    @staticmethod
    def _title(fields: Mapping[str, Mapping[str, object]]) -> str | None:
        """A field that names an object to people."""
        texts = {name.lower(): name for name, item in fields.items() if item["kind"] == str(Kind.STRING)}
        for word in _TITLES:
            for lower, name in texts.items():
                if lower == word or lower.endswith(f"_{word}") or name.endswith(word.capitalize()):
                    return name
        return None


def _may_name(name: str) -> bool:
    unfit = name in RESERVED_NAMES or (name in INTRINSIC_NAMES and name != "title")
    return NAME.fullmatch(name) is not None and not unfit
