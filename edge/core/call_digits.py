"""DTMF digits of one call: a press counted once, digits gathered into the door's codes (decision 21)."""

from collections.abc import Mapping
from typing import Final

from edge.core.call_events import Digit, DigitCarrier, Leg

DIGITS: Final = frozenset("0123456789*#ABCD")
TWIN_S: Final = 0.4  # the same digit by another carrier within this is the same press
BETWEEN_DIGITS_S: Final = 3.0  # a longer pause begins a new code


class DigitReader:
    """Reads codes that are prefix-free. *now* is monotonic seconds, given by the caller."""

    def __init__(self, codes: Mapping[str, str]) -> None:
        self._codes = codes
        self._pressed: dict[tuple[Leg | None, str], tuple[DigitCarrier, float]] = {}  # at most 16 a leg
        self._begun = ""
        self._last_at = float("-inf")

    def fresh(self, digit: Digit, now: float) -> bool:
        """Whether this is a press of its own: a digit, and not the twin of one that another carrier brought."""
        if digit.digit not in DIGITS:
            return False
        carrier, at = self._pressed.get((digit.leg, digit.digit), (digit.carrier, now))
        if carrier is not digit.carrier and now - at <= TWIN_S:
            return False
        self._pressed[digit.leg, digit.digit] = (digit.carrier, now)
        return True

    def code(self, digit: str, now: float) -> str | None:
        """The label of the relay whose code *digit* completes, if it does.

        Digits that lead nowhere are forgotten from the front, so that a wrong one before a right code does no harm.
        """
        begun = digit if now - self._last_at > BETWEEN_DIGITS_S else self._begun + digit
        self._last_at = now
        while begun and not any(code.startswith(begun) for code in self._codes):
            begun = begun[1:]
        label = self._codes.get(begun)
        self._begun = "" if label is not None else begun
        return label
