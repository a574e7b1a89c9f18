"""What a door phone does with the messages of the device plane, by the contract and nothing else. Pure.

Written from the contract's side, without the daemon's own parser, so that it checks what the daemon really sends.
"""

import json
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

MAX_REMEMBERED_IDS: Final = 1000


def rfc3339(moment: datetime) -> str:
    """UTC with milliseconds and a Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class Reaction:
    """What a message makes the device do."""

    verb: str
    message: dict[str, Any]
    ack: bytes | None = None  # payload for up/ack
    relays: tuple[str, ...] = ()  # labels of relays that move now: "1", or "s1" for a security relay
    confirmed_revision: int | None = None


@dataclass
class Panel:
    """One device's memory: the ids it has seen. An expired or repeated id never moves a relay."""

    _seen: OrderedDict[str, None] = field(default_factory=OrderedDict)

    def receive(self, verb: str, payload: bytes, now: datetime) -> Reaction | None:
        """React to one message of `down/<verb>`; None for what is not an object."""
        try:
            message = json.loads(payload)
        except ValueError:
            return None
        if not isinstance(message, dict):
            return None
        if verb == "config":
            revision = message.get("revision")
            return Reaction(verb, message, confirmed_revision=revision if isinstance(revision, int) else None)
        identity = message.get("id")
        if not isinstance(identity, str):
            return None
        problem = self._problem(identity, message.get("expires_at"), now)
        moves = problem is None and (verb == "open" or (verb == "decision" and message.get("granted") is True))
        return Reaction(verb, message, _ack(identity, problem, now), _labels(message) if moves else ())

    def _problem(self, identity: str, expires_at: object, now: datetime) -> str | None:
        if identity in self._seen:
            return "repeated"
        self._seen[identity] = None
        while len(self._seen) > MAX_REMEMBERED_IDS:
            self._seen.popitem(last=False)
        if not isinstance(expires_at, str) or datetime.fromisoformat(expires_at) <= now:
            return "expired"
        return None


def _labels(message: dict[str, Any]) -> tuple[str, ...]:
    return (
        *(str(number) for number in message.get("relays", ())),
        *(f"s{number}" for number in message.get("security_relays", ())),
    )


def _ack(identity: str, problem: str | None, now: datetime) -> bytes:
    answer: dict[str, Any] = {"id": identity, "ok": problem is None, "at": rfc3339(now)}
    if problem:
        answer["error"] = problem
    return json.dumps(answer).encode()
