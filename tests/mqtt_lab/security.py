"""What a broker must not let anybody do. The same cases for mosquitto and for the embedded broker.

"Nothing arrives" is asked by an echo, never by a wait: what was published before has then arrived or never will.
"""

import asyncio
from pathlib import Path
from typing import ClassVar

import pytest

from tests.mqtt_lab.fakes import password_of
from tests.mqtt_lab.lab import DOOR, INTEGRATOR, MONITOR, STRANGER, Kind, Lab, down, lab, up
from tests.mqtt_lab.wire import Wire, connect_packet, packet, text

REFUSED = 5  # not authorised, MQTT 3.1.1 §3.2.2.3


async def heard_by(wire: Wire, service: Wire, mac: str) -> list[str]:
    """Topics a device heard until now: the service's echo on its `down` is the last."""
    await service.publish(down(mac, "echo"), b"echo")
    await wire.until(lambda: any(heard.topic == down(mac, "echo") for heard in wire.heard))
    return [heard.topic for heard in wire.heard if heard.topic != down(mac, "echo")]


async def serves(room: Lab) -> bool:
    """Whether the broker still carries a message from one client to another."""
    service, device = await room.service("probe"), await room.device(STRANGER)
    return await heard_by(device, service, STRANGER) == []


MALFORMED = {
    "length of five bytes": (False, b"\x10\xff\xff\xff\xff\xff"),
    "http": (False, b"GET / HTTP/1.1\r\n\r\n"),
    "connect of 256 MB": (False, b"\x10\xff\xff\xff\x7f" + b"\0" * 100),
    "other protocol": (False, packet(0x10, text("MQTX") + b"\x04\x02\0\x3c" + text("x"))),
    "reserved type": (True, b"\x00\x00"),
    "qos 3": (True, packet(0x36, text(up(DOOR, "x")) + b"\0\1z")),
    "subscribe to nothing": (True, packet(0x82, b"\0\1")),
    "subscribe with wrong flags": (True, packet(0x80, b"\0\1" + text("a") + b"\0")),
    "topic not UTF-8": (True, packet(0x30, b"\0\2\xff\xfe" + b"x")),
    "topic with NUL": (True, packet(0x30, text("a\0b") + b"x")),
    "topic with wildcard": (True, packet(0x30, text("a/#") + b"x")),
    "topic longer than its packet": (True, b"\x30\x05\x00\x20ab\x00"),
    "second connect": (True, connect_packet(DOOR, DOOR, password_of(DOOR))),
    "packet over the limit": (True, packet(0x30, text(up(DOOR, "x")) + b"x" * 262_200)),
}
"""Name -> (whether the client is logged in, what it sends)."""


class BrokerSecurity:
    """Inherited by a test class for each broker."""

    kind: ClassVar[Kind]

    # --- logins -----------------------------------------------------------------------------------------------------

    @pytest.mark.parametrize(
        ("user", "password"),
        [
            (DOOR, "wrong"),
            (DOOR, ""),
            (DOOR, None),
            (None, None),
            ("0c11050000ff", "x"),
            (DOOR.upper(), f"password-of-{DOOR}"),
        ],
    )
    async def test_a_wrong_login_is_refused(
        self, user: str | None, password: str | None, tmp_path: Path, address: str
    ) -> None:
        async with lab(self.kind, tmp_path, address) as room:
            wire = await room.wire()
            assert await wire.login(DOOR, user, password) in (REFUSED, 4, "closed")
            await wire.until_closed(2)

    async def test_the_login_is_the_client_id_whatever_a_client_says(self, tmp_path: Path, address: str) -> None:
        async with lab(self.kind, tmp_path, address) as room:
            door = await room.device(DOOR)
            other = await room.wire()
            assert await other.login(DOOR, MONITOR, password_of(MONITOR)) == 0
            assert await other.subscribe(f"intercom/c-1/{MONITOR}/down/#") == 1
            service = await room.service()
            await service.publish(down(DOOR, "open"), b"1")
            await service.publish(down(MONITOR, "reboot"), b"1")
            assert await heard_by(door, service, DOOR) == [down(DOOR, "open")]
            assert await heard_by(other, service, MONITOR) == [down(MONITOR, "reboot")]

    @pytest.mark.parametrize("clean", [True, False])
    @pytest.mark.parametrize("user", [DOOR, MONITOR])
    async def test_a_stranger_who_names_a_victim_has_no_effect(
        self, clean: bool, user: str, tmp_path: Path, address: str
    ) -> None:
        async with lab(self.kind, tmp_path, address) as room:
            door = await room.device(DOOR, clean=clean)
            stranger = await room.wire()
            assert await stranger.login(DOOR, user, "wrong", clean=clean) in (REFUSED, "closed")
            service = await room.service()
            await service.publish(down(DOOR, "open"), b"1")
            assert await heard_by(door, service, DOOR) == [down(DOOR, "open")]
            assert not door.closed.is_set()

    async def test_a_second_login_closes_the_old_link(self, tmp_path: Path, address: str) -> None:
        async with lab(self.kind, tmp_path, address) as room:
            old = await room.device(DOOR)
            new = await room.device(DOOR)
            await old.until_closed(2)
            service = await room.service()
            await service.publish(down(DOOR, "open"), b"1")
            assert await heard_by(new, service, DOOR) == [down(DOOR, "open")]

    async def test_many_logins_at_once_leave_one_link(self, tmp_path: Path, address: str) -> None:
        async with lab(self.kind, tmp_path, address) as room:
            wires = [await room.wire() for _ in range(8)]
            for wire in wires:
                wire.send(connect_packet(DOOR, DOOR, password_of(DOOR)))
            async with asyncio.timeout(10):
                while sum(not wire.closed.is_set() for wire in wires) > 1:
                    await asyncio.wait(
                        [asyncio.ensure_future(w.closed.wait()) for w in wires if not w.closed.is_set()],
                        return_when=asyncio.FIRST_COMPLETED,
                    )
            assert await serves(room)

    # --- topic rights -----------------------------------------------------------------------------------------------

    @pytest.mark.parametrize(
        "topic",
        [down(MONITOR, "open"), up(MONITOR, "attempt"), down(DOOR, "open"), "intercom/c-1/edge/event", "x", "$SYS/x"],
    )
    async def test_a_device_writes_nothing_but_its_own_up(self, topic: str, tmp_path: Path, address: str) -> None:
        async with lab(self.kind, tmp_path, address) as room:
            service, monitor = await room.service(), await room.device(MONITOR)
            integrator = await room.integrator()
            await integrator.subscribe("intercom/c-1/edge/#")
            await service.subscribe("intercom/c-1/#")
            door = await room.device(DOOR)
            for retain in (True, False):
                await door.publish(topic, b"open", retain=retain)
            await door.publish(up(DOOR, "event"), b"mine")
            await service.until(lambda: any(heard.payload == b"mine" for heard in service.heard))
            assert [heard.topic for heard in service.heard if heard.payload == b"open"] == []
            assert await heard_by(monitor, service, MONITOR) == []
            assert integrator.heard == []

    @pytest.mark.parametrize(
        "wanted", ["#", "intercom/#", "intercom/c-1/+/down/#", f"intercom/c-1/{MONITOR}/#", "+/+/+/+/+"]
    )
    async def test_a_device_hears_nothing_but_its_own_down(self, wanted: str, tmp_path: Path, address: str) -> None:
        async with lab(self.kind, tmp_path, address) as room:
            service = await room.service()
            await service.publish(up(MONITOR, "state"), b"online", retain=True)
            await service.publish("intercom/c-1/edge/state", b"online", retain=True)
            door = await room.device(DOOR)
            await door.subscribe(wanted)
            await service.publish(down(MONITOR, "open"), b"1")
            await service.publish("intercom/c-1/edge/event", b"1")
            assert await heard_by(door, service, DOOR) == []

    async def test_an_integrator_reads_the_edges_topics_and_writes_none(self, tmp_path: Path, address: str) -> None:
        async with lab(self.kind, tmp_path, address) as room:
            service = await room.service()
            integrator = await room.integrator()
            await integrator.subscribe("#")
            await integrator.subscribe("intercom/c-1/#")
            assert await integrator.subscribe("intercom/c-1/edge/#") == 1
            await service.subscribe("intercom/c-1/#")
            await service.publish(down(DOOR, "open"), b"1")
            await service.publish(up(DOOR, "attempt"), b"1")
            for topic in (down(DOOR, "open"), "intercom/c-1/edge/event", up(INTEGRATOR, "event"), up(DOOR, "event")):
                await integrator.publish(topic, b"forged")
            await service.publish("intercom/c-1/edge/event", b"last")
            await integrator.until(lambda: any(heard.payload == b"last" for heard in integrator.heard))
            assert {heard.topic for heard in integrator.heard} == {"intercom/c-1/edge/event"}
            forged = {heard.topic for heard in service.heard if heard.payload == b"forged"}
            assert forged <= {up(INTEGRATOR, "event")}  # its own name as a device: nobody listens to that

    async def test_a_retained_message_never_reaches_who_subscribed_to_nothing(
        self, tmp_path: Path, address: str
    ) -> None:
        async with lab(self.kind, tmp_path, address) as room:
            service = await room.service()
            await service.publish(down(DOOR, "config"), b"{}", retain=True)
            await service.publish(down(MONITOR, "config"), b"{}", retain=True)
            await service.subscribe("intercom/c-1/+/down/config")  # so that somebody has a filter that matches
            door = await room.wire()
            assert await door.login(DOOR, DOOR, password_of(DOOR)) == 0
            await door.publish(up(DOOR, "state"), b"online")
            assert door.heard == []
            await door.subscribe(down(DOOR, "#"))
            assert await heard_by(door, service, DOOR) == [down(DOOR, "config")]

    async def test_a_will_for_somebody_elses_topic_is_not_sent(self, tmp_path: Path, address: str) -> None:
        async with lab(self.kind, tmp_path, address) as room:
            service, monitor = await room.service(), await room.device(MONITOR)
            await service.subscribe("intercom/c-1/#")
            liar = await room.wire()
            if await liar.login(DOOR, DOOR, password_of(DOOR), will=(down(MONITOR, "open"), b"1", True)) == 0:
                await liar.close()
            again = await room.device(DOOR)  # the old link's will is dealt with before this login is answered
            await again.publish(up(DOOR, "event"), b"mine")
            await service.until(lambda: any(heard.payload == b"mine" for heard in service.heard))
            assert await heard_by(monitor, service, MONITOR) == []
            late = await room.device(MONITOR)
            assert await heard_by(late, service, MONITOR) == []  # nor retained

    # --- life of a link ---------------------------------------------------------------------------------------------

    async def test_a_cut_link_sends_its_will_retained(self, tmp_path: Path, address: str) -> None:
        async with lab(self.kind, tmp_path, address) as room:
            service = await room.service()
            await service.subscribe("intercom/c-1/+/up/state")
            door = await room.device(DOOR, will=(up(DOOR, "state"), b"offline", True))
            await door.close()
            await service.until(lambda: any(heard.payload == b"offline" for heard in service.heard), 3)
            late = await room.service("events")
            await late.subscribe("intercom/c-1/+/up/state")
            await late.until(lambda: bool(late.heard))
            assert late.heard[0].retain
            assert late.heard[0].payload == b"offline"

    async def test_a_goodbye_sends_no_will(self, tmp_path: Path, address: str) -> None:
        async with lab(self.kind, tmp_path, address) as room:
            service = await room.service()
            await service.subscribe("intercom/c-1/+/up/state")
            door = await room.device(DOOR, will=(up(DOOR, "state"), b"offline", True))
            door.disconnect()
            await door.until_closed(3)
            monitor = await room.device(MONITOR)
            await monitor.publish(up(MONITOR, "state"), b"online")
            await service.until(lambda: bool(service.heard))
            assert [heard.topic for heard in service.heard] == [up(MONITOR, "state")]

    @pytest.mark.slow
    async def test_a_silent_link_is_dead_after_its_keepalive(self, tmp_path: Path, address: str) -> None:
        async with lab(self.kind, tmp_path, address) as room:
            service = await room.service()
            await service.subscribe("intercom/c-1/+/up/state")
            door = await room.device(DOOR, keepalive_s=1, will=(up(DOOR, "state"), b"offline", True))
            await service.until(lambda: any(heard.payload == b"offline" for heard in service.heard), 12)
            await door.until_closed(1)

    async def test_a_removed_device_loses_its_link_within_a_second(self, tmp_path: Path, address: str) -> None:
        async with lab(self.kind, tmp_path, address) as room:
            door, monitor = await room.device(DOOR), await room.device(MONITOR)
            room.accounts.remove(DOOR)
            await room.broker.refresh()
            await door.until_closed(1)
            again = await room.wire()
            assert await again.login(DOOR, DOOR, password_of(DOOR)) == REFUSED
            service = await room.service()
            assert await heard_by(monitor, service, MONITOR) == []

    async def test_a_new_device_gets_in_within_a_second(self, tmp_path: Path, address: str) -> None:
        async with lab(self.kind, tmp_path, address) as room:
            newcomer = "0c1105000009"
            room.accounts.by_user |= type(room.accounts)(newcomer).by_user
            await room.broker.refresh()
            async with asyncio.timeout(1):
                while await (await room.wire()).login(newcomer, newcomer, password_of(newcomer)) != 0:
                    pass  # the broker reads its files when the signal arrives; each try waits for its answer

    # --- quality of service -----------------------------------------------------------------------------------------

    async def test_qos_is_the_lower_of_both(self, tmp_path: Path, address: str) -> None:
        async with lab(self.kind, tmp_path, address) as room:
            service, door = await room.service(), await room.device(DOOR)
            await service.publish(down(DOOR, "a"), b"0", qos=0)
            await service.publish(down(DOOR, "b"), b"1", qos=1)
            await door.until(lambda: len(door.heard) == 2)
            assert [(heard.payload, heard.qos) for heard in door.heard] == [(b"0", 0), (b"1", 1)]

    async def test_a_kept_session_gets_each_message_once_and_in_order(self, tmp_path: Path, address: str) -> None:
        async with lab(self.kind, tmp_path, address) as room:
            events = await room.service("events", clean=False)
            await events.subscribe("intercom/c-1/+/up/event")
            events.disconnect()
            await events.until_closed(3)
            door = await room.device(DOOR)
            for n in range(50):
                await door.publish(up(DOOR, "event"), str(n).encode())
            back = await room.service("events", clean=False)
            await door.publish(up(DOOR, "event"), b"last")
            await back.until(lambda: any(heard.payload == b"last" for heard in back.heard))
            assert [heard.payload for heard in back.heard] == [*(str(n).encode() for n in range(50)), b"last"]

    async def test_what_was_not_acknowledged_comes_again_with_dup(self, tmp_path: Path, address: str) -> None:
        async with lab(self.kind, tmp_path, address) as room:
            events = await room.service("events", clean=False)
            events.auto_ack = False
            await events.subscribe("intercom/c-1/+/up/event")
            door = await room.device(DOOR)
            for payload in (b"1", b"2", b"3"):
                await door.publish(up(DOOR, "event"), payload)
            await events.until(lambda: len(events.heard) == 3)
            events.ack(events.heard[0])
            await events.subscribe("intercom/c-1/+/up/other")  # the broker has read our ack when it answers this
            await events.close()
            back = await room.service("events", clean=False)
            await back.until(lambda: len(back.heard) == 2)
            assert [(heard.payload, heard.dup) for heard in back.heard] == [(b"2", True), (b"3", True)]

    # --- hostile bytes ----------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("name", sorted(MALFORMED))
    async def test_a_malformed_packet_ends_its_link_and_nothing_else(
        self, name: str, tmp_path: Path, address: str
    ) -> None:
        logged_in, raw = MALFORMED[name]
        async with lab(self.kind, tmp_path, address) as room:
            wire = await (room.device(DOOR) if logged_in else room.wire())
            wire.send(raw)
            await wire.until_closed(12)
            assert await serves(room)

    async def test_the_largest_payload_of_the_contract_passes(self, tmp_path: Path, address: str) -> None:
        async with lab(self.kind, tmp_path, address) as room:
            service, door = await room.service(), await room.device(DOOR)
            await service.subscribe("intercom/c-1/+/up/event")
            await door.publish(up(DOOR, "event"), b"x" * 65_536)
            await service.until(lambda: bool(service.heard))
            assert len(service.heard[0].payload) == 65_536

    @pytest.mark.slow
    async def test_a_client_that_stops_reading_costs_the_others_nothing(self, tmp_path: Path, address: str) -> None:
        async with lab(self.kind, tmp_path, address) as room:
            deaf = await room.device(MONITOR)
            deaf.stop_reading()
            service = await room.service()
            blob = b"z" * 60_000
            for _ in range(300):
                await service.publish(down(MONITOR, "x"), blob, qos=0)
                await service.writer.drain()
            assert await serves(room)
            assert resident_mb(room.broker.pid) < 200

    async def test_passwords_are_nowhere_in_the_clear(self, tmp_path: Path, address: str) -> None:
        async with lab(self.kind, tmp_path, address) as room:
            _, login = room.broker.dial("live")
            seen = await asyncio.to_thread(everything_written, room.broker.pid, tmp_path)
            for secret in (login.password, password_of(DOOR)):
                assert secret.encode() not in seen


def resident_mb(pid: int | None) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def everything_written(pid: int | None, folder: Path) -> bytes:
    """Command line and environment of the broker and the files of its folder, which nobody else may read."""
    files = list(folder.iterdir())
    assert [file.name for file in files if file.stat().st_mode & 0o077] == []
    return b"".join(file.read_bytes() for file in (Path(f"/proc/{pid}/cmdline"), Path(f"/proc/{pid}/environ"), *files))
