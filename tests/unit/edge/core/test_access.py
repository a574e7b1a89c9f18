from dataclasses import replace
from typing import Any

import pytest

from edge.core.access import HOLDER_RULES, RULES, DoorState, Judgement, decide, floors_of, labels
from edge.core.lockout import TRIES, LockKey, Lockout
from edge.core.snapshot import Snapshot
from models.access import Attempt, CredentialKind, Origin, Reason, UnlockMethod
from models.device import Relay
from models.ids import CommunityId, DeviceId, ScheduleId
from models.schedule import Schedule, WeeklyRow
from models.service import AccessPermission, FeaturePlan, PinMode
from tests.unit.edge.core.door_house import (
    A101,
    A102,
    ACCESS,
    ANN,
    B101,
    B201,
    BLOCKED,
    BROKEN,
    DAY_MS,
    DOOR_A,
    GATE,
    MONITOR,
    NOW_MS,
    OFF,
    OFFICE_HOURS,
    PRIVATE,
    TAGGER,
    attempt,
    credential,
    door,
    house,
)

PIN, CARD, QR = CredentialKind.PIN, CredentialKind.RF_CARD, CredentialKind.QR
APT_PIN = UnlockMethod.APT_PIN
RF = UnlockMethod.RF_CARD
APT_MODE = {"pin_mode": PinMode.APT_PIN}


def judge(tried: Attempt, snapshot: Snapshot, state: DoorState | None = None, now_ms: int = NOW_MS) -> Judgement:
    return decide(tried, snapshot, state or DoorState(), now_ms, TAGGER)


def pin(**changes: Any) -> Snapshot:
    """The house where PIN 482915 of apartment A/101 is good, spoilt by *changes*."""
    return house([credential(PIN, "482915", **changes)])


def locked(device: DeviceId = GATE) -> DoorState:
    lockout = Lockout()
    for _ in range(TRIES):
        lockout.wrong(LockKey(device), 0.0)
    return DoorState(lockout, now_s=1.0)


NEVER = [Schedule(OFFICE_HOURS, "office")]
CASES = [
    (attempt(), pin(), None, Reason.GRANTED),
    (attempt(at=DeviceId("d-nowhere")), pin(), None, Reason.DEVICE_UNKNOWN),
    (attempt(too_late=True), pin(), None, Reason.TOO_LATE),
    (attempt(at=BROKEN), pin(), None, Reason.DEVICE_DISABLED),
    (attempt(), pin(), locked(), Reason.LOCKED_OUT),
    (attempt(at=ACCESS), pin(), None, Reason.METHOD_NOT_ON_RELAY),
    (attempt(), house([credential(PIN, "482915")], plan=FeaturePlan.BASIC), None, Reason.PLAN),
    (attempt("482916"), pin(), None, Reason.UNKNOWN_CREDENTIAL),
    (attempt(), house([credential(PIN, "482915", a, id=a) for a in (A101, A102)]), None, Reason.AMBIGUOUS),
    (attempt(at=DOOR_A), pin(apartment=B201), None, Reason.DOOR_NOT_SERVED),
    (
        attempt(at=PRIVATE),
        house([credential(PIN, "482915", origin=Origin.MANAGER)], permission=AccessPermission.PUBLIC_ONLY),
        None,
        Reason.PERMISSION,
    ),
    (attempt(), pin(valid_from_ms=NOW_MS + 1), None, Reason.NOT_YET_VALID),
    (attempt(), pin(valid_until_ms=NOW_MS), None, Reason.EXPIRED),
    (
        attempt(),
        house([credential(PIN, "482915", schedule=OFFICE_HOURS)], schedules=NEVER),
        None,
        Reason.OUTSIDE_SCHEDULE,
    ),
    (attempt(), pin(uses_left=0), None, Reason.USES_SPENT),
    (attempt(), pin(apartment=BLOCKED), None, Reason.SERVICE_BLOCKED),
    (attempt(), pin(apartment=OFF), None, Reason.SERVICE_OFF),
]


@pytest.mark.parametrize(("tried", "snapshot", "state", "reason"), CASES, ids=[c[3].value for c in CASES])
def test_first_objection_is_the_reason(
    tried: Attempt, snapshot: Snapshot, state: DoorState | None, reason: Reason
) -> None:
    assert judge(tried, snapshot, state).decision.reason is reason


def test_every_reason_of_an_attempt_has_a_case() -> None:
    of_calls_and_apps = {Reason.NOT_IN_CALL, Reason.NOT_ALLOWED, Reason.APP_EXPIRED}
    assert {case[3] for case in CASES} == set(Reason) - of_calls_and_apps


def test_order_of_the_rules_is_the_specification() -> None:
    assert [rule.__name__ for rule in (*RULES, *HOLDER_RULES)] == [
        "device_known",
        "in_time",
        "device_enabled",
        "no_lock_down",
        "not_locked_out",
        "method_on_an_enabled_relay",
        "plan_allows_method",
        "credential_known",
        "only_one_credential",
        "door_serves_holder",
        "permission_allows",
        "already_valid",
        "not_expired",
        "within_schedule",
        "within_door_hours",
        "uses_left",
        "service_allows",
        "interlock_free",
        "not_passed_back",
        "both_factors",
    ]


def test_reasons_come_in_order_when_everything_is_wrong() -> None:
    """Everything is spoilt at once and mended rule by rule."""
    bad = credential(
        PIN, "482915", OFF, uses_left=0, schedule=OFFICE_HOURS, valid_until_ms=NOW_MS, origin=Origin.MANAGER,
        doors=frozenset({GATE}),
    )  # fmt: skip
    mended = [
        (Reason.DOOR_NOT_SERVED, {"doors": frozenset(), "apartment": OFF}),
        (Reason.EXPIRED, {"valid_until_ms": None}),
        (Reason.OUTSIDE_SCHEDULE, {"schedule": None}),
        (Reason.USES_SPENT, {"uses_left": None}),
        (Reason.SERVICE_OFF, {"apartment": A101}),
        (Reason.GRANTED, {}),
    ]
    for reason, mend in mended:
        assert judge(attempt(at=DOOR_A), house([bad], schedules=NEVER)).decision.reason is reason
        bad = replace(bad, **mend)


# --- what a grant says ----------------------------------------------------------------------------------------------


def test_grant_names_relays_floors_web_relay_and_holder() -> None:
    decision = judge(attempt("04:a1:b2:c3:d4", RF), house([credential(CARD, "04A1B2C3D4", resident=ANN)])).decision
    assert (decision.relays, decision.security_relays) == ((1,), (1,))
    assert decision.holds == {"1": 3, "s1": 7}
    assert decision.seconds == 7
    assert labels(decision) == ("1", "s1")
    assert decision.floors == ("B1", "1")
    assert decision.web_relay == 4
    assert (decision.apartment, decision.resident, decision.hint) == (A101, ANN, "C3D4")


def test_denial_opens_nothing_but_names_the_holder_for_the_log() -> None:
    decision = judge(attempt(), pin(valid_until_ms=NOW_MS, resident=ANN)).decision
    assert (decision.relays, decision.holds, decision.floors, decision.web_relay) == ((), {}, (), 0)
    assert (decision.apartment, decision.resident) == (A101, ANN)


def test_own_floor_is_added_once() -> None:
    assert floors_of(house().apartments[A101]) == ("B1", "1")
    assert floors_of(house().apartments[B201]) == ("2",)


def test_unknown_card_is_shown_by_its_last_four_characters_and_a_pin_by_nothing() -> None:
    assert judge(attempt("04-a1-b2-c3-d4", RF), house()).decision.hint == "C3D4"
    assert judge(attempt("04a1b2", RF), house()).decision.hint == ""
    assert judge(attempt("1234567890"), house()).decision.hint == ""


def test_duress_looks_like_a_grant_but_for_the_flag() -> None:
    plain, duress = (judge(attempt(), pin(duress=flag)).decision for flag in (False, True))
    assert duress.duress
    assert replace(duress, duress=False) == plain


# --- codes that a stranger must not learn about ----------------------------------------------------------------------


@pytest.mark.parametrize("reason", [Reason.DOOR_NOT_SERVED, Reason.PERMISSION, Reason.AMBIGUOUS])
def test_device_is_not_told_that_a_code_works_elsewhere_and_the_try_counts(reason: Reason) -> None:
    tried, snapshot, state, _ = next(case for case in CASES if case[3] is reason)
    judgement = judge(tried, snapshot, state)
    assert judgement.decision.told is Reason.UNKNOWN_CREDENTIAL
    assert judgement.device is not None
    assert judgement.wrong == (LockKey(judgement.device.id),)


@pytest.mark.parametrize("reason", [r for r in Reason if r not in (Reason.UNKNOWN_CREDENTIAL, Reason.GRANTED)])
def test_what_is_told_truthfully_does_not_count(reason: Reason) -> None:
    for tried, snapshot, state, expected in CASES:
        judgement = judge(tried, snapshot, state)
        if expected is reason and judgement.decision.told is reason:
            assert judgement.wrong == ()
            assert judgement.right is None


def test_wrong_card_counts_for_nothing() -> None:
    assert judge(attempt("04A1B2C3", RF), house()).wrong == ()


def test_lock_closes_codes_only() -> None:
    snapshot = house([credential(PIN, "482915"), credential(CARD, "04A1B2C3"), credential(QR, "hello")])
    assert judge(attempt(), snapshot, locked()).decision.reason is Reason.LOCKED_OUT
    assert judge(attempt("04A1B2C3", RF), snapshot, locked()).decision.granted
    assert judge(attempt("hello", UnlockMethod.QR), snapshot, locked()).decision.granted


def test_lock_of_one_reader_leaves_the_others_open() -> None:
    assert judge(attempt(at=DOOR_A), pin(), locked(GATE)).decision.granted


def test_right_code_clears_the_readers_counter() -> None:
    assert judge(attempt(), pin()).right == LockKey(GATE)


# --- APT+PIN --------------------------------------------------------------------------------------------------------


def two_101s(pin_a: str = "4829", pin_b: str = "7316") -> Snapshot:
    return house([credential(PIN, pin_a, A101, id="a"), credential(PIN, pin_b, B101, id="b")], **APT_MODE)


def test_the_pin_decides_between_equal_numbers_in_two_buildings() -> None:
    assert judge(attempt("4829", APT_PIN, apartment="101"), two_101s()).decision.apartment == A101
    judgement = judge(attempt("7316", APT_PIN, apartment="101"), two_101s())
    assert judgement.decision.apartment == B101
    assert judgement.right == LockKey(GATE, B101)


def test_two_matches_are_ambiguous_unless_the_building_is_named() -> None:
    same = two_101s("4829", "4829")
    judgement = judge(attempt("4829", APT_PIN, apartment="101"), same)
    assert judgement.decision.reason is Reason.AMBIGUOUS
    assert set(judgement.wrong) == {LockKey(GATE, A101), LockKey(GATE, B101)}
    assert judge(attempt("4829", APT_PIN, apartment="101", building="B"), same).decision.apartment == B101


def test_wrong_pin_counts_for_all_candidates_and_not_for_the_reader() -> None:
    judgement = judge(attempt("0001", APT_PIN, apartment="101"), two_101s())
    assert set(judgement.wrong) == {LockKey(GATE, A101), LockKey(GATE, B101)}


@pytest.mark.parametrize("apartment", ["999", "", None, "101 "])
def test_try_that_names_no_apartment_counts_for_the_reader(apartment: str | None) -> None:
    judgement = judge(attempt("4829", APT_PIN, apartment=apartment), two_101s())
    assert judgement.decision.reason is Reason.UNKNOWN_CREDENTIAL
    assert judgement.wrong == (LockKey(GATE),)


def test_right_pin_of_an_apartment_not_served_counts_for_the_reader_and_the_log_has_the_truth() -> None:
    snapshot = house([credential(PIN, "7316", B201)], **APT_MODE)
    judgement = judge(attempt("7316", APT_PIN, at=DOOR_A, apartment="201"), snapshot)
    assert judgement.decision.reason is Reason.DOOR_NOT_SERVED
    assert judgement.decision.told is Reason.UNKNOWN_CREDENTIAL
    assert judgement.wrong == (LockKey(DOOR_A),)


def test_pin_of_the_same_number_in_a_building_not_served_counts_for_the_apartment_served() -> None:
    judgement = judge(attempt("7316", APT_PIN, at=DOOR_A, apartment="101"), two_101s())
    assert judgement.decision.reason is Reason.DOOR_NOT_SERVED
    assert judgement.wrong == (LockKey(DOOR_A, A101),)


def apartment_locked(*keys: LockKey) -> DoorState:
    lockout = Lockout()
    for key in keys:
        for _ in range(TRIES):
            lockout.wrong(key, 0.0)
    return DoorState(lockout, 1.0)


def test_hammering_one_apartment_never_locks_another() -> None:
    snapshot = house([credential(PIN, "4829", A101), credential(PIN, "7316", A102)], **APT_MODE)
    state = apartment_locked(LockKey(DOOR_A, A101))
    assert (
        judge(attempt("4829", APT_PIN, at=DOOR_A, apartment="101"), snapshot, state).decision.reason
        is Reason.LOCKED_OUT
    )
    assert judge(attempt("7316", APT_PIN, at=DOOR_A, apartment="102"), snapshot, state).decision.granted


def test_a_locked_candidate_is_none_and_the_other_is_judged_alone() -> None:
    state = apartment_locked(LockKey(GATE, A101))
    assert judge(attempt("7316", APT_PIN, apartment="101"), two_101s(), state).decision.granted
    judgement = judge(attempt("4829", APT_PIN, apartment="101"), two_101s(), state)
    assert judgement.decision.reason is Reason.UNKNOWN_CREDENTIAL
    assert judgement.wrong == (LockKey(GATE, B101),)
    both = apartment_locked(LockKey(GATE, A101), LockKey(GATE, B101))
    assert judge(attempt("7316", APT_PIN, apartment="101"), two_101s(), both).decision.reason is Reason.LOCKED_OUT


def test_lock_of_the_reader_refuses_only_tries_that_name_no_apartment() -> None:
    state = apartment_locked(LockKey(GATE))
    assert judge(attempt("4829", APT_PIN, apartment="101"), two_101s(), state).decision.granted
    assert judge(attempt("4829", APT_PIN, apartment="999"), two_101s(), state).decision.reason is Reason.LOCKED_OUT


@pytest.mark.parametrize(("method", "mode"), [(UnlockMethod.PIN, PinMode.APT_PIN), (UnlockMethod.APT_PIN, PinMode.PIN)])
def test_the_other_modes_code_is_not_on_the_relay_and_not_counted(method: UnlockMethod, mode: PinMode) -> None:
    snapshot = house([credential(PIN, "482915")], pin_mode=mode)
    judgement = judge(attempt(method=method, apartment="101"), snapshot)
    assert judgement.decision.reason is Reason.METHOD_NOT_ON_RELAY
    assert judgement.wrong == ()


# --- rules one by one -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["482915 ", " 482915", "４８２９１５", "482915\n", "+482915", "0482915"])
def test_nothing_of_a_pin_is_trimmed_or_converted(value: str) -> None:
    assert judge(attempt(value), pin()).decision.reason is Reason.UNKNOWN_CREDENTIAL


def test_kinds_are_separate() -> None:
    snapshot = house([credential(CARD, "04A1B2C3")])
    assert judge(attempt("04A1B2C3", UnlockMethod.NFC), snapshot).decision.reason is Reason.UNKNOWN_CREDENTIAL


def test_disabled_relay_opens_nothing() -> None:
    off = door(GATE, relays=(Relay(1, enabled=False, methods=frozenset({UnlockMethod.PIN})),))
    snapshot = house([credential(PIN, "482915")], devices=[off])
    assert judge(attempt(), snapshot).decision.reason is Reason.METHOD_NOT_ON_RELAY


def test_method_opens_exactly_the_enabled_relays_that_list_it() -> None:
    assert judge(attempt(), pin()).decision.holds == {"1": 3}


def test_private_door_serves_its_apartment_only() -> None:
    assert judge(attempt(at=PRIVATE), pin()).decision.granted
    assert judge(attempt(at=PRIVATE), pin(apartment=A102)).decision.reason is Reason.DOOR_NOT_SERVED


def test_any_device_with_an_enabled_relay_may_send_attempts() -> None:
    monitor = door(MONITOR, relays=(Relay(1, methods=frozenset({UnlockMethod.PIN})),))
    assert judge(attempt(at=MONITOR), house([credential(PIN, "482915")], devices=[monitor])).decision.granted


def test_doors_of_a_credential_narrow_and_never_widen() -> None:
    assert judge(attempt(), pin(doors=frozenset({GATE}))).decision.granted
    assert judge(attempt(), pin(doors=frozenset({DOOR_A}))).decision.reason is Reason.DOOR_NOT_SERVED
    widened = pin(apartment=B201, doors=frozenset({DOOR_A}))
    assert judge(attempt(at=DOOR_A), widened).decision.reason is Reason.DOOR_NOT_SERVED


@pytest.mark.parametrize("origin", [Origin.INSTALLER, Origin.RESIDENT])
def test_only_managers_are_kept_from_private_doors_of_public_only_communities(origin: Origin) -> None:
    snapshot = house([credential(PIN, "482915", origin=origin)], permission=AccessPermission.PUBLIC_ONLY)
    assert judge(attempt(at=PRIVATE), snapshot).decision.granted
    managers = house([credential(PIN, "482915", origin=Origin.MANAGER)], permission=AccessPermission.PUBLIC_ONLY)
    assert judge(attempt(at=GATE), managers).decision.granted
    anywhere = house([credential(PIN, "482915", origin=Origin.MANAGER)])
    assert judge(attempt(at=PRIVATE), anywhere).decision.granted


def test_validity_is_from_inclusive_to_until_exclusive() -> None:
    snapshot = pin(valid_from_ms=NOW_MS, valid_until_ms=NOW_MS + 1_000)
    assert not judge(attempt(), snapshot, now_ms=NOW_MS - 1).decision.granted
    assert judge(attempt(), snapshot, now_ms=NOW_MS).decision.granted
    assert judge(attempt(), snapshot, now_ms=NOW_MS + 999).decision.granted
    assert not judge(attempt(), snapshot, now_ms=NOW_MS + 1_000).decision.granted


def test_schedule_is_judged_by_the_edges_clock_in_the_communitys_zone() -> None:
    noon_hour = Schedule(OFFICE_HOURS, "noon", (WeeklyRow(3, 13 * 60, 14 * 60),))  # Thursday 13:00-14:00 in Berlin
    snapshot = house([credential(PIN, "482915", schedule=OFFICE_HOURS)], schedules=[noon_hour])
    assert judge(attempt(), snapshot).decision.granted
    assert not judge(attempt(), snapshot, now_ms=NOW_MS + 3_600_000).decision.granted
    of_1970 = replace(attempt(), at_ms=0)
    assert judge(of_1970, snapshot).decision.granted


def test_a_schedule_that_is_gone_means_never() -> None:
    gone = pin(schedule=ScheduleId("s-gone"))
    assert judge(attempt(), gone).decision.reason is Reason.OUTSIDE_SCHEDULE


@pytest.mark.parametrize("method", [RF, UnlockMethod.NFC])
def test_blocked_apartments_keep_their_keys(method: UnlockMethod) -> None:
    kind = CredentialKind(method.value)
    assert judge(attempt("04A1B2C3", method), house([credential(kind, "04A1B2C3", BLOCKED)])).decision.granted
    off = house([credential(kind, "04A1B2C3", OFF)])
    assert judge(attempt("04A1B2C3", method), off).decision.reason is Reason.SERVICE_OFF


@pytest.mark.parametrize("method", [UnlockMethod.PIN, UnlockMethod.QR, UnlockMethod.FACE])
def test_basic_plan_refuses_at_the_door(method: UnlockMethod) -> None:
    judgement = judge(attempt("482915", method), house(plan=FeaturePlan.BASIC))
    assert judgement.decision.reason is Reason.PLAN
    assert judgement.wrong == ()
    card = house([credential(CARD, "04A1B2C3")], plan=FeaturePlan.BASIC)
    assert judge(attempt("04A1B2C3", RF), card).decision.granted


def test_grant_of_a_counted_credential_consumes_one_use() -> None:
    judgement = judge(attempt(), pin(uses_left=1))
    assert judgement.consumes == judgement.decision.credential
    assert judge(attempt(), pin()).consumes is None
    assert judge(attempt(), pin(uses_left=1, valid_until_ms=NOW_MS - DAY_MS)).consumes is None


def test_uses_reserved_elsewhere_are_spent() -> None:
    state = DoorState(uses_left=lambda _: 0)
    assert judge(attempt(), pin(uses_left=1), state).decision.reason is Reason.USES_SPENT


def test_methods_that_present_nothing_never_match() -> None:
    judgement = judge(attempt("482915", UnlockMethod.DTMF), pin())
    assert judgement.decision.reason is Reason.UNKNOWN_CREDENTIAL


def test_tags_of_another_community_do_not_match() -> None:
    other = type(TAGGER)(b"0123456789abcdef", CommunityId("c-other"))
    assert not decide(attempt(), pin(), DoorState(), NOW_MS, other).decision.granted
