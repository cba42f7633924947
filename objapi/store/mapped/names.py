"""The names of rows as objects: number, UID, id and path, each computed from type and key alone.

A key is a whole number: that of the row, two packed into one, or the digest of a key of texts. Digests lead back to no
text, so the texts of those that were last seen are remembered; a row is found without them, only not as fast.

A UID is of version 8 (RFC 9562 section 5.8): 60 bits that tell the site and the table, then 62 bits that are the key.
So the row that a UID means is found by its key, whoever inserted it and when, and nothing has to be looked up or
remembered; a name-based UID (version 5) would need a search through all keys of all tables. Row numbers of such objects
are negative, and so never those of stored ones.
"""

import hashlib
import re
import threading
from collections.abc import Mapping, Sequence
from typing import Final

from catalog.dialect.row_keys import DIGEST_DIGITS, digest
from objapi.model.registry import Registry
from objapi.model.types import TableMapping

KEY_BITS: Final = 62
"""Bits of a key in a UID."""
HALF_BITS: Final = 31
"""Bits of each of the two columns of a key."""
_NUMBER_BITS: Final = 64
_TAG_BITS: Final = 60
_VERSION: Final = 8
_VARIANT: Final = 0b10
_NUMBER: Final = re.compile("0|[1-9][0-9]{0,18}")
MOST_REMEMBERED: Final = 50_000
"""Keys of texts whose digests are remembered, the last ones seen."""
MOST_ID: Final = 700
"""The longest id that texts make, so that paths fit into the history."""
_LONG: Final = re.compile(f"~~([0-9a-f]{{{DIGEST_DIGITS}}})")
_ENCODED: Final = re.compile(r"[^A-Za-z0-9_.-]")
_ENCODED_PART: Final = re.compile(r"[^A-Za-z0-9_.]")
_BYTE: Final = re.compile("~([0-9A-F]{2})")


class RowNames:
    """The names of the rows of all types of a site that have a table."""

    def __init__(self, registry: Registry, site_id: str) -> None:
        self._tables: dict[str, TableMapping] = {
            name: item.table for name, item in registry.types.items() if item.table is not None
        }
        self._types = sorted(self._tables)
        self._numbers = {name: number for number, name in enumerate(self._types, start=1)}
        self._tags = {name: _tag(site_id, table) for name, table in self._tables.items()}
        self._by_tag = {tag: name for name, tag in self._tags.items()}
        self._folders = {
            name: "/".join(("", site_id, *(part for part in table.folder.split("/") if part), name))
            for name, table in self._tables.items()
        }
        self._by_folder = {folder: name for name, folder in self._folders.items()}
        self._by_table = {(table.database, table.name): name for name, table in self._tables.items()}
        self._texts: dict[int, tuple[str, ...]] = {}
        self._lock = threading.Lock()

    @property
    def tables(self) -> Mapping[str, TableMapping]:
        """Type → its table."""
        return self._tables

    def type_of(self, database: str, table: str) -> str:
        """The type whose rows a table holds. Raises LookupError for a table that no type is declared for."""
        try:
            return self._by_table[database, table]
        except KeyError:
            raise LookupError(f"no type is declared for the table {table} of the database {database}") from None

    def folder(self, portal_type: str) -> str:
        """The path below which the rows of a type stand."""
        return self._folders[portal_type]

    def rid(self, portal_type: str, key: int) -> int:
        """The number of a row; later rows of a table have higher ones."""
        return key - (self._numbers[portal_type] << _NUMBER_BITS)

    def of_rid(self, rid: int) -> tuple[str, int]:
        """The type and key of a row number."""
        number = -(rid >> _NUMBER_BITS)
        return self._types[number - 1], rid + (number << _NUMBER_BITS)

    def uid(self, portal_type: str, key: int) -> str:
        """The UID of a row."""
        tag = self._tags[portal_type]
        high = (tag >> 12 << 16) | (_VERSION << 12) | (tag & 0xFFF)
        return f"{(high << 64) | (_VARIANT << KEY_BITS) | key:032x}"

    def of_uid(self, uid: str) -> int | None:
        """The number of the row that a UID means, whether or not it is there; None for the UID of anything else."""
        try:
            value = int(uid, 16)
        except ValueError:
            return None
        high, low = value >> 64, value & (1 << 64) - 1
        if len(uid) != 32 or high >> 12 & 0xF != _VERSION or low >> KEY_BITS != _VARIANT:
            return None
        portal_type = self._by_tag.get((high >> 16 << 12) | (high & 0xFFF))
        return None if portal_type is None else self.rid(portal_type, low & (1 << KEY_BITS) - 1)

    def key_of(self, uid: str, portal_type: str) -> int | None:
        """The key of a row of one type, from its UID."""
        rid = self.of_uid(uid)
        found, key = (None, None) if rid is None else self.of_rid(rid)
        return key if found == portal_type else None

    def id(self, portal_type: str, key: int) -> str:
        """The id: the key in digits, those of two columns joined by a hyphen; texts as `encode_id` writes them.

        Texts that are not remembered are named by their digest, which `key_of_id` takes as well.
        """
        if not self._tables[portal_type].text_key:
            return "-".join(str(part) for part in self.parts(portal_type, key))
        texts = self.texts(portal_type, key)
        return _digest_id(key) if texts is None else encode_id(texts)

    def key_of_id(self, portal_type: str, text: str) -> int | None:
        """The key that an id means; None for what is no id of the type."""
        width = len(self._tables[portal_type].key)
        if self._tables[portal_type].text_key:
            long = _LONG.fullmatch(text)
            texts = None if long is not None else decode_id(text, width)
            if texts is not None:
                return self.key_of_texts(portal_type, texts)
            return None if long is None else int(long[1], 16)
        parts = text.split("-")
        if len(parts) != width or not all(map(_NUMBER.fullmatch, parts)):
            return None
        return self.packed([int(part) for part in parts])

    def key_of_texts(self, portal_type: str, texts: Sequence[str]) -> int:
        """The key that texts make, which are remembered for it."""
        key = digest(texts)
        rid = self.rid(portal_type, key)
        with self._lock:
            self._texts.pop(rid, None)
            self._texts[rid] = tuple(texts)
            if len(self._texts) > MOST_REMEMBERED:
                del self._texts[next(iter(self._texts))]
        return key

    def texts(self, portal_type: str, key: int) -> tuple[str, ...] | None:
        """The texts of a key, as far as they are remembered."""
        return self._texts.get(self.rid(portal_type, key))

    def path(self, portal_type: str, key: int) -> str:
        """The path, the site's id first."""
        return f"{self._folders[portal_type]}/{self.id(portal_type, key)}"

    def of_path(self, path: str) -> int | None:
        """The number of the row at a path, whether or not it is there; None for any other path."""
        folder, _, own_id = path.rpartition("/")
        portal_type = self._by_folder.get(folder)
        key = None if portal_type is None else self.key_of_id(portal_type, own_id)
        return None if portal_type is None or key is None else self.rid(portal_type, key)

    def parts(self, portal_type: str, key: int) -> tuple[int, ...]:
        """A key of whole numbers as the values of its columns."""
        if len(self._tables[portal_type].key) == 1:
            return (key,)
        return (key >> HALF_BITS, key & (1 << HALF_BITS) - 1)

    @staticmethod
    def packed(values: Sequence[int]) -> int | None:
        """The values of the key's columns as one key; None when they are out of its range."""
        most = KEY_BITS if len(values) == 1 else HALF_BITS
        if not all(0 <= value < 1 << most for value in values):
            return None
        return values[0] if len(values) == 1 else values[0] << HALF_BITS | values[1]


def _tag(site_id: str, table: TableMapping) -> int:
    name = "\0".join((site_id, table.database, table.name.lower()))
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest()) >> 64 - _TAG_BITS


def encode_id(texts: Sequence[str]) -> str:
    """The id that texts make: one that is safe in a path, and from which they can be read again.

    Letters and digits of ASCII and ``_.-`` stand for themselves, other characters as a tilde and two hexadecimal digits
    a byte; several texts are joined by hyphens, which are then encoded within them. What would be too long for a path
    is two tildes and the digest.
    """
    pattern = _ENCODED if len(texts) == 1 else _ENCODED_PART
    found = "-".join(_encoded(text, pattern) for text in texts)
    # Three ids mean something of their own in a path, and an empty one nothing at all.
    if found in (".", "..", "new"):
        return f"~{ord(found[0]):02X}{found[1:]}"
    return _digest_id(digest(texts)) if len(found) > MOST_ID else found


def _digest_id(key: int) -> str:
    return f"~~{key:0{DIGEST_DIGITS}x}"


def _encoded(text: str, pattern: re.Pattern[str]) -> str:
    def escaped(match: re.Match[str]) -> str:
        return "".join(f"~{byte:02X}" for byte in match[0].encode("utf-8", "replace"))

    return pattern.sub(escaped, text) or "~"


def decode_id(text: str, width: int) -> tuple[str, ...] | None:
    """The texts that an id of so many was made of; None for what `encode_id` does not make."""
    parts = [text] if width == 1 else text.split("-")
    try:
        texts = tuple("" if part == "~" else _decoded(part) for part in parts)
    except ValueError:
        return None
    return texts if len(texts) == width and encode_id(texts) == text else None


def _decoded(text: str) -> str:
    pieces = _BYTE.split(text)
    whole = (bytes.fromhex(piece) if number % 2 else piece.encode() for number, piece in enumerate(pieces))
    return b"".join(whole).decode()
