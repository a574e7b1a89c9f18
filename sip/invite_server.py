"""INVITE server transaction: RFC 3261 §17.2.1 figure 7, with the Accepted state of RFC 6026 §7.1."""

from typing import Final

from sip.transaction import T1, T2, T4, Effect, Input, Machine, State, Timers, Transitions

S, I, E = State, Input, Effect  # noqa: E741  # the letters of the tables

# A pair that is absent is ignored: that is how retransmitted INVITEs are absorbed in Accepted.
TRANSITIONS: Final[Transitions] = {
    (S.PROCEEDING, I.REQUEST): (S.PROCEEDING, (E.RETRANSMIT,)),
    (S.PROCEEDING, I.SEND_1XX): (S.PROCEEDING, (E.TRANSMIT,)),
    (S.PROCEEDING, I.SEND_2XX): (S.ACCEPTED, (E.TRANSMIT,)),
    (S.PROCEEDING, I.SEND_ERROR): (S.COMPLETED, (E.TRANSMIT,)),
    (S.PROCEEDING, I.TRANSPORT_ERROR): (S.TERMINATED, (E.REPORT_TRANSPORT_ERROR,)),
    (S.ACCEPTED, I.SEND_2XX): (S.ACCEPTED, (E.TRANSMIT,)),
    (S.ACCEPTED, I.ACK): (S.ACCEPTED, (E.PASS,)),
    (S.ACCEPTED, I.TIMER_L): (S.TERMINATED, ()),
    (S.COMPLETED, I.REQUEST): (S.COMPLETED, (E.RETRANSMIT,)),
    (S.COMPLETED, I.TIMER_G): (S.COMPLETED, (E.RETRANSMIT,)),
    (S.COMPLETED, I.TIMER_H): (S.TERMINATED, (E.REPORT_TIMEOUT,)),
    (S.COMPLETED, I.TRANSPORT_ERROR): (S.TERMINATED, (E.REPORT_TRANSPORT_ERROR,)),
    (S.COMPLETED, I.ACK): (S.CONFIRMED, ()),
    (S.CONFIRMED, I.TIMER_I): (S.TERMINATED, ()),
}
TIMERS_ON_ENTRY: Final[Timers] = {
    S.ACCEPTED: {I.TIMER_L: 64 * T1},
    S.COMPLETED: {I.TIMER_G: T1, I.TIMER_H: 64 * T1},
    S.CONFIRMED: {I.TIMER_I: T4},
}


class InviteServerTransaction(Machine):
    """Retransmission of a 2xx is the transaction user's work (RFC 3261 §13.3.1.4): it feeds SEND_2XX again."""

    __slots__ = ()
    INITIAL = State.PROCEEDING
    TRANSITIONS = TRANSITIONS
    TIMERS_ON_ENTRY = TIMERS_ON_ENTRY
    LONGEST_INTERVAL = T2
