"""A desk that follows a script, accounts in a list, a clock that is set."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping

from models.access import Attempt
from models.device_events import DeviceEvent, Hello
from models.ids import Mac
from mqtt.accounts import Account, Role


class Accounts:
    """Who may log in; `add` and `remove` change it."""

    def __init__(self, *devices: str) -> None:
        self.by_user = {mac: Account(mac, password_of(mac), Role.DEVICE) for mac in devices}

    def mqtt_accounts(self) -> Iterable[Account]:
        return tuple(self.by_user.values())

    def add(self, account: Account) -> None:
        self.by_user[account.user] = account

    def remove(self, user: str) -> None:
        del self.by_user[user]


def password_of(mac: str) -> str:
    return f"password-of-{mac}"


class SystemClock:
    """The machine's time."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        return time.monotonic()


class SetClock:
    """Time that stands still until it is moved."""

    def __init__(self, now_ms: int = 1_772_357_400_000, now_s: float = 1000.0) -> None:
        self.ms = now_ms
        self.s = now_s

    def pass_s(self, seconds: float) -> None:
        self.ms += round(1000 * seconds)
        self.s += seconds

    def now_ms(self) -> int:
        return self.ms

    def monotonic(self) -> float:
        return self.s


class Offsets:
    """Stored clock offsets."""

    def __init__(self, stored: Mapping[Mac, int] | None = None) -> None:
        self.stored = dict(stored or {})

    def clock_offsets_ms(self) -> Mapping[Mac, int]:
        return dict(self.stored)

    def clock_offset_learnt(self, device: Mac, offset_ms: int) -> None:
        self.stored[device] = offset_ms


class ScriptedDesk:
    """Remembers what it was told; answers attempts through *answer*; fails as often as `fail` says."""

    def __init__(self, answer: Callable[[Mac, bytes], Awaitable[None]] | None = None) -> None:
        self.answer = answer
        self.attempts: list[Attempt] = []
        self.events: list[DeviceEvent] = []  # committed ones
        self.tried: list[DeviceEvent] = []
        self.hellos: list[Hello] = []
        self.told: list[tuple[Mac, bool]] = []
        self.presences: list[tuple[Mac, bool]] = []  # changes
        self._online: dict[Mac, bool] = {}
        self.fail = 0
        self.changed = asyncio.Event()

    async def attempt(self, attempt: Attempt) -> None:
        self._maybe_fail()
        self.attempts.append(attempt)
        self.changed.set()
        if self.answer is not None:
            body = {"id": attempt.id, "granted": not attempt.too_late, "relays": [1]}
            await self.answer(attempt.device, json.dumps(body).encode())

    async def event(self, event: DeviceEvent) -> None:
        self.tried.append(event)
        self.changed.set()
        self._maybe_fail()
        self.events.append(event)

    async def hello(self, hello: Hello) -> None:
        self._maybe_fail()
        self.hellos.append(hello)
        self.changed.set()

    async def presence(self, device: Mac, online: bool) -> None:
        """As the real desk: who was never seen is offline, and only a change is one."""
        self.told.append((device, online))
        if self._online.get(device, False) is online:
            return
        self._maybe_fail()
        self._online[device] = online
        self.presences.append((device, online))
        self.changed.set()

    def _maybe_fail(self) -> None:
        if self.fail:
            self.fail -= 1
            raise OSError("disk full (scripted)")

    async def until(self, condition: Callable[[], bool], within_s: float = 10.0) -> None:
        """Wait until *condition* holds; it is looked at after each thing the desk is told."""
        async with asyncio.timeout(within_s):
            while not condition():
                self.changed.clear()
                await self.changed.wait()
