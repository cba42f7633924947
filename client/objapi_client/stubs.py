"""The types of a site as Python classes, written from its description of itself (OpenAPI). Pure."""

import keyword
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

Schema = Mapping[str, Any]

_VALUES: Final = "Values"
"""What the schema of the values that clients send is called, behind the name of the type."""
_WORDS: Final = {
    "string": "str",
    "integer": "int",
    "number": "float",
    "boolean": "bool",
    "null": "None",
    "object": "dict[str, Any]",
    "array": "list[Any]",
}
_HEAD: Final = '''"""The types of {url}, written by `objapi-client stubs`. Write them anew when they have changed.

A class is an object as it is read: `site.query({example})`. One that ends with Values is what create and update take.
"""

from typing import Any, Literal, TypedDict
'''


class UnknownType(Exception):
    """A type was asked for that the site does not have."""


def written(document: Schema, url: str, wanted: Iterable[str] = ()) -> str:
    """The text of a module with the types of a site, or some of them. Raises UnknownType."""
    schemas = document["components"]["schemas"]
    portal_types = dict(_portal_types(schemas))
    names = list(dict.fromkeys(wanted)) or sorted(portal_types)
    unknown = [name for name in names if name not in portal_types]
    if unknown:
        raise UnknownType(f"The site has no type {', '.join(unknown)}.")
    example = next((portal_types[name] for name in names), "…")
    parts = [_HEAD.format(url=_prose(url), example=example)]
    for name in names:
        schema_name = portal_types[name]
        parts.append(_class(schema_name, schemas[schema_name]))
        if schema_name != name:
            parts.append(f'setattr({schema_name}, "__portal_type__", {_text(name)})\n')
        parts.append(_class(schema_name + _VALUES, schemas[schema_name + _VALUES]))
    return "\n\n".join(parts)


def _portal_types(schemas: Mapping[str, Schema]) -> Iterator[tuple[str, str]]:
    """Each portal_type, with the name of its schema."""
    for name, schema in schemas.items():
        portal_type = schema.get("properties", {}).get("portal_type", {}).get("const")
        if portal_type is not None and name.isidentifier() and not keyword.iskeyword(name):
            yield portal_type, name


def _class(name: str, schema: Schema) -> str:
    properties: Mapping[str, Schema] = schema.get("properties", {})
    about = _line(str(schema.get("description") or schema.get("title") or name))
    if all(field.isidentifier() and not keyword.iskeyword(field) for field in properties):
        lines = [f"class {name}(TypedDict, total=False):", f"    {_docstring(about)}", ""]
        for field, kind in properties.items():
            title = kind.get("title")
            lines += [f"    # {_line(title)}"] if title else []
            lines.append(f"    {field}: {_annotation(kind)}")
        return "\n".join(lines) + "\n"
    fields = ", ".join(f"{_text(field)}: {_quoted(_annotation(kind))}" for field, kind in properties.items())
    return f"{name} = TypedDict({_text(name)}, {{{fields}}}, total=False)\n"


def _annotation(schema: Schema) -> str:
    """The type of a value."""
    if "const" in schema:
        return f"Literal[{_literal(schema['const'])}]"
    if "enum" in schema:
        return f"Literal[{', '.join(_literal(value) for value in schema['enum'])}]" if schema["enum"] else "Any"
    said = schema.get("type")
    kinds = [said] if isinstance(said, str) else list(said or ())
    if not kinds:
        return "Any"
    return " | ".join(_list_of(schema) if kind == "array" else _WORDS.get(kind, "Any") for kind in kinds)


def _list_of(schema: Schema) -> str:
    items = schema.get("items")
    return f"list[{_annotation(items)}]" if items else _WORDS["array"]


def _literal(value: object) -> str:
    return _text(value) if isinstance(value, str) else repr(value) if isinstance(value, (int, bool)) else "None"


def _text(value: str) -> str:
    """A text as Python writes it, whatever the site has put into it."""
    return ascii(value)


def _quoted(annotation: str) -> str:
    return ascii(annotation) if "Any" not in annotation else annotation


def _docstring(text: str) -> str:
    return f'"""{_prose(text)}"""'


def _prose(text: str) -> str:
    """A text as it may stand in a docstring."""
    return _line(text).replace("\\", "").replace('"', "'")


def _line(text: str) -> str:
    """A text of one line without what an editor does not show."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
