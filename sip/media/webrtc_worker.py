"""A process that carries media of apps, so that neither packets nor handshakes take the daemon's time.

python -m sip.media.webrtc_worker DESCRIPTOR ADDRESS…

Told by `sip.media.webrtc_pool` over the Unix socket DESCRIPTOR; it ends with it. Each hub lives here with its sockets;
what it says to the daemon is the answers, that a picture is wanted, and that an app is gone.
"""

import asyncio
import base64
import contextlib
import gc
import logging
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from sip.media.webrtc import NotUsable, use_addresses
from sip.media.webrtc_channel import Channel, ChannelClosed
from sip.media.webrtc_hub import Hub, Ports

log = logging.getLogger(__name__)


class Worker:
    """The hubs of this process, by the numbers that the daemon gives them."""

    def __init__(self, end: socket.socket) -> None:
        self._hubs: dict[int, Hub] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.over = asyncio.Event()
        self._channel = Channel(end, self._told, self.over.set)
        self.say({"ready": True})

    def say(self, message: Mapping[str, Any]) -> None:
        with contextlib.suppress(ChannelClosed):  # the daemon is gone, and this process soon is
            self._channel.send(message)

    async def close(self) -> None:
        await asyncio.gather(*(hub.close() for hub in self._hubs.values()), *self._tasks)
        self._channel.close()

    def _told(self, message: Mapping[str, Any], descriptors: list[int]) -> None:
        number = int(message["hub"])
        if message["do"] == "open":
            self._open(number, base64.b64decode(message["offer"]), descriptors)
            return
        hub = self._hubs.get(number)
        if hub is None:
            self.say({"ask": message.get("ask"), "error": "the call is over"})
            return
        match message["do"]:
            case "leg":
                hub.add_leg(message["leg"], base64.b64decode(message["offer"]))
            case "drop":
                hub.drop_leg(message["leg"])
            case "stop_tone":
                hub.stop_tone()
            case "talk":
                hub.talk(message["app"], message["leg"])
            case "ask_for_picture":
                hub.ask_for_picture()
            case "connect":
                self._answer(message["ask"], lambda: hub.connect(message["app"], message["offer"]))
            case "disconnect":
                self._answer(message["ask"], lambda: hub.disconnect(message["app"]))
            case "close":
                del self._hubs[number]
                self._answer(message["ask"], hub.close)

    def _open(self, number: int, offer: bytes, descriptors: list[int]) -> None:
        """The daemon has read *offer* before: it can be used."""
        ports = Ports(*(socket.socket(fileno=one) for one in descriptors))
        self._hubs[number] = Hub(
            offer,
            lambda: self.say({"hub": number, "wants": "picture"}),
            ports,
            lambda app: self.say({"hub": number, "gone": app}),
        )

    def _answer(self, ask: int, work: Callable[[], Awaitable[str | None]]) -> None:
        async def answered() -> None:
            try:
                self.say({"ask": ask, "done": await work()})
            except NotUsable as error:
                self.say({"ask": ask, "error": str(error)})

        task = asyncio.get_running_loop().create_task(answered(), name="answering the daemon")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class _ToDaemon(logging.Handler):
    """What is logged here stands in the daemon's log."""

    def __init__(self, worker: Worker) -> None:
        super().__init__()
        self._worker = worker

    def emit(self, record: logging.LogRecord) -> None:
        self._worker.say({"log": record.levelno, "text": self.format(record)[:2000]})


async def serve(end: socket.socket, addresses: Sequence[str]) -> None:
    """Until the daemon closes its end."""
    use_addresses(addresses)
    worker = Worker(end)
    logging.basicConfig(handlers=[_ToDaemon(worker)], level=logging.INFO, format="%(name)s: %(message)s")
    await worker.over.wait()
    await worker.close()


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):  # they are the daemon's to obey; this ends when its end closes
        signal.signal(number, signal.SIG_IGN)
    gc.freeze()
    asyncio.run(serve(socket.socket(fileno=int(sys.argv[1])), sys.argv[2:]))


if __name__ == "__main__":
    main()
