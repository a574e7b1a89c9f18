"""One media line of one end in the RTP relay: its two sockets, its peer, its count. Used by the relay's thread only."""

import contextlib
import socket
import struct
import time
from collections.abc import Callable
from typing import Final

from sip.media.dtmf import EventReader
from sip.media.engine import PeerLine, SrtpKeys
from sip.media.latch import Address, Latch
from sip.media.playout import Playout
from sip.media.rtcp import is_rtcp, named_rtcp
from sip.media.rtp import HEADER_BYTES, Receiver, StreamStats, parse_header
from sip.media.sockets import disconnect, usable_address
from sip.media.srtp import Srtp

PACKET_BYTES_MAX: Final = 2048
DATAGRAM_BYTES_MIN: Final = 256  # what the smallest one takes of a receive buffer, and less: Linux counts its own part
DIGIT_GAP_MIN_S: Final = 0.02  # RFC 4733 tones last 40 ms and more: faster digits are not a person's
_SEQ_TS_SSRC: Final = struct.Struct("!HII")


class Pin:
    """A socket, whom it listens to, and where its packets go."""

    __slots__ = (
        "_connected",
        "_receive",
        "_send",
        "latch",
        "on_packet",
        "sent_octets",
        "sent_packets",
        "sock",
        "strangers",
    )

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._receive, self._send = sock.recv_into, sock.send  # looked up once: they run for every packet
        self.latch = Latch()
        self._connected = False  # True: the kernel lets only the peer in
        self.on_packet: Callable[[memoryview, float], bool] = _drop
        self.sent_packets = self.sent_octets = self.strangers = 0

    def expect(self, address: Address | None) -> None:
        """The address that the peer's description names."""
        if self.latch.expect(address) and self._connected:
            disconnect(self.sock)
            self._connected = False

    def readable(self, view: memoryview, now: float) -> None:
        """Receive one datagram into *view* and hand it on if it is the peer's."""
        try:
            if self._connected:
                self.on_packet(view[: self._receive(view)], now)
            else:
                self._from_anybody(view, now)
        except OSError:  # an ICMP error of an earlier send, or the datagram is gone again
            return

    def _empty(self, view: memoryview, now: float) -> None:
        """Take what waits: it came before the kernel began to let only the peer in."""
        for _ in range(self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // DATAGRAM_BYTES_MIN):
            try:
                self._from_anybody(view, now)
            except BlockingIOError:
                return
            except OSError:
                continue

    def _from_anybody(self, view: memoryview, now: float) -> None:
        size, address = self.sock.recvfrom_into(view)
        packet, source = view[:size], (address[0], address[1])
        locked_before = self.latch.locked
        learnt_before = self.latch.source
        if not self.latch.admits(source, now):
            self.strangers += 1
            return
        if not self.on_packet(packet, now):  # not media: it must not choose the address
            if not locked_before:
                self.latch.source, self.latch.locked = learnt_before, False
            return
        if self.latch.locked and not self._connected and self._connect(source):
            self._empty(view, now)

    def _connect(self, source: Address) -> bool:
        """From here the kernel drops strangers, and sends need no address. False where no route leads to *source*."""
        try:
            self.sock.connect(source)
        except OSError:  # whoever forged that address is no peer
            self.latch.source, self.latch.locked = None, False
            self.strangers += 1
            return False
        self._connected = True
        return True

    def send(self, packet: memoryview) -> None:
        """Send to the peer; a full buffer or an unreachable peer loses the packet, as a network would."""
        try:
            if self._connected:
                self._send(packet)
            elif self.latch.target is not None:
                self.sock.sendto(packet, self.latch.target)
            else:
                return
        except OSError:
            return
        self.sent_packets += 1
        self.sent_octets += len(packet)


def _drop(_packet: memoryview, _now: float) -> bool:
    return False


class Stream:
    """An end's media line. *on_digit* and *on_silent* may be called from the relay's thread."""

    def __init__(
        self,
        kind: str,
        host: str,
        port: int,
        rtp: Pin,
        rtcp: Pin,
        *,
        on_digit: Callable[[str], None],
        on_silent: Callable[[], None],
    ) -> None:
        self.kind, self.host, self.port, self.rtp, self.rtcp = kind, host, port, rtp, rtcp
        rtp.on_packet, rtcp.on_packet = self._rtp, self._rtcp
        self._on_digit, self._on_silent = on_digit, on_silent
        self.playout: Playout | None = None  # a recording on its way to the peer
        self._facing: Stream | None = None
        self._sink: Callable[[memoryview], None] | None = None  # sends what comes on, if the facing end wants it
        self._srtp: Srtp | None = None
        self._peer: PeerLine | None = None
        self._events: frozenset[int] = frozenset()
        self.send: Callable[[memoryview], None] = rtp.send  # to the peer, sealed where it wants that
        self._mux = False
        self._reports_sent = 0  # RTCP on the port of RTP
        self._reader = EventReader()
        self._receiver = Receiver()
        self._digit_at = float("-inf")
        self._heard_at = time.monotonic()
        self._told_silent = False
        self._packets = self._octets = self._malformed = 0

    # --- control ----------------------------------------------------------------------------------------------------

    def describe(self, peer: PeerLine | None, is_ours: Callable[[Address | None], bool]) -> None:
        """The peer's description of this line. An address of our own would make a loop and is not taken."""
        first = self._peer is None
        self._peer = peer
        self._heard_at, self._told_silent = time.monotonic(), False
        if peer is not None:
            self._learn(peer, first, is_ours)
        self._aim()
        if self._facing is not None:
            self._facing._aim()

    def _learn(self, peer: PeerLine, first: bool, is_ours: Callable[[Address | None], bool]) -> None:
        if first:
            self._receiver = Receiver(peer.clock_hz)
        self._events = peer.event_payloads
        self._secure(peer.srtp)
        self._mux = peer.mux
        for pin, host, port in ((self.rtp, peer.host, peer.port), (self.rtcp, peer.rtcp_host, peer.rtcp_port)):
            address = usable_address(host, port)
            pin.expect(None if is_ours(address) else address)

    def join(self, other: "Stream") -> None:
        """Forward to *other* and back."""
        now = time.monotonic()
        for here, there in ((self, other), (other, self)):
            here._facing, here._heard_at = there, now
            here._aim()

    def part(self) -> None:
        """Forward no longer."""
        self._facing = self._sink = None

    def _aim(self) -> None:
        facing = self._facing
        wanted = facing is not None and facing._peer is not None and facing._peer.receives
        self._sink = facing.send if facing is not None and wanted else None

    def _secure(self, keys: SrtpKeys | None) -> None:
        if keys is None:
            self._srtp = None
        elif self._srtp is None:
            self._srtp = Srtp(keys)
        elif self._srtp.keys != keys:
            self._srtp.rekey(keys)
        self.send = self.rtp.send if self._srtp is None else self._send_sealed

    def _send_sealed(self, packet: memoryview) -> None:
        if self._srtp is not None:
            with contextlib.suppress(ValueError):  # a repetition: it is not sent twice under one key
                self.rtp.send(self._srtp.seal(packet))

    def play_due(self, now: float) -> bool:
        """Send what is due of the recording; whether more of it is to come."""
        if self.playout is not None:
            self.playout.advance(now)
            if self.playout.over:
                self.playout = None
        return self.playout is not None

    def close(self) -> None:
        """Close the sockets; the stream is dead afterwards."""
        self._facing = self._sink = self.playout = None
        self.rtp.on_packet = self.rtcp.on_packet = _drop  # a circle that would wait for the collector
        self.rtp.sock.close()
        self.rtcp.sock.close()

    def check_silence(self, now: float, limit_s: float) -> None:
        """Tell once when an audio line that is connected and should bring packets has brought none for *limit_s*."""
        if self._told_silent or self.kind != "audio" or self._facing is None or self._peer is None:
            return
        if self._peer.sends and now - self._heard_at >= limit_s:
            self._told_silent = True
            self._on_silent()

    @property
    def stats(self) -> StreamStats:
        return StreamStats(
            kind=self.kind,
            packets=self._packets,
            octets=self._octets,
            lost=self._receiver.lost,
            jitter_s=self._receiver.jitter_s,
            sent_packets=self.rtp.sent_packets - self._reports_sent,
            sent_octets=self.rtp.sent_octets,
            strangers=self.rtp.strangers + self.rtcp.strangers,
            malformed=self._malformed,
            sends=self._peer is not None and self._peer.sends,
            receives=self._peer is not None and self._peer.receives,
            silent=self._told_silent,
        )

    # --- packets ----------------------------------------------------------------------------------------------------

    def _rtp(self, packet: memoryview, now: float) -> bool:
        size = len(packet)
        if self._mux and named_rtcp(packet):
            return self._rtcp(packet, now)
        if size < HEADER_BYTES or packet[0] >> 6 != 2 or size > PACKET_BYTES_MAX:
            self._malformed += 1
            return False
        if self._srtp is not None:
            try:
                packet = self._srtp.open(packet)
            except ValueError:  # forged, or repeated
                self._malformed += 1
                return False
        sequence, timestamp, ssrc = _SEQ_TS_SSRC.unpack_from(packet, 2)
        is_event = packet[1] & 0x7F in self._events
        self._packets += 1
        self._octets += size
        self._heard_at = now
        self._receiver.note(sequence, timestamp, ssrc, now, timed=not is_event)
        if is_event and self._event(packet, timestamp, now):
            return True
        if self._sink is not None:
            self._sink(packet)
        return True

    def _event(self, packet: memoryview, timestamp: int, now: float) -> bool:
        """Read an RFC 4733 packet. True if it must not be forwarded."""
        header = parse_header(packet)
        if header is not None:
            digit = self._reader.feed(packet[header.payload_at :], timestamp)
            if digit is not None and now - self._digit_at >= DIGIT_GAP_MIN_S:
                self._digit_at = now
                self._on_digit(digit)
        return self._peer is not None and self._peer.swallow_events

    def _rtcp(self, packet: memoryview, now: float) -> bool:
        if len(packet) > PACKET_BYTES_MAX or not is_rtcp(packet):
            self._malformed += 1
            return False
        facing = self._facing
        try:
            if self._srtp is not None:
                packet = self._srtp.open(packet, rtcp=True)
            if facing is not None and facing._srtp is not None:
                packet = facing._srtp.seal(packet, rtcp=True)
        except ValueError:
            self._malformed += 1
            return False
        self._heard_at = now
        if facing is not None and facing._peer is not None:
            facing._send_report(packet)
        return True

    def _send_report(self, packet: memoryview) -> None:
        if not self._mux:
            self.rtcp.send(packet)
            return
        before = self.rtp.sent_packets
        self.rtp.send(packet)
        self._reports_sent += self.rtp.sent_packets - before
