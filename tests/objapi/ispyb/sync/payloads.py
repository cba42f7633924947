"""Payloads of a user portal, small and large."""

from typing import Any

LABORATORY = {"name": "Biology", "address": "Road 1", "city": "Rome", "country": "IT", "laboratoryExtPk": 7}


def person(login: str | None = "ada", **values: Any) -> dict[str, Any]:
    return {"login": login, "givenName": "Ada", "familyName": "Byron"} | values


def payload(*people: dict[str, Any], **values: Any) -> dict[str, Any]:
    """A payload for proposal MX1; `sessions` and `proteins` stand beside it, everything else in it."""
    beside: dict[str, Any] = {name: values.pop(name) for name in ("sessions", "proteins") if name in values}
    proposal = {"proposalCode": "MX", "proposalNumber": "1", "title": "Folds", "persons": list(people or [person()])}
    return {"proposal": proposal | values, **beside}


def session(**values: Any) -> dict[str, Any]:
    given = {"externalId": 11, "startDate": "2023-01-01T09:00:00", "endDate": "2023-01-02T09:00:00"}
    return given | {"beamLineName": "ID30A-1", "persons": [person()]} | values


def protein(**values: Any) -> dict[str, Any]:
    return {"acronym": "INS", "hazardGroup": 1, "containmentLevel": 2, "person": person()} | values


def large(people: int, sessions: int, *, proteins: int = 50, cards: int = 20) -> dict[str, Any]:
    """A payload with many newcomers."""
    listed = [
        person(
            f"user{n}", externalId=10**6 + n, laboratory=LABORATORY | {"laboratoryExtPk": n % 40, "name": f"L{n % 40}"}
        )
        for n in range(people)
    ]
    return payload(
        *listed,
        labcontacts=[{"cardName": f"card {n}", "person": listed[n]} for n in range(cards)],
        sessions=[
            session(externalId=n, persons=[listed[(n * 5 + k) % people] for k in range(5)]) for n in range(sessions)
        ],
        proteins=[protein(acronym=f"P{n}", externalId=n, person=listed[n]) for n in range(proteins)],
    )
