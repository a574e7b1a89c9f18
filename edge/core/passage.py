"""What doors and people did lately, as far as decisions depend on it: what stands open, who is in, who showed a card.

Times are monotonic seconds, given by the caller. What is not known is never a reason to refuse.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from models.access import AccessDecision, Area, Attempt, Credential, UnlockMethod
from models.device import Device
from models.ids import AreaId, CredentialId, DeviceId

KEYS: Final = frozenset({UnlockMethod.RF_CARD, UnlockMethod.NFC})
CODES: Final = frozenset({UnlockMethod.PIN, UnlockMethod.APT_PIN})

FACTOR_LIVES_S: Final = 15.0
PASSES_WITHIN_S: Final = 15.0
"""A door that stays shut so long after a grant was not gone through."""

PULLED_AFTER_S: Final = 2.0
"""Beyond its hold time a released door may still be on its way open."""

MAX_KNOWN: Final = 200_000
"""Holders known to be in or out; beyond it the oldest is forgotten, who then is neither."""

MAX_PENDING: Final = 16
_S_AN_HOUR: Final = 3_600.0


class Passage(NamedTuple):
    """Somebody goes into *area* (or out of it). *holder*: a resident's id, or that of a credential of nobody."""

    holder: str
    area: AreaId
    inside: bool
    era: int


@dataclass(frozen=True, slots=True)
class StoredPassage:
    """A passage as the store keeps it. *at_ms*: Unix milliseconds."""

    passage: Passage
    at_ms: int


@dataclass(frozen=True, slots=True)
class FirstFactor:
    """One half of card and PIN, found to be right."""

    credential: CredentialId
    method: UnlockMethod


class Passages:
    """Changed by the door desk; decisions only read it."""

    def __init__(self) -> None:
        self._open: dict[DeviceId, bool] = {}
        self._contacts: set[DeviceId] = set()
        self._released: dict[DeviceId, float] = {}
        self._pending: dict[DeviceId, list[tuple[Passage, float, int]]] = {}
        self._seen: OrderedDict[tuple[str, AreaId], tuple[bool, int, float, int]] = OrderedDict()
        self._told = 0  # grants and passages so far: which came later, where the clock cannot tell
        self._factors: dict[DeviceId, tuple[FirstFactor, float]] = {}

    # --- what decisions ask -----------------------------------------------------------------------------------------

    def may_be_open(self, door: DeviceId, now_s: float) -> bool:
        """Whether *door* was reported open, or was released so lately that somebody may be opening it."""
        return self._open.get(door, False) or now_s < self._released.get(door, now_s)

    def inside(self, holder: str, area: Area, reader: DeviceId, now_s: float) -> bool | None:
        """Whether *holder* was last seen going into *area*; None where that is not known (any more).

        Whom another reader than *reader* let in, and whose door has not opened yet, is in already; at the same one they
        may try again. Whoever was let out is in until that door opens. What came last counts.
        """
        seen = self._seen.get((holder, area.id))
        came, goes_in = (0, None) if seen is None else (seen[3], seen[0])
        forgotten = seen is not None and area.forget_h > 0 and now_s - seen[2] >= area.forget_h * _S_AN_HOUR
        if seen is not None and (seen[1] != area.era or forgotten):
            goes_in = None
        for door, waiting in self._pending.items():
            for passage, until_s, number in waiting:
                if door == reader or now_s >= until_s or number < came:
                    continue
                if passage.inside and passage[:2] == (holder, area.id) and passage.era == area.era:
                    came, goes_in = number, True
        return goes_in

    def first_factor(self, reader: DeviceId, now_s: float) -> FirstFactor | None:
        """What was shown at *reader* within the last 15 s and waits for its other half."""
        found = self._factors.get(reader)
        return found[0] if found is not None and now_s < found[1] else None

    # --- what the door desk tells -----------------------------------------------------------------------------------

    def released(self, door: DeviceId, hold_s: float, now_s: float) -> None:
        """A relay of *door* was told to open for *hold_s*."""
        self._released[door] = now_s + hold_s + PULLED_AFTER_S

    def known_at_once(self, door: DeviceId, passage: Passage | None) -> tuple[Passage, ...]:
        """What a grant at *door* gives to be stored: nothing where the door has a contact that ever told, and so will
        tell when it opens.
        """
        return () if passage is None or door in self._contacts else (passage,)

    def goes(self, door: DeviceId, passage: Passage, now_s: float) -> None:
        """A grant lets somebody through *door*."""
        if door not in self._contacts:
            self._note(passage, now_s)
            return
        waiting = self._pending.setdefault(door, [])
        self._told += 1
        waiting.append((passage, now_s + PASSES_WITHIN_S, self._told))
        del waiting[:-MAX_PENDING]

    def opened(self, door: DeviceId, now_s: float) -> tuple[Passage, ...]:
        """*door* reports itself open: who was let through goes. The passages to be stored."""
        self._contacts.add(door)
        self._open[door] = True
        went = tuple(passage for passage, until_s, _ in self._pending.pop(door, ()) if now_s < until_s)
        for passage in went:
            self._note(passage, now_s)
        return went

    def closed(self, door: DeviceId) -> None:
        """*door* reports itself shut; the next one may open."""
        self._contacts.add(door)
        self._open[door] = False
        self._released.pop(door, None)

    def unreachable(self, door: DeviceId) -> None:
        """*door* is offline: whether it stands open is not known."""
        self._open.pop(door, None)

    def shown(self, reader: DeviceId, factor: FirstFactor | None, now_s: float) -> None:
        """The first half came (None: it was used up by the second)."""
        if factor is None:
            self._factors.pop(reader, None)
        else:
            self._factors[reader] = (factor, now_s + FACTOR_LIVES_S)

    def restore(
        self, contacts: Mapping[DeviceId, bool | None], passages: Iterable[StoredPassage], now_s: float, now_ms: int
    ) -> None:
        """Take over what the store kept. *contacts*: doors whose contact ever told, and whether they stand open (None:
        the door was offline, so that is not known).

        A wall clock that was set back meanwhile makes nothing younger than now.
        """
        for door, is_open in contacts.items():
            self._contacts.add(door)
            if is_open is not None:
                self._open[door] = is_open
        for stored in passages:
            self._note(stored.passage, now_s - max(0.0, (now_ms - stored.at_ms) / 1_000))

    def _note(self, passage: Passage, at_s: float) -> None:
        key = (passage.holder, passage.area)
        self._told += 1
        self._seen[key] = (passage.inside, passage.era, at_s, self._told)
        self._seen.move_to_end(key)
        while len(self._seen) > MAX_KNOWN:
            self._seen.popitem(last=False)


def holder_of(credential: Credential) -> str:
    """Whom an area counts: the resident, else the credential itself."""
    return credential.resident or credential.id


def released_for_s(device: Device, decision: AccessDecision) -> int:
    """Seconds from the grant until the last of its relays falls back, the time that the panel waits first included."""
    return max((r.trigger_s + r.hold_s for r in device.relays if r.label in decision.holds), default=0)


def first_half(attempt: Attempt, credential: Credential) -> FirstFactor | None:
    """*credential* as the first half of card and PIN; None where it can't be one.

    A credential with a use count comes second: a use is consumed by the grant alone.
    """
    if credential.uses_left is not None or attempt.method not in KEYS | CODES:
        return None
    return FirstFactor(credential.id, attempt.method)


def other_half(first: FirstFactor) -> UnlockMethod:
    """What a reader asks for next."""
    return UnlockMethod.PIN if first.method in KEYS else UnlockMethod.RF_CARD


def completes(first: FirstFactor, other: Credential, attempt: Attempt, credential: Credential) -> bool:
    """Whether *credential*, presented now, and *other*, which *first* names, are one person's card and PIN."""
    if attempt.method not in (CODES if first.method in KEYS else KEYS):
        return False
    same_person = other.resident is None or credential.resident is None or other.resident == credential.resident
    return same_person and other.apartment == credential.apartment
