"""Whole calls on real sockets: two phones of our own, the SIP service, the B2BUA and the RTP relay."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edge.phone.handle import Phone, PhoneSettings
from models.call import CallOutcome, EndedBy
from tests.fakes.b2bua import DOOR, MONITOR, MONITOR_2, plan, target
from tests.fakes.calling_house import CallingHouse

USERS = (DOOR, MONITOR, MONITOR_2)


def own_phone(house: CallingHouse, ip: str, user: str, **more: Any) -> Phone:
    settings: dict[str, Any] = {
        "domain": house.ip, "registrar": f"sip:{house.server}", "proxy": f"sip:{house.server};lr", "port": 5060,
        "tone_hz": 440, **more,
    }  # fmt: skip
    return Phone(PhoneSettings(ip, user, f"pw{user}", **settings), "own")


async def test_a_call_talks_opens_and_ends(addresses: Iterator[str]) -> None:
    ip = next(addresses)
    async with (
        CallingHouse(ip, USERS, plan([target(MONITOR), target(MONITOR_2)], door_codes={"12": "1"})) as house,
        own_phone(house, next(addresses), DOOR) as door,
        own_phone(house, next(addresses), MONITOR, answer_steps=((0, 180), (0.2, 200))) as monitor,
        own_phone(house, next(addresses), MONITOR_2, answer_steps=((0, 180),)) as other,
    ):
        for phone in (door, monitor, other):
            await phone.registered()
        mark = door.call(f"sip:101@{house.server}")
        await door.state("early", since=mark)
        await door.state("confirmed", since=mark)
        assert (await other.state("disconnected"))["status"] == 487
        await monitor.state("confirmed")
        monitor.dtmf("12")
        await house.until(lambda: house.desk.opens)
        assert (await door.stats())["received"] > 0
        assert (await monitor.stats())["received"] > 0
        assert house.relay.streams == 2
        door.hang_up()
        await monitor.wait("closed")
        await house.over()
        assert house.relay.streams == 0
        assert door.digits == ""
        assert (house.desk.record.outcome, house.desk.record.ended_by) == (CallOutcome.ANSWERED, EndedBy.VISITOR)
        for line in (*house.desk.record.media, *house.desk.record.legs[0].media):
            assert line.kind == "audio"
            assert min(line.packets, line.sent) > 0
            assert line.jitter_ms < 50
        assert house.desk.record.legs[1].media == ()
        assert any(message.data.startswith(b"CANCEL") for message in house.b2bua.ladder(house.desk.record.id))


async def test_the_visitor_gives_up(addresses: Iterator[str], tmp_path: Path) -> None:
    ip = next(addresses)
    async with (
        CallingHouse(ip, USERS, plan([target(MONITOR)])) as house,
        own_phone(house, next(addresses), DOOR) as door,
        own_phone(house, next(addresses), MONITOR, answer_steps=((0, 180),)) as monitor,
    ):
        await door.registered()
        await monitor.registered()
        mark = door.call(f"sip:101@{house.server}")
        await door.state("early", since=mark)
        door.hang_up()
        assert (await door.state("disconnected", since=mark))["status"] == 487
        assert (await monitor.state("disconnected"))["status"] == 487
        await house.over()
        assert house.desk.record.outcome is CallOutcome.CANCELLED


async def test_the_end_of_the_daemon_ends_calls_that_ring_and_talk(addresses: Iterator[str]) -> None:
    ip = next(addresses)
    async with (
        CallingHouse(ip, USERS, plan([target(MONITOR)])) as house,
        own_phone(house, next(addresses), DOOR) as door,
        own_phone(house, next(addresses), MONITOR, answer_steps=((0, 200),)) as monitor,
    ):
        await door.registered()
        await monitor.registered()
        mark = door.call(f"sip:101@{house.server}")
        await door.state("confirmed", since=mark)
        began = asyncio.get_running_loop().time()
        await house.b2bua.end_all()
        assert asyncio.get_running_loop().time() - began < 2
        assert house.b2bua.calls == 0
        await door.state("disconnected", since=mark)
        await monitor.wait("closed")
