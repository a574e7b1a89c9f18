"""The B2BUA (RFC 7092): calls come in, the desk plans them, legs are joined; requests inside dialogs find their leg."""

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from edge.core.call import CallMachine
from edge.core.call_events import Event, ForceEnd, Opened, ServiceChanged, Start
from edge.core.ports import CallDesk
from edge.core.settings import CallSettings
from models.call import Caller
from models.ids import CallId, new_id
from sip.b2bua_call import Call, CallBasics, CallTools
from sip.b2bua_invite import CallingParty, Roads
from sip.b2bua_media import NotAcceptable, usable
from sip.b2bua_srtp import Srtp
from sip.dialog import Dialog, DialogKey, key_of_request
from sip.endpoint import Endpoint
from sip.flow import Destination, Flow
from sip.leg import SDP, Leg, LegTools
from sip.leg_app import Apps
from sip.leg_app_caller import AppCallerLeg, CallingApp
from sip.leg_uas import UasLeg
from sip.media.engine import MediaEngine
from sip.media.recordings import Recordings
from sip.message import Headers, Request, Response
from sip.registrar import Registrar
from sip.server_tx import ServerTx
from sip.session_timer import MIN_SE_S, too_small
from sip.trace import Course, TracedMessage
from sip.trunks import Trunks
from sip.uri import NameAddr, UriError

CALLS_MAX: Final = 500
CALLS_OF_A_USER_MAX: Final = 16  # a device in wrong hands must not take the calls of the whole house
COURSES_MAX: Final = 256  # calls whose dialogs are remembered after their end
END_ALL_S: Final = 3.0  # SIGTERM must be over within 5 s
ANONYMOUS: Final = "anonymous"
_EXPLAINED: Final[Mapping[int, Mapping[str, str]]] = {503: {"Retry-After": "10"}, 422: {"Min-SE": str(MIN_SE_S)}}


@dataclass(frozen=True, slots=True)
class _Entry:
    dialog: Dialog
    leg: Leg


class B2bua:
    """Takes INVITE and everything inside dialogs from *endpoint*. A component; `end_all` before the sockets go."""

    name = "b2bua"

    def __init__(
        self,
        endpoint: Endpoint,
        registrar: Registrar,
        desk: CallDesk,
        media: MediaEngine,
        settings: CallSettings,
        *,
        realm: str,
        trunks: Trunks | None = None,
        recordings: Recordings | None = None,
        end_on_silence: bool = True,
        srtp: Srtp = Srtp.PLAIN,
        apps: Apps | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._desk = desk
        self.settings = settings  # of calls to come; may be replaced
        self._realm = realm
        self._trunks = trunks
        self._roads = Roads(endpoint, registrar, trunks, self, realm)
        self._hosts: set[str] = set()  # ours, as seen on the ways to devices
        self._tools = CallTools(
            desk=desk,
            roads=self._roads,
            time=endpoint.timers.time,
            now_ms=endpoint.clock.now_ms,
            call_at=endpoint.timers.call_at,
            open_media=media.open,
            host_towards=self._host_towards,
            is_ours=self._names_us,
            done=self._done,
            count=endpoint.count,
            recordings=recordings or {},
            end_on_silence=end_on_silence,
            srtp=srtp,
            apps=apps,
        )
        self._entries: dict[DialogKey, _Entry] = {}
        self._calls: dict[CallId, Call] = {}
        self._courses: OrderedDict[CallId, Course] = OrderedDict()
        self._stopping = False
        self._idle = asyncio.Event()
        self._take_over(endpoint, trunks)

    def _take_over(self, endpoint: Endpoint, trunks: Trunks | None) -> None:
        for method, accepts in (("INVITE", (SDP,)), ("UPDATE", (SDP,)), ("PRACK", (SDP,)), ("BYE", ()), ("INFO", ())):
            endpoint.handle(method, self._receive, accepts)
        endpoint.handle("REFER", self._receive)
        endpoint.capabilities.extensions |= {"100rel", "timer"}
        endpoint.dialogs = self
        endpoint.on_ack = self._ack
        endpoint.on_stray_success = self._stray
        endpoint.on_connection_lost.append(self._connection_lost)
        if trunks is not None:
            endpoint.vouch = trunks.vouch

    # --- for the application ----------------------------------------------------------------------------------------

    @property
    def calls(self) -> int:
        """Calls that have a leg on the wire."""
        return len(self._calls)

    def service_changed(self, call: CallId, event: ServiceChanged) -> None:
        """The apartment of a call that rings may no longer be called. Unknown calls are ignored, here and below."""
        self._tell(call, event)

    def opened(self, call: CallId, label: str) -> None:
        """A relay of the call's door was opened by its party, through the app."""
        self._tell(call, Opened(label))

    def end(self, call: CallId) -> None:
        """An operator ends the call."""
        self._tell(call, ForceEnd())

    def place(self, caller: Caller, dialled: str, app: CallingApp, offer: bytes) -> AppCallerLeg | None:
        """The app of the resident *caller* calls *dialled* with *offer*, a description of RTP on loopback. The plan
        decides; a refusal tells *app* before this returns. None: there are too many calls, or the daemon stops."""
        if self._stopping or len(self._calls) >= CALLS_MAX or self._has_enough(caller):
            return None
        call = self._call(caller, dialled, Headers())
        leg = call.begin_by_app(app, offer)
        self._started(call)
        return leg

    def ladder(self, call: CallId) -> tuple[TracedMessage, ...]:
        """The messages of all legs of a recent call, as they were on the wire; empty if they are forgotten."""
        return self._endpoint.trace.messages(self.course(call).names)

    def course(self, call: CallId) -> Course:
        """Whose the dialogs of a recent call were, and what happened; empty if it is forgotten."""
        return self._courses.get(call) or Course()

    async def end_all(self, within_s: float = END_ALL_S) -> None:
        """Refuse new calls, end those there are with BYE, CANCEL or 480, and wait for the answers up to *within_s*."""
        self._stopping = True
        for call in list(self._calls.values()):
            call.feed(ForceEnd())
        if not await self._idle_within(within_s / 2):
            for call in list(self._calls.values()):
                call.hang_up_now()
            await self._idle_within(within_s / 2)

    async def start(self) -> None:
        """Nothing to wait for."""

    async def run(self) -> None:
        """Calls run on what comes from the wire and on timers."""
        await asyncio.Event().wait()

    async def stop(self) -> None:
        await self.end_all()

    # --- for the endpoint and the legs ------------------------------------------------------------------------------

    def flow_of(self, request: Request) -> Flow | None:
        """`sip.endpoint.Dialogs`."""
        entry = self._entries.get(key_of_request(request))
        return entry.leg.flow if entry is not None else None

    def add_dialog(self, dialog: Dialog, leg: Leg) -> None:
        self._entries[dialog.key] = _Entry(dialog, leg)

    def drop_dialog(self, dialog: Dialog) -> None:
        self._entries.pop(dialog.key, None)

    def _receive(self, tx: ServerTx) -> None:
        request = tx.request
        if not request.to_tag:
            if request.method == "INVITE":
                self._invite(tx)
            else:
                tx.reply(481)  # these exist only inside a dialog
            return
        entry = self._entries.get(key_of_request(request))
        if entry is None:
            tx.reply(481)
        elif not self._may_speak(tx, entry.leg):
            tx.reply(403)
        else:
            if tx.user is not None:
                entry.leg.flow = tx.flow  # it has proven itself from another place: its NAT or connection changed
            entry.leg.receive(tx, entry.dialog)

    def _may_speak(self, tx: ServerTx, leg: Leg) -> bool:
        """Who proved to be somebody else, or another's trunk, does not speak in this dialog."""
        if tx.user is not None:
            return tx.user == leg.tools.user
        return not tx.peer or tx.peer == leg.tools.trunk

    def _ack(self, ack: Request, _flow: Flow) -> None:
        entry = self._entries.get(key_of_request(ack))
        if entry is not None:
            entry.leg.receive_ack(ack)

    def _stray(self, response: Response, flow: Flow) -> None:
        """A 2xx whose transaction is forgotten; its leg, if still there, repeats the ACK it has sent."""
        entry = self._entries.get(DialogKey(response.call_id, response.from_tag, response.to_tag))
        if entry is not None and entry.leg.acknowledged_again(response):
            return
        trunk = self._trunks.owner(flow) if self._trunks is not None else None
        tools = self._roads.trunk_tools(trunk) if trunk is not None else self._roads.device_tools(None)
        self._roads.strays.hang_up(response, flow, tools)

    def _connection_lost(self, flow: Flow) -> None:
        """A caller that waits for an answer on this connection will not hear it. Who talks may come back on another."""
        for entry in list(self._entries.values()):
            if entry.leg.flow == flow and isinstance(entry.leg, UasLeg):
                entry.leg.give_up()

    # --- new calls --------------------------------------------------------------------------------------------------

    def _invite(self, tx: ServerTx) -> None:
        status = self._objection(tx.request)
        caller = self._caller(tx)
        if status or caller is None:
            tx.reply(status or 403, headers=_EXPLAINED.get(status))
            return
        if self._has_enough(caller):
            tx.reply(486)
            return
        try:
            dialled = tx.request.request_uri.user or ""
            call = self._call(caller, dialled, tx.request.headers)
            call.begin(tx, self._caller_tools(caller, tx.peer))
        except UriError:
            tx.reply(400)
            return
        self._started(call)

    def _started(self, call: Call) -> None:
        self._calls[call.basics.id] = call
        self._idle.clear()
        self._courses[call.basics.id] = call.course
        while len(self._courses) > COURSES_MAX:
            self._courses.popitem(last=False)
        call.feed(Start())

    def _objection(self, request: Request) -> int:
        """Status of what no plan is asked about; 0: none."""
        if self._stopping or len(self._calls) >= CALLS_MAX:
            return 503
        if self._roads.goes_in_a_circle(request):
            return 482
        if "Replaces" in request.headers:
            return 481  # RFC 3891 §3: nobody takes a dialog of ours over
        if too_small(request):
            return 422
        try:
            if request.body:
                usable(request.body)
        except NotAcceptable as error:
            return error.status
        return 0

    def _has_enough(self, caller: Caller) -> bool:
        """Whether a device or app of the house has as many calls as it may have; outside callers are no users."""
        if caller.sip_user is None:
            return False
        own = sum(call.basics.caller.sip_user == caller.sip_user for call in self._calls.values())
        return own >= CALLS_OF_A_USER_MAX

    def _caller(self, tx: ServerTx) -> Caller | None:
        """Who calls, as the digest or the trunk's address proved."""
        if tx.user is not None:
            return self._desk.identify(tx.user)
        return self._desk.identify_outside(_calling_number(tx.request)) if tx.peer else None

    def _call(self, caller: Caller, dialled: str, headers: Headers) -> Call:
        name = self._desk.caller_name(caller)
        basics = CallBasics(
            CallId(new_id("call")),
            self._desk.plan(caller, dialled),
            caller,
            _party(caller, name, headers),
        )
        machine = CallMachine(
            basics.id, basics.plan, name, dialled, self._endpoint.clock.now_ms(), self._desk.reach, self.settings
        )
        return Call(basics, machine, self._tools)

    def _caller_tools(self, caller: Caller, peer: str) -> LegTools:
        trunk = self._trunks.named(peer) if self._trunks is not None else None
        return self._roads.trunk_tools(trunk) if trunk is not None else self._roads.device_tools(caller.sip_user)

    # --- inside -----------------------------------------------------------------------------------------------------

    def _tell(self, call: CallId, event: Event) -> None:
        known = self._calls.get(call)
        if known is not None:
            known.feed(event)

    def _done(self, call: Call) -> None:
        self._calls.pop(call.basics.id, None)
        if not self._calls:
            self._idle.set()

    async def _idle_within(self, seconds: float) -> bool:
        if not self._calls:
            return True
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), seconds)
        return not self._calls

    def _host_towards(self, to: Flow | Destination) -> str:
        """Our address on the way to a peer, for media too."""
        host = self._endpoint.address_for(to).host
        self._hosts.add(host)
        return host

    def _names_us(self, host: str) -> bool:
        """Whether a redirect to *host* stays in the house: our realm, or an address that our sockets answer on."""
        return host == self._realm or host.strip("[]") in self._hosts


def _party(caller: Caller, name: str, headers: Headers) -> CallingParty:
    """Whom the called side sees. In the house a door or a resident is named whatever it asks for: who rings must be
    known there. An outside caller that asks for it is not, and no telephone learns of one who asks (RFC 3323)."""
    wishes = {wish.strip().lower() for wish in (headers.get("Privacy") or "").split(";")}
    private = bool(wishes & {"id", "user", "header"})
    if caller.trunk_number is None:
        return CallingParty(name, caller.sip_user or ANONYMOUS, private)
    return CallingParty("", ANONYMOUS, private) if private else CallingParty(name, caller.trunk_number, private)


def _calling_number(request: Request) -> str:
    """The number of an outside caller: the trunk's assertion, else its From; a telephone URI or a SIP one."""
    asserted = request.headers.get("P-Asserted-Identity")
    try:
        address = NameAddr.parse(asserted) if asserted else request.from_
        if address.uri.lower().startswith("tel:"):  # RFC 3966
            return address.uri[len("tel:") :].split(";")[0] or ANONYMOUS
        return address.sip.user or ANONYMOUS
    except UriError:
        return ANONYMOUS
