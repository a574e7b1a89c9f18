"""The apps' side of a call over real sockets: RTP of a door in, WebRTC of apps out, and back."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator

import pytest

from sip.media.rtp import parse_header
from sip.media.webrtc import NotUsable, use_addresses
from sip.media.webrtc_hub import Hub
from sip.sdp import parse
from tests.loopback.portal.apps import AppPeer, until

SPS, PPS, IDR, SLICE = b"\x67sps", b"\x68pps", b"\x65idr", b"\x41slice"
TONE = bytes([0x2A]) * 160


class Door:
    """RTP of a door phone with sound and picture, towards whoever answers its description."""

    def __init__(self) -> None:
        self.sockets = {name: self._bound() for name in ("audio", "video", "audio_rtcp", "video_rtcp")}
        self.to: dict[str, tuple[str, int]] = {}
        self._sequence = 1000

    @staticmethod
    def _bound() -> socket.socket:
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.bind(("127.0.0.1", 0))
        made.setblocking(False)
        return made

    def port(self, name: str) -> int:
        return int(self.sockets[name].getsockname()[1])

    @property
    def offer(self) -> bytes:
        return (
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
            f"m=audio {self.port('audio')} RTP/AVP 8\r\na=rtcp:{self.port('audio_rtcp')}\r\n"
            f"m=video {self.port('video')} RTP/AVP 97\r\na=rtcp:{self.port('video_rtcp')}\r\n"
            "a=rtpmap:97 H264/90000\r\na=fmtp:97 packetization-mode=1\r\na=sendonly\r\n"
        ).encode()

    def answered(self, description: bytes) -> None:
        self.to = {media.kind: (media.host, media.port) for media in parse(description).media}

    def send(self, kind: str, payload: bytes, timestamp: int, *, marker: bool = False) -> None:
        self._sequence += 1
        second = (8 if kind == "audio" else 97) | (0x80 if marker else 0)
        head = struct.pack("!BBHII", 0x80, second, self._sequence & 0xFFFF, timestamp, 7)
        self.sockets[kind].sendto(head + payload, self.to[kind])

    def show(self, *payloads: bytes, at: int = 0) -> None:
        for index, payload in enumerate(payloads):
            self.send("video", payload, at, marker=index == len(payloads) - 1)

    def received(self, name: str) -> list[bytes]:
        found = []
        while True:
            try:
                found.append(self.sockets[name].recv(2048))
            except BlockingIOError:
                return found

    def close(self) -> None:
        for sock in self.sockets.values():
            sock.close()


@pytest.fixture
async def door(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Door]:
    import aioice.ice

    monkeypatch.setattr("aioice.ice.get_host_addresses", aioice.ice.get_host_addresses)  # put back after the test
    use_addresses(("127.0.0.1",))
    made = Door()
    yield made
    made.close()


@pytest.fixture
async def hub(door: Door) -> AsyncIterator[Hub]:
    made = Hub(door.offer, lambda: None)
    door.answered(made.add_leg(0, door.offer))
    yield made
    await made.close()


async def connect(hub: Hub, name: str, app: AppPeer) -> None:
    await app.answered(await hub.connect(name, await app.offer()))
    await until(lambda: app.connected)


async def test_every_app_sees_the_picture_at_once_and_hears(hub: Hub, door: Door) -> None:
    door.show(SPS, PPS, IDR, at=0)
    door.show(SLICE, at=3600)
    async with AppPeer() as anna, AppPeer() as boris:
        await connect(hub, "anna", anna)
        await connect(hub, "boris", boris)
        for app in (anna, boris):
            await until(lambda app=app: len(app.seen) >= 4)
            assert app.seen[:4] == [(False, SPS), (False, PPS), (True, IDR), (True, SLICE)]
        door.send("audio", TONE, 0)
        await until(lambda: anna.heard and boris.heard)
        assert anna.heard == boris.heard == [TONE]


async def test_only_the_winner_speaks_and_only_when_it_may(hub: Hub, door: Door) -> None:
    async with AppPeer() as anna, AppPeer() as boris:
        await connect(hub, "anna", anna)
        await connect(hub, "boris", boris)
        hub.stop_tone()
        await asyncio.sleep(0.1)  # what was under way of the tone
        door.received("audio")
        for _ in range(5):
            anna.say(b"\x01" * 160)
            boris.say(b"\x02" * 160)
        hub.talk("boris", 0)
        heard: list[bytes] = []

        def speaks() -> bool:
            anna.say(b"\x01" * 160)
            boris.say(b"\x02" * 160)
            heard.extend(door.received("audio"))
            return len(heard) >= 5

        await until(speaks)
        assert {packet[12:] for packet in heard} == {b"\x02" * 160}
        headers = [parse_header(packet) for packet in heard]
        numbers = [header.sequence for header in headers if header is not None]
        assert numbers == [(numbers[0] + n) % 65536 for n in range(len(numbers))]
        assert len({header.ssrc for header in headers if header is not None}) == 1


async def test_the_visitor_hears_ringing_and_the_apps_show_that_they_are_there(hub: Hub, door: Door) -> None:
    heard: list[bytes] = []
    await until(lambda: heard.extend(door.received("audio")) or len(heard) > 5)
    assert len({packet[12:] for packet in heard}) > 1
    assert all(packet[1] & 0x7F == 8 for packet in heard)
    await until(lambda: door.received("audio_rtcp"))


async def test_an_app_asks_for_a_picture_and_the_door_is_asked_once_a_second(door: Door) -> None:
    asked: list[int] = []
    hub = Hub(door.offer, lambda: asked.append(1))
    door.answered(hub.add_leg(0, door.offer))
    try:
        for _ in range(5):
            hub.ask_for_picture()
        assert asked == [1]
        plis = await until(lambda: [p for p in door.received("video_rtcp") if len(p) == 20])
        assert [packet[8:10] for packet in plis] == [b"\x81\xce"]
    finally:
        await hub.close()


async def test_a_hostile_offer_is_refused_and_leaves_nothing(hub: Hub) -> None:
    for offer in (
        "",
        "m=audio",
        "v=0\r\nm=audio x y z\r\n",
        "m=audio 9 UDP/TLS/RTP/SAVPF 8\r\n" * 9,
        "m=audio" + "x" * 40_000,
    ):
        with pytest.raises(NotUsable):
            await hub.connect("anna", offer)
    async with AppPeer() as anna:
        await connect(hub, "anna", anna)


async def test_a_new_connection_takes_the_place_of_the_old_one(hub: Hub, door: Door) -> None:
    async with AppPeer() as before, AppPeer() as after:
        await connect(hub, "anna", before)
        await connect(hub, "anna", after)

        def hears() -> bool:
            door.send("audio", TONE, 160)
            return bool(after.heard)

        await until(hears)
