"""Rows that hang together, for tests: shipments down to samples, sessions down to data collections; and counting."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from objapi.profiles.ispyb import tables as t
from tests.objapi.ispyb.calling import Api, Rows, at


@contextmanager
def noted_statements(engine: Engine) -> Iterator[list[str]]:
    """The texts of the SQL statements that run meanwhile."""
    texts: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        texts.append(statement)

    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        yield texts
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)


def count_statements(api: Api, path: str, token: str, **query: Any) -> int:
    """How many SQL statements a successful GET needs, once what is loaded once per process is there."""
    assert api.get(path, token, **query).status_code == 200
    with noted_statements(api.rows.engine) as texts:
        response = api.get(path, token, **query)
    assert response.status_code == 200, response.text
    return len(texts)


def card(rows: Rows, proposal: int, name: str) -> int:
    """A lab contact of a proposal with a person of its own."""
    person = rows.person(None, givenName=f"given {name}", familyName=f"family {name}")
    return rows.add(t.LabContact, proposalId=proposal, personId=person, cardName=name)


def container(rows: Rows, proposal: int, **values: Any) -> int:
    """A container in a dewar of a shipment of a proposal."""
    shipping = rows.add(t.Shipping, proposalId=proposal, shippingName="shipment")
    dewar = rows.add(t.Dewar, shippingId=shipping, code="dewar", dewarStatus="processing")
    return rows.add(t.Container, dewarId=dewar, **({"code": "puck", "containerType": "Spine"} | values))


def sample(rows: Rows, proposal: int, name: str, container_id: int | None = None, **values: Any) -> int:
    """A sample with a crystal of a protein of its own, in a container."""
    protein = rows.add(t.Protein, proposalId=proposal, name=f"protein of {name}", acronym=name)
    crystal = rows.add(t.Crystal, proteinId=protein, cell_a=1.5)
    place = container(rows, proposal) if container_id is None else container_id
    return rows.add(t.BLSample, name=name, crystalId=crystal, containerId=place, **values)


def collection_group(rows: Rows, session: int, **values: Any) -> int:
    """A data collection group of a session."""
    return rows.add(t.DataCollectionGroup, sessionId=session, **({"experimentType": "OSC"} | values))


def collection(rows: Rows, group: int, minute: int = 0, **values: Any) -> int:
    """A data collection of a group, which began so many minutes after ten and took two minutes."""
    times = {"startTime": at(2023, 1, 1, 10, minute), "endTime": at(2023, 1, 1, 10, minute + 2)}
    return rows.add(t.DataCollection, dataCollectionGroupId=group, **(times | values))
