"""A panel that decides alone: what it holds, what it may open, and what it will have to tell. Pure.

Written from the contract's side, like `edge.demo.panel`: nothing of the daemon's own rules is used here.
"""

import hashlib
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

WRONG_TRIES: Final = 5
WITHIN: Final = timedelta(minutes=5)
CLOSED_FOR: Final = timedelta(seconds=30)
_CODES: Final = ("pin", "apt_pin")
_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the panel decided by itself. *relays*: labels."""

    relays: tuple[str, ...] = ()
    credential: str | None = None

    @property
    def granted(self) -> bool:
        return bool(self.relays)


@dataclass
class Keypad:
    """One panel's credentials and configuration, as it was told them."""

    held: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    _wrong: deque[datetime] = field(default_factory=deque)
    _closed_until: datetime | None = None

    def told(self, message: Mapping[str, Any]) -> None:
        """A message of `down/credentials`: forget, then learn."""
        if message.get("clear") is True:
            self.held.clear()
        for credential in message.get("remove", ()):
            self.held.pop(credential, None)
        for entry in message.get("put", ()):
            self.held[entry["credential"]] = entry

    def digest(self) -> str:
        """What it holds, as the edge reads it back."""
        lines = "\n".join(f"{name} {entry['version']}" for name, entry in sorted(self.held.items()))
        return hashlib.sha256(lines.encode()).hexdigest()

    def decides_first(self, method: str, value: str, apartment: str | None) -> bool:
        """Whether this is for the panel alone, so that it need not ask the edge."""
        return any(entry["home"] == "panel" for entry in self._fitting(method, value, apartment))

    def decide(self, method: str, value: str, apartment: str | None, now: datetime) -> Verdict:
        """Open or not, with the edge out of reach."""
        if method in _CODES and self._closed_until is not None and now < self._closed_until:
            return Verdict()
        fitting = self._fitting(method, value, apartment)
        if len(fitting) != 1:
            self._count_wrong(method, now)
            return Verdict()
        self._wrong.clear()
        return Verdict(self._relays(method, fitting[0], now), fitting[0]["credential"])

    def _fitting(self, method: str, value: str, apartment: str | None) -> list[Mapping[str, Any]]:
        return [
            entry
            for entry in self.held.values()
            if entry["method"] == method
            and entry["value"] == _spelled(method, value)
            and (method != "apt_pin" or entry["apartment"] == apartment)
        ]

    def _count_wrong(self, method: str, now: datetime) -> None:
        if method not in _CODES:
            return
        self._wrong.append(now)
        while now - self._wrong[0] > WITHIN:
            self._wrong.popleft()
        if len(self._wrong) >= WRONG_TRIES:
            self._wrong.clear()
            self._closed_until = now + CLOSED_FOR

    def _relays(self, method: str, entry: Mapping[str, Any], now: datetime) -> tuple[str, ...]:
        door = self.config.get("door", {})
        began = entry["from"] is None or datetime.fromisoformat(entry["from"]) <= now
        over = entry["until"] is not None and datetime.fromisoformat(entry["until"]) <= now
        if not began or over or self.locked_down(now):
            return ()
        if entry["hours"] is not None and not self._inside(entry["hours"], now):
            return ()
        if not self._open_by(door.get("schedule"), now):
            return ()
        listed = "pin" if method == "apt_pin" else method
        return tuple(
            relay["relay"]
            for relay in self.config.get("relays", ())
            if relay["enabled"] and listed in relay["methods"] and not relay["two_factor"]
            if self._open_by(relay["schedule"], now)
        )

    def locked_down(self, now: datetime) -> bool:
        """Whether an operator closed the door to all but those who answer for it."""
        order = self.config.get("door", {}).get("lock_down")
        return order is not None and (order["until"] is None or now < datetime.fromisoformat(order["until"]))

    def opening_hours(self, now: datetime) -> bool:
        """Whether the door stands open by its own hours."""
        hours = self.config.get("door", {}).get("open_schedule")
        return hours is not None and self._open_by(hours, now)

    def _open_by(self, schedule: str | None, now: datetime) -> bool:
        """Whether the schedule of that name includes *now*. None: always; one that it was not told: never."""
        if schedule is None:
            return True
        known = [hours for hours in self.config.get("schedules", ()) if hours["id"] == schedule]
        return bool(known) and self._inside(known[0], now)

    def _inside(self, hours: Mapping[str, Any], now: datetime) -> bool:
        local = now.astimezone(ZoneInfo(self.config.get("time_zone", "UTC")))
        today, clock = local.date(), local.time()
        own = self._programme(hours, today)
        before = self._programme(hours, today - timedelta(days=1))
        return any(_covers(span, clock) for span in own) or any(_runs_into(span, clock) for span in before)

    def _programme(self, hours: Mapping[str, Any], day: date) -> Iterable[Mapping[str, str]]:
        """Single days go before holidays, holidays before the week."""
        if day.isoformat() in hours["days"]:
            return list(hours["days"][day.isoformat()])
        holidays = self.config.get("holidays", ())
        if hours["holiday"] is not None and (day.isoformat() in holidays or day.isoformat()[5:] in holidays):
            return list(hours["holiday"])
        return [span for span in hours["week"] if span["day"] == _DAYS[day.weekday()]]


def _covers(span: Mapping[str, str], clock: time) -> bool:
    begin, end = span["from"], span["to"]
    return begin <= _clock(clock) and (end <= begin or _clock(clock) < end)


def _runs_into(span: Mapping[str, str], clock: time) -> bool:
    """The rest of a span of the day before."""
    return span["to"] <= span["from"] and _clock(clock) < span["to"]


def _clock(clock: time) -> str:
    return clock.isoformat("minutes")


def _spelled(method: str, value: str) -> str:
    """Cards are upper-case hexadecimal without separators."""
    if method not in ("rf_card", "nfc"):
        return value
    return value.replace(":", "").replace("-", "").replace(" ", "").upper()
