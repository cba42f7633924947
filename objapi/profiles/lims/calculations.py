"""Calculated results: they follow the interim values and the other results that their formulas name.

A result is worked out when one of its inputs is written, by whatever way, together with that. Only what is not
submitted yet is written, and never a result that was typed by hand.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Final

from objapi.model.behaviors import Behaviors, Entity, Planner
from objapi.model.formulas import Expression, Measured, NoResult, evaluate, names_in, shown
from objapi.profiles.lims.analyses import BEFORE_SUBMISSION
from objapi.profiles.lims.dependencies import analysis_dependents, calculation_in_use, fellows
from objapi.profiles.lims.formulas import LIMIT_SUFFIXES, SERVICE_LIMITS, parsed
from objapi.profiles.lims.reading import decimal, is_active, rows, state, text
from objapi.profiles.lims.record_checks import result_is_an_option
from objapi.profiles.lims.results import OPERANDS
from objapi.profiles.lims.services import interims_of_service

behaviors: Final = Behaviors()

_OPEN: Final = (*BEFORE_SUBMISSION, "unassigned", "assigned")
"""States of analyses, duplicates and controls in which results are still written."""
_LIKE_A_NUMBER: Final = re.compile(r"[<>\u2264\u2265~\u2248\u00b1+\u2212-]*\s*[.,]?\d")
"""The beginning of a text that means a number, such as ``3,5`` or ``\u22640.1``."""
_LIMITS: Final = tuple(f".{suffix}" for suffix in SERVICE_LIMITS)
_LARGEST: Final = 300
"""The greatest exponent of ten of a number that goes into a calculation."""


class _TextInput(Exception):
    """Raised for an input that is a text, such as ``n.d.``, where the formula needs a number."""


@dataclass(frozen=True, slots=True)
class CalculatedValue:
    """The result of a calculation, or why there is none; and the inputs that it was worked out from, by name."""

    result: str | None
    reason: str | None = None
    inputs: Mapping[str, str] = field(default_factory=dict)


@behaviors.add("effect", "recalculate")
def recalculate(planner: Planner, analysis: Entity, args: Mapping[str, object]) -> None:
    """Work out what follows from a changed value of an analysis: its own result, and those calculated from it.

    `args`: the `field` that changed; without one, the analysis counts again.
    """
    if not analysis.has_entered:
        return
    changed = args.get("field")
    if changed == "Result":
        if _was_calculated(planner, analysis):
            # Whoever calculated it goes on to what follows from it.
            return
        if _tree(planner, analysis) is not None:
            planner.set(analysis, "ResultByHand", bool(text(planner, analysis, "Result")), system=True)
    _calculate(planner, analysis)
    _follow(planner, analysis)


@behaviors.add("effect", "recalculate_others")
def recalculate_others(planner: Planner, analysis: Entity, args: Mapping[str, object]) -> None:
    """Work out again what was calculated from an analysis that does not count any more."""
    _follow(planner, analysis)


@behaviors.add("effect", "calculate_new")
def calculate_new(planner: Planner, analysis: Entity, args: Mapping[str, object]) -> None:
    """Work out the result of a new analysis if its inputs are there, and what follows from a result that it brings.

    Likewise of one that a content file makes or changes.
    """
    tree = _tree(planner, analysis)
    result = planner.value(analysis, "Result")
    brings = bool(result) and result != planner.old_value(analysis, "Result")
    if tree is not None:
        if brings and planner.value(analysis, "ResultByHand") is None:
            planner.set(analysis, "ResultByHand", True, system=True)
        if _has_inputs(planner, analysis, tree) and _is_open(planner, analysis):
            outcome = _worked_out(planner, analysis, tree)
            if outcome.result is not None:
                _store(planner, analysis, outcome)
    if brings:
        _follow(planner, analysis)


@behaviors.add("condition", "follows_its_inputs")
def follows_its_inputs(planner: Planner, analysis: Entity, args: Mapping[str, object]) -> str | None:
    """A calculated result is that of its inputs as they are: one submitted before them did not follow them further.

    A detection limit that a service has been given since is for later results.
    """
    if not _was_calculated(planner, analysis):
        return None
    inputs = _Inputs(planner, analysis)
    # Their values are for those who may see results, the reason is for everybody.
    changed = [
        str(row.get("keyword"))
        for row in rows(planner, analysis, "CalculatedFrom")
        if not str(row.get("keyword")).endswith(_LIMITS) and inputs.written(str(row.get("keyword"))) != row.get("value")
    ]
    if not changed:
        return None
    return f"it was submitted before {', '.join(changed)} changed, from which it is calculated; retract it"


def _repeats(planner: Planner, analysis: Entity) -> bool:
    return "RetestOf" in analysis.type.fields and bool(planner.value(analysis, "RetestOf"))


def _has_inputs(planner: Planner, analysis: Entity, tree: Expression | str) -> bool:
    """True unless all that the formula names are interim values with which every analysis of the service begins."""
    if isinstance(tree, str):
        return False
    interims = rows(planner, analysis, "InterimFields")
    own = {str(row.get("keyword")) for row in interims}
    if _repeats(planner, analysis) or not own.issuperset(names_in(tree)):
        return True
    return interims != (interims_of_service(planner, analysis) or [])


def _was_calculated(planner: Planner, analysis: Entity) -> bool:
    """True while the result is the one that the calculation has written."""
    calculated = text(planner, analysis, "CalculatedResult")
    return (
        bool(calculated)
        and calculated == text(planner, analysis, "Result")
        and planner.value(analysis, "ResultByHand") is not True
    )


def _is_by_hand(planner: Planner, analysis: Entity) -> bool:
    """True for a result that somebody typed; of one from before results were calculated nobody knows."""
    said = planner.value(analysis, "ResultByHand")
    if isinstance(said, bool):
        return said
    return bool(text(planner, analysis, "Result")) and not _was_calculated(planner, analysis)


def _is_open(planner: Planner, analysis: Entity) -> bool:
    return state(planner, analysis) in _OPEN and is_active(planner, analysis)


def _tree(planner: Planner, analysis: Entity) -> Expression | str | None:
    """The formula of an analysis, or why it cannot be read; None for an analysis that is not calculated."""
    calculation = calculation_in_use(planner, analysis)
    written = "" if calculation is None else text(planner, calculation, "Formula")
    return parsed(written) if written else None


def _calculate(planner: Planner, analysis: Entity) -> None:
    """Work out the result of an analysis that is calculated and not submitted yet."""
    if _is_open(planner, analysis):
        tree = _tree(planner, analysis)
        if tree is not None:
            _store(planner, analysis, _worked_out(planner, analysis, tree))


def _follow(planner: Planner, analysis: Entity) -> None:
    """Work out all that is calculated from an analysis, each after what it is calculated from itself."""
    found: dict[str, Entity] = {}
    sources: dict[str, list[str]] = {}
    waiting = [analysis]
    while waiting:
        source = waiting.pop()
        for user in analysis_dependents(planner, source):
            sources.setdefault(user.uid, []).append(source.uid)
            if user.uid not in found:
                found[user.uid] = user
                waiting.append(user)
    try:
        order = list(TopologicalSorter(sources).static_order())
    except CycleError:
        for user in found.values():
            if _is_open(planner, user):
                _store(planner, user, CalculatedValue(None, "its formula leads back to itself"))
        return
    for uid in order:
        if uid in found:
            _calculate(planner, found[uid])


def _store(planner: Planner, analysis: Entity, outcome: CalculatedValue) -> None:
    """Write what the calculation gives, and the result unless somebody typed it.

    Without an outcome a result that the calculation had given is taken back.
    """
    by_hand, was_calculated = _is_by_hand(planner, analysis), _was_calculated(planner, analysis)
    planner.set(analysis, "ResultByHand", by_hand, system=True)
    inputs = [{"keyword": name, "value": value} for name, value in outcome.inputs.items()]
    planner.set(analysis, "CalculatedFrom", inputs or None, system=True)
    planner.set(analysis, "CalculationMessage", outcome.reason, system=True)
    planner.set(analysis, "CalculatedResult", outcome.result, system=True)
    if not by_hand and (outcome.result is not None or was_calculated):
        planner.set(analysis, "Result", outcome.result, system=True)


def _worked_out(planner: Planner, analysis: Entity, tree: Expression | str) -> CalculatedValue:
    """The outcome of a formula.

    A text that the formula needs as a number is its result: what is calculated from ``n.d.`` is ``n.d.``.
    """
    if isinstance(tree, str):
        return CalculatedValue(None, f"the formula cannot be read: {tree}")
    inputs = _Inputs(planner, analysis)
    try:
        result = shown(evaluate(tree, inputs.value_of))
        wrong = result_is_an_option(planner, analysis, "Result", result)
    except _TextInput as found:
        result, wrong = str(found), None
    except NoResult as reason:
        return CalculatedValue(None, str(reason), inputs.used)
    return CalculatedValue(None, wrong, inputs.used) if wrong else CalculatedValue(result, None, inputs.used)


class _Inputs:
    """The values of the names in the formula of an analysis; `used` are those that were asked for, as written."""

    def __init__(self, planner: Planner, analysis: Entity) -> None:
        self.used: dict[str, str] = {}
        self._planner = planner
        self._analysis = analysis
        self._interims = _interim_values(planner, analysis)

    def value_of(self, name: str) -> Measured:
        """The number or detection limit under a name. Raises NoResult, and _TextInput for any other text."""
        written = self._written(name)
        if not written:
            raise NoResult(f"{name} has no value yet")
        self.used[name] = written
        limit = written[0] if written[0] in OPERANDS else ""
        number = decimal(written[len(limit) :])
        if number is None and _LIKE_A_NUMBER.match(written):
            # As a result it would look like one of its own.
            raise NoResult(f"{name} is {written[:40]!r}, which cannot be read as a number; write it as 1234.5")
        if number is None:
            raise _TextInput(written)
        if number and abs(number.adjusted()) > _LARGEST:
            raise NoResult(f"{name} is {written[:40]}, with which nothing can be calculated")
        return Measured(number, "<" if limit == "<" else ">" if limit else "")

    def written(self, name: str) -> str:
        """The text of the value under a name; empty when there is none."""
        try:
            return self._written(name)
        except NoResult:
            return ""

    def _written(self, name: str) -> str:
        if name in self._interims:
            return self._interims[name]
        keyword, _, suffix = name.partition(".")
        source = self._source(keyword)
        if suffix in LIMIT_SUFFIXES:
            return self._of_limits(keyword, suffix, source)
        if source is None:
            raise NoResult(f"{keyword} is not analysed here")
        if not suffix:
            return _result(self._planner, source)
        return _interim_values(self._planner, source).get(suffix, "")

    def _source(self, keyword: str) -> Entity | None:
        return next(
            (
                source
                for source in fellows(self._planner, self._analysis)
                if text(self._planner, source, "Keyword") == keyword
            ),
            None,
        )

    def _of_limits(self, keyword: str, suffix: str, source: Entity | None) -> str:
        """A detection limit of a service; or 1 if the result of its analysis is beyond it, else 0."""
        service = self._service(keyword)
        name = "LowerDetectionLimit" if suffix in ("LDL", "BELOWLDL") else "UpperDetectionLimit"
        limit = "" if service is None else text(self._planner, service, name)
        if suffix in ("LDL", "UDL"):
            return limit
        result = "" if source is None else _result(self._planner, source)
        if not result:
            return ""
        sign = "<" if suffix == "BELOWLDL" else ">"
        number, bound = decimal(result), decimal(limit)
        beyond = number is not None and bound is not None and (number < bound if sign == "<" else number > bound)
        return "1" if result.startswith(sign) or beyond else "0"

    def _service(self, keyword: str) -> Entity | None:
        calculation = calculation_in_use(self._planner, self._analysis)
        used: Sequence[Entity] = () if calculation is None else self._planner.related(calculation, "DependentServices")
        return next((service for service in used if text(self._planner, service, "Keyword") == keyword), None)


def _interim_values(planner: Planner, analysis: Entity) -> dict[str, str]:
    """Keyword → interim value, as written."""
    return {
        str(row.get("keyword")): "" if row.get("value") is None else str(row["value"]).strip()
        for row in rows(planner, analysis, "InterimFields")
    }


def _result(planner: Planner, analysis: Entity) -> str:
    """The result, with the sign of a detection limit that was chosen beside it."""
    result = text(planner, analysis, "Result")
    operand = (
        text(planner, analysis, "DetectionLimitOperand") if "DetectionLimitOperand" in analysis.type.fields else ""
    )
    return f"{operand}{result}" if operand and result and result[0] not in OPERANDS else result
