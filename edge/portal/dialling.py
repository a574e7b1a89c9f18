"""Apps call: a door to look in, a neighbour, the guard. Whether they may, the call's plan says at each press."""

import asyncio
import logging
import re
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final

from edge.core.numbering import APARTMENT_NUMBER, GUARD
from edge.http.ws import BadFrame
from edge.portal.asking import NotDone
from edge.portal.messages import Message
from edge.portal.outgoing import Dialled, Kind, Outgoing
from edge.portal.ports import Calls, Planning, PortalPorts
from edge.portal.rooms import GRACE_S, Send
from models.call import Caller
from models.community import Resident
from models.ids import Mac
from sip.media.webrtc import NotUsable
from sip.media.webrtc_hub import NoPorts

DIALS_A_MINUTE: Final = 6
OUTGOING_MAX: Final = 40  # their media are carried by the daemon itself
_MINUTE_MS: Final = 60_000
_TYPED: Final = re.compile(r"(?:(?P<building>[^/]{1,128})/)?(?P<number>[0-9#]{1,64})", re.ASCII)

log = logging.getLogger(__name__)


class Dialling:
    """The calls that apps placed, at most one a session."""

    def __init__(self, ports: PortalPorts, send: Send, describe: Callable[[Outgoing], Mapping[str, object]]) -> None:
        """*describe*: what an app must know to make its connection."""
        self._ports = ports
        self._send, self._describe = send, describe
        self._calls: Calls | None = None
        self._plans: Planning | None = None
        self._outgoing: dict[str, Outgoing] = {}  # by session
        self._dials: dict[str, deque[int]] = {}
        self._grace: dict[str, asyncio.TimerHandle] = {}
        self._closing: set[asyncio.Task[None]] = set()

    def attach(self, calls: Calls, plans: Planning) -> None:
        """Before the start."""
        self._calls, self._plans = calls, plans

    def find(self, session: str, call: str) -> Outgoing | None:
        outgoing = self._outgoing.get(session)
        return outgoing if outgoing is not None and outgoing.call == call and not outgoing.over else None

    def of(self, session: str) -> Outgoing | None:
        outgoing = self._outgoing.get(session)
        return outgoing if outgoing is not None and outgoing.leg is not None and not outgoing.over else None

    def dial(self, session: str, resident: Resident, message: Message) -> Outgoing:
        """Place the call that *message* asks for. Raises NotDone with the plan's reason, and BadFrame."""
        dialled = self._dialled(message)
        now_ms = self._ports.clock.now_ms()
        self._must_be_free(session, resident, now_ms)
        if self._calls is None or self._plans is None:
            raise NotDone("stopping")
        caller = Caller(resident.sip_user, resident=resident.id)
        plan = self._plans.plan(caller, dialled.user)
        try:
            outgoing = Outgoing(session, dialled, now_ms, self._tell, self._over)
        except (NoPorts, OSError) as error:
            log.warning("an app cannot call", extra={"why": str(error)})
            raise NotDone("media") from error
        outgoing.plan, outgoing.over = plan, not plan.allowed
        self._outgoing[session] = outgoing
        # Placed where it is refused, too: the log has it with its reason, and the app reads it in the reply.
        leg = self._calls.place(caller, dialled.user, outgoing, outgoing.hub.offer)
        if leg is None or plan.refusal is not None:
            self._over(outgoing)
            raise NotDone("busy" if plan.refusal is None else plan.refusal.value)
        if outgoing.over:
            raise NotDone(outgoing.failed)
        outgoing.leg = leg
        return outgoing

    def told(self, outgoing: Outgoing) -> Mapping[str, object]:
        """The reply to whoever dialled."""
        return {**self._describe(outgoing), "type": "dialled"}

    async def connect(self, outgoing: Outgoing, sdp: str) -> str | None:
        """The answer to the app's offer; None where it cannot be used, or it is too early."""
        if not outgoing.connected:
            return None
        try:
            return await outgoing.hub.connect(outgoing.session, sdp)
        except NotUsable as error:
            log.info("an app's offer cannot be used", extra={"why": str(error)})
            return None

    def connection_lost(self, session: str, *, in_order: bool) -> None:
        """The WebSocket is gone; a page that was closed in order may come back."""
        outgoing = self.of(session)
        if outgoing is None:
            return
        if not in_order:
            outgoing.leave("lost")
        else:
            self._grace[session] = asyncio.get_running_loop().call_later(GRACE_S, outgoing.leave, "lost")

    def connection_back(self, session: str) -> None:
        handle = self._grace.pop(session, None)
        if handle is not None:
            handle.cancel()

    def review(self, resident_of: Callable[[str], Resident | None]) -> None:
        """Who may no longer look at a door sees it no longer. *resident_of*: whose a session is."""
        for outgoing in [one for one in self._outgoing.values() if one.dialled.kind is Kind.LOOK]:
            resident = resident_of(outgoing.session)
            if resident is None or not self._may(resident, outgoing.dialled):
                outgoing.leave("blocked")

    async def close(self) -> None:
        """Every hub is closed when it returns."""
        for outgoing in list(self._outgoing.values()):
            outgoing.leave()
        if self._closing:
            await asyncio.gather(*self._closing)

    # --- inside -----------------------------------------------------------------------------------------------------

    def _may(self, resident: Resident, dialled: Dialled) -> bool:
        caller = Caller(resident.sip_user, resident=resident.id)
        return self._plans is not None and self._plans.plan(caller, dialled.user).allowed

    def _dialled(self, message: Message) -> Dialled:
        """Exactly one of the three. Raises BadFrame, and NotDone for what can't be anybody's."""
        fields = message.fields
        if len(fields) != 1 or fields.get("guard") is False:
            raise BadFrame(message.id)
        if "guard" in fields:
            return Dialled(Kind.GUARD, GUARD, "")
        if "door" in fields:
            door = self._ports.snapshot.by_mac.get(Mac(str(fields["door"])))
            if door is None or not door.type.is_door:
                raise NotDone("not_allowed")
            return Dialled(Kind.LOOK, door.sip_user, door.name)
        typed = str(fields["apartment"]).strip()
        parts = _TYPED.fullmatch(typed)
        if parts is None or not APARTMENT_NUMBER.fullmatch(parts["number"]):
            raise NotDone("unknown")
        building = f"{parts['building']}*" if parts["building"] else ""
        return Dialled(Kind.NEIGHBOUR, f"{building}{parts['number']}", typed)

    def _must_be_free(self, session: str, resident: Resident, now_ms: int) -> None:
        if not resident.app_works(now_ms):
            raise NotDone("app_expired")
        if self.of(session) is not None or len(self._outgoing) >= OUTGOING_MAX:
            raise NotDone("busy")
        dials = self._dials.setdefault(session, deque(maxlen=DIALS_A_MINUTE))
        if len(dials) == DIALS_A_MINUTE and dials[0] > now_ms - _MINUTE_MS:
            raise NotDone("rate")
        dials.append(now_ms)
        for one in [one for one, known in self._dials.items() if known[-1] <= now_ms - _MINUTE_MS]:
            del self._dials[one]

    def _tell(self, outgoing: Outgoing, message: Mapping[str, object]) -> None:
        self._send(outgoing.session, {**self._describe(outgoing), **message} if outgoing.connected else message)

    def _over(self, outgoing: Outgoing) -> None:
        if self._outgoing.get(outgoing.session) is outgoing:
            del self._outgoing[outgoing.session]
            self.connection_back(outgoing.session)
        self._spawn(outgoing.hub.close())

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work, name="closing an app's media")
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
