"""What Home Assistant asks of a lock. Pure. A command that waited anywhere opens nothing."""

import enum
import json
import math
from dataclasses import dataclass
from typing import Final

OPENS: Final = frozenset({"OPEN", "UNLOCK"})  # a buzzer knows no difference
LOCK: Final = "LOCK"
TEMPLATE: Final = '{"cmd":"{{ value }}","at":{{ now().timestamp() }}}'
"""Rendered by Home Assistant for each command: without its time a late command could not be told from a fresh one."""

MAX_COMMAND_BYTES: Final = 256
MAX_AGE_S: Final = 10.0
MAX_REMEMBERED: Final = 1000


class Refusal(enum.Enum):
    """Why a command did nothing. Values are labels of a counter."""

    RETAINED = "retained"
    MALFORMED = "malformed"
    TOO_LATE = "too_late"
    REPEATED = "repeated"
    NOT_ALLOWED = "not_allowed"
    TOO_MANY = "too_many"


@dataclass(frozen=True, slots=True)
class Command:
    opens: bool  # else it locks, which a buzzer does by itself
    at_s: float  # Unix seconds by Home Assistant's clock


def parse(payload: bytes, *, retained: bool, now_s: float) -> Command | Refusal:
    """*now_s*: Unix seconds by our clock."""
    if retained:
        return Refusal.RETAINED
    if len(payload) > MAX_COMMAND_BYTES:
        return Refusal.MALFORMED
    try:
        message = json.loads(payload)
    except (ValueError, RecursionError):  # RecursionError: deeply nested
        return Refusal.MALFORMED
    if not isinstance(message, dict):
        return Refusal.MALFORMED
    command, at_s = message.get("cmd"), message.get("at")
    if isinstance(at_s, bool) or not isinstance(at_s, int | float) or not math.isfinite(at_s):
        return Refusal.MALFORMED
    if command not in (*OPENS, LOCK):
        return Refusal.MALFORMED
    if abs(now_s - at_s) > MAX_AGE_S:
        return Refusal.TOO_LATE
    return Command(command in OPENS, float(at_s))


class Heard:
    """Commands of the last seconds, so that one which the broker delivers twice opens once."""

    def __init__(self) -> None:
        self._at_s: dict[tuple[str, float], None] = {}  # (topic, time of the command), in the order they came

    def objection(self, topic: str, command: Command, now_s: float) -> Refusal | None:
        """None for a command that is new; then it is remembered for as long as it could be repeated."""
        key = (topic, command.at_s)
        if key in self._at_s:
            return Refusal.REPEATED
        if len(self._at_s) >= MAX_REMEMBERED:
            self._at_s = {old: None for old in self._at_s if abs(now_s - old[1]) <= MAX_AGE_S}
        if len(self._at_s) >= MAX_REMEMBERED:
            return Refusal.TOO_MANY
        self._at_s[key] = None
        return None
