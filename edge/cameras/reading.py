"""One camera's reader as the daemon has it: a process that is told the login, and started again if it ends."""

import asyncio
import contextlib
import json
import logging
import sys
from typing import Any, Final

from edge.cameras.reader import PAYLOAD_TYPE
from edge.cameras.stored import Camera

AGAIN_S: Final = 5.0  # the reader itself goes on after a loss; only one that broke is begun anew
STOP_S: Final = 3.0
LINE_BYTES_MAX: Final = 4096

log = logging.getLogger(__name__)


class Reading:
    """`begin`, then `stop`, which must be awaited. Belongs to the event loop."""

    offer: Final = (
        b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
        b"m=audio 9 RTP/AVP 8\r\na=inactive\r\n"
        b"m=video 9 RTP/AVP %(type)d\r\na=rtpmap:%(type)d H264/90000\r\n"
        b"a=fmtp:%(type)d packetization-mode=1;profile-level-id=42e01f\r\na=sendonly\r\n"
    ) % {b"type": PAYLOAD_TYPE}
    """What the camera's picture is, as a telephone would offer it; it hears nothing."""

    def __init__(self, camera: Camera) -> None:
        self._camera = camera
        self._task: asyncio.Task[None] | None = None

    def begin(self, port: int) -> None:
        """The picture comes to *port* on loopback."""
        self._task = asyncio.get_running_loop().create_task(self._run(port), name="reading a camera")

    async def stop(self) -> None:
        """The process is gone when it returns. Idempotent."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _run(self, port: int) -> None:
        while True:
            try:
                await self._once(port)
            except OSError as error:
                log.warning("a camera's reader does not start", extra={"camera": self._camera.id, "why": str(error)})
            await asyncio.sleep(AGAIN_S)

    async def _once(self, port: int) -> None:
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "edge.cameras.reader",
            stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.DEVNULL, limit=LINE_BYTES_MAX, start_new_session=True,
        )  # fmt: skip
        try:
            await self._follow(process, port)
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()  # it holds nothing that must be put down in order
            await process.wait()

    async def _follow(self, process: asyncio.subprocess.Process, port: int) -> None:
        if process.stdin is None or process.stdout is None:
            raise OSError("the reader has no pipes")
        camera = self._camera
        told = {"url": camera.url, "user": camera.user, "password": camera.password, "port": port}
        process.stdin.write(json.dumps(told).encode() + b"\n")
        while line := await process.stdout.readline():
            self._tell(json.loads(line))

    def _tell(self, said: dict[str, Any]) -> None:
        """Once when it is lost, once when it is there."""
        about = {"camera": self._camera.id}
        if said["live"]:
            log.info("a camera is seen", extra=about)
        else:
            log.warning("a camera shows no picture", extra={**about, "why": said["why"]})
