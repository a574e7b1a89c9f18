"""Orders to devices: one at a time, audited, with what became of them."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from edge.core.snapshot import Snapshot, build
from edge.fleet.maintenance import Maintenance
from models.community import Community
from models.device import Device, DeviceType
from models.device_events import OpenResult
from models.ids import CommunityId, DeviceId, Mac, SipUser
from models.log import LogEntry, LogKind

DOOR = Device(DeviceId("d-1"), Mac("0c1105000001"), "Lobby", DeviceType.DOOR_PHONE, SipUser("10000001"))
COMMUNITY = Community(CommunityId("c"), "Court", "UTC")


@dataclass
class HeldWorld:
    snapshot: Snapshot


class FixedClock:
    def now_ms(self) -> int:
        return 1_000

    def monotonic(self) -> float:
        return 1.0


@dataclass
class Plane:
    """Devices answer when told to."""

    result: OpenResult = OpenResult.OPENED
    answers: asyncio.Event = field(default_factory=asyncio.Event)
    sent: list[tuple[Mac, str, Mapping[str, object]]] = field(default_factory=list)

    async def command(
        self, device: Mac, verb: str, fields: Mapping[str, object], ack_within_s: float = 3.0
    ) -> OpenResult:
        self.sent.append((device, verb, fields))
        await self.answers.wait()
        return self.result


@dataclass
class House:
    plane: Plane
    kept: list[LogEntry]
    maintenance: Maintenance


@pytest.fixture
def house() -> House:
    plane, kept = Plane(), list[LogEntry]()

    async def keep(row: LogEntry) -> None:
        kept.append(row)

    world = HeldWorld(build(1, COMMUNITY, devices=[DOOR]))
    return House(plane, kept, Maintenance(world, FixedClock(), plane, keep))


async def test_an_order_is_sent_and_audited_without_the_lines(house: House) -> None:
    house.plane.answers.set()
    outcome = await house.maintenance.order(DOOR.mac, "autop", ("Config.Password = secret",), "installer")
    assert outcome.done
    assert house.plane.sent == [(DOOR.mac, "autop", {"commands": ["Config.Password = secret"]})]
    (row,) = house.kept
    assert (row.kind, row.device) == (LogKind.AUDIT, DOOR.id)
    assert row.detail == {"by": "installer", "action": "device autop", "result": "opened", "lines": 1}


@pytest.mark.parametrize("result", [OpenResult.OFFLINE, OpenResult.REFUSED, OpenResult.NO_ACK])
async def test_what_became_of_it_is_said_and_audited(house: House, result: OpenResult) -> None:
    house.plane.result = result
    house.plane.answers.set()
    outcome = await house.maintenance.order(DOOR.mac, "reboot", (), "installer")
    assert (outcome.done, outcome.result) == (False, result)
    assert outcome.why
    assert [row.detail["result"] for row in house.kept] == [result.value]


async def test_one_order_at_a_time(house: House) -> None:
    first = asyncio.ensure_future(house.maintenance.order(DOOR.mac, "reboot", (), "a"))
    await asyncio.sleep(0)
    second = await house.maintenance.order(DOOR.mac, "reset", (), "b")
    assert second.result is None
    assert "another order" in second.why
    house.plane.answers.set()
    assert (await first).done
    assert [verb for _, verb, _ in house.plane.sent] == ["reboot"]
    assert (await house.maintenance.order(DOOR.mac, "reset", (), "b")).done


@pytest.mark.parametrize(("verb", "lines"), [("arm", ()), ("open", ()), ("autop", ("rubbish",))])
async def test_what_makes_no_sense_is_not_sent(house: House, verb: str, lines: tuple[str, ...]) -> None:
    outcome = await house.maintenance.order(DOOR.mac, verb, lines, "installer")
    assert outcome.result is None
    assert outcome.why
    assert (house.plane.sent, house.kept) == ([], [])


async def test_a_device_that_is_not_there(house: House) -> None:
    with pytest.raises(LookupError):
        await house.maintenance.order(Mac("0c1105000099"), "reboot", (), "installer")
