"""Bad messages are counted, and one line a minute and device goes to the log."""

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
        self._said_s: dict[Mac, float] = {}
        self._unsaid: Counter[Mac] = Counter()

    def add(self, device: Mac, kind: Up, refused: Refused, now_s: float) -> None:
        """*now_s*: monotonic seconds."""
        self.counts[kind.value, refused.problem.value] += 1
        said_s = self._said_s.get(device)
        if said_s is not None and now_s - said_s < LINE_EVERY_S:
            self._unsaid[device] += 1
            return
        self._said_s[device] = now_s
        unsaid = self._unsaid.pop(device, 0)
        log.warning(
            "device %s: bad up/%s: %s (%d more since the last line)", device, kind.value, refused.detail, unsaid
        )

    def forget(self, device: Mac) -> None:
        """The device was removed."""
        self._said_s.pop(device, None)
        self._unsaid.pop(device, None)
