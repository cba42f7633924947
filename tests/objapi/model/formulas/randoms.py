"""Random formulas."""

from decimal import Decimal

from hypothesis import strategies as st

from objapi.model.formulas import Apply, Expression, Name, Number

NAMES = ("a", "b", "Ca.LDL")
_LEAVES = st.one_of(
    st.decimals(min_value=0, max_value=1000, places=3, allow_nan=False).map(Number),
    st.integers(0, 9).map(lambda digit: Number(Decimal(digit))),
    st.sampled_from(NAMES).map(Name),
)
ONE, TWO = ("negate", "not", "abs"), ("+", "-", "*", "/", "<", "<=", ">", ">=", "==", "!=", "and", "or", "min", "max")


def _applied(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    return st.one_of(
        st.builds(lambda operation, operand: Apply(operation, (operand,)), st.sampled_from(ONE), inner),
        st.builds(lambda operation, left, right: Apply(operation, (left, right)), st.sampled_from(TWO), inner, inner),
        st.builds(lambda *operands: Apply("if", operands), inner, inner, inner),
        st.builds(lambda operand, places: Apply("round", (operand, Number(Decimal(places)))), inner, st.integers(0, 4)),
        st.builds(lambda base, power: Apply("**", (base, Number(Decimal(power)))), inner, st.integers(0, 3)),
    )


def expressions() -> st.SearchStrategy[Expression]:
    """Formulas of constants, names and all operations whose results are fractions."""
    return st.recursive(_LEAVES, _applied, max_leaves=12)
