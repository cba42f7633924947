"""The proof of who signs, as it is sent beside a transition: taken out of a request before anything else reads it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from objapi.errors import BadRequest
from objapi.http.forms.pairs import parse_pairs
from objapi.http.signers import CREDENTIALS, PASSWORD, SECOND_FACTOR, refuse_in_url
from objapi.senaite.parameters import SentValues


@dataclass(frozen=True, slots=True)
class SentProof:
    """What a request proves its sender by; None: it was not sent."""

    password: str | None = None
    second_factor: str | None = None

    def __repr__(self) -> str:
        return f"SentProof({', '.join(self.names)})"

    @property
    def names(self) -> list[str]:
        """The names of what was sent."""
        values = {PASSWORD: self.password, SECOND_FACTOR: self.second_factor}
        return [name for name, value in values.items() if value is not None]


def without_proof(sent: SentValues, query: bytes) -> tuple[SentValues, SentProof]:
    """The parameters of a writing request without the credentials that its body has, and these.

    They stand in the body itself, or in records of its list, all of them the same. Raises BadRequest for others, and
    for such in a URL.
    """
    in_url = {_plain(pair.name) for pair in parse_pairs(query)}
    refuse_in_url([name for name in CREDENTIALS if name in in_url])
    found: dict[str, str] = {}
    for name, value in _credentials(sent):
        if not isinstance(value, str) or found.setdefault(name, value) != value:
            message = f"{name}: one text is expected, the same in each record. Nothing was done."
            raise BadRequest.of_parameter(name, message)
    if not found:
        return sent, SentProof()
    records = None if sent.records is None else tuple(map(_without, sent.records))
    kept = replace(sent, values=_without(sent.values), records=records)
    return kept, SentProof(found.get(PASSWORD), found.get(SECOND_FACTOR))


def _credentials(sent: SentValues) -> Iterator[tuple[str, Any]]:
    for record in (sent.values, *(sent.records or ())):
        yield from ((name, record[name]) for name in CREDENTIALS if name in record)


def _without(record: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name not in CREDENTIALS}


def _plain(name: bytes) -> str:
    """The name of a parameter without what says how it is read."""
    return name.decode("latin-1").partition(":")[0].partition(".")[0].removesuffix("[]")
