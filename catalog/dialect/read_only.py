"""Databases that can be read and not written, found out without a write."""

import os
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from catalog.dialect.engines import is_mysql_family
from catalog.dialect.failures import DatabaseFault, fault_of
from catalog.dialect.prepared import core_error


def is_read_only(engine: Engine) -> bool:
    """True for a database that refuses the writes of this account as it is at present; nothing is written to find out.

    SQLite: its file, or the file system, or the URL does. MySQL family: the server, unless the account is above that.
    """
    if not is_mysql_family(engine.dialect):
        name = str(engine.url.query.get("mode", ""))
        path = Path(str(engine.url.database or "").removeprefix("file:"))
        return name == "ro" or (path.is_file() and not os.access(path, os.W_OK))
    with engine.connect() as connection:
        if connection.scalar(sa.text("SELECT @@innodb_read_only")):
            return True
        connection.rollback()
        cursor = connection.connection.cursor()
        try:
            cursor.execute("START TRANSACTION READ WRITE")
            cursor.execute("ROLLBACK")
        except engine.dialect.loaded_dbapi.Error as error:
            reason = core_error(connection, "START TRANSACTION READ WRITE", None, error)
            if fault_of(reason) is DatabaseFault.READ_ONLY:
                return True
            raise reason from error
        finally:
            cursor.close()
    return False
