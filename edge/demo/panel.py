"""What a door phone does with the messages of the device plane, by the contract and nothing else. Pure.

Written from the contract's side, without the daemon's own parser, so that it checks what the daemon really sends.
"""

import json
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from edge.demo.keypad import Keypad

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
    asks_for: str | None = None  # the method that completes what was presented: card and PIN


@dataclass
class Panel:
    """One device's memory: the ids it has seen. An expired or repeated id never moves a relay."""

    keypad: Keypad = field(default_factory=Keypad)
    held: dict[str, datetime] = field(default_factory=dict)  # relay -> until when an operator has it held open
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
            return self._configured(message, now)
        identity = message.get("id")
        if not isinstance(identity, str):
            return None
        problem = self._problem(identity, message.get("expires_at"), now)
        if verb == "credentials":
            return self._taught(identity, problem, message, now)
        return self._carried_out(verb, message, problem, _ack(identity, problem, now), now)

    def _carried_out(
        self, verb: str, message: dict[str, Any], problem: str | None, ack: bytes, now: datetime
    ) -> Reaction:
        labels = _labels(message) if problem is None else ()
        if verb == "hold":
            self.held |= dict.fromkeys(labels, now + timedelta(seconds=message.get("seconds", 0)))
        elif verb == "release":
            self.held = {label: until for label, until in self.held.items() if label not in labels}
        asks_for = message.get("second_factor") if verb == "decision" and problem is None else None
        opens = verb in ("open", "hold") or (verb == "decision" and message.get("granted") is True)
        return Reaction(verb, message, ack, labels if opens else (), asks_for=asks_for)

    def stands_open(self, now: datetime) -> bool:
        """Whether the door is held open at *now*, by an order or by its opening hours. A lock-down goes before both."""
        if self.keypad.locked_down(now):
            return False
        return any(now < until for until in self.held.values()) or self.keypad.opening_hours(now)

    def _configured(self, message: dict[str, Any], now: datetime) -> Reaction:
        """A configuration is retained, so it may come again; it is taken and acknowledged each time."""
        self.keypad.config = message
        if self.keypad.locked_down(now):  # what was held open stays shut when the lock-down ends
            self.held.clear()
        revision, identity = message.get("revision"), message.get("id")
        ack = _ack(identity, None, now) if isinstance(identity, str) else None
        return Reaction("config", message, ack, confirmed_revision=revision if isinstance(revision, int) else None)

    def _taught(self, identity: str, problem: str | None, message: dict[str, Any], now: datetime) -> Reaction:
        """What is told of it leaves the values out: they stay in the panel."""
        if problem is None:
            self.keypad.told(message)
        put = [{name: entry[name] for name in entry if name != "value"} for entry in message.get("put", ())]
        return Reaction(
            "credentials", {**message, "put": put}, _ack(identity, problem, now, digest=self.keypad.digest())
        )

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


def _ack(identity: str, problem: str | None, now: datetime, **more: str) -> bytes:
    answer: dict[str, Any] = {"id": identity, "ok": problem is None, "at": rfc3339(now), **more}
    if problem:
        answer["error"] = problem
    return json.dumps(answer).encode()
