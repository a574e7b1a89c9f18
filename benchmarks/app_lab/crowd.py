"""Apps that are only served: many aiortc peers in a process of their own, so that they do not slow whoever measures.

Driven by JSON lines: ``{"peer": 3}`` makes one and answers ``{"sdp": its offer}``; ``{"peer": 3, "sdp": …}`` connects
it and answers ``{"up": true}``; ``{"speak": true}`` makes all of them speak and read no more what they are sent.
"""

import asyncio
import contextlib
import itertools
import json
import sys
from typing import Any, Final, Self

from benchmarks.app_lab.phone import Peer
from sip.media.webrtc import use_addresses

_FRAME_S: Final = 0.02
_TOGETHER: Final = 4  # how many speak at a time: fewer wakings


class Crowd:
    """The process, as a benchmark has it."""

    def __init__(self, address: str, *, apart: bool) -> None:
        """*apart*: as of `Peer`."""
        self._arguments = (address, "apart" if apart else "together")
        self._process: asyncio.subprocess.Process

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "benchmarks.app_lab.crowd", *self._arguments,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=1 << 20,
        )  # fmt: skip
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        await self._process.wait()

    @property
    def pid(self) -> int:
        return self._process.pid

    async def offer(self, peer: int) -> str:
        return str((await self._ask({"peer": peer}))["sdp"])

    async def answered(self, peer: int, sdp: str) -> None:
        await self._ask({"peer": peer, "sdp": sdp})

    async def speak(self) -> None:
        await self._ask({"speak": True})

    async def _ask(self, what: dict[str, Any]) -> dict[str, Any]:
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("the crowd has no pipes")
        self._process.stdin.write(json.dumps(what).encode() + b"\n")
        return dict(json.loads(await self._process.stdout.readline()))


async def _speak(peers: list[Peer]) -> None:
    """Each speaks every 20 ms, one after the other."""
    loop = asyncio.get_running_loop()
    for peer in peers:
        peer.look_away()
    began = loop.time()
    for number in itertools.count(1):
        for index, peer in enumerate(peers):
            at = began + (number + index / len(peers)) * _FRAME_S
            if index % _TOGETHER == 0:
                await asyncio.sleep(at - loop.time())
            peer.utter(number)


async def serve(apart: bool) -> None:
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader(limit=1 << 20)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    peers: dict[int, Peer] = {}
    async with contextlib.AsyncExitStack() as stack:
        while line := await lines.readline():
            asked = json.loads(line)
            told: dict[str, Any] = {"up": True}
            if "speak" in asked:
                speaking = loop.create_task(_speak(list(peers.values())))
                stack.callback(speaking.cancel)
            elif "sdp" in asked:
                await peers[asked["peer"]].answered(asked["sdp"])
            else:
                peer = peers[asked["peer"]] = await stack.enter_async_context(Peer(apart=apart))
                told = {"sdp": await peer.offer()}
            print(json.dumps(told), flush=True)


if __name__ == "__main__":
    use_addresses((sys.argv[1],))
    asyncio.run(serve(sys.argv[2] == "apart"))
