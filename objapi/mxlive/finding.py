"""Queries of the MxLIVE face, with the permissions of the caller."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from objapi.errors import NotFound
from objapi.store.requests import Find
from objapi.store.transaction import Transaction

Found = Mapping[str, Any]


def find_all(tx: Transaction, portal_type: str, fields: Sequence[str] | None = None, **criteria: object) -> list[Found]:
    """All objects of a type that criteria find, each with the fields named and its path."""
    names = None if fields is None else ("UID", "id", *fields)
    find = Find({"portal_type": portal_type, **criteria}, sort_on="created", size=0, include_fields=names)
    return [orjson.loads(orjson.dumps(item)) for item in tx.find(find).objects]


def find_one(
    tx: Transaction, portal_type: str, fields: Sequence[str] | None = None, **criteria: object
) -> Found | None:
    """The first object of a type that criteria find, in order of creation."""
    return next(iter(find_all(tx, portal_type, fields, **criteria)), None)


def find_beamline(tx: Transaction, acronym: str) -> Found:
    """The beamline with an acronym. Raises NotFound."""
    found = find_one(tx, "MxBeamline", ("acronym", "active_session", "active_automounter"), acronym=acronym)
    if found is None:
        raise NotFound("There is no such beamline.")
    return found


def find_numbered(
    tx: Transaction, portal_type: str, project: str, number: int | None, fields: Sequence[str] = ()
) -> Found | None:
    """The object of a project with the number by which clients refer to it, or None."""
    if number is None:
        return None
    return find_one(tx, portal_type, fields, number=number, path=project)
