"""Contacts, interlocks, areas and two factors through the desk: what is learnt, stored, told and remembered."""

from dataclasses import replace
from typing import Any

from edge.core.snapshot import Snapshot
from models.access import Area, CredentialKind, Passback, UnlockMethod
from models.device import AreaSide
from models.device_events import DeviceEventType
from models.ids import AreaId, DeviceId
from models.log import LogKind
from tests.unit.edge.core.door_house import ANN, DEVICES, DOOR_A, GATE, MAC_OF, attempt, credential, house
from tests.unit.edge.doors.desk_kit import House, event, house_open

CARD = CredentialKind.RF_CARD
CELLAR = Area(AreaId("z-1"), "Cellar", Passback.HARD)
SIDES = {GATE: AreaSide.ENTRY, DOOR_A: AreaSide.EXIT}


def place(passback: Passback = Passback.HARD, interlock: str = "", **changes: Any) -> Snapshot:
    """The gate leads into the cellar, door A out of it."""
    area = replace(CELLAR, passback=passback)
    devices = [
        replace(door, area=area.id, area_side=SIDES[door.id], interlock=interlock, **changes) for door in DEVICES[:2]
    ]
    held = [credential(CARD, "04A1B2C3D4", resident=ANN), credential(CredentialKind.PIN, "482915", resident=ANN)]
    return house(held, devices=devices, areas=[area])


class Person:
    """Somebody with a card at a door."""

    def __init__(self, h: House) -> None:
        self.h = h
        self.tries = 0

    async def card(self, at: DeviceId = GATE) -> str:
        self.tries += 1
        await self.h.desk.attempt(attempt("04A1B2C3D4", UnlockMethod.RF_CARD, at=at, id=f"c{self.tries}"))
        answer = self.h.plane.answers()[-1]
        return "granted" if answer["granted"] else str(answer["reason"])

    async def door(self, kind: DeviceEventType, at: DeviceId = GATE) -> None:
        self.tries += 1
        await self.h.desk.event(event(kind, at=at, id=f"e{self.tries}"))


OPENED, CLOSED = DeviceEventType.DOOR_OPENED, DeviceEventType.DOOR_CLOSED


async def test_a_door_that_reports_itself_open_keeps_the_other_shut() -> None:
    async with house_open(place(Passback.SOFT, "yard")) as h:
        ann = Person(h)
        for kind in (OPENED, DeviceEventType.FORCED, DeviceEventType.HELD_OPEN):
            await ann.door(kind, DOOR_A)
            assert await ann.card() == "not_allowed"
            await ann.door(CLOSED, DOOR_A)
        assert await ann.card() == "granted"
        assert h.ledger.contacts == {DOOR_A: False}
        row = h.ledger.of(LogKind.ACCESS)[0]
        assert row.detail["cause"] == "interlock"


async def test_two_doors_never_open_in_the_same_moment() -> None:
    async with house_open(place(Passback.SOFT, "yard")) as h:
        ann = Person(h)
        assert await ann.card(GATE) == "granted"
        assert await ann.card(DOOR_A) == "not_allowed"
        opening = await h.desk.open_remote(DOOR_A, None, "operator")
        assert opening.decision.cause is not None
        h.clock.advance(7 + 2)  # the longest hold time, and a moment to pull it open
        assert await ann.card(DOOR_A) == "granted"
        h.clock.advance(10)
        assert (await h.desk.open_remote(GATE, None, "operator")).decision.granted
        assert await ann.card(DOOR_A) == "not_allowed"


async def test_exit_and_fire_open_beside_an_open_door_and_hold_the_others() -> None:
    async with house_open(place(Passback.SOFT, "yard")) as h:
        ann = Person(h)
        await ann.door(OPENED, DOOR_A)
        for kind in (DeviceEventType.EXIT_BUTTON, DeviceEventType.FIRE):
            await ann.door(kind, GATE)
            await h.settle()
        assert [mac for mac, _ in h.plane.opened][0] == MAC_OF[GATE]
        await ann.door(CLOSED, DOOR_A)
        assert await ann.card(DOOR_A) == "not_allowed"  # the gate was released a moment ago


async def test_an_open_door_is_known_after_a_restart_while_its_device_is_there() -> None:
    async with house_open(place(Passback.SOFT, "yard")) as h:
        await h.desk.presence(MAC_OF[DOOR_A], online=True)
        await Person(h).door(OPENED, DOOR_A)
    async with house_open(h.world.snapshot, ledger=h.ledger, clock=h.clock) as h:
        assert await Person(h).card() == "not_allowed"
        await h.desk.presence(MAC_OF[DOOR_A], online=False)  # not known: nobody is kept waiting for it
        h.ledger.answers.clear()
        await h.desk.attempt(attempt("04A1B2C3D4", UnlockMethod.RF_CARD, id="again"))
        assert h.plane.answers()[-1]["granted"] is True
    async with house_open(h.world.snapshot, ledger=h.ledger, clock=h.clock) as h:
        h.clock.advance(60)
        await h.desk.attempt(attempt("04A1B2C3D4", UnlockMethod.RF_CARD, id="once more"))
        assert h.plane.answers()[-1]["granted"] is True


async def test_a_card_goes_in_once_and_that_is_remembered_over_a_restart() -> None:
    async with house_open(place()) as h:
        assert await Person(h).card() == "granted"
        assert [stored.passage.inside for stored in h.ledger.passages.values()] == [True]
    async with house_open(h.world.snapshot, ledger=h.ledger, clock=h.clock) as h:
        ann = Person(h)
        ann.tries = 10
        assert await ann.card() == "not_allowed"
        assert h.ledger.of(LogKind.ACCESS)[-1].detail["cause"] == "passback"
        assert await ann.card(DOOR_A) == "granted"
        assert await ann.card() == "granted"


async def test_a_door_that_nobody_opened_let_nobody_in() -> None:
    async with house_open(place()) as h:
        ann = Person(h)
        await ann.door(CLOSED)
        assert await ann.card() == "granted"
        assert h.ledger.passages == {}
        h.clock.advance(20)
        assert await ann.card() == "granted"
        await ann.door(OPENED)
        assert len(h.ledger.passages) == 1
        assert await ann.card() == "not_allowed"


async def test_a_soft_area_lets_in_and_raises_an_alarm() -> None:
    async with house_open(place(Passback.SOFT)) as h:
        ann = Person(h)
        assert [await ann.card() for _ in range(2)] == ["granted"] * 2
        (alarm,) = h.ledger.of(LogKind.ALARM)
        assert (alarm.detail, alarm.resident, alarm.device) == ({"type": "passback"}, ANN, GATE)
        assert h.ledger.of(LogKind.ACCESS)[1].detail["passback"] is True
        await h.plane.until(lambda: len(h.plane.events) == 3)
        assert [told["event"] for told in h.plane.events if told["type"] == "alarm"] == ["passback"]


async def test_a_reset_lets_everybody_in() -> None:
    async with house_open(place()) as h:
        ann = Person(h)
        await ann.card()
        areas = {CELLAR.id: replace(CELLAR, era=1)}
        h.world.snapshot = replace(h.world.snapshot, areas=areas)
        assert await ann.card() == "granted"
        assert await ann.card() == "not_allowed"


async def test_the_reader_asks_for_the_second_half_and_opens_once() -> None:
    relays = (replace(DEVICES[0].relays[0], two_factor=True),)
    async with house_open(place(Passback.SOFT, relays=relays)) as h:
        ann = Person(h)
        assert await ann.card() == "not_allowed"
        assert h.plane.answers()[-1]["second_factor"] == "pin"
        h.clock.advance(10)
        await h.desk.attempt(attempt())
        assert h.plane.answers()[-1]["granted"] is True
        assert "second_factor" not in h.plane.answers()[-1]
        await h.desk.attempt(attempt(id="t2"))  # the card was used up
        assert h.plane.answers()[-1]["second_factor"] == "rf_card"
        h.clock.wall_ms -= 86_400_000  # the wall clock is no matter
        h.clock.mono_s += 20
        assert await ann.card() == "not_allowed"
