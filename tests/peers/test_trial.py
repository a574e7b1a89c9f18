"""`edge call test`'s call, to telephones that answer, refuse, or let it ring."""

from collections.abc import Iterator

import pytest

from edge.phone.handle import Phone, PhoneSettings
from edge.phone.trial import place_call

CASES = {
    "answers": (((0, 180), (0.3, 200)), 200, True, True),
    "is busy": (((0, 486),), 486, False, False),
    "rings for ever": (((0, 180),), 487, True, False),
    "declines after a while": (((0, 180), (0.3, 603)), 603, True, False),
}


@pytest.mark.peer("pjsua2")
@pytest.mark.parametrize("case", CASES)
async def test_a_call_is_reported_as_it_went(addresses: Iterator[str], case: str) -> None:
    steps, status, rings, answers = CASES[case]
    ip = next(addresses)
    callee = PhoneSettings(ip=ip, user="101", port=5060, tone_hz=880, answer_steps=steps)
    async with Phone(callee):
        call = await place_call(f"{ip}:5060", "door", "secret", "101", ring_s=1.5, talk_s=1.0)
    assert call.status == status
    assert (call.rang_after_s is not None) == rings
    assert (call.answered_after_s is not None) == answers
    assert (call.heard_packets > 25) == answers
