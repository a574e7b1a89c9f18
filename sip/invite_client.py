"""INVITE client transaction: RFC 3261 §17.1.1 figure 5, with the Accepted state of RFC 6026 §7.2."""

from typing import Final

from sip.transaction import T1, Effect, Input, Machine, State, Timers, Transitions

S, I, E = State, Input, Effect  # noqa: E741  # the letters of the tables

# Timer B runs in Calling only: a ringing INVITE has no limit of 32 s, the ring time ends it.
TRANSITIONS: Final[Transitions] = {
    (S.CALLING, I.TIMER_A): (S.CALLING, (E.RETRANSMIT,)),
    (S.CALLING, I.TIMER_B): (S.TERMINATED, (E.REPORT_TIMEOUT,)),
    (S.CALLING, I.TRANSPORT_ERROR): (S.TERMINATED, (E.REPORT_TRANSPORT_ERROR,)),
    (S.CALLING, I.RECV_1XX): (S.PROCEEDING, (E.PASS,)),
    (S.CALLING, I.RECV_2XX): (S.ACCEPTED, (E.PASS,)),
    (S.CALLING, I.RECV_ERROR): (S.COMPLETED, (E.SEND_ACK, E.PASS)),
    (S.PROCEEDING, I.RECV_1XX): (S.PROCEEDING, (E.PASS,)),
    (S.PROCEEDING, I.RECV_2XX): (S.ACCEPTED, (E.PASS,)),
    (S.PROCEEDING, I.RECV_ERROR): (S.COMPLETED, (E.SEND_ACK, E.PASS)),
    (S.PROCEEDING, I.TRANSPORT_ERROR): (S.TERMINATED, (E.REPORT_TRANSPORT_ERROR,)),
    (S.COMPLETED, I.RECV_ERROR): (S.COMPLETED, (E.SEND_ACK,)),
    (S.COMPLETED, I.TRANSPORT_ERROR): (S.TERMINATED, (E.REPORT_TRANSPORT_ERROR,)),
    (S.COMPLETED, I.TIMER_D): (S.TERMINATED, ()),
    (S.ACCEPTED, I.RECV_2XX): (S.ACCEPTED, (E.PASS,)),
    (S.ACCEPTED, I.TIMER_M): (S.TERMINATED, ()),
}
TIMERS_ON_ENTRY: Final[Timers] = {
    S.CALLING: {I.TIMER_A: T1, I.TIMER_B: 64 * T1},
    S.COMPLETED: {I.TIMER_D: 64 * T1},
    S.ACCEPTED: {I.TIMER_M: 64 * T1},
}


class InviteClientTransaction(Machine):
    """The ACK to a 2xx is the transaction user's work, once for each 2xx that is passed up (RFC 3261 §13.2.2.4)."""

    __slots__ = ()
    INITIAL = State.CALLING
    TRANSITIONS = TRANSITIONS
    TIMERS_ON_ENTRY = TIMERS_ON_ENTRY
