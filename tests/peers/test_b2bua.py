"""Calls of real phones through the B2BUA and the RTP relay, with a desk of the test's own."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import pytest

from edge.phone.handle import Phone, PhoneSettings
from models.call import CallOutcome, CallPlan, EndedBy, LegState, Refusal
from sip.media.engine import CALLER_END
from sip.settings import TrunkSettings
from tests.fakes.b2bua import DOOR, LANDLINE, MONITOR, MONITOR_2, plan, target
from tests.fakes.calling_house import CallingHouse
from tests.peers import tone
from tests.peers.baresip import Baresip, BaresipSettings
from tests.peers.linphone import Linphone, LinphoneSettings
from tests.peers.sipp import ALL_PASSED, Sipp
from tests.peers.sipwatch import SipWatch
from tests.peers.trunk import NUMBER_UNAVAILABLE, Trunk

TALK_S = 2.4
HEARD_S = 1.75
USERS = (DOOR, MONITOR, MONITOR_2)
TRUNK_LOGIN = {"house": "secret-of-the-house"}


class End(Protocol):
    """One face for the three kinds of phones."""

    async def ready(self) -> None: ...
    async def call(self, uri: str) -> None: ...
    async def ring_then_answer(self) -> None: ...
    async def talking(self) -> None: ...
    async def press(self, digits: str, by: str) -> None: ...
    async def hang_up(self) -> None: ...
    async def closed(self) -> Path: ...
    def digits(self) -> str: ...


class PjsuaEnd:
    def __init__(self, phone: Phone) -> None:
        self.phone = phone

    async def ready(self) -> None:
        await self.phone.registered()

    async def call(self, uri: str) -> None:
        self.phone.call(uri)

    async def ring_then_answer(self) -> None:
        await self.phone.wait("incoming")
        self.phone.answer(200)

    async def talking(self) -> None:
        await self.phone.state("confirmed")

    async def press(self, digits: str, by: str) -> None:
        self.phone.dtmf(digits, by=by)

    async def hang_up(self) -> None:
        self.phone.hang_up()

    async def closed(self) -> Path:
        await self.phone.wait("closed")
        assert self.phone.wav is not None
        return self.phone.wav

    def digits(self) -> str:
        return self.phone.digits


class BaresipEnd:
    def __init__(self, phone: Baresip) -> None:
        self.phone = phone

    async def ready(self) -> None:
        await self.phone.registered()

    async def call(self, uri: str) -> None:
        await self.phone.call(uri)

    async def ring_then_answer(self) -> None:
        await self.phone.event("CALL_INCOMING")
        await self.phone.answer()

    async def talking(self) -> None:
        await self.phone.event("CALL_ESTABLISHED")

    async def press(self, digits: str, by: str) -> None:
        await self.phone.dtmf(digits)

    async def hang_up(self) -> None:
        await self.phone.hang_up()

    async def closed(self) -> Path:
        await self.phone.event("CALL_CLOSED")
        return self.phone.heard

    def digits(self) -> str:
        return self.phone.digits


class LinphoneEnd:
    def __init__(self, phone: Linphone) -> None:
        self.phone = phone

    async def ready(self) -> None:
        await self.phone.registered()

    async def call(self, uri: str) -> None:
        self.phone.call(uri)

    async def ring_then_answer(self) -> None:
        await self.phone.says("Receiving new incoming call")
        self.phone.answer()

    async def talking(self) -> None:
        await self.phone.says("Media streams established")

    async def press(self, digits: str, by: str) -> None:
        await self.phone.dtmf(digits)

    async def hang_up(self) -> None:
        self.phone.hang_up()

    async def closed(self) -> Path:
        await self.phone.says("Call .* ended")
        return self.phone.heard

    def digits(self) -> str:
        return self.phone.digits


def pjsua(house: CallingHouse, ip: str, user: str, folder: Path, **more: Any) -> Phone:
    suffix = "" if more.get("transport", "udp") == "udp" else f";transport={more['transport']}"
    settings: dict[str, Any] = {
        "domain": house.ip, "registrar": f"sip:{house.server}{suffix}", "proxy": f"sip:{house.server}{suffix};lr",
        "port": 5060, "record_dir": str(folder), "log_file": str(folder / f"{user}.log"),
        "answer_steps": ((0, 180),), **more,
    }  # fmt: skip
    return Phone(PhoneSettings(ip, user, f"pw{user}", **settings), "pjsua")


@asynccontextmanager
async def end(kind: str, house: CallingHouse, ip: str, user: str, hz: int, folder: Path) -> AsyncIterator[End]:
    """A registered phone of *kind* (name, or name/transport) that says *hz*."""
    name, _, transport = kind.partition("/")
    transport = transport or "udp"
    if name == "pjsua2":
        async with pjsua(house, ip, user, folder, tone_hz=hz, transport=transport) as phone:
            await phone.registered()
            yield PjsuaEnd(phone)
    elif name == "baresip":
        house.offer_md5(user)
        settings = BaresipSettings(ip, user, f"pw{user}", server=house.server, tone_hz=hz, transport=transport)
        async with Baresip(folder, settings) as baresip:
            await baresip.registered()
            yield BaresipEnd(baresip)
    else:
        wav = tone.make(folder / f"{hz}.wav", hz)
        linphone_settings = LinphoneSettings(
            ip, user, f"pw{user}", server=house.server, wav=wav, transport=transport, dtmf_by="rfc4733"
        )
        async with Linphone(folder, linphone_settings) as linphone:
            await linphone.registered()
            yield LinphoneEnd(linphone)


@pytest.mark.peer("pjsua2", "baresip", "linphone", "tshark")
@pytest.mark.parametrize(
    ("caller", "callee"),
    [
        ("pjsua2", "pjsua2"),
        ("pjsua2", "baresip"),
        ("pjsua2", "linphone"),
        ("baresip", "pjsua2"),
        ("baresip", "linphone"),
        ("linphone", "baresip"),
        ("pjsua2/tcp", "linphone/tcp"),
        ("baresip/tcp", "pjsua2/tcp"),
    ],
)
async def test_both_hear_each_other_and_the_answering_sides_digits_open(
    tmp_path: Path, addresses: Iterator[str], caller: str, callee: str
) -> None:
    ip, door_ip, monitor_ip = next(addresses), next(addresses), next(addresses)
    watch = SipWatch(tmp_path / "call.pcapng", [ip])
    house = CallingHouse(ip, USERS, plan([target(MONITOR)], door_codes={"5": "1", "12": "2"}))
    async with (
        watch,
        house,
        end(caller, house, door_ip, DOOR, 440, tmp_path) as door,
        end(callee, house, monitor_ip, MONITOR, 880, tmp_path) as monitor,
    ):
        await door.call(f"sip:101@{house.server}")
        await monitor.ring_then_answer()
        await door.talking()
        await monitor.talking()
        await asyncio.sleep(TALK_S)
        await monitor.press("125", "rfc4733")
        await house.until(lambda: len(house.desk.opens) == 2)
        await door.hang_up()
        heard_by_monitor, heard_by_door = await monitor.closed(), await door.closed()
        assert door.digits() == ""  # what the monitor pressed never reaches the door
        await house.over()
    assert tone.seconds_of(heard_by_monitor, 440) >= HEARD_S
    assert tone.seconds_of(heard_by_door, 880) >= HEARD_S
    assert [label for _, label, _ in house.desk.opens] == ["2", "1"]
    record = house.desk.record
    assert (record.outcome, record.ended_by, record.opened) == (CallOutcome.ANSWERED, EndedBy.VISITOR, ("2", "1"))
    assert watch.sent_messages(ip)
    assert watch.malformed(ip) == []


@pytest.mark.peer("baresip", "pjsua2", "tshark")
async def test_a_baresip_that_wants_rtcp_on_the_port_of_rtp(tmp_path: Path, addresses: Iterator[str]) -> None:
    """It gets it (RFC 5761), and the other telephone hears nothing of it."""
    ip, door_ip = next(addresses), next(addresses)
    watch = SipWatch(tmp_path / "call.pcapng", [ip])
    house = CallingHouse(ip, USERS, plan([target(MONITOR)]))
    settings = BaresipSettings(door_ip, DOOR, f"pw{DOOR}", server=f"{ip}:5060", tone_hz=440, rtcp_mux=True)
    async with watch, house, end("pjsua2", house, next(addresses), MONITOR, 880, tmp_path) as monitor:
        house.offer_md5(DOOR)
        async with Baresip(tmp_path, settings) as baresip:
            door = BaresipEnd(baresip)
            await door.ready()
            await door.call(f"sip:101@{house.server}")
            await monitor.ring_then_answer()
            await door.talking()
            await monitor.talking()
            await asyncio.sleep(TALK_S)
            await door.hang_up()
            heard_by_monitor, heard_by_door = await monitor.closed(), await door.closed()
            await house.over()
    assert tone.seconds_of(heard_by_monitor, 440) >= HEARD_S
    assert tone.seconds_of(heard_by_door, 880) >= HEARD_S
    with_it = [message.partition(b"\r\n")[0] for message in watch.sent_messages(ip) if b"a=rtcp-mux" in message]
    assert set(with_it) == {b"SIP/2.0 200 OK"}


@pytest.mark.peer("pjsua2", "linphone")
@pytest.mark.parametrize("callee", ["pjsua2", "linphone"])
async def test_digits_by_info_open_too(tmp_path: Path, addresses: Iterator[str], callee: str) -> None:
    ip, door_ip, monitor_ip = next(addresses), next(addresses), next(addresses)
    async with CallingHouse(ip, USERS, plan([target(MONITOR)], door_codes={"12": "1"})) as house:
        async with pjsua(house, door_ip, DOOR, tmp_path) as door:
            await door.registered()
            if callee == "pjsua2":
                async with pjsua(house, monitor_ip, MONITOR, tmp_path, answer_steps=((0, 200),)) as phone:
                    await phone.registered()
                    door.call(f"sip:101@{house.server}")
                    await phone.state("confirmed")
                    await door.state("confirmed")
                    phone.dtmf("12", by="info")
                    await house.until(lambda: house.desk.opens)
            else:
                settings = LinphoneSettings(
                    monitor_ip, MONITOR, f"pw{MONITOR}", server=house.server, dtmf_by="info", auto_answer=True
                )
                async with Linphone(tmp_path, settings) as linphone:
                    await linphone.registered()
                    door.call(f"sip:101@{house.server}")
                    await door.state("confirmed")
                    await linphone.says("Media streams established")
                    await linphone.dtmf("12")
                    await house.until(lambda: house.desk.opens)
            assert door.digits == ""
        assert [label for _, label, _ in house.desk.opens] == ["1"]


@pytest.mark.peer("pjsua2", "baresip")
async def test_busy_then_silent_then_answered_and_the_other_is_told_so(
    tmp_path: Path, addresses: Iterator[str]
) -> None:
    ip = next(addresses)
    stages = plan([target(MONITOR), target(MONITOR_2)])
    async with CallingHouse(ip, USERS, stages) as house:
        house.offer_md5(MONITOR_2)
        settings = BaresipSettings(next(addresses), MONITOR_2, f"pw{MONITOR_2}", server=house.server)
        async with (
            pjsua(house, next(addresses), DOOR, tmp_path) as door,
            pjsua(house, next(addresses), MONITOR, tmp_path, answer_steps=((0, 486),)) as monitor,
            Baresip(tmp_path, settings) as other,
        ):
            await door.registered()
            await monitor.registered()
            await other.registered()
            mark = door.call(f"sip:101@{house.server}")
            await door.state("early", since=mark)
            await other.event("CALL_INCOMING")
            door.hang_up()
            assert (await door.state("disconnected", since=mark))["status"] == 487
            await house.over()
            assert [leg.state for leg in house.desk.record.legs] == [LegState.BUSY, LegState.CANCELLED]
            await monitor.answer_steps((0, 180), (0.3, 200))
            mark = door.call(f"sip:101@{house.server}")
            await door.state("confirmed", since=mark)
            closed = await other.event("CALL_CLOSED", since=3)
            assert closed
            door.hang_up()
            await house.until(lambda: house.desk.record.ended_by is EndedBy.VISITOR)
            assert [leg.state for leg in house.desk.record.legs] == [LegState.ANSWERED, LegState.LOST]
            await house.over()
            await monitor.answer_steps((0, 603))
            mark = door.call(f"sip:101@{house.server}")
            assert (await door.state("disconnected", since=mark))["status"] == 603
        assert (door.status, monitor.status, other.status) == (0, 0, 0)


@pytest.mark.peer("pjsua2", "linphone")
async def test_a_telephone_shows_no_missed_call_where_another_answered(
    tmp_path: Path, addresses: Iterator[str]
) -> None:
    """RFC 3326: Linphone reads why it was cancelled."""
    ip = next(addresses)
    stages = plan([target(MONITOR), target(MONITOR_2)])
    async with (
        CallingHouse(ip, USERS, stages) as house,
        pjsua(house, next(addresses), DOOR, tmp_path) as door,
        pjsua(house, next(addresses), MONITOR, tmp_path) as winner,
        Linphone(
            tmp_path, LinphoneSettings(next(addresses), MONITOR_2, f"pw{MONITOR_2}", server=house.server)
        ) as loser,
    ):
        for phone in (door, winner, loser):
            await phone.registered()
        for answered, shown in ((True, "answered elsewhere"), (False, "missed")):
            mark, seen = loser.lines.mark(), door.call(f"sip:101@{house.server}")
            await loser.says("Receiving new incoming call", since=mark)
            if answered:
                winner.answer(200)
                await door.state("confirmed", since=seen)
            door.hang_up()
            await loser.says("Call . with .* ended", since=mark)
            await house.over()
            mark = loser.lines.mark()
            loser.write_line("call-logs")
            assert (await loser.says("^Status: ", since=mark)) == f"Status: {shown}"  # of the newest call


@pytest.mark.peer("pjsua2")
async def test_hold_resume_and_a_refused_transfer(tmp_path: Path, addresses: Iterator[str]) -> None:
    ip = next(addresses)
    async with CallingHouse(ip, USERS, plan([target(MONITOR)])) as house:
        async with (
            pjsua(house, next(addresses), DOOR, tmp_path, tone_hz=440) as door,
            pjsua(house, next(addresses), MONITOR, tmp_path, tone_hz=880, answer_steps=((0, 200),)) as monitor,
        ):
            await door.registered()
            await monitor.registered()
            door.call(f"sip:101@{house.server}")
            await monitor.state("confirmed")
            await door.state("confirmed")
            mark, holding = door.events.mark(), monitor.events.mark()
            monitor.do("hold")
            await door.wait("media", since=mark, active=False)
            await monitor.wait("media", since=holding, active=False)  # its re-INVITE is answered: it may send another
            mark = door.events.mark()
            monitor.do("resume")
            await door.wait("media", since=mark, active=True)
            monitor.do("refer", to=f"sip:{MONITOR_2}@{house.server}")
            assert (await monitor.wait("request", method="REFER", status=603))["method"] == "REFER"
            before = (await door.stats())["received"]
            await asyncio.sleep(0.5)
            assert (await door.stats())["received"] > before + 10
            monitor.hang_up()
            await door.wait("closed")
        await house.over()
        assert house.desk.record.ended_by is EndedBy.CALLEE


@pytest.mark.peer("pjsua2", "sipp")
async def test_an_answer_that_crosses_the_cancel_gets_ack_and_bye(tmp_path: Path, addresses: Iterator[str]) -> None:
    """SIPp answers although it was cancelled, and passes only if ACK and BYE come."""
    ip, late_ip = next(addresses), next(addresses)
    async with CallingHouse(ip, USERS, plan([target(MONITOR)])) as house:
        late = Sipp(tmp_path, "uas_late_200.xml", ip=late_ip, calls=1)
        async with late, pjsua(house, next(addresses), DOOR, tmp_path) as door:
            await door.registered()
            house.register(MONITOR, late_ip)
            mark = door.call(f"sip:101@{house.server}")
            await door.state("early", since=mark)
            door.hang_up()
            assert (await door.state("disconnected", since=mark))["status"] == 487
            assert await late.wait_ended(5) == ALL_PASSED


@pytest.mark.peer("pjsua2", "kamailio", "tshark")
@pytest.mark.parametrize("register", [False, True])
async def test_a_landline_behind_a_provider_that_challenges(
    tmp_path: Path, addresses: Iterator[str], register: bool
) -> None:
    ip, trunk_ip, far_ip = next(addresses), next(addresses), next(addresses)
    far = PhoneSettings(
        ip=far_ip, user="far", port=5070, tone_hz=880, record_dir=str(tmp_path), answer_steps=((0, 183), (0.5, 200))
    )
    watch = SipWatch(tmp_path / "trunk.pcapng", [ip])
    account = TrunkSettings(host=trunk_ip, user="house", register=register)
    async with watch, Trunk(tmp_path, trunk_ip, TRUNK_LOGIN, f"{far_ip}:5070"), Phone(far, "pjsua") as telephone:
        house = CallingHouse(ip, USERS, plan([LANDLINE]), account, TRUNK_LOGIN["house"])
        async with house, pjsua(house, next(addresses), DOOR, tmp_path, tone_hz=440) as door:
            await door.registered()
            assert house.trunk is not None
            await house.until(lambda: house.trunk.up)
            mark = door.call(f"sip:101@{house.server}")
            await door.state("early", since=mark, status=183)  # the network's own sound
            await door.state("confirmed", since=mark)
            await asyncio.sleep(TALK_S)
            telephone.dtmf("5")
            await house.until(lambda: house.desk.opens)
            telephone.hang_up()
            await door.wait("closed")
            await telephone.wait("closed")
            await house.over()
            invite = str(telephone.seen("incoming")[0]["message"])
    assert f"INVITE sip:{LANDLINE.address}@" in invite
    assert "P-Asserted-Identity: <sip:house@" in invite
    assert "Gate" not in invite
    assert DOOR not in invite
    assert telephone.wav is not None
    assert door.wav is not None
    assert tone.seconds_of(telephone.wav, 440) >= HEARD_S
    assert tone.seconds_of(door.wav, 880) >= HEARD_S
    assert watch.malformed(ip) == []


@pytest.mark.peer("pjsua2", "kamailio")
@pytest.mark.parametrize(("password", "number"), [("wrong", "+7495"), (TRUNK_LOGIN["house"], NUMBER_UNAVAILABLE)])
async def test_a_telephone_that_cannot_be_reached_ends_only_its_leg(
    tmp_path: Path, addresses: Iterator[str], password: str, number: str
) -> None:
    ip, trunk_ip = next(addresses), next(addresses)
    landline = type(LANDLINE)(LANDLINE.kind, number, "…")
    account = TrunkSettings(host=trunk_ip, user="house")
    async with Trunk(tmp_path, trunk_ip, TRUNK_LOGIN, f"{next(addresses)}:5070"):
        house = CallingHouse(ip, USERS, plan([landline], [target(MONITOR)]), account, password)
        async with (
            house,
            pjsua(house, next(addresses), DOOR, tmp_path) as door,
            pjsua(house, next(addresses), MONITOR, tmp_path, answer_steps=((0, 200),)) as monitor,
        ):
            await door.registered()
            await monitor.registered()
            mark = door.call(f"sip:101@{house.server}")
            await door.state("confirmed", since=mark)
            assert [leg.state for leg in house.desk.record.legs] == [LegState.FAILED, LegState.ANSWERED]


@pytest.mark.peer("pjsua2", "kamailio")
async def test_a_call_from_the_provider_that_nobody_planned_is_refused(
    tmp_path: Path, addresses: Iterator[str]
) -> None:
    ip, trunk_ip, far_ip = next(addresses), next(addresses), next(addresses)
    refused = CallPlan(refusal=Refusal.NOT_ALLOWED, status=403)
    account = TrunkSettings(host=trunk_ip, user="house", register=True)
    far = PhoneSettings(ip=far_ip, user="+74957654321", port=5070)
    async with (
        Trunk(tmp_path, trunk_ip, TRUNK_LOGIN, f"{far_ip}:5070"),
        Phone(far, "pjsua") as telephone,
        CallingHouse(ip, USERS, refused, account, TRUNK_LOGIN["house"]) as house,
    ):
        await house.until(lambda: house.trunk is not None and house.trunk.up)
        mark = telephone.call(f"sip:house@{trunk_ip}:5060")
        assert (await telephone.state("disconnected", since=mark))["status"] == 403
        assert house.desk.callers[0].trunk_number == "+74957654321"
        assert house.desk.dialled == ["house"]


@pytest.mark.peer("baresip")
async def test_a_picture_passes_the_relay_both_ways(tmp_path: Path, addresses: Iterator[str]) -> None:
    ip = next(addresses)
    async with CallingHouse(ip, USERS, plan([target(MONITOR)])) as house:
        phones = []
        for user in (DOOR, MONITOR):
            house.offer_md5(user)
            settings = BaresipSettings(next(addresses), user, f"pw{user}", server=house.server, video=True)
            phones.append(Baresip(tmp_path, settings))
        async with phones[0] as door, phones[1] as monitor:
            await door.registered()
            await monitor.registered()
            await door.call(f"sip:101@{house.server}")
            await monitor.event("CALL_INCOMING")
            await monitor.answer()
            await door.event("CALL_ESTABLISHED")
            assert house.relay.streams == 4
            sessions = house.sessions
            await house.until(
                lambda: all(sessions[0].stats(end)[1].packets > 20 for end in (CALLER_END, 0)), within_s=8
            )
            assert all(sessions[0].stats(end)[1].kind == "video" for end in (CALLER_END, 0))
            async with asyncio.timeout(8):
                while min(await door.frames_shown(), await monitor.frames_shown()) < 10:  # noqa: ASYNC110 - asked of others
                    await asyncio.sleep(0.2)
            await door.hang_up()
            await monitor.event("CALL_CLOSED")
        await house.over()
