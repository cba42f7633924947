"""Text queries as SQL conditions over the table of words and their positions."""

import re
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.sql import ColumnElement

from catalog.dialect import BinaryText
from catalog.schema import STRING_LENGTH
from catalog.text import AllWords, AnyWord, Pattern, Phrase, TextNode, Word

Condition = ColumnElement[bool]
_LAST_CHARACTER: Final = "\U0010ffff"
_ESCAPE: Final = "!"
_RAW: Final = BinaryText(4 * STRING_LENGTH)


def text_condition(rid: ColumnElement[int], postings: sa.Table, number: int, tree: TextNode) -> Condition:
    """The documents, by `rid`, whose text in the index of this number meets the tree."""
    match tree:
        case Word(word):
            return rid.in_(_rids(postings, number, postings.c.word == word))
        case Pattern(pattern):
            return rid.in_(_rids(postings, number, *_like(postings.c.word, pattern)))
        case Phrase(words):
            return _phrase(rid, postings, number, words)
        case AllWords(wanted, unwanted):
            return sa.and_(
                *(text_condition(rid, postings, number, node) for node in wanted),
                *(sa.not_(text_condition(rid, postings, number, node)) for node in unwanted),
            )
        case AnyWord(parts):
            return sa.or_(*(text_condition(rid, postings, number, node) for node in parts))


def _rids(postings: sa.Table, number: int, *where: Condition) -> sa.Select[Any]:
    return sa.select(postings.c.rid).where(postings.c.idx == number, *where)


def _like(column: ColumnElement[str], pattern: str) -> list[Condition]:
    """A range over the plain beginning, which the key serves, and the pattern itself."""
    beginning = re.split(r"[*?]", pattern, maxsplit=1)[0]
    if len(pattern) > STRING_LENGTH:
        return [sa.false()]
    escaped = re.sub(r"[!_]", lambda match: _ESCAPE + match[0], pattern).replace("*", "%").replace("?", "_")
    raw = sa.type_coerce(column, _RAW)
    return [
        raw >= sa.literal(beginning, _RAW),
        raw < sa.literal(beginning + _LAST_CHARACTER, _RAW),
        raw.like(sa.literal(escaped, _RAW), escape=_ESCAPE),
    ]


def _phrase(rid: ColumnElement[int], postings: sa.Table, number: int, words: tuple[str, ...]) -> Condition:
    """The first word, and each further one so many places behind it: one key look-up an occurrence and word."""
    if not words:
        return sa.false()
    first = postings.alias("first")
    following = []
    for distance, word in enumerate(words[1:], start=1):
        other = postings.alias(f"word_{distance}")
        following.append(
            sa.exists().where(
                other.c.idx == number,
                other.c.word == word,
                other.c.rid == first.c.rid,
                other.c.pos == first.c.pos + distance,
            )
        )
    return rid.in_(sa.select(first.c.rid).where(first.c.idx == number, first.c.word == words[0], *following))
