"""rtpengine as media engine, for sites that outgrow one core of ours: calls between two of its addresses go through it.

What it cannot carry goes through our own relay: ends on other addresses of ours, the other IP version, recordings
before a refusal, and, where it does not tell us the digits it sees (`rtpengine --dtmf-log-dest`), calls in which digits
open a door. While it is away, new calls go through our own relay too, and that is told once.

A call's statistics are those of the last look, every `ASK_S`; loss and jitter are what the far end reported by RTCP.
"""

import asyncio
import functools
import json
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlsplit

from sip.media.dtmf import DIGITS
from sip.media.engine import CALLER_END, End, Facing, MediaListener, MediaUnavailable, PeerLine
from sip.media.ng import NgClient, Reply
from sip.media.recordings import wav_of
from sip.media.relay import RelaySession, RtpRelay
from sip.media.rtp import StreamStats
from sip.media.rtpengine_pair import CALLEE, CALLER, KINDS, Joined, Pair
from sip.media.settings import MediaSettings

READY: Final = 8  # pairs made ahead of need: legs that can be rung at once
READY_AGE_MAX_S: Final = 900.0  # rtpengine drops what is silent for an hour
ASK_S: Final = 2.0
DATAGRAM_BYTES_MAX: Final = 4096
_LOCAL: Final = ("127.0.0.1", "::1")  # what this machine sends from to itself, and no other can

log: Final = logging.getLogger(__name__)


class Rtpengine:
    """A `MediaEngine`, with our own relay beside. `start`, `run` and `stop` on the event loop."""

    name = "rtpengine"

    def __init__(self, settings: MediaSettings) -> None:
        self._url = urlsplit(settings.rtpengine_url)
        self._digits_at = urlsplit(f"//{settings.rtpengine_digits}") if settings.rtpengine_digits else None
        self.silence_s = settings.silence_s
        self.relay = RtpRelay(settings)
        self.client = NgClient()
        self.up = False
        self._said_away = False
        self._ready: list[Pair] = []
        self._making = 0
        self._sessions: dict[str, RtpengineSession] = {}  # by call of rtpengine's
        self._digits: asyncio.DatagramTransport | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def ready(self) -> int:
        """Pairs that wait for a call."""
        return len(self._ready)

    # --- component --------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Serve at once, by our own relay until rtpengine has answered. Raises OSError: no such address."""
        await self.relay.start()
        await self.client.open(self._url.hostname or "", self._url.port or 0)
        if self._digits_at is not None:
            self._digits, _ = await asyncio.get_running_loop().create_datagram_endpoint(
                lambda: _DigitLog(self._url.hostname or "", self._digit),
                local_addr=(self._digits_at.hostname or "", self._digits_at.port or 0),
            )
        self._look()

    async def run(self) -> None:
        await self.relay.run()

    async def stop(self) -> None:
        """Give back what was made. Idempotent."""
        if self._timer is not None:
            self._timer.cancel()
        self._flush()
        self.client.close()
        if self._digits is not None:
            self._digits.close()
        await self.relay.stop()

    # --- sessions ---------------------------------------------------------------------------------------------------

    def open(self, listener: MediaListener, *, digits: bool = True) -> "RtpengineSession":
        return RtpengineSession(self, listener, by_relay=digits and self._digits is None)

    def take(self, session: "RtpengineSession", hosts: tuple[str, str]) -> Pair | None:
        """A pair between these two addresses of ours; None where our own relay has to do it."""
        oldest = time.monotonic() - READY_AGE_MAX_S
        while self.up and self._ready:
            pair = self._ready.pop()
            if pair.made_at < oldest:
                pair.delete()
                continue
            self._make()
            if hosts != (pair.host, pair.host):
                self._ready.append(pair)
                return None
            self._sessions[pair.id] = session
            return pair
        return None

    def give_back(self, pair: Pair) -> None:
        self._sessions.pop(pair.id, None)
        pair.delete()

    # --- inside -----------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        """Every few seconds: is it there, how are the calls, are there enough pairs?"""
        self._timer = asyncio.get_running_loop().call_later(ASK_S, self._look)
        self.client.request("ping", self._ponged)
        if self._ready:
            self._ready[0].ask()  # after a restart none of the pairs exists
        for session in set(self._sessions.values()):
            session.look()

    def _ponged(self, reply: Reply | None) -> None:
        if reply is None:
            self._away()
            return
        if not self.up:
            log.warning("rtpengine is there; new calls go through it", extra={"url": self._url.geturl()})
            self.up, self._said_away = True, False
        self._make()

    def _away(self) -> None:
        if self.up or not self._said_away:
            log.warning(
                "rtpengine does not answer; new calls go through our own relay",
                extra={"url": self._url.geturl(), "why": self.client.error},
            )
        self.up, self._said_away = False, True
        self._flush()

    def _flush(self) -> None:
        ready, self._ready = self._ready, []
        for pair in ready:
            pair.delete()

    def _make(self) -> None:
        while self.up and len(self._ready) + self._making < READY:
            self._making += 1
            pair = Pair(self.client)
            pair.prepare(self._made(pair))

    def _made(self, pair: Pair) -> Callable[[bool], None]:
        def made(ok: bool) -> None:
            self._making -= 1
            if not ok:
                self._away()
                return
            pair.on_lost = self._away
            self._ready.append(pair)

        return made

    def _digit(self, call: str, tag: str, digit: str) -> None:
        session = self._sessions.get(call)
        if session is not None:
            session.digit(call, tag, digit)


class _DigitLog(asyncio.DatagramProtocol):
    """What rtpengine sees of RFC 4733 events, a JSON object a datagram, at the end of each."""

    def __init__(self, host: str, tell: Callable[[str, str, str], None]) -> None:
        self._host = host
        self._tell = tell

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if addr[0] not in (self._host, *_LOCAL) or len(data) > DATAGRAM_BYTES_MAX:
            return
        try:
            told = json.loads(data)
            code = int(told["event"])
            call, tag = str(told["callid"]), str(told["source_tag"])
        except (ValueError, KeyError, TypeError, RecursionError):
            return
        if 0 <= code < len(DIGITS):
            self._tell(call, tag, DIGITS[code])


@dataclass(slots=True)
class _Leg:
    """A leg and the caller, joined by a pair."""

    pair: Pair
    kinds: dict[int, str]  # line of the call -> which line of the pair
    connected: bool = False


class RtpengineSession:
    """A `MediaSession`: each leg faces the caller through a pair of rtpengine's, or through our relay."""

    def __init__(self, engine: Rtpengine, listener: MediaListener, *, by_relay: bool) -> None:
        self._engine = engine
        self._listener = listener
        self._relay: RelaySession = engine.relay.open(listener)
        self._by_relay = by_relay
        self._legs: dict[End, _Leg | None] = {}  # None: through our relay
        self._peers: dict[End, dict[int, PeerLine | None]] = {}
        self._silent: set[End] = set()

    def allocate(self, end: End, line: int, kind: str, host: str, facing: Facing | None = None) -> int:
        leg = self._leg(end, host, facing) if facing is not None else None
        if leg is None:
            return self._relay.allocate(end, line, kind, host)
        if facing is not None and not facing.plain:
            raise MediaUnavailable("SRTP or rtcp-mux came up in a call that goes through rtpengine")
        if leg.kinds.setdefault(line, kind) != kind or list(leg.kinds.values()).count(kind) > 1 or kind not in KINDS:
            raise MediaUnavailable("rtpengine was asked for one line of sound and one of video")
        return leg.pair.port(CALLER if end == CALLER_END else CALLEE, kind)

    def _leg(self, end: End, host: str, facing: Facing) -> _Leg | None:
        number = facing.end if end == CALLER_END else end
        if number not in self._legs:
            by_relay = self._by_relay or not facing.plain
            pair = None if by_relay else self._engine.take(self, (host, facing.host))
            self._legs[number] = _Leg(pair, {}) if pair is not None else None
            if pair is not None:
                pair.on_lost = lambda: self._listener.media_silent(number)
        return self._legs[number]

    def describe(self, end: End, line: int, peer: PeerLine | None) -> None:
        self._peers.setdefault(end, {})[line] = peer
        self._relay.describe(end, line, peer)
        for number, leg in self._legs.items():
            if leg is not None and (number == end or (end == CALLER_END and leg.connected)):
                self._tell(number, leg)

    def connect(self, one: End, other: End) -> None:
        number = other if one == CALLER_END else one
        leg = self._legs.get(number)
        if leg is None:
            self._relay.connect(one, other)
        elif not leg.connected:
            leg.connected = True
            self._tell(number, leg)

    def _tell(self, number: End, leg: _Leg) -> None:
        """What rtpengine is to know; of the caller nothing before the two are connected."""
        caller = self._peers.get(CALLER_END, {}) if leg.connected else {}
        callee = self._peers.get(number, {})
        leg.pair.join(Joined(_by_kind(caller, leg), _by_kind(callee, leg)))
        for tag, peers in ((CALLER, caller), (CALLEE, callee)):
            if any(peer is not None and peer.swallow_events for peer in peers.values()):
                leg.pair.swallow_digits(tag)

    def play(self, end: End, line: int, frames: Sequence[bytes], payload: int) -> None:
        leg = next((leg for leg in self._legs.values() if leg is not None and leg.connected), None)
        if leg is None or end != CALLER_END:
            self._relay.play(end, line, frames, payload)
        else:
            leg.pair.play(CALLER, wav_of(frames, payload))

    def release(self, end: End) -> tuple[StreamStats, ...]:
        stats = self.stats(end)
        self._relay.release(end)
        leg = self._legs.get(end)
        if leg is not None and not leg.connected:
            self._engine.give_back(leg.pair)
            del self._legs[end]
        return stats

    def stats(self, end: End) -> tuple[StreamStats, ...]:
        counted = list(self._relay.stats(end))
        for number, leg in self._legs.items():
            if leg is not None and (number == end or (end == CALLER_END and leg.connected)):
                here, there = (CALLER, CALLEE) if end == CALLER_END else (CALLEE, CALLER)
                counted += [self._line(leg, here, there, kind, end) for _, kind in sorted(leg.kinds.items())]
        return tuple(counted)

    def _line(self, leg: _Leg, here: str, there: str, kind: str, end: End) -> StreamStats:
        peer = _by_kind(self._peers.get(end, {}), leg).get(kind)
        ours, theirs = (leg.pair.stats[tag].get(kind, StreamStats(kind)) for tag in (here, there))
        return replace(
            ours,
            sent_packets=theirs.packets,
            sent_octets=theirs.octets,
            sends=peer is not None and peer.sends,
            receives=peer is not None and peer.receives,
            silent=end in self._silent,
        )

    def close(self) -> None:
        for leg in self._legs.values():
            if leg is not None:
                self._engine.give_back(leg.pair)
        self._legs.clear()
        self._relay.close()

    # --- for the engine ---------------------------------------------------------------------------------------------

    def digit(self, call: str, tag: str, digit: str) -> None:
        """rtpengine saw a digit of one of our ends."""
        for number, leg in self._legs.items():
            if leg is not None and leg.pair.id == call:
                self._listener.media_digit(CALLER_END if tag == CALLER else number, digit)
                return

    def look(self) -> None:
        """Ask how the connected ones are."""
        for number, leg in list(self._legs.items()):
            if leg is not None and leg.connected:
                leg.pair.ask(functools.partial(self._counted, number, leg.pair))

    def _counted(self, number: End, pair: Pair) -> None:
        self._check(CALLER_END, pair.heard_at.get(CALLER))
        self._check(number, pair.heard_at.get(CALLEE))

    def _check(self, end: End, heard_at: float | None) -> None:
        limit_s = self._engine.silence_s
        peers = self._peers.get(end, {}).values()
        if heard_at is None or limit_s <= 0 or end in self._silent or not any(p is not None and p.sends for p in peers):
            return
        if time.time() - heard_at >= limit_s + 1:  # it tells whole seconds
            self._silent.add(end)
            self._listener.media_silent(end)


def _by_kind(peers: dict[int, PeerLine | None], leg: _Leg) -> dict[str, PeerLine | None]:
    return {kind: peers.get(line) for line, kind in leg.kinds.items()}
