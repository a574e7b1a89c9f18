"""Who may call whom, and in which stages."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from edge.core.plan import ROUTES, Side, busy
from edge.core.plan_legs import short_number
from edge.core.settings import CallSettings
from edge.core.snapshot import build
from models.access import UnlockMethod
from models.call import Caller, CallPlan, CallType, DigitSource, LegKind, Refusal
from models.device import Device, DeviceType, Place
from models.ids import DeviceId, ResidentId
from tests.unit.edge.core.call_house import (
    A101,
    A102,
    A103,
    A104,
    A105,
    A106,
    A107,
    ANN,
    APARTMENTS,
    BOB,
    CAT,
    COMMUNITY,
    DAN,
    DEVICES,
    DOOR_A,
    DOOR_B,
    EVE,
    GATE,
    GUARD_1,
    GUARD_2,
    HOUSE,
    MON_101,
    MON_101_OFF,
    MON_102,
    MON_106,
    MON_107,
    MON_B201,
    OFF,
    PRIVATE,
    RESIDENTS,
    device,
    plan,
    snapshot,
)

OUTSIDE, STRANGER = "+43900900900", "+43999"


def rings(call_plan):
    """Names of the legs that are in, by stage."""
    return [[leg.target.name for leg in stage.legs if leg.included] for stage in call_plan.stages]


def why(call_plan, name):
    (leg,) = [leg for stage in call_plan.stages for leg in stage.legs if leg.target.name == name]
    return leg.included, leg.why


def with_call_type(call_type):
    home = replace(A101, call_type=CallType(call_type))
    return replace(
        HOUSE,
        apartments={**HOUSE.apartments, home.id: home},
        by_number={**HOUSE.by_number, "101": (home, *HOUSE.by_number["101"][1:])},
    )


# --- call types -----------------------------------------------------------------------------------------------------

PHONES = ["…2333", "…5666"]


@pytest.mark.parametrize(
    ("call_type", "stages"),
    [
        (0, [["Living room", "Ann Able"]]),
        (1, [["Living room", *PHONES]]),
        (2, [["Living room", "Ann Able"], PHONES]),
        (3, [["Living room"], ["Ann Able"]]),
        (4, [["Living room"], PHONES]),
        (5, [["Living room"], ["Ann Able"], PHONES]),
    ],
)
def test_the_stages_of_each_call_type(call_type, stages):
    call_plan = plan(DOOR_A, "101", with_call_type(call_type))
    assert rings(call_plan) == stages
    assert (call_plan.allowed, call_plan.status, call_plan.apartment, call_plan.ring_event) == (True, 0, A101.id, True)


def test_every_leg_says_why_it_is_in_or_out():
    call_plan = plan(DOOR_A, "101")
    assert why(call_plan, "Living room") == (True, "indoor monitor")
    assert why(call_plan, "Cellar") == (False, "the monitor is disabled")
    assert why(call_plan, "Ann Able") == (True, "active resident")
    assert why(call_plan, "Bob Baker") == (False, "the app subscription has expired")
    assert why(call_plan, "…2333") == (True, "landline")


def test_an_app_whose_time_has_run_out_does_not_ring():
    assert why(plan(DOOR_A, "102"), "Eve East") == (False, "the app subscription has ended")


@pytest.mark.parametrize(
    ("house", "trunk", "reason"),
    [
        (snapshot(landline_service=False), True, "the community has no landline service"),
        (HOUSE, False, "no trunk is configured"),
    ],
)
def test_landlines_need_the_service_and_a_trunk(house, trunk, reason):
    call_plan = plan(DOOR_A, "101", house, trunk=trunk)
    assert rings(call_plan)[2] == []
    assert why(call_plan, "…5666") == (False, reason)


def test_ring_times_by_community_and_by_stage():
    settings = CallSettings(ring_time_s=25.0, ring_time_by_stage_s=(10.0, 15.0))
    assert [s.ring_s for s in plan(DOOR_A, "101", settings=settings).stages] == [10.0, 15.0, 25.0]


@pytest.mark.parametrize(("order", "in_turn"), [("in_turn", True), ("together", False)])
def test_landlines_in_turn_or_together(order, in_turn):
    call_plan = plan(DOOR_A, "101", settings=CallSettings(landline_order=order))
    assert call_plan.stages[2].in_turn is in_turn


def test_a_plan_has_the_communitys_longest_talk():
    assert plan(DOOR_A, "101", settings=CallSettings(max_talk_s=60.0)).max_talk_s == 60.0


# --- may it be called -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dialled", "refusal", "status", "apartment"),
    [
        ("103", Refusal.NOT_CONNECTED, 403, A103),
        ("106", Refusal.BLOCKED, 403, A106),
        ("107", Refusal.UNKNOWN, 404, A107),
        ("999", Refusal.UNKNOWN, 404, None),
        ("B 2*201", Refusal.UNKNOWN, 404, None),
    ],
)
def test_a_visitor_is_refused(dialled, refusal, status, apartment):
    """A known number makes a row with its apartment and a ring event, an unknown one neither (decision 33)."""
    call_plan = plan(DOOR_A, dialled)
    assert (call_plan.refusal, call_plan.status, call_plan.stages) == (refusal, status, ())
    assert call_plan.apartment == (apartment.id if apartment else None)
    assert call_plan.ring_event is (apartment is not None)
    assert call_plan.caller_device == DOOR_A.id


def test_an_ambiguous_number_is_unknown():
    call_plan = plan(GATE, "101")
    assert (call_plan.status, call_plan.apartment, call_plan.ring_event) == (404, None, False)
    assert plan(GATE, "A*101").allowed


def test_a_whitelisted_apartment_without_a_monitor_rings_its_apps():
    assert rings(plan(DOOR_A, "104")) == [["Cat Cook"]]
    assert plan(DOOR_A, "104").apartment == A104.id


def test_a_handset_only_is_allowed_and_has_no_leg():
    call_plan = plan(DOOR_A, "105")
    assert (call_plan.allowed, rings(call_plan), call_plan.ring_event) == (True, [[]], True)
    assert call_plan.apartment == A105.id


# --- who may call whom ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "dialled", "expected"),
    [
        # a door: its apartments, guards, help; nobody by number
        (DOOR_A, "guard", [["Porter", "Night porter"]]),
        (DOOR_A, GUARD_2.sip_user, [["Night porter"]]),
        (DOOR_A, "sos", [["Porter", "Night porter"], ["…0144", "112"]]),
        (PRIVATE, "102", [["Hall"]]),
        (DOOR_A, MON_101.sip_user, 403),
        (DOOR_A, ANN.sip_user, 403),
        (DOOR_A, GATE.sip_user, 403),
        # residents: each other, doors that serve them, guards, help
        (MON_102, "A*101", [["Living room", "Ann Able"]]),
        (ANN, "102", [["Hall"]]),
        (MON_102, MON_101.sip_user, [["Living room"]]),
        (MON_102, ANN.sip_user, [["Ann Able"]]),
        (MON_102, MON_106.sip_user, 403),
        (MON_102, DAN.sip_user, 403),  # the only home is blocked
        (MON_102, OFF.sip_user, 404),
        (MON_102, "106", 403),
        (MON_102, "103", 403),
        (MON_102, "999", 404),
        (MON_101, "Entrance", [["Entrance"]]),
        (MON_101, GATE.sip_user, [["Gate"]]),
        (MON_102, PRIVATE.sip_user, [["Flat door"]]),
        (MON_101, PRIVATE.sip_user, 404),
        (MON_101, DOOR_B.sip_user, 404),
        (ANN, "Gate", [["Gate"]]),
        (BOB, "Gate", 403),  # expired
        (EVE, "Gate", 403),
        (DAN, "Gate", 403),  # blocked
        (OFF, "Gate", 404),
        (MON_106, "Gate", 403),
        (MON_107, "Gate", 404),
        (MON_106, "102", 403),
        (BOB, "102", 403),
        (MON_106, "guard", [["Porter", "Night porter"]]),  # a debt does not cut off help
        (BOB, "sos", [["Porter", "Night porter"], ["…0144", "112"]]),
        (MON_101, "guard", [["Porter", "Night porter"]]),
        (ANN, "sos", [["Porter", "Night porter"], ["…0144", "112"]]),
        # a guard: everybody
        (GUARD_1, "A*101", [["Living room"], ["Ann Able"], PHONES]),
        (GUARD_1, "guard", [["Night porter"]]),
        (GUARD_1, DOOR_B.sip_user, [["entrance"]]),
        (GUARD_1, "Flat door", [["Flat door"]]),
        (GUARD_1, MON_B201.sip_user, [["B lounge"]]),
        (GUARD_1, ANN.sip_user, [["Ann Able"]]),
        (GUARD_1, BOB.sip_user, [[]]),
        (GUARD_1, "106", 403),
        # from outside: listed numbers ring doors and nothing else
        (OUTSIDE, "Gate", [["Gate"]]),
        (OUTSIDE, "102", 403),
        (OUTSIDE, "guard", 403),
        (OUTSIDE, "sos", 403),
        (OUTSIDE, MON_101.sip_user, 403),
        (STRANGER, "Gate", 403),
        (STRANGER, "nothing", 403),
        # nobody reaches the trunk by dialling
        (MON_101, "+43111222333", 404),
        (GUARD_1, "112", 404),
        (DOOR_A, "00431112223", 404),
    ],
)
def test_who_may_call_whom(who, dialled, expected):
    call_plan = plan(who, dialled)
    assert (rings(call_plan) if call_plan.allowed else call_plan.status) == expected


@pytest.mark.parametrize("dialled", ["102", MON_102.sip_user, EVE.sip_user])
def test_neighbours_talk_only_where_the_community_has_such_calls(dialled):
    house = snapshot(community_calls=False)
    assert plan(MON_101, dialled, house).status == 403
    assert plan(GUARD_1, dialled, house).allowed


def test_a_caller_does_not_ring_itself():
    assert rings(plan(ANN, "A*101")) == [["Living room"]]
    assert rings(plan(MON_101, "A*101")) == [["Ann Able"]]
    assert why(plan(MON_101, "A*101"), "Living room") == (False, "is the caller")


def test_a_refused_neighbour_call_is_logged_with_its_apartment():
    call_plan = plan(MON_101, "102", snapshot(community_calls=False))
    assert (call_plan.apartment, call_plan.ring_event, call_plan.refusal) == (A102.id, True, Refusal.NOT_ALLOWED)


def test_a_look_in_is_logged_with_the_home_it_is_made_from_and_is_no_ring():
    call_plan = plan(ANN, "Gate")  # of an active and a blocked home
    assert (call_plan.apartment, call_plan.ring_event) == (A101.id, False)


def test_a_monitor_of_no_apartment_sees_no_door_and_reaches_a_guard():
    lobby = device(40, "Lobby", DeviceType.INDOOR_MONITOR, place=Place.BUILDING)
    house = build(1, COMMUNITY, apartments=APARTMENTS, residents=RESIDENTS, devices=(*DEVICES, lobby))
    assert plan(lobby, "Gate", house).status == 404
    assert rings(plan(lobby, "guard", house)) == [["Porter", "Night porter"]]
    assert rings(plan(GUARD_1, lobby.sip_user, house)) == [["Lobby"]]


@pytest.mark.parametrize(
    "gone",
    [
        Caller(None, device=DeviceId("d-gone")),
        Caller(None, resident=ResidentId("r-gone")),
        Caller(MON_101_OFF.sip_user, device=MON_101_OFF.id),
        Caller(None),
    ],
)
def test_whoever_is_gone_or_disabled_calls_nobody(gone):
    assert plan(gone, "102").refusal is Refusal.NOT_ALLOWED


def test_every_side_has_its_routes():
    assert set(ROUTES) == set(Side)


# --- doors and digits -----------------------------------------------------------------------------------------------


def test_a_door_gives_the_codes_of_enabled_relays_that_list_dtmf():
    call_plan = plan(DOOR_A, "101")
    assert call_plan.door == DOOR_A.id
    assert call_plan.door_codes == {"1": "1", "9#": "s1"}
    assert call_plan.digits_from is DigitSource.CALLEE


@pytest.mark.parametrize("who", [MON_101, ANN, GUARD_1])
def test_looking_in_the_looking_side_presses(who):
    call_plan = plan(who, DOOR_A.sip_user)
    assert (call_plan.door, call_plan.digits_from) == (DOOR_A.id, DigitSource.CALLER)
    assert call_plan.door_codes == {"1": "1", "9#": "s1"}


@pytest.mark.parametrize(("who", "dialled"), [(MON_101, "102"), (GUARD_1, "102"), (MON_101, "guard"), (ANN, "sos")])
def test_without_a_door_digits_mean_nothing(who, dialled):
    call_plan = plan(who, dialled)
    assert (call_plan.door, call_plan.door_codes, call_plan.digits_from) == (None, {}, DigitSource.NOBODY)


def test_a_guard_called_from_a_door_may_press():
    assert plan(DOOR_A, "guard").digits_from is DigitSource.CALLEE


@pytest.mark.parametrize(
    ("who", "dialled", "relayed"),
    [
        (GATE, "A*101", False),  # in a group, no relay lists DTMF
        (DOOR_A, "101", True),  # in the same group, but a relay lists DTMF (decision 20)
        (DOOR_B, "B 2*101", True),  # in no group
        (MON_101, "102", False),
        (MON_101, DOOR_A.sip_user, True),
        (MON_101, "Gate", False),
        (ANN, "Gate", True),  # an app is in no group
        (OUTSIDE, "Gate", True),
    ],
)
def test_whether_audio_passes_the_edge(who, dialled, relayed):
    assert plan(who, dialled).relayed_audio is relayed


def test_a_relay_that_is_disabled_or_lists_something_else_does_not_draw_the_audio_in():
    quiet = tuple(
        replace(relay, enabled=False) if UnlockMethod.DTMF in relay.methods else relay for relay in DOOR_A.relays
    )
    house = build(
        1,
        COMMUNITY,
        apartments=APARTMENTS,
        devices=[replace(d, relays=quiet) if d.id == DOOR_A.id else d for d in DEVICES],
    )
    assert plan(DOOR_A, "101", house).relayed_audio is False


def test_only_devices_of_one_group_are_in_one_group():
    call_plan = plan(GATE, "A*101")
    in_group = {leg.target.name: call_plan.same_group(leg.target) for stage in call_plan.stages for leg in stage.legs}
    assert in_group["Living room"]  # by its apartment's group
    assert not in_group["Ann Able"]
    assert not in_group["…2333"]
    assert not plan(GATE, "201").same_group(plan(GATE, "201").stages[0].legs[0].target)


# --- redirects ------------------------------------------------------------------------------------------------------


def test_a_redirect_may_name_the_apartments_own_and_guards():
    """Also an app that the call type would not have rung: a works-offline monitor forwards there (decision 31)."""
    call_plan = plan(DOOR_A, "101", with_call_type(4))
    guards = {GUARD_1.sip_user, GUARD_2.sip_user}
    assert set(call_plan.redirect_to) == {MON_101.sip_user, ANN.sip_user} | guards
    assert call_plan.redirect_to[ANN.sip_user].kind is LegKind.APP
    assert set(plan(DOOR_A, "guard").redirect_to) == guards
    assert set(plan(ANN, "102").redirect_to) == {MON_102.sip_user} | guards


def test_a_redirect_never_names_a_telephone():
    assert all(target.kind is not LegKind.LANDLINE for target in plan(DOOR_A, "101").redirect_to.values())


# --- the rest -------------------------------------------------------------------------------------------------------


def test_a_busy_door_rings_nobody_and_is_told_so():
    call_plan = busy(plan(DOOR_A, "101"))
    assert (call_plan.status, call_plan.stages, call_plan.allowed) == (486, (), True)
    assert (call_plan.apartment, call_plan.ring_event) == (A101.id, True)
    assert busy(plan(DOOR_A, "103")).status == 403


@pytest.mark.parametrize(("number", "shown"), [("+43111222333", "…2333"), ("112", "112"), ("0144", "0144")])
def test_telephone_numbers_are_shown_shortened(number, shown):
    assert short_number(number) == shown


def test_a_target_carries_what_the_driver_needs():
    (monitor,), (app,), (first, _) = [
        [leg.target for leg in stage.legs if leg.included] for stage in plan(DOOR_A, "101").stages
    ]
    assert (monitor.address, monitor.device, monitor.network_group) == (MON_101.sip_user, MON_101.mac, "g1")
    assert (app.address, app.resident) == (ANN.sip_user, ANN.id)
    assert (first.address, first.device, first.resident) == ("+43111222333", None, None)


def test_the_row_names_the_calling_device():
    assert plan(MON_B201, "guard").caller_device == MON_B201.id
    assert plan(CAT, "guard").caller_device is None


# --- calls from outside that dial no name, but the number of the house ------------------------------------------------


def outside(opens: DeviceId | None = None, *, doors: Sequence[Device] = DEVICES, number: str = OUTSIDE) -> CallPlan:
    house = replace(HOUSE, devices={d.id: d for d in doors}, opens_by_calling={OUTSIDE: opens} if opens else {})
    return plan(number, "+4319999", house)


def test_a_listed_number_opens_its_door_by_calling():
    call_plan = outside(DOOR_A.id)
    assert call_plan.allowed
    assert call_plan.opens == "1"
    assert call_plan.door == DOOR_A.id
    assert call_plan.stages == ()


def test_a_door_that_opens_by_no_telephone_opens_by_no_call():
    deaf = replace(DOOR_A, relays=tuple(replace(r, methods=frozenset({UnlockMethod.PIN})) for r in DOOR_A.relays))
    assert outside(DOOR_A.id, doors=(deaf,)).status == 403
    assert outside(DOOR_A.id, doors=(replace(DOOR_A, enabled=False),)).status == 403
    assert outside(DOOR_A.id, doors=()).status == 403


def test_a_listed_number_rings_the_only_door_there_is():
    assert rings(outside(doors=(GATE, MON_101, PRIVATE))) == [["Gate"]]
    assert outside(doors=(GATE, DOOR_A)).status == 403  # which?
    assert outside(doors=()).status == 403


def test_a_stranger_opens_and_rings_nothing():
    assert outside(GATE.id, number=STRANGER).status == 403
    assert outside(doors=(GATE,), number=STRANGER).status == 403
