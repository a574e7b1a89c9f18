"""Dialogs with real peers: reliable answers, session timers, offers from either side, forks, collisions, loss."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from edge.phone.handle import Phone, PhoneSettings
from models.call import CallOutcome, CallPlan, EndedBy, LegState
from sip.session_timer import Terms
from tests.fakes.b2bua import DOOR, MONITOR, MONITOR_2, plan, target
from tests.fakes.calling_house import CallingHouse
from tests.peers.sipp import ALL_PASSED, Sipp, login_row
from tests.peers.sipp.script import HELD, HOLDS, SDP, Callee, Caller
from tests.peers.sipwatch import SipWatch

WITHIN_S: Final = 15.0
LOSSY_WITHIN_S: Final = 90.0
RELIABLE: Final = ("Require: 100rel",)
UPDATES: Final = "Allow: INVITE, ACK, CANCEL, BYE, UPDATE, PRACK"
DOOR_ROW: Final = login_row(DOOR, f"pw{DOOR}")
ONE_MONITOR: Final = plan([target(MONITOR)])

pytestmark = pytest.mark.peer("sipp", "tshark")


def plain_callee() -> Callee:
    return Callee().takes("INVITE").says(180).says(200, body=SDP).takes("ACK").takes("BYE").says(200)


def plain_caller(*headers: str) -> Caller:
    caller = Caller().invites(*headers).expects(180, optional=True).expects(200).acks()
    return caller.pauses(0.3).sends("BYE").expects(200)


@dataclass
class Line:
    """The edge with SIPp at both ends."""

    house: CallingHouse
    folder: Path
    addresses: Iterator[str]
    watch: SipWatch

    def callee(self, steps: Callee, user: str = MONITOR, **more: Any) -> Sipp:
        ip = next(self.addresses)
        self.house.register(user, ip)
        return Sipp(self.folder, steps.scenario("callee"), ip=ip, **{"calls": 1, **more})

    async def calls(self, steps: Caller, within_s: float = WITHIN_S, **more: Any) -> None:
        """Every one of them passes."""
        caller = Sipp(
            self.folder,
            steps.scenario("caller"),
            ip=next(self.addresses),
            target=self.house.server,
            **{"rows": [DOOR_ROW], "calls": 1, "media_port": 17_000, **more},
        )
        status = await caller.finished(within_s)
        assert status == ALL_PASSED, caller.complaints


@asynccontextmanager
async def line(folder: Path, addresses: Iterator[str], calls: CallPlan = ONE_MONITOR) -> AsyncIterator[Line]:
    """Everything that the edge sent is well-formed, and no call is left, when the block ends."""
    ip = next(addresses)
    async with AsyncExitStack() as stack:
        watch = await stack.enter_async_context(SipWatch(folder / "line.pcapng", [ip]))
        house = await stack.enter_async_context(CallingHouse(ip, (DOOR, MONITOR, MONITOR_2), calls))
        house.offer_md5(DOOR)
        yield Line(house, folder, addresses, watch)
        await house.over(40)
        assert house.endpoint.counters["handler_errors"] == 0
    assert watch.malformed(ip) == []


async def both(line: Line, caller: Caller, callee: Callee) -> None:
    """One call between them, and both scenarios pass."""
    async with line.callee(callee) as rung:
        await line.calls(caller)
        assert await rung.wait_ended(WITHIN_S) == ALL_PASSED, rung.complaints


# --- reliable provisional answers -------------------------------------------------------------------------------------


async def test_reliable_answers_on_either_leg(tmp_path: Path, addresses: Iterator[str]) -> None:
    """Each leg by itself: the callee's get their PRACK, the caller's are reliable because it requires it."""
    callee = Callee().takes("INVITE").says(180, *RELIABLE, "RSeq: 7")
    callee.takes("PRACK", "RAck: 7 [0-9]* INVITE").says(200)
    callee.says(183, *RELIABLE, "RSeq: 8", body=SDP, to_invite=True).takes("PRACK", "RAck: 8 ").says(200)
    callee.says(200, body=SDP, to_invite=True).takes("ACK").takes("BYE").says(200)
    caller = Caller().invites(*RELIABLE).expects(180, "Require: 100rel").pracks().expects(200)
    caller.expects(183, "Require: 100rel", "m=audio").pracks().expects(200)
    caller.expects(200, "CSeq: 2 INVITE").acks().pauses(0.2).sends("BYE").expects(200)
    async with line(tmp_path, addresses) as here:
        await both(here, caller, callee)


@pytest.mark.peer("pjsua2")
@pytest.mark.parametrize("requires", ["caller", "callee", "both"])
async def test_a_caller_that_requires_100rel(tmp_path: Path, addresses: Iterator[str], requires: str) -> None:
    async with line(tmp_path, addresses) as here:
        await pjsua_call(
            here,
            {"reliable": requires in ("caller", "both")},
            {"reliable": requires in ("callee", "both")},
        )
        assert here.house.desk.record.outcome is CallOutcome.ANSWERED


async def pjsua_call(line: Line, door_has: dict[str, Any], monitor_has: dict[str, Any]) -> None:
    """A call between two PJSUA2 that rings, talks and is hung up by the door."""
    async with pjsua(line, DOOR, **door_has) as door, pjsua(line, MONITOR, **monitor_has) as monitor:
        await door.registered()
        await monitor.registered()
        door.call(f"sip:101@{line.house.server}")
        await door.state("early")
        await door.state("confirmed")
        await monitor.state("confirmed")
        await asyncio.sleep(0.5)
        door.hang_up()
        await monitor.wait("closed")


def pjsua(line: Line, user: str, **more: Any) -> Phone:
    house, folder = line.house, str(line.folder)
    uri = f"sip:{house.server}"
    settings: dict[str, Any] = {
        "domain": house.ip, "registrar": uri, "proxy": f"{uri};lr", "port": 5060, "record_dir": folder,
        "log_file": f"{folder}/{user}.log", "answer_steps": ((0, 180), (0.3, 200)), **more,
    }  # fmt: skip
    return Phone(PhoneSettings(next(line.addresses), user, f"pw{user}", **settings), "pjsua")


# --- session timers ---------------------------------------------------------------------------------------------------


@pytest.fixture
def sessions_in_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """90 s of a session last one here; what goes over the wire says 90."""
    refresh, lasts = Terms.refresh_s, Terms.lasts_s
    monkeypatch.setattr(Terms, "refresh_s", property(lambda terms: refresh.__get__(terms) / 60))
    monkeypatch.setattr(Terms, "lasts_s", property(lambda terms: lasts.__get__(terms) / 60))


@pytest.mark.usefixtures("sessions_in_seconds")
@pytest.mark.parametrize("refreshes", ["UPDATE", "INVITE"])
async def test_we_refresh_a_callee_and_a_caller_that_want_it(
    tmp_path: Path, addresses: Iterator[str], refreshes: str
) -> None:
    allow = UPDATES if refreshes == "UPDATE" else "Allow: INVITE, ACK, CANCEL, BYE"
    answer_timer = ("Require: timer", "Session-Expires: 90;refresher=uac")
    callee = Callee().takes("INVITE", "Supported: timer").says(200, allow, *answer_timer, body=SDP).takes("ACK")
    for _ in range(2):
        callee.takes(refreshes, "Session-Expires: 90;refresher=uac")
        callee.says(
            200, allow, *answer_timer, body=SDP if refreshes == "INVITE" else "", to_invite=refreshes == "INVITE"
        )
        if refreshes == "INVITE":
            callee.takes("ACK")
    callee.takes("BYE").says(200)
    caller = Caller().invites(allow, "Supported: timer", "Session-Expires: 90;refresher=uas")
    caller.expects(200, "Session-Expires: 90;refresher=uas", "Require: timer").acks()
    for _ in range(2):
        caller.takes(refreshes, "Session-Expires: 90;refresher=uac")
        caller.says(200, allow, *answer_timer, body=SDP if refreshes == "INVITE" else "")
        if refreshes == "INVITE":
            caller.takes("ACK")
    caller.sends("BYE").expects(200)
    async with line(tmp_path, addresses) as here:
        await both(here, caller, callee)


@pytest.mark.usefixtures("sessions_in_seconds")
async def test_a_caller_that_stops_refreshing_is_hung_up(tmp_path: Path, addresses: Iterator[str]) -> None:
    caller = Caller().invites(UPDATES, "Supported: timer", "Session-Expires: 90;refresher=uac")
    caller.expects(180, optional=True).expects(200, "Session-Expires: 90;refresher=uac").acks().pauses(0.4)
    caller.sends("UPDATE", "Supported: timer", "Session-Expires: 90;refresher=uac").expects(200, "Session-Expires: 90")
    caller.takes("BYE").says(200)
    async with line(tmp_path, addresses) as here:
        await both(here, caller, plain_callee())
        assert here.house.desk.record.ended_by is EndedBy.VISITOR


async def test_a_session_that_is_too_brief(tmp_path: Path, addresses: Iterator[str]) -> None:
    async with line(tmp_path, addresses) as here:
        steps = Caller().invites("Supported: timer", "Session-Expires: 60").expects(422, "Min-SE: 90").acks_refusal()
        await here.calls(steps)
        await both(here, plain_caller("Supported: timer", "Session-Expires: 90"), plain_callee())


@pytest.mark.peer("pjsua2")
async def test_session_timers_of_real_phones(tmp_path: Path, addresses: Iterator[str]) -> None:
    """Both require them: each dialog agrees on its own."""
    async with line(tmp_path, addresses) as here:
        await pjsua_call(here, {"session_s": 90}, {"session_s": 120})
        assert here.house.desk.record.outcome is CallOutcome.ANSWERED


# --- offers -----------------------------------------------------------------------------------------------------------


async def test_a_call_without_an_offer(tmp_path: Path, addresses: Iterator[str]) -> None:
    callee = Callee().takes("INVITE", "Content-Length: 0").says(180).says(200, body=SDP)
    callee.takes("ACK", "m=audio [1-9][0-9]* RTP").takes("BYE").says(200)
    caller = Caller().invites(body="").expects(180, optional=True).expects(200, "m=audio [1-9][0-9]* RTP")
    caller.acks(SDP).pauses(0.3).sends("BYE").expects(200)
    async with line(tmp_path, addresses) as here:
        await both(here, caller, callee)


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
async def test_a_hold_from_either_side(tmp_path: Path, addresses: Iterator[str], method: str) -> None:
    again = method == "INVITE"
    callee = Callee().takes("INVITE").says(200, UPDATES, body=SDP).takes("ACK")
    callee.takes(method, "a=sendonly").says(200, UPDATES, body=HOLDS, to_invite=again)
    if again:
        callee.takes("ACK")
    callee.pauses(0.2).asks(method, UPDATES, body=HELD.replace("o=- 1 2", "o=- 1 3"))
    callee.hears(100, optional=True).hears(200, "a=recvonly")
    if again:
        callee.asks("ACK")
    callee.takes("BYE").says(200)
    caller = Caller().invites(UPDATES).expects(200).acks().pauses(0.1).sends(method, UPDATES, body=HELD)
    caller.expects(100, optional=True).expects(200, "a=recvonly")
    if again:
        caller.acks()
    caller.takes(method, "a=sendonly").says(200, UPDATES, body=HOLDS.replace("o=- 1 2", "o=- 1 3"))
    if again:
        caller.takes("ACK")
    caller.pauses(0.2).sends("BYE").expects(200)
    async with line(tmp_path, addresses) as here:
        await both(here, caller, callee)


async def test_offers_that_collide(tmp_path: Path, addresses: Iterator[str]) -> None:
    """The callee's own re-INVITE leaves before it has answered ours: 491, and it comes again."""
    callee = Callee().takes("INVITE").says(200, body=SDP).takes("ACK")
    callee.takes("INVITE", "a=sendonly").asks("INVITE", body=HELD)
    callee.hears(100, optional=True).hears(491).asks("ACK")
    callee.says(200, body=HOLDS, to_invite=True).takes("ACK").pauses(0.3)
    callee.asks("INVITE", body=SDP.replace("o=- 1 1", "o=- 1 3")).hears(100, optional=True).hears(200).asks("ACK")
    callee.takes("BYE").says(200)
    caller = Caller().invites().expects(200).acks().sends("INVITE", body=HELD)
    caller.expects(100, optional=True).expects(200, "a=recvonly").acks()
    caller.takes("INVITE").says(200, body=SDP.replace("o=- 1 1", "o=- 1 3")).takes("ACK")
    caller.pauses(0.2).sends("BYE").expects(200)
    async with line(tmp_path, addresses) as here:
        await both(here, caller, callee)


async def test_payload_numbers_that_differ_pass_as_each_side_has_them(tmp_path: Path, addresses: Iterator[str]) -> None:
    """The caller calls events 96, the callee answers with a codec of its choice and 100 for events of its own."""
    offer = SDP.replace("8 101", "0 8 97 96").replace("rtpmap:101", "rtpmap:96") + "\na=rtpmap:97 opus/48000/2"
    answer = SDP.replace("8 101", "8 100").replace("rtpmap:101", "rtpmap:100")
    callee = Callee().takes("INVITE", "RTP/AVP 0 8 97 96", "a=rtpmap:97 opus/48000/2", "a=rtpmap:96 telephone-event")
    callee.says(200, body=answer).takes("ACK").takes("BYE").says(200)
    caller = Caller().invites(body=offer).expects(200, "RTP/AVP 8 100", "a=rtpmap:100 telephone-event").acks()
    caller.pauses(0.2).sends("BYE").expects(200)
    async with line(tmp_path, addresses) as here:
        await both(here, caller, callee)


@pytest.mark.parametrize(
    ("headers", "body", "status", "says"),
    [
        (["Replaces: x;to-tag=a;from-tag=b"], SDP, 481, "CSeq: 2 INVITE"),
        (["Require: gruu"], SDP, 420, "Unsupported: gruu"),
        ([], SDP.replace("audio [media_port]", "audio 0"), 488, "CSeq: 2 INVITE"),
        ([], SDP.replace("m=audio [media_port] RTP/AVP 8 101", "m=message 2855 TCP/MSRP *"), 488, "CSeq: 2 INVITE"),
        ([], "v=0\nnonsense", 400, "CSeq: 2 INVITE"),
    ],
)
async def test_what_is_refused_at_once(
    tmp_path: Path, addresses: Iterator[str], headers: list[str], body: str, status: int, says: str
) -> None:
    ip = next(addresses)
    async with CallingHouse(ip, (DOOR,), ONE_MONITOR) as house:
        house.offer_md5(DOOR)
        here = Line(house, tmp_path, addresses, SipWatch(tmp_path / "none.pcapng", [ip]))
        if status == 420:  # before anybody is asked who it is
            steps = Caller()._invite(headers, body).expects(status, says).acks_refusal()
        else:
            steps = Caller().invites(*headers, body=body).expects(status, says).acks_refusal()
        await here.calls(steps)
        assert house.desk.dialled == []


async def test_a_callee_that_takes_none_of_the_codecs(tmp_path: Path, addresses: Iterator[str]) -> None:
    callee = Callee().takes("INVITE").says(488).takes("ACK")
    caller = Caller().invites(body=SDP.replace("8 101", "18")).expects(480).acks_refusal()
    async with line(tmp_path, addresses) as here:
        await both(here, caller, callee)
        assert here.house.desk.record.legs[0].state is LegState.FAILED


# --- forks and races --------------------------------------------------------------------------------------------------


async def test_a_leg_that_forks(tmp_path: Path, addresses: Iterator[str]) -> None:
    """A proxy behind the leg: two early dialogs, then two answers; the second is acknowledged and hung up."""
    callee = Callee().takes("INVITE").says(183, body=SDP, tag="a").says(180, tag="b")
    callee.says(200, body=SDP, tag="b").takes("ACK", "tag=[0-9]*b")
    callee.says(200, body=SDP, tag="a", to_invite=True).takes("ACK", "tag=[0-9]*a").takes("BYE", "tag=[0-9]*a").says(
        200
    )
    callee.takes("BYE", "tag=[0-9]*b").says(200)
    caller = Caller().invites().expects(183, "m=audio").expects(200).acks().pauses(0.6).sends("BYE").expects(200)
    async with line(tmp_path, addresses) as here:
        await both(here, caller, callee)


async def test_losers_are_told_why(tmp_path: Path, addresses: Iterator[str]) -> None:
    """Two monitors: the one that loses gets CANCEL with the reason, and its 487 an ACK."""
    loser = Callee().takes("INVITE").says(180)
    loser.takes("CANCEL", 'Reason: SIP;cause=200;text="Call completed elsewhere"').says(200)
    loser.says(487, to_invite=True).takes("ACK")
    winner = Callee().takes("INVITE").says(180).pauses(0.3).says(200, body=SDP).takes("ACK").takes("BYE").says(200)
    async with (
        line(tmp_path, addresses, plan([target(MONITOR), target(MONITOR_2)])) as here,
        here.callee(loser, MONITOR_2, media_port=18_000) as lost,
    ):
        await both(here, plain_caller(), winner)
        assert await lost.wait_ended(WITHIN_S) == ALL_PASSED, lost.complaints


# --- a lossy line -----------------------------------------------------------------------------------------------------


ANSWER_AGAIN, GONE_ALREADY, RING_AGAIN, IDLE_S = 1, 2, 3, 33.0


def patient_callee() -> Callee:
    """SIPp gives a call up when an INVITE or BYE comes in place of an ACK that was lost. This one goes on."""
    callee = Callee().takes("INVITE").says(180).label(ANSWER_AGAIN).says(200, body=SDP, to_invite=True)
    callee.takes("INVITE", then=ANSWER_AGAIN).takes("BYE", then=GONE_ALREADY).takes("ACK").takes("BYE")
    return callee.label(GONE_ALREADY).says(200, to_invite=False).stays(IDLE_S)


async def test_a_lossy_line_loses_no_call(tmp_path: Path, addresses: Iterator[str]) -> None:
    """SIPp at both ends loses a tenth of what it sends and receives: every call is made and ends, none hangs."""
    calls = 20
    async with line(tmp_path, addresses) as here:
        async with here.callee(patient_callee(), calls=0, lost_percent=10):
            await here.calls(plain_caller(), LOSSY_WITHIN_S, calls=calls, rate_per_s=5, lost_percent=10)
            await here.house.over(64)
        records = {record.id: record for record in here.house.desk.records}
        assert len(records) == calls
        assert all(record.outcome is CallOutcome.ANSWERED for record in records.values())


async def test_a_lossy_line_loses_no_cancel(tmp_path: Path, addresses: Iterator[str]) -> None:
    calls = 10
    rings = Callee().takes("INVITE").label(RING_AGAIN).says(180, to_invite=True).takes("INVITE", then=RING_AGAIN)
    rings.takes("CANCEL").says(200).says(487, to_invite=True).takes("CANCEL", then=GONE_ALREADY).takes("ACK")
    rings.label(GONE_ALREADY).stays(IDLE_S)
    # With 100rel, for SIPp cannot wait for a 180 that may be lost.
    gives_up = Caller().invites(*RELIABLE).expects(180).pracks().expects(200, "PRACK").pauses(0.2).cancels()
    gives_up.expects(200, optional=True).expects(487).acks_refusal().stays(IDLE_S)
    async with line(tmp_path, addresses) as here:
        async with here.callee(rings, calls=0, lost_percent=10):
            await here.calls(gives_up, LOSSY_WITHIN_S, calls=calls, rate_per_s=5, lost_percent=10)
            await here.house.over(64)
        outcomes = {record.id: record.outcome for record in here.house.desk.records}
        assert list(outcomes.values()) == [CallOutcome.CANCELLED] * calls
