"""The parameters that steer a method, told apart from criteria and field values.

One table says what each method takes. Everything a request holds beside that, and beside the few names that are
accepted everywhere, is `rest`: a criterion to `read`, a field to `create`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Literal

from objapi.api.converters import is_false, shown
from objapi.api.form_model import Form, Problem
from objapi.model.literal import parse_structured

Kind = Literal["text", "whole", "boolean", "names", "texts", "structure"]

# Whole numbers enter SQL as offsets and limits, which are 64 bits wide; a page number times a page size must fit.
MAX_WHOLE: Final = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Control:
    """A parameter of a method's own.

    Kinds: `text` one text, None when empty; `whole` a whole number ≥ 0; `boolean`; `names` comma separated or repeated,
    as a tuple; `texts` repeated or one JSON list, as a tuple; `structure` JSON or a Python literal. `default` is what
    an absent or empty value gives. `aliases` are other spellings that clients send.
    """

    name: str
    kind: Kind
    default: Any = None
    aliases: tuple[str, ...] = ()


# Accepted by every method and no part of what is asked: leavings of forms, of jQuery and of old scripts.
IGNORED: Final = frozenset(
    "_ _authenticator form.submitted __ac_name __ac_password pwd_empty submit debug_mode came_from -C".split()
)

_DRY_RUN: Final = Control("dry_run", "boolean", False)
_PARTIAL: Final = Control("partial", "boolean", False)
_VERSION: Final = Control("version", "text")
_OBJECT: Final = (Control("obj_path", "text"), Control("obj_uid", "text", aliases=("UID",)))
_PAGE: Final = (Control("page_nr", "whole", 0), Control("page_size", "whole", 10))
_SEARCH: Final = (
    Control("catalog_name", "text"),
    Control("limit", "whole", 0),
    Control("sort_on", "names", ("id",)),
    Control("sort_order", "names"),
    Control("sort_limit", "whole", 0),
    Control("b_start", "whole"),
    Control("b_size", "whole"),
    Control("include_fields", "names"),
    Control("include_methods", "names"),
    *_PAGE,
    Control("strict", "boolean", False),
    Control("warnings", "boolean", False),
    Control("expand", "names"),
    Control("references", "text"),
)
_TRANSITION: Final = (Control("action", "text"), Control("comment", "text"), _DRY_RUN, _PARTIAL)
_UIDS: Final = Control("uid", "texts", (), aliases=("UID", "uids"))

_TABLE: Final[Mapping[str, tuple[Control, ...]]] = {
    "read": _SEARCH,
    "create": (
        Control("obj_path", "text"),
        Control("obj_type", "text"),
        Control("obj_id", "text", aliases=("id",)),
        _DRY_RUN,
    ),
    "update": (*_OBJECT, Control("obj_type", "text"), Control("id", "text"), _VERSION, _DRY_RUN),
    "update_many": (Control("input_values", "structure"), _PARTIAL, _DRY_RUN),
    "remove": (Control("UID", "texts", ()), Control("break_references", "boolean", False), _DRY_RUN),
    "doActionFor": (*_TRANSITION, *_SEARCH),
    "doActionFor_many": (
        *_TRANSITION,
        Control("obj_paths", "texts", (), aliases=("f",)),
        Control("uids", "texts", ()),
    ),
    "allowedTransitionsFor": (_UIDS,),
    "allowedTransitionsFor_many": (_UIDS,),
    "getusers": (Control("roles", "texts", ()),),
    "version": (),
    "types": (Control("portal_type", "text"),),
    "catalogs": (),
    "workflows": (Control("format", "text"),),
    "history": (*_OBJECT, *_PAGE),
    "changes": (Control("since", "text"), Control("limit", "whole", 100)),
    "file": (Control("field", "text"),),
    "openapi.json": (),
}

# Method → its control parameters by name. A type may have no field named like one of these.
CONTROLS: Final[Mapping[str, Mapping[str, Control]]] = {
    method: {control.name: control for control in controls} for method, controls in _TABLE.items()
}


@dataclass(frozen=True, slots=True)
class Controls:
    """The parameters of one call, told apart.

    `values` holds every control of the method, read or default; `sent` the names of those that came with a value.
    `rest` is everything else with `name[]` as a list under `name`. `authenticator` is the token of a form, if sent.
    `problems` are what could not be read; a value with a problem has its default.
    """

    values: Mapping[str, Any]
    sent: frozenset[str]
    rest: Mapping[str, Any]
    problems: tuple[Problem, ...] = ()
    authenticator: str | None = None

    def text(self, name: str) -> str | None:
        """A `text` control."""
        value: str | None = self.values[name]
        return value

    def whole(self, name: str) -> int | None:
        """A `whole` control."""
        value: int | None = self.values[name]
        return value

    def flag(self, name: str) -> bool:
        """A `boolean` control."""
        return bool(self.values[name])

    def names(self, name: str) -> tuple[str, ...]:
        """A `names` or `texts` control; empty when it was not sent and has no default."""
        return tuple(self.values[name] or ())

    def structure(self, name: str) -> Any:
        """A `structure` control: lists, dicts, texts, numbers, booleans, None."""
        return self.values[name]


def read_controls(method: str, form: Form) -> Controls:
    """Tell the control parameters of `method` from the rest of a form. Raises KeyError for an unknown method.

    The form's own problems are not repeated here. A control of a wrong form, or sent twice with different values under
    two spellings, is a problem.
    """
    controls = CONTROLS[method]
    values: dict[str, Any] = {}
    sent: set[str] = set()
    problems: list[Problem] = []
    taken = set(IGNORED)
    for control in controls.values():
        spellings = [name for name in (control.name, *control.aliases) if name == control.name or name not in controls]
        taken.update(spellings)
        value, given = _read_spellings(control, spellings, form, problems)
        values[control.name] = value
        if given:
            sent.add(control.name)
    token = form.many("_authenticator")
    return Controls(
        values=values,
        sent=frozenset(sent),
        rest=_rest(form, taken),
        problems=tuple(problems),
        authenticator=str(token[0]) if token else None,
    )


def _read_spellings(control: Control, spellings: list[str], form: Form, problems: list[Problem]) -> tuple[Any, bool]:
    """The value of a control under any of its spellings, and whether one was sent that is not empty."""
    found: list[tuple[str, Any]] = []
    for name in spellings:
        values = _sent_values(control, name, form)
        if not values:
            continue
        try:
            value = _READERS[control.kind](name, values)
        except ValueError as reason:
            problems.append(Problem(name, f"{name}: {reason}."))
            continue
        if value is not None:
            found.append((name, value))
    if not found:
        return control.default, False
    name, value = found[0]
    for other, another in found[1:]:
        if another != value:
            problems.append(Problem(other, f"{name} and {other} are the same parameter; send one of them."))
    return value, True


def _sent_values(control: Control, name: str, form: Form) -> list[Any]:
    """What was sent under one spelling, empty values left out. A JSON list that is a structure is one value."""
    whole = form.get(name)
    if control.kind == "structure" and isinstance(whole, list) and not any(isinstance(part, str) for part in whole):
        return [whole]
    return [value for value in form.many(name) if value is not None and value != ""]


def _rest(form: Form, taken: set[str]) -> dict[str, Any]:
    rest: dict[str, Any] = {}
    for name in form:
        plain = name.removesuffix("[]")
        if plain not in taken and plain not in rest:
            rest[plain] = form.many(plain) if plain != name or f"{plain}[]" in form else form[name]
    return rest


def _single(values: list[Any]) -> Any:
    if len(values) > 1:
        raise ValueError(f"sent {len(values)} times; send it once")
    return values[0]


def _plain_text(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int, Decimal)):
        raise ValueError("a text is expected")
    return str(value)


def _read_text(name: str, values: list[Any]) -> str | None:
    text = _plain_text(_single(values))
    return text if text.strip() else None


def _read_whole(name: str, values: list[Any]) -> int | None:
    value = _single(values)
    text = value.strip() if isinstance(value, str) else _plain_text(value)
    if not text:
        return None
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"a whole number of 0 or more is expected, not {shown(text)}")
    if len(text.lstrip("0")) > len(str(MAX_WHOLE)) or int(text) > MAX_WHOLE:
        raise ValueError(f"{shown(text)} is more than {MAX_WHOLE}")
    return int(text)


def _read_boolean(name: str, values: list[Any]) -> bool:
    value = _single(values)
    if isinstance(value, bool):
        return value
    word = _plain_text(value).strip().casefold()
    if is_false(word):
        return False
    if word in ("1", "true", "yes", "on"):
        return True
    raise ValueError(f"1 or 0 is expected, not {shown(word)}")


def _read_names(name: str, values: list[Any]) -> tuple[str, ...] | None:
    parts = (part.strip() for value in values for part in _plain_text(value).split(","))
    return tuple(dict.fromkeys(part for part in parts if part)) or None


def _read_texts(name: str, values: list[Any]) -> tuple[str, ...] | None:
    texts: list[str] = []
    for value in values:
        is_list = isinstance(value, str) and value.lstrip().startswith("[")
        read = parse_structured(value) if is_list else value
        members = read if isinstance(read, list) else [read]
        texts.extend(_plain_text(member).strip() for member in members)
    return tuple(text for text in texts if text) or None


def _read_structure(name: str, values: list[Any]) -> Any:
    value = _single(values)
    if isinstance(value, str):
        return parse_structured(value)
    if not isinstance(value, (dict, list)):
        raise ValueError("a JSON object or list is expected")
    return value


_READERS: Final[Mapping[Kind, Callable[[str, list[Any]], Any]]] = {
    "text": _read_text,
    "whole": _read_whole,
    "boolean": _read_boolean,
    "names": _read_names,
    "texts": _read_texts,
    "structure": _read_structure,
}
