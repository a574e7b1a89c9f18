"""Doors at Home Assistant's own broker, a real mosquitto. Home Assistant is a client that does what it would do."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from edge.core.snapshot import Snapshot
from models.device import Device, Relay
from models.device_events import OpenResult
from models.ids import DeviceId, Mac
from mqtt.client import Endpoint, Login
from mqtt.home_assistant.bridge import HomeAssistantBridge, Ports
from tests.mqtt_lab.fakes import SystemClock
from tests.mqtt_lab.wire import Heard, Wire
from tests.peers.broker import ForeignBroker, with_logins
from tests.unit.mqtt.home_assistant.small_house import GATE, MONITOR, REMOTE, SIDE, TOPICS, gate, shown, side, snapshot

pytestmark = pytest.mark.peer("mosquitto")

LOGINS = {"house": "house-secret", "homeassistant": "ha-secret"}
STATUS = "homeassistant/status"
WITHIN_S = 10.0


@dataclass
class Doors:
    """A world that can change, and doors that open when asked."""

    snapshot: Snapshot
    result: OpenResult | None = OpenResult.OPENED
    opened: list[tuple[DeviceId, str]] = field(default_factory=list)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    online: set[Mac] = field(default_factory=set)
    bridge: HomeAssistantBridge | None = None

    async def open(self, door: DeviceId, relay: str) -> OpenResult | None:
        self.opened.append((door, relay))
        self.asked.set()
        return self.result

    async def until_opened(self, count: int = 1) -> None:
        async with asyncio.timeout(WITHIN_S):
            while len(self.opened) < count:
                self.asked.clear()
                await self.asked.wait()

    def become(self, *devices: Device) -> None:
        before, self.snapshot = self.snapshot, snapshot(*devices, revision=self.snapshot.revision + 1)
        assert self.bridge is not None
        self.bridge.world_changed(before, self.snapshot)

    def hear(self, **notice: object) -> None:
        assert self.bridge is not None
        self.bridge.hear(notice)


@contextlib.asynccontextmanager
async def bridged(
    broker: ForeignBroker, doors: Doors, *, locks: bool = True, allowed: tuple[str, ...] = ("all",)
) -> AsyncIterator[HomeAssistantBridge]:
    """The bridge, running."""
    dial = (Endpoint(*broker.address), Login("house", LOGINS["house"], "intercom-edge-c-1-ha"))
    ports = Ports(doors, SystemClock(), lambda: dial, doors.online.__contains__, doors.open)
    bridge = doors.bridge = HomeAssistantBridge(shown(locks=locks, allowed=allowed), ports)
    await bridge.start()
    try:
        async with asyncio.TaskGroup() as group:
            running = group.create_task(bridge.run())
            try:
                yield bridge
            finally:
                running.cancel()
    finally:
        await bridge.stop()


@pytest.fixture
async def broker(tmp_path: Path, address: str) -> AsyncIterator[ForeignBroker]:
    async with with_logins(tmp_path, address, LOGINS) as running:
        yield running


@pytest.fixture
def doors() -> Doors:
    return Doors(snapshot())


@contextlib.asynccontextmanager
async def home_assistant(broker: ForeignBroker, name: str = "ha") -> AsyncIterator[Wire]:
    """A client that has subscribed to everything."""
    wire = await Wire.open(broker.address)
    try:
        assert await wire.login(name, "homeassistant", LOGINS["homeassistant"]) == 0
        assert await wire.subscribe("#") == 1
        yield wire
    finally:
        await wire.close()


def on(wire: Wire, topic: str) -> Iterator[Heard]:
    return (heard for heard in wire.heard if heard.topic == topic)


async def last(wire: Wire, topic: str, payload: bytes) -> None:
    """Wait until the last word on *topic* is *payload*."""
    await wire.until(lambda: [heard.payload for heard in on(wire, topic)][-1:] == [payload])


async def announced(wire: Wire, mac: Mac, count: int = 1) -> list[Heard]:
    topic = TOPICS.config(mac)
    await wire.until(lambda: len(list(on(wire, topic))) >= count)
    return list(on(wire, topic))


async def retained(broker: ForeignBroker) -> dict[str, bytes]:
    """What somebody who comes now is told."""
    async with home_assistant(broker, "late") as wire:
        await wire.echo("echo/late")
        return {heard.topic: heard.payload for heard in wire.heard if heard.retain}


def command(cmd: str = "OPEN", *, age_s: float = 0.0) -> bytes:
    return json.dumps({"cmd": cmd, "at": time.time() - age_s}).encode()


# --- announcements ----------------------------------------------------------------------------------------------------


async def test_doors_are_announced_with_their_states(broker: ForeignBroker, doors: Doors) -> None:
    doors.online = {GATE}
    async with home_assistant(broker) as ha, bridged(broker, doors):
        for mac in (GATE, SIDE):
            await announced(ha, mac)
        kept = await retained(broker)
        assert kept["intercom/c-1/bridge/state"] == b"online"
        assert {TOPICS.config_of(topic) for topic in kept if topic.endswith("/config")} == {GATE, SIDE}
        assert not any(MONITOR in topic for topic in kept)
        assert kept[TOPICS.state(GATE)] == b"online"
        assert kept[TOPICS.state(SIDE)] == b"offline"
        for part in json.loads(kept[TOPICS.config(GATE)])["cmps"].values():
            told = kept.get(part["stat_t"])
            assert told is not None or part["p"] == "event" or part.get("dev_cla") == "door"
    assert (await retained(broker))["intercom/c-1/bridge/state"] == b"offline"


async def test_a_home_assistant_that_is_born_is_told_again(broker: ForeignBroker, doors: Doors) -> None:
    async with bridged(broker, doors), home_assistant(broker) as ha:
        first = {mac: len(await announced(ha, mac)) for mac in (GATE, SIDE)}
        await ha.publish(STATUS, b"online")
        for mac in (GATE, SIDE):
            again = (await announced(ha, mac, first[mac] + 1))[-1]
            assert not again.retain  # told now, not kept by the broker
            assert json.loads(again.payload)["dev"]["ids"] == [TOPICS.object_id(mac)]


async def test_a_broker_that_forgot_everything_is_told_everything(broker: ForeignBroker, doors: Doors) -> None:
    async with bridged(broker, doors):
        async with home_assistant(broker) as ha:
            await announced(ha, SIDE)
        await broker.restart()
        async with home_assistant(broker) as ha:
            await announced(ha, GATE)
            await announced(ha, SIDE)
            await last(ha, "intercom/c-1/bridge/state", b"online")


async def test_a_device_that_goes_is_taken_away(broker: ForeignBroker, doors: Doors) -> None:
    async with bridged(broker, doors), home_assistant(broker) as ha:
        await announced(ha, GATE)
        await announced(ha, SIDE)
        doors.become(side())
        await last(ha, TOPICS.config(GATE), b"")
        await last(ha, TOPICS.state(GATE), b"")
        kept = await retained(broker)
        assert not any(GATE in topic for topic in kept)
        assert TOPICS.config(SIDE) in kept


async def test_a_device_that_went_while_we_were_away_is_taken_away(broker: ForeignBroker, doors: Doors) -> None:
    async with bridged(broker, doors), home_assistant(broker) as ha:
        await announced(ha, GATE)
        doors.hear(type="device", device=GATE, event="door_opened")
        await last(ha, TOPICS.contact(GATE), b"ON")
    async with home_assistant(broker) as ha:
        await ha.publish("homeassistant/device/c-2_0c1105000001/config", b'{"not":"ours"}', retain=True)
    later = Doors(snapshot(side()))
    async with bridged(broker, later), home_assistant(broker) as ha:
        await announced(ha, SIDE)
        await last(ha, "intercom/c-1/bridge/state", b"online")
        async with asyncio.timeout(WITHIN_S):
            while any(GATE in topic for topic in await retained(broker) if "c-1" in topic):
                pass
        assert "homeassistant/device/c-2_0c1105000001/config" in await retained(broker)


async def test_a_contact_stays_as_it_was_over_a_restart(broker: ForeignBroker, doors: Doors) -> None:
    async with bridged(broker, doors), home_assistant(broker) as ha:
        await announced(ha, GATE)
        doors.hear(type="device", device=GATE, event="door_opened")
        await last(ha, TOPICS.contact(GATE), b"ON")
    async with bridged(broker, Doors(snapshot())), home_assistant(broker) as ha:
        await ha.until(lambda: sum(not heard.retain for heard in on(ha, TOPICS.config(SIDE))) >= 1)
        await ha.until(lambda: sum(not heard.retain for heard in on(ha, TOPICS.config(GATE))) >= 1)
        assert (await retained(broker))[TOPICS.contact(GATE)] == b"ON"


@pytest.mark.parametrize("while_away", [False, True])
async def test_a_lock_that_goes_is_named_once_with_its_platform_alone(
    while_away: bool, broker: ForeignBroker, doors: Doors
) -> None:
    without = gate(relays=gate().relays[:1])
    async with contextlib.AsyncExitStack() as first:
        await first.enter_async_context(bridged(broker, doors))
        async with home_assistant(broker) as ha:
            await announced(ha, GATE)
            if while_away:
                await first.aclose()
                await first.enter_async_context(bridged(broker, Doors(snapshot(without))))
            else:
                doors.become(without)
            gone = {"lock_s1": {"p": "lock"}, "relay_2": {"p": "binary_sensor"}}
            await ha.until(
                lambda: json.loads(list(on(ha, TOPICS.config(GATE)))[-1].payload)["cmps"].keys() & gone == set()
            )
            before = json.loads(list(on(ha, TOPICS.config(GATE)))[-2].payload)["cmps"]
            assert {name: part for name, part in before.items() if name in gone} == gone
            await last(ha, TOPICS.lock(GATE, "s1"), b"")


# --- what happens -----------------------------------------------------------------------------------------------------


async def test_a_ring_is_an_event_and_never_kept(broker: ForeignBroker, doors: Doors) -> None:
    async with bridged(broker, doors), home_assistant(broker) as ha:
        await announced(ha, GATE)
        doors.hear(type="ring", mac=GATE, apartment="North/101", dialled="101")
        doors.hear(type="call", mac=GATE, state="ringing")
        topic = TOPICS.event(GATE, "ring")
        await last(ha, TOPICS.call(GATE), b"ringing")
        await ha.until(lambda: any(on(ha, topic)))
        assert [json.loads(heard.payload) for heard in on(ha, topic)] == [
            {"event_type": "ring", "apartment": "North/101"}
        ]
        assert topic not in await retained(broker)
        doors.hear(type="call", mac=GATE, state="ended")
        await last(ha, TOPICS.call(GATE), b"idle")


async def test_a_door_that_opened_is_open_for_its_hold_time(broker: ForeignBroker, doors: Doors) -> None:
    doors.snapshot = snapshot(gate(relays=(Relay(1, methods=REMOTE, hold_s=1),)))
    async with bridged(broker, doors), home_assistant(broker) as ha:
        await announced(ha, GATE)
        doors.hear(type="access", device=GATE, outcome="granted", method="pin", reason="granted", relays=["1"])
        await last(ha, TOPICS.lock(GATE, "1"), b"OPEN")
        await last(ha, TOPICS.lock(GATE, "1"), b"LOCKED")


async def test_a_device_that_comes_online_is_available_at_once(broker: ForeignBroker, doors: Doors) -> None:
    async with bridged(broker, doors), home_assistant(broker) as ha:
        await announced(ha, GATE)
        await last(ha, TOPICS.state(GATE), b"offline")
        doors.online.add(GATE)
        doors.hear(type="device", device=GATE, event="online")
        await last(ha, TOPICS.state(GATE), b"online")


# --- locks ------------------------------------------------------------------------------------------------------------


async def test_a_command_opens_the_relay_it_names_and_no_other(broker: ForeignBroker, doors: Doors) -> None:
    async with bridged(broker, doors), home_assistant(broker) as ha:
        await announced(ha, GATE)
        await ha.publish(TOPICS.set(GATE, "1"), command("LOCK"))
        await ha.publish(TOPICS.set(GATE, "s1"), command("UNLOCK"))
        await ha.publish(TOPICS.set(GATE, "1"), command("OPEN"))
        await doors.until_opened(2)
        assert doors.opened == [(gate().id, "s1"), (gate().id, "1")]


BAD = {
    "foreign door": (TOPICS.set(SIDE, "1"), 0.0, "not_allowed"),
    "relay not in the list": (TOPICS.set(GATE, "s1"), 0.0, "not_allowed"),
    "relay without remote": (TOPICS.set(GATE, "2"), 0.0, "not_allowed"),
    "disabled relay": (TOPICS.set(GATE, "3"), 0.0, "not_allowed"),
    "monitor": (TOPICS.set(MONITOR, "1"), 0.0, "not_allowed"),
    "nobody": (TOPICS.set(Mac("0c11050000ff"), "1"), 0.0, "not_allowed"),
    "late": (TOPICS.set(GATE, "1"), 11.0, "too_late"),
    "from the future": (TOPICS.set(GATE, "1"), -13.0, "too_late"),
    "without a time": (TOPICS.set(GATE, "1"), None, "malformed"),
}
"""What is sent where, how old it is (seconds; None = it does not say), and why it does nothing."""


@pytest.mark.parametrize(("topic", "age_s", "refusal"), BAD.values(), ids=BAD)
async def test_a_command_that_is_not_allowed_or_not_fresh_does_nothing(
    topic: str, age_s: float | None, refusal: str, broker: ForeignBroker, doors: Doors
) -> None:
    async with bridged(broker, doors, allowed=("Gate/1", "Gate/2", "Gate/3", "Kitchen")) as bridge:
        async with home_assistant(broker) as ha:
            await announced(ha, GATE)
            await ha.publish(topic, b"OPEN" if age_s is None else command(age_s=age_s))
            await ha.publish(TOPICS.set(GATE, "1"), command())
            await doors.until_opened()
        assert doors.opened == [(gate().id, "1")]
        assert bridge.counts[f"refused_{refusal}"] == 1


async def test_a_retained_command_does_nothing_and_is_taken_away(broker: ForeignBroker, doors: Doors) -> None:
    topic = TOPICS.set(GATE, "1")
    async with home_assistant(broker) as ha:
        await ha.publish(topic, command(), retain=True)
        async with bridged(broker, doors) as bridge:
            await last(ha, topic, b"")
            assert doors.opened == []
            assert bridge.counts["refused_retained"] == 1
    assert topic not in await retained(broker)


async def test_a_command_sent_while_we_were_away_never_arrives(broker: ForeignBroker, doors: Doors) -> None:
    async with bridged(broker, doors), home_assistant(broker) as ha:
        await announced(ha, GATE)
    async with home_assistant(broker) as ha:
        await ha.publish(TOPICS.set(GATE, "1"), command())
        async with bridged(broker, doors):
            await announced(ha, SIDE)
            await ha.publish(TOPICS.set(SIDE, "1"), command())
            await doors.until_opened()
            assert doors.opened == [(side().id, "1")]


async def test_the_same_command_twice_opens_once(broker: ForeignBroker, doors: Doors) -> None:
    async with bridged(broker, doors) as bridge, home_assistant(broker) as ha:
        await announced(ha, GATE)
        same = command()
        await ha.publish(TOPICS.set(GATE, "1"), same)
        await ha.publish(TOPICS.set(GATE, "1"), same)
        await ha.publish(TOPICS.set(SIDE, "1"), command())
        await doors.until_opened(2)
        assert doors.opened == [(gate().id, "1"), (side().id, "1")]
        assert bridge.counts["refused_repeated"] == 1


async def test_without_locks_nobody_listens(broker: ForeignBroker, doors: Doors) -> None:
    async with bridged(broker, doors, locks=False) as bridge, home_assistant(broker) as ha:
        await announced(ha, GATE)
        await ha.publish(TOPICS.set(GATE, "1"), command())
        await ha.publish(STATUS, b"online")  # heard after it, so the command would have been too
        await announced(ha, GATE, 2)
        assert doors.opened == []
        assert bridge.counts["refused_not_allowed"] == 0


@pytest.mark.parametrize("result", [None, OpenResult.REFUSED, OpenResult.OFFLINE])
async def test_a_door_that_did_not_open_is_shown_locked(
    result: OpenResult | None, broker: ForeignBroker, doors: Doors
) -> None:
    doors.result = result
    async with bridged(broker, doors), home_assistant(broker) as ha:
        await announced(ha, GATE)
        doors.hear(type="access", device=GATE, outcome="granted", method="remote", reason="granted", relays=["1"])
        await last(ha, TOPICS.lock(GATE, "1"), b"OPEN")
        await ha.publish(TOPICS.set(GATE, "1"), command())
        await doors.until_opened()
        async with asyncio.timeout(1.0):  # its hold time is three seconds
            await last(ha, TOPICS.lock(GATE, "1"), b"LOCKED")
