"""The portal: its rooms joined and kept told of what holds now; where SIP rings apps, and HTTP lets them in."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from edge.cameras.desk import CameraDesk
from edge.core.call_events import ContactRef, Reach
from edge.http.ports import Reply
from edge.http.ws import REVOKED, Link
from edge.portal import turn
from edge.portal.asking import NotDone
from edge.portal.beside import may_see
from edge.portal.dialling import Dialling
from edge.portal.entrance import Entrance
from edge.portal.face import Logo
from edge.portal.hearing import Hearing
from edge.portal.messages import Message
from edge.portal.monitors import Monitors, Order
from edge.portal.ports import Calls, Planning, PortalPorts, PortalSettings
from edge.portal.pressing import Pressing
from edge.portal.questions import Questions
from edge.portal.reach import AppReach
from edge.portal.ringing import Ringing
from edge.portal.rooms import Ring, Rooms
from edge.portal.roster import Roster
from edge.portal.screen import Screen
from edge.portal.sessions import Session
from edge.portal.visits import Visit, Visits
from edge.store.errors import StoreError
from models.call import Target
from models.ids import CallId, DeviceId
from sip.leg_app import AppLeg, Summons
from sip.media.webrtc import use_addresses
from sip.media.webrtc_pool import HubPool

LOOK_EVERY_S: Final = 0.5
HEARTBEAT_S: Final = 3
_STATES_AT_ONCE: Final = 8

log = logging.getLogger(__name__)


class Portal:
    """A `Component`; implements `sip.leg_app.Apps`, `edge.http.ws.AppDoor` and `edge.http.app_api.AppApi`."""

    name = "portal"

    def __init__(self, ports: PortalPorts, settings: PortalSettings) -> None:
        self._ports = ports
        self._settings = settings
        self._look = asyncio.Event()
        self._stale = False  # the store has other sessions or monitors by now
        self._plans: Planning | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._roster = Roster(ports.world, ports.asking.load, self._roster_changed)
        self._entrance = Entrance(settings.public_url, ports.clock, ports.asking, self._roster)
        self._visits = Visits()
        self._hubs = HubPool(settings.addresses)
        self.rooms = Rooms(
            self._visits.tell,
            self._winner,
            ports.clock.now_ms,
            lambda ring: self._ringing.begun(ring),
            lambda ring: self._ringing.over(ring),
            self._hubs.hub,
        )
        self.cameras = CameraDesk(ports.load_cameras, self._hubs.hub, self._may_see)
        self._dialling = Dialling(ports, self._visits.tell, lambda placed: self._screen.placed_fields(placed))
        self._monitors = Monitors(ports, self._look.set)
        self._screen = Screen(ports, settings.face, self._roster, self.rooms, self._monitors, self._dialling.of)
        self._ringing = Ringing(ports, self._roster, self._visits, self.rooms, self._screen)
        self._pressing = Pressing(ports)
        self._questions = Questions(ports, settings.push_services, self._roster, self._screen, self._monitors)
        self._hearing = Hearing(
            self._roster, self.rooms, self._dialling, self._pressing, self._questions, self._turn_out
        )

    def attach(self, calls: Calls, plans: Planning) -> None:
        """Before the start: the SIP side, and the call desk."""
        self._pressing.calls, self._plans = calls, plans
        self._dialling.attach(calls, plans)

    def attach_devices(self, order: Order) -> None:
        """Before the start: who gives orders to devices."""
        self._monitors.order = order

    def hear(self, event: Mapping[str, object]) -> None:
        """To be called with each event of the house."""
        self._monitors.hear(event)

    # --- Component --------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        use_addresses(self._settings.addresses)
        await self._hubs.start()
        await self.cameras.start()
        await self._roster.read()
        self._screen.requests = await asyncio.to_thread(self._ports.asking.requests)
        self._monitors.arming, reports = await asyncio.to_thread(self._ports.asking.reported)
        for mac, report in reports:
            self._monitors.heard(mac, report)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watch())
            group.create_task(self.cameras.run())
            if self._ports.pusher is not None:
                group.create_task(self._ports.pusher.run())

    async def stop(self) -> None:
        self._visits.close()
        await self.rooms.close()
        await self._dialling.close()
        await self.cameras.stop()
        await self._hubs.stop()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def world_changed(self, *, accounts_too: bool) -> None:
        """To be called with each new snapshot."""
        self._stale = self._stale or accounts_too
        self._look.set()
        self.cameras.world_changed()

    def _may_see(self, session: str, door: DeviceId) -> bool:
        """Whether the app may look at the cameras beside *door*, now."""
        try:
            _, resident = self._roster.require(session)
        except NotDone:
            return False
        rung = any(ring.room.plan.door == door for ring in self.rooms.of(session))
        return may_see(self._ports.snapshot, resident, door, self._ports.clock.now_ms(), rung=rung)

    async def _reload(self) -> None:
        """Sessions and monitors, where the store has others by now; what was known holds while it cannot be read."""
        if not self._stale:
            return
        self._stale = False
        try:
            await self._roster.read()
            self._monitors.arming = await asyncio.to_thread(self._ports.asking.arming)
            self._screen.requests = await asyncio.to_thread(self._ports.asking.requests)
        except StoreError as error:
            self._stale = True
            log.warning("sessions of apps cannot be read, the last known ones hold: %s", error)

    async def _watch(self) -> None:
        """Tell each app what changed: after each change of the store, and as time passes."""
        while True:
            try:
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self._look.wait()
            except TimeoutError:
                pass
            self._look.clear()
            await self._reload()
            self._dialling.review(self._roster.resident_of)
            for number, visit in enumerate(self._visits.all()):
                self._tell_state(visit)
                if number % _STATES_AT_ONCE == 0:
                    await asyncio.sleep(0)

    def _tell_state(self, visit: Visit) -> None:
        session = self._roster.get(visit.session)
        if session is None or self._roster.resident(session) is None:
            self._turn_out(visit)
            return
        now = self._screen.state(session)
        if now != visit.told:
            visit.told = now
            visit.link.send({"type": "state", "state": now})

    def _roster_changed(self) -> None:
        for visit in self._visits.all():
            if visit.session not in self._roster:
                self._turn_out(visit)
        self._look.set()

    def _turn_out(self, visit: Visit) -> None:
        self._entrance.shut_out(visit.session)
        for ring in self.rooms.of(visit.session):
            ring.leave("lost")
        self._dialling.connection_lost(visit.session, in_order=False)
        visit.link.close(REVOKED)

    # --- sip.leg_app.Apps, and where apps can be reached ------------------------------------------------------------

    def contacts(self, target: Target) -> Sequence[ContactRef]:
        """Apps of the resident *target* that are connected, or can be woken."""
        return self._ringing.contacts(target)

    def live(self) -> Mapping[str, Sequence[str]]:
        """Residents that have an app that can be rung now, and their apps in words."""
        return self._ringing.live()

    def reach(self, by_sip: Reach) -> Reach:
        """*by_sip*, and the apps beside it."""
        return AppReach(by_sip, self.contacts)

    def ring(self, summons: Summons, leg: AppLeg) -> Ring | None:
        return self._ringing.ring(summons, leg)

    def _winner(self, call: CallId) -> str:
        target = self._plans.answered_by(call) if self._plans is not None else None
        return target.name if target is not None else ""

    # --- edge.http.ws.AppDoor ---------------------------------------------------------------------------------------

    @property
    def origin(self) -> str:
        return self._settings.public_url

    def challenge(self) -> Mapping[str, object]:
        return self._entrance.challenge()

    def enter(self, document: object, challenge: Mapping[str, object], link: Link) -> Visit | None:
        proven = self._entrance.proven(document, challenge)
        if proven is None:
            return None
        session, hello = proven
        visible = bool(hello.fields.get("visible", True))
        visit = Visit(session, link, self._hearing.receive, self._left, visible=visible)
        self._visits.enter(visit)
        self.rooms.connection_back(session.id)
        self._dialling.connection_back(session.id)
        self._welcome(visit, session, hello)
        self._spawn(asyncio.to_thread(self._ports.asking.seen, session.id))
        return visit

    def _welcome(self, visit: Visit, session: Session, hello: Message) -> None:
        visit.told = self._screen.state(session)
        token, until_ms = self._entrance.issue(session.id)
        welcome = {
            "type": "welcome",
            "token": token,
            "token_until_ms": until_ms,
            "heartbeat_s": HEARTBEAT_S,
            "ice_servers": turn.servers(self._settings.turn, session.id, self._ports.clock.now_ms()),
            "state": visit.told,
        }
        visit.reply(hello, welcome)
        for ring in self.rooms.of(session.id):
            if not ring.answered:
                visit.link.send(self._screen.ring_message(ring, session))

    def _left(self, visit: Visit, in_order: bool) -> None:
        if self._visits.leave(visit):
            self._ringing.left(visit.session, in_order=in_order)
            self._dialling.connection_lost(visit.session, in_order=in_order)

    # --- edge.http.app_api.AppApi -----------------------------------------------------------------------------------

    @property
    def community(self) -> str:
        return self._ports.snapshot.community.name

    @property
    def logo(self) -> Logo | None:
        return self._settings.face.logo

    def may_try(self, source: str) -> bool:
        return self._entrance.may_try(source)

    def session_of(self, token: str) -> str | None:
        return self._entrance.session_of(token)

    def token(self, session: str, at_ms: int, signature: str) -> tuple[str, int] | None:
        """A bearer token and when it ends (Unix milliseconds), for whoever signed *at_ms* just now."""
        return self._entrance.token(session, at_ms, signature)

    async def invited(self, body: Mapping[str, str]) -> Reply:
        async def redeem() -> Reply:
            words = (body["secret"], body["public_key"], body["name"], body["signature"])
            return Reply(201, {"session": await self._entrance.redeem(*words)})

        return await _replied(redeem)

    async def answer(self, session: str, what: str, fields: Mapping[str, Any]) -> Reply:
        async def ask() -> Reply:
            return Reply(200, await self._questions.ask(session, what, fields))

        return await _replied(ask)

    # --- push -------------------------------------------------------------------------------------------------------

    def push_gone(self, session: str) -> None:
        """The push service knows the subscription no more."""
        known = self._roster.get(session)
        if known is not None:
            self._roster.keep(known, push=None)
            self._spawn(asyncio.to_thread(self._ports.asking.subscribe, session, None))

    def _spawn(self, work: Awaitable[None]) -> None:
        async def guarded() -> None:
            try:
                await work
            except StoreError as error:
                log.warning("what an app did could not be stored: %s", error)

        task = asyncio.get_running_loop().create_task(guarded(), name="portal")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _replied(work: Callable[[], Awaitable[Reply]]) -> Reply:
    """What *work* answers, or its refusal as HTTP has it."""
    try:
        return await work()
    except NotDone as error:
        text = {"text": str(error)} if str(error) else {}
        return Reply(400 if error.reason == "bad_message" else 403, {"reason": error.reason, **text})
    except StoreError:
        return Reply(503, {"reason": "store"})
