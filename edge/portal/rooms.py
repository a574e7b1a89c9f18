"""Calls as the apps have them: one room a call, one ring an app; what is pressed in it becomes what its leg says."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from edge.core.call_events import CancelReason
from models.call import CallPlan
from models.ids import ApartmentId, CallId
from sip.leg_app import AppLeg, Summons
from sip.media.webrtc import NotUsable
from sip.media.webrtc_hub import NoPorts
from sip.media.webrtc_pool import RemoteHub
from sip.media.webrtc_sdp import Unusable

GRACE_S: Final = 4.0  # a page that was left in order (a reload) may come back
DECLINED: Final = 603
GONE: Final = 480
ROOMS_MAX: Final = 200

MakeHub = Callable[[bytes, Callable[[], None]], RemoteHub]
Send = Callable[[str, Mapping[str, object]], None]
"""Tell the app of a session, if it is connected."""

log = logging.getLogger(__name__)


@dataclass
class Ring:
    """One app that is rung, or talks. Implements `sip.leg_app.RungApp`."""

    room: "Room"
    summons: Summons
    leg: AppLeg
    session: str
    description: bytes = b""
    answered: bool = False
    over: bool = False
    pushed: bool = False  # the app was told by a push: it is told of the end, too
    grace: asyncio.TimerHandle | None = None

    def cancel(self, reason: CancelReason) -> None:
        if reason is CancelReason.COMPLETED_ELSEWHERE:
            self.room.rooms.send(self.session, {"type": "taken", "call": self.summons.call, "by": self.room.winner()})
            self._end(None)
        else:
            self._end("declined" if reason is CancelReason.DECLINED_ELSEWHERE else "cancelled")

    def hang_up(self) -> None:
        self._end("over")

    def confirmed(self) -> None:
        self.room.hub.talk(self.session, self.summons.leg)

    def reoffer(self, description: bytes) -> bytes:
        try:
            return self.room.hub.add_leg(self.summons.leg, description)
        except Unusable:
            return b""

    # --- what the app does ------------------------------------------------------------------------------------------

    def answer(self) -> bool:
        """Whether it won."""
        if self.over:
            return False
        self.answered = True
        won = self.leg.answer(self.description) and not self.over
        if won:
            self.room.hub.stop_tone()
        return won

    def decline(self) -> None:
        self._leave(DECLINED, "declined")

    def leave(self, reason: str = "over") -> None:
        """The app hangs up, does not want to ring, or is lost."""
        self._leave(GONE, reason)

    def _leave(self, status: int, reason: str) -> None:
        if self.over:
            return
        answered, leg = self.answered, self.leg
        self._end(reason)
        if answered:
            leg.leave()
        else:
            leg.fail(status)

    def _end(self, reason: str | None) -> None:
        """*reason* None: it was told already."""
        if self.over:
            return
        self.over = True
        if self.grace is not None:
            self.grace.cancel()
        if reason is not None:
            self.room.rooms.send(self.session, {"type": "ended", "call": self.summons.call, "reason": reason})
        self.room.left(self)


@dataclass
class Room:
    """The apps of one call."""

    rooms: "Rooms"
    call: CallId
    plan: CallPlan
    caller: str
    at_ms: int
    hub: RemoteHub
    rings: dict[str, Ring] = field(default_factory=dict)  # by session

    @property
    def home(self) -> ApartmentId | None:
        return self.plan.apartment

    def winner(self) -> str:
        return self.rooms.answered_by(self.call)

    def left(self, ring: Ring) -> None:
        if self.rings.get(ring.session) is ring:
            del self.rings[ring.session]
        self.hub.drop_leg(ring.summons.leg)
        self.rooms.left(self, ring)

    def want_picture(self) -> None:
        for ring in self.rings.values():
            ring.leg.want_picture()
            return


class Rooms:
    """All calls that have an app. Told by the SIP side of rings, by the connections of what is pressed."""

    def __init__(
        self,
        send: Send,
        answered_by: Callable[[CallId], str],
        now_ms: Callable[[], int],
        begun: Callable[[Ring], None],
        ended: Callable[[Ring], None],
        make_hub: MakeHub,
    ) -> None:
        """*begun* and *ended*: a ring began, or is over, however. *make_hub*: as of `HubPool.hub`."""
        self.send = send
        self.answered_by = answered_by
        self._now_ms = now_ms
        self._begun, self._ended = begun, ended
        self._make_hub = make_hub
        self._rooms: dict[CallId, Room] = {}
        self._closing: set[asyncio.Task[None]] = set()

    def ring(self, session: str, summons: Summons, leg: AppLeg) -> Ring | None:
        """`sip.leg_app.Apps.ring` of a session that is there, or can be woken."""
        room = self._room(summons)
        if room is None or session in room.rings:
            return None
        try:
            description = room.hub.add_leg(summons.leg, summons.offer)
        except Unusable:
            return None
        ring = room.rings[session] = Ring(room, summons, leg, session, description)
        asyncio.get_running_loop().call_soon(self._begin, ring)
        return ring

    def find(self, call: str, session: str) -> Ring | None:
        room = self._rooms.get(CallId(call))
        return room.rings.get(session) if room is not None else None

    def of(self, session: str) -> list[Ring]:
        """What rings or talks at *session*, oldest first."""
        return [room.rings[session] for room in self._rooms.values() if session in room.rings]

    async def connect(self, ring: Ring, sdp: str) -> str | None:
        """The answer to an app's offer; None where it cannot be used."""
        try:
            return await ring.room.hub.connect(ring.session, sdp)
        except NotUsable as error:
            log.info("an app's offer cannot be used", extra={"why": str(error)})
            return None

    def connection_lost(self, session: str, *, in_order: bool, woken: bool) -> None:
        """The WebSocket is gone. A page that was left in order may come back; a phone that can be *woken* rings on."""
        for ring in self.of(session):
            if woken and not ring.answered:
                continue
            if in_order:
                ring.grace = asyncio.get_running_loop().call_later(GRACE_S, ring.leave, "lost")
            else:
                ring.leave("lost")

    def connection_back(self, session: str) -> None:
        for ring in self.of(session):
            if ring.grace is not None:
                ring.grace.cancel()
                ring.grace = None

    def left(self, room: Room, ring: Ring) -> None:
        self._ended(ring)
        if room.rings:
            self._spawn(room.hub.disconnect(ring.session))
        elif self._rooms.get(room.call) is room:
            del self._rooms[room.call]
            self._spawn(room.hub.close())

    async def close(self) -> None:
        """Every hub is closed when it returns."""
        for room in list(self._rooms.values()):
            for ring in list(room.rings.values()):
                ring.leave("over")
        if self._closing:
            await asyncio.gather(*self._closing)

    def _room(self, summons: Summons) -> Room | None:
        room = self._rooms.get(summons.call)
        if room is not None:
            return room
        if not summons.offer or len(self._rooms) >= ROOMS_MAX:
            return None
        try:
            hub = self._make_hub(summons.offer, lambda: self._want_picture(summons.call))
        except (Unusable, NoPorts, OSError) as error:
            log.warning("apps cannot be rung", extra={"call": summons.call, "why": str(error)})
            return None
        room = Room(self, summons.call, summons.plan, summons.caller, self._now_ms(), hub)
        self._rooms[summons.call] = room
        return room

    def _want_picture(self, call: CallId) -> None:
        room = self._rooms.get(call)
        if room is not None:
            room.want_picture()

    def _begin(self, ring: Ring) -> None:
        if not ring.over:
            self._begun(ring)
            ring.leg.ringing(ring.description)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work, name="closing an app's media")
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
