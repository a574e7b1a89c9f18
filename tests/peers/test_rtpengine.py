"""rtpengine behind the media interface: sound, digits, silence, its absence and its restart, and a whole call."""

import asyncio
import logging
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from models.call import CallOutcome
from sip.media import g711
from sip.media.engine import CALLER_END, Facing
from sip.media.rtpengine import READY, Rtpengine, RtpengineSession
from tests.fakes.b2bua import DOOR, MONITOR, plan, target
from tests.fakes.calling_house import CallingHouse
from tests.fakes.sip_service import until
from tests.loopback.sip_call.test_own_phones import own_phone
from tests.loopback.sip_call.test_relay import Listener, Phone
from tests.peers.rtpengine import PORTS, RtpengineProcess, engine, settings

pytestmark = pytest.mark.peer("rtpengine")
Phones = Callable[..., Phone]
WAY_S = 0.02  # how long a packet seems to take


@pytest.fixture
def edge(address: str) -> str:
    """Our address, and rtpengine's."""
    return address


@pytest.fixture
def phones(edge: str, addresses: Iterator[str]) -> Iterator[Phones]:
    made: list[Phone] = []

    def make() -> Phone:
        made.append(Phone(edge, next(addresses)))
        return made[-1]

    yield make
    for phone in made:
        phone.close()


def ports_of(session: RtpengineSession, host: str, leg: int = 0) -> tuple[int, int]:
    """Ours towards the caller and the leg."""
    return (
        session.allocate(CALLER_END, 0, "audio", host, Facing(leg, host)),
        session.allocate(leg, 0, "audio", host, Facing(CALLER_END, host)),
    )


def by_rtpengine(port: int) -> bool:
    return PORTS[0] <= port <= PORTS[1]


def press(phone: Phone, port: int, code: int, timestamp: int) -> None:
    for end, duration in ((0, 160), (0, 480), (1, 640), (1, 640), (1, 640)):
        phone.send(port, struct.pack("!BBH", code, end << 7 | 10, duration), kind=101, timestamp=timestamp)


async def joined(session: RtpengineSession, door: Phone, monitor: Phone, host: str) -> tuple[int, int]:
    """Both described and connected, and rtpengine has it."""
    to_door, to_monitor = ports_of(session, host)
    session.describe(CALLER_END, 0, door.line)
    session.describe(0, 0, replace(monitor.line, swallow_events=True))
    session.connect(CALLER_END, 0)
    for _ in range(40):
        door.send(to_door)
        monitor.send(to_monitor)
        await asyncio.sleep(0.02)
        if not door.nothing_came() and not monitor.nothing_came():
            return to_door, to_monitor
    raise AssertionError("no sound both ways")


async def test_sound_both_ways_on_the_ports_that_were_told_and_rtcp_beside(
    tmp_path: Path, edge: str, phones: Phones
) -> None:
    async with RtpengineProcess(tmp_path, edge), engine(settings(edge)) as media:
        session = media.open(Listener())
        door, monitor = phones(), phones()
        to_door, to_monitor = await joined(session, door, monitor, edge)
        assert by_rtpengine(to_door)
        assert by_rtpengine(to_monitor)
        sent = door.send(to_door, b"\x55" * 160)
        async with asyncio.timeout(2):
            while (await monitor.receive())[0] != sent:
                continue
        report = struct.pack("!BBHI", 0x80, 201, 1, 77)
        door.rtcp.sendto(report, (edge, to_door + 1))
        assert (await monitor.receive(monitor.rtcp))[0] == report
        comfort = door.send(to_door, b"\x40", kind=13)
        async with asyncio.timeout(2):
            while (await monitor.receive())[0] != comfort:
                continue
        assert ports_of(session, edge) == (to_door, to_monitor)
        session.look()
        await until(lambda: session.stats(CALLER_END)[0].packets >= 3)
        line = session.stats(CALLER_END)[0]
        assert (line.kind, line.lost, line.jitter_s) == ("audio", None, None)
        assert line.sent_packets == session.stats(0)[0].packets > 0
        session.close()
        await until(lambda: media.ready == READY)


def reports(phone: Phone, port: int, about: int, lost: int, jitter: int, heard: tuple[int, float]) -> int:
    """A sender report with one about the other (RFC 3550 §6.4.1); how the other is to name it. *heard*: the same of the
    other's last one, and when it came."""
    now = time.time()
    seconds, fraction = int(now) + 2_208_988_800, int(now % 1 * 2**32)
    last, came = heard
    delay = int(max(0.0, now - came - WAY_S) * 65_536) if last else 0
    head = struct.pack(
        "!BBHIIIIII", 0x81, 200, 12, phone.ssrc, seconds, fraction, 160, phone.sequence, 160 * phone.sequence
    )
    block = struct.pack("!IIIIII", about, lost & 0xFFFFFF, phone.sequence, jitter, last, delay)
    phone.rtcp.sendto(head + block, (phone.edge, port + 1))
    return (seconds & 0xFFFF) << 16 | fraction >> 16


async def test_loss_and_jitter_are_what_the_other_end_reports(tmp_path: Path, edge: str, phones: Phones) -> None:
    async with RtpengineProcess(tmp_path, edge), engine(settings(edge)) as media:
        session = media.open(Listener())
        door, monitor = phones(), phones()
        monitor.ssrc = 78
        to_door, to_monitor = await joined(session, door, monitor, edge)
        by_door, by_monitor = (0, 0.0), (0, 0.0)
        async with asyncio.timeout(10.0):  # until rtpengine knows how far away both are
            while [line.lost for end in (CALLER_END, 0) for line in session.stats(end)] != [5, -1]:
                door.send(to_door)
                monitor.send(to_monitor)
                by_door = reports(door, to_door, monitor.ssrc, -1, 80, by_monitor), time.time()
                await asyncio.sleep(2 * WAY_S)
                by_monitor = reports(monitor, to_monitor, door.ssrc, 5, 160, by_door), time.time()
                await asyncio.sleep(2 * WAY_S)
                session.look()
        (of_door,), (of_monitor,) = session.stats(CALLER_END), session.stats(0)
        assert of_door.jitter_s == pytest.approx(0.020, abs=0.005)
        assert of_monitor.jitter_s == pytest.approx(0.010, abs=0.005)
        session.close()


async def test_digits_are_told_once_and_do_not_reach_the_door(tmp_path: Path, edge: str, phones: Phones) -> None:
    async with RtpengineProcess(tmp_path, edge), engine(settings(edge)) as media:
        listener = Listener()
        session = media.open(listener)
        door, monitor = phones(), phones()
        to_door, to_monitor = await joined(session, door, monitor, edge)
        for number, code in enumerate((5, 11)):
            press(monitor, to_monitor, code, 16_000 * (number + 1))
            await until(lambda wanted=number + 1: len(listener.digits) == wanted)
        press(door, to_door, 7, 80_000)
        await until(lambda: len(listener.digits) == 3)
        assert listener.digits == [(0, "5"), (0, "#"), (CALLER_END, "7")]
        await asyncio.sleep(0.2)
        kinds = []
        while not door.nothing_came():
            kinds.append(0)
        session.close()
    assert len(kinds) < 10, "sound that was still on its way, and no event"


async def test_a_leg_is_not_heard_before_it_is_connected(tmp_path: Path, edge: str, phones: Phones) -> None:
    async with RtpengineProcess(tmp_path, edge), engine(settings(edge)) as media:
        listener = Listener()
        session = media.open(listener)
        door, landline = phones(), phones()
        _, to_landline = ports_of(session, edge)
        session.describe(CALLER_END, 0, door.line)
        session.describe(0, 0, landline.line)
        press(landline, to_landline, 1, 16_000)
        await until(lambda: listener.digits == [(0, "1")])
        for _ in range(10):
            landline.send(to_landline)
        await asyncio.sleep(0.1)
        assert door.nothing_came()
        session.close()


async def test_a_recording_is_played_to_the_caller(tmp_path: Path, edge: str, phones: Phones) -> None:
    async with RtpengineProcess(tmp_path, edge), engine(settings(edge)) as media:
        session = media.open(Listener())
        door, monitor = phones(), phones()
        await joined(session, door, monitor, edge)
        session.release(0)
        frames = [bytes([0x2A, 0xAA] * 80)] * 20
        session.play(CALLER_END, 0, frames, g711.PCMA)
        async with asyncio.timeout(3):
            while (await door.receive())[0][12:] != frames[0]:
                continue
        session.close()


async def test_an_end_that_falls_silent_is_told_once(tmp_path: Path, edge: str, phones: Phones) -> None:
    async with RtpengineProcess(tmp_path, edge), engine(settings(edge, silence_s=2.0)) as media:
        listener = Listener()
        session = media.open(listener)
        door, monitor = phones(), phones()
        to_door, _ = await joined(session, door, monitor, edge)
        async with asyncio.timeout(10):
            while not listener.silent:
                door.send(to_door)
                await asyncio.sleep(0.05)
        session.look()
        session.look()
        assert listener.silent == [0]
        assert session.stats(0)[0].silent
        session.close()


async def test_what_it_cannot_carry_our_own_relay_does(tmp_path: Path, edge: str, addresses: Iterator[str]) -> None:
    other = next(addresses)
    async with RtpengineProcess(tmp_path, edge), engine(settings(edge, digits=False)) as media:
        reading, deaf = media.open(Listener(), digits=True), media.open(Listener(), digits=False)
        assert not any(map(by_rtpengine, ports_of(reading, edge))), "it tells no digits here"
        assert all(map(by_rtpengine, ports_of(deaf, edge)))
        assert not any(map(by_rtpengine, ports_of(deaf, other, leg=1))), "another address of ours"
        assert not by_rtpengine(deaf.allocate(CALLER_END, 0, "audio", edge)), "a recording before a refusal"
        for session in (reading, deaf):
            session.close()
        assert media.relay.streams == 0


async def test_without_it_calls_go_through_our_relay_and_it_is_told_once(
    tmp_path: Path, edge: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    async with engine(settings(edge), wait=False) as media:
        await until(lambda: "does not answer" in caplog.text)
        assert not any(map(by_rtpengine, ports_of(media.open(Listener()), edge)))
    assert caplog.text.count("does not answer") == 1


async def test_after_a_restart_its_calls_end_and_new_ones_go_through_it_again(
    tmp_path: Path, edge: str, phones: Phones
) -> None:
    async with engine(settings(edge), wait=False) as media:
        listener = Listener()
        async with RtpengineProcess(tmp_path, edge):
            await became_ready(media)
            session = media.open(listener)
            await joined(session, phones(), phones(), edge)
        async with RtpengineProcess(tmp_path, edge):
            await until(lambda: listener.silent, 15.0)
            session.close()
            await became_ready(media)
            again = media.open(Listener())
            await joined(again, phones(), phones(), edge)
            again.close()


async def became_ready(media: Rtpengine) -> None:
    await until(lambda: media.up and media.ready == READY, 20.0)


async def test_a_whole_call_talks_and_opens_through_it(tmp_path: Path, edge: str, addresses: Iterator[str]) -> None:
    chosen = plan([target(MONITOR)], door_codes={"12": "1"})
    async with (
        RtpengineProcess(tmp_path, edge),
        engine(settings(edge)) as media,
        CallingHouse(edge, (DOOR, MONITOR), chosen, media=media) as house,
        own_phone(house, next(addresses), DOOR) as door,
        own_phone(house, next(addresses), MONITOR, answer_steps=((0, 180), (0.2, 200))) as monitor,
    ):
        for phone in (door, monitor):
            await phone.registered()
        mark = door.call(f"sip:101@{house.server}")
        await door.state("confirmed", since=mark)
        monitor.dtmf("12")
        await house.until(lambda: house.desk.opens)
        async with asyncio.timeout(5):
            while not (  # noqa: ASYNC110 - asked of another process
                (await door.stats())["received"] > 50 and (await monitor.stats())["received"] > 50
            ):
                await asyncio.sleep(0.1)
        await asyncio.sleep(2.2)  # it is asked for its count every two seconds
        door.hang_up()
        await monitor.wait("closed")
        await house.over()
        assert door.digits == ""
    record = house.desk.record
    assert record.outcome is CallOutcome.ANSWERED
    assert record.media[0].packets > 50
    assert record.legs[0].media[0].packets > 50
    assert record.media[0].fault is None
