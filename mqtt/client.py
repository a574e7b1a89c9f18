"""One connection to the broker, kept alive for ever. The only place that knows aiomqtt and paho.

aiomqtt 2.5.1 is pinned, because three things need the paho client inside it: acknowledging a message only after its
row is committed, the DUP flag, and messages handed over at once instead of through a queue that drops when it is full.
"""

import asyncio
import logging
import math
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

import aiomqtt
from paho.mqtt.client import Client as PahoClient
from paho.mqtt.client import MQTTMessage

from mqtt.backoff import Backoff

Answer = TypeVar("Answer")
log = logging.getLogger(__name__)

KEEPALIVE_S: Final = 15
TIMEOUT_S: Final = 5.0
CONNECT_TIMEOUT_S: Final = 3.0  # of TCP; in a thread that cannot be called back, so shorter than ours
STEADY_AFTER_S: Final = 5.0  # a connection that lived so long starts the back-off anew
MAX_INFLIGHT_OUT: Final = 200
MAX_QUEUED_OUT: Final = 10_000
_NO_DELAY: Final = ((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),)  # small messages, each waited for by a person


class LinkDown(Exception):
    """The broker is not there, refused us, or did not confirm. What was sent may have arrived or not."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the broker is."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None


@dataclass(frozen=True, slots=True)
class Login:
    """Who we are to the broker."""

    user: str
    password: str = field(repr=False)
    client_id: str


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker says, retained, when this link dies."""

    topic: str
    payload: bytes


@dataclass(slots=True)
class Received:
    """A message as it came. *session* counts our connections: a message id means nothing on the next one."""

    topic: str
    payload: bytes
    qos: int
    retain: bool
    dup: bool
    mid: int
    session: int


class Link:
    """A connection that comes back by itself. Its task is `run`; messages go to *receive*, in the loop, at once."""

    def __init__(
        self,
        name: str,
        dial: Callable[[], tuple[Endpoint, Login]],
        *,
        receive: Callable[[Received], None],
        prepare: Callable[[], Awaitable[None]],
        clean_session: bool,
        manual_acks: bool = False,
        will: Will | None = None,
    ) -> None:
        """*prepare* subscribes after each connection; *receive* must not raise and returns at once.

        *clean_session* false: the broker keeps our subscriptions and messages of QoS 1 while we are away.
        *manual_acks*: a message counts as delivered only after `ack`.
        """
        self.name = name
        self._dial = dial
        self._receive = receive
        self._prepare = prepare
        self._clean_session = clean_session
        self._manual_acks = manual_acks
        self._will = will
        self._client: aiomqtt.Client | None = None
        self._up = False
        self._session = 0
        self._recycle = asyncio.Event()
        self._recycle_timer: asyncio.TimerHandle | None = None
        self._known_down = False

    @property
    def connected(self) -> bool:
        return self._up

    @property
    def session(self) -> int:
        """The number of the present connection; messages carry it."""
        return self._session

    # --- life -------------------------------------------------------------------------------------------------------

    async def connect(self) -> None:
        """One try to connect and prepare. Raises LinkDown."""
        endpoint, login = self._dial()
        client = self._make_client(endpoint, login)
        self._session += 1
        self._client = client  # before the handshake: what waited for us comes right behind it and wants its ack
        try:
            async with asyncio.timeout(TIMEOUT_S):
                await client.__aenter__()
        except (aiomqtt.MqttError, TimeoutError) as error:
            raise LinkDown(str(error) or "no answer") from error
        else:
            self._up = True
        finally:
            if not self._up:  # also when we are cancelled
                self._client = None
                _abandon(client)
        try:
            await self._prepare()
        except LinkDown:
            await self.close()
            raise

    async def run(self) -> None:
        """Keep the link up until cancelled. A connection made before by `connect` is taken over."""
        backoff = Backoff(0.25, 10.0)
        clock = asyncio.get_running_loop().time
        while True:
            client = self._client if self._up else await self._try_connect()
            if client is None:
                await asyncio.sleep(backoff.next_s())
                continue
            since_s = clock()
            await self._until_lost(client)
            await self.close()
            if clock() - since_s >= STEADY_AFTER_S:
                backoff.reset()
            await asyncio.sleep(backoff.next_s())

    async def _try_connect(self) -> aiomqtt.Client | None:
        try:
            await self.connect()
        except LinkDown as error:
            if not self._known_down:
                log.warning("mqtt link %s: %s; trying again until it works", self.name, error)
            self._known_down = True
            return None
        if self._known_down:
            log.warning("mqtt link %s is back", self.name)
        self._known_down = False
        return self._client

    async def _until_lost(self, client: aiomqtt.Client) -> None:
        # Messages never reach aiomqtt's queue, so its iterator ends when the link is lost and not before.
        lost = asyncio.ensure_future(anext(client.messages))
        recycle = asyncio.ensure_future(self._recycle.wait())
        try:
            await asyncio.wait({lost, recycle}, return_when=asyncio.FIRST_COMPLETED)
            if not self._recycle.is_set():
                log.warning("mqtt link %s is lost", self.name)
                self._known_down = True
        finally:
            for waiter in (lost, recycle):
                waiter.cancel()
            await asyncio.gather(lost, recycle, return_exceptions=True)

    async def close(self) -> None:
        """Leave the broker, if we are there. Idempotent."""
        client, self._client, self._up = self._client, None, False
        if self._recycle_timer is not None:
            self._recycle_timer.cancel()
            self._recycle_timer = None
        self._recycle.clear()
        if client is not None:
            try:
                async with asyncio.timeout(TIMEOUT_S):
                    await client.__aexit__(None, None, None)
            except (aiomqtt.MqttError, TimeoutError):  # it is gone, or hears nothing any more
                _abandon(client)

    def recycle(self, after_s: float) -> None:
        """Drop the connection in *after_s* seconds and come back: the broker then delivers again what has no ack."""
        if self._recycle_timer is None:
            self._recycle_timer = asyncio.get_running_loop().call_later(after_s, self._recycle.set)

    # --- messages ---------------------------------------------------------------------------------------------------

    async def subscribe(self, filters: Sequence[tuple[str, int]]) -> None:
        """Subscribe to (filter, QoS) pairs. Raises LinkDown, also when the broker refuses one."""
        codes = await self._call(lambda client: client.subscribe(list(filters)))
        refused = [wanted for (wanted, _), code in zip(filters, codes, strict=True) if _failed(code)]
        if refused:
            raise LinkDown(f"the broker does not let us read {', '.join(refused)}")

    async def unsubscribe(self, wanted: str) -> None:
        """Raises LinkDown."""
        await self._call(lambda client: client.unsubscribe(wanted))

    async def publish(self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False) -> None:
        """Returns when the broker has it (QoS 1). Raises LinkDown."""
        await self._call(lambda client: client.publish(topic, payload, qos, retain))

    async def _call(self, ask: Callable[[aiomqtt.Client], Awaitable[Answer]]) -> Answer:
        if self._client is None or not self._up:
            raise LinkDown("not connected")
        try:
            async with asyncio.timeout(TIMEOUT_S):
                return await ask(self._client)
        except (aiomqtt.MqttError, TimeoutError, ValueError) as error:  # ValueError: paho's outgoing queue is full
            raise LinkDown(str(error) or "no answer") from error

    def ack(self, message: Received) -> None:
        """Tell the broker that *message* is dealt with; nothing if its connection is gone: it will come again."""
        if self._client is not None and message.session == self._session and message.qos:
            _paho(self._client).ack(message.mid, message.qos)

    def _make_client(self, endpoint: Endpoint, login: Login) -> aiomqtt.Client:
        will = None if self._will is None else aiomqtt.Will(self._will.topic, self._will.payload, qos=1, retain=True)
        client = aiomqtt.Client(
            endpoint.host,
            endpoint.port,
            username=login.user,
            password=login.password,
            identifier=login.client_id,
            clean_session=self._clean_session,
            will=will,
            keepalive=KEEPALIVE_S,
            timeout=math.inf,  # we set limits: aiomqtt's use wait_for, which in Python 3.11 can lose a cancellation
            tls_context=endpoint.tls,
            max_inflight_messages=MAX_INFLIGHT_OUT,
            max_queued_outgoing_messages=MAX_QUEUED_OUT,
            socket_options=_NO_DELAY,
            logger=log.getChild("paho"),
        )
        client.pending_calls_threshold = MAX_QUEUED_OUT  # a storm of answers is not worth a warning each
        paho = _paho(client)
        paho.connect_timeout = CONNECT_TIMEOUT_S
        paho.manual_ack_set(self._manual_acks)
        session = self._session + 1
        paho.on_message = lambda _client, _userdata, message: self._received(message, session)
        return client

    def _received(self, message: MQTTMessage, session: int) -> None:
        self._receive(
            Received(
                message.topic, bytes(message.payload), message.qos, message.retain, message.dup, message.mid, session
            )
        )


def _paho(client: aiomqtt.Client) -> PahoClient:
    return client._client  # the pinned private attribute, see above


def _abandon(client: aiomqtt.Client) -> None:
    """Leave a connection that was never made, or whose end was not confirmed; aiomqtt would keep its socket open.

    Its thread may still be connecting: then it says goodbye as soon as it is let in.
    """
    paho = _paho(client)
    paho.on_message = None
    paho.on_connect = lambda late, *_: late.disconnect()
    paho.disconnect()


def _failed(code: object) -> bool:
    return bool(getattr(code, "is_failure", code == 0x80))
