"""Every peer over every transport: it registers, calls and is called, and all that we send it is well-formed.

Callers and callees go round, so that each of the three telephones is once either over each transport. SIPp has no TLS.
Sound both ways and digits are in `test_b2bua`, `test_calls` and `test_tls`; here it is the transports that count.
"""

import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, Literal, cast

import pytest

from edge.phone.handle import Phone, PhoneSettings
from models.call import CallOutcome
from sip.media.engine import CALLER_END
from sip.settings import TrunkSettings
from tests.fakes.b2bua import DOOR, LANDLINE, MONITOR, plan, target
from tests.fakes.calling_house import CallingHouse
from tests.peers import tone
from tests.peers.baresip import Baresip, BaresipSettings
from tests.peers.certificates import Certificate, certificate
from tests.peers.linphone import Linphone, LinphoneSettings
from tests.peers.sipp import ALL_PASSED, Sipp, login_row
from tests.peers.sipp.script import SDP, Callee, Caller
from tests.peers.test_b2bua import TRUNK_LOGIN, BaresipEnd, End, LinphoneEnd, PjsuaEnd
from tests.peers.trunk import Trunk

USERS: Final = (DOOR, MONITOR)
WITHIN_S: Final = 15.0
TRANSPORTS: Final = ("udp", "tcp", "tls")
FAR: Final = "+74957654321"
ANSWERS: Final = ((0.0, 180), (0.2, 200))


@asynccontextmanager
async def served(folder: Path, ip: str) -> AsyncIterator[tuple[CallingHouse, Certificate]]:
    """The edge on all three transports, a call to 101 rings the monitor."""
    own = certificate(folder, ip)
    async with CallingHouse(ip, USERS, plan([target(MONITOR)]), tls=own.server()) as house:
        yield house, own
        assert house.endpoint.counters["handler_errors"] == 0


@asynccontextmanager
async def telephone(
    kind: str, transport: str, house: CallingHouse, ca: Path, folder: Path, ip: str, user: str
) -> AsyncIterator[End]:
    """One of *kind* that has registered over *transport*."""
    password, server = f"pw{user}", house.server_by(transport)
    ca_file = str(ca) if transport == "tls" else ""
    if kind == "pjsua2":
        uri = f"sip:{server};transport={transport}"
        settings = PhoneSettings(
            ip, user, password, domain=house.ip, registrar=uri, proxy=f"{uri};lr", transport=transport, port=5060,
            ca_file=ca_file, answer_steps=((0, 180),),
        )  # fmt: skip
        async with Phone(settings, "pjsua") as phone:
            await phone.registered()
            yield PjsuaEnd(phone)
    elif kind == "baresip":
        house.offer_md5(user)
        async with Baresip(
            folder, BaresipSettings(ip, user, password, server=server, transport=transport, ca_file=ca_file)
        ) as baresip:
            await baresip.registered()
            yield BaresipEnd(baresip)
    else:
        async with Linphone(
            folder, LinphoneSettings(ip, user, password, server=server, transport=transport, ca_file=ca_file)
        ) as linphone:
            await linphone.registered()
            yield LinphoneEnd(linphone)


@pytest.mark.peer("pjsua2", "baresip", "linphone")
@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize(("caller", "callee"), [("pjsua2", "baresip"), ("baresip", "linphone"), ("linphone", "pjsua2")])
async def test_telephones(tmp_path: Path, addresses: Iterator[str], caller: str, callee: str, transport: str) -> None:
    async with (
        served(tmp_path, next(addresses)) as (house, own),
        telephone(caller, transport, house, own.chain, tmp_path, next(addresses), DOOR) as door,
        telephone(callee, transport, house, own.chain, tmp_path, next(addresses), MONITOR) as monitor,
    ):
        flows = {binding.sip_user: binding.flow for binding in house.registrar.table.everything()}
        assert {flow.transport for flow in flows.values()} == {transport.upper()}
        suffix = "" if transport == "udp" else f";transport={transport}"
        await door.call(f"sip:101@{house.server_by(transport)}{suffix}")
        await monitor.ring_then_answer()
        await door.talking()
        await monitor.talking()
        assert house.wire.dialled == [], "a device is rung down its own flow (RFC 5626)"
        await door.hang_up()
        await house.over()
        assert house.desk.record.outcome is CallOutcome.ANSWERED


# --- SIPp -------------------------------------------------------------------------------------------------------------


def answering() -> Callee:
    return Callee().takes("INVITE").says(180).says(200, body=SDP).takes("ACK").takes("BYE").says(200)


def calling() -> Caller:
    caller = Caller().invites().expects(180, optional=True).expects(200).acks().pauses(0.2)
    return caller.sends("BYE").expects(200)


@pytest.mark.peer("sipp")
@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_sipp(tmp_path: Path, addresses: Iterator[str], transport: str) -> None:
    """It registers, calls by this transport and answers over UDP: as a callee it has no connection of its own."""
    rows = [login_row(DOOR, f"pw{DOOR}")]
    mode = "u1" if transport == "udp" else "t1"
    async with served(tmp_path, next(addresses)) as (house, _):
        house.offer_md5(DOOR)
        caller_ip, callee_ip = next(addresses), next(addresses)
        register = Sipp(
            tmp_path, "register_auth.xml", ip=caller_ip, target=house.server, rows=rows, calls=1, transport=mode
        )
        assert await register.finished(WITHIN_S) == ALL_PASSED, register.complaints
        (registered,) = house.registrar.table.everything()
        assert registered.flow.transport == transport.upper()
        house.register(MONITOR, callee_ip)
        caller = Sipp(
            tmp_path, calling().scenario("caller"), ip=caller_ip, target=house.server, rows=rows, calls=1,
            transport=mode, media_port=17_000,
        )  # fmt: skip
        async with Sipp(tmp_path, answering().scenario("callee"), ip=callee_ip, calls=1) as callee:
            assert await caller.finished(WITHIN_S) == ALL_PASSED, caller.complaints
            assert await callee.wait_ended(WITHIN_S) == ALL_PASSED, callee.complaints
        await house.over()


# --- Kamailio, as the telephone company -------------------------------------------------------------------------------


@pytest.mark.peer("kamailio", "pjsua2")
@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_kamailio(tmp_path: Path, addresses: Iterator[str], transport: str) -> None:
    """We register there, a landline is called through it, and a call of a landline comes through it."""
    ip, trunk_ip, far_ip = (next(addresses) for _ in range(3))
    provider = certificate(tmp_path, trunk_ip, ip)
    by = cast(Literal["udp", "tcp", "tls"], transport)
    account = TrunkSettings(
        host=trunk_ip, port=5061 if by == "tls" else 5060, transport=by, user="house", register=True
    )
    far = PhoneSettings(far_ip, FAR, port=5070, answer_steps=ANSWERS)
    house = CallingHouse(
        ip, USERS, plan([LANDLINE]), account, TRUNK_LOGIN["house"], client_tls=provider.client(), tls=provider.server()
    )
    async with (
        Trunk(tmp_path, trunk_ip, TRUNK_LOGIN, f"{far_ip}:5070", tls=provider if by == "tls" else None),
        Phone(far, "pjsua") as landline,
        house,
        telephone("pjsua2", "udp", house, provider.chain, tmp_path, next(addresses), DOOR) as door,
        telephone("pjsua2", "udp", house, provider.chain, tmp_path, next(addresses), MONITOR) as monitor,
    ):
        await house.until(lambda: house.trunk is not None and house.trunk.up)
        mark = landline.events.mark()
        await door.call(f"sip:101@{house.server}")
        await door.talking()
        await door.hang_up()
        await landline.state("disconnected", since=mark)  # our BYE had to prove itself, and passed
        await house.over()
        assert house.desk.record.outcome is CallOutcome.ANSWERED
        house.desk.plan_ = plan([target(MONITOR)])
        mark = landline.call(f"sip:house@{trunk_ip}:5060")
        await monitor.ring_then_answer()
        await landline.state("confirmed", since=mark)
        landline.hang_up()
        await landline.state("disconnected", since=mark)
        await house.over()
        assert house.desk.callers[-1].trunk_number == FAR
        assert house.endpoint.counters["handler_errors"] == 0


# --- IPv6 -------------------------------------------------------------------------------------------------------------


def free_ports(count: int) -> list[int]:
    """Pairs of ports of ::1 that nobody uses now: the loopback has but one such address."""
    found: list[int] = []
    while len(found) < count:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as udp, socket.socket(socket.AF_INET6) as tcp:
            udp.bind(("::1", 0))
            port = udp.getsockname()[1]
            if port % 2 == 0 and port not in found:
                tcp.bind(("::1", port))
                found.append(port)
    return found


def door(folder: Path, house: CallingHouse, ip: str, port: int = 5060, transport: str = "udp") -> Sipp:
    """A door that calls once."""
    house.offer_md5(DOOR)
    return Sipp(
        folder / "door", calling().scenario("door"), ip=ip, port=port, target=house.server, calls=1,
        rows=[login_row(DOOR, f"pw{DOOR}")], transport="u1" if transport == "udp" else "t1", media_port=17_000,
    )  # fmt: skip


@pytest.mark.peer("sipp")
@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_sipp_over_ipv6(tmp_path: Path, transport: str) -> None:
    own, callee_port, caller_port = free_ports(3)
    async with CallingHouse("::1", USERS, plan([target(MONITOR)]), port=own) as house:
        house.register(MONITOR, "::1", callee_port)
        caller = door(tmp_path, house, "::1", caller_port, transport)
        async with Sipp(tmp_path, answering().scenario("callee"), ip="::1", port=callee_port, calls=1) as callee:
            assert await caller.finished(WITHIN_S) == ALL_PASSED, caller.complaints
            assert await callee.wait_ended(WITHIN_S) == ALL_PASSED, callee.complaints
        await house.over()


@asynccontextmanager
async def telephone_on_ipv6(
    kind: str, transport: str, house: CallingHouse, folder: Path, port: int, control_ip: str, user: str
) -> AsyncIterator[End]:
    """One of *kind* on ::1 and *port*, which says something."""
    common = {"server": house.server, "transport": transport, "port": port}
    if kind == "baresip":
        house.offer_md5(user)
        settings = BaresipSettings("::1", user, f"pw{user}", tone_hz=440, control_ip=control_ip, **common)
        async with Baresip(folder, settings) as baresip:
            await baresip.registered()
            yield BaresipEnd(baresip)
    else:
        wav = tone.make(folder / "880.wav", 880)
        async with Linphone(folder, LinphoneSettings("::1", user, f"pw{user}", wav=wav, **common)) as linphone:
            await linphone.registered()
            yield LinphoneEnd(linphone)


# PJSUA2 is not here: the package is built without media over IPv6.
@pytest.mark.peer("baresip", "linphone")
@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize(("caller", "callee"), [("baresip", "linphone"), ("linphone", "baresip")])
async def test_telephones_on_ipv6(
    tmp_path: Path, addresses: Iterator[str], caller: str, callee: str, transport: str
) -> None:
    own, door_port, monitor_port = free_ports(3)
    async with (
        CallingHouse("::1", USERS, plan([target(MONITOR)]), port=own) as house,
        telephone_on_ipv6(caller, transport, house, tmp_path, door_port, next(addresses), DOOR) as door,
        telephone_on_ipv6(callee, transport, house, tmp_path, monitor_port, next(addresses), MONITOR) as monitor,
    ):
        suffix = "" if transport == "udp" else f";transport={transport}"
        await door.call(f"sip:101@{house.server}{suffix}")
        await monitor.ring_then_answer()
        await door.talking()
        await monitor.talking()
        session = house.sessions[-1]
        await house.until(lambda: all(session.stats(end)[0].packets > 25 for end in (CALLER_END, 0)), WITHIN_S)
        await door.hang_up()
        await house.over()
        assert house.desk.record.outcome is CallOutcome.ANSWERED


@pytest.mark.peer("sipp", "kamailio")
async def test_a_door_on_ipv4_and_kamailio_on_ipv6(tmp_path: Path, addresses: Iterator[str]) -> None:
    """Each leg has addresses of its own family in its descriptions, or SIPp would refuse them."""
    own, trunk_port, far_port = free_ports(3)
    account = TrunkSettings(host="::1", port=trunk_port, user="house", register=True)
    async with (
        Trunk(tmp_path, "::1", TRUNK_LOGIN, f"[::1]:{far_port}", port=trunk_port),
        CallingHouse(
            next(addresses), USERS, plan([LANDLINE]), account, TRUNK_LOGIN["house"], port=own, also=("::1",)
        ) as house,
        Sipp(tmp_path, "uas.xml", ip="::1", port=far_port),
    ):
        await house.until(lambda: house.trunk is not None and house.trunk.up)
        caller = door(tmp_path, house, next(addresses))
        assert await caller.finished(WITHIN_S) == ALL_PASSED, caller.complaints
        await house.over()
        assert house.desk.record.outcome is CallOutcome.ANSWERED
