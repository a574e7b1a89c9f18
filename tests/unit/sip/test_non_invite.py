"""RFC 3261 §17.1.2 figure 6 and §17.2.2 figure 8."""

from sip.non_invite import NonInviteClientTransaction, NonInviteServerTransaction
from sip.transaction import T1, T2, T4, Effect, Input, State


def test_the_request_is_repeated_up_to_t2_until_timer_f():
    tx = NonInviteClientTransaction(0.0)
    times = []
    while tx.due[Input.TIMER_E] < tx.due[Input.TIMER_F]:
        now = tx.due[Input.TIMER_E]
        times.append(now)
        assert tx.feed(Input.TIMER_E, now) == (Effect.RETRANSMIT,)
    assert times == [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert tx.feed(Input.TIMER_F, 64 * T1) == (Effect.REPORT_TIMEOUT,)
    assert tx.terminated


def test_a_provisional_answer_slows_the_repetition_and_does_not_stop_timer_f():
    tx = NonInviteClientTransaction(0.0)
    assert tx.feed(Input.RECV_1XX, 0.1) == (Effect.PASS,)
    assert tx.due == {Input.TIMER_E: 0.5, Input.TIMER_F: 64 * T1}
    tx.feed(Input.TIMER_E, 0.5)
    assert tx.due[Input.TIMER_E] == 0.5 + T2
    assert tx.feed(Input.TIMER_F, 64 * T1) == (Effect.REPORT_TIMEOUT,)


def test_the_first_final_answer_is_passed_and_its_repeats_are_absorbed():
    tx = NonInviteClientTransaction(0.0)
    assert tx.feed(Input.RECV_FINAL, 1.0) == (Effect.PASS,)
    assert tx.due == {Input.TIMER_K: 1.0 + T4}
    assert tx.feed(Input.RECV_FINAL, 2.0) == ()
    tx.feed(Input.TIMER_K, 6.0)
    assert tx.terminated


def test_client_on_a_reliable_transport():
    tx = NonInviteClientTransaction(0.0, reliable=True)
    assert tx.due == {Input.TIMER_F: 64 * T1}
    tx.feed(Input.RECV_FINAL, 1.0)
    assert tx.terminated


def test_server_repeats_its_last_answer_only_once_there_is_one():
    tx = NonInviteServerTransaction(0.0)
    assert tx.feed(Input.REQUEST, 0.5) == ()
    assert tx.feed(Input.SEND_1XX, 0.6) == (Effect.TRANSMIT,)
    assert tx.feed(Input.REQUEST, 0.7) == (Effect.RETRANSMIT,)
    assert tx.feed(Input.SEND_FINAL, 1.0) == (Effect.TRANSMIT,)
    assert tx.feed(Input.REQUEST, 1.5) == (Effect.RETRANSMIT,)
    assert tx.feed(Input.SEND_FINAL, 2.0) == ()
    assert tx.due == {Input.TIMER_J: 1.0 + 64 * T1}
    tx.feed(Input.TIMER_J, 33.0)
    assert tx.terminated


def test_server_on_a_reliable_transport_is_done_with_its_answer():
    tx = NonInviteServerTransaction(0.0, reliable=True)
    assert tx.feed(Input.SEND_FINAL, 1.0) == (Effect.TRANSMIT,)
    assert tx.state is State.TERMINATED
