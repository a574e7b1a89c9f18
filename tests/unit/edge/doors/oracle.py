"""The decisions on doors told a second time, slowly: from the whole history of a reader, nothing kept in between.

PIN mode, one kind of credential, whole seconds. What the desk answers must be what this says.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

LOCKS_S: Final = (30, 60, 120, 240, 480, 900)


@dataclass(frozen=True)
class Code:
    """A PIN: when it is good (seconds of the wall clock), where, and how often."""

    from_s: int = 0
    until_s: int = 10**12
    doors: frozenset[str] = frozenset()
    uses: int | None = None
    blocked: bool = False


@dataclass
class Oracle:
    codes: dict[str, Code]
    disabled: frozenset[str] = frozenset()
    answers: dict[tuple[str, str], tuple[int, str]] = field(default_factory=dict)
    history: dict[str, list[tuple[int, bool]]] = field(default_factory=dict)  # judged codes: when, right
    used: dict[str, int] = field(default_factory=dict)

    def told(self, door: str, identity: str, pin: str, wall_s: int, mono_s: int) -> str:
        """The reason that the device is told."""
        first = self.answers.get((door, identity))
        if first is not None and wall_s - first[0] < 24 * 3_600:
            return first[1]
        reason = self._judge(door, pin, wall_s, mono_s)
        self.answers[door, identity] = (wall_s, reason)
        if reason == "unknown_credential":
            self.history.setdefault(door, []).append((mono_s, False))
        if reason == "granted":
            self.history.setdefault(door, []).append((mono_s, True))
            self.used[pin] = self.used.get(pin, 0) + 1
        return reason

    def _judge(self, door: str, pin: str, wall_s: int, mono_s: int) -> str:
        code = self.codes.get(pin)
        objections = [
            ("device_disabled", door in self.disabled),
            ("locked_out", mono_s < locked_until(self.history.get(door, ()))),
            ("unknown_credential", code is None),
        ]
        if code is not None:
            objections += [
                ("unknown_credential", bool(code.doors) and door not in code.doors),
                ("not_yet_valid", wall_s < code.from_s),
                ("expired", wall_s >= code.until_s),
                ("uses_spent", code.uses is not None and self.used.get(pin, 0) >= code.uses),
                ("service_blocked", code.blocked),
            ]
        return next((reason for reason, objects in objections if objects), "granted")


def locked_until(history: Sequence[tuple[int, bool]]) -> int:
    """End of the last lock that *history* of judged codes caused, played through from the beginning."""
    wrong: list[int] = []
    locks = until = 0
    for at_s, right in history:
        if right:
            wrong, locks, until = [], 0, 0
            continue
        if until and at_s >= until + 3_600:
            locks = 0
        wrong = [*(earlier for earlier in wrong if at_s - earlier < 300), at_s]
        if len(wrong) == 5:
            until = at_s + LOCKS_S[min(locks, 5)]
            locks += 1
            wrong = []
    return until
