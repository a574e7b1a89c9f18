"""Telephone companies: one that is dead, two by prefix, and calls from outside that open a door."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from edge.phone.handle import Phone, PhoneSettings
from models.access import UnlockMethod
from models.call import CallOutcome, CallPlan, DigitSource, EndedBy
from models.ids import DeviceId
from sip.flow import Destination
from sip.message import Request, response_to
from sip.names import Names
from sip.parser import parse
from sip.settings import TrunkSettings
from tests.fakes.b2bua import DOOR, LANDLINE, plan
from tests.fakes.calling_house import CallingHouse
from tests.fakes.dns_server import DnsServer
from tests.peers.sipwatch import SipWatch
from tests.peers.test_b2bua import TRUNK_LOGIN, USERS, pjsua
from tests.peers.trunk import REALM, Trunk

pytestmark = pytest.mark.peer("pjsua2", "kamailio", "tshark")

PASSWORD = TRUNK_LOGIN["house"]


def far_phone(ip: str, user: str = "far") -> Phone:
    settings = PhoneSettings(ip=ip, user=user, port=5070, answer_steps=((0, 180), (0.2, 200)))
    return Phone(settings, "pjsua")


async def test_a_dead_server_gives_way_to_a_living_one(tmp_path: Path, addresses: Iterator[str]) -> None:
    """Nobody is at the first address that the provider's name has: 2 s, then the next one, and it stays the first."""
    ip, dead_ip, trunk_ip, far_ip = (next(addresses) for _ in range(4))
    account = TrunkSettings(host=trunk_ip, user="house")
    watch = SipWatch(tmp_path / "trunk.pcapng", [ip])
    async with watch, Trunk(tmp_path, trunk_ip, TRUNK_LOGIN, f"{far_ip}:5070"), far_phone(far_ip) as telephone:
        house = CallingHouse(ip, USERS, plan([LANDLINE]), account, PASSWORD)
        async with house, pjsua(house, next(addresses), DOOR, tmp_path) as door:
            await door.registered()
            assert house.trunk is not None
            house.trunk.servers.known([Destination("UDP", one, 5060) for one in (dead_ip, trunk_ip)])
            for within_s in (5.0, 1.5):
                mark = door.call(f"sip:101@{house.server}")
                await door.state("confirmed", within_s, mark)
                door.hang_up()
                await door.state("disconnected", since=mark)
                await house.until(lambda: house.desk.record.ended_by is not None)
                await house.over()
            assert telephone.invites == 2
            assert house.trunk.meter.calls == 0
    assert watch.malformed(ip) == []


class Unavailable(asyncio.DatagramProtocol):
    """A provider's server that is being repaired: 503 to everything."""

    def __init__(self) -> None:
        self.methods: list[str] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        message = parse(data)
        assert isinstance(message, Request)
        self.methods.append(message.method)
        if message.method != "ACK":
            self._transport.sendto(response_to(message, 503, to_tag="repair").render(), addr)


async def test_a_provider_found_by_srv_is_called_at_the_first_of_its_servers_that_works(
    tmp_path: Path, addresses: Iterator[str]
) -> None:
    """RFC 3263 §4.3, RFC 2782: one answers 503, one is dead, Kamailio is the third; later it is the first."""
    ip, busy_ip, dead_ip, trunk_ip, far_ip, dns_ip = (next(addresses) for _ in range(6))
    records = {
        f"_sip._udp.{REALM} SRV": ("60", "30 1 5060 c.test.", "10 1 5060 a.test.", "20 1 5060 b.test."),
        "a.test A": ("60", busy_ip),
        "b.test A": ("60", dead_ip),
        "c.test A": ("60", trunk_ip),
    }
    loop = asyncio.get_running_loop()
    transport, busy = await loop.create_datagram_endpoint(Unavailable, local_addr=(busy_ip, 5060))
    account = TrunkSettings(host=REALM, user="house", transport="udp")
    watch = SipWatch(tmp_path / "trunk.pcapng", [ip])
    async with (
        watch,
        DnsServer(dns_ip, records) as dns,
        Trunk(tmp_path, trunk_ip, TRUNK_LOGIN, f"{far_ip}:5070"),
        far_phone(far_ip) as telephone,
        CallingHouse(ip, USERS, plan([LANDLINE]), account, PASSWORD, resolver=Names([dns.address])) as house,
        pjsua(house, next(addresses), DOOR, tmp_path) as door,
    ):
        await house.until(lambda: house.trunk is not None and house.trunk.up)
        await door.registered()
        for within_s in (5.0, 1.5):
            mark = door.call(f"sip:101@{house.server}")
            await door.state("confirmed", within_s, mark)
            door.hang_up()
            await door.state("disconnected", since=mark)
            await house.until(lambda: house.desk.record.ended_by is not None)
            await house.over()
        assert telephone.invites == 2
        assert busy.methods == ["INVITE", "ACK"]  # asked once, then left alone for a minute
    transport.close()
    assert watch.malformed(ip) == []


async def test_a_number_goes_by_the_trunk_of_its_prefix(tmp_path: Path, addresses: Iterator[str]) -> None:
    ip, default_ip, russia_ip = (next(addresses) for _ in range(3))
    far_ips = next(addresses), next(addresses)
    more = {"russia": TrunkSettings(host=russia_ip, user="74950000001", prefixes=("+7",))}
    (tmp_path / "a").mkdir()
    async with (
        Trunk(tmp_path / "a", default_ip, TRUNK_LOGIN, f"{far_ips[0]}:5070"),
        Trunk(tmp_path, russia_ip, {"74950000001": PASSWORD}, f"{far_ips[1]}:5070"),
        far_phone(far_ips[0]) as other,
        far_phone(far_ips[1]) as wanted,
    ):
        account = TrunkSettings(host=default_ip, user="house")
        house = CallingHouse(ip, USERS, plan([LANDLINE]), account, PASSWORD, more_trunks=more)
        async with house, pjsua(house, next(addresses), DOOR, tmp_path) as door:
            await door.registered()
            door.call(f"sip:101@{house.server}")
            await door.state("confirmed")
            invite = str(wanted.seen("incoming")[0]["message"])
            door.hang_up()
            await house.over()
        assert other.invites == 0
    assert "P-Asserted-Identity: <sip:74950000001@" in invite
    assert "From: <sip:74950000001@" in invite


async def test_a_listed_caller_opens_a_door_by_calling(tmp_path: Path, addresses: Iterator[str]) -> None:
    """The provider knows us by our registration; the call is answered, opens, and is hung up by the edge."""
    ip, trunk_ip, far_ip = (next(addresses) for _ in range(3))
    opens = CallPlan(opens="1", door=DeviceId("d-door"), digits_from=DigitSource.CALLER)
    account = TrunkSettings(host=trunk_ip, user="house", register=True)
    watch = SipWatch(tmp_path / "trunk.pcapng", [ip])
    async with (
        watch,
        Trunk(tmp_path, trunk_ip, TRUNK_LOGIN, f"{far_ip}:5070"),
        far_phone(far_ip, "+74957654321") as telephone,
        CallingHouse(ip, USERS, opens, account, PASSWORD) as house,
    ):
        await house.until(lambda: house.trunk is not None and house.trunk.up)
        mark = telephone.call(f"sip:house@{trunk_ip}:5060")
        await telephone.state("confirmed", since=mark)
        await telephone.state("disconnected", since=mark)
        await house.over()
        (opened,) = house.desk.opens
        assert opened[1:] == ("1", UnlockMethod.DTMF)
        record = house.desk.record
        assert (record.outcome, record.ended_by, record.opened) == (CallOutcome.ANSWERED, EndedBy.EDGE, ("1",))
    assert watch.malformed(ip) == []
