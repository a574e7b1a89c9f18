"""Questions of `sip.locating` put to a DNS server over UDP."""

import asyncio
import time
from collections.abc import Iterator

from sip.flow import Destination
from sip.locating import Answer, Kind, Located, Naptr, Question, Srv, locate
from sip.names import ANSWER_WITHIN_S, Names, draw, look_up
from tests.fakes.dns_server import DnsServer

HOST = "provider.test"
RECORDS = {
    f"{HOST} NAPTR": (
        "300",
        '10 20 "s" "SIP+D2U" "" _sip._udp.provider.test.',
        '10 10 "S" "sips+d2t" "" _sips._tcp.provider.test.',
    ),
    f"_sips._tcp.{HOST} SRV": ("120", "10 0 5071 a.provider.test.", "20 0 5061 b.provider.test."),
    f"_sip._udp.{HOST} SRV": ("60", "10 0 5080 b.provider.test."),
    "a.provider.test A": ("90", "127.0.0.7"),
    "a.provider.test AAAA": ("40", "::1"),
    "b.provider.test A": ("90", "127.0.0.8"),
}


async def found(server: DnsServer, transport: str, host: str = HOST) -> Located:
    return await look_up(locate(host, 0, transport, draw), Names([server.address]))


async def test_records_are_read_with_the_time_that_they_are_right(addresses: Iterator[str]) -> None:
    async with DnsServer(next(addresses), RECORDS) as server:
        names = Names([server.address])
        named = await names.answer(Question(Kind.NAPTR, HOST))
        assert (named.ttl_s, set(named.naptrs)) == (  # a set of records has no order
            300.0,
            {
                Naptr(10, 20, "s", "SIP+D2U", "_sip._udp.provider.test"),
                Naptr(10, 10, "S", "sips+d2t", "_sips._tcp.provider.test"),
            },
        )
        assert await names.answer(Question(Kind.SRV, f"_sip._udp.{HOST}")) == Answer(
            60.0, srvs=(Srv(10, 0, 5080, "b.provider.test"),)
        )
        assert await names.answer(Question(Kind.ADDRESS, "a.provider.test")) == Answer(
            40.0, addresses=("127.0.0.7", "::1")
        )


async def test_the_providers_wish_is_followed_to_its_addresses(addresses: Iterator[str]) -> None:
    async with DnsServer(next(addresses), RECORDS) as server:
        assert await found(server, "auto") == Located(
            (
                Destination("TLS", "127.0.0.7", 5071, HOST),
                Destination("TLS", "::1", 5071, HOST),
                Destination("TLS", "127.0.0.8", 5061, HOST),
            ),
            40.0,
        )
        assert (await found(server, "udp")).targets == (Destination("UDP", "127.0.0.8", 5080, HOST),)


async def test_what_does_not_exist_is_an_answer_for_as_long_as_its_zone_says(addresses: Iterator[str]) -> None:
    async with DnsServer(next(addresses), {"plain.test A": ("77", "127.0.0.9")}, negative_s=33) as server:
        assert await found(server, "tcp", "plain.test") == Located(
            (Destination("TCP", "127.0.0.9", 5060, "plain.test"),), 33.0
        )
        assert await found(server, "auto", "nowhere.test") == Located((), 33.0)


async def test_a_server_in_trouble_is_not_an_answer(addresses: Iterator[str]) -> None:
    async with DnsServer(next(addresses), RECORDS) as server:
        server.broken.add(f"_sip._udp.{HOST}")
        assert not (await found(server, "udp")).sure


async def test_a_silent_server_is_given_up_and_nobody_waits_meanwhile(addresses: Iterator[str]) -> None:
    async with DnsServer(next(addresses), RECORDS) as server:
        server.silent.add(f"_sip._udp.{HOST}")
        began = time.monotonic()
        asking = asyncio.ensure_future(Names([server.address]).answer(Question(Kind.SRV, f"_sip._udp.{HOST}")))
        longest = 0.0
        while not asking.done():
            before = time.monotonic()
            await asyncio.wait({asking}, timeout=0.05)
            longest = max(longest, time.monotonic() - before)
        assert asking.result().failed
        assert time.monotonic() - began < ANSWER_WITHIN_S + 3
        assert longest < 1.0
        assert server.asked[f"_sip._udp.{HOST} SRV"] > 1  # a lost datagram is asked again


async def test_a_name_that_is_none_is_a_failure_like_any_other(addresses: Iterator[str]) -> None:
    async with DnsServer(next(addresses), {}) as server:
        answer = await Names([server.address]).answer(Question(Kind.ADDRESS, f"{'x' * 64}..test"))
        assert answer.failed


async def test_an_address_asks_nothing(addresses: Iterator[str]) -> None:
    async with DnsServer(next(addresses), {}) as server:
        located = await found(server, "udp", "127.0.0.9")
        assert [target.host for target in located.targets] == ["127.0.0.9"]
