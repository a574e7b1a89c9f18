"""An rtpengine of the test's own, without its kernel module, and our engine that drives it."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from edge.phone.lines import LineProcess
from sip.media.rtpengine import READY, Rtpengine
from sip.media.settings import MediaSettings
from tests.fakes.sip_service import until

NG_PORT: Final = 2223
DIGITS_PORT: Final = 2224
PORTS: Final = (35000, 36999)


class RtpengineProcess(LineProcess):
    """`rtpengine` on *ip*; its log is in *folder*."""

    def __init__(self, folder: Path, ip: str) -> None:
        super().__init__(
            "rtpengine",
            [
                "rtpengine", "--config-file=none", "-f", "-E", "-L", "6", "--table=-1", f"--interface={ip}",
                f"--listen-ng={ip}:{NG_PORT}", f"--port-min={PORTS[0]}", f"--port-max={PORTS[1]}",
                f"--dtmf-log-dest={ip}:{DIGITS_PORT}", "--endpoint-learning=heuristic", "--num-threads=1",
            ],
        )  # fmt: skip
        self.stderr_file = folder / "rtpengine.log"

    def line_received(self, line: str) -> None:
        """It says nothing there."""

    def process_ended(self, status: int) -> None:
        """The test stops it."""

    async def say_quit(self) -> None:
        if self._transport is not None:
            self._transport.terminate()


def settings(ip: str, *, digits: bool = True, silence_s: float = 0.0) -> MediaSettings:
    return MediaSettings(
        port_min=33000, port_max=33199, engine="rtpengine", rtpengine_url=f"udp://{ip}:{NG_PORT}",
        rtpengine_digits=f"{ip}:{DIGITS_PORT}" if digits else "", silence_s=silence_s,
    )  # fmt: skip


@contextlib.asynccontextmanager
async def engine(media: MediaSettings, *, wait: bool = True) -> AsyncIterator[Rtpengine]:
    """Our side, with its pairs ready."""
    made = Rtpengine(media)
    await made.start()
    try:
        if wait:
            await until(lambda: made.ready == READY, 10.0)
        yield made
    finally:
        await made.stop()
