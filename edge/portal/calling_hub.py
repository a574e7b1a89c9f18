"""The hub of a call that an app placed: it makes the offer, and learns from the answer what apps hear and see."""

from collections.abc import Callable
from typing import Final

from sip.media import g711
from sip.media.webrtc_h264 import KeyFrameCache
from sip.media.webrtc_hub import HOST, Hub
from sip.media.webrtc_sdp import agree, parameter_sets
from sip.sdp import Attribute, Direction, Media, Session, render

LEG: Final = 0
_SILENCE: Final = {g711.PCMU: bytes([g711.mulaw_of(0)]) * 160, g711.PCMA: bytes([g711.alaw_of(0)]) * 160}
_H264: Final = {97: 1, 98: 0}
"""Payload type and packetization mode (RFC 6184 §6.2): a camera that knows mode 0 only takes no other."""
_SILENT_FRAMES: Final = 250  # as many as the hub's own tone has


class CallingHub(Hub):
    """`close` must be awaited. Raises NoPorts. Apps connect after `answered`."""

    def __init__(self, want_picture: Callable[[], None], *, video: bool) -> None:
        """*video*: the other side may show a picture."""
        # Until the answer is here the hub's own offer stands for it: it says how much may be agreed on.
        super().__init__(_offer(HOST, 9, 9 if video else 0), want_picture)
        self.stop_tone()
        self._with_video = video

    @property
    def offer(self) -> bytes:
        """What the other side is to answer: both kinds of G.711 and, where wanted, a picture from it."""
        audio, video = self._audio.getsockname()[1], self._video.getsockname()[1]
        return _offer(HOST, audio, video if self._with_video else 0)

    def answered(self, description: bytes) -> None:
        """The other side's answer; from here apps may connect, and it hears silence. Raises Unusable."""
        agreed = self.agreed = agree(description, video=self._with_video)
        self._legs[LEG] = agreed
        self._out.payload = agreed.audio.codec.payload
        self._cache = KeyFrameCache(parameter_sets(agreed.video) if agreed.video else ())
        self.shut()

    def reoffered(self, description: bytes) -> bytes:
        """The answer to a new description, with another address. Raises Unusable."""
        return self.add_leg(LEG, description)

    def shut(self) -> None:
        """Nobody's microphone passes. A door that heard nothing at all might take it for the end."""
        self._talker = None
        frame = _SILENCE.get(self._out.payload)
        self._ringing_tone = [frame] * _SILENT_FRAMES if frame is not None else []

    def open(self, app: str) -> None:
        """The microphone of *app* passes."""
        self.talk(app, LEG)


def _offer(host: str, audio: int, video: int) -> bytes:
    """*video* 0: none."""
    lines = [
        Media(
            "audio",
            audio,
            "RTP/AVP",
            (str(g711.PCMU), str(g711.PCMA)),
            host,
            Direction.of(True, True),
            (Attribute("rtpmap", "0 PCMU/8000"), Attribute("rtpmap", "8 PCMA/8000")),
        )
    ]
    if video:
        told: list[Attribute] = []
        for payload, mode in _H264.items():
            told.append(Attribute("rtpmap", f"{payload} H264/90000"))
            told.append(Attribute("fmtp", f"{payload} profile-level-id=42e01f;packetization-mode={mode}"))
        payloads = tuple(map(str, _H264))
        lines.append(Media("video", video, "RTP/AVP", payloads, host, Direction.of(False, True), tuple(told)))
    return render(Session(tuple(lines), "1", "1", host))
