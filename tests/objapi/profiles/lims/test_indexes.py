"""Field indexes hold what a read answers, object by object."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from catalog import Index, IndexKind, ValueType
from catalog.values import EPOCH, MICROSECOND
from objapi.model.paths import Path
from objapi.model.registry import CatalogDeclaration
from objapi.store.schema import entities
from tests.objapi.profiles.lims.laboratory import Laboratory


def key_of(index: Index, answered: Any) -> object:
    """The key that an answered value must have in an index."""
    if answered is None or (answered == "" and index.value_type is not ValueType.STRING):
        return None
    match index.value_type:
        case ValueType.STRING:
            return ", ".join(answered) if isinstance(answered, list) else str(answered)
        case ValueType.INTEGER | ValueType.BOOLEAN:
            return int(answered)
        case ValueType.DECIMAL:
            return Decimal(str(answered))
        case ValueType.DATETIME:
            return (datetime.fromisoformat(answered) - EPOCH) // MICROSECOND


def keys_in(lab: Laboratory, catalog: CatalogDeclaration) -> dict[str, dict[str, object]]:
    """UID → field index → key, as the tables of a catalog have them."""
    tables = lab.site.context.tables[catalog.name]
    names = [
        name
        for name, index in catalog.schema.indexes.items()
        if index.kind is IndexKind.FIELD and name not in catalog.hidden
    ]
    columns = [tables.column(name) for name in names]
    statement = select(entities.c.uid, *columns).join_from(tables.main, entities, entities.c.rid == tables.rid)
    with lab.site.engine.connect() as connection:
        return {row[0]: dict(zip(names, row[1:], strict=True)) for row in connection.execute(statement)}


def test_every_field_index_holds_what_is_answered(lab: Laboratory) -> None:
    compared = empty = 0
    for catalog in lab.site.registry.catalogs.values():
        if catalog.table_of is not None:
            continue
        keys = keys_in(lab, catalog)
        for answer in lab.admin.find(catalog.name):
            for name, found in keys[answer["UID"]].items():
                origin = catalog.sources[name].of(answer["portal_type"]) if name in catalog.sources else None
                own = isinstance(origin, Path) and not origin.steps and not origin.key
                member = origin.attribute if own else name
                fields = lab.site.registry.types[answer["portal_type"]].fields
                # A name may be a field that is answered, and an index over something else.
                if member in answer and (own or name not in fields):
                    expected = key_of(catalog.schema.indexes[name], answer[member])
                    key = Decimal(found) if isinstance(expected, Decimal) else found
                    assert key == expected, (catalog.name, answer["path"], name)
                    compared += 1
                    empty += expected == ""
    assert compared > 1000
    assert empty > 100


@pytest.mark.parametrize(
    "sort_on", ["getClientOrderNumber", "getClientReference", "getClientSampleID", "getTemplateTitle"]
)
def test_sorting_by_a_text_that_is_mostly_empty_leaves_nothing_out(lab: Laboratory, sort_on: str) -> None:
    everything = lab.admin.find("bika_catalog", portal_type="AnalysisRequest")
    ordered = lab.admin.find("bika_catalog", portal_type="AnalysisRequest", sort_on=sort_on)
    assert len(ordered) == len(everything)


def test_an_empty_text_is_one_state_whether_cleared_or_never_set(lab: Laboratory) -> None:
    def without() -> set[str]:
        return {
            item["path"]
            for item in lab.admin.find("bika_catalog", portal_type="AnalysisRequest", getClientOrderNumber="")
        }

    everything = {item["path"] for item in lab.admin.find("bika_catalog", portal_type="AnalysisRequest")}
    path = "/Plone/clients/client-1/SO-0001-R01"
    assert path in without()
    lab.admin.update("/clients/client-1/SO-0001-R01", ClientOrderNumber="PO-7")
    assert path not in without()
    assert without() < everything
    lab.admin.update("/clients/client-1/SO-0001-R01", ClientOrderNumber="")
    assert path in without()
