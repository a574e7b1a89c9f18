"""Apps call: a door is looked at before anybody talks, a neighbour, the guard; and what the rules refuse."""

import asyncio
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from edge.admin import apartments, community, residents
from edge.admin.site import Site as OpenSite
from models.community import Activation
from models.service import ServiceState
from sip.media import g711
from tests.loopback.portal.apps import AppPeer, until
from tests.loopback.portal.home import GATE, GUARD, Apartment, home
from tests.loopback.portal.phones import App
from tests.peers import tone

VOICE_HZ: Final = 700
ANSWERS: Final = ((0.0, 180), (0.2, 200))


async def dialled(app: App, **whom: Any) -> dict[str, Any]:
    """The reply to `dial`."""
    asked = await app.say("dial", **whom)
    return await app.hear_one_of("dialled", "refused", re=asked)


async def media(app: App, peer: AppPeer, call: str) -> None:
    asked = await app.say("offer", call=call, sdp=await peer.offer())
    await peer.answered((await app.hear("answer_sdp", re=asked))["sdp"])
    await until(lambda: peer.connected)


async def speak(peer: AppPeer, seconds: float) -> None:
    """A tone at the pace of a microphone."""
    for frame in range(round(seconds * 50)):
        sample = [0.4 * math.sin(2 * math.pi * VOICE_HZ * (frame * 160 + n) / 8000) for n in range(160)]
        peer.say(bytes(g711.mulaw_of(round(32767 * value)) for value in sample))
        await asyncio.sleep(0.02)


async def test_a_door_is_looked_at_and_talked_with_when_the_resident_wants(
    tmp_path: Path, addresses: Iterator[str]
) -> None:
    heard = tmp_path / "heard"
    heard.mkdir()
    async with (
        home(tmp_path, addresses, Apartment("101", 0, ("Anna",))) as here,
        here.gate(answer_steps=((0.0, 200),), record_dir=str(heard)) as gate,
        here.phones["Anna"].connected() as anna,
        AppPeer("audio/pcmu", video=False) as peer,
    ):
        (door,) = anna.state["doors"]
        assert (door["mac"], door["look"]) == (GATE, True)
        reply = await dialled(anna, door=GATE)
        assert (reply["kind"], reply["to"], reply["door"]["name"]) == ("look", "Gate", "Gate")
        call = reply["call"]
        connected = await anna.hear("connected", call=call)
        assert not connected["talk"]
        assert [each["name"] for each in connected["relays"]] == ["Street"]
        assert (await dialled(anna, door=GATE))["reason"] == "busy"
        await media(anna, peer, call)
        await until(lambda: len(peer.heard) > 20)

        await speak(peer, 1.5)  # the microphone is shut
        asked = await anna.say("talk", call=call, on=True)
        assert (await anna.hear("talking", re=asked))["on"]
        await speak(peer, 1.0)
        pressed = await anna.say("open", nonce="n-1", relay="1", call=call)
        await anna.hear("opened", re=pressed)
        assert (await gate.wait("down", verb="open", timeout_s=20))["relays"] == ["1"]
        await anna.say("hangup", call=call)
        assert (await anna.hear("ended", call=call))["reason"] == "over"
        closed = await gate.wait("closed", 20)
        said_s = tone.seconds_of(Path(closed["wav"]), VOICE_HZ)
        assert 0.4 < said_s < 1.4, "only what was said with the microphone open"
        (row,) = await here.site.calls()
        assert (row["from"], row["outcome"], row["opened"]) == ("Anna Berg", "answered", [1])


async def test_neighbours_and_the_guard_call_each_other(tmp_path: Path, addresses: Iterator[str]) -> None:
    rooms = (Apartment("101", 0, ("Anna",)), Apartment("102", 0, ("Ben",)))
    async with (
        home(tmp_path, addresses, *rooms, guard=True) as here,
        here.phones["Anna"].connected() as anna,
        here.phones["Ben"].connected() as ben,
        AppPeer("audio/pcmu", video=False) as hers,
        AppPeer("audio/pcmu", video=False) as his,
    ):
        assert anna.state["may"] == {
            "talk": True, "history": True, "passes": True, "call_guard": True, "call_neighbours": True
        }  # fmt: skip
        assert (await dialled(anna, apartment="999"))["reason"] == "unknown"
        assert (await dialled(anna, apartment="guard"))["reason"] == "unknown"
        assert (await dialled(anna, guard=True))["reason"] == "unreachable"

        call = (await dialled(anna, apartment="1/102"))["call"]
        ring = await ben.hear("ring", call=call)
        assert (ring["kind"], ring["from"], ring["door"], ring["video"]) == ("neighbour", "Anna Berg", None, False)
        await media(ben, his, call)
        await ben.say("answer", call=call)
        await ben.hear("won", call=call)
        assert (await anna.hear("connected", call=call))["talk"]
        await media(anna, hers, call)
        await asyncio.gather(speak(hers, 0.5), speak(his, 0.5))
        await until(lambda: len(hers.heard) > 10 and len(his.heard) > 10)
        await ben.say("hangup", call=call)
        assert (await anna.hear("ended", call=call))["reason"] == "over"

        call = (await dialled(anna, apartment="102"))["call"]
        await ben.hear("ring", call=call)
        await ben.say("decline", call=call)
        assert (await anna.hear("ended", call=call))["reason"] == "declined"

        async with here.sip_phone(GUARD, answer_steps=ANSWERS, tone_hz=880) as guard:
            asked = await dialled(anna, guard=True)
            assert asked["kind"] == "guard"
            await anna.hear("connected", call=asked["call"])
            await guard.state("confirmed", 20)
            await anna.say("hangup", call=asked["call"])
            await guard.wait("closed", 20)
            guard.call(here.uri("102"))
            assert (await ben.hear("ring"))["kind"] == "guard"
            guard.hang_up()


async def test_what_the_rules_refuse_is_refused_with_its_reason(tmp_path: Path, addresses: Iterator[str]) -> None:
    rooms = (Apartment("101", 0, ("Anna",)), Apartment("102", 0, ("Ben",)))
    async with (
        home(tmp_path, addresses, *rooms) as here,
        here.sip_phone(GATE, answer_steps=((0.0, 180),)) as gate,
        here.phones["Anna"].connected() as anna,
        here.phones["Ben"].connected() as ben,
    ):
        call = (await dialled(anna, door=GATE))["call"]
        await anna.say("hangup", call=call)
        await anna.hear("ended", call=call)
        assert (await gate.state("disconnected", 20))["status"] == 487
        ringing = (await dialled(anna, door=GATE))["call"]
        office = OpenSite.open(here.site.folder)
        try:
            with office.admin("installer").edit() as edit:
                apartments.set_service(edit, "1/101", ServiceState.BLOCKED)
                community.set_community(edit, community_calls=False)
            await anna.hear("ended", call=ringing, reason="blocked")
            await anna.shows(lambda state: state["apartments"][0]["service"] == "blocked")
            assert not any(door["look"] for door in anna.state["doors"])
            assert (await dialled(anna, door=GATE))["reason"] == "blocked"
            assert (await dialled(ben, apartment="101"))["reason"] == "not_allowed"
            with office.admin("installer").edit() as edit:
                (lodger,) = residents.listed(edit, "1/102")
                residents.set_resident(edit, lodger["id"], activation=Activation.EXPIRED)
            await ben.shows(lambda state: state["resident"]["activation"] == "expired")
            assert (await dialled(ben, door=GATE))["reason"] == "app_expired"
        finally:
            office.close()
        for _ in range(3):
            await dialled(anna, door=GATE)
        assert (await dialled(anna, door=GATE))["reason"] == "rate"


async def test_a_look_ends_with_the_right_to_it_and_with_the_page_unless_that_comes_back(
    tmp_path: Path, addresses: Iterator[str]
) -> None:
    async with (
        home(tmp_path, addresses, Apartment("101", 0, ("Anna",))) as here,
        here.sip_phone(GATE, answer_steps=((0.0, 200),)) as gate,
    ):
        async with here.phones["Anna"].connected() as anna:
            call = (await dialled(anna, door=GATE))["call"]
            await anna.hear("connected", call=call)
        async with here.phones["Anna"].connected() as anna, AppPeer("audio/pcmu", video=False) as peer:
            (mine,) = anna.state["calls"]
            assert (mine["call"], mine["outgoing"], mine["answered"]) == (call, True, True)
            await media(anna, peer, call)
            assert not gate.seen("closed")
            office = OpenSite.open(here.site.folder)
            try:
                for service in (ServiceState.BLOCKED, ServiceState.ACTIVE):
                    with office.admin("installer").edit() as edit:
                        apartments.set_service(edit, "1/101", service)
                    if service is ServiceState.BLOCKED:
                        await anna.hear("ended", call=call, reason="blocked")
                        await gate.wait("closed", 20)
                    await anna.shows(lambda state, now=service: state["apartments"][0]["service"] == now.value)
            finally:
                office.close()
            mark, call = gate.events.mark(), (await dialled(anna, door=GATE))["call"]
            await anna.hear("connected", call=call)
        await gate.wait("closed", 20, mark)
