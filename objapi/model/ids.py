"""Ids of new objects: what an id may look like, and what the id rule of a type makes of the values at hand.

Everything here is pure. The store reads the numbers that are in use, keeps the counters, and asks `plan_id` only for
the parts that the declaration decides.
"""

import re
import unicodedata
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Final

from objapi.model.paths import Path, PathError, parse_path
from objapi.model.types import IdKind, IdRule

MAX_ID_LENGTH: Final = 128
MAX_PADDING: Final = 18
_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_PART: Final = re.compile(r"\{([^{}]*)\}")
_MAX_DIGITS: Final = 18
_MAX_TITLE_ID: Final = 60


class IdProblem(ValueError):
    """An id that cannot be given; the message says why and what would do."""


@dataclass(frozen=True, slots=True)
class IdPlan:
    """An id whose number is still to be drawn: `prefix`, then a number of at least `least` in `padding` digits."""

    prefix: str
    padding: int = 0
    least: int = 1


@dataclass(frozen=True, slots=True)
class IdSettingValues:
    """Values of a site's settings object that concern ids.

    `rows` are mappings with portal_type, prefix, separator, padding and sequence_start. `year_in_prefix` is None when a
    site has no such switch: a form's ``{yy}`` is then always the year and rows never get one. `values` are the stored
    fields of the settings object, in which `padding_setting` and `start_setting` of a rule are looked up.
    """

    rows: Sequence[Mapping[str, object]] = ()
    year_in_prefix: bool | None = None
    values: Mapping[str, object] = field(default_factory=dict)


def check_id(text: str) -> str:
    """The id itself when it may be one (letters, digits and ``._-``, the first a letter or digit), else `IdProblem`."""
    if not text:
        raise IdProblem("an id cannot be empty")
    if len(text) > MAX_ID_LENGTH:
        raise IdProblem(f"an id has at most {MAX_ID_LENGTH} characters, this one has {len(text)}")
    if _ID.fullmatch(text) is None:
        raise IdProblem(
            f"{text!a} is no id: it begins with a letter or digit, and letters, digits, '.', '_' and '-' may follow"
        )
    return text


def plan_id(
    rule: IdRule,
    portal_type: str,
    *,
    values: Callable[[Path], object],
    settings: IdSettingValues,
    now: datetime,
) -> IdPlan | str:
    """The id that a rule gives: a finished one, or a plan when a number is to be drawn.

    `values` answers the value at the end of a path of the new object; `now` is the site's local time, whose year is
    used. Raises `IdProblem` when a value that the form needs is empty, or the result would be no id.
    """
    if rule.kind is IdKind.FROM_TITLE:
        return normalise_title(_filled(rule.form, values, settings, now, as_written=True))
    if rule.kind is not IdKind.SEQUENCE:
        return check_id(_filled(rule.form, values, settings, now))
    row = _row(settings.rows, portal_type) if rule.overridable else None
    plan = _from_rule(rule, values, settings, now) if row is None else _from_row(row, portal_type, settings, now)
    check_id(format_id(plan, plan.least))
    return plan


def format_id(plan: IdPlan, number: int) -> str:
    """The id with a number, filled up with zeros to the padding; `IdProblem` when it would become too long."""
    if number < 0:
        raise IdProblem(f"the number of an id cannot be negative ({number})")
    return check_id(f"{plan.prefix}{number:0{plan.padding}d}" if plan.padding else f"{plan.prefix}{number}")


def number_of(prefix: str, object_id: str) -> int | None:
    """The number that follows a prefix in an id, None when anything but digits follows.

    More than 18 digits are not a number of a sequence: no counter holds them.
    """
    digits = object_id[len(prefix) :]
    if not object_id.startswith(prefix) or not digits or len(digits) > _MAX_DIGITS:
        return None
    return int(digits) if digits.isascii() and digits.isdecimal() else None


def numbered(base: str, taken: Container[str]) -> str:
    """An id from a title that no sibling has: the base, else `base-1`, `base-2` and so on."""
    candidate, number = base, 0
    while candidate in taken:
        number += 1
        candidate = f"{base[: MAX_ID_LENGTH - 1 - len(str(number))]}-{number}"
    return candidate


def normalise_title(text: str) -> str:
    """An id made of a title: lower case ASCII words joined by hyphens, at most 60 characters.

    Raises `IdProblem` when the title has no letter or digit that ASCII knows.
    """
    words = re.findall(r"[a-z0-9_]+(?:\.[a-z0-9_]+)*", _ascii(text).lower())
    joined = "-".join(words).lstrip("_.-")
    if len(joined) > _MAX_TITLE_ID:
        cut = joined[: _MAX_TITLE_ID + 1]
        joined = (cut.rpartition("-")[0] or cut[:_MAX_TITLE_ID]).rstrip("-._")
    if not joined:
        raise IdProblem(f"no id can be made of {text[:60]!a}: it has no letter or digit; give obj_id")
    return joined


def form_problems(rule: IdRule) -> list[str]:
    """Mistakes in the form of a rule, for the loader: unreadable paths, a number that is missing or not last."""
    problems = []
    parts = _PART.findall(rule.form)
    # The number must end a form: the next one is found by the text before it, a prefix in the table of sequences.
    if re.search(r"[{}]", _PART.sub("", rule.form)):
        problems.append("a brace without its partner")
    if rule.kind is IdKind.SEQUENCE and (parts.count("n") != 1 or not rule.form.endswith("{n}")):
        problems.append("a sequence ends in {n}, the number, and has no other")
    if rule.kind is not IdKind.SEQUENCE and "n" in parts:
        problems.append(f"{{n}} has a meaning for kind sequence only, not for {rule.kind}")
    if rule.kind is IdKind.FIXED and parts:
        problems.append("a fixed id has no {…} parts")
    if not rule.form:
        problems.append("the form is empty")
    for part in parts:
        if part not in ("n", "yy"):
            try:
                parse_path(part)
            except PathError as error:
                problems.append(str(error))
    return problems


def form_paths(form: str) -> tuple[Path, ...]:
    """The paths that a form is filled with, in order. Raises `PathError`."""
    return tuple(_path(part) for part in _PART.findall(form) if part not in ("n", "yy"))


_path = lru_cache(maxsize=1000)(parse_path)


def _from_rule(rule: IdRule, values: Callable[[Path], object], settings: IdSettingValues, now: datetime) -> IdPlan:
    prefix = _filled(rule.form.removesuffix("{n}"), values, settings, now)
    padding = _setting(settings, rule.padding_setting, rule.padding)
    return IdPlan(prefix, min(padding, MAX_PADDING), max(1, _setting(settings, rule.start_setting, 1)))


def _from_row(row: Mapping[str, object], portal_type: str, settings: IdSettingValues, now: datetime) -> IdPlan:
    year = _year(now) if settings.year_in_prefix else ""
    separator = row.get("separator")
    prefix = _file_name(str(row.get("prefix") or portal_type.lower()))
    return IdPlan(
        f"{prefix}{year}{_file_name('-' if separator is None else str(separator))}",
        min(_whole(row.get("padding"), 0), MAX_PADDING),
        max(1, _whole(row.get("sequence_start"), 1)),
    )


def _row(rows: Sequence[Mapping[str, object]], portal_type: str) -> Mapping[str, object] | None:
    return next((row for row in rows if row.get("portal_type") == portal_type), None)


def _filled(
    form: str,
    values: Callable[[Path], object],
    settings: IdSettingValues,
    now: datetime,
    *,
    as_written: bool = False,
) -> str:
    """The form with its parts replaced; values become plain file-name characters unless they are wanted as written."""

    def part(match: re.Match[str]) -> str:
        if match[1] == "yy":
            return "" if settings.year_in_prefix is False else _year(now)
        value = values(_path(match[1]))
        if value is None or not str(value).strip():
            raise IdProblem(f"the id is made from {match[1]}, which is empty here; set it or give obj_id")
        return str(value).strip() if as_written else _file_name(str(value))

    return _PART.sub(part, form)


def _setting(settings: IdSettingValues, name: str | None, default: int) -> int:
    return default if name is None else _whole(settings.values.get(name), default)


def _whole(value: object, default: int) -> int:
    """A number of a settings row, which may have been typed as text; what is empty or no number is the default."""
    text = str(value).strip() if value is not None else ""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _MAX_DIGITS else default


def _year(now: datetime) -> str:
    return f"{now.year % 100:02d}"


def _ascii(text: str) -> str:
    return unicodedata.normalize("NFKD", text.replace("ß", "ss")).encode("ascii", "ignore").decode("ascii")


def _file_name(text: str) -> str:
    """Plain ASCII file-name characters: accents off, blanks and whatever else an id cannot have become hyphens."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", _ascii(text.strip()))
