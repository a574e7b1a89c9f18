"""Open was pressed: one nonce moves a relay at most once, whatever is sent again."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from edge.core.openings import OpenRequest
from models.access import AccessDecision

KEPT_S: Final = 60.0
DOOR_OFFLINE: Final = "door_offline"
RATE: Final = "rate"
PRESSES_A_MINUTE: Final = 30

OpenDoor = Callable[[str, OpenRequest], tuple[AccessDecision, bool]]
"""Judge, log and send: the decision, and whether a granted one is on its way to a door that is there."""


@dataclass(frozen=True, slots=True)
class Pressed:
    """What a press came to; *reason* is empty where it opened."""

    reason: str
    at_s: float


class Presses:
    """Those of one session. *now_s*: monotonic seconds."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, Pressed] = OrderedDict()

    def press(self, nonce: str, now_s: float, request: OpenRequest, identity: str, door: OpenDoor) -> tuple[str, bool]:
        """The reason of a refusal, "" where it opened, and whether it is the first time."""
        while self._known and next(iter(self._known.values())).at_s <= now_s - KEPT_S:
            self._known.popitem(last=False)
        known = self._known.get(nonce)
        if known is not None:
            return known.reason, False
        if len(self._known) >= PRESSES_A_MINUTE:
            return RATE, False
        decision, sent = door(identity, request)
        reason = "" if sent else DOOR_OFFLINE if decision.granted else decision.reason.value
        self._known[nonce] = Pressed(reason, now_s)
        return reason, True
