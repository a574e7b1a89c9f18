"""The token in the address that a device reports to is of that device alone."""

import pytest

from edge.fleet.events_token import hook_token, is_hook_token, mac_of
from models.ids import Mac

GATE, LIFT = Mac("0c1105000001"), Mac("0c1105000002")


def test_a_token_names_its_device_and_proves_its_password() -> None:
    token = hook_token(GATE, "own")
    assert mac_of(token) == GATE
    assert is_hook_token(token, GATE, "own")
    assert not is_hook_token(token, GATE, "renewed")
    assert not is_hook_token(token, LIFT, "own")
    assert not is_hook_token(token, GATE, None)


@pytest.mark.parametrize(
    "spoilt", ["", "0c1105000001", "0C1105000001-" + "0" * 32, "0c1105000001-" + "0" * 33, "ü" * 45]
)
def test_what_is_no_token_names_nobody(spoilt: str) -> None:
    assert mac_of(spoilt) is None
