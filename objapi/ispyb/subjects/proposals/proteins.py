"""Proteins: a list with filters and one by its key. The module to read before adding another group of routes.

Each function does the same three things: one statement for the rows of the page, with the filters, the row rule and the
order; one statement for each kind of thing that hangs on them, for all rows of the page together; and mappings with the
keys of the declared schema, which drops other keys and gives null for those that are missing.
"""

from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa

from catalog.dialect import among, unkeyed
from objapi.ispyb.subjects.proposals.schemas import Protein as ProteinAnswer
from objapi.ispyb.values.errors import ResourceNotFound
from objapi.ispyb.values.proposal_names import PROPOSAL_NAME, is_proposal
from objapi.ispyb.values.schema import optional
from objapi.ispyb.values.types import INT, TEXT, enum
from objapi.ispyb.wire.call import Call, Page
from objapi.ispyb.wire.lists import ORDER, ordered
from objapi.ispyb.wire.response import Paged
from objapi.ispyb.wire.routes import BEARER, Group
from objapi.profiles.ispyb.tables import (
    BLSample,
    ComponentType,
    Crystal,
    DataCollection,
    DataCollectionGroup,
    Proposal,
    Protein,
    Protein_has_PDB,
)

group: Final = Group("Proteins")

_ORDERS: Final = {"proteinId": Protein.c.proteinId, "acronym": Protein.c.acronym, "name": Protein.c.name}

# From proposals down: who sees which is found out for each proposal, of which there are fewer.
_OF_PROPOSALS: Final = Proposal.join(Protein, Protein.c.proposalId == unkeyed(Proposal.c.proposalId))

_FILTERS: Final = {
    "proteinId": optional(INT),
    "proposal": optional(PROPOSAL_NAME),
    "search": optional(TEXT),
    "order_by": optional(enum("ProteinOrder", *_ORDERS)),
    "order": optional(ORDER),
}


@group.get("/proteins", access=BEARER, query=_FILTERS, answer=Paged(ProteinAnswer))
def list_proteins(call: Call) -> Page:
    """Proteins."""
    query = call.query
    conditions: list[sa.ColumnElement[bool]] = []
    if query["proteinId"] is not None:
        conditions.append(Protein.c.proteinId == query["proteinId"])
    if query["proposal"]:
        named = sa.select(Proposal.c.proposalId).where(is_proposal(query["proposal"]))
        conditions.append(Protein.c.proposalId.in_(named))
    if query["search"]:
        part = f"%{query['search']}%"
        conditions.append(sa.or_(Protein.c.name.like(part), Protein.c.acronym.like(part)))
    statement = ordered(_proteins(call).where(*conditions), query, _ORDERS, by=Protein.c.proteinId)
    visible = call.visible(Protein, Proposal, counted=True)
    counted = Protein if isinstance(visible, sa.True_) else _OF_PROPOSALS
    rows, total = call.page(statement, sa.select(sa.func.count()).select_from(counted).where(visible, *conditions))
    return call.paged(_answers(call, rows), total)


@group.get("/proteins/{proteinId:int}", access=BEARER, answer=ProteinAnswer)
def read_protein(call: Call) -> dict[str, Any]:
    """One protein.

    Raises ResourceNotFound.
    """
    row = call.first(_proteins(call).where(Protein.c.proteinId == call.path["proteinId"]))
    if row is None:
        raise ResourceNotFound("Protein not found")
    return _answers(call, [row])[0]


def _proteins(call: Call) -> sa.Select[Any]:
    """The visible proteins, each of which has a proposal; optional columns that the database lacks are null."""
    has_density = call.services.database.column(Protein.c.density)
    return (
        sa.select(
            *(column for column in Protein.columns if column.name not in ("density", "externalId")),
            has_density,
            ComponentType.c.name.label("componentType"),
        )
        .select_from(Protein)
        .outerjoin(ComponentType, ComponentType.c.componentTypeId == Protein.c.componentTypeId)
        .where(call.visible(Protein))
    )


def _answers(call: Call, rows: Sequence[sa.RowMapping]) -> list[dict[str, Any]]:
    """The rows with their component types and with what hangs on them, counted for all rows together."""
    ids = [row["proteinId"] for row in rows]
    of_proteins = among(Crystal.c.proteinId, ids)
    samples = sa.select().select_from(Crystal).join(BLSample, BLSample.c.crystalId == Crystal.c.crystalId)
    collections = samples.join(DataCollectionGroup, DataCollectionGroup.c.blSampleId == BLSample.c.blSampleId).join(
        DataCollection, DataCollection.c.dataCollectionGroupId == DataCollectionGroup.c.dataCollectionGroupId
    )
    entries = sa.select().select_from(Protein_has_PDB).where(among(Protein_has_PDB.c.proteinid, ids))
    counted = {
        "pdbs": call.counts(Protein_has_PDB.c.proteinid, entries),
        "crystals": call.counts(Crystal.c.proteinId, sa.select().select_from(Crystal).where(of_proteins)),
        "samples": call.counts(Crystal.c.proteinId, samples.where(of_proteins)),
        "datacollections": call.counts(Crystal.c.proteinId, collections.where(of_proteins)),
    }
    return [
        {
            **row,
            "name": row["name"] or "",
            "acronym": row["acronym"] or "",
            "ComponentType": _component_type(row),
            "_metadata": {name: numbers.get(row["proteinId"], 0) for name, numbers in counted.items()},
        }
        for row in rows
    ]


def _component_type(row: sa.RowMapping) -> dict[str, Any] | None:
    if row["componentTypeId"] is None:
        return None
    return {"componentTypeId": row["componentTypeId"], "name": row["componentType"]}
