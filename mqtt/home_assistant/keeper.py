"""Keeps what the broker retains for Home Assistant as it should be: one door at a time, only what differs."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from edge.core.ports import Clock, World
from models.device import Device
from models.ids import Mac
from mqtt.client import LinkDown
from mqtt.home_assistant import render
from mqtt.home_assistant.found import Announced, farewell
from mqtt.home_assistant.render import Shown
from mqtt.home_assistant.state import HouseState

log = logging.getLogger(__name__)

SPREAD_S: Final = 5.0  # everything anew takes so long: Home Assistant does the same for every one of its integrations
MOST_PAUSE_S: Final = 0.1
LOOK_EVERY_S: Final = 5.0

Publish = Callable[[str, bytes], Awaitable[None]]
"""Retained, QoS 1. Raises LinkDown."""


class Keeper:
    """Doors that changed go first; doors to be told anew follow at a pace. Touched in the event loop only."""

    def __init__(
        self, shown: Shown, world: World, clock: Clock, online: Callable[[Mac], bool], publish: Publish
    ) -> None:
        self.state = HouseState()
        self._shown = shown
        self._world = world
        self._clock = clock
        self._online = online
        self._publish = publish
        self._wake = asyncio.Event()
        self._urgent: dict[Mac, None] = {}
        self._again: dict[Mac, None] = {}
        self._pause_s = 0.0
        self._next_again_s = 0.0
        # What the broker holds; None = something, to be replaced or taken away.
        self._published: dict[Mac, dict[str, bytes | None]] = {}
        self._platforms: dict[Mac, Mapping[str, str]] = {}  # of the components that are announced
        self._told_online: dict[Mac, bool] = {}

    # --- what has to be told ----------------------------------------------------------------------------------------

    def connected(self, found: Mapping[Mac, Announced]) -> None:
        """A new connection. *found*: what the broker held of ours; nothing else is certain."""
        topics = self._shown.topics
        self._published = {mac: dict.fromkeys((*was.topics, topics.config(mac))) for mac, was in found.items()}
        if not self._shown.mirror_state:  # that one is the device's own
            for mac, held in self._published.items():
                held.pop(topics.state(mac), None)
        self._platforms = {mac: was.platforms for mac, was in found.items()}
        self._everything()

    def born(self) -> None:
        """Home Assistant has started and knows nothing."""
        for held in self._published.values():
            held.update(dict.fromkeys(held))
        self._everything()

    def _everything(self) -> None:
        self._again = dict.fromkeys((*self._published, *self._doors()))
        self._pause_s = min(MOST_PAUSE_S, SPREAD_S / max(1, len(self._again)))
        self._next_again_s = 0.0
        self._wake.set()

    def changed(self, device: Mac) -> None:
        """Something of *device* may be different now."""
        self._urgent[device] = None
        self._wake.set()

    def world_changed(self) -> None:
        """Devices or relays may have come, changed or gone."""
        self._urgent.update(dict.fromkeys((*self._published, *self._doors())))
        self._wake.set()

    def _doors(self) -> list[Mac]:
        return [device.mac for device in self._world.snapshot.devices.values() if render.shown(device)]

    # --- telling it -------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Until cancelled. A link that is down costs nothing: `connected` begins anew."""
        look_s = self._clock.monotonic() + LOOK_EVERY_S
        while True:
            now_s = self._clock.monotonic()
            self._urgent.update(dict.fromkeys(self.state.expire(now_s)))
            if now_s >= look_s:
                look_s = now_s + LOOK_EVERY_S
                self._look()
            device = self._next(now_s)
            if device is not None:
                await self._keep(device)
                continue
            due_s = [look_s, *([self._next_again_s] if self._again else [])]
            if (ends_s := self.state.due_s()) is not None:
                due_s.append(ends_s)
            await self._wait(min(due_s) - now_s)

    async def _wait(self, most_s: float) -> None:
        try:
            async with asyncio.timeout(max(0.0, most_s)):
                await self._wake.wait()
        except TimeoutError:
            return
        self._wake.clear()

    def _next(self, now_s: float) -> Mac | None:
        if self._urgent:
            device = next(iter(self._urgent))
            del self._urgent[device]
            self._again.pop(device, None)
            return device
        if self._again and now_s >= self._next_again_s:
            device = next(iter(self._again))
            del self._again[device]
            self._next_again_s = now_s + self._pause_s
            return device
        return None

    def _look(self) -> None:
        """Presence is told when it changes, but what was known before a restart is not told again."""
        if self._shown.mirror_state:
            for device in self._doors():
                if self._told_online.get(device) != self._online(device):
                    self._urgent[device] = None

    async def _keep(self, mac: Mac) -> None:
        """What is retained of one door becomes what it should be."""
        device = self._world.snapshot.by_mac.get(mac)
        held = self._published.setdefault(mac, {})
        try:
            if device is not None and render.shown(device):
                await self._show(device, held)
            else:
                await self._take_away(mac, held)
        except LinkDown as error:
            log.debug("home assistant is told of %s after the next connection: %s", mac, error)
        await asyncio.sleep(0)  # a thousand doors without a difference must not hold up the loop

    async def _show(self, device: Device, held: dict[str, bytes | None]) -> None:
        mac, config = device.mac, self._shown.topics.config(device.mac)
        online = self._online(mac)
        wanted = render.states(self._shown, device, self.state.of(mac), online=online)
        for topic, payload in wanted.items():
            await self._put(held, topic, payload)
        self._told_online[mac] = online
        await self._announce(device, held, config)
        # A contact that we have not heard of since the start is as it was told before.
        stay = {*wanted, config, self._shown.topics.contact(mac)}
        for topic in [topic for topic in held if topic not in stay]:
            await self._clear(held, topic)

    async def _announce(self, device: Device, held: dict[str, bytes | None], config: str) -> None:
        announcement = render.discovery(self._shown, device, self._world.snapshot)
        encoded = render.encode(announcement)
        if held.get(config) == encoded:
            return
        first = farewell(announcement, self._platforms.get(device.mac, {}))
        if first is not None:
            await self._put(held, config, render.encode(first))
        await self._put(held, config, encoded)
        self._platforms[device.mac] = {name: component["p"] for name, component in announcement["cmps"].items()}

    async def _take_away(self, mac: Mac, held: dict[str, bytes | None]) -> None:
        self.state.forget(mac)
        config = self._shown.topics.config(mac)
        for topic in sorted(held, key=lambda topic: topic != config):  # first of all it goes from Home Assistant
            await self._clear(held, topic)
        for known in (self._published, self._platforms, self._told_online):
            known.pop(mac, None)

    async def _put(self, held: dict[str, bytes | None], topic: str, payload: bytes) -> None:
        if held.get(topic) != payload:
            held[topic] = None  # until it is confirmed
            await self._publish(topic, payload)
            held[topic] = payload

    async def _clear(self, held: dict[str, bytes | None], topic: str) -> None:
        await self._publish(topic, b"")
        del held[topic]
