"""How keys are written down in columns: long texts, keywords of any type, paths, words."""

import hashlib
from typing import Any, Final

from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from catalog.clauses import Key
from catalog.dialect import BinaryText, sortable_decimal
from catalog.schema import STRING_LENGTH

PREFIX_LENGTH: Final = 96
MARK: Final = "\0"
_INTEGER_OFFSET: Final = 2**63


def stored_text(text: str) -> str:
    """A text in at most 128 characters; equal texts stay equal, different ones different.

    A longer one becomes its first 96 characters, NUL and a digest, so long texts order by those characters only.
    """
    if len(text) <= STRING_LENGTH and text[PREFIX_LENGTH : PREFIX_LENGTH + 1] != MARK:
        return text
    digest = hashlib.blake2b(text.encode(), digest_size=15).hexdigest()
    return f"{text[:PREFIX_LENGTH]}{MARK}{digest}"


def keyword_text(key: Key) -> str:
    """A keyword as a text that sorts as the keyword does among those of its type."""
    if isinstance(key, str):
        return key
    if isinstance(key, int):
        return f"{key + _INTEGER_OFFSET:020d}"
    return sortable_decimal(key)


def parent_number(path: str) -> int:
    """A 63-bit number for the parent of a path, which makes a short key; queries compare the path itself as well."""
    parent = path.rpartition("/")[0]
    return int.from_bytes(hashlib.blake2b(parent.encode(), digest_size=8).digest()) >> 1


class StoredText(TypeDecorator[str]):
    """A text column of 128 characters for texts of any length; see `stored_text`."""

    impl = BinaryText(STRING_LENGTH)
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> Any:
        """Shorten what is too long."""
        return None if value is None else stored_text(value)
