"""What the four transaction machines share: their words, and the dozen lines that follow a table (RFC 3261 §17).

A machine has no socket and no clock. The caller feeds inputs with the present time, carries out the effects, reads
from `due` when it wants to be called again, and feeds that timer.
"""

import enum
from collections.abc import Mapping
from typing import ClassVar, Final

T1: Final = 0.5  # seconds, round-trip estimate (RFC 3261 §17.1.1.1)
T2: Final = 4.0  # seconds, longest interval of a non-INVITE or response retransmission
T4: Final = 5.0  # seconds, how long the network may keep a message


class _Word(enum.Enum):
    """A member is one object, so its address is hash enough; `enum` computes one from the name, slowly, and every step
    of a machine looks two of them up."""

    __hash__ = object.__hash__


class State(_Word):
    CALLING = "calling"  # INVITE client
    TRYING = "trying"
    PROCEEDING = "proceeding"
    ACCEPTED = "accepted"  # RFC 6026
    COMPLETED = "completed"
    CONFIRMED = "confirmed"  # INVITE server
    TERMINATED = "terminated"


class Input(_Word):
    """Messages, wishes of the transaction user, and timers by their letters in RFC 3261."""

    REQUEST = "request"  # the request, again
    ACK = "ack"
    SEND_1XX = "send 1xx"
    SEND_2XX = "send 2xx"
    SEND_ERROR = "send 300-699"
    SEND_FINAL = "send final"
    RECV_1XX = "receive 1xx"
    RECV_2XX = "receive 2xx"
    RECV_ERROR = "receive 300-699"
    RECV_FINAL = "receive final"
    TRANSPORT_ERROR = "transport error"
    TIMER_A = "A"
    TIMER_B = "B"
    TIMER_D = "D"
    TIMER_E = "E"
    TIMER_F = "F"
    TIMER_G = "G"
    TIMER_H = "H"
    TIMER_I = "I"
    TIMER_J = "J"
    TIMER_K = "K"
    TIMER_L = "L"
    TIMER_M = "M"


class Effect(_Word):
    TRANSMIT = "transmit"  # what the transaction user has just handed over
    RETRANSMIT = "retransmit"  # the last message sent
    SEND_ACK = "send ACK"
    PASS = "pass"  # the message goes to the transaction user  # noqa: S105  # not a password
    REPORT_TIMEOUT = "report timeout"
    REPORT_TRANSPORT_ERROR = "report transport error"


Transitions = Mapping[tuple[State, Input], tuple[State, tuple[Effect, ...]]]
Timers = Mapping[State, Mapping[Input, float]]

RETRANSMITTING: Final = frozenset((Input.TIMER_A, Input.TIMER_E, Input.TIMER_G))  # never on a reliable transport
WAITING_OUT: Final = frozenset((Input.TIMER_D, Input.TIMER_I, Input.TIMER_J, Input.TIMER_K))  # 0 s on a reliable one
LAST: Final = WAITING_OUT | {Input.TIMER_L, Input.TIMER_M}  # end what only absorbs repetitions


class Machine:
    """One transaction that follows the tables of its class. *now* is monotonic seconds, given by the caller."""

    INITIAL: ClassVar[State]
    TRANSITIONS: ClassVar[Transitions]
    TIMERS_ON_ENTRY: ClassVar[Timers]  # seconds from entry
    INTERVAL_ON_ENTRY: ClassVar[Mapping[State, float]] = {}  # of retransmissions; absent: goes on as it was
    LONGEST_INTERVAL: ClassVar[float] = float("inf")
    LINGERS_S: ClassVar[Mapping[State, float]]  # states that only absorb repetitions, and for how long

    __slots__ = ("_interval", "due", "reliable", "state")

    def __init_subclass__(cls) -> None:
        timers = {state: list(entered.items()) for state, entered in cls.TIMERS_ON_ENTRY.items()}
        cls.LINGERS_S = {state: of[0][1] for state, of in timers.items() if len(of) == 1 and of[0][0] in LAST}

    def __init__(self, now: float, *, reliable: bool = False) -> None:
        self.state = self.INITIAL
        self.reliable = reliable
        self.due: dict[Input, float] = {}
        self._interval = T1
        self._enter(now)

    def feed(self, event: Input, now: float) -> tuple[Effect, ...]:
        """Take *event* and say what is to be done now. A pair that the table lacks is ignored."""
        self.due.pop(event, None)
        before = self.state
        try:
            self.state, effects = self.TRANSITIONS[before, event]
        except KeyError:
            return ()
        if self.state is not before:
            self._enter(now)
        elif event in RETRANSMITTING:
            self._interval = min(2 * self._interval, self.LONGEST_INTERVAL)
            self.due[event] = now + self._interval
        return effects

    @property
    def terminated(self) -> bool:
        return self.state is State.TERMINATED

    def _enter(self, now: float) -> None:
        """Set the timers of the state just entered; on a reliable transport only those that mean something there."""
        running, self.due = self.due, {}
        self._interval = self.INTERVAL_ON_ENTRY.get(self.state, self._interval)
        for timer, after in self.TIMERS_ON_ENTRY.get(self.state, {}).items():
            if self.reliable and timer in RETRANSMITTING:
                continue
            if self.reliable and timer in WAITING_OUT:
                self.state = self.TRANSITIONS[self.state, timer][0]
                self.due = {}
                return
            self.due[timer] = running.get(timer, now + after)
