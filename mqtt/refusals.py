"""Bad messages, and more than can be dealt with: counted, and one line a minute and device goes to the log."""

import logging
from collections import Counter
from typing import Final

from models.ids import Mac
from mqtt.payloads import Refused
from mqtt.topics import Up

log = logging.getLogger(__name__)

LINE_EVERY_S: Final = 60.0


class Refusals:
    """Counts by kind and problem. Holds one time for each device with an account, no content."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()  # (kind, problem)
        self.by_device: Counter[Mac] = Counter()  # bad messages and surplus ones
        self._said_s: dict[Mac, float] = {}
        self._unsaid: Counter[Mac] = Counter()

    def add(self, device: Mac, kind: Up, refused: Refused, now_s: float) -> None:
        """*now_s*: monotonic seconds."""
        self.counts[kind.value, refused.problem.value] += 1
        self._tell(device, f"bad up/{kind.value}: {refused.detail}", now_s)

    def surplus(self, device: Mac, kind: Up, now_s: float) -> None:
        """The device sends more than can be dealt with, and this message is dropped."""
        self._tell(device, f"more up/{kind.value} than can be dealt with; some are dropped", now_s)

    def _tell(self, device: Mac, what: str, now_s: float) -> None:
        self.by_device[device] += 1
        said_s = self._said_s.get(device)
        if said_s is not None and now_s - said_s < LINE_EVERY_S:
            self._unsaid[device] += 1
            return
        self._said_s[device] = now_s
        unsaid = self._unsaid.pop(device, 0)
        log.warning("device %s: %s (%d more since the last line)", device, what, unsaid)

    def forget(self, device: Mac) -> None:
        """The device was removed."""
        self.by_device.pop(device, None)
        self._said_s.pop(device, None)
        self._unsaid.pop(device, None)
