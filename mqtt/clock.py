"""How far each device's clock is off, and which messages are too old to move a relay (decision 4). Sans-IO.

A message can have waited at the broker (it has the DUP flag, or came before our own marker) or in the device (which
sends what it kept when it comes back). Only then, or when we know the device's clock, its age is asked at all: a device
whose clock stands at 1970 still lets people out.
"""

from collections.abc import Mapping
from typing import Final

from models.ids import Mac

MAX_AGE_MS: Final = 10_000
DISTRUST_AFTER_CONNECT_S: Final = 30.0
ACK_TEACHES_WITHIN_S: Final = 3.0


class DeviceClocks:
    """What is known of the devices' clocks. *now_s* is monotonic seconds, *now_ms* Unix milliseconds, both given."""

    def __init__(self, offsets_ms: Mapping[Mac, int] | None = None) -> None:
        """*offsets_ms*: device clock minus ours, as learnt and stored before."""
        self._offsets_ms: dict[Mac, int] = dict(offsets_ms or {})
        self._connected_s: dict[Mac, float] = {}

    def offset_ms(self, device: Mac) -> int:
        """Device clock minus ours; 0 where it is unknown."""
        return self._offsets_ms.get(device, 0)

    def connected(self, device: Mac, now_s: float) -> None:
        """The device came (back) to the broker, or may have: it can now send what it kept."""
        self._connected_s[device] = now_s

    def forget(self, device: Mac) -> None:
        """The device was removed."""
        self._offsets_ms.pop(device, None)
        self._connected_s.pop(device, None)

    def learn_hello(self, device: Mac, at_ms: int, now_ms: int) -> int:
        """Learn from an `up/hello` that cannot have waited; returns the offset."""
        return self._learn(device, at_ms - now_ms)

    def learn_ack(self, device: Mac, at_ms: int, now_ms: int, sent_ago_s: float) -> int | None:
        """Learn from an `up/ack` of a command sent *sent_ago_s* ago; None if that is too long to be exact."""
        return self._learn(device, at_ms - now_ms) if sent_ago_s < ACK_TEACHES_WITHIN_S else None

    def _learn(self, device: Mac, offset_ms: int) -> int:
        self._offsets_ms[device] = offset_ms
        return offset_ms

    def too_late(self, device: Mac, at_ms: int, *, now_ms: int, now_s: float, may_have_waited: bool) -> bool:
        """Whether a message of the device's time *at_ms* must not move a relay any more.

        *may_have_waited*: at the broker, by its DUP flag or because our marker has not come back yet.
        """
        connected_s = self._connected_s.get(device)
        just_connected = connected_s is not None and now_s - connected_s < DISTRUST_AFTER_CONNECT_S
        if not (may_have_waited or just_connected or device in self._offsets_ms):
            return False
        return abs(now_ms - (at_ms - self.offset_ms(device))) > MAX_AGE_MS
