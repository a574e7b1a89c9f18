"""Devices, the plane and a scripted desk at a real broker. The same cases for mosquitto and for the embedded broker."""

import asyncio
import json
import os
import signal
from pathlib import Path
from typing import ClassVar

import pytest

from edge.core.answers import rfc3339
from models.access import AccessDecision, Reason
from models.device_events import OpenResult
from models.ids import Mac
from mqtt.client import LinkDown
from tests.mqtt_lab.fakes import Offsets, SystemClock
from tests.mqtt_lab.lab import DOOR, MONITOR, House, Kind, down, house, lab, up
from tests.mqtt_lab.wire import Heard, Wire

CLOCK = SystemClock()
GRANT = AccessDecision(Reason.GRANTED, relays=(1,), holds={"1": 3})


def attempt(identity: str, *, age_s: float = 0.0) -> bytes:
    at = rfc3339(CLOCK.now_ms() - round(1000 * age_s))
    return json.dumps({"id": identity, "at": at, "method": "pin", "value": "123456"}).encode()


def event(identity: str, kind: str = "exit_button", *, age_s: float = 0.0) -> bytes:
    return json.dumps({"id": identity, "at": rfc3339(CLOCK.now_ms() - round(1000 * age_s)), "type": kind}).encode()


def hello(*, offset_s: float = 0.0) -> bytes:
    return json.dumps({"model": "R29", "firmware": "1", "ip": "192.0.2.7", "relays": 1, "type": 0,
                       "at": rfc3339(CLOCK.now_ms() + round(1000 * offset_s))}).encode()  # fmt: skip


async def next_on(wire: Wire, topic: str, count: int = 1) -> Heard:
    """The *count*-th message a device hears on *topic*."""
    await wire.until(lambda: sum(heard.topic == topic for heard in wire.heard) >= count)
    return [heard for heard in wire.heard if heard.topic == topic][count - 1]


async def come_online(home: House, device: Wire, mac: str = DOOR) -> None:
    await device.publish(up(mac, "state"), b"online", retain=True)
    await home.desk.until(lambda: (mac, True) in home.desk.presences)


async def acknowledge(device: Wire, verb: str, answer: dict[str, object], mac: str = DOOR) -> dict[str, object]:
    """Answer the first *verb* with *answer*; returns its body."""
    heard = await next_on(device, down(mac, verb))
    body: dict[str, object] = json.loads(heard.payload)
    await device.publish(up(mac, "ack"), json.dumps({"id": body["id"], **answer}).encode())
    return body


class Household:
    """Inherited by a test class for each broker."""

    kind: ClassVar[Kind]

    # --- attempts ---------------------------------------------------------------------------------------------------

    async def test_an_attempt_gets_its_answer(self, tmp_path: Path, address: str) -> None:
        async with lab(self.kind, tmp_path, address) as room, house(room) as home:
            door = await room.device()
            await door.publish(up(DOOR, "attempt"), attempt("a-1"))
            answer = await next_on(door, down(DOOR, "decision"))
            assert json.loads(answer.payload) == {"id": "a-1", "granted": True, "relays": [1]}
            assert (answer.qos, answer.retain) == (1, False)
            assert [a.device for a in home.desk.attempts] == [DOOR]

    async def test_a_repeated_attempt_reaches_the_desk_again_in_order(self, tmp_path: Path, address: str) -> None:
        """What a repetition means is the desk's business; the plane never swallows or reorders one."""
        async with lab(self.kind, tmp_path, address) as room, house(room) as home:
            door = await room.device()
            for identity in ("a", "b", "a", "c"):
                await door.publish(up(DOOR, "attempt"), attempt(identity))
            await next_on(door, down(DOOR, "decision"), 4)
            assert [a.id for a in home.desk.attempts] == ["a", "b", "a", "c"]

    async def test_an_attempt_never_waits_for_a_daemon_that_is_away(self, tmp_path: Path, address: str) -> None:
        async with lab(self.kind, tmp_path, address) as room:
            async with house(room):
                pass
            door = await room.device()
            await door.publish(up(DOOR, "attempt"), attempt("missed"))
            await door.publish(up(DOOR, "event"), event("kept"))
            async with house(room) as home:
                await home.desk.until(lambda: [e.id for e in home.desk.events] == ["kept"])
                await door.publish(up(DOOR, "attempt"), attempt("heard"))
                await next_on(door, down(DOOR, "decision"))
                assert [a.id for a in home.desk.attempts] == ["heard"]

    async def test_a_retained_attempt_is_refused_and_taken_away(self, tmp_path: Path, address: str) -> None:
        async with lab(self.kind, tmp_path, address) as room:
            door = await room.device()
            await door.publish(up(DOOR, "attempt"), attempt("replay"), retain=True)
            await door.publish(up(DOOR, "event"), event("replay"), retain=True)
            async with house(room) as home:
                for _ in range(100):
                    watcher = await room.service("probe")
                    await watcher.subscribe("intercom/c-1/+/up/+")
                    await watcher.echo(f"intercom/c-1/{MONITOR}/up/x")
                    if not any(heard.retain for heard in watcher.heard):
                        break
                assert not any(heard.retain for heard in watcher.heard)
                assert home.plane.counters() == {"refused_attempt_retained": 1, "refused_event_retained": 1}
                assert home.desk.attempts == []
                # The broker passed it on once as it came, which is as good as any event; its retained copy is refused.
                assert [e.id for e in home.desk.tried] == ["replay"]
            async with house(room) as home:
                await door.publish(up(DOOR, "attempt"), attempt("fresh"))
                await home.desk.until(lambda: bool(home.desk.attempts))
                assert home.plane.counters() == {}

    async def test_bad_messages_are_counted_and_the_next_good_one_is_answered(
        self, tmp_path: Path, address: str
    ) -> None:
        async with lab(self.kind, tmp_path, address) as room, house(room) as home:
            door = await room.device()
            for payload in (
                b"",
                b"{",
                b"[" * 30_000,
                b"\xff",
                b"{}",
                b"x" * 65_537,
                attempt("a").replace(b"pin", b"pim"),
            ):
                await door.publish(up(DOOR, "attempt"), payload)
            await door.publish(up(DOOR, "attempt"), attempt("good"))
            await next_on(door, down(DOOR, "decision"))
            assert [a.id for a in home.desk.attempts] == ["good"]
            assert sum(home.plane.counters().values()) == 7

    async def test_a_flood_of_one_device_does_not_hold_up_another(self, tmp_path: Path, address: str) -> None:
        async with lab(self.kind, tmp_path, address) as room, house(room) as home:
            flooder, door = await room.device(MONITOR), await room.device(DOOR)
            held = asyncio.Event()
            send = home.plane.decision

            async def answer(mac: Mac, body: bytes) -> None:
                if mac == MONITOR:
                    await held.wait()
                await send(mac, body)

            home.desk.answer = answer
            for n in range(200):
                await flooder.publish(up(MONITOR, "attempt"), attempt(str(n)))
            await door.publish(up(DOOR, "attempt"), attempt("mine"))
            assert json.loads((await next_on(door, down(DOOR, "decision"))).payload)["id"] == "mine"
            assert home.plane.counters()["attempts_dropped"] == 200 - 1 - 32
            held.set()

    # --- events -----------------------------------------------------------------------------------------------------

    async def test_an_event_the_desk_could_not_store_comes_again_in_order(self, tmp_path: Path, address: str) -> None:
        async with lab(self.kind, tmp_path, address) as room, house(room) as home:
            door = await room.device()
            home.desk.fail = 2
            for n in range(5):
                await door.publish(up(DOOR, "event"), event(str(n), "door_opened"))
            await home.desk.until(lambda: len(home.desk.events) == 5)
            assert [e.id for e in home.desk.events] == ["0", "1", "2", "3", "4"]
            assert [e.id for e in home.desk.tried[:3]] == ["0", "0", "0"]

    async def test_an_event_not_committed_when_the_daemon_died_comes_again(self, tmp_path: Path, address: str) -> None:
        async with lab(self.kind, tmp_path, address) as room:
            door = await room.device()
            async with house(room) as home:
                home.desk.fail = 1
                await door.publish(up(DOOR, "event"), event("e", "forced"))
                await home.desk.until(lambda: bool(home.desk.tried))
            async with house(room) as home:
                await home.desk.until(lambda: bool(home.desk.events))
                assert [e.id for e in home.desk.events] == ["e"]

    async def test_an_exit_pressed_while_the_daemon_was_away_opens_nothing(self, tmp_path: Path, address: str) -> None:
        async with lab(self.kind, tmp_path, address) as room:
            async with house(room):
                pass
            door = await room.device()
            await door.publish(up(DOOR, "event"), event("old", age_s=11))
            await door.publish(up(DOOR, "event"), event("young", age_s=2))
            async with house(room) as home:
                await home.desk.until(lambda: len(home.desk.events) == 2)
                assert {e.id: e.too_late for e in home.desk.events} == {"old": True, "young": False}

    async def test_a_device_of_1970_lets_people_out(self, tmp_path: Path, address: str) -> None:
        years_s = CLOCK.now_ms() / 1000
        async with lab(self.kind, tmp_path, address) as room, house(room) as home:
            door, monitor = await room.device(DOOR), await room.device(MONITOR)
            await door.publish(up(DOOR, "event"), event("unknown clock", age_s=years_s))
            await monitor.publish(up(MONITOR, "state"), b"online", retain=True)
            await monitor.publish(up(MONITOR, "hello"), hello(offset_s=-years_s))
            await home.desk.until(lambda: bool(home.desk.hellos))
            await monitor.publish(up(MONITOR, "event"), event("known clock", age_s=years_s))
            await monitor.publish(up(MONITOR, "event"), event("replayed", age_s=years_s + 60))
            await home.desk.until(lambda: len(home.desk.events) == 3)
            assert {e.id: e.too_late for e in home.desk.events} == {
                "unknown clock": False,
                "known clock": False,
                "replayed": True,
            }
            assert set(home.offsets.stored) == {MONITOR}

    # --- commands ---------------------------------------------------------------------------------------------------

    async def test_an_opening_is_acknowledged(self, tmp_path: Path, address: str) -> None:
        async with lab(self.kind, tmp_path, address) as room, house(room) as home:
            door = await room.device()
            await come_online(home, door)
            opening = asyncio.ensure_future(home.plane.open(Mac(DOOR), GRANT))
            body = await acknowledge(door, "open", {"ok": True})
            assert await opening is OpenResult.OPENED
            heard = await next_on(door, down(DOOR, "open"))
            assert (heard.qos, heard.retain) == (1, False)
            assert body["relays"] == [1]
            assert body["seconds"] == 3

    async def test_the_expiry_is_told_by_the_devices_clock(self, tmp_path: Path, address: str) -> None:
        async with lab(self.kind, tmp_path, address) as room, house(room, Offsets({Mac(DOOR): -3_600_000})) as home:
            door = await room.device()
            await come_online(home, door)
            opening = asyncio.ensure_future(home.plane.open(Mac(DOOR), GRANT))
            body = await acknowledge(door, "open", {"ok": False, "error": "expired"})
            assert await opening is OpenResult.REFUSED
            an_hour_ago = [rfc3339(CLOCK.now_ms() - 3_600_000 + ms) for ms in (0, 3000)]
            assert an_hour_ago[0] < str(body["expires_at"]) <= an_hour_ago[1]

    async def test_an_ack_teaches_the_clock(self, tmp_path: Path, address: str) -> None:
        async with lab(self.kind, tmp_path, address) as room, house(room) as home:
            door = await room.device()
            await come_online(home, door)
            rebooting = asyncio.ensure_future(home.plane.command(Mac(DOOR), "reboot", {}))
            await acknowledge(door, "reboot", {"ok": True, "at": rfc3339(CLOCK.now_ms() + 60_000)})
            assert await rebooting is OpenResult.OPENED
            assert 59_000 < home.offsets.stored[Mac(DOOR)] < 61_000

    async def test_without_an_ack_it_may_have_been_carried_out(self, tmp_path: Path, address: str) -> None:
        async with lab(self.kind, tmp_path, address) as room, house(room) as home:
            door, monitor = await room.device(DOOR), await room.device(MONITOR)
            await come_online(home, door)
            opening = asyncio.ensure_future(home.plane.open(Mac(DOOR), GRANT, ack_within_s=0.3))
            await acknowledge_as(monitor, MONITOR, door)
            assert await opening is OpenResult.NO_ACK

    async def test_nothing_is_sent_to_a_device_that_is_offline(self, tmp_path: Path, address: str) -> None:
        async with lab(self.kind, tmp_path, address) as room, house(room) as home:
            door = await room.device(DOOR)
            assert await home.plane.open(Mac(DOOR), GRANT) is OpenResult.OFFLINE
            await come_online(home, door)
            await door.publish(up(DOOR, "state"), b"offline", retain=True)
            await home.desk.until(lambda: (DOOR, False) in home.desk.presences)
            assert await home.plane.open(Mac(DOOR), GRANT) is OpenResult.OFFLINE
            await home.plane.decision(Mac(DOOR), b"last")
            assert [h.topic for h in [await next_on(door, down(DOOR, "decision"))]] == [down(DOOR, "decision")]
            assert not any(heard.topic == down(DOOR, "open") for heard in door.heard)

    async def test_a_denial_is_never_an_opening(self, tmp_path: Path, address: str) -> None:
        async with lab(self.kind, tmp_path, address) as room, house(room) as home:
            with pytest.raises(ValueError, match="denial"):
                await home.plane.open(Mac(DOOR), AccessDecision(Reason.EXPIRED))
            with pytest.raises(ValueError, match="no command"):
                await home.plane.command(Mac(DOOR), "open", {})

    # --- presence, integrators, accounts ----------------------------------------------------------------------------

    async def test_presence_follows_states_and_wills(self, tmp_path: Path, address: str) -> None:
        async with lab(self.kind, tmp_path, address) as room, house(room) as home:
            door = await room.device(will=(up(DOOR, "state"), b"offline", True))
            await come_online(home, door)
            assert home.plane.online(Mac(DOOR))
            await door.close()
            await home.desk.until(lambda: (DOOR, False) in home.desk.presences)
            assert not home.plane.online(Mac(DOOR))

    async def test_a_daemon_that_comes_later_knows_who_is_there(self, tmp_path: Path, address: str) -> None:
        async with lab(self.kind, tmp_path, address) as room:
            door = await room.device()
            await door.publish(up(DOOR, "state"), b"online", retain=True)
            await door.publish(up(DOOR, "hello"), hello(), retain=True)
            async with house(room) as home:
                await home.desk.until(lambda: bool(home.desk.presences and home.desk.hellos))
                assert home.desk.presences == [(DOOR, True)]
                assert [h.live for h in home.desk.hellos] == [False]
                assert home.offsets.stored == {}

    async def test_the_daemons_state_and_events_are_there_for_integrators(self, tmp_path: Path, address: str) -> None:
        async with lab(self.kind, tmp_path, address) as room:
            integrator = await room.integrator()
            await integrator.subscribe("intercom/c-1/edge/#")
            async with house(room) as home:
                assert (await next_on(integrator, "intercom/c-1/edge/state")).payload == b"online"
                await home.plane.publish_event({"id": "r-1", "type": "ring", "at": rfc3339(0)})
                heard = await next_on(integrator, "intercom/c-1/edge/event")
                assert json.loads(heard.payload)["type"] == "ring"
                assert not heard.retain
            assert (await next_on(integrator, "intercom/c-1/edge/state", 2)).payload == b"offline"

    async def test_a_removed_device_leaves_nothing_behind(self, tmp_path: Path, address: str) -> None:
        async with lab(self.kind, tmp_path, address) as room, house(room) as home:
            door = await room.device(will=(up(DOOR, "state"), b"offline", True))
            await come_online(home, door)
            await door.publish(up(DOOR, "hello"), hello(), retain=True)
            await door.publish(up(DOOR, "door/1/lock"), b"LOCKED", retain=True)
            service = await room.service("probe")
            await service.publish(down(DOOR, "config"), b"{}", retain=True)
            room.accounts.remove(DOOR)
            await home.plane.accounts_changed()
            await door.until_closed(1)
            assert not home.plane.online(Mac(DOOR))
            watcher = await room.service("probe")
            await watcher.subscribe(f"intercom/c-1/{DOOR}/#")
            left = {heard.topic: heard.payload for heard in watcher.heard}
            for _ in range(100):  # the will of the link that was thrown out is cleared when it has arrived
                await watcher.echo(f"intercom/c-1/{DOOR}/echo")
                left |= {heard.topic: heard.payload for heard in watcher.heard if b"echo" not in heard.payload}
                if not any(left.values()):
                    break
            assert not any(left.values())

    async def test_a_new_device_is_heard_at_once(self, tmp_path: Path, address: str) -> None:
        newcomer = "0c1105000009"
        async with lab(self.kind, tmp_path, address) as room, house(room) as home:
            room.accounts.by_user |= type(room.accounts)(newcomer).by_user
            await home.plane.accounts_changed()
            device = await room.wire()
            async with asyncio.timeout(1):
                while await device.login(newcomer, newcomer, f"password-of-{newcomer}") != 0:
                    device = await room.wire()
            await device.publish(up(newcomer, "state"), b"online", retain=True)
            await home.desk.until(lambda: (newcomer, True) in home.desk.presences)

    # --- outages ----------------------------------------------------------------------------------------------------

    async def test_a_killed_broker_is_started_again_and_the_house_goes_on(self, tmp_path: Path, address: str) -> None:
        async with lab(self.kind, tmp_path, address) as room, house(room) as home:
            door, monitor = await room.device(DOOR), await room.device(MONITOR)
            await come_online(home, door)
            await come_online(home, monitor, MONITOR)
            pid = room.broker.pid
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            await door.closed.wait()
            # The door comes back, the monitor never does.
            door = await back(home, DOOR)
            await door.publish(up(DOOR, "state"), b"online", retain=True)
            await home.desk.until(lambda: (MONITOR, False) in home.desk.presences)
            await door.publish(up(DOOR, "attempt"), attempt("after"))
            await next_on(door, down(DOOR, "decision"))
            await home.desk.until(lambda: home.plane.online(Mac(DOOR)))
            assert room.broker.restarts == 1
            assert room.broker.pid != pid
            assert not home.plane.online(Mac(MONITOR))

    async def test_while_the_broker_is_away_nothing_is_sent_and_nothing_breaks(
        self, tmp_path: Path, address: str
    ) -> None:
        async with lab(self.kind, tmp_path, address) as room, house(room) as home:
            door = await room.device(DOOR)
            await come_online(home, door)
            await room.broker.stop()
            await door.closed.wait()
            async with asyncio.timeout(10):
                while home.plane.connected:  # noqa: ASYNC110 - the plane tells nobody when its link goes
                    await asyncio.sleep(0.01)
            assert not home.plane.online(Mac(DOOR))
            assert await home.plane.open(Mac(DOOR), GRANT) is OpenResult.OFFLINE
            await home.plane.decision(Mac(DOOR), b"{}")
            await home.plane.publish_event({"type": "ring"})
            assert home.plane.counters() == {"decisions_lost": 1, "integrator_events_lost": 1}

    async def test_a_broker_that_is_not_there_is_no_reason_not_to_start(self, tmp_path: Path, address: str) -> None:
        async with lab(self.kind, tmp_path, address) as room:
            await room.broker.stop()
            async with house(room) as home:
                assert not home.plane.connected
                with pytest.raises(LinkDown):
                    await home.plane._live.publish("x", b"")
                await room.broker.start()
                door = await back(home, DOOR)
                await door.publish(up(DOOR, "state"), b"online", retain=True)
                await home.desk.until(lambda: (DOOR, True) in home.desk.presences)


async def back(home: House, mac: str) -> Wire:
    """A device that tries until it is let in again, as devices do."""
    async with asyncio.timeout(15):
        while True:
            try:
                device = await home.lab.wire()
            except OSError:
                await asyncio.sleep(0.05)
                continue
            if await device.login(mac, mac, f"password-of-{mac}") == 0:
                await device.subscribe(f"intercom/c-1/{mac}/down/#")
                return device
            await asyncio.sleep(0.05)


async def acknowledge_as(liar: Wire, mac: str, door: Wire) -> None:
    """Another device answers for the door."""
    body = json.loads((await next_on(door, down(DOOR, "open"))).payload)
    await liar.publish(up(mac, "ack"), json.dumps({"id": body["id"], "ok": True}).encode())
