"""Home Assistant's view of the house: a connection of its own, to Home Assistant's broker or to ours."""

import asyncio
import logging
import secrets
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Final

from edge.core.ports import Clock, World
from edge.core.snapshot import Snapshot
from models.device_events import OpenResult
from models.ids import DeviceId, Mac
from mqtt.client import Endpoint, Link, LinkDown, Login, Received, Will
from mqtt.home_assistant import commands, render
from mqtt.home_assistant.commands import Command, Heard, Refusal
from mqtt.home_assistant.found import Announced, read
from mqtt.home_assistant.keeper import Keeper
from mqtt.home_assistant.render import OFFLINE, ONLINE, Message, Shown

log = logging.getLogger(__name__)

LINK: Final = "ha"
MAX_UNSENT_EVENTS: Final = 100
MAX_EVENT_AGE_S: Final = 10.0  # a bell that rang a minute ago is no news
MAX_AT_ONCE: Final = 16
FOUND_WITHIN_S: Final = 5.0
LINE_EVERY_S: Final = 60.0

_NOT_OPENED: Final = frozenset({None, OpenResult.REFUSED, OpenResult.OFFLINE})


@dataclass(frozen=True, slots=True)
class Ports:
    """What the bridge needs from the house."""

    world: World
    clock: Clock
    dial: Callable[[], tuple[Endpoint, Login]]
    online: Callable[[Mac], bool]
    open_door: Callable[[DeviceId, str], Awaitable[OpenResult | None]]
    """Asks the door's rules for one relay (its label), logs and audits; None = refused."""


class HomeAssistantBridge:
    """A `Component`. Start it after the device plane; a broker that is away is no reason not to start."""

    name = "home assistant"

    def __init__(self, shown: Shown, ports: Ports) -> None:
        self.counts: Counter[str] = Counter()
        self._shown = shown
        self._ports = ports
        self._topics = shown.topics
        self._marker = self._topics.base.marker(LINK)
        self._link = Link(
            "home assistant",
            ports.dial,
            receive=self._received,
            prepare=self._prepare,
            clean_session=True,  # a command never waits for us at the broker
            will=Will(self._topics.bridge_state, OFFLINE),
        )
        self._keeper = Keeper(shown, ports.world, ports.clock, ports.online, self._retain)
        self._events: deque[tuple[float, Message]] = deque(maxlen=MAX_UNSENT_EVENTS)
        self._event_heard = asyncio.Event()
        self._found: dict[Mac, Announced] = {}
        self._token = b""
        self._token_back = asyncio.Event()
        self._heard = Heard()
        self._tasks: asyncio.TaskGroup | None = None
        self._running = 0
        self._said_s: dict[Refusal, float] = {}
        self._unknown: tuple[str, ...] = ()

    @property
    def connected(self) -> bool:
        return self._link.connected

    # --- Component --------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """`run` connects: Home Assistant may be away for as long as it likes."""
        self._name_unknown(self._ports.world.snapshot)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            self._tasks = group
            try:
                for part in (self._link, self._keeper):
                    group.create_task(part.run())
                await self._tell_events()
            finally:
                self._tasks = None

    async def stop(self) -> None:
        if self._link.connected:
            try:
                await self._retain(self._topics.bridge_state, OFFLINE)
            except LinkDown as error:
                log.info("home assistant's broker went before we could say goodbye: %s", error)
        await self._link.close()

    # --- what happens in the house ----------------------------------------------------------------------------------

    def hear(self, notice: Mapping[str, object]) -> None:
        """An event for integrators. Returns at once and never raises."""
        named = notice.get("device") or notice.get("mac")
        device = self._ports.world.snapshot.by_mac.get(Mac(named)) if isinstance(named, str) else None
        if device is None or not render.shown(device):
            return
        now_s = self._ports.clock.monotonic()
        self._keeper.state.hear(notice, device, now_s)
        self._keeper.changed(device.mac)
        message = render.event(self._shown, device.mac, notice)
        if message is not None:
            self._events.append((now_s, message))
            self._event_heard.set()

    def world_changed(self, before: Snapshot, after: Snapshot) -> None:
        """The snapshot was swapped."""
        if before.devices is not after.devices or before.buildings is not after.buildings:
            self._keeper.world_changed()
            self._name_unknown(after)

    def _name_unknown(self, snapshot: Snapshot) -> None:
        unknown = self._shown.allowed.unknown(snapshot.devices.values())
        if unknown and unknown != self._unknown:
            log.warning("home_assistant.allowed names no door of the house: %s", ", ".join(unknown))
        self._unknown = unknown

    async def _tell_events(self) -> None:
        while True:
            await self._event_heard.wait()
            self._event_heard.clear()
            while self._events:
                heard_s, message = self._events.popleft()
                if self._ports.clock.monotonic() - heard_s > MAX_EVENT_AGE_S:
                    self.counts["events_lost"] += 1
                    continue
                try:
                    await self._link.publish(message.topic, message.payload)
                except LinkDown:
                    self.counts["events_lost"] += 1

    async def _retain(self, topic: str, payload: bytes) -> None:
        await self._link.publish(topic, payload, retain=True)

    # --- connection -------------------------------------------------------------------------------------------------

    async def _prepare(self) -> None:
        """Read what an earlier run announced, then say that we are here."""
        self._found, self._token = {}, secrets.token_hex(8).encode()
        self._token_back.clear()
        topics = self._topics
        wanted = [(topics.birth, 1), (topics.every_config, 0), (self._marker, 1)]
        if self._shown.allowed.anything:
            wanted.append((topics.every_set, 1))
        await self._link.subscribe(wanted)
        await self._link.publish(self._marker, self._token)
        try:
            async with asyncio.timeout(FOUND_WITHIN_S):
                await self._token_back.wait()
        except TimeoutError:
            raise LinkDown("our own marker does not come back") from None
        await self._link.unsubscribe(topics.every_config)
        await self._retain(topics.bridge_state, ONLINE)
        self._keeper.connected(self._found)

    def _received(self, message: Received) -> None:
        topics = self._topics
        if message.topic == self._marker:
            if message.payload == self._token:
                self._token_back.set()
        elif message.topic == topics.birth:
            if message.payload == ONLINE and not message.retain:  # retained: told anew with our own connection
                self._keeper.born()
        elif (target := topics.set_of(message.topic)) is not None:
            self._command(*target, message)
        elif message.retain and (device := topics.config_of(message.topic)) is not None:
            self._found[device] = read(message.payload, topics.base.root)

    # --- locks ------------------------------------------------------------------------------------------------------

    def _command(self, mac: Mac, label: str, message: Received) -> None:
        if not message.payload:
            return  # a retained one was taken away
        command = self._judge(mac, label, message)
        if isinstance(command, Refusal):
            self._refuse(command, message.topic)
        elif command.opens and not self._spawn(self._open(mac, label)):
            self._refuse(Refusal.TOO_MANY, message.topic)
        if message.retain:  # or it would be heard again at every start
            self._spawn(self._forget_command(message.topic))

    def _judge(self, mac: Mac, label: str, message: Received) -> Command | Refusal:
        now_s = self._ports.clock.now_ms() / 1000
        command = commands.parse(message.payload, retained=message.retain, now_s=now_s)
        if isinstance(command, Refusal):
            return command
        if not self._may_open(mac, label):
            return Refusal.NOT_ALLOWED
        return self._heard.objection(message.topic, command, now_s) or command

    def _may_open(self, mac: Mac, label: str) -> bool:
        device = self._ports.world.snapshot.by_mac.get(mac)
        if device is None or not render.shown(device):
            return False
        return any(relay.label == label and self._shown.allowed.allows(device, relay) for relay in device.relays)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> bool:
        if self._tasks is None or self._running >= MAX_AT_ONCE:
            work.close()
            return False
        self._running += 1
        self._tasks.create_task(self._guarded(work))
        return True

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception:  # a message's entry point: one opening that fails must not end the bridge
            self.counts["failures"] += 1
            log.exception("what home assistant asked for failed")
        finally:
            self._running -= 1

    async def _open(self, mac: Mac, label: str) -> None:
        device = self._ports.world.snapshot.by_mac.get(mac)
        if device is None:  # removed in this very moment
            return
        self.counts["openings"] += 1
        result = await self._ports.open_door(device.id, label)
        if result in _NOT_OPENED:
            self._keeper.state.locked(mac, label)
            self._keeper.changed(mac)

    async def _forget_command(self, topic: str) -> None:
        try:
            await self._retain(topic, b"")
        except LinkDown as error:
            log.info("%s stays retained until the next connection: %s", topic, error)

    def _refuse(self, refusal: Refusal, topic: str) -> None:
        """Counted, and one line a minute for each reason."""
        self.counts[f"refused_{refusal.value}"] += 1
        now_s = self._ports.clock.monotonic()
        if now_s - self._said_s.get(refusal, -LINE_EVERY_S) >= LINE_EVERY_S:
            self._said_s[refusal] = now_s
            log.warning("home assistant's command on %s does nothing: %s", topic, refusal.value)
