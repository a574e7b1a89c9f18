"""A press moves a relay at most once, and nobody presses without end."""

from edge.core.openings import OpenRequest
from edge.portal.presses import DOOR_OFFLINE, KEPT_S, PRESSES_A_MINUTE, RATE, Presses
from models.access import AccessDecision, Reason, UnlockMethod
from models.ids import DeviceId

REQUEST = OpenRequest(DeviceId("d-1"), UnlockMethod.APP_HOME, "1")
GRANTED, REFUSED = AccessDecision(Reason.GRANTED, (1,)), AccessDecision(Reason.SERVICE_BLOCKED)


class Door:
    """Answers as it is told, and counts."""

    def __init__(self, decision: AccessDecision, *, there: bool = True) -> None:
        self.decision, self.there, self.asked = decision, there, 0

    def __call__(self, identity: str, request: OpenRequest) -> tuple[AccessDecision, bool]:
        self.asked += 1
        return self.decision, self.decision.granted and self.there


def press(presses: Presses, door: Door, nonce: str, now_s: float) -> tuple[str, bool]:
    return presses.press(nonce, now_s, REQUEST, "o-1", door)


def test_one_nonce_opens_once_and_gets_the_same_answer() -> None:
    presses, door = Presses(), Door(GRANTED)
    assert press(presses, door, "n", 0.0) == ("", True)
    assert press(presses, door, "n", KEPT_S / 2) == ("", False)
    assert door.asked == 1


def test_a_refusal_has_its_reason_and_a_door_that_is_away_is_said() -> None:
    presses = Presses()
    assert press(presses, Door(REFUSED), "a", 0.0) == (Reason.SERVICE_BLOCKED.value, True)
    assert press(presses, Door(GRANTED, there=False), "b", 0.0) == (DOOR_OFFLINE, True)


def test_too_many_presses_are_refused_unasked_until_the_minute_is_over() -> None:
    presses, door = Presses(), Door(GRANTED)
    for number in range(PRESSES_A_MINUTE):
        assert press(presses, door, f"n-{number}", 0.0) == ("", True)
    assert press(presses, door, "more", 1.0) == (RATE, False)
    assert door.asked == PRESSES_A_MINUTE
    assert press(presses, door, "later", KEPT_S) == ("", True)
