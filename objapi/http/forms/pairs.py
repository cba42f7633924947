"""Name=value pairs of a query string or form body, decoded from bytes, and the suffixes of their names.

Nothing of a value is interpreted here. A name such as `created.query:record:list:date` is read from the right: each
`:suffix` is cut off as long as there is one, by the rules of Zope's publisher, which LIMS clients were written
against.
"""

import encodings
import pkgutil
import re
from binascii import unhexlify
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, Literal, TypeAlias

from werkzeug.http import parse_options_header

from objapi.http.forms.converters import CONVERTERS

BodyKind: TypeAlias = Literal["form", "multipart", "json", "none"]

_FORM_TYPES: Final = frozenset({"", "application/x-www-form-urlencoded", "application/x-url-encoded"})
_METHODS_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})
_ESCAPES: Final = re.compile(rb"(?:%[0-9A-Fa-f]{2})+")


@dataclass(frozen=True, slots=True)
class FormUpload:
    """A file part of a multipart form. Without a file name it is false: a browser's empty file input."""

    filename: str
    content_type: str
    content: bytes = field(repr=False)

    def __bool__(self) -> bool:
        return bool(self.filename)


Upload: TypeAlias = FormUpload


@dataclass(frozen=True, slots=True)
class RawPair:
    """One pair as it arrived: percent-decoded bytes, and the charset its sender declared (None: UTF-8)."""

    name: bytes
    value: bytes | FormUpload
    name_charset: str | None = None
    value_charset: str | None = None


@dataclass(frozen=True, slots=True)
class BodyType:
    """The type of a request body: `kind`, the declared charset and the multipart boundary."""

    kind: BodyKind
    charset: str | None = None
    boundary: str | None = None


def body_type(method: str, content_type: str | None) -> BodyType:
    """The type of the body of a request with this HTTP method and Content-Type.

    Bodies of GET, HEAD and DELETE are not read. A missing content type counts as a form. Any type that is neither form
    nor JSON leaves the form to the query string ("none").
    """
    if method.upper() not in _METHODS_WITH_BODY:
        return BodyType("none")
    mimetype, options = parse_options_header(content_type)
    mimetype = mimetype.lower()
    charset = options.get("charset") or None
    if mimetype in _FORM_TYPES:
        return BodyType("form", charset)
    if mimetype == "multipart/form-data":
        return BodyType("multipart", charset, options.get("boundary"))
    if mimetype == "application/json":
        return BodyType("json", charset)
    return BodyType("none")


def parse_pairs(query: bytes, body: bytes | None = None, charset: str | None = None) -> list[RawPair]:
    """The pairs of a query string, then those of an urlencoded body whose declared charset is `charset`.

    Pairs are separated by `&` alone and empty ones vanish; without `=` the value is empty; `+` is a blank; a malformed
    escape stays as it is. Never raises.
    """
    pairs = [RawPair(name, value) for name, value in _split(query)]
    pairs.extend(RawPair(name, value, charset, charset) for name, value in _split(body or b""))
    return pairs


def _split(text: bytes) -> list[tuple[bytes, bytes]]:
    return [
        (_decoded(name), _decoded(value))
        for name, _, value in (chunk.partition(b"=") for chunk in text.split(b"&") if chunk)
    ]


def _decoded(text: bytes) -> bytes:
    """Percent-decode a text, a run of escapes at a time: a body of nothing but `%` must cost no more than any other."""
    text = text.replace(b"+", b" ")
    return _ESCAPES.sub(lambda run: unhexlify(run[0].replace(b"%", b"")), text) if b"%" in text else text


# A suffix is a letter and at least one more character; `.x` and `.y` come from image buttons. `$` also matches
# before a final line feed, which then belongs to the suffix, as in Zope.
_SUFFIX: Final = re.compile(r"(:[a-zA-Z][-a-zA-Z0-9_]+|\.[xy])$")

# Codecs of Python that are not character sets, or whose decoding costs or warns more than a form value deserves.
_NO_CHARSETS: Final = frozenset(
    "aliases base64_codec bz2_codec charmap hex_codec idna mbcs oem punycode quopri_codec raw_unicode_escape rot_13 "
    "undefined unicode_escape uu_codec zlib_codec".split()
)
# Clients send the same few names again and again; longer ones are not cached.
_LONGEST_REMEMBERED: Final = 200
# Listed once: looking a name up in `codecs` imports a module by it and remembers every miss, which is nothing to let a
# client do.
_CODEC_MODULES: Final = frozenset(module.name for module in pkgutil.iter_modules(encodings.__path__)) - {
    "aliases",
    "mbcs",
    "oem",
}


@dataclass(frozen=True, slots=True)
class Recode:
    """A codec suffix as sent, and Python's module name of the codec it spells."""

    suffix: str
    codec: str


@dataclass(frozen=True, slots=True)
class ParsedName:
    """A form name taken apart.

    `name` is what is left of all suffixes. `converter` is the left-most one ("" for none). `steps` are the suffixes
    that act on the value before anything else, right to left: "ignore_empty" and `Recode`s. `tuple_names` are the names
    that stood left of each `:tuple`, right to left, further suffixes included.
    """

    name: str
    converter: str = ""
    is_list: bool = False
    is_record: bool = False
    is_records: bool = False
    is_default: bool = False
    steps: tuple[Literal["ignore_empty"] | Recode, ...] = ()
    tuple_names: tuple[str, ...] = ()


def canonical_codec(suffix: str) -> str | None:
    """Python's module name of the codec that `suffix` spells (`Latin-1` → `latin_1`), None when there is none."""
    normal = encodings.normalize_encoding(suffix).lower()
    for candidate in (encodings.aliases.aliases.get(normal), normal):
        if candidate in _CODEC_MODULES:
            return candidate
    return None


def is_charset(codec: str) -> bool:
    """True for a codec (canonical name) that is a character set which a form value may be in."""
    return codec not in _NO_CHARSETS


def known_charset(name: str) -> str | None:
    """The canonical name of a character set, None for any other name."""
    codec = canonical_codec(name)
    return codec if codec is not None and is_charset(codec) else None


def cut(name: str) -> tuple[str, str] | None:
    """`name` without its last suffix, and that suffix without its mark; None when it has none."""
    colon = name.rfind(":")
    if colon < 0:
        return None
    match = _SUFFIX.search(name, colon)
    if match is None:
        return None
    return name[: match.start()], name[match.start() + 1 :]


def parse_name(name: str) -> ParsedName:
    """Take all suffixes off a form name. Never raises; unknown suffixes are cut off and mean nothing."""
    return _parse_remembered(name) if len(name) <= _LONGEST_REMEMBERED else _parse(name)


def _parse(name: str) -> ParsedName:
    converter = ""
    flags: set[str] = set()
    steps: list[Literal["ignore_empty"] | Recode] = []
    tuple_names: list[str] = []
    while (parts := cut(name)) is not None:
        name, suffix = parts
        if suffix in CONVERTERS:
            converter = suffix
        elif suffix in ("list", "record", "records", "default"):
            flags.add(suffix)
        elif suffix == "tuple":
            flags.add("list")
            tuple_names.append(name)
        elif suffix == "ignore_empty":
            steps.append("ignore_empty")
        elif suffix not in ("method", "action", "default_method", "default_action"):
            codec = canonical_codec(suffix)
            if codec is not None:
                steps.append(Recode(suffix, codec))
    return ParsedName(
        name=name,
        converter=converter,
        is_list="list" in flags,
        is_record="record" in flags,
        is_records="records" in flags,
        is_default="default" in flags,
        steps=tuple(steps),
        tuple_names=tuple(tuple_names),
    )


_parse_remembered = lru_cache(maxsize=1024)(_parse)
