"""Media of apps in processes of their own: real processes, RTP of a door in, WebRTC of apps out, and back."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator

import pytest

from sip.media.webrtc import NotUsable, use_addresses
from sip.media.webrtc_pool import SPREAD_FROM, HubPool, RemoteHub
from sip.media.webrtc_sdp import Unusable
from tests.loopback.portal.apps import AppPeer, until
from tests.loopback.portal.test_hub import IDR, PPS, SLICE, SPS, TONE, Door

VOICE = b"\x02" * 160


@pytest.fixture
async def door(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Door]:
    import aioice.ice

    monkeypatch.setattr("aioice.ice.get_host_addresses", aioice.ice.get_host_addresses)  # put back after the test
    use_addresses(("127.0.0.1",))
    made = Door()
    yield made
    made.close()


@pytest.fixture
async def pool() -> AsyncIterator[HubPool]:
    made = HubPool(("127.0.0.1",), cores=2)
    await made.start()
    await until(lambda: made.pids)
    yield made
    pids = made.pids
    await made.stop()
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


async def connect(hub: RemoteHub, name: str, app: AppPeer) -> None:
    await app.answered(await hub.connect(name, await app.offer()))
    await until(lambda: app.connected)


async def heard_at(door: Door, app: AppPeer) -> None:
    """Returns when the app's voice is heard at the door."""
    heard: list[bytes] = []

    def speaks() -> bool:
        app.say(VOICE)
        heard.extend(door.received("audio"))
        return any(packet[12:] == VOICE for packet in heard)

    await until(speaks)


async def test_a_call_is_carried_by_another_process(pool: HubPool, door: Door) -> None:
    wanted: list[int] = []
    hub = pool.hub(door.offer, lambda: wanted.append(1))
    door.answered(hub.add_leg(0, door.offer))
    hub.ask_for_picture()
    await until(lambda: wanted)
    door.show(SPS, PPS, IDR, at=0)
    door.show(SLICE, at=3600)
    async with AppPeer() as anna:
        await connect(hub, "anna", anna)
        await until(lambda: len(anna.seen) >= 4)
        assert anna.seen[:4] == [(False, SPS), (False, PPS), (True, IDR), (True, SLICE)]
        door.send("audio", TONE, 0)
        await until(lambda: TONE in anna.heard)
        hub.stop_tone()
        hub.talk("anna", 0)
        await heard_at(door, anna)
        await hub.disconnect("anna")
        await until(lambda: not anna.connected)
    await hub.close()
    await hub.close()


async def test_a_call_outlives_its_process(pool: HubPool, door: Door, caplog: pytest.LogCaptureFixture) -> None:
    hub = pool.hub(door.offer, lambda: None)
    description = hub.add_leg(0, door.offer)
    door.answered(description)
    hub.talk("anna", 0)
    async with AppPeer() as before, AppPeer() as after:
        await connect(hub, "anna", before)
        (pid,) = pool.pids
        os.kill(pid, signal.SIGKILL)
        await until(lambda: "is gone" in caplog.text)
        await connect(hub, "anna", after)  # it waits for the next
        assert pool.pids not in ([pid], [])
        await heard_at(door, after)

        def sees() -> bool:
            door.show(SPS, PPS, IDR, at=90)
            return bool(after.seen)

        await until(sees)
    await hub.close()


async def test_a_process_that_does_not_answer_is_replaced(
    pool: HubPool, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone: list[str] = []
    hub = pool.hub(door.offer, lambda: None, gone.append)
    async with AppPeer() as before, AppPeer() as after:
        await connect(hub, "anna", before)
        (pid,) = pool.pids
        os.kill(pid, signal.SIGSTOP)
        offer = await after.offer()
        with monkeypatch.context() as hurried:
            hurried.setattr("sip.media.webrtc_pool.ASK_S", 0.5)
            with pytest.raises(NotUsable):
                await hub.connect("ben", offer)
        await until(lambda: pool.pids not in ([pid], []))
        assert gone == ["anna"], "whoever was connected is told"
    await hub.close()


async def test_what_an_app_offers_is_refused_there_and_here(pool: HubPool, door: Door) -> None:
    with pytest.raises(Unusable):
        pool.hub(b"v=0\r\n", lambda: None)
    hub = pool.hub(door.offer, lambda: None)
    pids = pool.pids
    for offer in (
        "",
        "m=audio x y z\r\n",
        "m=audio" + "\x00" * 30_000,
        "m=audio" + '"' * 32_000,
        "m=audio" + "a" * 200_000,
    ):
        with pytest.raises(NotUsable):
            await hub.connect("anna", offer)
    async with AppPeer() as anna:
        await connect(hub, "anna", anna)
    assert pool.pids == pids, "no offer ends the process that others' calls are in"
    await hub.close()
    with pytest.raises(NotUsable):
        await hub.connect("anna", "m=audio")


async def test_many_calls_are_spread_over_the_cores(pool: HubPool, door: Door) -> None:
    hubs = [pool.hub(door.offer, lambda: None) for _ in range(SPREAD_FROM)]
    await until(lambda: len(pool.pids) == 2)
    hubs += [pool.hub(door.offer, lambda: None) for _ in range(SPREAD_FROM + 1)]
    assert len({hub.worker.pid for hub in hubs if hub.worker is not None}) == 2
    await asyncio.gather(*(hub.close() for hub in hubs))
    assert len(pool.pids) == 2, "no more than there are cores"
