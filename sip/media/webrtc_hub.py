"""All apps of one call: what the door sends goes to each of them, and only the winner's microphone goes back.

Towards the call the hub is one telephone with RTP on a loopback address. Legs share it, because the caller is
connected to one leg at a time, and whichever it is, every app of the family that rings sees the picture.
"""

import asyncio
import contextlib
import functools
import logging
import math
import secrets
import socket
import struct
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from sip.media import g711
from sip.media.rtp import RtpHeader, parse_header
from sip.media.webrtc import NotUsable, Peer, PeerEvents
from sip.media.webrtc_h264 import Depacketizer, KeyFrameCache
from sip.media.webrtc_public import make_peer
from sip.media.webrtc_sdp import Agreed, agree, answer, parameter_sets

HOST: Final = "127.0.0.1"
CONNECT_S: Final = 10.0  # an app whose connection is not up by then gets none
KEYFRAME_EVERY_S: Final = 1.0
PEERS_MAX: Final = 32  # of one call
PACKETS_AT_ONCE: Final = 64  # read before others of the loop get their turn
PACKET_BYTES_MAX: Final = 2048
RECEIVED_BYTES_MAX: Final = 1 << 20  # a key frame comes at once
_SOUND_BYTES: Final = 400  # what is shorter is not followed by more of the same at once
_MARKER: Final = 0x80
_BIND_TRIES: Final = 32
_RTCP_EVERY_S: Final = 2.0
_FRAME_S: Final = 0.02
_FRAME_BYTES: Final = 160
_RING_HZ, _RING_ON, _RING_EVERY = 425, 50, 250  # ringing tone of ITU-T E.180: 1 s in 5, in frames
_TIMESTAMPS: Final = 1 << 32
_HEADER: Final = struct.Struct("!BBHII")

log = logging.getLogger(__name__)


class NoPorts(Exception):
    """No pair of ports could be bound."""


class Ports(NamedTuple):
    """The hub's sockets towards the call."""

    audio: socket.socket
    audio_rtcp: socket.socket
    video: socket.socket
    video_rtcp: socket.socket

    @classmethod
    def bind(cls) -> "Ports":
        """Raises NoPorts."""
        audio = _bind_pair()
        try:
            return cls(*audio, *_bind_pair())
        except BaseException:
            for sock in audio:
                sock.close()
            raise

    @property
    def numbers(self) -> tuple[int, int]:
        """Of sound and picture."""
        return int(self.audio.getsockname()[1]), int(self.video.getsockname()[1])


def _bind_pair() -> tuple[socket.socket, socket.socket]:
    """RTP on an even port and RTCP on the next, on loopback."""
    for _ in range(_BIND_TRIES):
        first = _bound(0)
        port = int(first.getsockname()[1])
        if port % 2 == 0:
            with contextlib.suppress(OSError):
                return first, _bound(port + 1)
        first.close()
    raise NoPorts("no pair of ports is free on loopback")


def _bound(port: int) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        made.setblocking(False)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVED_BYTES_MAX)
        made.bind((HOST, port))
    except BaseException:
        made.close()
        raise
    return made


@dataclass(slots=True)
class _Outgoing:
    """RTP that we make: own SSRC, continuous numbers (RFC 3550 §5.1)."""

    payload: int
    step: int = _FRAME_BYTES  # timestamps of a frame of 20 ms
    ssrc: int = field(default_factory=lambda: secrets.randbits(32))
    sequence: int = field(default_factory=lambda: secrets.randbits(15))
    timestamp: int = field(default_factory=lambda: secrets.randbits(32))
    last_source: int | None = None  # the stamp of who speaks; None where the last frame was our own

    def packet(self, payload: bytes, source_timestamp: int | None = None) -> bytes:
        """*source_timestamp* None: the next frame of our own. The marker begins what somebody says after silence."""
        marker = self.last_source is None and source_timestamp is not None
        if source_timestamp is None or self.last_source is None:
            self.timestamp = (self.timestamp + self.step) % _TIMESTAMPS
        else:
            forward = (source_timestamp - self.last_source) % _TIMESTAMPS
            if forward >= _TIMESTAMPS // 2:
                forward = 0  # an older packet that was late
            marker = forward > 4 * self.step
            self.timestamp = (self.timestamp + forward) % _TIMESTAMPS
        self.last_source = source_timestamp
        self.sequence = (self.sequence + 1) % 65536
        head = _HEADER.pack(0x80, self.payload | (0x80 if marker else 0), self.sequence, self.timestamp, self.ssrc)
        return head + payload


@dataclass(slots=True)
class _App:
    peer: Peer
    watching: bool = False
    deadline: asyncio.TimerHandle | None = None


class Hub:
    """The apps' side of one call. `close` must be awaited. Raises Unusable for an offer without a usable sound."""

    def __init__(
        self,
        offer: bytes,
        want_picture: Callable[[], None],
        ports: Ports | None = None,
        gone: Callable[[str], None] | None = None,
    ) -> None:
        """*ports*: bound by the caller already; they are the hub's from here. *gone*: an app's connection broke."""
        self.agreed: Agreed = agree(offer)
        self._want_picture, self._gone = want_picture, gone
        self._loop = asyncio.get_running_loop()
        self._audio, self._audio_rtcp, self._video, self._video_rtcp = ports or Ports.bind()
        self._legs: dict[int, Agreed] = {}
        self._apps: dict[str, _App] = {}
        self._talker: tuple[str, int] | None = None  # whose microphone passes, to which leg
        codec = self.agreed.audio.codec
        self._out = _Outgoing(codec.payload, codec.clock_hz // 50)
        self._pictures = Depacketizer()
        self._cache = KeyFrameCache(parameter_sets(self.agreed.video) if self.agreed.video else ())
        self._door_ssrc = 0
        self._origin: dict[str, int] = {}
        self._asked_at = -math.inf
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False
        self._numbers = Ports(self._audio, self._audio_rtcp, self._video, self._video_rtcp).numbers
        for sock, read in (
            (self._audio, self._read_audio),
            (self._video, self._read_video),
            (self._audio_rtcp, None),
            (self._video_rtcp, None),
        ):
            self._loop.add_reader(sock.fileno(), _reader(sock, read))
        self._ringing_tone: Sequence[bytes] = _ringing_tone(self.agreed.audio.codec.payload)
        self._pacer = self._loop.create_task(self._pace(), name="webrtc hub")

    # --- legs -------------------------------------------------------------------------------------------------------

    def add_leg(self, leg: int, offer: bytes) -> bytes:
        """The answer for one more leg, which has its own addresses. Raises Unusable."""
        agreed = agree(offer)
        self._legs[leg] = agreed
        return answer(agreed, HOST, *self._numbers)

    def drop_leg(self, leg: int) -> None:
        self._legs.pop(leg, None)
        if self._talker is not None and self._talker[1] == leg:
            self._talker = None

    @property
    def legs(self) -> int:
        return len(self._legs)

    def stop_tone(self) -> None:
        """Somebody has answered, here or elsewhere."""
        self._ringing_tone = ()

    def talk(self, app: str, leg: int) -> None:
        """From here the microphone of *app* passes, and nobody else's."""
        self.stop_tone()
        self._talker = (app, leg)

    # --- apps -------------------------------------------------------------------------------------------------------

    async def connect(self, app: str, offer: str) -> str:
        """The answer to the offer of *app*; an older connection of its is closed. Raises NotUsable."""
        await self.disconnect(app)
        if self._closed or len(self._apps) >= PEERS_MAX:
            raise NotUsable("the call is over, or too many look at it")
        events = PeerEvents(
            microphone=lambda timestamp, payload: self._microphone(app, timestamp, payload),
            connected=lambda: self._watch(app, peer),
            keyframe=self.ask_for_picture,
            closed=lambda: self._lost(app, peer),
        )
        sound = self.agreed.mime if "m=audio" in offer else None
        peer = make_peer(events, sound, video=self.agreed.video is not None and "m=video" in offer)
        mine = self._apps[app] = _App(peer)
        mine.deadline = self._loop.call_later(CONNECT_S, self._give_up, app, peer)
        try:
            return await peer.accept(offer)
        except NotUsable:
            await self.disconnect(app)
            raise

    async def disconnect(self, app: str) -> None:
        mine = self._apps.pop(app, None)
        if mine is not None:
            if mine.deadline is not None:
                mine.deadline.cancel()
            await mine.peer.close()

    def ask_for_picture(self) -> None:
        """Ask the door for a key frame, at most once a second: by RTCP (RFC 4585 §6.3.1), and by whom we were given."""
        now = time.monotonic()
        if self.agreed.video is None or now - self._asked_at < KEYFRAME_EVERY_S or self._closed:
            return
        self._asked_at = now
        ours = self._out.ssrc
        report = struct.pack("!BBHI", 0x80, 201, 1, ours)
        pli = struct.pack("!BBHII", 0x81, 206, 2, ours, self._door_ssrc)
        for leg in self._legs.values():
            if leg.video is not None:
                _send(self._video_rtcp, report + pli, leg.video.rtcp)
        self._want_picture()

    async def close(self) -> None:
        """Idempotent."""
        if self._closed:
            return
        self._closed = True
        self._pacer.cancel()
        for sock in (self._audio, self._audio_rtcp, self._video, self._video_rtcp):
            self._loop.remove_reader(sock.fileno())
            sock.close()
        await asyncio.gather(*(self.disconnect(app) for app in list(self._apps)), *self._tasks)

    # --- from the door ----------------------------------------------------------------------------------------------

    def _read_audio(self, packet: bytes) -> None:
        header = parse_header(packet)
        if header is None or header.payload_type != self.agreed.audio.codec.payload:
            return
        payload = _payload(packet, header)
        timestamp = self._relative("audio", header.timestamp)
        for app in self._apps.values():
            if app.watching:
                app.peer.push_audio(payload, timestamp)

    def _read_video(self, packet: bytes) -> None:
        header, line = parse_header(packet), self.agreed.video
        if header is None or line is None or header.payload_type != line.codec.payload:
            return
        self._door_ssrc = header.ssrc
        payload = _payload(packet, header)
        timestamp = self._relative("video", header.timestamp)
        for unit in self._pictures.feed(header.sequence, timestamp, header.marker, payload):
            told = self._cache.take(unit)
            for app in self._apps.values():
                if app.watching:
                    app.peer.push_video(told.payloads, told.timestamp)
        if self._pictures.take_loss():
            self._cache.forget()
            self.ask_for_picture()

    def _relative(self, kind: str, timestamp: int) -> int:
        """Stamps as the door counts them, from 0: aiortc adds an origin of its own."""
        return (timestamp - self._origin.setdefault(kind, timestamp)) % _TIMESTAMPS

    def _watch(self, app: str, peer: Peer) -> None:
        mine = self._apps.get(app)
        if mine is None or mine.peer is not peer or mine.watching:
            return
        if mine.deadline is not None:
            mine.deadline.cancel()
        mine.watching = True
        past = self._cache.catch_up()
        for payloads, timestamp in past:
            peer.push_video(payloads, timestamp)
        if not past:
            self.ask_for_picture()

    def _give_up(self, app: str, peer: Peer) -> None:
        if not peer.connected:
            log.info("an app's media did not connect within %.0f s", CONNECT_S)
            self._lost(app, peer)

    def _lost(self, app: str, peer: Peer) -> None:
        """Only the connection is gone; whether the app is too, its WebSocket tells."""
        mine = self._apps.get(app)
        if mine is not None and mine.peer is peer and not self._closed:
            if self._gone is not None:
                self._gone(app)
            task = self._loop.create_task(self.disconnect(app), name="closing an app's media")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    # --- to the door ------------------------------------------------------------------------------------------------

    def _microphone(self, app: str, timestamp: int, payload: bytes) -> None:
        if self._talker is None or self._talker[0] != app or self._closed:
            return
        leg = self._legs.get(self._talker[1])
        if leg is not None and leg.audio.receives and len(payload) <= PACKET_BYTES_MAX:
            _send(self._audio, self._out.packet(payload, timestamp), (leg.audio.host, leg.audio.port))

    async def _pace(self) -> None:
        """The ringing tone while nobody has answered, and reports that say that the apps are there."""
        began, frame = self._loop.time(), 0
        while True:
            if self._ringing_tone:
                packet = self._out.packet(self._ringing_tone[frame % _RING_EVERY])
                for leg in self._legs.values():
                    _send(self._audio, packet, (leg.audio.host, leg.audio.port))
            if frame % round(_RTCP_EVERY_S / _FRAME_S) == 0:
                self._report()
            step = 1 if self._ringing_tone else round(_RTCP_EVERY_S / _FRAME_S)
            frame = frame + step if self._ringing_tone else (frame // step + 1) * step
            await asyncio.sleep(max(0.0, began + frame * _FRAME_S - self._loop.time()))

    def _report(self) -> None:
        report = struct.pack("!BBHI", 0x80, 201, 1, self._out.ssrc)
        for leg in self._legs.values():
            _send(self._audio_rtcp, report, leg.audio.rtcp)
            if leg.video is not None:
                _send(self._video_rtcp, report, leg.video.rtcp)


def _reader(sock: socket.socket, read: Callable[[bytes], None] | None) -> Callable[[], None]:
    """Takes what waits on *sock*; only the relay on this machine can send to it.

    A picture at a time, or one packet with sound: the loop comes again for what is left, and to look in vain costs as
    much as a packet.
    """

    def readable() -> None:
        for _ in range(PACKETS_AT_ONCE):
            try:
                packet, source = sock.recvfrom(PACKET_BYTES_MAX)
            except OSError:
                return
            if read is not None and source[0] == HOST:
                read(packet)
            if len(packet) < _SOUND_BYTES or packet[1] & _MARKER:
                return

    return readable


def _send(sock: socket.socket, packet: bytes, to: tuple[str, int]) -> None:
    with contextlib.suppress(OSError):  # a full buffer loses the packet, as a network would
        sock.sendto(packet, to)


def _payload(packet: bytes, header: RtpHeader) -> bytes:
    """Without padding (RFC 3550 §5.1)."""
    end = len(packet) - (packet[-1] if packet[0] & 0x20 else 0)
    return packet[header.payload_at : max(end, header.payload_at)]


@functools.cache
def _ringing_tone(payload: int) -> Sequence[bytes]:
    """Frames of one turn of the ringing tone; none where the caller speaks no G.711. Takes 10 ms the first time."""
    encode = {g711.PCMU: g711.mulaw_of, g711.PCMA: g711.alaw_of}.get(payload)
    if encode is None:
        return ()
    silence = bytes([encode(0)]) * _FRAME_BYTES
    samples = [round(6000 * math.sin(2 * math.pi * _RING_HZ * n / 8000)) for n in range(_FRAME_BYTES * _RING_ON)]
    sound = bytes(encode(sample) for sample in samples)
    heard = [sound[at : at + _FRAME_BYTES] for at in range(0, len(sound), _FRAME_BYTES)]
    return (*heard, *[silence] * (_RING_EVERY - _RING_ON))
