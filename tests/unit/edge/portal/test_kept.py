"""What is kept of a resident's doors is never other than what the rules say then."""

from dataclasses import replace

from edge.core.snapshot import Snapshot
from edge.portal.kept import Kept
from edge.portal.state import person
from models.access import DoorOrder, OrderKind
from models.ids import Mac
from models.schedule import Schedule, WeeklyRow
from models.service import ServiceState
from tests.unit.edge.core.door_house import A101, ANN, APARTMENTS, GATE, MAC_OF, NOW_MS, OFFICE_HOURS, door, house

FACE: dict[str, object] = {"phones": []}
MINUTE_MS = 60_000
NOON = Schedule(OFFICE_HOURS, "until ten past one", (WeeklyRow(3, 0, 13 * 60 + 10),))


class House:
    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.there = set(MAC_OF.values())
        self.kept = Kept(self.online, FACE)

    def online(self, device: Mac) -> bool:
        return device in self.there

    def shown(self, now_ms: int = NOW_MS) -> object:
        """What is kept, which must be what is so."""
        ann = self.snapshot.residents[ANN]
        told = self.kept.person(self.snapshot, ann, now_ms)
        assert told == person(self.snapshot, ann, now_ms, self.online, FACE)
        return told


def test_it_is_the_same_value_while_nothing_is_otherwise() -> None:
    at = House(house())
    assert at.shown() is at.shown(NOW_MS + MINUTE_MS - 1)


def test_a_device_that_goes_away_is_seen() -> None:
    at = House(house())
    before = at.shown()
    at.there.remove(MAC_OF[GATE])
    assert at.shown() != before


def test_another_snapshot_is_another_house() -> None:
    at = House(house())
    before = at.shown()
    blocked = [replace(one, service=ServiceState.BLOCKED) if one.id == A101 else one for one in APARTMENTS]
    at.snapshot = house(apartments=blocked)
    assert at.shown() != before


def test_the_hours_of_a_door_end_to_the_minute() -> None:
    at = House(house(devices=[door(GATE, schedule=OFFICE_HOURS)], schedules=[NOON]))
    before, end_ms = at.shown(), NOW_MS + 10 * MINUTE_MS
    assert at.shown(end_ms - 1) == before
    assert at.shown(end_ms) != before


def test_an_activation_ends_at_once() -> None:
    snapshot = house()
    ann = replace(snapshot.residents[ANN], activation_until_ms=NOW_MS + 1_500)
    at = House(replace(snapshot, residents={**snapshot.residents, ANN: ann}))
    before = at.shown()
    assert at.shown(NOW_MS + 1_499) == before
    assert at.shown(NOW_MS + 1_500) != before


def test_a_lock_down_ends_to_the_second() -> None:
    order = DoorOrder("o-1", OrderKind.LOCK_DOWN, GATE, until_ms=NOW_MS + 2_000)
    at = House(house(orders=[order]))
    before = at.shown()
    assert at.shown(NOW_MS + 1_999) == before
    assert at.shown(NOW_MS + 2_000) != before
