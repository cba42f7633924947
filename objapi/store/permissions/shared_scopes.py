"""Scopes of objects that are reached from two sides: from their container, and from an object that they refer to.

Whoever holds local roles on a client is to see the client's objects, also those in other containers that name it in a
reference field (`access_from` of a type). Such an object gets a *shared scope*, one for each pair of its container's
scope and the scope of the object referred to. `scope_tree` says who holds which roles in it: a pair (A, S) that those
of A are held in S, a pair (A, -S) that those of A are held on an object referred to.

So a grant on either side bites at once and writes no object, and visibility stays a matter of acl and scope.
"""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from typing import Final

from sqlalchemy import Connection, delete, select

from catalog.dialect import insert_ignore
from objapi.store.records import chunks
from objapi.store.schema import scope_tree

_SHARED: Final = 1 << 62


def shared_scope(container: int, target: int) -> int:
    """The scope of objects in the scope `container` that refer to an object of the scope `target`.

    It is computed rather than given, so that requests that meet need not wait for each other; above all row numbers.
    """
    digest = hashlib.blake2b(f"{container}:{target}".encode(), digest_size=8).digest()
    return _SHARED | (int.from_bytes(digest) & (_SHARED - 1))


def place_scopes(
    connection: Connection,
    around: Iterable[tuple[int, int]],
    replaced: Collection[int] = (),
    moved: Collection[int] = (),
) -> None:
    """Store pairs of `scope_tree` that are not there.

    Other pairs by reference of the scopes in `replaced` go, and all others of those in `moved`.
    """
    wanted = dict.fromkeys(around)
    former = [*(-scope for scope in sorted({*replaced, *moved})), *sorted(moved)]
    for chunk in chunks(former):
        connection.execute(delete(scope_tree).where(scope_tree.c.scope.in_(chunk)))
    if wanted:
        # Writers of different objects in one shared scope do not lock its pairs, which mostly are there.
        chosen = scope_tree.c.scope.in_(sorted({scope for _, scope in wanted}))
        there = {(row.ancestor, row.scope) for row in connection.execute(select(scope_tree).where(chosen))}
        rows = [{"ancestor": above, "scope": scope} for above, scope in wanted if (above, scope) not in there]
        insert_ignore(connection, scope_tree, rows)


def scopes_referring_to(connection: Connection, scopes: Sequence[int]) -> list[int]:
    """The scopes, below 0, of what is reached by reference to objects of some scopes."""
    if not scopes:
        return []
    chosen = scope_tree.c.scope < 0, scope_tree.c.ancestor.in_(scopes)
    return list(connection.scalars(select(scope_tree.c.scope).where(*chosen).distinct()))


def referred_scopes(connection: Connection, scopes: Sequence[int]) -> dict[int, frozenset[int]]:
    """Scope → the scopes whose local roles are held there by reference; those without any are left out."""
    found: dict[int, set[int]] = {}
    if scopes:
        chosen = scope_tree.c.scope.in_([-scope for scope in scopes])
        for ancestor, scope in connection.execute(select(scope_tree.c.ancestor, scope_tree.c.scope).where(chosen)):
            found.setdefault(-scope, set()).add(ancestor)
    return {scope: frozenset(above) for scope, above in found.items()}
