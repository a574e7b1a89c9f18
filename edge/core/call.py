"""The call machine: events of the legs go in, commands to the legs come out. No I/O, no clock.

One handler for a pair of state and event; a pair that is absent is ignored, which is how late and repeated events are
absorbed. What answers mean and what the visitor is told stands in `edge.core.call_verdicts`.
"""

import enum
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from edge.core.call_digits import DigitReader
from edge.core.call_events import (
    AnswerAlone,
    AskConfirm,
    Bridge,
    CallerCancelled,
    CallerConfirmed,
    CallerHungUp,
    CancelLeg,
    CancelReason,
    Command,
    Digit,
    Event,
    Finished,
    ForceEnd,
    HangUpCaller,
    HangUpLeg,
    Leg,
    LegAnswered,
    LegFailed,
    LegHungUp,
    LegRinging,
    Opened,
    Progress,
    Reach,
    Record,
    Refuse,
    RequestOpen,
    RingLeg,
    ServiceChanged,
    Start,
    Tick,
)
from edge.core.call_legs import LegBook, LegTried, Phase
from edge.core.call_verdicts import (
    ALL_BUSY,
    DECLINED,
    LEG_STATE_OF_STATUS,
    PROGRESS,
    REFUSED,
    STOPPED,
    TRUNK_KINDS,
    VISITOR_GONE,
    Announcement,
    Heard,
    Verdict,
    ends_call,
)
from edge.core.settings import CallSettings
from models.access import UnlockMethod
from models.call import (
    CallOutcome,
    CallPlan,
    CallRecord,
    DigitSource,
    EndedBy,
    LegKind,
    LegState,
    Refusal,
    Stage,
    Target,
)
from models.ids import CallId

CONFIRM_DIGIT: Final = "1"
MAX_DIALLED_SHOWN: Final = 150  # characters of what was dialled that the row keeps: a building's name and a number


class CallState(enum.Enum):
    NEW = "new"
    RINGING = "ringing"
    ANSWERED = "answered"  # the caller has the 200, its ACK is awaited
    TALKING = "talking"
    OVER = "over"


@dataclass(slots=True)
class _StageRun:
    """The stage that rings now."""

    ring_s: float
    due: float  # end of its ring time, monotonic seconds
    queue: deque[Target] = field(default_factory=deque)  # telephones that have not had their turn
    turn: tuple[LegTried, ...] = ()  # the telephone whose turn it is
    turn_due: float = 0.0

    def next_due(self) -> float:
        """The stage lasts until the last telephone had its turn (decision 22)."""
        return self.turn_due if self.turn else self.due


class CallMachine:
    """One call. *now* is monotonic seconds and never goes back; *at_ms* is Unix milliseconds, for the record.

    Feed `Start` first. After `Finished` nothing is due any more; the only command that can follow is a `HangUpLeg` for
    an answer that crossed its CANCEL.
    """

    def __init__(
        self,
        call_id: CallId,
        plan: CallPlan,
        caller_name: str,
        dialled: str,
        at_ms: int,
        reach: Reach,
        settings: CallSettings,
    ) -> None:
        self.plan = plan
        self.state = CallState.NEW
        self._record = CallRecord(
            call_id,
            at_ms,
            caller_name,
            dialled[:MAX_DIALLED_SHOWN],
            apartment=plan.apartment,
            caller_device=plan.caller_device,
            ring_event=plan.ring_event,
        )
        self._news: dict[str, Any] = {}  # what this event changes in the record, which is made anew once
        self._reach = reach
        self._settings = settings
        self._legs = LegBook()
        self._stages_left: Iterator[Stage] = iter(plan.stages)
        self._run = _StageRun(0.0, float("inf"))
        self._heard = Heard.NOTHING
        self._heard_leg: Leg | None = None
        self._winner: LegTried | None = None
        self._answered_at = self._until = 0.0  # the talk, monotonic seconds
        self._digits = DigitReader(plan.door_codes)
        self._out: list[Command] = []

    @property
    def record(self) -> CallRecord:
        """The row as last reported."""
        return self._record

    @property
    def answered_by(self) -> Target | None:
        return self._winner.target if self._winner else None

    def next_due(self) -> float | None:
        """When to feed `Tick`, monotonic seconds; None = not until another event."""
        if self.state is CallState.RINGING:
            return self._run.next_due()
        if self.state in (CallState.ANSWERED, CallState.TALKING):
            return self._until
        return None

    def feed(self, event: Event, now: float) -> list[Command]:
        """What *event* asks of the driver, in the order to be carried out."""
        handler = _HANDLERS.get((self.state, type(event)))
        if handler is None:
            return []
        before, over = self._legs.states(), self.state is CallState.OVER
        handler(self, event, now)
        commands, self._out = self._out, []
        if self._news or self._legs.states() != before:
            news, self._news = self._news, {}
            self._record = replace(self._record, stages=self._legs.stages(), legs=self._legs.records(now), **news)
            commands.append(Record(self._record))
        if self.state is CallState.OVER and not over and self._record.ended_by is not None:
            commands.append(Finished(self._record.ended_by))
        return commands

    # --- ringing ----------------------------------------------------------------------------------------------------

    def _start(self, _event: Start, now: float) -> None:
        self.state = CallState.RINGING
        if self.plan.refusal is not None:
            self._refuse(REFUSED[self.plan.refusal], now, self.plan.refusal, self.plan.status)
        elif self.plan.status:
            self._refuse(ALL_BUSY, now, None, self.plan.status)
        elif self.plan.opens:
            self._answered(now)
            self._out.append(AnswerAlone())
        else:
            self._next_stage(now)

    def _next_stage(self, now: float) -> None:
        """Ring the next stage that has a reachable leg; without one the call has found nobody."""
        for stage in self._stages_left:
            self._legs.open_stage()
            targets = [leg.target for leg in stage.legs if leg.included]
            in_turn = [t for t in targets if stage.in_turn and t.kind in TRUNK_KINDS]
            self._run = _StageRun(stage.ring_s, now + stage.ring_s, deque(in_turn))
            for target in targets:
                if target not in in_turn:
                    self._ring(target, now)
            self._next_turn(now)
            if self._ringing():
                return
        self._refuse(self._legs.verdict(), now)

    def _next_turn(self, now: float) -> None:
        """The next telephone that can be reached rings for a ring time of its own, beside the stage's other legs."""
        run = self._run
        run.turn = ()
        while run.queue and not run.turn:
            run.turn = self._ring(run.queue.popleft(), now)
            run.turn_due = now + run.ring_s

    def _ring(self, target: Target, now: float, redirected_from: Leg | None = None) -> tuple[LegTried, ...]:
        """One leg for each contact of *target* (decision 23)."""
        rung: list[LegTried] = []
        for contact in self._reach(target):
            leg = self._legs.ring(target, now, redirected_from)
            if leg is not None:
                rung.append(leg)
                self._out.append(RingLeg(leg.number, target, contact))
        if not rung:
            self._legs.skip(target, now)
        return tuple(rung)

    def _ringing(self) -> bool:
        return next(self._legs.live(), None) is not None

    def _settle(self, _event: Event, now: float) -> None:
        """Let pass what is due; then the stage goes on, or gives way to the next."""
        run = self._run
        if run.turn and (now >= run.turn_due or not any(leg.live for leg in run.turn)):
            for leg in run.turn:
                self._give_up(leg, LegState.TIMEOUT, CancelReason.NONE, now)
            self._next_turn(now)
        if not run.turn and now >= run.due:
            self._give_up_all(LegState.TIMEOUT, CancelReason.NONE, now)
        if not self._ringing():
            self._next_stage(now)

    def _leg_ringing(self, event: LegRinging, _now: float) -> None:
        leg = self._legs.get(event.leg)
        if leg is None or leg.phase is not Phase.RINGING or event.status <= 100:
            return
        alone = event.of_edge or (self._legs.rung_in_stage() == 1 and not self._run.queue)
        passed = PROGRESS.get((self._heard, event.early_media and alone))
        if passed is None:
            return
        self._heard, status = passed
        self._heard_leg = leg.number if self._heard is Heard.EARLY_MEDIA else None
        self._out.append(Progress(status, self._heard_leg))

    def _leg_failed(self, event: LegFailed, now: float) -> None:
        leg = self._legs.get(event.leg)
        if leg is None or not leg.live:
            return
        leg.why = event.why
        if ends_call(leg.target.kind, event.status, self._settings.decline_ends_call):
            self._end_leg(leg, LegState.DECLINED, Phase.OVER, now)
            self._give_up_all(LegState.CANCELLED, CancelReason.DECLINED_ELSEWHERE, now)
            self._refuse(DECLINED, now)
            return
        target = self._followed(leg, event)
        if target is None:
            self._end_leg(leg, LEG_STATE_OF_STATUS.get(event.status, LegState.FAILED), Phase.OVER, now)
        else:
            self._end_leg(leg, LegState.REDIRECTED, Phase.OVER, now)
            if not self._legs.is_live(target):
                self._ring(target, now, leg.number)
        self._settle(event, now)

    def _followed(self, leg: LegTried, event: LegFailed) -> Target | None:
        """Whom a redirect names, where decision 27 lets it be followed: an apartment's own or a guard, once a leg.

        A telephone's never is: the trunk does not know our apartments.
        """
        if not 300 <= event.status < 400 or leg.target.kind in TRUNK_KINDS or leg.redirected_from is not None:
            return None
        return next((self.plan.redirect_to[user] for user in event.redirect if user in self.plan.redirect_to), None)

    def _leg_answered(self, event: LegAnswered, now: float) -> None:
        leg = self._legs.get(event.leg)
        if leg is None or leg.phase is not Phase.RINGING:
            self._late_answer(event, now)
        elif self._settings.landline_confirm and leg.target.kind is LegKind.LANDLINE:
            leg.phase = Phase.CONFIRMING
            self._out.append(AskConfirm(leg.number))
        else:
            self._win(leg, now)

    def _late_answer(self, event: LegAnswered, _now: float) -> None:
        """An answer that crossed its CANCEL: one talks, the other gets a clean BYE (domain §2)."""
        leg = self._legs.get(event.leg)
        if leg is not None and leg.phase is Phase.CANCELLED:
            leg.phase = Phase.OVER
            self._out.append(HangUpLeg(leg.number))

    def _confirming_hung_up(self, event: LegHungUp, now: float) -> None:
        leg = self._legs.get(event.leg)
        if leg is not None and leg.phase is Phase.CONFIRMING:
            self._end_leg(leg, LegState.FAILED, Phase.OVER, now)
            self._settle(event, now)

    def _confirm(self, event: Digit, now: float) -> None:
        leg = self._legs.get(event.leg) if event.leg is not None else None
        if leg is None or leg.phase is not Phase.CONFIRMING or not self._digits.fresh(event, now):
            return
        if event.digit == CONFIRM_DIGIT:
            self._win(leg, now)

    def _win(self, leg: LegTried, now: float) -> None:
        self._end_leg(leg, LegState.ANSWERED, Phase.TALKING, now)
        self._winner = leg
        self._answered(now)
        self._news["answered_by"] = leg.number
        self._out.append(Bridge(leg.number))
        self._give_up_all(LegState.LOST, CancelReason.COMPLETED_ELSEWHERE, now)

    def _answered(self, now: float) -> None:
        self.state = CallState.ANSWERED
        self._answered_at, self._until = now, now + self.plan.max_talk_s
        self._news["status"] = 200

    # --- ends of an unanswered call ---------------------------------------------------------------------------------

    def _visitor_gone(self, _event: Event, now: float) -> None:
        """No Reason goes to the legs: a visitor who gave up leaves a missed call (decision 24)."""
        self._give_up_all(LegState.CANCELLED, CancelReason.NONE, now)
        self._end(VISITOR_GONE.outcome, VISITOR_GONE.ended_by, VISITOR_GONE.status)

    def _service_changed(self, event: ServiceChanged, now: float) -> None:
        self._give_up_all(LegState.CANCELLED, CancelReason.NONE, now)
        self._refuse(REFUSED[event.refusal], now, event.refusal)

    def _stopped(self, _event: ForceEnd, now: float) -> None:
        self._give_up_all(LegState.CANCELLED, CancelReason.NONE, now)
        self._refuse(STOPPED, now)

    def _refuse(self, verdict: Verdict, _now: float, reason: Refusal | None = None, status: int = 0) -> None:
        status = status or verdict.status
        self._out.append(Refuse(status, verdict.announcement.value if verdict.announcement else ""))
        self._end(verdict.outcome, verdict.ended_by, status, reason)

    def _end(self, outcome: CallOutcome, ended_by: EndedBy, status: int, reason: Refusal | None = None) -> None:
        self.state = CallState.OVER
        self._news |= {"outcome": outcome, "ended_by": ended_by, "status": status, "reason": reason}

    def _end_leg(self, leg: LegTried, state: LegState, phase: Phase, now: float) -> None:
        leg.end(state, phase, now)
        if leg.number == self._heard_leg:
            self._heard, self._heard_leg = Heard.EARLY_OVER, None

    def _give_up(self, leg: LegTried, state: LegState, reason: CancelReason, now: float) -> None:
        if leg.phase is Phase.RINGING:
            self._out.append(CancelLeg(leg.number, reason))
            self._end_leg(leg, state, Phase.CANCELLED, now)
        elif leg.phase is Phase.CONFIRMING:
            self._out.append(HangUpLeg(leg.number))
            self._end_leg(leg, state, Phase.OVER, now)

    def _give_up_all(self, state: LegState, reason: CancelReason, now: float) -> None:
        for leg in list(self._legs.live()):
            self._give_up(leg, state, reason, now)

    # --- talking ----------------------------------------------------------------------------------------------------

    def _confirmed(self, _event: CallerConfirmed, now: float) -> None:
        self.state = CallState.TALKING
        if self.plan.opens:  # only now: whoever forged the caller's address cannot acknowledge
            self._out.append(RequestOpen(self.plan.opens, UnlockMethod.DTMF, None))
            self._until = now

    def _early_digit(self, event: Digit, now: float) -> None:
        """Before the caller's ACK a press does not count (decision 21); its twin by another carrier does not either."""
        self._digits.fresh(event, now)

    def _digit(self, event: Digit, now: float) -> None:
        if not self._may_press(event.leg) or not self._digits.fresh(event, now):
            return
        label = self._digits.code(event.digit, now)
        if label is not None:
            self._out.append(RequestOpen(label, UnlockMethod.DTMF, event.leg))

    def _may_press(self, side: Leg | None) -> bool:
        """Only ever the side that is not the door."""
        match self.plan.digits_from:
            case DigitSource.CALLEE:
                return self._winner is not None and side == self._winner.number
            case DigitSource.CALLER:
                return side is None
            case DigitSource.NOBODY:
                return False

    def _opened(self, event: Opened, _now: float) -> None:
        if event.label not in self._record.opened:
            self._news["opened"] = (*self._record.opened, event.label)

    def _caller_hung_up(self, _event: CallerHungUp, now: float) -> None:
        self._hang_up_winner()
        self._end_talk(EndedBy.VISITOR, now)

    def _leg_hung_up(self, event: LegHungUp | LegFailed, now: float) -> None:
        if self._winner is not None and event.leg == self._winner.number:
            self._out.append(HangUpCaller())
            self._end_talk(EndedBy.CALLEE, now)

    def _talked_too_long(self, _event: Tick, now: float) -> None:
        if now >= self._until:
            self._cut("" if self.plan.opens else Announcement.MAX_TALK.value, now)

    def _cut_off(self, _event: ForceEnd, now: float) -> None:
        self._cut("", now)

    def _cut(self, announcement: str, now: float) -> None:
        self._hang_up_winner()
        self._out.append(HangUpCaller(announcement))
        self._end_talk(EndedBy.EDGE, now)

    def _hang_up_winner(self) -> None:
        if self._winner is not None:
            self._out.append(HangUpLeg(self._winner.number))

    def _end_talk(self, ended_by: EndedBy, now: float) -> None:
        if self._winner is not None:
            self._winner.phase = Phase.OVER
        self._end(CallOutcome.ANSWERED, ended_by, 200)
        self._news["duration_s"] = round(now - self._answered_at, 3)


_Handler = Callable[[CallMachine, Any, float], None]  # Any: the event's own type, by the key it stands under
_M = CallMachine

_RINGING: Final[Mapping[type, _Handler]] = {
    LegRinging: _M._leg_ringing,
    LegAnswered: _M._leg_answered,
    LegFailed: _M._leg_failed,
    LegHungUp: _M._confirming_hung_up,
    CallerCancelled: _M._visitor_gone,
    CallerHungUp: _M._visitor_gone,  # BYE in the early dialog, RFC 3261 §15
    Digit: _M._confirm,
    ServiceChanged: _M._service_changed,
    Opened: _M._opened,
    ForceEnd: _M._stopped,
    Tick: _M._settle,
}
_TALKING: Final[Mapping[type, _Handler]] = {
    LegAnswered: _M._late_answer,
    LegFailed: _M._leg_hung_up,  # its connection is lost
    LegHungUp: _M._leg_hung_up,
    CallerHungUp: _M._caller_hung_up,
    Digit: _M._digit,
    Opened: _M._opened,
    ForceEnd: _M._cut_off,
    Tick: _M._talked_too_long,
}
_BY_STATE: Final[Mapping[CallState, Mapping[type, _Handler]]] = {
    CallState.NEW: {Start: _M._start, CallerCancelled: _M._visitor_gone, ForceEnd: _M._stopped},
    CallState.RINGING: _RINGING,
    # A CANCEL that crosses our 200 has no effect (RFC 3261 §9.2): the caller hangs up with BYE.
    CallState.ANSWERED: {**_TALKING, CallerConfirmed: _M._confirmed, Digit: _M._early_digit},
    CallState.TALKING: _TALKING,
    CallState.OVER: {LegAnswered: _M._late_answer},
}
_HANDLERS: Final[Mapping[tuple[CallState, type], _Handler]] = {
    (state, event): handler for state, handlers in _BY_STATE.items() for event, handler in handlers.items()
}
