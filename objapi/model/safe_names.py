"""Names that become directories at a beamline: what they may hold. Pure."""

import re
from typing import Final

SAFE: Final = "letters without accents, digits, '_' and '-'"
"""The characters of a name that any file system, shell and pipeline takes, for messages."""
_SAFE_NAME: Final = re.compile(r"[A-Za-z0-9_-]+")
_SEPARATORS: Final = frozenset('/\\:*?"<>|')


def unsafe_name(text: str) -> str | None:
    """The reason why a text is no safe name; None for one that is."""
    if _SAFE_NAME.fullmatch(text):
        return None
    wrong = "".join(dict.fromkeys(character for character in text if not _SAFE_NAME.fullmatch(character)))
    return f"{text[:60]!a} has {wrong[:20]!a} in it; it becomes a directory and may have {SAFE} alone"


def unsafe_folder(text: str) -> str | None:
    """The reason why a text cannot name a directory, where blanks and other signs are usual; None if it can."""
    wrong = [character for character in text if character in _SEPARATORS or not character.isprintable()]
    if not wrong and text.strip() == text and text.strip("."):
        return None
    return (
        f"{text[:60]!a} cannot name a directory: no control characters, none of {' '.join(sorted(_SEPARATORS))}, "
        "no blanks around it, and not dots alone"
    )
