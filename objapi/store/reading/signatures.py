"""Signatures of objects, as they are answered, and whether what was signed is still what is there."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import tzinfo

import orjson
from sqlalchemy import Connection, select

from objapi.model.signed_values import signed_values
from objapi.model.types import EntityType
from objapi.store.records import chunks, document_digest, from_micros
from objapi.store.schema import entities, signatures

_SHOWN = ("meaning", "user_id", "fullname")


def signatures_of(
    connection: Connection, site_id: str, types: Mapping[str, EntityType], rids: Iterable[int], zone: tzinfo
) -> dict[int, list[Mapping[str, object]]]:
    """Row number → signatures of the object, oldest first, as JSON values; `valid`: the object is as it was signed.

    One statement for as many objects as are read at once.
    """
    found: dict[int, list[Mapping[str, object]]] = {}
    present: dict[int, str] = {}
    for chunk in chunks(rids):
        statement = (
            select(signatures, entities.c.rid, entities.c.portal_type, entities.c.data)
            .join(entities, entities.c.uid == signatures.c.uid)
            .where(entities.c.rid.in_(chunk))
            .order_by(signatures.c.version, signatures.c.entry)
        )
        for row in connection.execute(statement):
            if row.rid not in present:
                values = signed_values(types[row.portal_type], orjson.loads(row.data))
                present[row.rid] = document_digest(site_id, row.uid, row.portal_type, values)
            described: dict[str, object] = {name: getattr(row, name) for name in _SHOWN}
            described["time"] = from_micros(row.at).astimezone(zone).isoformat()
            described |= {"version": row.version, "valid": row.document == present[row.rid]}
            found.setdefault(row.rid, []).append(described)
    return found


def signed(connection: Connection, uids: Sequence[str]) -> frozenset[str]:
    """Those of some objects that were ever signed, by their UIDs."""
    found: set[str] = set()
    for chunk in chunks(uids):
        found.update(connection.scalars(select(signatures.c.uid).where(signatures.c.uid.in_(chunk)).distinct()))
    return frozenset(found)
