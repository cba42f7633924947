"""Statements that the driver's own cursor executes, past Core, and what surrounds each of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Dialect

_MIXED_COLLATIONS: Final = frozenset({1267, 1270, 1271})

_Result = TypeVar("_Result")


def execute_in_unicode(cursor: Any, statement: str, parameters: Any, dialect: Dialect) -> None:
    """Execute a statement in which a comparison of a narrow column with other characters finds nothing.

    The MySQL family turns text into the column's character set, and refuses the statement where that loses characters.
    Such a statement is sent again, with the characters compared in Unicode, by code point, since collations that
    ignore case or accents have letters outside the column equal those in it; no other pays for it.
    """
    try:
        cursor.execute(statement, parameters)
    except dialect.loaded_dbapi.Error as error:
        wide = _wide(parameters) if _MIXED_COLLATIONS.intersection(error.args[:1]) else []
        if not wide:
            raise
        for name in wide:
            compared = f"CONVERT(%({name})s USING utf8mb4) COLLATE utf8mb4_bin"
            statement = statement.replace(f"%({name})s", compared)
        cursor.execute(statement, parameters)


def _wide(parameters: Any) -> list[str]:
    """The names of the parameters that are text outside ASCII."""
    named: Mapping[str, Any] = parameters if isinstance(parameters, Mapping) else {}
    return [name for name, value in named.items() if isinstance(value, str) and not value.isascii()]


@dataclass(frozen=True, slots=True)
class _CompiledSelect:
    """A select as the text of one dialect, with what turns values into those of the driver and back."""

    text: str
    names: tuple[str, ...] | None
    """The bind parameters in the order of their places; None where the driver takes them by name."""
    constants: Mapping[str, Any]
    """Values that the statement itself brings."""
    to_driver: Mapping[str, Callable[[Any], Any]]
    from_driver: tuple[tuple[int, Callable[[Any], Any]], ...]

    def bound(self, values: Mapping[str, Any]) -> Any:
        """The values as the driver takes them."""
        given = {**self.constants, **values}
        for name, convert in self.to_driver.items():
            given[name] = convert(given[name])
        return given if self.names is None else tuple([given[name] for name in self.names])

    def row(self, row: tuple[Any, ...]) -> tuple[Any, ...]:
        """A row with the values that the driver gives in another form."""
        values = list(row)
        for place, convert in self.from_driver:
            values[place] = convert(values[place])
        return tuple(values)


class PreparedSelect:
    """A select that Core compiles once for each dialect, and the driver's own cursor executes.

    That takes a quarter of the time that Core needs for a statement it has compiled before. Values are given by the
    names of the bind parameters. Listeners to `before_cursor_execute` are called, and errors of the driver are
    raised as Core raises them.
    """

    def __init__(self, statement: sa.Select[Any]) -> None:
        self._statement = statement
        self._compiled: dict[str, _CompiledSelect] = {}

    def rows(self, connection: Connection, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """The rows that the statement finds, in a transaction that has begun. Raises what Core does."""
        dialect = connection.dialect
        compiled = self._compiled.get(dialect.driver)
        if compiled is None:
            compiled = self._compiled[dialect.driver] = _compiled(self._statement, dialect)
        rows = on_cursor(connection, compiled.text, compiled.bound(values), _fetched, many=False)
        return [compiled.row(row) for row in rows] if compiled.from_driver else rows


def _fetched(dialect: Dialect, cursor: Any, text: str, parameters: Any) -> list[tuple[Any, ...]]:
    if dialect.name == "sqlite":
        cursor.execute(text, parameters)
    else:
        execute_in_unicode(cursor, text, parameters, dialect)
    return list(cursor.fetchall())


def on_cursor(
    connection: Connection, text: str, parameters: Any, run: Callable[[Dialect, Any, str, Any], _Result], *, many: bool
) -> _Result:
    """Have `run` execute a statement by a cursor of the driver, past Core.

    Listeners to `before_cursor_execute` and `after_cursor_execute` are called, and errors of the driver are raised as
    Core raises them.
    """
    dialect = connection.dialect
    cursor: Any = connection.connection.cursor()
    try:
        for listener in connection.dispatch.before_cursor_execute:
            text, parameters = listener(connection, cursor, text, parameters, None, many)
        result = run(dialect, cursor, text, parameters)
        for listener in connection.dispatch.after_cursor_execute:
            listener(connection, cursor, text, parameters, None, many)
        return result
    except dialect.loaded_dbapi.Error as error:
        raise core_error(connection, text, parameters, error) from error
    finally:
        cursor.close()


def _compiled(statement: sa.Select[Any], dialect: Dialect) -> _CompiledSelect:
    compiled: Any = statement.compile(dialect=dialect)
    to_driver = {
        name: convert
        for parameter, name in compiled.bind_names.items()
        if (convert := parameter.type.dialect_impl(dialect).bind_processor(dialect)) is not None
    }
    results = (
        column.type.dialect_impl(dialect).result_processor(dialect, None) for column in statement.selected_columns
    )
    return _CompiledSelect(
        text=compiled.string,
        names=tuple(compiled.positiontup) if compiled.positional else None,
        constants={name: value for name, value in compiled.params.items() if value is not None},
        to_driver=to_driver,
        from_driver=tuple((place, convert) for place, convert in enumerate(results) if convert is not None),
    )


def core_error(connection: Connection, text: str, parameters: Any, error: Any) -> Exception:
    """The error of a driver as Core raises it; a connection that is lost is not used again."""
    dialect = connection.dialect
    dbapi: Any = dialect.loaded_dbapi
    lost = dialect.is_disconnect(error, connection.connection, None)
    if lost:
        connection.invalidate(error)
    wrapped: Exception = sa.exc.DBAPIError.instance(
        text, parameters, error, dbapi.Error, hide_parameters=True, connection_invalidated=lost, dialect=dialect
    )
    return wrapped
