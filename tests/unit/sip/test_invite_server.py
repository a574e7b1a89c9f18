"""RFC 3261 §17.2.1 figure 7 and RFC 6026 §7.1, time in the test's hands."""

import pytest

from sip.invite_server import InviteServerTransaction
from sip.transaction import T1, T2, T4, Effect, Input, State


def at_rest(state: State, *, reliable: bool = False) -> InviteServerTransaction:
    tx = InviteServerTransaction(0.0, reliable=reliable)
    path = {
        State.PROCEEDING: (),
        State.ACCEPTED: (Input.SEND_2XX,),
        State.COMPLETED: (Input.SEND_ERROR,),
        State.CONFIRMED: (Input.SEND_ERROR, Input.ACK),
    }[state]
    for event in path:
        tx.feed(event, 0.0)
    assert tx.state is state
    return tx


def test_lost_ack_is_reported_when_timer_h_fires():
    tx = at_rest(State.COMPLETED)
    assert tx.due == {Input.TIMER_G: T1, Input.TIMER_H: 64 * T1}
    assert tx.feed(Input.TIMER_H, now=64 * T1) == (Effect.REPORT_TIMEOUT,)
    assert tx.state is State.TERMINATED
    assert tx.due == {}


def test_a_refusal_is_repeated_ever_slower_up_to_t2():
    tx = at_rest(State.COMPLETED)
    intervals, now = [], 0.0
    for _ in range(6):
        intervals.append(tx.due[Input.TIMER_G] - now)
        now = tx.due[Input.TIMER_G]
        assert tx.feed(Input.TIMER_G, now) == (Effect.RETRANSMIT,)
    assert intervals == [T1, 1.0, 2.0, T2, T2, T2]
    assert tx.due[Input.TIMER_H] == 64 * T1  # the retransmissions do not prolong it


def test_the_ack_ends_the_repetition_and_its_repeats_are_absorbed():
    tx = at_rest(State.COMPLETED)
    assert tx.feed(Input.ACK, 1.0) == ()
    assert tx.due == {Input.TIMER_I: 1.0 + T4}
    assert tx.feed(Input.ACK, 2.0) == ()
    assert tx.feed(Input.REQUEST, 2.0) == ()
    tx.feed(Input.TIMER_I, 1.0 + T4)
    assert tx.terminated


def test_accepted_absorbs_invites_passes_acks_and_lets_the_user_repeat_its_2xx():
    tx = at_rest(State.ACCEPTED)
    assert tx.due == {Input.TIMER_L: 64 * T1}
    assert tx.feed(Input.REQUEST, 1.0) == ()
    assert tx.feed(Input.SEND_2XX, 1.0) == (Effect.TRANSMIT,)
    assert tx.feed(Input.ACK, 2.0) == (Effect.PASS,)
    assert tx.feed(Input.SEND_ERROR, 2.0) == ()  # a second final answer goes nowhere
    tx.feed(Input.TIMER_L, 64 * T1)
    assert tx.terminated


def test_an_invite_that_rings_has_no_time_limit():
    tx = at_rest(State.PROCEEDING)
    assert tx.due == {}
    assert tx.feed(Input.SEND_1XX, 1000.0) == (Effect.TRANSMIT,)
    assert tx.feed(Input.REQUEST, 1000.0) == (Effect.RETRANSMIT,)


def test_a_reliable_transport_repeats_nothing_and_waits_for_nothing():
    tx = at_rest(State.COMPLETED, reliable=True)
    assert tx.due == {Input.TIMER_H: 64 * T1}
    tx.feed(Input.ACK, 1.0)
    assert tx.terminated
    assert tx.due == {}


@pytest.mark.parametrize("state", [State.PROCEEDING, State.COMPLETED])
def test_a_dead_transport_is_reported(state):
    tx = at_rest(state)
    assert tx.feed(Input.TRANSPORT_ERROR, 1.0) == (Effect.REPORT_TRANSPORT_ERROR,)
    assert tx.terminated
