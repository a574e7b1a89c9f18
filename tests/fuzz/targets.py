"""What every parser keeps to, whatever the bytes: each target takes them and fails an assertion where it does not.

Hypothesis (`tests/conformance/test_hostile_bytes.py`) and atheris (`tests.fuzz.run`) drive the same targets. A target
lets through only the exception that its parser promises.
"""

import contextlib
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from sip import digest, sdp, session_timer
from sip.authenticator import Authenticator
from sip.dialog import Dialog
from sip.framer import StreamFramer
from sip.media import bencode
from sip.media.dtmf import EventReader, is_info_dtmf, parse_event, parse_info
from sip.media.rtcp import is_rtcp
from sip.media.rtp import Receiver, parse_header
from sip.message import Headers, Message, Request, Response, Via, response_to
from sip.parser import ParseError, check, is_wildcard, parse
from sip.plain_register import read as read_plain
from sip.sdp_bridge import Anchor, acceptable, can_anchor, carry, event_payloads, main_codec, refused_answer
from sip.sdp_crypto import cryptos
from sip.uri import NameAddr, SipUri, UriError
from tests.fakes.b2bua import CallBench, plan, target
from tests.fakes.sip import REALM, FakeAccounts, flow_to, request

ANCHOR: Final = Anchor("192.0.2.1", 30_000)
BENCH_SERVES: Final = 500  # datagrams; then a new one, so that an input that fails can be found again
CHANGED_SERVES: Final = 20  # after one that was answered: it may have ended the calls


# --- messages ---------------------------------------------------------------------------------------------------------


def message(data: bytes) -> None:
    """The parser, all typed fields, the serialiser, the framer, and the shortcut for REGISTER."""
    _stream(data)
    _plain(data)
    try:
        one = parse(data)
        check(one)
    except ParseError as error:
        if error.request is not None:
            _alone(response_to(error.request, error.status, error.reason, "t").render())
        return
    _promised(one)
    _loose(one)
    twin = parse(one.render())
    check(twin)
    assert twin.render() == one.render()
    if isinstance(one, Request):
        _alone(response_to(one, 400, to_tag="t").render())


def _alone(data: bytes) -> None:
    """*data* is one message, and nobody can read a second one out of it."""
    framer = StreamFramer()
    assert framer.feed(data) == [data]
    assert not framer.unfinished


def _stream(data: bytes) -> None:
    """The segments in which a stream comes change nothing."""
    at_once, by_parts = StreamFramer(), StreamFramer()
    whole = at_once.feed(data)
    cut = data[0] % (len(data) + 1) if data else 0
    parts = [*by_parts.feed(data[:cut]), *by_parts.feed(data[cut:])]
    assert parts == whole
    assert (by_parts.broken is None) == (at_once.broken is None)
    assert by_parts.pongs == at_once.pongs


def _plain(data: bytes) -> None:
    """What the shortcut reads, the long way reads alike."""
    plain = read_plain(data)
    if plain is None:
        return
    long = parse(data)
    check(long)
    assert isinstance(long, Request)
    assert (long.method, long.uri, long.body) == ("REGISTER", plain.uri, b"")
    assert (long.call_id, long.cseq.number) == (plain.fields["Call-ID"], plain.cseq)
    assert (long.via.branch, long.from_.sip.user) == (plain.via[6], plain.user)


def _promised(one: Message) -> None:
    """After `check` these raise nothing, and what was read is written so that it is read alike."""
    assert Via.parse(str(one.via)) == one.via
    addresses = [one.from_, one.to, *one.routes, *one.record_routes]
    if not (isinstance(one, Request) and is_wildcard(one)):
        addresses += one.contacts
    for address in addresses:
        again = NameAddr.parse(str(address))
        assert (again.uri, again.params) == (address.uri, address.params)
    _ = one.max_forwards, one.call_id, one.cseq, one.content_type, one.options("Require")


def _loose(one: Message) -> None:
    """Read without `check`: these raise UriError at most."""
    with contextlib.suppress(UriError):
        _ = one.expires
    texts = [one.from_.uri, one.to.uri, *([one.uri] if isinstance(one, Request) else [])]
    for text in texts:
        with contextlib.suppress(UriError):
            uri = SipUri.parse(text)
            assert SipUri.parse(str(uri)) == uri
            assert uri.same_as(uri)
    _ = session_timer.asked_interval_s(one)
    if isinstance(one, Response):
        _ = session_timer.terms_of_answer(one)
        with contextlib.suppress(UriError):
            _alone(Dialog.as_uac(request("INVITE"), one).request("BYE").render())
    if is_info_dtmf(one.content_type):
        _ = parse_info(one.content_type, one.body)


# --- the whole server -------------------------------------------------------------------------------------------------


class _Server:
    """Endpoint, registrar and B2BUA on a wire that remembers. One call talks and one rings, so that there is something
    to disturb: $CALL, $TAG and $OURS in the bytes stand for the dialog with the door, $VIA, $FROM, $TO and $RUNG for
    the INVITE that rings the monitor.
    """

    def __init__(self) -> None:
        self._serves = 0

    def __call__(self, data: bytes) -> None:
        if self._serves == 0:
            self._begin()
        self._serves -= 1
        bench = self._bench
        for name, value in self._names.items():
            data = data.replace(name, value)
        bench.wire.sent.clear()
        source = (bench.door.flow, bench.monitor.flow, flow_to("203.0.113.9", 5060))[len(data) % 3]
        bench.receive(data, source)
        bench.advance(0.1)
        if bench.endpoint.counters["handler_errors"]:
            self._serves = 0
            raise AssertionError("a handler failed")
        if bench.wire.sent:
            self._serves = min(self._serves, CHANGED_SERVES)
        for _, sent in bench.wire.sent:
            _alone(sent)

    def _begin(self) -> None:
        self._serves = BENCH_SERVES
        self._bench = bench = CallBench()
        bench.desk.plan_ = plan([target(bench.monitor.user)])
        talks, _ = bench.answered_call()
        bench.door.invite()
        rings = bench.monitor.request("INVITE")
        self._names = {
            b"$CALL": talks.call_id.encode(), b"$TAG": talks.from_tag.encode(), b"$OURS": talks.to_tag.encode(),
            b"$VIA": str(rings.via).encode(), b"$FROM": str(rings.headers.get("From")).encode(),
            b"$TO": str(rings.headers.get("To")).encode(), b"$RUNG": rings.call_id.encode(),
        }  # fmt: skip


server: Final = _Server()


# --- descriptions -----------------------------------------------------------------------------------------------------


def description(data: bytes) -> None:
    """The reader of descriptions, and what of them is carried to another leg."""
    try:
        session = sdp.parse(data)
    except sdp.SdpError:
        return
    written = sdp.render(replace(session, origin_host="192.0.2.1"))  # the o= line is always ours
    twin = sdp.parse(written)
    assert sdp.render(twin) == written
    assert len(twin.media) == len(session.media)
    for media in session.media:
        _ = media.codecs, media.rtcp, media.rejected, media.on_hold_by_address, can_anchor(media), cryptos(media)
        _ = main_codec(media), event_payloads(media, media)
    _ = acceptable(session), refused_answer(session)
    carried = carry(session, [ANCHOR] * len(session.media))
    crossed = sdp.parse(sdp.render(sdp.Session(carried, origin_host="192.0.2.1")))
    assert all(media.rejected or (media.host, media.port) == ANCHOR_PLACE for media in crossed.media)
    answer = carry(twin, [ANCHOR] * len(session.media), like=session)
    assert [media.kind for media in answer] == [media.kind for media in session.media]


ANCHOR_PLACE: Final = (ANCHOR.host, ANCHOR.port)


# --- digest -----------------------------------------------------------------------------------------------------------

_AUTHENTICATOR: Final = Authenticator(REALM, FakeAccounts())


def credentials(data: bytes) -> None:
    """Both readers of digest parameters, the server's check and the client's answer."""
    text = data.decode("utf-8", "surrogateescape").replace("\r", " ").replace("\n", " ")
    found = digest.parse_digest(text)
    with _long_way():
        slowly = digest.parse_digest(text)
    assert found == slowly
    asked = request("REGISTER", headers={"Authorization": text})
    verdict = _AUTHENTICATOR.check(asked, 1000.0)
    assert verdict.user is None
    assert verdict.status in (400, 401)
    _client(text)


@contextlib.contextmanager
def _long_way() -> Iterator[None]:
    usual = digest.PLAIN_CHARS_MAX
    digest.PLAIN_CHARS_MAX = -1  # type: ignore[misc]  # both readers of one text are compared
    try:
        yield
    finally:
        digest.PLAIN_CHARS_MAX = usual  # type: ignore[misc]


def _client(text: str) -> None:
    client = digest.DigestClient("u", "p")
    if client.challenged(Response(401, headers=Headers([("WWW-Authenticate", text)])), 0):
        ours = request("INVITE")
        client.authorise(ours)
        for line in ours.headers.get_all("Authorization"):
            said = digest.parse_digest(line)
            assert said is not None
            assert len(said["response"]) in (32, 64)
    client.accepted(Response(200, headers=Headers([("Authentication-Info", text)])))


# --- media ------------------------------------------------------------------------------------------------------------


def packets(data: bytes) -> None:
    """RTP, RTCP and telephone events: *data* is cut into packets, each behind a byte with its length."""
    receiver, events = Receiver(), EventReader()
    at, arrival_s, taken = 0, 0.0, 0
    while at < len(data):
        packet = data[at + 1 : at + 1 + data[at]]
        at += 1 + data[at]
        arrival_s += 0.02
        assert parse_header(memoryview(packet)) == parse_header(packet)
        if is_rtcp(packet):
            assert packet[0] >> 6 == 2
        header = parse_header(packet)
        if header is None:
            continue
        assert 12 <= header.payload_at <= len(packet)
        receiver.note(header.sequence, header.timestamp, header.ssrc, arrival_s, timed=not header.marker)
        taken += 1
        digit = events.feed(packet[header.payload_at :], header.timestamp)
        assert digit is None or len(digit) == 1
        _ = parse_event(packet[header.payload_at :])
    assert receiver.received <= taken
    assert receiver.lost <= 65_536 * (taken + 1)
    assert receiver.jitter_s >= 0


def packed(*packets_: bytes) -> bytes:
    """*packets_* as `packets` takes them; each at most 255 bytes."""
    return b"".join(struct.pack("!B", len(packet)) + packet for packet in packets_)


def control(data: bytes) -> None:
    """Bencoding, which rtpengine speaks."""
    try:
        value = bencode.decode(data)
    except bencode.BencodeError:
        return
    assert bencode.decode(bencode.encode(value)) == value


TARGETS: Final[Mapping[str, Callable[[bytes], None]]] = {
    "message": message,
    "server": server,
    "sdp": description,
    "digest": credentials,
    "rtp": packets,
    "bencode": control,
}
