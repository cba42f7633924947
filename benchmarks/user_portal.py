"""Measurements of the synchronisation with a user portal: a large payload of which every row is new, and repeated."""

from collections.abc import Iterator
from itertools import count
from typing import Any, Final

from benchmarks.measuring import REPEATS, Measurement, StatementCounter, repeated
from objapi.ispyb.database import Database
from objapi.ispyb.sync.run import synchronise
from objapi.ispyb.sync.schemas import UserPortalProposalSync
from objapi.ispyb.values.schema import read_values
from objapi.progress import progress
from objapi.site import Site

PEOPLE: Final = 500
SESSIONS: Final = 100
PER_SESSION: Final = 5
"""People who take part in each session."""
LABORATORIES: Final = 40
PROTEINS: Final = 50
CARDS: Final = 20


def measure_portal(site: Site, database: str, *, repeats: int = REPEATS) -> Iterator[Measurement]:
    """The payload as it comes by HTTP, from its JSON values on; each new one is of a proposal of its own."""
    tables, counter, numbers = Database(site), StatementCounter(site.engine), count(1)
    made: list[dict[str, Any]] = []

    def send(payload: dict[str, Any]) -> None:
        values, faults = read_values(UserPortalProposalSync.reader, payload, ())
        if faults:
            raise ValueError(f"the payload does not fit: {faults[0]}")
        synchronise(tables, values)

    def send_new() -> None:
        made.append(portal_payload(next(numbers)))
        send(made[-1])

    works = (
        (f"sync of {PEOPLE} people, new", send_new),
        (f"sync of {PEOPLE} people, repeated", lambda: send(made[-1])),
    )
    send_new()
    with progress(f"Measuring {database} with payloads of a user portal", len(works)) as advance:
        for what, run in works:
            before = counter.count
            seconds = repeated(run, repeats=repeats)
            yield Measurement(database, SESSIONS, what, seconds, (counter.count - before) // len(seconds))
            advance(1)


def portal_payload(number: int) -> dict[str, Any]:
    """A proposal with its people, laboratories, lab contacts, sessions and proteins, none of which others have."""
    people = [_person(number, place) for place in range(PEOPLE)]
    return {
        "proposal": {
            "proposalCode": "UP",
            "proposalNumber": str(number),
            "title": f"Proposal {number}",
            "persons": people,
            "labcontacts": [{"cardName": f"card {place}", "person": people[place]} for place in range(CARDS)],
        },
        "sessions": [
            {
                "externalId": _key(number, place),
                "startDate": "2023-01-01T09:00:00",
                "endDate": "2023-01-02T09:00:00",
                "beamLineName": "ID30A-1",
                "persons": [people[(place * PER_SESSION + other) % PEOPLE] for other in range(PER_SESSION)],
            }
            for place in range(SESSIONS)
        ],
        "proteins": [
            {
                "acronym": f"P{place}",
                "externalId": _key(number, place),
                "hazardGroup": 1,
                "containmentLevel": 2,
                "person": people[place],
            }
            for place in range(PROTEINS)
        ],
    }


def _person(number: int, place: int) -> dict[str, Any]:
    laboratory = place % LABORATORIES
    return {
        "login": f"user{number}-{place}",
        "givenName": "Ada",
        "familyName": f"Byron {place}",
        "externalId": _key(number, place),
        "laboratory": {
            "name": f"Laboratory {number}-{laboratory}",
            "address": "Road 1",
            "city": "Rome",
            "country": "IT",
            "laboratoryExtPk": _key(number, laboratory),
        },
    }


def _key(number: int, place: int) -> int:
    return number * 10_000 + place
