"""Words of a text, and the query language of text indexes.

A word is a run of letters, digits and `_`, in lower case; common words are dropped. Queries know AND, OR, NOT,
parentheses, quoted phrases, `-word`, and the wildcards `*` and `?`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from catalog.errors import TextSyntaxError

STOP_WORDS: Final = frozenset(
    (
        "a and are as at be but by for if in into is it no not of on or such that the their then there these they "
        "this to was will with"
    ).split()
)
MAX_WORDS: Final = 50
MAX_NESTING: Final = 30
MAX_LENGTH: Final = 10_000

_WORD: Final = re.compile(r"\w+")
_WORD_OR_PATTERN: Final = re.compile(r"\w+[\w*?]*")
_TOKEN: Final = re.compile(r'[()]|-?(?:"[^"]*"|[^()\s"]+)')
_OPERATORS: Final = frozenset({"AND", "OR", "NOT", "(", ")"})


@dataclass(frozen=True, slots=True)
class Word:
    """Documents that contain the word."""

    word: str


@dataclass(frozen=True, slots=True)
class Pattern:
    """Documents that contain a word of this shape: `*` is any run, `?` one character, neither in first place."""

    pattern: str


@dataclass(frozen=True, slots=True)
class Phrase:
    """Documents that contain the words next to each other, in order; no words: no document."""

    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AllWords:
    """Documents that meet all of `wanted` (never empty) and none of `unwanted`."""

    wanted: "tuple[TextNode, ...]"
    unwanted: "tuple[TextNode, ...]" = ()


@dataclass(frozen=True, slots=True)
class AnyWord:
    """Documents that meet any of the parts."""

    parts: "tuple[TextNode, ...]"


TextNode = Word | Pattern | Phrase | AllWords | AnyWord


def words_of(texts: str | Iterable[str]) -> list[str]:
    """The words of a text, or of several as if they were one, in order, common words left out."""
    parts = [texts] if isinstance(texts, str) else texts
    return [word for part in parts for word in map(str.lower, _WORD.findall(part)) if word not in STOP_WORDS]


def parse_text_query(text: str) -> TextNode:
    """Read a text query. Raises TextSyntaxError, as for a query of nothing but common words.

    A query has at most 50 words and 30 levels of parentheses; a database could not be trusted with more.
    """
    if len(text) > MAX_LENGTH:
        raise TextSyntaxError(f"a text query has at most {MAX_LENGTH} characters")
    tree = _Parser(_TOKEN.findall(text)).parse()
    if tree is None:
        raise TextSyntaxError("the text has nothing to search for: common words are not indexed")
    return tree


@dataclass(frozen=True, slots=True)
class _Unwanted:
    node: TextNode


class _Parser:
    """Recursive descent over the tokens; a method returns None where only common words were met."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens
        self.position = 0
        self.words = 0
        self.nesting = 0

    def parse(self) -> TextNode | None:
        tree = self._alternatives()
        if self.position < len(self.tokens):
            raise TextSyntaxError(f"{self.tokens[self.position]!r} cannot stand there: join it by AND or OR")
        return tree

    def _kind(self) -> str:
        """The operator at the present place, `atom` for anything else, `end` past the last."""
        if self.position >= len(self.tokens):
            return "end"
        upper = self.tokens[self.position].upper()
        return upper if upper in _OPERATORS else "atom"

    def _take(self, kind: str) -> bool:
        taken = self._kind() == kind
        self.position += taken
        return taken

    def _alternatives(self) -> TextNode | None:
        parts = [self._conjunction()]
        while self._take("OR"):
            parts.append(self._conjunction())
        found = tuple(part for part in parts if part is not None)
        if len(found) > 1:
            return AnyWord(found)
        return found[0] if found else None

    def _conjunction(self) -> TextNode | None:
        wanted = [self._term()]
        unwanted: list[TextNode | None] = []
        while self._take("AND"):
            (unwanted if self._take("NOT") else wanted).append(self._term())
        nodes = tuple(node for node in wanted if node is not None)
        dropped = tuple(node for node in unwanted if node is not None)
        if not nodes:
            return None
        return nodes[0] if len(nodes) == 1 and not dropped else AllWords(nodes, dropped)

    def _term(self) -> TextNode | None:
        if self._take("("):
            self.nesting += 1
            if self.nesting > MAX_NESTING:
                raise TextSyntaxError(f"parentheses are nested more than {MAX_NESTING} deep")
            tree = self._alternatives()
            if not self._take(")"):
                raise TextSyntaxError("a closing parenthesis is missing")
            self.nesting -= 1
            return tree
        if self._kind() != "atom":
            shown = repr(self.tokens[self.position]) if self.position < len(self.tokens) else "the end"
            raise TextSyntaxError(f"a word is expected before {shown}")
        return self._atoms()

    def _atoms(self) -> TextNode | None:
        atoms = []
        while self._kind() == "atom":
            atoms.append(self._atom(self.tokens[self.position]))
            self.position += 1
        found = [atom for atom in atoms if atom is not None]
        if not found:
            return None
        wanted = tuple(atom for atom in found if not isinstance(atom, _Unwanted))
        unwanted = tuple(atom.node for atom in found if isinstance(atom, _Unwanted))
        if not wanted:
            raise TextSyntaxError("words with a minus in front need one without beside them")
        return wanted[0] if len(found) == 1 else AllWords(wanted, unwanted)

    def _atom(self, token: str) -> TextNode | _Unwanted | None:
        words = [word for word in map(str.lower, _WORD_OR_PATTERN.findall(token)) if word not in STOP_WORDS]
        self.words += len(words)
        if self.words > MAX_WORDS:
            raise TextSyntaxError(f"a text query has at most {MAX_WORDS} words")
        if not words:
            return None
        node: TextNode
        if len(words) > 1:
            node = Phrase(tuple(words_of(words)))
        elif "*" in words[0] or "?" in words[0]:
            node = Pattern(words[0])
        else:
            node = Word(words[0])
        return _Unwanted(node) if token.startswith("-") else node
