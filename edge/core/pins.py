"""PIN policy (decision 16): made at random, never trivial, never twice where one PIN must name one holder."""

import secrets
from collections.abc import Callable
from typing import Final

from edge.core.snapshot import Snapshot
from edge.core.tags import Tagger
from models.access import CredentialKind
from models.ids import ApartmentId, CredentialId
from models.service import PinMode

MAX_DIGITS: Final = 8
MIN_DIGITS: Final = {PinMode.PIN: 6, PinMode.APT_PIN: 4}
MAX_DRAWS: Final = 1_000
_GUESSES_PER_PIN: Final = 5_000
"""A blind try shall open with a chance of at most 1 in this, so a large community gets longer PINs."""


def bare(pin: str) -> bool:
    """Whether *pin* is long enough to open without an apartment number beside it."""
    return len(pin) >= MIN_DIGITS[PinMode.PIN]


class NoPinLeft(Exception):
    """So many PINs are taken that a thousand draws found no free one."""


def objection(pin: str, mode: PinMode, apartment_number: str) -> str | None:
    """Why *pin* may not be set, in words that name the rule; None if it may. Duplicates: see `duplicate`."""
    if not (pin.isascii() and pin.isdigit()):
        return "a PIN consists of the digits 0-9"
    low = MIN_DIGITS[mode]
    if not low <= len(pin) <= MAX_DIGITS:
        return f"a PIN has {low} to {MAX_DIGITS} digits in this PIN mode"
    return trivial(pin, apartment_number)


def trivial(pin: str, apartment_number: str) -> str | None:
    """Why *pin* (digits) is among the first that a stranger tries; None if it is not."""
    if len(set(pin)) == 1:
        return "one digit repeated is the first thing a stranger tries"
    steps = {(int(b) - int(a)) % 10 for a, b in zip(pin, pin[1:], strict=False)}
    if steps in ({1}, {9}):
        return "digits that run up or down are among the first things a stranger tries"
    if any(_repeats(pin, group) for group in (2, 3)):
        return "a repeated group of two or three digits is among the first things a stranger tries"
    number = apartment_number.replace("#", "")
    if pin.lstrip("0") == number.lstrip("0"):
        return "the apartment's own number is written on its door"
    return None


def _repeats(pin: str, group: int) -> bool:
    """Whether *pin* is one group again and again, a cut last one included (``1212``, ``1231231``)."""
    return len(pin) >= 2 * group and all(pin[i] == pin[i - group] for i in range(group, len(pin)))


def duplicate(
    pin: str, snapshot: Snapshot, tagger: Tagger, apartment: ApartmentId, except_for: CredentialId | None = None
) -> bool:
    """Whether *pin* is taken: in the community where the bare PIN opens, in the apartment in APT+PIN mode."""
    tags = tagger.tags(CredentialKind.PIN, pin)
    found = [identity for tag in tags for identity in snapshot.tagged(CredentialKind.PIN, tag)]
    others = (snapshot.credentials[i] for i in found if i != except_for)
    if snapshot.community.pin_mode is PinMode.PIN:
        return any(True for _ in others)
    return any(credential.apartment == apartment for credential in others)


def digits_for(mode: PinMode, pins_in_use: int) -> int:
    """Length of a generated PIN: the mode's least, longer where so many are in use that blind tries would open."""
    low = MIN_DIGITS[mode]
    if mode is PinMode.APT_PIN:
        return low  # an apartment has few, and its own lock-out
    return next((n for n in range(low, MAX_DIGITS) if (pins_in_use + 1) * _GUESSES_PER_PIN <= 10**n), MAX_DIGITS)


def generate(
    snapshot: Snapshot, tagger: Tagger, apartment: ApartmentId, draw: Callable[[int], int] = secrets.randbelow
) -> str:
    """A fresh PIN for *apartment*: random, not trivial, not taken. Raises NoPinLeft where none can be found."""
    home = snapshot.apartments[apartment]
    mode = snapshot.community.pin_mode
    in_use = len(snapshot.by_tag.get(CredentialKind.PIN, ()))
    digits = digits_for(mode, in_use)
    for _ in range(MAX_DRAWS):
        pin = f"{draw(10**digits):0{digits}}"
        if objection(pin, mode, home.number) is None and not duplicate(pin, snapshot, tagger, apartment):
            return pin
    raise NoPinLeft(f"no free PIN of {digits} digits was found in {MAX_DRAWS} draws")
