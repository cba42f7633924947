"""How keys of a user portal are stored."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objapi.ispyb.values.conversions import stored_id
from objapi.ispyb.values.errors import BadCall


@given(st.integers(0, 2**128 - 1))
def test_keys_of_a_portal_are_sixteen_bytes_in_the_order_of_their_values(number: int) -> None:
    stored = stored_id(number)
    assert stored is not None
    assert len(stored) == 16
    assert int.from_bytes(stored, "big") == number


@given(st.integers(max_value=-1) | st.integers(min_value=2**128))
def test_keys_that_do_not_fit_are_refused(number: int) -> None:
    with pytest.raises(BadCall, match="externalId"):
        stored_id(number)
