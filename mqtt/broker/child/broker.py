"""amqtt's broker, hardened. What it overrides is private upstream, so amqtt is pinned to the version it was read in."""

import asyncio
import logging
import ssl
from collections import Counter
from typing import Any, Final
from weakref import WeakValueDictionary

from amqtt.adapters import StreamWriterAdapter
from amqtt.broker import Broker, RetainedApplicationMessage
from amqtt.contexts import BrokerConfig, ListenerConfig
from amqtt.errors import AMQTTError, MQTTError, NoDataError
from amqtt.mqtt.connack import CONNECTION_ACCEPTED, NOT_AUTHORIZED, ConnackPacket
from amqtt.mqtt.protocol.broker_handler import Subscription, UnSubscription
from amqtt.session import Session
from paho.mqtt.matcher import MQTTMatcher

from mqtt.broker.child.framing import Malformed, check_text, check_topic, connect_bytes, read_frame
from mqtt.broker.child.gate import Act, Gate
from mqtt.broker.child.handler import Handler
from mqtt.broker.child.outbox import Outbox, Outgoing
from mqtt.broker.listeners import Listener

log = logging.getLogger(__name__)

CONNECT_WITHIN_S: Final = 10.0
TAKE_OVER_WITHIN_S: Final = 3.0
MAX_CONNECTIONS: Final = 5000
MAX_RETAINED_PER_USER: Final = 64
MAX_FILTERS_PER_SESSION: Final = 64
REFUSED: Final = 0x80
_REFUSALS: Final = (
    Malformed,
    TimeoutError,
    OSError,
    asyncio.IncompleteReadError,
    UnicodeDecodeError,
    AMQTTError,
    MQTTError,
    NoDataError,
)
_FILTERS: Final = "intercom-edge.filters"
_OUTBOX: Final = "intercom-edge.outbox"


class HardenedBroker(Broker):  # type: ignore[misc]  # amqtt has no types
    """A login before any session is touched, one link a login, rights on every delivery, bounds on everything."""

    def __init__(self, gate: Gate) -> None:
        super().__init__(BrokerConfig(listeners={"default": ListenerConfig()}, plugins={}))
        self.counts: Counter[str] = Counter()
        self._gate = gate
        self._filters: Any = MQTTMatcher()  # type: ignore[no-untyped-call]  # filter -> client id -> (session, QoS)
        self._retained_of: Counter[str] = Counter()  # user -> retained topics
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()  # one take-over at a time
        self._accepting: list[asyncio.Server] = []
        self._connections = 0
        self._foreign: set[str] = set()  # who claimed the client id of another

    # --- listening --------------------------------------------------------------------------------------------------

    async def listen(self, listener: Listener) -> None:
        """Raises OSError if the port is taken or a certificate cannot be read."""
        tls = None
        if listener.tls is not None:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.minimum_version = ssl.TLSVersion.TLSv1_2
            tls.load_cert_chain(listener.tls.certificate, listener.tls.key)
        handshake_s = None if tls is None else CONNECT_WITHIN_S
        self._accepting.append(
            await asyncio.start_server(
                self._accept, listener.address, listener.port, ssl=tls, ssl_handshake_timeout=handshake_s, backlog=512
            )
        )

    async def close(self) -> None:
        """Stop listening and end every connection, without wills: the broker goes, not the clients."""
        for server in self._accepting:
            server.close()
        for session, handler in list(self._sessions.values()):
            session.will_flag = False
            handler.cut()

    async def _accept(self, stream: asyncio.StreamReader, peer: asyncio.StreamWriter) -> None:
        self._connections += 1
        try:
            if self._connections <= MAX_CONNECTIONS:
                await self._serve(stream, peer)
        except _REFUSALS as reason:
            log.debug("connection refused: %r", reason)
        finally:
            self._connections -= 1
            peer.close()

    async def _serve(self, stream: asyncio.StreamReader, peer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(CONNECT_WITHIN_S):
            frame = await read_frame(stream)
            writer = StreamWriterAdapter(peer)
            handler, session = await Handler.init_from_connect(connect_bytes(frame), writer, self.plugins_manager)
            _check_will(session)
            if not self._gate.lets_in(session.username, session.password):
                peer.write(ConnackPacket.build(0, NOT_AUTHORIZED).to_bytes())
                await peer.drain()
                return
        session.password = None
        # The login is the client id: one link a login, and nobody takes another's place by naming it.
        if session.client_id != session.username and self._gate.knows(session.client_id):
            self._tell_foreign(session.username, session.client_id)
        session.client_id = session.username
        session.is_anonymous = False
        if session.will_flag and not self._gate.may(session.username, Act.PUBLISH, session.will_topic):
            session.will_flag = False
        await self._live(stream, peer, writer, handler, session)

    def _tell_foreign(self, user: str, client_id: str) -> None:
        """Once for each login, of which there are so many as accounts."""
        if user not in self._foreign:
            self._foreign.add(user)
            log.warning("%s logged in with the client id of %s; it is itself all the same", user, client_id)

    async def _live(
        self,
        stream: asyncio.StreamReader,
        peer: asyncio.StreamWriter,
        writer: StreamWriterAdapter,
        handler: Handler,
        session: Session,
    ) -> None:
        client_id = session.client_id
        async with self._turns.setdefault(client_id, asyncio.Lock()):
            session = await self._take_over(session)
            session.transitions.connect()
            handler.attach(session, None, writer)
            self._sessions[client_id] = (session, handler)
            peer.write(ConnackPacket.build(session.parent, CONNECTION_ACCEPTED).to_bytes())
            handler.begin(stream, peer, self, session.attributes[_OUTBOX])
        try:
            await asyncio.wait({handler.ended})
        finally:
            await self._handle_disconnect(session, handler, handler.ended)
            handler.gone.set()
            if session.clean_session and self._sessions.get(client_id, (None, None))[0] is session:
                await self._delete_session(client_id)

    async def _take_over(self, session: Session) -> Session:
        """End the old link of this login, its will included, and find the session to go on with."""
        old, old_handler = self._sessions.get(session.client_id, (None, None))
        if old is not None and old.transitions.state == "connected":
            old_handler.cut()
            async with asyncio.timeout(TAKE_OVER_WITHIN_S):
                await old_handler.gone.wait()
        if old is not None and (session.clean_session or old.clean_session):
            await self._delete_session(session.client_id)
            old = None
        if old is None:
            session.parent = 0
            session.attributes[_OUTBOX] = Outbox()
            session.attributes[_FILTERS] = set()
            return session
        for name in _NEW_IN_A_KEPT_SESSION:
            setattr(old, name, getattr(session, name))
        old.parent = 1
        return old

    # --- accounts ---------------------------------------------------------------------------------------------------

    def new_gate(self, gate: Gate) -> None:
        """The accounts changed: whose login is not the same any more loses its link and its session."""
        before, self._gate = self._gate, gate
        for client_id, (session, handler) in list(self._sessions.items()):
            if gate.same(client_id, before):
                continue
            session.clean_session = True
            if session.transitions.state == "connected":
                handler.cut()
            else:
                asyncio.ensure_future(self._delete_session(client_id))  # noqa: RUF006 - ends at once: it awaits nothing

    # --- subscriptions ----------------------------------------------------------------------------------------------

    async def subscribe(self, session: Session, request: Subscription) -> None:
        """Answer first, then what is retained (not the other way round: clients match by the answer)."""
        handler = self._get_handler(session)
        codes = [self._subscribe(session, wanted, qos) for wanted, qos in request.topics]
        await handler.mqtt_acknowledge_subscription(request.packet_id, codes)
        for (wanted, _), code in zip(request.topics, codes, strict=True):
            if code != REFUSED:
                self._send_retained(session, wanted, code)

    async def unsubscribe(self, session: Session, request: UnSubscription) -> None:
        for wanted in request.topics:
            self._unsubscribe(session, wanted)
        await self._get_handler(session).mqtt_acknowledge_unsubscription(request.packet_id)

    def _subscribe(self, session: Session, wanted: str, qos: int) -> int:
        """The granted QoS, at most 1, or `REFUSED`."""
        held: set[str] = session.attributes[_FILTERS]
        if not _is_filter(wanted) or not self._gate.may(session.username, Act.SUBSCRIBE, wanted):
            return REFUSED
        if wanted not in held and len(held) >= MAX_FILTERS_PER_SESSION:
            return REFUSED
        qos = min(qos, 1)
        try:
            subscribers = self._filters[wanted]
        except KeyError:
            subscribers = self._filters[wanted] = {}
        subscribers[session.client_id] = (session, qos)  # §3.8.4: a repeated one replaces the first
        held.add(wanted)
        return qos

    def _unsubscribe(self, session: Session, wanted: str) -> None:
        held: set[str] = session.attributes[_FILTERS]
        if wanted in held:
            held.discard(wanted)
            del self._filters[wanted][session.client_id]
            if not self._filters[wanted]:
                del self._filters[wanted]

    async def _del_all_subscriptions(self, session: Session) -> None:
        for wanted in list(session.attributes[_FILTERS]):
            self._unsubscribe(session, wanted)

    def _send_retained(self, session: Session, wanted: str, qos: int) -> None:
        exact = "+" not in wanted and "#" not in wanted
        topics = [wanted] if exact else [t for t in self._retained_messages if self._matches(t, wanted)]
        for topic in topics:
            message = self._retained_messages.get(topic)
            if message is not None and self._gate.may(session.username, Act.RECEIVE, topic):
                self._put(session, Outgoing(topic, bytes(message.data), min(qos, message.qos or 0), retain=True))

    # --- messages ---------------------------------------------------------------------------------------------------

    async def route(self, session: Session, message: Outgoing) -> None:
        """A client published. What it may not publish is taken and goes nowhere (§3.3.5)."""
        if not self._gate.may(session.username, Act.PUBLISH, message.topic):
            self.counts["publish_refused"] += 1
            return
        self._dispatch(message)
        if message.retain:
            await self.retain_message(session, message.topic, message.data, message.qos)

    async def _broadcast_message(
        self, session: Session | None, topic: str, data: bytes | None, force_qos: int | None = None
    ) -> None:
        """Upstream calls it for wills. One whose sender has no right any more goes nowhere."""
        if session is not None and self._gate.may(session.username, Act.PUBLISH, topic):
            self._dispatch(Outgoing(topic, bytes(data or b""), force_qos or 0, retain=False))

    def _dispatch(self, message: Outgoing) -> None:
        """To everybody whose filter matches and who may read it, once each, at the lower of both QoS (§3.8.4)."""
        best: dict[str, tuple[Session, int]] = {}
        for subscribers in self._filters.iter_match(message.topic):
            for session, qos in subscribers.values():
                if qos >= best.get(session.client_id, (session, -1))[1]:
                    best[session.client_id] = (session, qos)
        for session, qos in best.values():
            if self._gate.may(session.username, Act.RECEIVE, message.topic):
                self._put(session, Outgoing(message.topic, message.data, min(qos, message.qos), retain=False))

    def _put(self, session: Session, message: Outgoing) -> None:
        connected = session.transitions.state == "connected"
        if not connected and (session.clean_session or not message.qos):
            return
        if session.attributes[_OUTBOX].put(message):
            return
        self.counts["outbox_full"] += 1
        if connected:  # it does not read; what it misses it gets by coming back
            self._get_handler(session).cut()

    async def retain_message(
        self, source_session: Session | None, topic_name: str, data: bytes | None, qos: int | None = None
    ) -> None:
        user = source_session.username if source_session is not None else ""
        kept = self._retained_messages.pop(topic_name, None)
        if kept is not None:
            self._retained_of[kept.source_session] -= 1
        if not data:
            return
        if self._retained_of[user] >= MAX_RETAINED_PER_USER and not self._gate.is_service(user):
            self.counts["retained_refused"] += 1
            return
        self._retained_of[user] += 1
        # The user, not the session: a retained message must not keep a session alive.
        self._retained_messages[topic_name] = RetainedApplicationMessage(user, topic_name, data, qos)


def _is_filter(wanted: str) -> bool:
    """§4.7.1: a wildcard fills its level, and # is the last one."""
    *levels, last = wanted.split("/")
    return all("#" not in level and ("+" not in level or level == "+") for level in levels) and (
        last in ("#", "+") or not ("#" in last or "+" in last)
    )


def _check_will(session: Session) -> None:
    """Raises Malformed."""
    if session.will_flag:
        check_topic(check_text(session.will_topic.encode()))
        if session.will_qos not in (0, 1, 2):
            raise Malformed("QoS of the will")


_NEW_IN_A_KEPT_SESSION: Final = (
    "will_flag",
    "will_message",
    "will_topic",
    "will_qos",
    "will_retain",
    "keep_alive",
    "remote_address",
    "remote_port",
    "ssl_object",
)
