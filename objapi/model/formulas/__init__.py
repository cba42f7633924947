"""Formulas of calculated results: a small arithmetic language, parsed into a tree and worked out in decimals.

Nothing of a formula is ever run as code. `grammar` reads the text, `evaluation` works the tree out.
"""

from objapi.model.formulas.evaluation import MAX_DIGITS, Measured, NoResult, evaluate, shown
from objapi.model.formulas.grammar import (
    FUNCTIONS,
    MAX_DEPTH,
    MAX_LENGTH,
    Apply,
    Expression,
    FormulaSyntaxError,
    Name,
    Number,
    names_in,
    parse_formula,
    text_of_formula,
)

__all__ = [
    "FUNCTIONS",
    "MAX_DEPTH",
    "MAX_DIGITS",
    "MAX_LENGTH",
    "Apply",
    "Expression",
    "FormulaSyntaxError",
    "Measured",
    "Name",
    "NoResult",
    "Number",
    "evaluate",
    "names_in",
    "parse_formula",
    "shown",
    "text_of_formula",
]
