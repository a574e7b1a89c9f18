"""Hubs in processes of their own: one process, and more, up to one a core, where there are many calls.

The interpreter runs one thread at a time. With forty pictures in the daemon's own process its loop and the relay's
thread would take turns at every packet, which costs more than the packets do (docs/performance-app.md).
"""

import asyncio
import base64
import contextlib
import itertools
import logging
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from sip.media.webrtc import OFFER_CHARS_MAX, NotUsable
from sip.media.webrtc_channel import Channel, ChannelClosed, pair
from sip.media.webrtc_hub import HOST, Ports
from sip.media.webrtc_sdp import Agreed, Unusable, agree, answer

SPREAD_FROM: Final = 40  # calls of a process, from which on another is started, if there is a core for it
READY_S: Final = 30.0
CARRIED_S: Final = 5.0  # an app waits so long for a process that starts
ASK_S: Final = 30.0  # a process that does not answer within is ended; a negotiation is given up sooner
STOP_S: Final = 8.0
BACKOFF_S: Final = (0.0, 0.5, 2.0, 10.0, 30.0)
SOUND_S: Final = 60.0  # a process that has lived so long begins the back-off anew

DESCRIPTION_BYTES_MAX: Final = 65_536
_WRITTEN: Final = re.compile(r"[ -~\r\n\t]*")

log = logging.getLogger(__name__)


class HubLost(NotUsable):
    """The process that carried it is gone; another takes the call over, and the app may offer again."""


class RemoteHub:
    """As `sip.media.webrtc_hub.Hub`, in one of the pool's processes. `close` must be awaited.

    It outlives its process: another one is told what holds, and goes on with the same ports.
    """

    def __init__(
        self,
        pool: "HubPool",
        number: int,
        offer: bytes,
        want_picture: Callable[[], None],
        gone: Callable[[str], None],
    ) -> None:
        """Raises Unusable and NoPorts."""
        self.agreed: Agreed = _read(offer)
        self.want_picture, self._gone = want_picture, gone
        self._apps: set[str] = set()  # that have a connection
        self.number = number
        self.closed = False
        self.worker: _Worker | None = None
        self.carried = asyncio.Event()  # by some worker
        self._pool = pool
        self._offer = offer
        self._ports = Ports.bind()
        self._offers: dict[int, bytes] = {}  # of legs
        self._tone = True
        self._talker: tuple[str, int] | None = None

    def carried_by(self, worker: "_Worker") -> None:
        """Tell *worker* all that holds."""
        self.worker = worker
        worker.hubs.add(self)
        self.carried.set()
        descriptors = [one.fileno() for one in self._ports]
        worker.send({"hub": self.number, "do": "open", "offer": _text(self._offer)}, descriptors)
        for leg, offer in self._offers.items():
            self._say("leg", leg=leg, offer=_text(offer))
        if not self._tone:
            self._say("stop_tone")
        if self._talker is not None:
            self._say("talk", app=self._talker[0], leg=self._talker[1])

    def add_leg(self, leg: int, offer: bytes) -> bytes:
        """The answer for one more leg, which has its own addresses. Raises Unusable."""
        agreed = _read(offer)
        self._offers[leg] = offer
        self._say("leg", leg=leg, offer=_text(offer))
        return answer(agreed, HOST, *self._ports.numbers)

    def drop_leg(self, leg: int) -> None:
        self._offers.pop(leg, None)
        if self._talker is not None and self._talker[1] == leg:
            self._talker = None
        self._say("drop", leg=leg)

    def stop_tone(self) -> None:
        """Somebody has answered, here or elsewhere."""
        self._tone = False
        self._say("stop_tone")

    def talk(self, app: str, leg: int) -> None:
        """From here the microphone of *app* passes, and nobody else's."""
        self._tone, self._talker = False, (app, leg)
        self._say("talk", app=app, leg=leg)

    def ask_for_picture(self) -> None:
        self._say("ask_for_picture")

    async def connect(self, app: str, offer: str) -> str:
        """The answer to the offer of *app*; an older connection of its is closed. Raises NotUsable."""
        if len(offer) > OFFER_CHARS_MAX or not _WRITTEN.fullmatch(offer):
            raise NotUsable("not an offer of an app")
        try:
            async with asyncio.timeout(CARRIED_S):
                await self.carried.wait()
        except TimeoutError:
            raise HubLost("there is no process for apps' media") from None
        sdp = str(await self._ask("connect", app=app, offer=offer))
        self._apps.add(app)
        return sdp

    async def disconnect(self, app: str) -> None:
        self._apps.discard(app)
        with contextlib.suppress(NotUsable):  # it is gone already
            await self._ask("disconnect", app=app)

    async def close(self) -> None:
        """Idempotent."""
        if self.closed:
            return
        self.closed = True
        try:
            with contextlib.suppress(NotUsable):
                await self._ask("close")
        finally:
            self._pool.forget(self)
            for one in self._ports:
                one.close()

    def dropped(self) -> None:
        """By its worker, which is gone."""
        self.worker = None
        self.carried.clear()
        for app in list(self._apps):
            self.app_gone(app)

    def app_gone(self, app: str) -> None:
        """Its connection broke."""
        if app in self._apps:
            self._apps.discard(app)
            self._gone(app)

    @property
    def picture_port(self) -> int:
        """Where RTP of the picture comes in, on loopback."""
        return self._ports.numbers[1]

    def _say(self, what: str, **more: Any) -> None:
        if self.worker is not None:
            self.worker.send({"hub": self.number, "do": what, **more})

    async def _ask(self, what: str, **more: Any) -> Any:
        if self.worker is None:
            raise HubLost("media of apps starts anew")
        return await self.worker.ask({"hub": self.number, "do": what, **more})


def _read(description: bytes) -> Agreed:
    """What can be agreed on. Raises Unusable, for one that is too long as well."""
    if len(description) > DESCRIPTION_BYTES_MAX:
        raise Unusable("too long a description")
    return agree(description)


def _text(description: bytes) -> str:
    return base64.b64encode(description).decode()


class _Worker:
    """One process. *lost* is called when it is gone, however."""

    def __init__(self, lost: Callable[["_Worker"], None], heard: Callable[[int, Mapping[str, Any]], None]) -> None:
        self.hubs: set[RemoteHub] = set()
        self.ready = asyncio.Event()
        self.began = 0.0
        self._lost, self._heard = lost, heard
        self._over = False
        self._asks: dict[int, asyncio.Future[Any]] = {}
        self._numbers = itertools.count(1)
        self._channel: Channel
        self._process: asyncio.subprocess.Process

    @property
    def pid(self) -> int:
        return self._process.pid

    async def start(self, addresses: Sequence[str]) -> None:
        """Raises OSError and TimeoutError."""
        ours, theirs = pair()
        try:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-P", "-m", "sip.media.webrtc_worker", str(theirs.fileno()), *addresses,
                pass_fds=[theirs.fileno()], stdin=asyncio.subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        self.began = asyncio.get_running_loop().time()
        self._channel = Channel(ours, self._told, self._gone)
        try:
            async with asyncio.timeout(READY_S):
                await self.ready.wait()
            if self._over:
                raise OSError("it ended at once")
        except BaseException:
            await self.stop()
            raise

    def send(self, message: Mapping[str, Any], descriptors: Sequence[int] = ()) -> None:
        """What cannot be sent is lost with the process, which is ended then."""
        try:
            self._channel.send(message, descriptors)
        except ChannelClosed:
            self.kill()
            self._fail()

    async def ask(self, message: Mapping[str, Any]) -> Any:
        """What the process answers. Raises NotUsable, HubLost where it is gone."""
        number = next(self._numbers)
        if self._over:
            raise HubLost("its process is gone")
        future = self._asks[number] = asyncio.get_running_loop().create_future()
        self.send({**message, "ask": number})
        try:
            async with asyncio.timeout(ASK_S):
                return await future
        except TimeoutError:
            log.warning("a process for apps' media does not answer", extra={"pid": self.pid})
            self.kill()
            raise HubLost("no answer") from None
        finally:
            self._asks.pop(number, None)

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def stop(self) -> None:
        """It ends when its channel does; killed if it does not."""
        self._channel.close()
        try:
            async with asyncio.timeout(STOP_S):
                await self._process.wait()
        except TimeoutError:
            self.kill()
            await self._process.wait()
        self._fail()

    def _told(self, message: Mapping[str, Any], _: list[int]) -> None:
        if "ready" in message:
            self.ready.set()
        elif "log" in message:
            log.log(int(message["log"]), "%s", message["text"], extra={"pid": self.pid})
        elif "hub" in message:
            self._heard(int(message["hub"]), message)
        else:
            self._settle(message)

    def _settle(self, message: Mapping[str, Any]) -> None:
        future = self._asks.get(message["ask"])
        if future is None or future.done():
            return
        if "error" in message:
            future.set_exception(NotUsable(message["error"]))
        else:
            future.set_result(message["done"])

    def _gone(self) -> None:
        self._fail()
        self.ready.set()
        self._lost(self)

    def _fail(self) -> None:
        self._over = True
        for future in self._asks.values():
            if not future.done():
                future.set_exception(HubLost("its process is gone"))


class HubPool:
    """Starts the processes and spreads calls over them. Belongs to the event loop; `start` first, `stop` at the end."""

    def __init__(self, addresses: Sequence[str], cores: int | None = None) -> None:
        """*addresses*: those that browsers are offered. *cores*: processes at most; None: as this machine has."""
        self._addresses = tuple(addresses)
        self._most = max(1, cores or len(os.sched_getaffinity(0)))
        self._workers: list[_Worker] = []
        self._hubs: dict[int, RemoteHub] = {}
        self._numbers = itertools.count(1)
        self._starting: asyncio.Task[None] | None = None
        self._failures = 0
        self._stopping = False
        self._ends: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """The first process comes up by itself: a house whose apps have no media opens its doors all the same."""
        self._begin_soon()

    async def stop(self) -> None:
        """Idempotent; every process is gone when it returns."""
        self._stopping = True
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.gather(self._starting, return_exceptions=True)
        await asyncio.gather(*(worker.stop() for worker in self._workers), *self._ends)
        self._workers.clear()

    @property
    def pids(self) -> list[int]:
        """Of the processes that are there."""
        return [worker.pid for worker in self._workers]

    def hub(
        self, offer: bytes, want_picture: Callable[[], None], gone: Callable[[str], None] = lambda app: None
    ) -> RemoteHub:
        """A hub for one call more. *gone*: an app's connection broke. Raises Unusable, NoPorts."""
        hub = RemoteHub(self, next(self._numbers), offer, want_picture, gone)
        self._hubs[hub.number] = hub
        self._place(hub)
        return hub

    def forget(self, hub: RemoteHub) -> None:
        self._hubs.pop(hub.number, None)
        if hub.worker is not None:
            hub.worker.hubs.discard(hub)

    def _place(self, hub: RemoteHub) -> None:
        """On the process with the fewest calls; without any it waits for the one that starts."""
        if hub.closed:
            return
        worker = min(self._workers, key=lambda one: len(one.hubs), default=None)
        if worker is not None:
            hub.carried_by(worker)
        if worker is None or (len(worker.hubs) >= SPREAD_FROM and len(self._workers) < self._most):
            self._begin_soon()

    def _begin_soon(self) -> None:
        if self._starting is None and not self._stopping:
            self._starting = asyncio.get_running_loop().create_task(self._begin_anew(), name="starting media of apps")

    async def _begin_anew(self) -> None:
        try:
            while not self._stopping:
                await asyncio.sleep(BACKOFF_S[min(self._failures, len(BACKOFF_S) - 1)])
                try:
                    await self._begin()
                except (OSError, TimeoutError) as error:
                    self._failures += 1
                    log.warning("a process for apps' media does not start", extra={"why": str(error)})
                else:
                    return
        finally:
            self._starting = None

    async def _begin(self) -> None:
        worker = _Worker(self._lost, self._heard)
        await worker.start(self._addresses)
        self._workers.append(worker)
        for hub in self._hubs.values():
            if hub.worker is None and not hub.closed:
                hub.carried_by(worker)

    def _lost(self, worker: _Worker) -> None:
        """A process has ended by itself: what it carried goes to the others, or to the next."""
        if worker not in self._workers:
            return
        self._workers.remove(worker)
        lived_s = asyncio.get_running_loop().time() - worker.began
        self._failures = 0 if lived_s >= SOUND_S else self._failures + 1
        log.warning("a process for apps' media is gone", extra={"pid": worker.pid, "calls": len(worker.hubs)})
        end = asyncio.get_running_loop().create_task(worker.stop(), name="burying media of apps")
        self._ends.add(end)
        end.add_done_callback(self._ends.discard)
        for hub in worker.hubs:
            hub.dropped()
        for hub in worker.hubs:
            self._place(hub)
        worker.hubs.clear()
        if not self._workers:
            self._begin_soon()

    def _heard(self, number: int, message: Mapping[str, Any]) -> None:
        hub = self._hubs.get(number)
        if hub is None:
            return
        if "gone" in message:
            hub.app_gone(message["gone"])
        else:
            hub.want_picture()
