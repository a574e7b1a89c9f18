"""What each app shows: the state, made anew from the rules and from its calls, and the fields of a ring."""

from collections.abc import Mapping

from edge.portal import state
from edge.portal.ports import PortalPorts
from edge.portal.rooms import Ring, Rooms
from edge.portal.roster import Roster
from edge.portal.sessions import Session


class Screen:
    """Reads; changes nothing."""

    def __init__(self, ports: PortalPorts, roster: Roster, rooms: Rooms) -> None:
        self._ports, self._roster, self._rooms = ports, roster, rooms

    def state(self, session: Session) -> Mapping[str, object]:
        """All that *session* may know now; empty for a resident that has just gone."""
        resident = self._roster.resident(session)
        if resident is None:
            return {}
        pusher = self._ports.pusher
        quiet = {"from": session.quiet_from, "until": session.quiet_until} if session.quiet_from else None
        return {
            **state.person(self._ports.snapshot, resident, self._ports.clock.now_ms(), self._ports.online),
            "calls": [
                {**self._ring_fields(ring, session), "answered": ring.answered} for ring in self._rooms.of(session.id)
            ],
            "dnd": quiet,
            "push": {"public_key": pusher.public_key if pusher else None, "subscribed": session.push is not None},
        }

    def is_quiet(self, session: Session) -> bool:
        return state.is_quiet(session, self._ports.snapshot.community.time_zone, self._ports.clock.now_ms())

    def ring_message(self, ring: Ring, session: Session) -> Mapping[str, object]:
        return {"type": "ring", **self._ring_fields(ring, session), "quiet": self.is_quiet(session)}

    def _ring_fields(self, ring: Ring, session: Session) -> Mapping[str, object]:
        snapshot, room = self._ports.snapshot, ring.room
        door = snapshot.devices.get(room.plan.door) if room.plan.door is not None else None
        home = snapshot.apartments.get(room.home) if room.home is not None else None
        resident = self._roster.resident(session)
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
