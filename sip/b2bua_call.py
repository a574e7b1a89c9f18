"""One call: the caller's leg, the legs that ring, and the call machine that says what happens next."""

import contextlib
import logging
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from edge.core.call import CallMachine
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
    DigitCarrier,
    Event,
    Finished,
    ForceEnd,
    HangUpCaller,
    HangUpLeg,
    LegAnswered,
    LegFailed,
    LegHungUp,
    LegRinging,
    Opened,
    Progress,
    Record,
    Refuse,
    RequestOpen,
    RingLeg,
    Tick,
)
from edge.core.call_events import Leg as LegNumber
from edge.core.ports import CallDesk
from models.call import Caller, CallPlan, CallRecord, DigitSource, LegKind, Target
from models.ids import CallId
from sip.b2bua_announce import Announcer
from sip.b2bua_exchange import Asked, Exchange, Side
from sip.b2bua_invite import CONTACT_USER, CallingParty, NoRoad, Roads
from sip.b2bua_media import CallMedia, EndPolicy, NotAcceptable, usable
from sip.b2bua_srtp import Srtp
from sip.b2bua_stats import faults, with_media
from sip.flow import Destination, Flow, Handle
from sip.leg import Leg, LegTools
from sip.leg_app import APP_HOST, APP_KEY, AppLeg, Apps, Summons
from sip.leg_app_caller import AppCallerLeg, CallingApp
from sip.leg_requests import MEDIA_CONTROL
from sip.leg_uac import UacLeg
from sip.leg_uas import UasLeg
from sip.media.engine import CALLER_END, End, MediaUnavailable, OpenMedia
from sip.media.recordings import Recordings
from sip.media.rtp import StreamStats
from sip.message import Response
from sip.server_tx import ServerTx
from sip.trace import Course
from sip.uri import UriError

log: Final = logging.getLogger(__name__)

# Decision 24, RFC 3326.
REASON_HEADERS: Final[Mapping[CancelReason, str | None]] = {
    CancelReason.NONE: None,
    CancelReason.COMPLETED_ELSEWHERE: 'SIP;cause=200;text="Call completed elsewhere"',
    CancelReason.DECLINED_ELSEWHERE: "SIP;cause=603",
}
_TELEPHONES: Final = frozenset({LegKind.LANDLINE, LegKind.PHONE})
# RFC 5168 §6.1
_FAST_UPDATE: Final = (
    b'<?xml version="1.0" encoding="utf-8"?>\r\n<media_control><vc_primitive><to_encoder>'
    b"<picture_fast_update/></to_encoder></vc_primitive></media_control>\r\n"
)


@dataclass(frozen=True, slots=True)
class CallTools:
    """What every call works with."""

    desk: CallDesk
    roads: Roads
    time: Callable[[], float]  # monotonic seconds
    now_ms: Callable[[], int]  # Unix milliseconds
    call_at: Callable[[float, Callable[[], None]], Handle]
    open_media: OpenMedia
    host_towards: Callable[[Flow | Destination], str]  # our media address towards a peer
    is_ours: Callable[[str], bool]  # whether a host names us, in a redirect
    done: Callable[["Call"], None]  # every leg is over
    count: Callable[[str], None]  # one more of what metrics show
    recordings: Recordings = field(default_factory=dict)  # played before a refusal; empty: at once
    srtp: Srtp = Srtp.PLAIN  # what telephones on TLS are offered
    apps: Apps | None = None  # where apps are rung that are no telephones
    end_on_silence: bool = True  # a side that went silent ends the call; else its row tells it


@dataclass(slots=True)
class _Rung:
    """A leg and what we know of it."""

    target: Target
    leg: UacLeg | AppLeg
    description: bytes = b""  # its answer, or its offer where the caller brought none


@dataclass(frozen=True, slots=True)
class CallBasics:
    """What a call is about."""

    id: CallId
    plan: CallPlan
    caller: Caller
    party: CallingParty


class Call:
    """Feeds the machine with what legs and media say, and carries out its commands."""

    def __init__(self, basics: CallBasics, machine: CallMachine, tools: CallTools) -> None:
        self.basics = basics
        self.machine = machine
        self.course = Course()  # for the ladder
        self.stats: dict[End, tuple[StreamStats, ...]] = {}
        self._tools = tools
        self._media = CallMedia(tools.open_media(self, digits=basics.plan.digits_from is not DigitSource.NOBODY))
        self._exchange = Exchange(self._media, lambda: self.feed(ForceEnd()))
        self._announcer = Announcer(self._media, tools.recordings, lambda s, f: tools.call_at(tools.time() + s, f))
        self._caller: UasLeg | AppCallerLeg | None = None
        self._rung: dict[LegNumber, _Rung] = {}
        self._bridged: LegNumber | None = None
        self._picture_to: LegNumber | None = None  # the app by which the caller's picture comes before an answer
        self._fast_update_refused = False
        self._legs_on_the_wire = 0
        self._finished = False
        self._events: deque[Event] = deque()
        self._pumping = False
        self._handle: Handle | None = None
        self._due: float | None = None  # when the handle fires

    def begin(self, tx: ServerTx, tools: LegTools) -> None:
        """Take the caller's INVITE. The machine's `Start` is to follow. Raises UriError."""
        caller = UasLeg(tools, self, tx, CONTACT_USER)
        self._begin(caller, self._tools.host_towards(caller.request_flow))

    def begin_by_app(self, app: CallingApp, offer: bytes) -> AppCallerLeg:
        """An app calls with *offer*. The machine's `Start` is to follow."""
        caller = AppCallerLeg(self.basics.id, app, self, offer)
        self._begin(caller, APP_HOST)
        return caller

    def _begin(self, caller: UasLeg | AppCallerLeg, host: str) -> None:
        self._caller = caller
        self._legs_on_the_wire += 1
        self.course.names[caller.request.call_id] = self.basics.party.name or self.basics.party.number
        swallow = self.basics.plan.digits_from is DigitSource.CALLER
        self._media.add(CALLER_END, host, EndPolicy(swallow_digits=swallow))

    def feed(self, event: Event) -> None:
        """One more event; what commands set off in turn waits until they are carried out."""
        self._events.append(event)
        if isinstance(event, Opened):
            self.course.notes.append((self._tools.now_ms(), f"relay {event.label} opened"))
        if self._pumping:
            return
        self._pumping = True
        try:
            while self._events:
                for command in self.machine.feed(self._events.popleft(), self._tools.time()):
                    _COMMANDS[type(command)](self, command)
        except Exception:  # not passed on: a leg that tells something has its own affairs to finish
            self._tools.count("handler_errors")
            log.exception("a call failed and is ended", extra={"call": self.basics.id})
            self._collapse()
        finally:
            self._pumping = False
            self._arm()

    def _collapse(self) -> None:
        """Something raised in the middle of the commands of an event, so legs and machine may disagree: the call is
        ended as by an operator, then whatever is left of it. Nobody goes on ringing, and nothing stays open."""
        self._events.clear()
        self._in_ruins(self._end_by_the_machine)
        for rung in list(self._rung.values()):
            self._in_ruins(_cancelled, rung.leg)
        if self._caller is not None and not self._caller.over:
            self._in_ruins(self._caller.hang_up_now)
        self._in_ruins(self._announcer.finish)
        self._events.clear()
        if not self._finished:
            self._in_ruins(self._close_down)
        self._finished = True
        self._leave_when_over()

    def _end_by_the_machine(self) -> None:
        for command in self.machine.feed(ForceEnd(), self._tools.time()):
            self._in_ruins(_COMMANDS[type(command)], self, command)

    def _in_ruins(self, act: Callable[..., None], *arguments: object) -> None:
        try:
            act(*arguments)
        except Exception:
            log.exception("a call that failed could not be ended in order", extra={"call": self.basics.id})

    def hang_up_now(self) -> None:
        """End what still waits for something: the daemon stops."""
        self._announcer.finish()
        if self._caller is not None:
            self._caller.hang_up_now()

    # --- commands ---------------------------------------------------------------------------------------------------

    def _ring(self, command: RingLeg) -> None:
        number, target = command.leg, command.target
        if command.contact.key.startswith(APP_KEY) and self._tools.apps is not None:
            self._ring_app(command, self._tools.apps)
            return
        caller = self._require_caller()
        road = self._tools.roads.to(target, command.contact, self.basics.party, caller.request)
        if isinstance(road, NoRoad):
            self.feed(LegFailed(number, 503, why=road.why))
            return
        leg = UacLeg(road.tools, self, road.invitation)
        to = road.invitation.to
        self._media.add(number, self._tools.host_towards(to), self._policy(target, to.transport))
        try:
            if caller.request.body:
                leg.propose(self._media.offer(CALLER_END, number, caller.request.body))
        except (NotAcceptable, MediaUnavailable) as error:
            log.warning("a leg cannot be rung", extra={"call": self.basics.id, "why": str(error)})
            self._release(number)
            self.feed(LegFailed(number, error.status if isinstance(error, NotAcceptable) else 503))
            return
        self._rung[number] = _Rung(target, leg)
        self._legs_on_the_wire += 1
        self.course.names[leg.request.call_id] = target.name
        leg.ring()

    def _ring_app(self, command: RingLeg, apps: Apps) -> None:
        number, target, caller = command.leg, command.target, self._require_caller()
        self._media.add(number, APP_HOST, self._policy(target, ""))
        try:
            offer = self._media.offer(CALLER_END, number, caller.request.body) if caller.request.body else b""
        except (NotAcceptable, MediaUnavailable) as error:
            log.warning("an app cannot be rung", extra={"call": self.basics.id, "why": str(error)})
            self._release(number)
            self.feed(LegFailed(number, error.status if isinstance(error, NotAcceptable) else 503))
            return
        leg = AppLeg(apps, self)
        self._rung[number] = _Rung(target, leg)
        self._legs_on_the_wire += 1
        party = self.basics.party
        leg.ring(
            Summons(
                self.basics.id,
                number,
                target,
                command.contact.key,
                self.basics.plan,
                party.name or party.number,
                offer,
            )
        )

    def _policy(self, target: Target, transport: str) -> EndPolicy:
        plan = self.basics.plan
        same_group = plan.same_group(target)
        return EndPolicy(
            direct_audio=same_group and not plan.relayed_audio,
            direct_video=same_group,
            video=target.kind not in _TELEPHONES,
            swallow_digits=plan.digits_from is DigitSource.CALLEE,
            srtp=self._tools.srtp if transport == "TLS" else Srtp.PLAIN,
        )

    def _cancel(self, command: CancelLeg) -> None:
        rung = self._rung.get(command.leg)
        if rung is not None:
            if isinstance(rung.leg, AppLeg):
                rung.leg.cancel(command.reason)
            else:
                rung.leg.cancel(REASON_HEADERS[command.reason])
            self._release(command.leg)

    def _hang_up_leg(self, command: HangUpLeg) -> None:
        rung = self._rung.get(command.leg)
        if rung is not None:
            rung.leg.hang_up()
            self._release(command.leg)

    def _progress(self, command: Progress) -> None:
        caller = self._require_caller()
        rung = self._rung.get(command.leg) if command.leg is not None else None
        description = b""
        if rung is not None and command.leg is not None and rung.description:
            try:
                description = self._media.answer(command.leg, CALLER_END, rung.description)
                self._media.connect(command.leg)
                self._picture_to = command.leg if isinstance(rung.leg, AppLeg) else None
            except NotAcceptable:  # early media that cannot be used is none
                description = b""
        caller.progress(command.status if description or command.status != 183 else 180, description)

    def _ask_confirm(self, command: AskConfirm) -> None:
        """The landline's digits are read while the caller still hears it ring."""
        rung = self._rung[command.leg]
        if self._require_caller().request.body:
            self._media.answer(command.leg, CALLER_END, rung.description)

    def _bridge(self, command: Bridge) -> None:
        number, caller = command.leg, self._require_caller()
        rung = self._rung[number]
        pass_on = self._media.answer if caller.request.body else self._media.offer
        try:
            description = pass_on(number, CALLER_END, rung.description)
        except (NotAcceptable, MediaUnavailable) as error:
            log.warning("a call cannot be bridged", extra={"call": self.basics.id, "why": str(error)})
            self.feed(ForceEnd())
            return
        self._bridged = number
        caller.answer(description)
        self._media.connect(number)
        self._tools.desk.talking(self.basics.id, rung.target)

    def _answer_alone(self, _command: AnswerAlone) -> None:
        caller = self._require_caller()
        try:
            description = self._media.early_answer(caller.request.body)
        except (NotAcceptable, MediaUnavailable):
            description = b""
        if description:
            caller.answer(description)
        else:  # it brought no offer, and we have none to make
            self.feed(ForceEnd())

    def _refuse(self, command: Refuse) -> None:
        caller = self._require_caller()
        self._announcer.before_refusal(command.announcement, caller, lambda: caller.refuse_call(command.status))

    def _hang_up_caller(self, command: HangUpCaller) -> None:
        caller = self._require_caller()
        self._announcer.before_hang_up(command.announcement, caller, caller.hang_up)

    def _request_open(self, command: RequestOpen) -> None:
        basics = self.basics
        party = basics.caller if command.leg is None else self._rung[command.leg].target
        if self._tools.desk.request_open(basics.id, basics.plan, party, command):
            self.feed(Opened(command.label))

    def _record(self, command: Record) -> None:
        record = command.record
        if record.ended_by is not None:
            record = with_media(record, {**self.stats, **self._media.stats()})
            log.info("call over", extra=_summary(record))
        self._tools.desk.changed(record)

    def _finish(self, _command: Finished) -> None:
        self._close_down()
        self._leave_when_over()

    def _close_down(self) -> None:
        if not self._announcer.playing:
            self._release(CALLER_END)
            self._media.close()
        self._finished = True
        self._tools.desk.ended(self.basics.id)

    # --- what the caller's leg says ---------------------------------------------------------------------------------

    def caller_cancelled(self) -> None:
        self.feed(CallerCancelled())

    def caller_confirmed(self, description: bytes) -> None:
        if self._bridged is not None and not self._require_caller().request.body:
            try:
                answer = self._media.answer(CALLER_END, self._bridged, description)
            except NotAcceptable:
                self.feed(ForceEnd())
                return
            self._rung[self._bridged].leg.acknowledge_answer(answer)
        self.feed(CallerConfirmed())
        winner = self._rung.get(self._bridged) if self._bridged is not None else None
        if winner is not None and isinstance(winner.leg, AppLeg):
            winner.leg.confirmed()

    # --- what the rung legs say -------------------------------------------------------------------------------------

    def leg_ringing(self, leg: UacLeg, status: int, description: bytes) -> None:
        number = self._number(leg)
        if number is None:
            return
        early = bool(description) and bool(self._require_caller().request.body)
        if early:
            self._rung[number].description = description
        self.feed(LegRinging(number, status, early_media=early))

    def leg_answered(self, leg: UacLeg, description: bytes) -> None:
        number = self._number(leg)
        if number is None:
            leg.hang_up()
            return
        rung = self._rung[number]
        rung.description = description or rung.description  # a 200 may leave out what a reliable 183 said
        try:
            usable(rung.description)
        except NotAcceptable as error:
            leg.hang_up()
            self._release(number)
            self.feed(LegFailed(number, error.status))
            return
        self.feed(LegAnswered(number))

    def leg_failed(self, leg: UacLeg, response: Response | None, status: int) -> None:
        number = self._number(leg)
        if number is not None:
            self._release(number)
            self.feed(LegFailed(number, status, self._redirect(response)))

    def leg_hung_up(self, leg: Leg) -> None:
        if leg is self._caller:
            self.feed(CallerHungUp())
            return
        number = self._number(leg)
        if number is not None:
            self.feed(LegHungUp(number))
            self._release(number)

    # --- what apps say ----------------------------------------------------------------------------------------------

    def app_ringing(self, leg: AppLeg, description: bytes) -> None:
        """*description*: where the picture goes before the answer, and from where the edge's own ringing tone comes."""
        number = self._number(leg)
        if number is None:
            return
        early = bool(description) and bool(self._require_caller().request.body)
        if early:
            self._rung[number].description = description
        self.feed(LegRinging(number, 183 if early else 180, early_media=early, of_edge=early))

    def app_answered(self, leg: AppLeg, description: bytes) -> None:
        number = self._number(leg)
        if number is not None:
            self._rung[number].description = description or self._rung[number].description
            self.feed(LegAnswered(number))

    def app_failed(self, leg: AppLeg, status: int) -> None:
        number = self._number(leg)
        if number is not None:
            self._release(number)
            self.feed(LegFailed(number, status))

    def app_hung_up(self, leg: AppLeg) -> None:
        number = self._number(leg)
        if number is not None:
            self.feed(LegHungUp(number))
            self._release(number)

    def app_wants_picture(self, leg: AppLeg) -> None:
        """By INFO (RFC 5168), beside the RTCP that the app's side sends: few doors know both. Not after a refusal."""
        if isinstance(self._caller, UasLeg):
            self._ask_for_picture(self._caller)

    def _ask_for_picture(self, door: Leg) -> None:
        if not door.talks or self._fast_update_refused:
            return

        def final(status: int, _response: Response | None) -> None:
            self._fast_update_refused = status >= 300

        door.inform(MEDIA_CONTROL, _FAST_UPDATE, final)

    def app_over(self, leg: AppLeg) -> None:
        self._legs_on_the_wire -= 1
        self._leave_when_over()

    # --- what an app that calls says --------------------------------------------------------------------------------

    def app_caller_left(self, leg: AppCallerLeg) -> None:
        self.feed(CallerHungUp())

    def app_caller_wants_picture(self, leg: AppCallerLeg) -> None:
        rung = self._rung.get(self._bridged) if self._bridged is not None else None
        if rung is not None and isinstance(rung.leg, UacLeg):
            self._ask_for_picture(rung.leg)

    def app_caller_over(self, leg: AppCallerLeg) -> None:
        self._legs_on_the_wire -= 1
        self._announcer.stop()
        self._leave_when_over()

    def leg_offers(self, leg: Leg, tx: ServerTx) -> None:
        self._exchange.offer(tx, *self._sides(leg))

    def leg_asks(self, leg: Leg, tx: ServerTx) -> None:
        self._exchange.info(tx, *self._sides(leg))

    def leg_pressed(self, leg: Leg, digit: str) -> None:
        if leg is self._caller:
            self.feed(Digit(None, digit, DigitCarrier.INFO))
            return
        number = self._number(leg)
        if number is not None:
            self.feed(Digit(number, digit, DigitCarrier.INFO))

    def leg_over(self, leg: Leg) -> None:
        self._legs_on_the_wire -= 1
        if leg is self._caller:
            self._announcer.stop()
        self._leave_when_over()

    # --- what the media say -----------------------------------------------------------------------------------------

    def media_digit(self, end: End, digit: str) -> None:
        self.feed(Digit(None if end == CALLER_END else end, digit, DigitCarrier.RFC4733))

    def media_silent(self, end: End) -> None:
        if self._bridged is None:  # before the answer a door may be slow to send its picture; the answer counts anew
            return
        side = "caller" if end == CALLER_END else self._rung[end].target.name if end in self._rung else ""
        log.warning("a side of a call went silent", extra={"call": self.basics.id, "side": side})
        if self._tools.end_on_silence:
            self.feed(ForceEnd())

    # --- inside -----------------------------------------------------------------------------------------------------

    def _require_caller(self) -> UasLeg | AppCallerLeg:
        if self._caller is None:
            raise RuntimeError("the call has not begun")
        return self._caller

    def _number(self, leg: Leg | AppLeg) -> LegNumber | None:
        return next((number for number, rung in self._rung.items() if rung.leg is leg), None)

    def _sides(self, asking: Leg) -> tuple[Side, Asked | None]:
        """The side that asks, and the one it is bridged to."""
        caller = self._require_caller()
        number = self._number(asking)
        here = Side(asking, CALLER_END if number is None else number)
        if self._bridged is None or (number is not None and number != self._bridged):
            return here, None
        if number is None:
            return here, Asked(self._rung[self._bridged].leg, self._bridged)
        return here, Asked(caller, CALLER_END)

    def _redirect(self, response: Response | None) -> tuple[str, ...]:
        """Users that a 3xx names in our own realm; others get no packet (decision 27)."""
        if response is None or not 300 <= response.status < 400:
            return ()
        users = []
        for contact in response.contacts:
            try:
                uri = contact.sip
            except UriError:
                continue
            if uri.user and self._tools.is_ours(uri.host):
                users.append(uri.user)
        return tuple(users)

    def _release(self, end: End) -> None:
        stats = self._media.release(end)
        if stats:
            self.stats[end] = stats
        if end == self._picture_to:
            self._picture_to = None
            self._show_another_app()

    def _show_another_app(self) -> None:
        """The app that had the caller's picture rings no more: those that ring on must not lose it."""
        if self._bridged is not None or self._finished:
            return
        for number, rung in self._rung.items():
            if isinstance(rung.leg, AppLeg) and not rung.leg.over and rung.description:
                with contextlib.suppress(NotAcceptable):
                    self._media.answer(number, CALLER_END, rung.description)
                    self._media.connect(number)
                    self._picture_to = number
                return

    def _arm(self) -> None:
        due = self.machine.next_due()
        if due == self._due and (due is None or self._handle is not None):
            return
        if self._handle is not None:
            self._handle.cancel()
        self._due = due
        self._handle = self._tools.call_at(due, self._tick) if due is not None else None

    def _tick(self) -> None:
        self._handle = None
        self.feed(Tick())

    def _leave_when_over(self) -> None:
        if self._finished and self._legs_on_the_wire == 0:
            self._tools.done(self)


def _cancelled(leg: UacLeg | AppLeg) -> None:
    if isinstance(leg, AppLeg):
        leg.cancel(CancelReason.NONE)
    else:
        leg.cancel()


def _summary(record: CallRecord) -> dict[str, object]:
    """An ended call for the daemon's log; everything else is in its row."""
    return {
        "call": record.id,
        "outcome": record.outcome.value if record.outcome else None,
        "status": record.status,
        "talk_s": record.duration_s,
        "media_faults": list(faults(record)),
    }


_COMMANDS: Final[Mapping[type[Command], Callable[..., None]]] = {
    RingLeg: Call._ring,
    CancelLeg: Call._cancel,
    AskConfirm: Call._ask_confirm,
    HangUpLeg: Call._hang_up_leg,
    Progress: Call._progress,
    Bridge: Call._bridge,
    AnswerAlone: Call._answer_alone,
    Refuse: Call._refuse,
    HangUpCaller: Call._hang_up_caller,
    RequestOpen: Call._request_open,
    Record: Call._record,
    Finished: Call._finish,
}
