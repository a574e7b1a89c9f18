"""One client's connection: packets in, each dealt with before the next is read; messages out, in order."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol

from amqtt.mqtt.disconnect import DisconnectPacket
from amqtt.mqtt.packet import DISCONNECT, PINGREQ, PUBACK, PUBLISH, PUBREL, SUBSCRIBE, UNSUBSCRIBE
from amqtt.mqtt.protocol.broker_handler import BrokerProtocolHandler, Subscription, UnSubscription
from amqtt.mqtt.puback import PubackPacket
from amqtt.mqtt.pubcomp import PubcompPacket
from amqtt.mqtt.publish import PublishPacket
from amqtt.mqtt.pubrec import PubrecPacket
from amqtt.session import Session

from mqtt.broker.child.framing import Malformed, parse, read_frame
from mqtt.broker.child.outbox import Outbox, Outgoing

log = logging.getLogger(__name__)

MAX_QOS2_OPEN: Final = 100
SEND_WITHIN_S: Final = 30.0


class Router(Protocol):
    """What the broker does with a client's requests."""

    async def route(self, session: Session, message: Outgoing) -> None: ...

    async def subscribe(self, session: Session, request: Subscription) -> None: ...

    async def unsubscribe(self, session: Session, request: UnSubscription) -> None: ...


class Handler(BrokerProtocolHandler):  # type: ignore[misc]  # amqtt has no types
    """amqtt's handler with loops of our own: no task for each packet, no queue that grows, no silence for ever."""

    def begin(self, stream: asyncio.StreamReader, peer: asyncio.StreamWriter, router: Router, outbox: Outbox) -> None:
        """Read and send from now on. `attach` comes before."""
        self._stream = stream
        self._peer = peer
        self._router = router
        self._outbox = outbox
        self.ended: asyncio.Future[DisconnectPacket | None] = asyncio.get_running_loop().create_future()
        self.gone = asyncio.Event()  # set by the broker when nothing of this connection is left
        outbox.new_link()
        self._tasks = (asyncio.ensure_future(self._read()), asyncio.ensure_future(self._send()))

    async def stop(self) -> None:
        """End the connection; what is on its way to a peer that reads still arrives."""
        self.end()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._outbox.lost_link()
        if self._peer.transport.get_write_buffer_size():
            self._peer.transport.abort()
        else:
            self._peer.close()

    def end(self, goodbye: DisconnectPacket | None = None) -> None:
        """Let the broker end this connection; without *goodbye* the client's will goes out."""
        if not self.ended.done():
            self.ended.set_result(goodbye)

    def cut(self) -> None:
        """End the connection now."""
        self._peer.transport.abort()
        self.end()

    async def handle_connection_closed(self) -> None:
        self.end()

    # --- loops ------------------------------------------------------------------------------------------------------

    async def _read(self) -> None:
        # §3.1.2.10: one and a half times the keepalive without a packet ends the connection, so that the will goes out.
        silence_s = 1.5 * self.session.keep_alive or None
        try:
            while not self.ended.done():
                async with asyncio.timeout(silence_s):
                    frame = await read_frame(self._stream)
                act = self._ACTS.get(frame.kind)
                if act is None:
                    raise Malformed(f"packet type {frame.kind} in a session")  # §3.1: a second CONNECT
                await act(self, await parse(frame))
        except (Malformed, TimeoutError, OSError, asyncio.IncompleteReadError) as reason:
            log.debug("%s: %r", self.session.client_id, reason)
        finally:
            self.end()

    async def _send(self) -> None:
        try:
            while True:
                out = await self._outbox.next()
                await self._send_packet(
                    PublishPacket.build(out.topic, out.data, out.packet_id or None, out.dup, out.qos, out.retain)
                )
        except (TimeoutError, OSError) as reason:
            log.debug("%s: %r", self.session.client_id, reason)
        finally:
            self.end()

    async def _send_packet(self, packet: Any) -> None:
        """Raises OSError when the peer is gone, TimeoutError when it does not read."""
        self._peer.write(packet.to_bytes())
        async with asyncio.timeout(SEND_WITHIN_S):
            await self._peer.drain()

    # --- packets ----------------------------------------------------------------------------------------------------

    async def _on_publish(self, packet: Any) -> None:
        message = Outgoing(packet.topic_name, bytes(packet.data or b""), packet.qos, packet.retain_flag)
        if packet.qos < 2:
            await self._router.route(self.session, message)
            if packet.qos:
                await self._send_packet(PubackPacket.build(packet.packet_id))
            return
        # §4.3.3: kept until PUBREL, so that a repetition is delivered once.
        opened = self.session.inflight_in
        if packet.packet_id not in opened and len(opened) >= MAX_QOS2_OPEN:
            raise Malformed("too many messages of QoS 2 begun")
        opened[packet.packet_id] = message
        await self._send_packet(PubrecPacket.build(packet.packet_id))

    async def _on_pubrel(self, packet: Any) -> None:
        message = self.session.inflight_in.pop(packet.packet_id, None)
        if message is not None:
            await self._router.route(self.session, message)
        await self._send_packet(PubcompPacket.build(packet.packet_id))

    async def _on_puback(self, packet: Any) -> None:
        self._outbox.acked(packet.variable_header.packet_id)

    async def _on_subscribe(self, packet: Any) -> None:
        request = Subscription(packet.variable_header.packet_id, packet.payload.topics)
        await self._router.subscribe(self.session, request)

    async def _on_unsubscribe(self, packet: Any) -> None:
        request = UnSubscription(packet.variable_header.packet_id, packet.payload.topics)
        await self._router.unsubscribe(self.session, request)

    async def _on_disconnect(self, packet: Any) -> None:
        self.end(packet)

    _ACTS: Final[dict[int, Callable[["Handler", Any], Awaitable[None]]]] = {
        PUBLISH: _on_publish,
        PUBACK: _on_puback,
        PUBREL: _on_pubrel,
        SUBSCRIBE: _on_subscribe,
        UNSUBSCRIBE: _on_unsubscribe,
        PINGREQ: BrokerProtocolHandler.handle_pingreq,
        DISCONNECT: _on_disconnect,
    }
