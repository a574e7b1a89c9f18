"""Identities: a MAC in every notation is one device."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.ids import parse_mac


@pytest.mark.parametrize(
    "typed", ["0C11050B9814", "0c11050b9814", "0C:11:05:0B:98:14", "0c-11-05-0b-98-14", " 0c:11:05:0B:98:14\n"]
)
def test_every_notation_of_a_mac_is_the_same_device(typed):
    assert parse_mac(typed) == "0c11050b9814"


@pytest.mark.parametrize(
    "typed",
    ["", "0C11050B981", "0C11050B98145", "0C:11-05:0B:98:14", "0C11:05:0B:98:14", "0C.11.05.0B.98.14", "٠C11050B9814"],
)
def test_what_is_no_mac_is_refused(typed):
    with pytest.raises(ValueError, match="is not a MAC"):
        parse_mac(typed)


@pytest.mark.parametrize("typed", ["000000000000", "FFFFFFFFFFFF", "01005E000001"])
def test_an_address_of_many_or_nobody_is_no_device(typed):
    with pytest.raises(ValueError, match="one device"):
        parse_mac(typed)


@given(st.text(max_size=24))
def test_any_text_is_a_mac_or_a_value_error(typed):
    try:
        assert len(parse_mac(typed)) == 12
    except ValueError:
        return
