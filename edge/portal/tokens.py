"""Bearer tokens of the HTTP routes: short-lived, in memory, one session each; and how often strangers may try."""

import secrets
from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import Final

TOKENS_MAX: Final = 4096
TOKEN_S: Final = 900.0
SOURCES_MAX: Final = 1024
TRIES_A_MINUTE: Final = 10  # of one source
TRIES_OF_ALL_A_MINUTE: Final = 120
_MINUTE_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class _Issued:
    session: str
    until_s: float


class Tokens:
    """*now_s*: monotonic seconds."""

    def __init__(self) -> None:
        self._issued: OrderedDict[str, _Issued] = OrderedDict()

    def issue(self, session: str, now_s: float) -> str:
        """A token that holds for `TOKEN_S`; the oldest of all goes where there are too many."""
        token = secrets.token_urlsafe(32)
        self._issued[token] = _Issued(session, now_s + TOKEN_S)
        while len(self._issued) > TOKENS_MAX:
            self._issued.popitem(last=False)
        return token

    def session(self, token: str, now_s: float) -> str | None:
        """Whose *token* is. Looked up by a random key of 256 bits, so that time tells nothing of others."""
        found = self._issued.get(token)
        if found is None or found.until_s <= now_s:
            self._issued.pop(token, None)
            return None
        return found.session

    def forget(self, session: str) -> None:
        for token in [token for token, issued in self._issued.items() if issued.session == session]:
            del self._issued[token]


class Tries:
    """A limit on what strangers may try, by source and in all."""

    def __init__(self) -> None:
        self._by_source: OrderedDict[str, deque[float]] = OrderedDict()
        self._all: deque[float] = deque()

    def allow(self, source: str, now_s: float) -> bool:
        """Count a try of *source*; False: too many."""
        mine = self._by_source.setdefault(source, deque())
        self._by_source.move_to_end(source)
        while len(self._by_source) > SOURCES_MAX:
            self._by_source.popitem(last=False)
        for tries in (mine, self._all):
            while tries and tries[0] <= now_s - _MINUTE_S:
                tries.popleft()
        if len(mine) >= TRIES_A_MINUTE or len(self._all) >= TRIES_OF_ALL_A_MINUTE:
            return False
        mine.append(now_s)
        self._all.append(now_s)
        return True
