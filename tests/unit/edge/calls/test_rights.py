"""In whose right somebody in a call asks a door, and what the door rules make of it."""

from dataclasses import replace

import pytest

from edge.calls.rights import open_request
from edge.core.call_events import RequestOpen
from edge.core.openings import decide_request
from models.access import Reason, UnlockMethod
from models.call import Caller, LegKind, Target
from models.service import ServiceState
from tests.unit.edge.core.call_house import (
    A101,
    ANN,
    BOB,
    CAT,
    DAN,
    DOOR_A,
    DOOR_B,
    GUARD_1,
    GUARD_2,
    HOUSE,
    MON_101,
    MON_106,
    NOW_MS,
    caller,
    plan,
)

STRANGER = Caller(None, trunk_number="+43999")


def asked(call_plan, party, label="1", house=HOUSE):
    return open_request(call_plan, party, RequestOpen(label, UnlockMethod.DTMF, 0), house)


def decided(call_plan, party, label="1", house=HOUSE):
    request = asked(call_plan, party, label, house)
    assert request is not None
    return decide_request(request, house, NOW_MS).decision


def leg(call_plan, kind):
    return next(leg.target for stage in call_plan.stages for leg in stage.legs if leg.target.kind is kind)


@pytest.mark.parametrize("kind", [LegKind.MONITOR, LegKind.APP, LegKind.LANDLINE])
def test_who_answers_for_the_apartment_opens_in_its_right(kind):
    call_plan = plan(DOOR_A, "101")
    request = asked(call_plan, leg(call_plan, kind))
    assert (request.apartments, request.staff) == ((A101.id,), False)
    assert request.resident == (ANN.id if kind is LegKind.APP else None)
    decision = decided(call_plan, leg(call_plan, kind))
    assert (decision.reason, decision.relays, decision.apartment) == (Reason.GRANTED, (1,), A101.id)


def test_only_the_relay_of_the_code_opens():
    call_plan = plan(DOOR_A, "101")
    decision = decided(call_plan, leg(call_plan, LegKind.MONITOR), "s1")
    assert (decision.relays, decision.security_relays) == ((), (1,))


@pytest.mark.parametrize("label", ["2", "3", "9", ""])
def test_a_relay_without_dtmf_or_disabled_stays_shut(label):
    call_plan = plan(DOOR_A, "101")
    assert decided(call_plan, leg(call_plan, LegKind.MONITOR), label).reason is Reason.METHOD_NOT_ON_RELAY


def test_a_guard_opens_for_the_house():
    call_plan = plan(DOOR_A, "guard")
    request = asked(call_plan, leg(call_plan, LegKind.GUARD))
    assert (request.staff, request.apartments) == (True, ())
    assert decided(call_plan, leg(call_plan, LegKind.GUARD)).granted


def test_an_emergency_number_opens_nothing():
    call_plan = plan(DOOR_A, "sos")
    assert decided(call_plan, leg(call_plan, LegKind.PHONE)).reason is Reason.NOT_ALLOWED


@pytest.mark.parametrize("who", [MON_101, ANN, GUARD_2])
def test_who_looks_in_may_open(who):
    assert decided(plan(who, DOOR_A.sip_user), caller(who)).granted


def test_a_listed_outside_caller_may_open_and_no_other():
    listed = Caller(None, trunk_number="+43900900900")
    call_plan = plan(listed, DOOR_A.sip_user)
    assert decided(call_plan, listed).granted
    assert decided(call_plan, STRANGER).reason is Reason.NOT_ALLOWED


def test_service_that_is_cut_off_in_the_call_shuts_the_door():
    call_plan = plan(DOOR_A, "101")
    blocked = replace(A101, service=ServiceState.BLOCKED)
    house = replace(HOUSE, apartments={**HOUSE.apartments, A101.id: blocked})
    assert decided(call_plan, leg(call_plan, LegKind.MONITOR), house=house).reason is Reason.SERVICE_BLOCKED


def test_a_door_that_stopped_serving_the_apartment_stays_shut():
    call_plan = replace(plan(DOOR_A, "101"), door=DOOR_B.id)
    house = replace(HOUSE, devices={**HOUSE.devices, DOOR_B.id: replace(DOOR_B, relays=DOOR_A.relays)})
    assert decided(call_plan, leg(call_plan, LegKind.MONITOR), house=house).reason is Reason.DOOR_NOT_SERVED


@pytest.mark.parametrize("party", [MON_106, DAN, BOB, CAT])
def test_a_plan_without_a_door_asks_nothing(party):
    assert asked(plan(GUARD_1, "102"), caller(party)) is None


def test_a_target_of_another_kind_speaks_for_nobody():
    door = Target(LegKind.DOOR, DOOR_A.sip_user, DOOR_A.name)
    assert decided(plan(DOOR_A, "101"), door).reason is Reason.NOT_ALLOWED
