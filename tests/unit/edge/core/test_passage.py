from dataclasses import replace

from edge.core.passage import (
    FACTOR_LIVES_S,
    MAX_PENDING,
    PASSES_WITHIN_S,
    PULLED_AFTER_S,
    FirstFactor,
    Passage,
    Passages,
    StoredPassage,
    released_for_s,
)
from models.access import AccessDecision, Area, Reason, UnlockMethod
from models.device import Relay
from models.ids import AreaId, CredentialId, DeviceId
from tests.unit.edge.core.door_house import DEVICES

DOOR, OTHER = DeviceId("d-1"), DeviceId("d-2")
CELLAR = Area(AreaId("z-1"), "Cellar", forget_h=1)
GOES_IN = Passage("r-ann", CELLAR.id, True, 0)
GOES_OUT = GOES_IN._replace(inside=False)
NOW_S = 10_000.0


def inside(known: Passages, now_s: float = NOW_S, *, at: DeviceId = DOOR, area: Area = CELLAR) -> bool | None:
    return known.inside("r-ann", area, at, now_s)


# --- doors that stand open ------------------------------------------------------------------------------------------


def test_what_is_not_known_is_not_open() -> None:
    assert not Passages().may_be_open(DOOR, NOW_S)


def test_a_door_is_open_from_its_report_to_the_next() -> None:
    known = Passages()
    known.opened(DOOR, NOW_S)
    assert known.may_be_open(DOOR, NOW_S + 1e9)
    known.closed(DOOR)
    assert not known.may_be_open(DOOR, NOW_S)


def test_a_door_whose_device_is_gone_is_not_known() -> None:
    known = Passages()
    known.opened(DOOR, NOW_S)
    known.unreachable(DOOR)
    assert not known.may_be_open(DOOR, NOW_S)


def test_a_released_door_may_be_open_for_its_hold_time_and_a_moment() -> None:
    known = Passages()
    known.released(DOOR, 3, NOW_S)
    assert known.may_be_open(DOOR, NOW_S + 3 + PULLED_AFTER_S - 0.1)
    assert not known.may_be_open(DOOR, NOW_S + 3 + PULLED_AFTER_S)
    known.released(DOOR, 3, NOW_S)
    known.closed(DOOR)  # gone through already
    assert not known.may_be_open(DOOR, NOW_S)


# --- who is inside --------------------------------------------------------------------------------------------------


def test_a_door_without_a_contact_is_gone_through_when_it_is_released() -> None:
    known = Passages()
    assert known.known_at_once(DOOR, GOES_IN) == (GOES_IN,)
    known.goes(DOOR, GOES_IN, NOW_S)
    assert inside(known) is True
    known.goes(DOOR, GOES_OUT, NOW_S)
    assert inside(known) is False


def test_a_door_with_a_contact_is_gone_through_when_it_opens() -> None:
    known = Passages()
    known.closed(DOOR)
    assert known.known_at_once(DOOR, GOES_IN) == ()
    known.goes(DOOR, GOES_IN, NOW_S)
    assert inside(known) is None  # at this reader they may try again
    assert inside(known, at=OTHER) is True  # elsewhere nobody else does with their card
    assert known.opened(DOOR, NOW_S + PASSES_WITHIN_S - 0.1) == (GOES_IN,)
    assert inside(known) is True
    assert known.opened(DOOR, NOW_S) == ()  # once


def test_who_does_not_open_the_door_has_not_gone_through() -> None:
    known = Passages()
    known.closed(DOOR)
    known.goes(DOOR, GOES_IN, NOW_S)
    assert inside(known, NOW_S + PASSES_WITHIN_S, at=OTHER) is None
    assert known.opened(DOOR, NOW_S + PASSES_WITHIN_S) == ()
    assert inside(known) is None


def test_several_go_through_one_door() -> None:
    known = Passages()
    known.closed(DOOR)
    people = [GOES_IN._replace(holder=f"r-{n}") for n in range(MAX_PENDING + 3)]
    for passage in people:
        known.goes(DOOR, passage, NOW_S)
    assert known.opened(DOOR, NOW_S) == tuple(people[-MAX_PENDING:])


def test_what_is_old_or_of_an_earlier_era_is_not_known() -> None:
    known = Passages()
    known.goes(DOOR, GOES_IN, NOW_S)
    assert inside(known, NOW_S + 3_599) is True
    assert inside(known, NOW_S + 3_600) is None
    assert inside(known, NOW_S + 3_600, area=Area(CELLAR.id, "Cellar", forget_h=0)) is True
    assert inside(known, area=Area(CELLAR.id, "Cellar", era=1)) is None


def test_it_is_taken_over_from_the_store() -> None:
    known = Passages()
    stored = [StoredPassage(GOES_IN, 1_000_000), StoredPassage(GOES_OUT._replace(holder="r-bob"), 9_000_000)]
    known.restore({DOOR: True, OTHER: None}, stored, NOW_S, 1_000_000 + 3_000_000)
    assert inside(known, NOW_S + 599) is True
    assert inside(known, NOW_S + 600) is None
    # A clock that was set back makes nothing younger than now.
    assert known.inside("r-bob", CELLAR, DOOR, NOW_S + 3_599) is False
    assert (known.may_be_open(DOOR, NOW_S), known.may_be_open(OTHER, NOW_S)) == (True, False)
    assert known.known_at_once(OTHER, GOES_IN) == ()  # its contact is known though it is offline


# --- two factors ----------------------------------------------------------------------------------------------------


def test_a_first_half_waits_fifteen_seconds_at_its_reader() -> None:
    known, card = Passages(), FirstFactor(CredentialId("k-1"), UnlockMethod.RF_CARD)
    known.shown(DOOR, card, NOW_S)
    assert known.first_factor(DOOR, NOW_S + FACTOR_LIVES_S - 0.1) == card
    assert known.first_factor(DOOR, NOW_S + FACTOR_LIVES_S) is None
    assert known.first_factor(OTHER, NOW_S) is None
    known.shown(DOOR, None, NOW_S)
    assert known.first_factor(DOOR, NOW_S) is None


def test_a_relay_that_waits_first_holds_its_neighbours_longer() -> None:
    slow = replace(DEVICES[0], relays=(Relay(1, hold_s=3, trigger_s=4), Relay(2, hold_s=5), Relay(1, True, hold_s=60)))
    assert released_for_s(slow, AccessDecision(Reason.GRANTED, holds={"1": 3, "2": 5})) == 7
    assert released_for_s(slow, AccessDecision(Reason.UNKNOWN_CREDENTIAL)) == 0
