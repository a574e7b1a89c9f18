"""A tenth of all packets is lost both ways: nothing fails, and nothing is left hanging. Calls in the house and CANCELs
are in `test_dialogs`; here are registrations, landlines and refusals."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from models.call import CallOutcome
from sip.flow import Destination
from sip.settings import TrunkSettings
from tests.fakes.b2bua import DOOR, LANDLINE, MONITOR, plan, target
from tests.fakes.calling_house import CallingHouse
from tests.peers.sipp import ALL_PASSED, Sipp, login_row
from tests.peers.sipp.script import Callee, Caller
from tests.peers.test_dialogs import ANSWER_AGAIN as REFUSE_AGAIN
from tests.peers.test_dialogs import DOOR_ROW, LOSSY_WITHIN_S, patient_callee, plain_caller

pytestmark = pytest.mark.peer("sipp")

LOST_PERCENT: Final = 10
CALLS: Final = 8
REPEATS_S: Final = 6.0  # what is lost comes again within that time, but once in a thousand


async def test_no_registration_is_lost(tmp_path: Path, addresses: Iterator[str]) -> None:
    users = [f"200000{number:02}" for number in range(40)]
    rows = [login_row(user, f"pw{user}") for user in users]
    async with CallingHouse(next(addresses), tuple(users), plan([target(MONITOR)])) as house:
        for user in users:
            house.offer_md5(user)
        registers = Sipp(
            tmp_path, "register_auth.xml", ip=next(addresses), target=house.server, rows=rows, calls=len(users),
            rate_per_s=20, lost_percent=LOST_PERCENT,
        )  # fmt: skip
        assert await registers.finished(LOSSY_WITHIN_S) == ALL_PASSED, registers.complaints
        assert {binding.sip_user for binding in house.registrar.table.everything()} == set(users)
        assert house.endpoint.counters["retransmissions_absorbed"] > 0


async def test_no_call_to_a_landline_is_lost(tmp_path: Path, addresses: Iterator[str]) -> None:
    far_ip = next(addresses)
    account = TrunkSettings(host=far_ip, user="house")
    async with CallingHouse(next(addresses), (DOOR,), plan([LANDLINE]), account) as house:
        house.offer_md5(DOOR)
        assert house.trunk is not None
        house.trunk.servers.known([Destination("UDP", far_ip, 5060)])
        async with Sipp(tmp_path, patient_callee().scenario("far"), ip=far_ip, lost_percent=LOST_PERCENT):
            await calls(tmp_path, house, next(addresses), plain_caller())
            await house.over(64)
        outcomes = {record.id: record.outcome for record in house.desk.records}
        assert list(outcomes.values()) == [CallOutcome.ANSWERED] * CALLS
        assert house.trunk.meter.calls == 0


async def test_no_refusal_is_lost(tmp_path: Path, addresses: Iterator[str]) -> None:
    """A monitor that is busy each time: the visitor is told so each time."""
    busy = Callee().takes("INVITE").label(REFUSE_AGAIN).says(486, to_invite=True)
    busy.takes("INVITE", then=REFUSE_AGAIN).takes("ACK").stays(REPEATS_S)
    refused = Caller().invites().expects(180, optional=True).expects(486).acks_refusal().stays(REPEATS_S)
    async with CallingHouse(next(addresses), (DOOR, MONITOR), plan([target(MONITOR)])) as house:
        house.offer_md5(DOOR)
        callee_ip = next(addresses)
        house.register(MONITOR, callee_ip)
        async with Sipp(tmp_path, busy.scenario("busy"), ip=callee_ip, lost_percent=LOST_PERCENT):
            await calls(tmp_path, house, next(addresses), refused)
            await house.over(64)
        outcomes = {record.id: record.outcome for record in house.desk.records}
        assert list(outcomes.values()) == [CallOutcome.BUSY] * CALLS


async def calls(folder: Path, house: CallingHouse, ip: str, steps: Caller) -> None:
    """`CALLS` of them, and every one passes."""
    caller = Sipp(
        folder, steps.scenario("door"), ip=ip, target=house.server, rows=[DOOR_ROW], calls=CALLS, rate_per_s=5,
        lost_percent=LOST_PERCENT, media_port=17_000,
    )  # fmt: skip
    assert await caller.finished(LOSSY_WITHIN_S) == ALL_PASSED, caller.complaints
