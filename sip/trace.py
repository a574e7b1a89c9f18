"""The last messages of each call as they were on the wire, for `edge call show`; no log line is made for a packet."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from sip.flow import Flow

CALLS_MAX: Final = 256
MESSAGES_PER_CALL_MAX: Final = 64
MESSAGE_BYTES_MAX: Final = 4096  # of each message; the rest is cut
UNTRACED: Final = (b"REGISTER", b"OPTIONS")
_SECRET: Final = re.compile(rb'(?im)^((?:proxy-)?authorization[ \t]*:.*?response=)"?[^",\r\n]*"?')


@dataclass(frozen=True, slots=True)
class TracedMessage:
    at_ms: int
    sent: bool  # by us
    flow: Flow
    data: bytes  # digest responses are blanked
    call_id: str = ""


@dataclass(slots=True)
class Course:
    """What a call was beside its messages: whose each dialog is, by Call-ID, and what happened when."""

    names: dict[str, str] = field(default_factory=dict)  # the caller's first
    notes: list[tuple[int, str]] = field(default_factory=list)  # Unix milliseconds, words


Follower = Callable[[TracedMessage], None]


class Trace:
    """A bounded memory of messages by Call-ID; the calls that were quiet longest go first."""

    def __init__(self) -> None:
        self._calls: dict[str, list[tuple[int, bool, Flow, bytes]]] = {}
        self._followers: list[Follower] = []

    @property
    def followed(self) -> bool:
        """Whether somebody looks on: then messages that are not kept are wanted, too."""
        return bool(self._followers)

    def follow(self, follower: Follower) -> Callable[[], None]:
        """Give every message to *follower* as it passes, until what this returns is called."""
        self._followers.append(follower)
        return lambda: self._followers.remove(follower)

    def record(self, call_id: str, sent: bool, flow: Flow, data: bytes, at_ms: int, *, keep: bool = True) -> None:
        """Remember one message. Cheap: nothing is read or formatted before somebody asks."""
        for follower in self._followers:
            follower(TracedMessage(at_ms, sent, flow, _SECRET.sub(rb'\1"-"', data), call_id))
        if not keep:
            return
        messages = self._calls.pop(call_id, None)
        if messages is None:
            messages = []
            if len(self._calls) >= CALLS_MAX:
                del self._calls[next(iter(self._calls))]
        self._calls[call_id] = messages
        if len(messages) >= MESSAGES_PER_CALL_MAX:
            del messages[MESSAGES_PER_CALL_MAX // 2]  # how a call began and how it ends matter most
        messages.append((at_ms, sent, flow, data[:MESSAGE_BYTES_MAX]))

    def messages(self, call_ids: str | Iterable[str]) -> tuple[TracedMessage, ...]:
        """What is remembered of the dialogs with these Call-IDs (all legs of a call), by time."""
        wanted = (call_ids,) if isinstance(call_ids, str) else tuple(call_ids)
        found = [(call_id, one) for call_id in wanted for one in self._calls.get(call_id, ())]
        found.sort(key=lambda each: each[1][0])
        return tuple(
            TracedMessage(at, sent, flow, _SECRET.sub(rb'\1"-"', data), call_id)
            for call_id, (at, sent, flow, data) in found
        )
