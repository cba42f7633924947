"""What behaviours read of their own object is declared, since nothing else computes their values again."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, select

from objapi.model.dependents import Dependents, DerivedValue
from objapi.model.loading.reserved import INTRINSIC_NAMES
from objapi.model.registry import Registry
from objapi.site import Site
from objapi.store.schema import entities
from objapi.store.upgrade.installing import system_planner
from objapi.store.writing.draft import Draft, Values

NEVER_ALONE = frozenset({"id", "uid", "path", "portal_type", "created", "creator"})
"""Names of values that do not change while everything else of an object stays as it is stored."""


def _computed(registry: Registry, portal_type: str) -> Iterator[tuple[DerivedValue, str]]:
    """The values of a type that a behaviour computes which says what it reads."""
    for field in registry.types[portal_type].fields.values():
        if field.compute is not None and field.depends is not None:
            yield (None, field.name), field.compute
    for catalog in registry.catalogs_of(portal_type):
        for name, source in catalog.sources.items():
            found = source.of(portal_type)
            if isinstance(found, str) and source.depends is not None:
                yield (catalog.name, name), found


def _follows(dependents: Dependents, portal_type: str, name: str) -> set[DerivedValue]:
    routes = (route.values for route in dependents.of(portal_type, name))
    return set().union(dependents.own(portal_type, frozenset({name})), *routes)


def test_every_behaviour_declares_what_it_reads_of_its_object(
    sample_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: dict[tuple[str, DerivedValue], set[str]] = {}
    present: list[tuple[Draft, set[str]]] = []
    value = Values.value

    def noted(self: Values, draft: Draft, name: str) -> object:
        for subject, names in present:
            # What is a field of other types at the end of the same path has no value here.
            if draft is subject and name in {
                *draft.type.fields,
                *INTRINSIC_NAMES,
                *self.registry.state_variables(draft.portal_type),
            }:
                names.add(name)
        return value(self, draft, name)

    def compute_all(connection: Connection) -> None:
        planner = system_planner(sample_site.context, connection, sample_site.now())
        with planner.workspace.without_locks():
            planner.workspace.load_rids(connection.scalars(select(entities.c.rid)).all())
            for draft in list(planner.workspace.by_rid.values()):
                for computed, behavior in _computed(planner.registry, draft.portal_type):
                    present[:] = [(draft, read.setdefault((draft.portal_type, computed), set()))]
                    planner.registry.behaviors.computed[behavior](planner, draft)

    monkeypatch.setattr(Values, "value", noted)
    sample_site.transact(compute_all, write=False)
    dependents = sample_site.context.dependents
    lacking = {
        (portal_type, computed, name)
        for (portal_type, computed), names in read.items()
        for name in names - NEVER_ALONE
        if computed not in _follows(dependents, portal_type, name)
    }
    assert not lacking
    assert sum(map(bool, read.values())) > 10
