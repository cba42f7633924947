"""A first profile for an existing database, derived from its tables and columns.

Keys become ids, foreign keys references, types kinds, and what may not be empty is required. What a database does not
say (titles, who may do what, workflows) is for people to add.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

import sqlalchemy as sa
import yaml
from sqlalchemy.dialects import mysql

from catalog.dialect.borrowed import Enumerated
from catalog.dialect.existing import ExistingColumn, ExistingTable, holds_bytes, is_truth
from catalog.dialect.row_keys import is_key_type
from objapi.model.loading.names_and_paths import NAME
from objapi.model.loading.reserved import INTRINSIC_NAMES, RESERVED_NAMES
from objapi.model.loading.tables import MOST_NUMBERS, snake_case
from objapi.model.types import Kind

SHORT_BYTES: Final = 64
"""The longest binary column that becomes a field, as hexadecimal digits."""
MOST_PRECISION: Final = 12
_TITLES: Final = ("title", "name", "label", "code", "acronym", "login")
_MEANINGLESS: Final = re.compile(
    r"uu?id$|guid$|hash$|md5|sha\d|checksum|(?:^|_)(?:file|path|dir|url|uri)|(?:path|url|uri|file|json|xml)(?:_?name)?$",
    re.IGNORECASE,
)
"""Names of columns whose texts may be unique and yet tell people nothing."""
_SECRET: Final = re.compile(
    r"passw|pwd|(?:^|_)pw(?:_|$)|passphrase|secret(?!ar)|api_?key|private_?key|(?:access|auth|refresh)_?token|(?:^|_)token$",
    re.IGNORECASE,
)
"""Names of columns whose values open doors."""
_ID_ENDINGS: Final = re.compile(r"(?<=[a-z0-9])(?:_?Id|_?ID|_id|_fk)$")


@dataclass(slots=True)
class Adoption:
    """The types of a profile, why tables and columns are not among them, and names chosen for others."""

    types: dict[str, dict[str, object]] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    renamed: list[str] = field(default_factory=list)

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
    taken: Collection[str] = (),
) -> Adoption:
    """Types for tables: all of a database, or those named (raises LookupError for one that is not there).

    `type_names` are the names of the types of some tables; others are named by `prefix` and table. Columns that look
    like passwords are left out unless `secrets` are asked for. `taken` are names of types and catalogs that other
    profiles have.
    """
    adoption = Adoption()
    by_name: dict[str, ExistingTable] = {}
    for table in tables:
        known = by_name.setdefault(table.name.lower(), table)
        if known is not table:
            adoption.left_out.append(f"{table.name}: differs from {known.name} in case alone")
    missing = [name for name in only if name.lower() not in by_name]
    if missing:
        raise LookupError(f"There is no table {', '.join(missing)}. There are {', '.join(by_name) or 'none'}.")
    chosen = [by_name[name.lower()] for name in dict.fromkeys(only)] or list(by_name.values())
    used = {snake_case(name) for name in taken}
    # Names of all types come first: a foreign key may lead to a table further down.
    names = {}
    for table in chosen:
        problem = _unfit_key(table)
        if problem is None:
            name = type_names.get(table.name) or _free_type_name(prefix, table.name, used)
            names[table.name.lower()] = name
            used.add(snake_case(name))
            if name.removeprefix(prefix) != table.name and table.name not in type_names:
                adoption.renamed.append(f"{table.name}: the type is called {name}")
        else:
            adoption.left_out.append(f"{table.name}: {problem}")
    single = {name: by_name[name].key for name in names if len(by_name[name].key) == 1}
    for table in chosen:
        if table.name.lower() in names:
            declared = _Declaration(table, names, single, adoption, secrets).declared(database, folder)
            adoption.types[names[table.name.lower()]] = declared
    return adoption


def _unfit_key(table: ExistingTable) -> str | None:
    if not table.columns:
        return "a view that cannot be read: what it is made of is missing, or the right SHOW VIEW"
    if not table.key and table.is_view:
        return "a view without a column that tells its rows apart"
    if not table.key:
        return "no primary key, so that its rows cannot be told apart"
    for column in table.key:
        if is_truth(table.types[column]) or not is_key_type(table.types[column]):
            return f"a key column, {column}, of the type {table.types[column]!r}; numbers, texts, bytes and days can be"
    return None


def has_text_key(table: ExistingTable) -> bool:
    """True for a key that is more than one or two whole numbers."""
    numbers = all(isinstance(table.types[column], sa.Integer) for column in table.key)
    return not numbers or len(table.key) > MOST_NUMBERS


def _free_type_name(prefix: str, table: str, used: Collection[str]) -> str:
    """A name for the type of a table, whose catalog has that name in snake case, that nothing else has."""
    name = _type_name(prefix, table)
    tried = (name, *(f"{name}_{number}" for number in range(2, len(used) + 3)))
    return next(item for item in tried if snake_case(item) not in used)


def _type_name(prefix: str, table: str) -> str:
    plain = re.sub(r"[^A-Za-z0-9_]+", "_", table).strip("_")
    return f"{prefix}{plain}" if NAME.fullmatch(prefix + plain) else f"{prefix}Table_{plain}"


@dataclass(frozen=True, slots=True)
class _Declaration:
    """One table on its way to a type. `names`: table → type; `single`: table → its key when that is one column."""

    table: ExistingTable
    names: Mapping[str, str]
    single: Mapping[str, tuple[str, ...]]
    adoption: Adoption
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
                **({"key_type": "text"} if has_text_key(self.table) else {}),
                **({"read_only": True} if self.table.is_view else {}),
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
            is_key = column.name in self.table.key
            if is_key and len(self.table.key) == 1 and not has_text_key(self.table):
                continue
            # A row cannot be created without the values of its key, so these are declared whatever they are called.
            if not self.secrets and _SECRET.search(column.name) and not is_key:
                self.adoption.left_out.append(
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
                found = self.table.types[column.name]
                untyped = isinstance(found, sa.types.NullType)
                reason = (
                    "the database says no type, or none that is known here"
                    if untyped
                    else f"no kind of field fits {found!r}"
                )
                self.adoption.left_out.append(f"{self.table.name}.{column.name}: {reason}")
                continue
            name = self._name(column.name, target, references, taken)
            taken.add(name)
            if target is None and name != column.name:
                self.adoption.renamed.append(f"{self.table.name}.{column.name}: the field is called {name}")
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
            # What leads to the same table is named by its role there, such as parent.
            if list(references.values()).count(target) == 1 and target.lower() != self.table.name.lower():
                wanted.insert(0, _type_name("", target))
        wanted.append(_type_name("", f"{self.table.name}_{wanted[-1]}"))
        free = [name for name in wanted if name == column or name not in columns | taken]
        fitting = [name for name in free if _may_name(name)]
        numbered = (f"column_{number}" for number in range(len(taken) + 1, 2 * len(columns) + len(taken) + 2))
        return fitting[0] if fitting else next(item for item in numbered if item not in columns | taken)

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
            case sa.String() | sa.Time() | sa.Interval() | sa.Uuid():
                return {"kind": str(Kind.STRING)}
            case sa.Integer() | mysql.YEAR():
                return {"kind": str(Kind.INTEGER)}
            case sa.Numeric() if type_.scale is not None:
                precision = min(type_.scale, MOST_PRECISION)
                return {"kind": str(Kind.FIXEDPOINT), "precision": precision}
            case sa.Numeric() | sa.Float():
                return {"kind": str(Kind.NUMBER)}
            case sa.DateTime() | sa.Date():
                return {"kind": str(Kind.DATETIME)}
        is_key = column.name in self.table.key
        short = is_key or (getattr(type_, "length", None) or SHORT_BYTES + 1) <= SHORT_BYTES
        is_short = holds_bytes(type_) and short
        return {"kind": str(Kind.STRING)} if is_short else None

    def _title(self, fields: Mapping[str, Mapping[str, object]]) -> str | None:
        """A field that names an object to people: by its own name, else a text that no other row has."""
        texts = {name: item for name, item in fields.items() if item["kind"] == str(Kind.STRING)}
        plain = {
            name: str(item.get("column", name))
            for name, item in texts.items()
            if "vocabulary" not in item and not holds_bytes(self.table.types[str(item.get("column", name))])
        }
        # The own name of a thing comes before that of a part of it, and a name before a code, whatever their order.
        for word in _TITLES:
            own = [
                name for name, column in plain.items() if column.lower() in (word, f"{self.table.name}{word}".lower())
            ]
            parts = [name for name, column in plain.items() if _ends_with(column, word)]
            for name in (*own, *parts):
                if not _MEANINGLESS.search(plain[name]):
                    return name
        alone = self.table.unique | (set(self.table.key) if len(self.table.key) == 1 else set())
        unique = [name for name, column in plain.items() if column in alone and not _MEANINGLESS.search(column)]
        return unique[0] if unique else None


def _ends_with(column: str, word: str) -> bool:
    """True for a name whose last word is this one."""
    return column.lower().endswith(f"_{word}") or column.endswith(word.capitalize())


def _may_name(name: str) -> bool:
    unfit = name in RESERVED_NAMES or (name in INTRINSIC_NAMES and name != "title")
    return NAME.fullmatch(name) is not None and not unfit
