"""RFC 3261 §17.1.1 figure 5 and RFC 6026 §7.2."""

from sip.invite_client import InviteClientTransaction
from sip.transaction import T1, Effect, Input, State


def test_the_request_is_repeated_at_doubling_intervals_until_timer_b():
    tx = InviteClientTransaction(0.0)
    times = []
    while Input.TIMER_A in tx.due and tx.due[Input.TIMER_A] < tx.due[Input.TIMER_B]:
        now = tx.due[Input.TIMER_A]
        times.append(now)
        assert tx.feed(Input.TIMER_A, now) == (Effect.RETRANSMIT,)
    assert times == [0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    assert tx.feed(Input.TIMER_B, 64 * T1) == (Effect.REPORT_TIMEOUT,)
    assert tx.terminated


def test_a_provisional_answer_stops_both_timers():
    tx = InviteClientTransaction(0.0)
    assert tx.feed(Input.RECV_1XX, 0.1) == (Effect.PASS,)
    assert tx.due == {}
    assert tx.state is State.PROCEEDING


def test_a_refusal_is_acknowledged_each_time_and_passed_once():
    tx = InviteClientTransaction(0.0)
    assert tx.feed(Input.RECV_ERROR, 1.0) == (Effect.SEND_ACK, Effect.PASS)
    assert tx.due == {Input.TIMER_D: 1.0 + 64 * T1}
    assert tx.feed(Input.RECV_ERROR, 2.0) == (Effect.SEND_ACK,)
    assert tx.feed(Input.RECV_1XX, 2.0) == ()  # a late 100
    tx.feed(Input.TIMER_D, 40.0)
    assert tx.terminated


def test_every_2xx_is_passed_for_each_wants_an_ack():
    tx = InviteClientTransaction(0.0)
    for now in (1.0, 2.0, 30.0):
        assert tx.feed(Input.RECV_2XX, now) == (Effect.PASS,)
    assert tx.due == {Input.TIMER_M: 1.0 + 64 * T1}
    assert tx.feed(Input.RECV_1XX, 30.0) == ()
    assert tx.feed(Input.RECV_ERROR, 30.0) == ()  # a refusal after an answer means nothing
    tx.feed(Input.TIMER_M, 33.0)
    assert tx.terminated


def test_a_reliable_transport_repeats_nothing():
    tx = InviteClientTransaction(0.0, reliable=True)
    assert tx.due == {Input.TIMER_B: 64 * T1}
    tx.feed(Input.RECV_ERROR, 1.0)
    assert tx.terminated


def test_a_dead_transport_is_reported():
    tx = InviteClientTransaction(0.0)
    assert tx.feed(Input.TRANSPORT_ERROR, 0.0) == (Effect.REPORT_TRANSPORT_ERROR,)
    assert tx.terminated
