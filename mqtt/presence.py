"""Who is online, from retained states and wills. Sans-IO.

After our own link was away nothing is certain: a state that the broker does not repeat before our marker comes back is
a state that nobody holds any more.
"""

from typing import Final

from models.ids import Mac

HEARD_COUNTS_S: Final = 60.0


class Presence:
    """States of the devices as last told. *now_s* is monotonic seconds."""

    def __init__(self) -> None:
        self._online: dict[Mac, bool] = {}
        self._doubted: set[Mac] = set()
        self._heard_s: dict[Mac, float] = {}

    def online(self, device: Mac) -> bool:
        return self._online.get(device, False)

    def reachable(self, device: Mac, now_s: float) -> bool:
        """Online, or never said anything about itself but spoke within the last minute."""
        state = self._online.get(device)
        return state if state is not None else now_s - self._heard_s.get(device, -HEARD_COUNTS_S) < HEARD_COUNTS_S

    def state(self, device: Mac, online: bool) -> None:
        """The device's state, or its will, arrived."""
        self._online[device] = online
        self._doubted.discard(device)

    def heard(self, device: Mac, now_s: float) -> None:
        """A message of the device arrived that did not wait."""
        self._heard_s[device] = now_s

    def doubt(self) -> None:
        """Our link was away: every state must be told again."""
        self._doubted = {device for device, online in self._online.items() if online}

    def settle(self) -> frozenset[Mac]:
        """All that the broker retains has been told: who is still doubted has gone offline, and is returned."""
        gone = frozenset(self._doubted)
        self._doubted.clear()
        for device in gone:
            self._online[device] = False
        return gone

    def forget(self, device: Mac) -> None:
        """The device was removed."""
        self._online.pop(device, None)
        self._heard_s.pop(device, None)
        self._doubted.discard(device)
