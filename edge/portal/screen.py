"""What each app shows: the state, made anew from the rules and from its calls, and the fields of a ring."""

from collections.abc import Callable, Mapping

from edge.portal import state
from edge.portal.face import Face
from edge.portal.kept import Kept
from edge.portal.monitors import Monitors
from edge.portal.outgoing import Outgoing
from edge.portal.ports import PortalPorts
from edge.portal.requests import Requests
from edge.portal.rooms import Ring, Rooms
from edge.portal.roster import Roster
from edge.portal.sessions import Session
from models.call import CallPlan
from models.community import Resident
from models.device import DeviceType
from sip.media.webrtc_sdp import Agreed


class Screen:
    """Reads; changes nothing."""

    def __init__(
        self,
        ports: PortalPorts,
        face: Face,
        roster: Roster,
        rooms: Rooms,
        monitors: Monitors,
        placed: Callable[[str], Outgoing | None],
    ) -> None:
        """*placed*: the call that the app of a session placed."""
        self._ports, self._roster, self._rooms = ports, roster, rooms
        self._monitors, self._placed = monitors, placed
        self._kept = Kept(ports.online, face.shown)
        self.requests: Requests = {}  # as they were last read

    def state(self, session: Session) -> Mapping[str, object]:
        """All that *session* may know now; empty for a resident that has just gone."""
        resident = self._roster.resident(session)
        if resident is None:
            return {}
        pusher = self._ports.pusher
        quiet = {"from": session.quiet_from, "until": session.quiet_until} if session.quiet_from else None
        now_ms = self._ports.clock.now_ms()
        return {
            **self._kept.person(self._ports.snapshot, resident, now_ms),
            "requests": self._asked(resident),
            "monitors": self._monitors.shown(resident),
            "calls": self._calls(session),
            "dnd": quiet,
            "push": {"public_key": pusher.public_key if pusher else None, "subscribed": session.push is not None},
        }

    def _asked(self, resident: Resident) -> list[Mapping[str, object]]:
        """The resident's address requests; one whose apartment is gone is not there."""
        snapshot = self._ports.snapshot
        mine = self.requests.get(resident.id, ())
        told = ((snapshot.apartments.get(home), word, at_ms) for home, word, at_ms in mine)
        return [
            {"address": state.home_name(snapshot, home), "state": word, "at_ms": at_ms}
            for home, word, at_ms in told if home is not None
        ]  # fmt: skip

    def is_quiet(self, session: Session) -> bool:
        return state.is_quiet(session, self._ports.snapshot.community.time_zone, self._ports.clock.now_ms())

    def ring_message(self, ring: Ring, session: Session) -> Mapping[str, object]:
        return {"type": "ring", **self._ring_fields(ring, session), "quiet": self.is_quiet(session)}

    def placed_fields(self, outgoing: Outgoing) -> Mapping[str, object]:
        """A call that the app placed."""
        resident = self._roster.resident_of(outgoing.session)
        return {
            "call": outgoing.call,
            "kind": outgoing.dialled.kind.value,
            "to": outgoing.dialled.to,
            "from": resident.name if resident is not None else "",
            "at_ms": outgoing.at_ms,
            "outgoing": True,
            "talk": outgoing.talk,
            **self._media(outgoing.hub.agreed),
            **self._about(outgoing.plan, resident),
        }

    def _calls(self, session: Session) -> list[Mapping[str, object]]:
        calls: list[Mapping[str, object]] = [
            {**self._ring_fields(ring, session), "answered": ring.answered} for ring in self._rooms.of(session.id)
        ]
        placed = self._placed(session.id)
        return calls if placed is None else [*calls, {**self.placed_fields(placed), "answered": placed.connected}]

    def _ring_fields(self, ring: Ring, session: Session) -> Mapping[str, object]:
        room = ring.room
        return {
            "call": room.call,
            "kind": self._kind(room.plan),
            "from": room.caller,
            "at_ms": room.at_ms,
            **self._media(room.hub.agreed),
            **self._about(room.plan, self._roster.resident(session)),
        }

    def _kind(self, plan: CallPlan) -> str:
        if plan.door is not None:
            return "visitor"
        caller = self._ports.snapshot.devices.get(plan.caller_device) if plan.caller_device is not None else None
        return "guard" if caller is not None and caller.type is DeviceType.GUARD_PHONE else "neighbour"

    def _about(self, plan: CallPlan, resident: Resident | None) -> Mapping[str, object]:
        """The door of a call, the apartment in whose right it is, and what *resident* may open in it now."""
        snapshot = self._ports.snapshot
        door = snapshot.devices.get(plan.door) if plan.door is not None else None
        home = snapshot.apartments.get(plan.apartment) if plan.apartment is not None else None
        relays: list[dict[str, object]] = []
        if door is not None and resident is not None:
            request = state.talk_request(door, resident, plan.apartment)
            relays = state.relays_of(snapshot, door, request, self._ports.clock.now_ms())
        return {
            "door": {"mac": door.mac, "name": door.name} if door is not None else None,
            "apartment": state.home_name(snapshot, home) if home is not None else None,
            "relays": relays,
        }

    @staticmethod
    def _media(agreed: Agreed) -> Mapping[str, object]:
        return {"video": agreed.video is not None, "audio": agreed.mime.removeprefix("audio/")}
