"""The relay between an end with SRTP and one without, with another SRTP stack's packets."""

import secrets
import struct
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import pytest

from sip.media.engine import CALLER_END, SrtpKeys
from sip.media.relay import RelaySession, RtpRelay
from tests.fakes.sip_service import until
from tests.loopback.sip_call.test_relay import SETTINGS, Listener, Phone

pylibsrtp: Any = pytest.importorskip("pylibsrtp")
SUITE = "AES_CM_128_HMAC_SHA1_80"


class SecurePhone(Phone):
    """A phone that speaks SRTP; *keys* from the edge's side."""

    def __init__(self, edge: str, host: str) -> None:
        super().__init__(edge, host)
        self.keys = SrtpKeys(SUITE, secrets.token_bytes(30), secrets.token_bytes(30))
        policy = pylibsrtp.Policy
        self.out = pylibsrtp.Session(policy(key=self.keys.theirs, ssrc_type=policy.SSRC_ANY_OUTBOUND))
        self.into = pylibsrtp.Session(policy(key=self.keys.ours, ssrc_type=policy.SSRC_ANY_INBOUND))
        self.line = replace(self.line, srtp=self.keys)

    def sealed(self, payload: bytes, kind: int = 8) -> bytes:
        self.sequence += 1
        return struct.pack("!BBHII", 0x80, kind, self.sequence, 160 * self.sequence, 77) + payload


@pytest.fixture
async def relay() -> AsyncIterator[RtpRelay]:
    relay = RtpRelay(SETTINGS)
    await relay.start()
    yield relay
    await relay.stop()


@pytest.fixture
def phones(address: str, addresses: Iterator[str]) -> Iterator[tuple[SecurePhone, Phone]]:
    secure, plain = SecurePhone(address, next(addresses)), Phone(address, next(addresses))
    yield secure, plain
    secure.close()
    plain.close()


def joined(relay: RtpRelay, secure: SecurePhone, plain: Phone, listener: Listener) -> tuple[RelaySession, int, int]:
    session = relay.open(listener)
    ports = (session.allocate(CALLER_END, 0, "audio", secure.edge), session.allocate(0, 0, "audio", secure.edge))
    session.describe(CALLER_END, 0, secure.line)
    session.describe(0, 0, plain.line)
    session.connect(CALLER_END, 0)
    return session, *ports


async def test_sound_and_rtcp_are_opened_and_sealed(relay: RtpRelay, phones: tuple[SecurePhone, Phone]) -> None:
    secure, plain = phones
    _, at_secure, at_plain = joined(relay, secure, plain, Listener())
    clear = secure.sealed(b"\x55" * 160)
    secure.sock.sendto(secure.out.protect(clear), (secure.edge, at_secure))
    assert (await plain.receive())[0] == clear
    back = plain.send(at_plain)
    received, _ = await secure.receive()
    assert received != back
    assert secure.into.unprotect(received) == back
    report = struct.pack("!BBHI", 0x80, 201, 1, 77)
    secure.rtcp.sendto(secure.out.protect_rtcp(report), (secure.edge, at_secure + 1))
    assert (await plain.receive(plain.rtcp))[0] == report
    plain.rtcp.sendto(report, (secure.edge, at_plain + 1))
    assert secure.into.unprotect_rtcp((await secure.receive(secure.rtcp))[0]) == report


async def test_digits_are_read_through_it(relay: RtpRelay, phones: tuple[SecurePhone, Phone]) -> None:
    secure, plain = phones
    listener = Listener()
    _, at_secure, _ = joined(relay, secure, plain, listener)
    for duration in (160, 320):
        packet = struct.pack("!BBHII", 0x80, 101, duration, 8000, 77) + struct.pack("!BBH", 5, 10, duration)
        secure.sock.sendto(secure.out.protect(packet), (secure.edge, at_secure))
    await until(lambda: listener.digits == [(CALLER_END, "5")])


async def test_plain_forged_and_repeated_packets_do_not_pass(
    relay: RtpRelay, phones: tuple[SecurePhone, Phone]
) -> None:
    secure, plain = phones
    session, at_secure, _ = joined(relay, secure, plain, Listener())
    good = secure.out.protect(secure.sealed(bytes(160)))
    forged = good[:-1] + bytes([good[-1] ^ 1])
    for packet in (secure.sealed(bytes(160)), forged, good, good):
        secure.sock.sendto(packet, (secure.edge, at_secure))
    await until(lambda: session.stats(CALLER_END)[0].malformed == 3)
    await plain.receive()
    assert plain.nothing_came()
    assert session.stats(CALLER_END)[0].packets == 1


async def test_a_new_key_of_the_peer_leaves_ours_counting_on(
    relay: RtpRelay, phones: tuple[SecurePhone, Phone]
) -> None:
    secure, plain = phones
    session, at_secure, at_plain = joined(relay, secure, plain, Listener())
    first = secure.sealed(bytes(160))
    secure.sock.sendto(secure.out.protect(first), (secure.edge, at_secure))
    await plain.receive()
    plain.send(at_plain)
    secure.into.unprotect((await secure.receive())[0])
    policy = pylibsrtp.Policy
    key = secrets.token_bytes(30)
    session.describe(CALLER_END, 0, replace(secure.line, srtp=replace(secure.keys, theirs=key)))
    out = pylibsrtp.Session(policy(key=key, ssrc_type=policy.SSRC_ANY_OUTBOUND))
    clear = secure.sealed(b"\x33" * 160)
    sealed = out.protect(clear)
    await until(lambda: not relay._work)
    secure.sock.sendto(sealed, (secure.edge, at_secure))
    assert (await plain.receive())[0] == clear
    sent = plain.send(at_plain)
    assert secure.into.unprotect((await secure.receive())[0]) == sent
