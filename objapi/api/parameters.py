"""The parameters of a request: read from query string and body, then divided into a method's own and all others.

A method declares its control parameters as `Control`s. Every other parameter, beside the few names that are accepted
everywhere, is in `Controls.rest`: a criterion to `read`, a field to `create`.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, Literal, TypeAlias

from werkzeug.http import parse_options_header

from objapi.api.bodies import is_json_type, sent_body
from objapi.api.json_body import merge, parse_body
from objapi.errors import Cause, TooLarge, combine
from objapi.http.forms.converters import is_false, shown
from objapi.http.forms.form_records import FormRecord
from objapi.http.forms.marshalling import Form, FormOptions, FormProblem, marshal
from objapi.http.forms.multipart import MultipartLimits, parse_multipart
from objapi.http.forms.pairs import BodyType, parse_pairs
from objapi.model.literal import parse_structured
from objapi.model.values import LoadContext, NewFile, file_of
from objapi.settings import Settings

ControlKind: TypeAlias = Literal["text", "whole", "boolean", "names", "words", "texts", "structure", "any", "file"]

# Whole numbers enter SQL as offsets and limits, which are 64 bits wide; a page number times a page size must fit.
MAX_WHOLE: Final = 2**31 - 1


@dataclass(frozen=True, slots=True, eq=False)
class Control:
    """One of a method's own parameters.

    Kinds: `text` one text, None when empty; `whole` a whole number ≥ 0; `boolean`; `names` comma separated or repeated,
    as a tuple, each once; `words` the same with every word in its place, however often it comes; `texts` repeated or
    one JSON list, as a tuple; `structure` JSON or a Python literal; `file` a part of a multipart form, or a record of
    `filename` and `base64`; `any` as it was sent, for the method to read: it may be a field of the same name. `default`
    is what an absent or empty value gives.
    `aliases` are other spellings that clients send.
    """

    name: str
    kind: ControlKind
    default: Any = None
    aliases: tuple[str, ...] = ()
    about: str = field(default="", kw_only=True)
    """Its meaning in a sentence, for the description of the API."""
    required: bool = field(default=False, kw_only=True)
    """True where no call does without it; the method itself refuses such a call."""
    secret: bool = field(default=False, kw_only=True)
    """True for a credential: it is taken from the body of a POST alone, and stored nowhere."""
    shape: Mapping[str, object] | None = field(default=None, kw_only=True)
    """JSON Schema of a `structure` or `any`; None: whatever the kind takes."""


LANGUAGE: Final = Control("language", "text", about="Code of the language of titles and help, as far as there is one.")
"""Of methods that tell what is declared."""


# Accepted and ignored everywhere: residue of HTML forms, jQuery and old scripts.
IGNORED: Final = frozenset(
    "_ _authenticator form.submitted __ac_name __ac_password pwd_empty submit debug_mode came_from -C".split()
)


@dataclass(frozen=True, slots=True)
class Controls:
    """The parameters of one call, the method's own apart from the rest.

    `values` holds every control of the method, read or default; `sent` the names of those that came with a value.
    `rest` is everything else with `name[]` as a list under `name`. `authenticator` is the token of a form, if sent.
    `problems` are the parameters that could not be read; they have their defaults. `notes` say what of the request was
    not read at all.
    """

    values: Mapping[str, Any]
    sent: frozenset[str]
    rest: Mapping[str, Any]
    problems: tuple[FormProblem, ...] = ()
    authenticator: str | None = None
    notes: tuple[str, ...] = ()

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
        """A `names`, `words` or `texts` control; empty when it was not sent and has no default."""
        return tuple(self.values[name] or ())

    def file(self, name: str) -> NewFile | None:
        """A `file` control."""
        value: NewFile | None = self.values[name]
        return value

    def structure(self, name: str) -> Any:
        """A `structure` control: lists, dicts, texts, numbers, booleans, None."""
        return self.values[name]


@dataclass(frozen=True, slots=True)
class _Layout:
    """The names under which the controls of a method are sent."""

    controls: tuple[tuple[Control, tuple[str, ...]], ...]
    """Each with its spellings."""
    places: Mapping[str, tuple[int, ...]]
    """Name under which spellings may be in a form → the places of their controls."""
    defaults: Mapping[str, Any]
    taken: frozenset[str]
    """Names that are no criteria."""


@lru_cache(maxsize=256)
def _layout(declared: tuple[Control, ...]) -> _Layout:
    controls = {control.name: control for control in declared}
    found: list[tuple[Control, tuple[str, ...]]] = []
    places: dict[str, tuple[int, ...]] = {}
    for place, control in enumerate(controls.values()):
        spellings = (control.name, *(name for name in control.aliases if name not in controls))
        found.append((control, spellings))
        for name in (*spellings, *(f"{name}[]" for name in spellings)):
            places[name] = (*places.get(name, ()), place)
    return _Layout(
        tuple(found),
        places,
        {control.name: control.default for control, _ in found},
        IGNORED.union(*(spellings for _, spellings in found)),
    )


def read_controls(declared: Iterable[Control], form: Form) -> Controls:
    """Divide a form into the control parameters that a method declares and the rest.

    The form's own problems are not repeated here. A control of a wrong form, or sent twice with different values under
    two spellings, is a problem.
    """
    layout = _layout(tuple(declared))
    values = dict(layout.defaults)
    sent: set[str] = set()
    problems: list[FormProblem] = []
    # Few of a method's controls are sent with one request.
    for place in sorted({place for name in form for place in layout.places.get(name, ())}):
        control, spellings = layout.controls[place]
        value, given = _read_spellings(control, spellings, form, problems)
        values[control.name] = value
        if given:
            sent.add(control.name)
    token = form.many("_authenticator")
    return Controls(
        values=values,
        sent=frozenset(sent),
        rest=_rest(form, layout.taken),
        problems=tuple(problems),
        authenticator=str(token[0]) if token and str(token[0]).strip() else None,
    )


def _read_spellings(
    control: Control, spellings: Sequence[str], form: Form, problems: list[FormProblem]
) -> tuple[Any, bool]:
    """The value of a control under any of its spellings, and true when one was sent that is not empty."""
    found: list[tuple[str, Any]] = []
    for name in spellings:
        values = _sent_values(control, name, form)
        if not values:
            continue
        try:
            value = _READERS[control.kind](name, values)
        except ValueError as reason:
            problems.append(FormProblem(name, f"{name}: {reason}."))
            continue
        if value is not None:
            found.append((name, value))
    if not found:
        return control.default, False
    name, value = found[0]
    for other, another in found[1:]:
        if another != value:
            problems.append(FormProblem(other, f"{name} and {other} are the same parameter; send one of them."))
    return value, True


def _sent_values(control: Control, name: str, form: Form) -> list[Any]:
    """The values sent under one spelling, empty ones left out. A JSON list that is a structure is one value."""
    whole = form.get(name)
    if control.kind == "any":
        return [form.many(name) if f"{name}[]" in form else whole] if form.has_any({name, f"{name}[]"}) else []
    # A parameter that a form has repeated is a list of texts alone.
    if control.kind == "structure" and isinstance(whole, list) and not (whole and _are_texts(whole)):
        return [whole]
    return [value for value in form.many(name) if value is not None and value != ""]


def _are_texts(values: list[Any]) -> bool:
    return all(isinstance(value, str) for value in values)


def _rest(form: Form, taken: frozenset[str]) -> dict[str, Any]:
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
    words = _read_words(name, values)
    return None if words is None else tuple(dict.fromkeys(words))


def _read_words(name: str, values: list[Any]) -> tuple[str, ...] | None:
    parts = (part.strip() for value in values for part in _plain_text(value).split(","))
    return tuple(part for part in parts if part) or None


def _read_texts(name: str, values: list[Any]) -> tuple[str, ...] | None:
    texts: list[str] = []
    for value in values:
        is_list = isinstance(value, str) and value.lstrip().startswith("[")
        read = parse_structured(value) if is_list else value
        members = read if isinstance(read, list) else [read]
        texts.extend(_plain_text(member).strip() for member in members)
    return tuple(text for text in texts if text) or None


def _read_any(name: str, values: list[Any]) -> Any:
    return _single(values)


def _read_structure(name: str, values: list[Any]) -> Any:
    value = _single(values)
    if isinstance(value, str):
        return parse_structured(value)
    if isinstance(value, FormRecord):
        return value.members
    if not isinstance(value, (dict, list)):
        raise ValueError("a JSON object or list is expected")
    return [item.members if isinstance(item, FormRecord) else item for item in value] if type(value) is list else value


def _read_file(name: str, values: list[Any]) -> NewFile:
    return file_of(_single(values), _FILES)


# Of the context a file needs the greatest size alone, and the body that it comes in has a limit.
_FILES: Final = LoadContext(UTC, parse_structured, datetime.min.replace(tzinfo=UTC))

_READERS: Final[Mapping[ControlKind, Callable[[str, list[Any]], Any]]] = {
    "text": _read_text,
    "whole": _read_whole,
    "boolean": _read_boolean,
    "names": _read_names,
    "words": _read_words,
    "texts": _read_texts,
    "structure": _read_structure,
    "any": _read_any,
    "file": _read_file,
}


# Keys of a record that holds a file, whose size has a limit of its own.
_FILE_CONTENT: Final = frozenset({"base64", "data"})


def read_form(
    verb: str,
    query: bytes,
    content_type: str | None,
    body: bytes,
    settings: Settings,
    unbounded: Collection[str] = (),
    kind: BodyType | None = None,
) -> Form:
    """The form of a request, checked against the limits of the site.

    `kind` is the type of the body, where it has been found out already. Parameters named in `unbounded` hold a whole
    batch in one value: the size of the body and the number of entries bound them. Raises BadRequest naming every
    parameter that cannot be read, TooLarge for every one past a limit.
    """
    kind = kind or sent_body(verb, content_type, body).type
    options = _form_options(settings.max_parameters, settings.max_body_size, settings.max_list_length)
    form = with_nested(_marshalled(kind, query, body, options, settings.timezone, settings))
    form.refuse_problems()
    if kind.kind == "json":
        form = merge(form, parse_body(body, kind.charset, most_values=settings.max_json_values))
    _refuse_excess(form, settings, unbounded)
    return form


@lru_cache(maxsize=8)
def _form_options(parameters: int, length: int, entries: int) -> FormOptions:
    return FormOptions.gateway(max_parameters=parameters, max_value_length=length, max_list=entries)


def has_json_body(verb: str, content_type: str | None) -> bool:
    """True when the call names its body JSON, by which a new client differs from a historic one."""
    return verb.upper() == "POST" and is_json_type(parse_options_header(content_type)[0].lower())


def _marshalled(
    kind: BodyType, query: bytes, body: bytes, options: FormOptions, zone: tzinfo, settings: Settings
) -> Form:
    pairs = parse_pairs(query, body if kind.kind == "form" else None, kind.charset)
    if kind.kind == "multipart":
        limits = MultipartLimits(
            max_parts=settings.max_parameters,
            max_field_size=settings.max_body_size,
            max_file_size=settings.max_body_size,
        )
        pairs.extend(parse_multipart(body, kind.boundary, limits))
    return marshal(pairs, options, zone)


def _refuse_excess(form: Form, settings: Settings, unbounded: Collection[str]) -> None:
    if len(form) > settings.max_parameters:
        raise TooLarge(
            f"{len(form)} parameters were sent, the limit of this site is {settings.max_parameters} "
            "(its setting OBJAPI_MAX_PARAMETERS)."
        )
    causes = [
        cause
        for name, value in form.items()
        if name not in unbounded and (not isinstance(value, str) or len(value) > settings.max_value_length)
        for cause in _excesses(name, value, settings)
    ]
    if causes:
        raise combine([TooLarge(cause.message, causes=[cause]) for cause in causes])


def _excesses(name: str, value: Any, settings: Settings) -> Iterator[Cause]:
    """One cause for each part of a parameter beyond the limits, at any depth of a value that came as JSON."""
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, str) and len(part) > settings.max_value_length:
            message = (
                f"{name}: the value has {len(part)} characters, the limit of this site is {settings.max_value_length} "
                "(its setting OBJAPI_MAX_VALUE_LENGTH)."
            )
            yield Cause("parameter", name, message)
        elif isinstance(part, list | tuple):
            if len(part) > settings.max_list_length:
                message = (
                    f"{name}: the list has {len(part)} entries, the limit of this site is {settings.max_list_length} "
                    "(its setting OBJAPI_MAX_LIST_LENGTH)."
                )
                yield Cause("parameter", name, message)
            waiting.extend(part)
        elif isinstance(part, dict):
            waiting.extend(member for key, member in part.items() if key not in _FILE_CONTENT)


_NESTED: Final = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])+)")
_KEY: Final = re.compile(r"\[([^\[\]]*)\]")
_MOST_LEVELS: Final = 8


def with_nested(form: Form) -> Form:
    """The form in which every `name[key]…` is part of a record, or of a list where its keys are numbers, under `name`.

    `name[]` alone stays: it is a list already. A name that cannot be placed is a problem of the form.
    """
    nested = {name: match for name in form if (match := _NESTED.fullmatch(name)) and match[2] != "[]"}
    if not nested:
        return form
    values: dict[str, Any] = {name: value for name, value in form.items() if name not in nested}
    trees: dict[str, dict[str, Any]] = {}
    problems = list(form.problems)
    for name, match in nested.items():
        base, keys = match[1], _KEY.findall(match[2])
        wrong = _place(trees.setdefault(base, {}), keys, form[name]) if base not in values else "sent as a value, too"
        if wrong:
            problems.append(FormProblem(name, f"{shown(name)[1:-1]}: {wrong}."))
    values.update((base, _with_lists(tree)) for base, tree in trees.items() if base not in values)
    return Form(values, problems, form.dropped)


def _place(tree: dict[str, Any], keys: list[str], value: Any) -> str:
    """Put a value into a tree of records; the reason why it has no place there, or an empty text."""
    if len(keys) > _MOST_LEVELS:
        return f"nested more than {_MOST_LEVELS} levels deep"
    if keys[-1] == "":
        keys, value = keys[:-1], value if isinstance(value, list) else [value]
    if "" in keys:
        return "only the last brackets may be empty; number the entries of a list of records"
    for key in keys[:-1]:
        below = tree.setdefault(key, {})
        if not isinstance(below, dict):
            return "sent as a value, too"
        tree = below
    if keys[-1] in tree:
        return "sent twice"
    tree[keys[-1]] = value
    return ""


def _with_lists(tree: Mapping[str, Any]) -> Any:
    """The tree with each level whose keys are all numbers as a list, in the order of the numbers."""
    level = {key: _with_lists(part) if isinstance(part, dict) else part for key, part in tree.items()}
    if level and all(key.isascii() and key.isdigit() and len(key) < 10 for key in level):
        return [level[key] for key in sorted(level, key=int)]
    return level
