"""What a method may answer with: a JSON object, or one of the kinds here."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from objapi.api.call import Json
from objapi.api.outcomes import PartlyDone
from objapi.store.blobs import StoredFile
from objapi.store.requests import Streamed


@dataclass(frozen=True, slots=True)
class Text:
    """A whole document of another type, such as a drawing. `content_type` is without charset."""

    body: str
    content_type: str


@dataclass(frozen=True, slots=True)
class Download:
    """The content of a file field; whoever takes its chunks closes them."""

    blob: StoredFile


@dataclass(frozen=True, slots=True)
class Listing:
    """An answer whose `objects` come in chunks, each a few JSON objects joined by commas; `head` is all the rest."""

    head: Mapping[str, object]
    streamed: Streamed

    @property
    def chunks(self) -> Iterator[bytes]:
        """The objects still to come; whoever takes this closes it."""
        return self.streamed.chunks


Reply: TypeAlias = Json | PartlyDone | Text | Download | Listing
