"""A phone that nobody takes, that declines or that is lost: the visitor's call goes on, in time, with the right end."""

import asyncio
from collections.abc import Awaitable, Iterator
from pathlib import Path
from typing import Final

from edge.demo.device import Device
from tests.loopback.portal.apps import AppPeer, until
from tests.loopback.portal.home import Apartment, Home, home
from tests.loopback.portal.phones import App

NOTICED_WITHIN_S: Final = 10.0
RING_S: Final = 3.0


async def rung(here: Home, gate: Device, app: App, number: str) -> tuple[int, str]:
    """The gate has dialled and the app rings: the mark of the gate's events, and the call."""
    since = gate.events.mark()
    gate.do("call", to=here.uri(number))
    return since, str((await app.hear("ring"))["call"])


async def ended(gate: Device, since: int) -> int:
    return int((await gate.wait("state", 30, since, state="disconnected"))["status"])


async def seconds(work: Awaitable[object]) -> float:
    now = asyncio.get_running_loop().time
    began = now()
    await work
    return now() - began


async def test_the_telephone_rings_where_the_app_is_not_taken_declines_its_own_leg_or_is_lost(
    tmp_path: Path, addresses: Iterator[str]
) -> None:
    """Call type 2: the app, then the telephone. A decline ends its own leg here."""
    settings = {"calls.ring_time_by_stage_s": [RING_S, 60.0], "calls.decline_ends_call": False}
    flat = Apartment("101", 2, ("Anna",), landline=True)
    async with home(tmp_path, addresses, flat, settings=settings) as here, here.gate() as gate:
        async with here.phones["Anna"].connected() as anna, here.landline() as far:
            since, call = await rung(here, gate, anna, "101")
            assert (await anna.hear("ended", call=call))["reason"] == "cancelled"
            await far.wait("incoming", 20)
            await gate.wait("state", 20, since, state="confirmed")
            gate.do("hangup")
            assert await ended(gate, since) == 200
        async with here.phones["Anna"].connected() as anna, here.landline() as far:
            since, call = await rung(here, gate, anna, "101")
            await anna.say("decline", call=call)
            assert (await anna.hear("ended", call=call))["reason"] == "declined"
            assert await seconds(far.wait("incoming", 20)) < RING_S, "at once, not when its time is over"
            gate.do("hangup")
            await ended(gate, since)


async def test_a_decline_is_603_for_the_door_and_the_family_stops_ringing(
    tmp_path: Path, addresses: Iterator[str]
) -> None:
    flat = Apartment("101", 2, ("Anna", "Ben"), landline=True)
    async with (
        home(tmp_path, addresses, flat) as here,
        here.gate() as gate,
        here.landline() as far,
        here.phones["Anna"].connected() as anna,
        here.phones["Ben"].connected() as ben,
    ):
        since, call = await rung(here, gate, anna, "101")
        await ben.hear("ring", call=call)
        await anna.say("decline", call=call)
        assert await ended(gate, since) == 603
        assert (await ben.hear("ended", call=call))["reason"] == "declined"
        assert not far.seen("incoming")


async def test_a_phone_that_dies_without_a_word_is_noticed_in_time(tmp_path: Path, addresses: Iterator[str]) -> None:
    """While it rings the telephone is next; in a call the door is hung up. The socket stays open."""
    settings = {"calls.ring_time_by_stage_s": [60.0, 60.0]}
    flat = Apartment("101", 2, ("Anna",), landline=True)
    async with home(tmp_path, addresses, flat, settings=settings) as here, here.gate() as gate:
        async with here.phones["Anna"].connected() as anna, here.landline() as far:
            since, _ = await rung(here, gate, anna, "101")
            anna.dead = True
            assert await seconds(far.wait("incoming", 30)) < NOTICED_WITHIN_S
            await gate.wait("state", 20, since, state="confirmed")
            gate.do("hangup")
            await ended(gate, since)
        async with here.phones["Anna"].connected() as anna, AppPeer(video=False) as peer:
            since, call = await rung(here, gate, anna, "101")
            asked = await anna.say("offer", call=call, sdp=await peer.offer())
            await peer.answered((await anna.hear("answer_sdp", re=asked))["sdp"])
            await anna.say("answer", call=call)
            await anna.hear("won", call=call)
            await gate.wait("state", 20, since, state="confirmed")
            await until(lambda: peer.connected)
            anna.dead = True
            assert await seconds(ended(gate, since)) < NOTICED_WITHIN_S
