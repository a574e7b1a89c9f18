"""What a door phone's camera sends: H.264 made once by libx264 and repeated, so that the load costs little."""

import itertools
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

import av
from av.video.frame import PictureType

from sip.media.webrtc_h264 import packetize

FPS: Final = 25
VGA: Final = (640, 480)
KBPS: Final = 1000
SECONDS: Final = 4
TICKS: Final = 90_000 // FPS


@dataclass(frozen=True, slots=True)
class Pictures:
    """Payloads of each picture; the first and every `FPS`th are key frames."""

    payloads: tuple[tuple[bytes, ...], ...]

    @property
    def kbps(self) -> float:
        return sum(map(len, (one for each in self.payloads for one in each))) * 8 * FPS / len(self.payloads) / 1000


def record(size: tuple[int, int] = VGA, seconds: int = SECONDS, kbps: int = KBPS) -> Pictures:
    """*seconds* of a moving test picture with grain, at about *kbps*."""
    coder = _coder(size, kbps)
    source = f"testsrc2=size={size[0]}x{size[1]}:rate={FPS},noise=alls=12:allf=t,format=yuv420p"
    found: list[tuple[bytes, ...]] = []
    with av.open(source, format="lavfi") as camera:
        for number, frame in enumerate(itertools.islice(camera.decode(video=0), FPS * seconds)):
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            frame.pict_type = PictureType.NONE  # a raw picture calls itself a key frame
            found += [packetize(bytes(packet)) for packet in coder.encode(frame)]
    found += [packetize(bytes(packet)) for packet in coder.encode(None)]
    return Pictures(tuple(found))


def _coder(size: tuple[int, int], kbps: int) -> Any:
    coder: Any = av.CodecContext.create("libx264", "w")
    coder.width, coder.height = size
    coder.pix_fmt, coder.time_base, coder.framerate = "yuv420p", Fraction(1, FPS), Fraction(FPS)
    coder.bit_rate, coder.thread_count, coder.profile = kbps * 1000, 1, "Baseline"
    rate = f"{kbps}k"
    x264 = f"keyint={FPS}:min-keyint={FPS}:scenecut=0:repeat-headers=1:bframes=0:annexb=1"
    coder.options = {
        "preset": "veryfast", "tune": "zerolatency", "maxrate": rate, "bufsize": rate, "x264-params": x264
    }  # fmt: skip
    return coder
