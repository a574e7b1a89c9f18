"""A connection by aiortc's public names alone: slower, and there for the day when the private ones have moved.

Payloads towards the app go as `av.Packet`, which aiortc packs anew without decoding. The app's voice comes decoded and
is encoded again for the door. An app cannot ask for a key frame this way, so one is asked for now and then.
"""

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from fractions import Fraction
from typing import Any, Final

import aiortc.rtcrtpsender
import av
from aiortc import MediaStreamTrack, RTCRtpCodecParameters, RTCRtpReceiver, RTCRtpSender
from aiortc.codecs import get_encoder
from aiortc.mediastreams import MediaStreamError

from sip.media.webrtc import PayloadTrack, Peer, PeerEvents, preferred
from sip.media.webrtc_h264 import byte_stream

KEYFRAME_EVERY_S: Final = 2.0
_VIDEO_CLOCK: Final = 90_000
_HOOKS: Final[tuple[tuple[object, str], ...]] = (
    (aiortc.rtcrtpsender, "RTCEncodedFrame"),
    (RTCRtpSender, "_next_encoded_frame"),
    (RTCRtpSender, "_send_keyframe"),
    (RTCRtpReceiver, "_handle_rtp_packet"),
)

log = logging.getLogger(__name__)


def make_peer(events: PeerEvents, audio_mime: str | None, *, video: bool) -> Peer:
    """A connection that passes payloads on unchanged, or, where aiortc no longer lets it, one by public names."""
    if all(hasattr(owner, name) for owner, name in _HOOKS):
        return Peer(events, audio_mime, video=video)
    log.warning("aiortc has other private names than it had: apps are served by its public ones, which costs more")
    return PublicPeer(events, audio_mime, video=video)


class PacketTrack(PayloadTrack):
    """Payloads as encoded packets."""

    def __init__(self, kind: str, clock_hz: int) -> None:
        super().__init__(kind)
        self._time_base = Fraction(1, clock_hz)

    def push(self, payloads: Sequence[bytes], timestamp: int) -> None:
        packet = av.Packet(byte_stream(payloads) if self.kind == "video" else payloads[0])
        packet.pts, packet.time_base = timestamp, self._time_base
        self.put(packet)


class PublicPeer(Peer):
    """As `Peer`, for the same callers."""

    def __init__(self, events: PeerEvents, audio_mime: str | None, *, video: bool) -> None:
        self._work: set[asyncio.Task[None]] = set()
        super().__init__(events, audio_mime, video=video)

    def _add_sound(self, mime: str) -> PacketTrack:
        (codec,) = preferred("audio", mime)
        track = PacketTrack("audio", codec.clockRate)
        sound: Any = self._pc.addTransceiver(track, "sendrecv")
        sound.setCodecPreferences([codec])
        self._codec = RTCRtpCodecParameters(codec.mimeType, codec.clockRate, codec.channels)
        self._pc.on("track", self._heard)
        return track

    def _add_picture(self) -> PacketTrack:
        track = PacketTrack("video", _VIDEO_CLOCK)
        picture: Any = self._pc.addTransceiver(track, "sendonly")
        picture.setCodecPreferences(preferred("video", "video/h264", "video/rtx"))
        self._spawn(self._ask())
        return track

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._work.add(task)
        task.add_done_callback(self._work.discard)

    def _heard(self, track: MediaStreamTrack) -> None:
        if track.kind == "audio":
            self._spawn(self._listen(track))

    async def _listen(self, track: MediaStreamTrack) -> None:
        encoder = get_encoder(self._codec)
        while not self._closed:
            try:
                frame: Any = await track.recv()
            except MediaStreamError:
                return
            payloads, timestamp = encoder.encode(frame)
            for payload in payloads:
                if timestamp is not None and not self._closed:
                    self._events.microphone(timestamp & 0xFFFFFFFF, payload)

    async def _ask(self) -> None:
        while not self._closed:
            if self.connected:
                self._events.keyframe()
            await asyncio.sleep(KEYFRAME_EVERY_S)

    async def close(self) -> None:
        await super().close()
        tasks = tuple(self._work)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
