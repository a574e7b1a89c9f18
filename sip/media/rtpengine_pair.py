"""Two ends that rtpengine joins: one of its calls, made ahead of need, so that its ports are known without waiting.

It is offered and answered once with nobody behind it (a line of sound and a line of video, inactive), which gives two
ports a line. When an end is known, the same two messages are sent again with its address; ``port-latching`` keeps the
ports. What is sent is sent in order, and the newest state only.
"""

import re
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from sip.media.bencode import Value
from sip.media.engine import PeerLine
from sip.media.ng import NgClient, Reply
from sip.media.rtp import StreamStats

CALLER, CALLEE = "caller", "callee"  # the tags of the two ends
KINDS: Final = ("audio", "video")
_NOWHERE: Final = "127.0.0.1"  # with the discard port: an end that is not known; 0.0.0.0 would be given back to us
_M_LINE: Final = re.compile(r"^m=(audio|video) (\d+) ", re.MULTILINE)
_C_LINE: Final = re.compile(r"^c=IN IP[46] (\S+)", re.MULTILINE)
_LOST_MODULUS: Final = 1 << 24  # RFC 3550 §6.4.1: a signed number of 24 bits, told without its sign
_STATIC: Final = frozenset({0, 8})  # codecs that rtpengine can play; of others it forwards the packets as they are

Lines = Mapping[str, PeerLine | None]  # of one end, by kind


@dataclass(frozen=True, slots=True)
class Joined:
    """What rtpengine is to know of the two ends now."""

    caller: Lines = field(default_factory=dict)
    callee: Lines = field(default_factory=dict)


class Pair:
    """One call of rtpengine's. *on_lost*: it is not there any more, or no longer has the ports that were told."""

    def __init__(self, client: NgClient) -> None:
        self._client = client
        self.id = f"edge-{secrets.token_hex(12)}"
        self.host = ""  # rtpengine's address
        self.made_at = time.monotonic()
        self.on_lost: Callable[[], None] = _nobody
        self.stats: dict[str, dict[str, StreamStats]] = {CALLER: {}, CALLEE: {}}  # by tag and kind, as last asked
        self.heard_at: dict[str, float] = {}  # Unix seconds of the last packet of sound, by tag
        self._ports: dict[str, dict[str, int]] = {}  # ours towards an end, by its tag
        self._wanted: Joined | None = None
        self._busy = False
        self._muted: set[str] = set()
        self._deleted = False

    def prepare(self, then: Callable[[bool], None]) -> None:
        """Have rtpengine make it. *then* is told whether it did."""

        def done(ok: bool) -> None:
            complete = all(kind in self._ports.get(tag, {}) for tag in (CALLER, CALLEE) for kind in KINDS)
            then(ok and complete)

        self._exchange(Joined(), done)

    def port(self, tag: str, kind: str) -> int:
        """Our RTP port towards the end *tag*."""
        return self._ports[tag][kind]

    def join(self, wanted: Joined) -> None:
        """Tell rtpengine of the ends."""
        self._wanted = wanted
        self._next()

    def swallow_digits(self, tag: str) -> None:
        """RFC 4733 events of that end do not reach the other (decision 21)."""
        if tag not in self._muted:
            self._muted.add(tag)
            self._client.request("block DTMF", self._heard, call_id=self.id, from_tag=tag)

    def play(self, tag: str, wav: bytes) -> None:
        """Play a recording to that end."""
        self._client.request("play media", self._heard, call_id=self.id, from_tag=tag, blob=wav)

    def ask(self, then: Callable[[], None] | None = None) -> None:
        """Bring `stats` and `heard_at` up to date, and call *then*."""

        def counted(reply: Reply | None) -> None:
            self._counted(reply)
            if reply is not None and then is not None and not self._deleted:
                then()

        self._client.request("query", counted, call_id=self.id)

    def delete(self) -> None:
        """Give it back to rtpengine. Nothing is told after this."""
        self._deleted = True
        self.on_lost = _nobody
        self._client.request("delete", lambda _reply: None, call_id=self.id, from_tag=CALLER, **{"delete delay": 0})

    # --- inside -----------------------------------------------------------------------------------------------------

    def _next(self) -> None:
        if self._busy or self._wanted is None or self._deleted:
            return
        wanted, self._wanted = self._wanted, None
        before = {tag: dict(ports) for tag, ports in self._ports.items()}

        def done(ok: bool) -> None:
            if not ok or self._ports != before:
                self.on_lost()
            self._next()

        self._exchange(wanted, done)

    def _exchange(self, wanted: Joined, then: Callable[[bool], None]) -> None:
        """Offer with what is known of the caller, then answer with what is known of the callee."""
        self._busy = True
        events = _events(wanted)

        def offered(reply: Reply | None) -> None:
            if reply is None:
                finished(None)
                return
            self._learn(CALLEE, reply)
            self._say("answer", wanted.callee, events, finished, {"to-tag": CALLEE})

        def finished(reply: Reply | None) -> None:
            self._busy = False
            if reply is not None:
                self._learn(CALLER, reply)
            if not self._deleted:
                then(reply is not None)

        self._say("offer", wanted.caller, events, offered, {"to-tag": CALLEE} if self._ports else {})

    def _say(
        self,
        command: str,
        lines: Lines,
        events: frozenset[int],
        then: Callable[[Reply | None], None],
        tags: Mapping[str, str],
    ) -> None:
        self._client.request(
            command,
            then,
            call_id=self.id,
            from_tag=CALLER,
            sdp=description(lines, events),
            flags=["trust-address", "port-latching"],
            replace=["origin"],
            ICE="remove",
            **tags,
        )

    def _learn(self, tag: str, reply: Reply) -> None:
        """The ports in a description of rtpengine's: what is to be told to the end *tag*."""
        text = str(reply.get("sdp", ""))
        self._ports[tag] = {kind: int(port) for kind, port in _M_LINE.findall(text)}
        host = _C_LINE.search(text)
        self.host = host[1] if host else ""

    def _heard(self, reply: Reply | None) -> None:
        if reply is None:
            self.on_lost()

    def _counted(self, reply: Reply | None) -> None:
        if reply is None:
            if self._client.error.startswith("Unknown call"):  # no answer is another matter: packets may well go on
                self.on_lost()
            return
        reports, tags = _mapping(reply.get("SSRC")), _mapping(reply.get("tags"))
        rtp = {tag: _rtp_streams(_mapping(tags.get(tag))) for tag in self.stats}
        for tag, other in ((CALLER, CALLEE), (CALLEE, CALLER)):
            for kind, stream in rtp[tag].items():
                # A report stands under the name (SSRC) of who made it, and is about what that one heard.
                heard_by = str(_int(rtp[other].get(kind, {}).get("SSRC")))
                self.stats[tag][kind] = _stream_stats(kind, stream, _mapping(reports.get(heard_by)))
            self.heard_at[tag] = _int(rtp[tag].get("audio", {}).get("last packet"))


def _rtp_streams(tag: Mapping[str, Value]) -> dict[str, Mapping[str, Value]]:
    """The RTP stream of each kind that an end sends."""
    found: dict[str, Mapping[str, Value]] = {}
    for media in map(_mapping, _list(tag.get("medias"))):
        streams = _list(media.get("streams"))
        found[str(media.get("type"))] = _mapping(streams[0]) if streams else {}
    return found


def _stream_stats(kind: str, stream: Mapping[str, Value], report: Mapping[str, Value]) -> StreamStats:
    """What came from an end; *report*: what the far end said of it by RTCP, empty where it said nothing yet."""
    counted, average = _mapping(stream.get("stats")), _mapping(report.get("average MOS"))
    lost = _int(report.get("cumulative loss"))
    return StreamStats(
        kind=kind,
        packets=_int(counted.get("packets")),
        octets=_int(counted.get("bytes")),
        lost=(lost - _LOST_MODULUS if lost >= _LOST_MODULUS // 2 else lost) if report else None,
        jitter_s=_int(average.get("jitter")) / 1000 if average else None,
    )


def description(lines: Lines, events: frozenset[int]) -> str:
    """An end as rtpengine is to see it: always one line of each kind, inactive where the end has none."""
    text = [f"v=0\r\no=- 1 1 IN IP4 {_NOWHERE}\r\ns=-\r\nt=0 0\r\n"]
    for kind in KINDS:
        line = lines.get(kind)
        host, port, rtcp = (line.host, line.port, line.rtcp_port) if line is not None else (_NOWHERE, 9, 10)
        family = "IP6" if ":" in host else "IP4"
        if kind == "audio":
            codec = line.payload if line is not None and line.payload in _STATIC else 8
            payloads = " ".join(map(str, [codec, *sorted(events)]))
            maps = "".join(f"a=rtpmap:{payload} telephone-event/8000\r\n" for payload in sorted(events))
        else:
            payloads, maps = "96", "a=rtpmap:96 H264/90000\r\n"
        text.append(f"m={kind} {port} RTP/AVP {payloads}\r\nc=IN {family} {host}\r\n{maps}")
        text.append(f"a=rtcp:{rtcp}\r\na={'sendrecv' if line is not None else 'inactive'}\r\n")
    return "".join(text)


def _events(wanted: Joined) -> frozenset[int]:
    """Payload types of RFC 4733 events, the same on both sides so that nothing is converted."""
    lines = (lines.get("audio") for lines in (wanted.caller, wanted.callee))
    return frozenset(payload for line in lines if line is not None for payload in line.event_payloads)


def _nobody() -> None:
    """Nobody needs to be told."""


def _mapping(value: Value | None) -> Mapping[str, Value]:
    return value if isinstance(value, dict) else {}


def _list(value: Value | None) -> list[Value]:
    return value if isinstance(value, list) else []


def _int(value: Value | None) -> int:
    return value if isinstance(value, int) else 0
