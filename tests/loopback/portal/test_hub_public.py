"""The same call where aiortc's private names have moved: its public ones carry picture and sound both ways."""

from collections.abc import AsyncIterator

import pytest
from aiortc import RTCRtpSender

from sip.media import webrtc_hub
from sip.media.webrtc import Peer, PeerEvents
from sip.media.webrtc_h264 import byte_stream, nal_units
from sip.media.webrtc_hub import Hub
from sip.media.webrtc_public import PublicPeer, make_peer
from tests.loopback.portal.apps import AppPeer, until
from tests.loopback.portal.test_hub import IDR, PPS, SLICE, SPS, TONE, Door, connect, door

__all__ = ["door"]  # the fixture

VOICE = bytes([0x35]) * 160
PICTURE = IDR + bytes(range(1, 231)) * 6  # aiortc makes two packets of it


@pytest.fixture
async def hub(door: Door, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Hub]:  # noqa: F811  # the fixture
    monkeypatch.setattr(webrtc_hub, "make_peer", PublicPeer)
    made = Hub(door.offer, lambda: None)
    door.answered(made.add_leg(0, door.offer))
    yield made
    await made.close()


async def test_picture_and_sound_pass_and_the_winner_is_heard(hub: Hub, door: Door) -> None:  # noqa: F811
    door.show(SPS, PPS, PICTURE, at=0)
    door.show(SLICE, at=3600)
    async with AppPeer() as anna:
        await connect(hub, "anna", anna)
        await until(lambda: any(b"slice" in payload for _, payload in anna.seen))
        shown = nal_units(byte_stream(payload for _, payload in anna.seen))
        assert shown[:4] == [SPS, PPS, PICTURE, SLICE]
        door.send("audio", TONE, 0)
        await until(lambda: TONE in anna.heard)
        hub.talk("anna", 0)
        door.received("audio")
        heard: list[bytes] = []

        def speaks() -> bool:
            anna.say(VOICE)
            heard.extend(packet[12:] for packet in door.received("audio"))
            return heard.count(VOICE) >= 3

        await until(speaks)


async def test_the_door_is_asked_for_a_picture_though_no_app_can_ask(door: Door) -> None:  # noqa: F811
    asked: list[int] = []
    silent = PeerEvents(lambda _stamp, _payload: None, lambda: None, lambda: asked.append(1), lambda: None)
    peer = PublicPeer(silent, "audio/pcma", video=True)
    async with AppPeer() as anna:
        await anna.answered(await peer.accept(await anna.offer()))
        await until(lambda: bool(asked))
    await peer.close()
    await peer.close()


async def test_it_is_chosen_where_a_name_has_moved(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    events = PeerEvents(lambda _stamp, _payload: None, lambda: None, lambda: None, lambda: None)
    usual = make_peer(events, "audio/pcma", video=True)
    monkeypatch.delattr(RTCRtpSender, "_send_keyframe")
    other = make_peer(events, "audio/pcma", video=True)
    assert (type(usual), type(other)) == (Peer, PublicPeer)
    assert "public ones" in caplog.text
    await usual.close()
    await other.close()
