"""Files of instruments from the declarations of all profiles: files in `result_files`, every name in them checked."""

import codecs
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Final

from objapi.model.instrument_files import Conversion, InstrumentFile, ResultColumn, ResultTarget, SampleColumn
from objapi.model.loading.profiles import Profile
from objapi.model.registry import CatalogDeclaration
from objapi.model.types import EntityType
from workflows import Workflow
from workflows.declarations import DeclarationProblem, Section

FOLDER: Final = "result_files"
INSTRUMENT_KEYS: Final = (
    "title", "about", "encoding", "delimiter", "decimal", "heading_row", "samples", "results", "test", "result", "unit",
    "tests", "columns", "skip", "words", "conversions",
)  # fmt: skip
SAMPLE_KEYS: Final = ("column", "pattern", "type", "index", "fields")
RESULT_KEYS: Final = ("type", "index", "keyword", "field", "unit", "states", "action")
_COLUMN_KEYS: Final = ("keyword", "unit")
_CONVERSION_KEYS: Final = ("unit", "factor")
_DELIMITERS: Final = {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|"}
_DECIMALS: Final = {"point": False, "comma": True}
_MOST_ROWS: Final = 1000


def read_instrument_files(
    profiles: Sequence[Profile],
    types: Mapping[str, EntityType],
    catalogs: Mapping[str, CatalogDeclaration],
    workflows: Mapping[str, Workflow],
    problems: list[DeclarationProblem],
) -> dict[str, InstrumentFile]:
    """Every shape of files by the name of its own file. A later profile replaces one of the same name."""
    found: dict[str, InstrumentFile] = {}
    for profile in profiles:
        for name, node in profile.named_trees(FOLDER, problems):
            root = Section(node, "", problems, INSTRUMENT_KEYS)
            found[name] = _Reader(name, root, types, catalogs, workflows).read()
    return found


class _Reader:
    """Reads one shape, noting every name that the profiles do not declare."""

    def __init__(
        self,
        name: str,
        root: Section,
        types: Mapping[str, EntityType],
        catalogs: Mapping[str, CatalogDeclaration],
        workflows: Mapping[str, Workflow],
    ) -> None:
        self._name = name
        self._root = root
        self._types = types
        self._catalogs = catalogs
        self._workflows = workflows

    def read(self) -> InstrumentFile:
        """The shape."""
        root = self._root
        columns = {
            heading: ResultColumn(column.text("keyword", required=True), column.text("unit"))
            for heading, column in root.sections("columns", _COLUMN_KEYS)
        }
        test, result = root.text("test"), root.text("result")
        if bool(columns) == bool(test or result):
            root.note(
                "either columns are named, each with the keyword of its results, or the columns test and result",
                "columns; or test and result",
            )
        elif not columns and not (test and result):
            root.note("test and result go together", "the headings of both columns", "test" if test else "result")
        return InstrumentFile(
            name=self._name,
            title=root.text("title", self._name),
            sample=self._sample(root.section("samples", SAMPLE_KEYS)),
            target=self._target(root.section("results", RESULT_KEYS)),
            test=test,
            result=result,
            unit=root.text("unit"),
            tests=self._texts("tests"),
            columns=columns,
            encoding=self._encoding(),
            delimiter=_DELIMITERS.get(self._chosen("delimiter", _DELIMITERS), ""),
            decimal_comma=_DECIMALS.get(self._chosen("decimal", _DECIMALS), False),
            heading=root.number("heading_row", most=_MOST_ROWS) or 0,
            skip={
                heading: frozenset(text.casefold() for text in root.section("skip").texts(heading))
                for heading in root.mapping("skip")
            },
            words={word.casefold(): meaning for word, meaning in self._texts("words").items()},
            conversions=self._conversions(),
        )

    def _texts(self, key: str) -> dict[str, str]:
        inner = self._root.section(key)
        return {name: inner.text(name) for name in inner.names()}

    def _chosen(self, key: str, known: Mapping[str, object]) -> str:
        text = self._root.text(key)
        if text:
            self._root.choose(key, text, known, "word")
        return text

    def _encoding(self) -> str:
        name = self._root.text("encoding")
        try:
            known = not name or codecs.lookup(name)._is_text_encoding
        except LookupError:
            known = False
        if not known:
            self._root.note(f"{name!r} is no encoding of texts", "such as utf-8 or cp1252", "encoding")
            return ""
        return name

    def _conversions(self) -> dict[str, tuple[Conversion, ...]]:
        found: dict[str, list[Conversion]] = {}
        for unit, inner in self._root.sections("conversions", _CONVERSION_KEYS):
            text = inner.text("factor", required=True)
            try:
                factor = Decimal(text)
            except InvalidOperation:
                factor = Decimal(0)
            if not factor.is_finite() or factor <= 0:
                inner.note(f"{text!r} is no factor", "a number above 0 in quotes, such as '0.001'", "factor")
            found.setdefault(unit, []).append(Conversion(inner.text("unit", required=True), factor))
        return {unit: tuple(conversions) for unit, conversions in found.items()}

    # What lines are about

    def _sample(self, section: Section) -> SampleColumn:
        declared, index = self._type(section), section.text("index", required=True)
        catalog = self._catalog_with(section, declared, index)
        names = section.texts("fields")
        if not names:
            section.note("fields is missing", "the fields of which one has the code", "fields")
        for name in names:
            if declared is not None:
                section.choose("fields", name, ["id", *declared.fields], "field")
        return SampleColumn(
            column=section.text("column", required=True),
            portal_type=section.text("type"),
            index=index,
            catalog=catalog,
            names=names,
            pattern=self._pattern(section),
        )

    def _pattern(self, section: Section) -> re.Pattern[str] | None:
        text = section.text("pattern")
        try:
            pattern = re.compile(text) if text else None
        except re.error as error:
            section.note(f"{text!r} is no regular expression: {error}", "such as '^([A-Z]+-[0-9]+)'", "pattern")
            return None
        if pattern is not None and pattern.groups > 1:
            section.note("the pattern has several groups", "one group around the code, or none", "pattern")
        return pattern

    def _target(self, section: Section) -> ResultTarget:
        declared, index = self._type(section), section.text("index", required=True)
        catalog = self._catalog_with(section, declared, index)
        names = {key: section.text(key, required=key != "unit") for key in ("keyword", "field", "unit")}
        for key, name in names.items():
            if declared is not None and name:
                section.choose(key, name, declared.fields, "field")
        action, states = section.text("action"), section.texts("states")
        chain = (
            []
            if declared is None
            else [self._workflows[name] for name in declared.workflows if name in self._workflows]
        )
        if action and declared is not None:
            known = {name for workflow in chain for name in workflow.transitions}
            section.choose("action", action, sorted(known), f"transition of {declared.portal_type}")
        holding = [workflow for workflow in chain if not states or set(states) <= workflow.states.keys()]
        if states and not holding and declared is not None:
            known = {name for workflow in chain for name in workflow.states}
            for state in states:
                section.choose("states", state, sorted(known), f"state of {declared.portal_type}")
        return ResultTarget(
            portal_type=section.text("type"),
            catalog=catalog,
            index=index,
            keyword=names["keyword"],
            field=names["field"],
            unit=names["unit"],
            variable=holding[0].state_variable if holding else "",
            states=frozenset(states),
            action=action,
        )

    def _type(self, section: Section) -> EntityType | None:
        name = section.text("type", required=True)
        if name:
            section.choose("type", name, self._types, "type")
        return self._types.get(name)

    def _catalog_with(self, section: Section, declared: EntityType | None, index: str) -> str:
        """The first catalog of a type that has an index."""
        if declared is None or not index:
            return ""
        own = [self._catalogs[name] for name in declared.catalogs if name in self._catalogs]
        found = next((item.name for item in own if index in item.schema.indexes), "")
        if not found:
            known = {name for item in own for name in item.schema.indexes}
            section.choose("index", index, sorted(known), f"index of {declared.portal_type}")
        return found
