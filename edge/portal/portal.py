"""The portal: lets apps in, keeps them told of what holds now, and is where the SIP side rings them."""

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from edge.core.call_events import ContactRef, Reach
from edge.core.ports import Clock, World
from edge.core.snapshot import Snapshot
from edge.http.ports import Reply
from edge.http.ws import REPLACED, RESTART, REVOKED, BadFrame, Link
from edge.portal import keys, state, turn
from edge.portal.asking import Asking, NotDone
from edge.portal.messages import BadMessage, Message, read
from edge.portal.presses import OpenDoor, Presses
from edge.portal.push import Pusher, allowed
from edge.portal.reach import AppReach
from edge.portal.rooms import Ring, Rooms
from edge.portal.sessions import Session
from edge.portal.tokens import TOKEN_S, Tokens, Tries
from edge.store.errors import StoreError
from models.call import Target
from models.community import Resident
from models.ids import CallId, Mac, ResidentId, new_id
from sip.leg_app import APP_KEY, AppLeg, Summons
from sip.media.webrtc import use_addresses

LOOK_EVERY_S: Final = 0.5
PRESSES_KEPT: Final = 1000  # sessions whose last presses are remembered
TOKEN_AGE_MS: Final = 60_000
HELLO_WORDS: Final = "intercom-edge/1/ws"
INVITE_WORDS: Final = "intercom-edge/1/invite"
TOKEN_WORDS: Final = "intercom-edge/1/token"  # noqa: S105 - what a signature is for
_STATES_AT_ONCE: Final = 8

log = logging.getLogger(__name__)


class Telling(Protocol):
    """What the portal tells the call of a press."""

    def opened(self, call: CallId, label: str) -> None: ...


@dataclass(frozen=True, slots=True)
class PortalPorts:
    """What the portal needs of the house. Calls are attached later: they need the portal first."""

    world: World
    clock: Clock
    asking: Asking
    online: Callable[[Mac], bool]  # whether a device is on the device plane
    open_door: OpenDoor
    pusher: Pusher | None = None


@dataclass(frozen=True, slots=True)
class PortalSettings:
    """*public_url* without a path; *addresses*: those that browsers are offered."""

    public_url: str
    addresses: tuple[str, ...]
    push_services: tuple[str, ...] = ()
    turn: "turn.TurnSettings | None" = None


class Visit:
    """A connected app. Implements `edge.http.ws.Visitor`."""

    def __init__(self, portal: "Portal", session: Session, link: Link, *, visible: bool) -> None:
        self.portal, self.session, self.link, self.visible = portal, session.id, link, visible
        self.told: Mapping[str, object] = {}

    async def receive(self, document: object) -> None:
        try:
            message = read(document)
        except BadMessage as error:
            raise BadFrame(error.re) from error
        handler = _HANDLERS.get(message.type)
        if handler is None:
            raise BadFrame(message.id)
        try:
            await handler(self.portal, self, message)
        except NotDone as error:
            text = {"text": str(error)} if str(error) else {}
            self.reply(message, {"type": "refused", "reason": error.reason, **text})
        except StoreError:
            self.reply(message, {"type": "refused", "reason": "store"})

    def reply(self, message: Message, answer: Mapping[str, object]) -> None:
        self.link.send(answer, message.id)

    def left(self, *, in_order: bool) -> None:
        self.portal.left(self, in_order=in_order)


class Portal:
    """A `Component`; implements `sip.leg_app.Apps`, `edge.http.ws.AppDoor` and `edge.http.app_api.AppApi`."""

    name = "portal"

    def __init__(self, ports: PortalPorts, settings: PortalSettings) -> None:
        self._ports = ports
        self._settings = settings
        self._sessions: dict[str, Session] = {}
        self._by_resident: dict[ResidentId, tuple[Session, ...]] = {}
        self._visits: dict[str, Visit] = {}
        self._presses: dict[str, Presses] = {}
        self._tokens = Tokens()
        self._tries = Tries()
        self._look = asyncio.Event()
        self._stale = False
        self._calls: Telling | None = None
        self._answered_by: Callable[[CallId], Target | None] = lambda _call: None
        self._tasks: set[asyncio.Task[None]] = set()
        self.rooms = Rooms(self.tell, self._winner, ports.clock.now_ms, self._ring_begun, self._ring_over)

    def attach(self, calls: Telling, answered_by: Callable[[CallId], Target | None]) -> None:
        """Before the start: who is told of openings, and who knows who talks."""
        self._calls, self._answered_by = calls, answered_by

    # --- Component --------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        use_addresses(self._settings.addresses)
        self._take(await asyncio.to_thread(self._ports.asking.load))

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watch())
            if self._ports.pusher is not None:
                group.create_task(self._ports.pusher.run())

    async def stop(self) -> None:
        for visit in list(self._visits.values()):
            visit.link.close(RESTART)
        await self.rooms.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def world_changed(self, *, accounts_too: bool) -> None:
        """To be called with each new snapshot."""
        self._stale = self._stale or accounts_too
        self._look.set()

    async def _watch(self) -> None:
        """Tell each app what changed: after each change of the store, and as time passes."""
        while True:
            try:
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self._look.wait()
            except TimeoutError:
                pass
            self._look.clear()
            if self._stale:
                await self._reload()
            for number, visit in enumerate(list(self._visits.values())):
                self._tell_state(visit)
                if number % _STATES_AT_ONCE == 0:
                    await asyncio.sleep(0)

    async def _reload(self) -> None:
        self._stale = False
        try:
            self._take(await asyncio.to_thread(self._ports.asking.load))
        except StoreError as error:
            self._stale = True
            log.warning("sessions of apps cannot be read, the last known ones hold: %s", error)

    def _take(self, loaded: dict[str, Session]) -> None:
        self._sessions = loaded
        by_resident: dict[ResidentId, list[Session]] = {}
        for session in loaded.values():
            by_resident.setdefault(session.resident, []).append(session)
        self._by_resident = {resident: tuple(found) for resident, found in by_resident.items()}
        for identity, visit in list(self._visits.items()):
            if identity not in loaded:
                self._turn_out(visit)

    def _turn_out(self, visit: Visit) -> None:
        self._tokens.forget(visit.session)
        for ring in self.rooms.of(visit.session):
            ring.leave("lost")
        visit.link.close(REVOKED)

    # --- sip.leg_app.Apps, and where apps can be reached ------------------------------------------------------------

    def contacts(self, target: Target) -> Sequence[ContactRef]:
        """Apps of the resident *target* that are connected, or can be woken."""
        if target.resident is None:
            return ()
        return tuple(
            ContactRef(f"{APP_KEY}{session.id}", f"app {session.name}")
            for session in self._by_resident.get(target.resident, ())
            if session.id in self._visits or self._wakeable(session)
        )

    def reach(self, by_sip: Reach) -> Reach:
        """*by_sip*, and the apps beside it."""
        return AppReach(by_sip, self.contacts)

    def ring(self, summons: Summons, leg: AppLeg) -> Ring | None:
        session = self._sessions.get(summons.key.removeprefix(APP_KEY))
        if session is None or (session.id not in self._visits and not self._wakeable(session)):
            return None
        return self.rooms.ring(session.id, summons, leg)

    def _wakeable(self, session: Session) -> bool:
        return self._ports.pusher is not None and session.push is not None and not self._quiet(session)

    def _quiet(self, session: Session) -> bool:
        return state.is_quiet(session, self._snapshot.community.time_zone, self._ports.clock.now_ms())

    def _ring_begun(self, ring: Ring) -> None:
        session = self._sessions.get(ring.session)
        if session is None:
            return
        self.tell(ring.session, self._ring_message(ring, session))
        visit = self._visits.get(ring.session)
        if visit is None or not visit.visible:
            self._push(session, "ring", ring)

    def _ring_over(self, ring: Ring) -> None:
        session = self._sessions.get(ring.session)
        if session is not None and not ring.answered:
            self._push(session, "over", ring)

    def _push(self, session: Session, kind: str, ring: Ring) -> None:
        if self._ports.pusher is not None and session.push is not None and not self._quiet(session):
            self._ports.pusher.push(session.id, session.push, kind, ring.summons.call)

    def _winner(self, call: CallId) -> str:
        target = self._answered_by(call)
        return target.name if target is not None else ""

    # --- edge.http.ws.AppDoor ---------------------------------------------------------------------------------------

    @property
    def origin(self) -> str:
        return self._settings.public_url

    def challenge(self) -> Mapping[str, object]:
        return {"type": "challenge", "nonce": secrets.token_urlsafe(32), "now_ms": self._ports.clock.now_ms()}

    def enter(self, document: object, challenge: Mapping[str, object], link: Link) -> Visit | None:
        try:
            hello = read(document)
        except BadMessage as error:
            raise BadFrame(error.re) from error
        session = self._sessions.get(str(hello.fields.get("session", "")))
        if hello.type != "hello" or session is None or self._resident(session) is None:
            return None
        nonce, signature = str(challenge["nonce"]), str(hello.fields["signature"])
        if not keys.proves(session.public_key, signature, HELLO_WORDS, self.origin, nonce, session.id):
            return None
        before = self._visits.pop(session.id, None)
        visit = self._visits[session.id] = Visit(self, session, link, visible=bool(hello.fields.get("visible", True)))
        if before is not None:
            before.link.close(REPLACED)
        self.rooms.connection_back(session.id)
        self._welcome(visit, session, hello)
        self._spawn(asyncio.to_thread(self._ports.asking.seen, session.id))
        return visit

    def _welcome(self, visit: Visit, session: Session, hello: Message) -> None:
        visit.told = self._state(session)
        welcome = {
            "type": "welcome",
            "token": self._tokens.issue(session.id, time.monotonic()),
            "token_until_ms": self._ports.clock.now_ms() + round(TOKEN_S * 1000),
            "heartbeat_s": 3,
            "ice_servers": turn.servers(self._settings.turn, session.id, self._ports.clock.now_ms()),
            "state": visit.told,
        }
        visit.reply(hello, welcome)
        for ring in self.rooms.of(session.id):
            if not ring.answered:
                visit.link.send(self._ring_message(ring, session))

    def left(self, visit: Visit, *, in_order: bool) -> None:
        if self._visits.get(visit.session) is not visit:
            return  # another connection has taken its place
        del self._visits[visit.session]
        session = self._sessions.get(visit.session)
        woken = session is not None and self._wakeable(session)
        self.rooms.connection_lost(visit.session, in_order=in_order, woken=woken)

    # --- telling ----------------------------------------------------------------------------------------------------

    def tell(self, session: str, message: Mapping[str, object]) -> None:
        """To the app of *session*, if it is connected."""
        visit = self._visits.get(session)
        if visit is not None:
            visit.link.send(message)

    @property
    def _snapshot(self) -> Snapshot:
        return self._ports.world.snapshot

    def _resident(self, session: Session) -> Resident | None:
        return self._snapshot.residents.get(session.resident)

    def _require(self, session: str) -> tuple[Session, Resident]:
        """Raises NotDone for a session that has just been revoked."""
        known = self._sessions.get(session)
        resident = self._resident(known) if known is not None else None
        if known is None or resident is None:
            raise NotDone("not_allowed")
        return known, resident

    def _state(self, session: Session) -> Mapping[str, object]:
        resident = self._resident(session)
        if resident is None:
            return {}
        pusher = self._ports.pusher
        quiet = {"from": session.quiet_from, "until": session.quiet_until} if session.quiet_from else None
        return {
            **state.person(self._snapshot, resident, self._ports.clock.now_ms(), self._ports.online),
            "calls": [
                {**self._ring_fields(ring, session), "answered": ring.answered} for ring in self.rooms.of(session.id)
            ],
            "dnd": quiet,
            "push": {"public_key": pusher.public_key if pusher else None, "subscribed": session.push is not None},
        }

    def _tell_state(self, visit: Visit) -> None:
        session = self._sessions.get(visit.session)
        if session is None or self._resident(session) is None:
            self._turn_out(visit)
            return
        now = self._state(session)
        if now != visit.told:
            visit.told = now
            visit.link.send({"type": "state", "state": now})

    def _ring_message(self, ring: Ring, session: Session) -> Mapping[str, object]:
        return {"type": "ring", **self._ring_fields(ring, session), "quiet": self._quiet(session)}

    def _ring_fields(self, ring: Ring, session: Session) -> Mapping[str, object]:
        snapshot, room = self._snapshot, ring.room
        door = snapshot.devices.get(room.plan.door) if room.plan.door is not None else None
        home = snapshot.apartments.get(room.home) if room.home is not None else None
        resident = self._resident(session)
        relays: list[dict[str, object]] = []
        if door is not None and resident is not None:
            request = state.talk_request(door, resident, room.home)
            relays = state.relays_of(snapshot, door, request, self._ports.clock.now_ms())
        agreed = room.hub.agreed
        return {
            "call": room.call,
            "kind": "visitor" if door is not None else "neighbour",
            "from": room.caller,
            "door": {"mac": door.mac, "name": door.name} if door is not None else None,
            "apartment": state.home_name(snapshot, home) if home is not None else None,
            "at_ms": room.at_ms,
            "video": agreed.video is not None,
            "audio": agreed.mime.removeprefix("audio/"),
            "relays": relays,
        }

    # --- what apps send ---------------------------------------------------------------------------------------------

    async def on_ping(self, visit: Visit, message: Message) -> None:
        visit.reply(message, {"type": "pong"})

    async def on_pong(self, visit: Visit, message: Message) -> None:
        """That it came is all."""

    async def on_presence(self, visit: Visit, message: Message) -> None:
        visit.visible = bool(message.fields["visible"])

    async def on_offer(self, visit: Visit, message: Message) -> None:
        ring = self._ring(visit, message)
        answer = await self.rooms.connect(ring, str(message.fields["sdp"]))
        if answer is None or ring.over:
            raise NotDone("media")
        visit.reply(message, {"type": "answer_sdp", "call": ring.summons.call, "sdp": answer})

    async def on_answer(self, visit: Visit, message: Message) -> None:
        call = str(message.fields["call"])
        ring = self.rooms.find(call, visit.session)
        if ring is None:
            by = self._winner(CallId(call))
            if not by:
                raise NotDone("unknown_call")
            visit.reply(message, {"type": "taken", "call": call, "by": by})
        elif ring.answered or ring.answer():
            visit.reply(message, {"type": "won", "call": call})
        else:
            visit.reply(message, {"type": "taken", "call": call, "by": self._winner(CallId(call))})

    async def on_decline(self, visit: Visit, message: Message) -> None:
        ring = self._ring(visit, message)
        if ring.answered:
            raise NotDone("not_ringing")
        ring.decline()

    async def on_hangup(self, visit: Visit, message: Message) -> None:
        self._ring(visit, message).leave()

    async def on_open(self, visit: Visit, message: Message) -> None:
        session, resident = self._require(visit.session)
        fields = message.fields
        nonce, relay = str(fields["nonce"]), str(fields["relay"])
        if ("call" in fields) == ("door" in fields):
            raise BadFrame(message.id)
        if "call" in fields:
            ring = self._ring(visit, message)
            door = ring.room.plan.door
            device = self._snapshot.devices.get(door) if door is not None else None
            identity = str(ring.summons.call)
        else:
            device = self._snapshot.by_mac.get(Mac(str(fields["door"])))
            identity = new_id("o")
        if device is None:
            raise NotDone("not_allowed")
        request = (
            state.talk_request(device, resident, ring.room.home, relay)
            if "call" in fields
            else state.home_request(device, resident, relay)
        )
        presses = self._presses.setdefault(session.id, Presses())
        while len(self._presses) > PRESSES_KEPT:
            self._presses.pop(next(iter(self._presses)))
        reason, first = presses.press(nonce, time.monotonic(), request, identity, self._ports.open_door)
        if reason:
            visit.reply(message, {"type": "refused", "reason": reason, "nonce": nonce})
            return
        if first and "call" in fields and self._calls is not None:
            self._calls.opened(CallId(identity), relay)
        visit.reply(message, {"type": "opened", "relay": relay, "nonce": nonce})

    async def on_ask(self, visit: Visit, message: Message) -> None:
        what = str(message.fields["what"])
        data = await self.ask(visit.session, what, message.fields)
        visit.reply(message, {"type": "told", "what": what, "data": data})
        if what == "forget":
            self._turn_out(visit)

    def _ring(self, visit: Visit, message: Message) -> Ring:
        """Raises NotDone."""
        ring = self.rooms.find(str(message.fields["call"]), visit.session)
        if ring is None or ring.over:
            raise NotDone("unknown_call")
        return ring

    # --- questions, by WebSocket and by HTTP ------------------------------------------------------------------------

    async def ask(self, identity: str, what: str, fields: Mapping[str, Any]) -> Mapping[str, object]:
        """Raises NotDone and StoreError."""
        session, resident = self._require(identity)
        asking, snapshot = self._ports.asking, self._snapshot
        match what:
            case "state":
                return self._state(session)
            case "history":
                return await asyncio.to_thread(asking.history, snapshot, resident, fields)
            case "passes":
                return await asyncio.to_thread(asking.passes, snapshot, resident)
            case "pass_add":
                return await asyncio.to_thread(asking.pass_add, snapshot, resident, fields)
            case "pass_revoke":
                return await asyncio.to_thread(asking.pass_revoke, snapshot, resident, str(fields.get("pass", "")))
            case "dnd":
                begins, ends = await asyncio.to_thread(asking.quiet_hours, session, fields)
                self._keep(session, quiet_from=begins, quiet_until=ends)
                return {}
            case "push":
                return await self._subscribe(session, fields)
            case "forget":
                await asyncio.to_thread(asking.forget, session.id)
                return {}
        raise NotDone("bad_message")

    async def _subscribe(self, session: Session, fields: Mapping[str, Any]) -> Mapping[str, object]:
        endpoint = fields.get("endpoint")
        push = None
        if endpoint is not None:
            if self._ports.pusher is None or not allowed(endpoint, self._settings.push_services):
                raise NotDone("not_allowed", "this push service is not used here")
            push = {"endpoint": endpoint, "p256dh": str(fields.get("p256dh", "")), "auth": str(fields.get("auth", ""))}
            try:
                keys.public_point(push["p256dh"])
                keys.decode(push["auth"])
            except ValueError as error:
                raise NotDone("bad_message") from error
        await asyncio.to_thread(self._ports.asking.subscribe, session.id, push)
        self._keep(session, push=push)
        return {}

    def push_gone(self, session: str) -> None:
        """The push service knows the subscription no more."""
        known = self._sessions.get(session)
        if known is not None:
            self._keep(known, push=None)
            self._spawn(asyncio.to_thread(self._ports.asking.subscribe, session, None))

    def _keep(self, session: Session, **changed: Any) -> None:
        if session.id in self._sessions:
            self._sessions[session.id] = replace(self._sessions[session.id], **changed)
            self._take(self._sessions)
            self._look.set()

    # --- edge.http.app_api.AppApi -----------------------------------------------------------------------------------

    @property
    def community(self) -> str:
        return self._snapshot.community.name

    def may_try(self, source: str) -> bool:
        return self._tries.allow(source, time.monotonic())

    def session_of(self, token: str) -> str | None:
        session = self._tokens.session(token, time.monotonic())
        return session if session in self._sessions else None

    async def redeem(self, secret: str, public_key: str, name: str, signature: str) -> str:
        """The new session's id. Raises NotDone and StoreError."""
        try:
            point = keys.public_point(public_key)
        except ValueError as error:
            raise NotDone("bad_message") from error
        if not keys.proves(point, signature, INVITE_WORDS, self.origin, secret):
            raise NotDone("invite")
        session = await asyncio.to_thread(self._ports.asking.redeem, secret, point, name)
        self._take({**self._sessions, session.id: session})
        return session.id

    def token(self, session: str, at_ms: int, signature: str) -> tuple[str, int] | None:
        """A bearer token and when it ends (Unix milliseconds), for whoever signed *at_ms* just now."""
        known, now_ms = self._sessions.get(session), self._ports.clock.now_ms()
        if known is None or abs(now_ms - at_ms) > TOKEN_AGE_MS:
            return None
        if not keys.proves(known.public_key, signature, TOKEN_WORDS, self.origin, str(at_ms), session):
            return None
        return self._tokens.issue(session, time.monotonic()), now_ms + round(TOKEN_S * 1000)

    async def invited(self, body: Mapping[str, str]) -> Reply:
        try:
            session = await self.redeem(body["secret"], body["public_key"], body["name"], body["signature"])
        except NotDone as error:
            return _refused(error)
        except StoreError:
            return Reply(503, {"reason": "store"})
        return Reply(201, {"session": session})

    async def answer(self, session: str, what: str, fields: Mapping[str, Any]) -> Reply:
        try:
            return Reply(200, await self.ask(session, what, fields))
        except NotDone as error:
            return _refused(error)
        except StoreError:
            return Reply(503, {"reason": "store"})

    # --- inside -----------------------------------------------------------------------------------------------------

    def _spawn(self, work: Awaitable[None]) -> None:
        async def guarded() -> None:
            try:
                await work
            except StoreError as error:
                log.warning("what an app did could not be stored: %s", error)

        task = asyncio.get_running_loop().create_task(guarded(), name="portal")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _refused(error: NotDone) -> Reply:
    text = {"text": str(error)} if str(error) else {}
    return Reply(400 if error.reason == "bad_message" else 403, {"reason": error.reason, **text})


_Handler = Callable[[Portal, Visit, Message], Awaitable[None]]
_HANDLERS: Final[Mapping[str, _Handler]] = {
    "ping": Portal.on_ping,
    "pong": Portal.on_pong,
    "presence": Portal.on_presence,
    "offer": Portal.on_offer,
    "answer": Portal.on_answer,
    "decline": Portal.on_decline,
    "hangup": Portal.on_hangup,
    "open": Portal.on_open,
    "ask": Portal.on_ask,
}
