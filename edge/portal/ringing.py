"""Where the SIP side rings apps: those that are connected, and those that a push can wake."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from edge.core.call_events import ContactRef
from edge.portal.ports import PortalPorts
from edge.portal.push import OVER, RING
from edge.portal.rooms import Ring, Rooms
from edge.portal.roster import Roster
from edge.portal.screen import Screen
from edge.portal.sessions import Session
from edge.portal.visits import Visits
from models.call import Target
from sip.leg_app import APP_KEY, AppLeg, Summons

REPEAT_S: Final = 8.0
REPEATS: Final = 3


class Ringing:
    """Implements `sip.leg_app.Apps`."""

    def __init__(self, ports: PortalPorts, roster: Roster, visits: Visits, rooms: Rooms, screen: Screen) -> None:
        self._pusher = ports.pusher
        self._roster, self._visits, self._rooms, self._screen = roster, visits, rooms, screen

    def contacts(self, target: Target) -> Sequence[ContactRef]:
        """Apps of the resident *target* that are connected, or can be woken."""
        if target.resident is None:
            return ()
        return tuple(
            ContactRef(f"{APP_KEY}{session.id}", f"app {session.name}")
            for session in self._roster.of(target.resident)
            if session.id in self._visits or self.wakeable(session)
        )

    def live(self) -> Mapping[str, Sequence[str]]:
        """As `contacts`, of every resident that has one."""
        found: dict[str, list[str]] = {}
        for session in self._roster.all():
            if (there := session.id in self._visits) or self.wakeable(session):
                found.setdefault(session.resident, []).append(f"app {session.name}" + ("" if there else ", by push"))
        return found

    def ring(self, summons: Summons, leg: AppLeg) -> Ring | None:
        session = self._roster.get(summons.key.removeprefix(APP_KEY))
        if session is None or (session.id not in self._visits and not self.wakeable(session)):
            return None
        return self._rooms.ring(session.id, summons, leg)

    def wakeable(self, session: Session) -> bool:
        return self._pusher is not None and session.push is not None and not self._screen.is_quiet(session)

    def begun(self, ring: Ring) -> None:
        session = self._roster.get(ring.session)
        if session is None:
            return
        self._visits.tell(ring.session, self._screen.ring_message(ring, session))
        self._wake(ring)

    def left(self, session: str, *, in_order: bool) -> None:
        """Its connection is gone. A phone that a push can wake rings on by one; others are lost."""
        known = self._roster.get(session)
        woken = known is not None and self.wakeable(known)
        if woken:
            for ring in self._rooms.of(session):
                self._wake(ring, 0)  # the repeats go on
        self._rooms.connection_lost(session, in_order=in_order, woken=woken)

    def over(self, ring: Ring) -> None:
        session = self._roster.get(ring.session)
        if session is not None and ring.pushed and not ring.answered:
            self._push(session, OVER, ring)

    def _wake(self, ring: Ring, repeats: int = REPEATS) -> None:
        """Push, and again while it rings: a phone shows one banner at a time, and not for long."""
        session, visit = self._roster.get(ring.session), self._visits.get(ring.session)
        if ring.over or ring.answered or session is None:
            return
        if visit is None or not visit.visible:
            self._push(session, RING, ring)
        if repeats:
            asyncio.get_running_loop().call_later(REPEAT_S, self._wake, ring, repeats - 1)

    def _push(self, session: Session, kind: str, ring: Ring) -> None:
        if self._pusher is not None and session.push is not None and self.wakeable(session):
            ring.pushed = True
            self._pusher.push(session.id, session.push, kind, ring.summons.call)
