"""The call machine by ladder scripts."""

import pytest

from edge.core.call import CallState
from edge.core.call_events import CallerConfirmed, LegAnswered, Record, Start
from edge.core.call_legs import MAX_LEGS
from edge.core.settings import CallSettings
from models.call import CallOutcome, DigitSource, EndedBy, LegKind, LegState, Refusal, Target
from tests.unit.edge.core.call_script import (
    ANN,
    DOOR,
    GUARD,
    KITCHEN,
    LANDLINE,
    LANDLINE_2,
    LANDLINE_3,
    MONITOR,
    machine,
    plan,
    play,
)

S = LegState


def states(call):
    return [leg.state for leg in call.record.legs]


# --- stages ---------------------------------------------------------------------------------------------------------


def test_the_legs_of_a_stage_ring_together_and_the_first_answer_wins():
    call = play(
        machine(plan([MONITOR, ANN])),
        """
        0.0 >> Start              << RingLeg(0, Living room), RingLeg(1, Ann App)
        0.1 >> LegRinging(0)      << Progress(180)
        0.2 >> LegRinging(1)      <<
        3.0 >> LegAnswered(0)     << Bridge(0), CancelLeg(1, COMPLETED_ELSEWHERE)
        3.1 >> CallerConfirmed    <<
        9.0 >> CallerHungUp       << HangUpLeg(0), Finished(VISITOR)
        """,
    )
    row = call.record
    assert (row.outcome, row.status, row.answered_by, row.ended_by) == (
        CallOutcome.ANSWERED,
        200,
        0,
        EndedBy.VISITOR,
    )
    assert [(leg.state, leg.rang_s) for leg in row.legs] == [(S.ANSWERED, 3.0), (S.LOST, 3.0)]
    assert row.duration_s == 6.0
    assert call.next_due() is None


def test_two_answers_in_one_instant_one_talks_and_the_other_gets_a_bye():
    play(
        machine(plan([MONITOR, ANN])),
        """
        0.0 >> Start              << RingLeg(0, Living room), RingLeg(1, Ann App)
        3.0 >> LegAnswered(1)     << Bridge(1), CancelLeg(0, COMPLETED_ELSEWHERE)
        3.0 >> LegAnswered(0)     << HangUpLeg(0)
        3.0 >> LegAnswered(0)     <<
        3.1 >> LegHungUp(0)       <<
        9.0 >> LegHungUp(1)       << HangUpCaller(), Finished(CALLEE)
        """,
    )


def test_the_487_of_a_cancelled_leg_changes_nothing():
    call = play(
        machine(plan([MONITOR, ANN])),
        """
        0.0 >> Start              << RingLeg(0, Living room), RingLeg(1, Ann App)
        3.0 >> LegAnswered(1)     << Bridge(1), CancelLeg(0, COMPLETED_ELSEWHERE)
        3.0 >> LegFailed(0, 487)  <<
        """,
    )
    assert states(call) == [S.LOST, S.ANSWERED]


def test_a_stage_ends_on_its_ring_time_and_the_last_one_leaves_nobody():
    call = play(
        machine(plan([MONITOR], [ANN], [LANDLINE])),
        """
         0.0 >> Start      << RingLeg(0, Living room)
        20.0 >> Tick       << CancelLeg(0), RingLeg(1, Ann App)
        40.0 >> Tick       << CancelLeg(1), RingLeg(2, …3111)
        60.0 >> Tick       << CancelLeg(2), Refuse(480, nobody), Finished(EDGE)
        60.1 >> LegAnswered(2)    << HangUpLeg(2)
        """,
    )
    row = call.record
    assert states(call) == [S.TIMEOUT] * 3
    assert [leg.rang_s for leg in row.legs] == [20.0] * 3
    assert (row.outcome, row.status, row.ended_by) == (CallOutcome.NO_ANSWER, 480, EndedBy.EDGE)
    assert row.stages == ((0,), (1,), (2,))


def test_a_stage_ends_at_once_when_every_leg_has_failed():
    play(
        machine(plan([MONITOR, KITCHEN], [ANN])),
        """
        0.0 >> Start              << RingLeg(0, Living room), RingLeg(1, Kitchen)
        1.0 >> LegFailed(0, 486)  <<
        2.0 >> LegFailed(1, 480)  << RingLeg(2, Ann App)
        """,
    )


def test_a_stage_without_a_reachable_leg_is_passed_over_at_once():
    call = play(
        machine(plan([MONITOR], [ANN], [LANDLINE]), {MONITOR: 0, ANN: 0}),
        "0.0 >> Start << RingLeg(2, …3111)",
    )
    assert states(call) == [S.SKIPPED, S.SKIPPED, S.RINGING]
    assert call.record.stages == ((0,), (1,), (2,))


def test_nobody_reachable_at_all():
    call = play(
        machine(plan([MONITOR], [ANN]), {MONITOR: 0, ANN: 0}),
        "0.0 >> Start << Refuse(480, nobody), Finished(EDGE)",
    )
    assert states(call) == [S.SKIPPED, S.SKIPPED]


def test_an_apartment_without_any_leg_is_nobody():
    """A handset only: the edge has no leg for it (decision 30)."""
    call = play(machine(plan([])), "0.0 >> Start << Refuse(480, nobody), Finished(EDGE)")
    assert call.record.outcome is CallOutcome.NO_ANSWER


def test_an_address_with_several_contacts_is_a_leg_for_each():
    call = play(
        machine(plan([MONITOR, ANN]), {ANN: 2}),
        """
        0.0 >> Start           << RingLeg(0, Living room), RingLeg(1, Ann App), RingLeg(2, Ann App)
        1.0 >> LegAnswered(2)  << Bridge(2), CancelLeg(0, COMPLETED_ELSEWHERE), CancelLeg(1, COMPLETED_ELSEWHERE)
        """,
    )
    assert call.answered_by == ANN


def test_a_call_has_a_bounded_number_of_legs():
    call = machine(plan([ANN], [MONITOR]), {ANN: MAX_LEGS + 5})
    assert len([c for c in call.feed(Start(), 0.0) if not isinstance(c, Record)]) == MAX_LEGS
    assert len(call.record.legs) == MAX_LEGS


def test_a_late_tick_moves_one_stage_on_with_a_ring_time_of_its_own():
    play(
        machine(plan([MONITOR], [ANN])),
        """
         0.0 >> Start              << RingLeg(0, Living room)
        25.0 >> LegFailed(0, 480)  << RingLeg(1, Ann App)
        45.0 >> Tick               << CancelLeg(1), Refuse(480, nobody), Finished(EDGE)
        """,
    )


# --- landlines ------------------------------------------------------------------------------------------------------


def test_landlines_ring_in_turn_each_for_a_ring_time_of_its_own():
    call = play(
        machine(plan([LANDLINE, LANDLINE_2, LANDLINE_3])),
        """
         0.0 >> Start              << RingLeg(0, …3111)
        20.0 >> Tick               << CancelLeg(0), RingLeg(1, …3222)
        25.0 >> LegFailed(1, 486)  << RingLeg(2, …3333)
        45.0 >> Tick               << CancelLeg(2), Refuse(480, nobody), Finished(EDGE)
        """,
    )
    assert states(call) == [S.TIMEOUT, S.BUSY, S.TIMEOUT]
    assert call.record.stages == ((0, 1, 2),)


def test_other_legs_of_the_stage_ring_on_while_landlines_take_turns():
    play(
        machine(plan([MONITOR, LANDLINE, LANDLINE_2])),
        """
         0.0 >> Start           << RingLeg(0, Living room), RingLeg(1, …3111)
        20.0 >> Tick            << CancelLeg(1), RingLeg(2, …3222)
        40.0 >> Tick            << CancelLeg(2), CancelLeg(0), Refuse(480, nobody), Finished(EDGE)
        """,
    )


def test_landlines_that_fail_at_once_do_not_shorten_the_other_legs_ring_time():
    play(
        machine(plan([MONITOR, LANDLINE, LANDLINE_2])),
        """
         0.0 >> Start              << RingLeg(0, Living room), RingLeg(1, …3111)
         1.0 >> LegFailed(1, 503)  << RingLeg(2, …3222)
         2.0 >> LegFailed(2, 503)  <<
        20.0 >> Tick               << CancelLeg(0), Refuse(480, nobody), Finished(EDGE)
        """,
    )


def test_a_last_landline_that_fails_after_the_ring_time_ends_the_stage():
    play(
        machine(plan([MONITOR, LANDLINE, LANDLINE_2], [GUARD])),
        """
         0.0 >> Start              << RingLeg(0, Living room), RingLeg(1, …3111)
        20.0 >> Tick               << CancelLeg(1), RingLeg(2, …3222)
        30.0 >> LegFailed(2, 486)  << CancelLeg(0), RingLeg(3, Porter)
        """,
    )


def test_landlines_together():
    play(
        machine(plan([LANDLINE, LANDLINE_2], in_turn=False)),
        """
         0.0 >> Start  << RingLeg(0, …3111), RingLeg(1, …3222)
        20.0 >> Tick   << CancelLeg(0), CancelLeg(1), Refuse(480, nobody), Finished(EDGE)
        """,
    )


def test_an_unreachable_landline_loses_its_turn_at_once():
    call = play(
        machine(plan([LANDLINE, LANDLINE_2]), {LANDLINE: 0}),
        "0.0 >> Start << RingLeg(1, …3222)",
    )
    assert states(call) == [S.SKIPPED, S.RINGING]


CONFIRM = CallSettings(landline_confirm=True)


def test_a_landline_wins_only_after_pressing_1_where_so_configured():
    call = play(
        machine(plan([MONITOR, LANDLINE]), settings=CONFIRM),
        """
        0.0 >> Start                    << RingLeg(0, Living room), RingLeg(1, …3111)
        2.0 >> LegAnswered(1)           << AskConfirm(1)
        3.0 >> Digit(1, '2', RFC4733)   <<
        4.0 >> Digit(1, '1', RFC4733)   << Bridge(1), CancelLeg(0, COMPLETED_ELSEWHERE)
        4.1 >> CallerConfirmed          <<
        4.2 >> Digit(1, '1', INFO)      <<
        5.0 >> Digit(1, '1', RFC4733)   << RequestOpen(1, 1)
        """,
    )
    assert call.record.legs[1].rang_s == 4.0


def test_a_landline_that_never_presses_1_is_hung_up_with_its_turn():
    call = play(
        machine(plan([LANDLINE, LANDLINE_2]), settings=CONFIRM),
        """
         0.0 >> Start                    << RingLeg(0, …3111)
         2.0 >> LegAnswered(0)           << AskConfirm(0)
         2.0 >> LegAnswered(0)           <<
        20.0 >> Tick                     << HangUpLeg(0), RingLeg(1, …3222)
        21.0 >> LegAnswered(1)           << AskConfirm(1)
        22.0 >> LegHungUp(1)             << Refuse(480, nobody), Finished(EDGE)
        """,
    )
    assert states(call) == [S.TIMEOUT, S.FAILED]


def test_a_monitor_wins_over_a_landline_that_has_not_pressed_1():
    play(
        machine(plan([MONITOR, LANDLINE]), settings=CONFIRM),
        """
        0.0 >> Start           << RingLeg(0, Living room), RingLeg(1, …3111)
        2.0 >> LegAnswered(1)  << AskConfirm(1)
        3.0 >> LegAnswered(0)  << Bridge(0), HangUpLeg(1)
        """,
    )


# --- busy, declined, failed -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [600, 603, 607, 608, 699])
def test_a_decline_at_home_ends_the_whole_call(status):
    call = play(
        machine(plan([MONITOR, ANN], [LANDLINE])),
        f"""
        0.0 >> Start                   << RingLeg(0, Living room), RingLeg(1, Ann App)
        2.0 >> LegFailed(0, {status})  << CancelLeg(1, DECLINED_ELSEWHERE), Refuse(603, declined), Finished(CALLEE)
        """,
    )
    row = call.record
    assert (row.outcome, row.status, row.ended_by) == (CallOutcome.DECLINED, 603, EndedBy.CALLEE)
    assert states(call) == [S.DECLINED, S.CANCELLED]


@pytest.mark.parametrize("status", [604, 606])
def test_604_and_606_end_only_the_leg(status):
    play(
        machine(plan([MONITOR, ANN])),
        f"""
        0.0 >> Start                   << RingLeg(0, Living room), RingLeg(1, Ann App)
        2.0 >> LegFailed(0, {status})  <<
        3.0 >> LegAnswered(1)          << Bridge(1)
        """,
    )


def test_a_decline_ends_only_its_leg_where_so_configured():
    call = play(
        machine(plan([MONITOR, ANN], [LANDLINE]), settings=CallSettings(decline_ends_call=False)),
        """
        0.0 >> Start              << RingLeg(0, Living room), RingLeg(1, Ann App)
        2.0 >> LegFailed(0, 603)  <<
        3.0 >> LegFailed(1, 603)  << RingLeg(2, …3111)
        """,
    )
    assert states(call) == [S.DECLINED, S.DECLINED, S.RINGING]


def test_where_all_declined_one_by_one_the_visitor_is_told_declined():
    call = play(
        machine(plan([MONITOR, ANN]), settings=CallSettings(decline_ends_call=False)),
        """
        0.0 >> Start              << RingLeg(0, Living room), RingLeg(1, Ann App)
        2.0 >> LegFailed(0, 603)  <<
        3.0 >> LegFailed(1, 603)  << Refuse(603, declined), Finished(CALLEE)
        """,
    )
    assert call.record.outcome is CallOutcome.DECLINED


def test_the_trunks_603_ends_only_its_leg_and_is_no_decline():
    """It may be a network's (decision 26)."""
    call = play(
        machine(plan([LANDLINE, LANDLINE_2], in_turn=False)),
        """
        0.0 >> Start              << RingLeg(0, …3111), RingLeg(1, …3222)
        2.0 >> LegFailed(0, 603)  <<
        3.0 >> LegFailed(1, 603)  << Refuse(480, nobody), Finished(EDGE)
        """,
    )
    assert states(call) == [S.DECLINED, S.DECLINED]
    assert call.record.outcome is CallOutcome.NO_ANSWER


def test_one_guards_decline_leaves_the_other_guards_ringing():
    second = Target(LegKind.GUARD, "10000022", "Night porter")
    play(
        machine(plan([GUARD, second])),
        """
        0.0 >> Start              << RingLeg(0, Porter), RingLeg(1, Night porter)
        2.0 >> LegFailed(0, 603)  <<
        3.0 >> LegAnswered(1)     << Bridge(1)
        """,
    )


def test_every_rung_leg_busy_is_486():
    call = play(
        machine(plan([MONITOR, KITCHEN], [ANN], [LANDLINE]), {KITCHEN: 0}),
        """
        0.0 >> Start              << RingLeg(0, Living room)
        1.0 >> LegFailed(0, 486)  << RingLeg(2, Ann App)
        2.0 >> LegFailed(2, 486)  << RingLeg(3, …3111)
        3.0 >> LegFailed(3, 486)  << Refuse(486, busy), Finished(EDGE)
        """,
    )
    assert (call.record.outcome, call.record.status) == (CallOutcome.BUSY, 486)
    assert states(call) == [S.BUSY, S.SKIPPED, S.BUSY, S.BUSY]


def test_one_leg_not_busy_and_the_visitor_is_told_nobody():
    play(
        machine(plan([MONITOR], [ANN])),
        """
         0.0 >> Start              << RingLeg(0, Living room)
         1.0 >> LegFailed(0, 486)  << RingLeg(1, Ann App)
        21.0 >> Tick               << CancelLeg(1), Refuse(480, nobody), Finished(EDGE)
        """,
    )


@pytest.mark.parametrize(
    ("status", "state"),
    [(486, S.BUSY), (408, S.TIMEOUT), (480, S.FAILED), (404, S.FAILED), (500, S.FAILED), (503, S.FAILED)],
)
def test_what_a_final_answer_makes_of_its_leg(status, state):
    call = machine(plan([MONITOR, ANN]))
    play(call, f"0.0 >> Start << RingLeg(0, Living room), RingLeg(1, Ann App)\n1.0 >> LegFailed(0, {status}) <<")
    assert states(call) == [state, S.RINGING]


# --- redirects ------------------------------------------------------------------------------------------------------

AT_HOME = {t.address: t for t in (MONITOR, KITCHEN, ANN, GUARD)}


def test_a_redirect_within_the_apartment_is_followed_in_the_stages_remaining_time():
    call = play(
        machine(plan([MONITOR], [LANDLINE], redirect_to=AT_HOME)),
        """
         0.0 >> Start                              << RingLeg(0, Living room)
         5.0 >> LegFailed(0, 302, ('10000011',))   << RingLeg(1, Ann App)
        20.0 >> Tick                               << CancelLeg(1), RingLeg(2, …3111)
        """,
    )
    assert states(call) == [S.REDIRECTED, S.TIMEOUT, S.RINGING]
    assert call.record.stages == ((0, 1), (2,))


def test_a_redirect_is_followed_once_a_leg():
    call = play(
        machine(plan([MONITOR], redirect_to=AT_HOME)),
        """
         0.0 >> Start                              << RingLeg(0, Living room)
         5.0 >> LegFailed(0, 302, ('10000021',))   << RingLeg(1, Porter)
         6.0 >> LegFailed(1, 302, ('10000011',))   << Refuse(480, nobody), Finished(EDGE)
        """,
    )
    assert states(call) == [S.REDIRECTED, S.FAILED]


@pytest.mark.parametrize("redirect", [(), ("10000099",), ("+43900123456",), ("101",)])
def test_any_other_redirect_is_a_failed_leg(redirect):
    call = play(
        machine(plan([MONITOR], redirect_to=AT_HOME)),
        f"""
        0.0 >> Start                        << RingLeg(0, Living room)
        5.0 >> LegFailed(0, 302, {redirect})  << Refuse(480, nobody), Finished(EDGE)
        """,
    )
    assert states(call) == [S.FAILED]


def test_the_first_contact_that_may_be_followed_is():
    play(
        machine(plan([MONITOR], redirect_to=AT_HOME)),
        """
        0.0 >> Start                                         << RingLeg(0, Living room)
        5.0 >> LegFailed(0, 302, ('10000099', '10000002'))   << RingLeg(1, Kitchen)
        """,
    )


def test_a_redirect_to_whoever_rings_already_rings_nobody_twice():
    call = play(
        machine(plan([MONITOR, ANN], redirect_to=AT_HOME)),
        """
        0.0 >> Start                             << RingLeg(0, Living room), RingLeg(1, Ann App)
        5.0 >> LegFailed(0, 302, ('10000011',))  <<
        6.0 >> LegAnswered(1)                    << Bridge(1)
        """,
    )
    assert states(call) == [S.REDIRECTED, S.ANSWERED]


def test_a_redirect_to_someone_unreachable_ends_the_leg():
    call = play(
        machine(plan([MONITOR], [LANDLINE], redirect_to=AT_HOME), {ANN: 0}),
        """
        0.0 >> Start                             << RingLeg(0, Living room)
        5.0 >> LegFailed(0, 302, ('10000011',))  << RingLeg(2, …3111)
        """,
    )
    assert states(call) == [S.REDIRECTED, S.SKIPPED, S.RINGING]


def test_the_trunks_redirect_is_never_followed():
    call = play(
        machine(plan([LANDLINE], redirect_to=AT_HOME)),
        """
        0.0 >> Start                             << RingLeg(0, …3111)
        5.0 >> LegFailed(0, 302, ('10000011',))  << Refuse(480, nobody), Finished(EDGE)
        """,
    )
    assert states(call) == [S.FAILED]


def test_busy_after_a_redirect_is_busy():
    call = play(
        machine(plan([MONITOR], redirect_to=AT_HOME)),
        """
        0.0 >> Start                             << RingLeg(0, Living room)
        5.0 >> LegFailed(0, 302, ('10000011',))  << RingLeg(1, Ann App)
        6.0 >> LegFailed(1, 486)                 << Refuse(486, busy), Finished(EDGE)
        """,
    )
    assert call.record.outcome is CallOutcome.BUSY


# --- the caller -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("event", ["CallerCancelled", "CallerHungUp"])
def test_a_visitor_who_gives_up_leaves_a_missed_call(event):
    call = play(
        machine(plan([MONITOR, ANN], [LANDLINE])),
        f"""
        0.0 >> Start           << RingLeg(0, Living room), RingLeg(1, Ann App)
        4.0 >> {event}         << CancelLeg(0), CancelLeg(1), Finished(VISITOR)
        4.0 >> LegAnswered(1)  << HangUpLeg(1)
        4.0 >> {event}         <<
        """,
    )
    row = call.record
    assert (row.outcome, row.status, row.ended_by) == (CallOutcome.CANCELLED, 487, EndedBy.VISITOR)
    assert states(call) == [S.CANCELLED, S.CANCELLED]


def test_a_cancel_that_crosses_our_200_has_no_effect():
    call = play(
        machine(plan([MONITOR])),
        """
        0.0 >> Start            << RingLeg(0, Living room)
        4.0 >> LegAnswered(0)   << Bridge(0)
        4.0 >> CallerCancelled  <<
        4.1 >> CallerConfirmed  <<
        4.2 >> CallerHungUp     << HangUpLeg(0), Finished(VISITOR)
        """,
    )
    assert call.record.outcome is CallOutcome.ANSWERED


def test_an_answering_leg_that_is_lost_ends_the_call():
    call = play(
        machine(plan([MONITOR])),
        """
        0.0 >> Start              << RingLeg(0, Living room)
        4.0 >> LegAnswered(0)     << Bridge(0)
        5.0 >> CallerConfirmed    <<
        6.0 >> LegFailed(0, 503)  << HangUpCaller(), Finished(CALLEE)
        """,
    )
    assert call.record.duration_s == 2.0


def test_nobody_talks_longer_than_max_talk_s():
    call = play(
        machine(plan([MONITOR], max_talk_s=60.0)),
        """
         0.0 >> Start            << RingLeg(0, Living room)
         4.0 >> LegAnswered(0)   << Bridge(0)
         4.1 >> CallerConfirmed  <<
        64.0 >> Tick             << HangUpLeg(0), HangUpCaller(max_talk), Finished(EDGE)
        """,
    )
    assert (call.record.ended_by, call.record.duration_s) == (EndedBy.EDGE, 60.0)


def test_the_talk_is_bounded_even_where_the_callers_ack_never_comes():
    call = play(
        machine(plan([MONITOR], max_talk_s=60.0)),
        """
         0.0 >> Start            << RingLeg(0, Living room)
         4.0 >> LegAnswered(0)   << Bridge(0)
        64.0 >> Tick             << HangUpLeg(0), HangUpCaller(max_talk), Finished(EDGE)
        """,
    )
    assert call.state is CallState.OVER


@pytest.mark.parametrize(
    ("refusal", "status"),
    [(Refusal.BLOCKED, 403), (Refusal.NOT_CONNECTED, 403), (Refusal.NOT_ALLOWED, 403), (Refusal.UNKNOWN, 404)],
)
def test_a_refused_plan_rings_nobody(refusal, status):
    call = play(
        machine(plan([MONITOR], refusal=refusal, status=status)),
        f"0.0 >> Start << Refuse({status}, {refusal.value}), Finished(EDGE)",
    )
    row = call.record
    assert (row.outcome, row.reason, row.status) == (CallOutcome.REFUSED, refusal, status)
    assert row.legs == ()


def test_a_door_in_another_call_is_busy():
    call = play(machine(plan(status=486)), "0.0 >> Start << Refuse(486, busy), Finished(EDGE)")
    assert (call.record.outcome, call.record.reason) == (CallOutcome.BUSY, None)


def test_a_caller_gone_before_the_start():
    call = play(machine(plan([MONITOR])), "0.0 >> CallerCancelled << Finished(VISITOR)\n0.0 >> Start <<")
    assert call.record.outcome is CallOutcome.CANCELLED


# --- service, stop --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("event", "answer"), [("", "403, blocked"), ("(OFF)", "404, unknown")])
def test_a_change_of_service_cancels_legs_that_ring(event, answer):
    call = play(
        machine(plan([MONITOR, ANN], [LANDLINE])),
        f"""
        0.0 >> Start                    << RingLeg(0, Living room), RingLeg(1, Ann App)
        3.0 >> ServiceChanged{event}    << CancelLeg(0), CancelLeg(1), Refuse({answer}), Finished(EDGE)
        """,
    )
    assert call.record.outcome is CallOutcome.REFUSED


def test_an_answered_call_goes_on_through_a_change_of_service():
    play(
        machine(plan([MONITOR])),
        """
        0.0 >> Start             << RingLeg(0, Living room)
        3.0 >> LegAnswered(0)    << Bridge(0)
        3.1 >> ServiceChanged    <<
        3.2 >> CallerConfirmed   <<
        3.3 >> ServiceChanged    <<
        9.0 >> LegHungUp(0)      << HangUpCaller(), Finished(CALLEE)
        """,
    )


def test_the_daemon_stops_while_it_rings():
    call = play(
        machine(plan([MONITOR])),
        """
        0.0 >> Start     << RingLeg(0, Living room)
        3.0 >> ForceEnd  << CancelLeg(0), Refuse(480), Finished(EDGE)
        """,
    )
    assert call.record.outcome is CallOutcome.FAILED


def test_the_daemon_stops_while_they_talk():
    call = play(
        machine(plan([MONITOR])),
        """
        0.0 >> Start            << RingLeg(0, Living room)
        3.0 >> LegAnswered(0)   << Bridge(0)
        3.1 >> CallerConfirmed  <<
        4.0 >> ForceEnd         << HangUpLeg(0), HangUpCaller(), Finished(EDGE)
        """,
    )
    assert (call.record.outcome, call.record.ended_by) == (CallOutcome.ANSWERED, EndedBy.EDGE)


# --- what the visitor hears -----------------------------------------------------------------------------------------


def test_early_media_of_the_only_leg_of_a_stage_passes():
    play(
        machine(plan([LANDLINE])),
        """
        0.0 >> Start                    << RingLeg(0, …3111)
        0.5 >> LegRinging(0)            << Progress(180)
        1.0 >> LegRinging(0, 183, True) << Progress(183, 0)
        1.5 >> LegRinging(0, 183, True) <<
        2.0 >> LegRinging(0)            <<
        """,
    )


def test_early_media_of_one_leg_of_many_is_a_plain_180():
    play(
        machine(plan([MONITOR, LANDLINE])),
        """
        0.0 >> Start                    << RingLeg(0, Living room), RingLeg(1, …3111)
        1.0 >> LegRinging(1, 183, True) << Progress(180)
        1.1 >> LegRinging(0, 183, True) <<
        """,
    )


def test_landlines_in_turn_are_legs_of_one_stage():
    play(
        machine(plan([LANDLINE, LANDLINE_2])),
        """
        0.0 >> Start                    << RingLeg(0, …3111)
        1.0 >> LegRinging(0, 183, True) << Progress(180)
        """,
    )


def test_after_early_media_has_ended_the_visitor_hears_it_ring_again_and_no_other_early_media():
    play(
        machine(plan([ANN], [LANDLINE], [GUARD])),
        """
         0.0 >> Start                    << RingLeg(0, Ann App)
         1.0 >> LegRinging(0, 183, True) << Progress(183, 0)
        20.0 >> Tick                     << CancelLeg(0), RingLeg(1, …3111)
        21.0 >> LegRinging(1, 183, True) << Progress(180)
        22.0 >> LegRinging(1, 183, True) <<
        40.0 >> Tick                     << CancelLeg(1), RingLeg(2, Porter)
        41.0 >> LegRinging(2)            <<
        """,
    )


def test_100_trying_and_late_provisionals_are_quiet():
    play(
        machine(plan([MONITOR, ANN])),
        """
        0.0 >> Start               << RingLeg(0, Living room), RingLeg(1, Ann App)
        0.0 >> LegRinging(0, 100)  <<
        1.0 >> LegFailed(0, 486)   <<
        1.1 >> LegRinging(0)       <<
        1.2 >> LegRinging(7)       <<
        """,
    )


# --- digits ---------------------------------------------------------------------------------------------------------


def talking(**fields):
    return play(
        machine(plan([MONITOR, ANN], **fields)),
        """
        0.0 >> Start            << RingLeg(0, Living room), RingLeg(1, Ann App)
        3.0 >> LegAnswered(0)   << Bridge(0), CancelLeg(1, COMPLETED_ELSEWHERE)
        3.1 >> CallerConfirmed  <<
        """,
    )


def test_a_code_of_the_answering_side_asks_for_its_relay():
    call = play(
        talking(),
        """
        4.0 >> Digit(0, '1', RFC4733)  << RequestOpen(1, 0)
        4.1 >> Opened('1')             <<
        8.0 >> Digit(0, '2', INFO)     <<
        9.0 >> Digit(0, '2', INFO)     << RequestOpen(s1, 0)
        9.1 >> Opened('s1')            <<
        9.5 >> Opened('1')             <<
        """,
    )
    assert call.record.opened == ("1", "s1")


def test_the_visitor_can_press_what_it_likes():
    play(
        talking(),
        """
        4.0 >> Digit(None, '1', RFC4733)  <<
        4.1 >> Digit(1, '1', RFC4733)     <<
        """,
    )


def test_the_looking_side_opens_where_the_door_was_called():
    play(
        talking(digits_from=DigitSource.CALLER),
        """
        4.0 >> Digit(0, '1', RFC4733)     <<
        4.1 >> Digit(None, '1', RFC4733)  << RequestOpen(1, None)
        """,
    )


def test_nobody_opens_where_there_is_no_door():
    play(
        talking(digits_from=DigitSource.NOBODY),
        "4.0 >> Digit(0, '1', RFC4733) <<\n5.0 >> Digit(None, '1', RFC4733) <<",
    )


def test_no_digit_counts_before_the_callers_ack():
    play(
        machine(plan([MONITOR])),
        """
        0.0 >> Start                   << RingLeg(0, Living room)
        1.0 >> Digit(0, '1', RFC4733)  <<
        3.0 >> LegAnswered(0)          << Bridge(0)
        3.0 >> Digit(0, '1', RFC4733)  <<
        3.1 >> CallerConfirmed         <<
        3.2 >> Digit(0, '1', INFO)     <<
        5.0 >> Digit(0, '1', INFO)     << RequestOpen(1, 0)
        """,
    )


def test_no_digit_counts_after_the_bye():
    play(talking(), "4.0 >> LegHungUp(0) << HangUpCaller(), Finished(CALLEE)\n4.1 >> Digit(0, '1', RFC4733) <<")


def test_a_code_opens_nothing_until_the_door_rules_say_so():
    call = play(talking(), "4.0 >> Digit(0, '1', RFC4733) << RequestOpen(1, 0)")
    assert call.record.opened == ()


# --- the row --------------------------------------------------------------------------------------------------------


def test_the_row_is_there_at_once_and_only_reported_when_it_changed():
    call = machine(plan([MONITOR]))
    first = [c for c in call.feed(Start(), 0.0) if isinstance(c, Record)]
    assert [(c.record.outcome, c.record.legs[0].state) for c in first] == [(None, S.RINGING)]
    assert [type(c).__name__ for c in call.feed(LegAnswered(0), 2.0)] == ["Bridge", "Record"]
    assert (call.record.outcome, call.record.status, call.record.answered_by) == (None, 200, 0)
    assert call.feed(CallerConfirmed(), 2.1) == []


def test_the_last_row_comes_before_finished():
    call = machine(plan([MONITOR]), {MONITOR: 0})
    assert [type(c).__name__ for c in call.feed(Start(), 0.0)] == ["Refuse", "Record", "Finished"]


def test_a_look_in_is_a_leg_of_kind_door():
    call = play(machine(plan([DOOR], digits_from=DigitSource.CALLER)), "0.0 >> Start << RingLeg(0, Gate)")
    assert call.record.legs[0].kind is LegKind.DOOR


# --- a call that opens a door by itself -------------------------------------------------------------------------------


def test_a_call_that_opens_does_so_once_it_is_confirmed_and_is_hung_up():
    call = play(
        machine(plan(opens="1", digits_from=DigitSource.CALLER)),
        """
        0   >> Start                                  << AnswerAlone()
        1   >> Digit(None, "1", INFO)
        2   >> CallerConfirmed                        << RequestOpen(1, None)
        2   >> Opened("1")
        2   >> Tick                                   << HangUpCaller(), Finished(EDGE)
        """,
    )
    assert (call.record.outcome, call.record.opened) == (CallOutcome.ANSWERED, ("1",))


def test_a_call_that_is_not_confirmed_opens_nothing():
    play(
        machine(plan(opens="1", digits_from=DigitSource.CALLER)),
        """
        0   >> Start                                  << AnswerAlone()
        32  >> CallerHungUp                           << Finished(VISITOR)
        33  >> CallerConfirmed
        """,
    )


def test_a_leg_that_no_invite_left_for_says_why():
    call = machine(plan([LANDLINE]))
    play(call, """
        0 >> Start                                        << RingLeg(0, …3111)
        0 >> LegFailed(0, 503, (), "the trunk is full")   << Refuse(480, nobody), Finished(EDGE)
        """)  # fmt: skip
    assert call.record.legs[0].why == "the trunk is full"
