"""A file that a client sends: a part of a form, or base64 in JSON."""

import base64
import binascii
import mimetypes
import re
from collections.abc import Mapping
from typing import Final

from objapi.model.values import LoadContext, NewFile, UploadedFile, ValueProblem, clean_text, shown

DEFAULT_CONTENT_TYPE: Final = "application/octet-stream"
MAX_FILENAME: Final = 255
_MEDIA_TYPE: Final = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,100}/[A-Za-z0-9!#$&^_.+-]{1,100}")
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f]")
_KEYS: Final = frozenset({"filename", "content_type", "base64", "data"})


def file_of(raw: object, context: LoadContext) -> NewFile:
    """The file in an upload, or in ``{"filename", "content_type", "base64"}`` (``data`` is another name of ``base64``).

    Raises `ValueProblem`. The directories that some browsers send with a file name are left off.
    """
    if isinstance(raw, UploadedFile):
        filename, content_type, content = raw.filename, raw.content_type, raw.content
    elif isinstance(raw, Mapping):
        filename, content_type, content = _from_record(raw, context)
    else:
        raise ValueProblem(
            f"a file is expected, not {shown(raw)}: a part of a form, or a record of filename, content_type and base64"
        )
    if len(content) > context.max_file:
        raise ValueProblem(f"a file has at most {context.max_file} bytes here, this one has {len(content)}")
    name = _checked_name(filename or "file")
    return NewFile(name, _checked_type(content_type, name), content)


def _from_record(raw: Mapping[object, object], context: LoadContext) -> tuple[str, str | None, bytes]:
    unknown = [shown(key) for key in raw if key not in _KEYS]
    if unknown:
        raise ValueProblem(f"a file has no {', '.join(unknown)}; it has filename, content_type and base64")
    filename, content_type = raw.get("filename"), raw.get("content_type")
    encoded = raw.get("base64", raw.get("data"))
    if not isinstance(encoded, str) or not isinstance(filename, str):
        raise ValueProblem("a file in JSON needs filename and base64, both texts")
    if content_type is not None and not isinstance(content_type, str):
        raise ValueProblem("content_type is a text such as application/pdf")
    if len(encoded) > context.max_file // 3 * 4 + 4:
        raise ValueProblem(f"a file has at most {context.max_file} bytes here")
    try:
        return filename, content_type, base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as problem:
        raise ValueProblem(f"base64 cannot be decoded: {problem}") from None


def _checked_name(filename: str) -> str:
    name = clean_text(filename, 10_000).replace("\\", "/").rpartition("/")[2].strip()
    if not name or _CONTROLS.search(name):
        raise ValueProblem(f"{shown(filename)} is no name of a file")
    if len(name.encode()) > MAX_FILENAME:
        raise ValueProblem(f"the name of a file has at most {MAX_FILENAME} bytes")
    return name


def _checked_type(content_type: str | None, filename: str) -> str:
    """The media type without parameters; guessed from the name when none is given."""
    if not content_type:
        return mimetypes.guess_type(filename)[0] or DEFAULT_CONTENT_TYPE
    media_type = content_type.partition(";")[0].strip().lower()
    if _MEDIA_TYPE.fullmatch(media_type) is None:
        raise ValueProblem(f"{shown(content_type)} is no media type such as application/pdf")
    return media_type
