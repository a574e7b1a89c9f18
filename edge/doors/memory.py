"""What the desk keeps in memory between two commits: first answers, and uses taken but not yet in the snapshot."""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from edge.doors.work import MessageKey, Work
from models.access import Credential
from models.ids import CredentialId

ANSWERS_LIVE_MS: Final = 24 * 3_600_000
MAX_REMEMBERED: Final = 50_000
MAX_CREDENTIALS_HELD: Final = 10_000
HOLD_S: Final = 5.0
"""How long a use taken is remembered: the snapshot that shows it comes within a second of the commit."""


@dataclass(slots=True)
class First:
    """The first time a message was dealt with."""

    at_ms: int
    body: bytes | None = None  # None while it is not to be told yet
    unstored: Work | None = None  # its work, until it is committed


class FirstAnswers:
    """The messages dealt with in the last 24 h, the newest `MAX_REMEMBERED` of them.

    While nothing of these 24 h was dropped for want of room, a message that is not here is new, and no database is
    asked; after a flood *look_up* is.
    """

    def __init__(
        self, look_up: Callable[[MessageKey, int], bytes | None], max_remembered: int = MAX_REMEMBERED
    ) -> None:
        """*look_up* (key, now in Unix milliseconds) reads one first answer from the store."""
        self._look_up = look_up
        self._max = max_remembered
        self._known: OrderedDict[MessageKey, First] = OrderedDict()
        self._dropped_at_ms: int | None = None  # time of the newest one dropped for want of room

    def load(self, stored: Mapping[MessageKey, tuple[int, bytes]], complete: bool, now_ms: int) -> None:
        """Take over what the store has. *complete*: it is all of the last 24 h."""
        for key, (at_ms, body) in sorted(stored.items(), key=lambda item: item[1][0]):
            self.add(key, First(at_ms, body))
        if not complete:
            self._dropped_at_ms = now_ms

    def find(self, key: MessageKey, now_ms: int) -> First | None:
        """How *key* was dealt with; None if it is new, or older than 24 h."""
        since_ms = now_ms - ANSWERS_LIVE_MS
        first = self._known.get(key)
        if first is not None:
            return first if first.at_ms > since_ms else None
        if self._dropped_at_ms is None or self._dropped_at_ms <= since_ms:
            return None
        body = self._look_up(key, now_ms)
        return None if body is None else First(now_ms, body)

    def add(self, key: MessageKey, first: First) -> None:
        self._known[key] = first
        self._known.move_to_end(key)
        while len(self._known) > self._max:
            _, dropped = self._known.popitem(last=False)
            self._dropped_at_ms = max(dropped.at_ms, self._dropped_at_ms or 0)

    def forget(self, key: MessageKey) -> None:
        """It was not dealt with after all: a repetition is judged anew."""
        self._known.pop(key, None)

    def forget_old(self, now_ms: int) -> None:
        """Drop what is older than 24 h."""
        while self._known:
            key, first = next(iter(self._known.items()))
            if first.at_ms > now_ms - ANSWERS_LIVE_MS:
                return
            del self._known[key]


@dataclass(slots=True)
class _Held:
    seen: int  # uses left in the snapshot when the first of them was taken
    taken: int
    until_s: float


class Uses:
    """Uses taken by decisions under way, so that a second reader sees them at once (decision 12).

    The store has the last word: it takes a use only where one is left. This memory spares a person the wait, and may
    forget; it never gives a use away twice for longer than it takes to commit.
    """

    def __init__(self) -> None:
        self._held: OrderedDict[CredentialId, _Held] = OrderedDict()

    def left(self, credential: Credential, now_s: float) -> int | None:
        """Uses left of *credential*, those taken but not yet in its snapshot subtracted. None = without limit."""
        if credential.uses_left is None:
            return None
        held = self._held.get(credential.id)
        if held is None or held.seen != credential.uses_left or now_s >= held.until_s:
            return credential.uses_left
        return credential.uses_left - held.taken

    def take(self, credential: Credential, now_s: float) -> None:
        """One use is being consumed. *now_s*: monotonic seconds."""
        if credential.uses_left is None:
            return
        left = self.left(credential, now_s)
        taken = 1 if left is None else credential.uses_left - left + 1
        self._held[credential.id] = _Held(credential.uses_left, taken, now_s + HOLD_S)
        self._held.move_to_end(credential.id)
        while len(self._held) > MAX_CREDENTIALS_HELD:
            self._held.popitem(last=False)

    def give_back(self, credential: CredentialId) -> None:
        """The decision was not carried out."""
        held = self._held.get(credential)
        if held is not None and held.taken > 0:
            held.taken -= 1
