"""What panels say becomes events and attempts; nothing that was typed or held up stays anywhere."""

from typing import Final

import pytest

from edge.core.tags import Tagger
from edge.fleet.events_inbox import Inbox
from edge.fleet.events_merge import HOOK, LOG, SYSLOG, Merger
from models.access import Attempt, CredentialKind
from models.device_events import DeviceEvent, DeviceEventType
from models.ids import CommunityId, Mac
from provisioning.api import Sight, Sighting
from tests.unit.edge.core.door_house import credential, house

GATE: Final = Mac("0c1105000001")
CARD: Final = credential(CredentialKind.RF_CARD, "04A1B2C3")
E = DeviceEventType


class Clock:
    def now_ms(self) -> int:
        return 5_000

    def monotonic(self) -> float:
        return 1.0


class Desk:
    def __init__(self) -> None:
        self.events, self.attempts = list[DeviceEvent](), list[Attempt]()

    async def event(self, event: DeviceEvent) -> None:
        self.events.append(event)

    async def attempt(self, attempt: Attempt) -> None:
        self.attempts.append(attempt)


class World:
    def __init__(self) -> None:
        self.snapshot = house([CARD])


def inbox() -> tuple[Inbox, Desk, list[Mac]]:
    desk, nudged = Desk(), list[Mac]()
    world = World()
    tagger = Tagger(b"0123456789abcdef", CommunityId("c"))
    made = Inbox(world, Clock(), desk, tagger, nudged.append, Merger(waits_s=0.0))  # type: ignore[arg-type]
    return made, desk, nudged


async def test_a_card_that_the_panel_refused_is_asked_of_the_rules() -> None:
    made, desk, nudged = inbox()
    await made.report(GATE, Sighting(Sight.CARD_REFUSED, "04A1B2C3"), HOOK)
    (attempt,) = desk.attempts
    assert (attempt.device, attempt.value, attempt.at_ms, desk.events) == (GATE, "04A1B2C3", 5_000, [])
    assert nudged == [GATE]


@pytest.mark.parametrize(("road", "live"), [(SYSLOG, True), (LOG, False), (HOOK, False)])
async def test_by_a_road_that_anybody_takes_or_too_late_it_is_only_logged(road: str, live: bool) -> None:
    made, desk, _ = inbox()
    await made.report(GATE, Sighting(Sight.CARD_REFUSED, "04A1B2C3", number=1), road, live=live)
    await made.stop()
    assert desk.attempts == []
    (event,) = desk.events
    assert (event.type, event.fields["method"]) == (E.PANEL_REFUSED, "rf_card")


async def test_no_report_ever_opens_a_door_by_an_exit_button() -> None:
    made, desk, _ = inbox()
    await made.report(GATE, Sighting(Sight.EXIT_BUTTON), HOOK)
    (event,) = desk.events
    assert (event.type, event.fields["method"]) == (E.PANEL_OPENED, "exit_button")


@pytest.mark.parametrize(("what", "kind"), [
    (Sight.TAMPER, E.TAMPER), (Sight.ALARM, E.ALARM), (Sight.FORCED, E.FORCED), (Sight.HELD_OPEN, E.HELD_OPEN),
    (Sight.DOOR_OPENED, E.DOOR_OPENED), (Sight.DOOR_CLOSED, E.DOOR_CLOSED), (Sight.RELAY, E.RELAY),
])  # fmt: skip
async def test_reports_are_our_events(what: Sight, kind: DeviceEventType) -> None:
    made, desk, _ = inbox()
    await made.report(GATE, Sighting(what, relay=2), HOOK)
    assert [event.type for event in desk.events] == [kind]


async def test_nothing_of_a_value_is_in_an_event() -> None:
    made, desk, _ = inbox()
    await made.report(GATE, Sighting(Sight.CODE_OPENED, "481516", at_ms=7, number=3), LOG)
    (event,) = desk.events
    assert "481516" not in repr(event)
    assert "481516" not in repr(Sighting(Sight.CODE_OPENED, "481516"))
    assert event.id == "log-3-7", "the same row again is the same event"
