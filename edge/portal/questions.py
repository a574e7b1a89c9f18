"""What apps ask, by WebSocket and by HTTP alike."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from edge.portal import keys
from edge.portal.asking import Json, NotDone
from edge.portal.monitors import Monitors
from edge.portal.ports import PortalPorts
from edge.portal.push import allowed
from edge.portal.roster import Roster
from edge.portal.screen import Screen
from edge.portal.sessions import Session
from models.community import Resident
from models.ids import Mac


class Questions:
    """Answers. The store is asked in threads."""

    def __init__(
        self, ports: PortalPorts, push_services: tuple[str, ...], roster: Roster, screen: Screen, monitors: Monitors
    ) -> None:
        self._ports, self._asking = ports, ports.asking
        self._push_services = push_services
        self._roster, self._screen, self._monitors = roster, screen, monitors

    async def ask(self, session: str, what: str, fields: Mapping[str, Any]) -> Json:
        """Raises NotDone and StoreError."""
        answer = _ANSWERS.get(what)
        known, resident = self._roster.require(session)
        if answer is None:
            raise NotDone("bad_message")
        return await answer(self, known, resident, fields)

    async def _state(self, session: Session, _resident: Resident, _fields: Mapping[str, Any]) -> Json:
        return self._screen.state(session)

    async def _history(self, _session: Session, resident: Resident, fields: Mapping[str, Any]) -> Json:
        return await asyncio.to_thread(self._asking.history, self._ports.snapshot, resident, fields)

    async def _passes(self, _session: Session, resident: Resident, _fields: Mapping[str, Any]) -> Json:
        return await asyncio.to_thread(self._asking.passes, self._ports.snapshot, resident)

    async def _pass_add(self, _session: Session, resident: Resident, fields: Mapping[str, Any]) -> Json:
        return await asyncio.to_thread(self._asking.pass_add, self._ports.snapshot, resident, fields)

    async def _pass_revoke(self, _session: Session, resident: Resident, fields: Mapping[str, Any]) -> Json:
        identity = str(fields.get("pass", ""))
        return await asyncio.to_thread(self._asking.pass_revoke, self._ports.snapshot, resident, identity)

    async def _quiet(self, session: Session, _resident: Resident, fields: Mapping[str, Any]) -> Json:
        begins, ends = await asyncio.to_thread(self._asking.quiet_hours, session, fields)
        self._roster.keep(session, quiet_from=begins, quiet_until=ends)
        return {}

    async def _push(self, session: Session, _resident: Resident, fields: Mapping[str, Any]) -> Json:
        push = self._subscription(fields)
        await asyncio.to_thread(self._asking.subscribe, session.id, push)
        self._roster.keep(session, push=push)
        return {}

    def _subscription(self, fields: Mapping[str, Any]) -> Mapping[str, str] | None:
        """Raises NotDone for a service that this site does not use, or keys that are none."""
        endpoint = fields.get("endpoint")
        if endpoint is None:
            return None
        if self._ports.pusher is None or not allowed(endpoint, self._push_services):
            raise NotDone("not_allowed", "this push service is not used here")
        push = {"endpoint": endpoint, "p256dh": str(fields.get("p256dh", "")), "auth": str(fields.get("auth", ""))}
        try:
            keys.public_point(push["p256dh"])
            keys.decode(push["auth"])
        except ValueError as error:
            raise NotDone("bad_message") from error
        return push

    async def _arm(self, _session: Session, resident: Resident, fields: Mapping[str, Any]) -> Json:
        if "monitor" not in fields or "armed" not in fields:
            raise NotDone("bad_message")
        return await self._monitors.arm(resident, Mac(str(fields["monitor"])), armed=bool(fields["armed"]))

    async def _forget(self, session: Session, _resident: Resident, _fields: Mapping[str, Any]) -> Json:
        await asyncio.to_thread(self._asking.forget, session.id)
        return {}


_Answer = Callable[[Questions, Session, Resident, Mapping[str, Any]], Awaitable[Json]]
_ANSWERS: Final[Mapping[str, _Answer]] = {
    "state": Questions._state,
    "history": Questions._history,
    "passes": Questions._passes,
    "pass_add": Questions._pass_add,
    "pass_revoke": Questions._pass_revoke,
    "dnd": Questions._quiet,
    "push": Questions._push,
    "arm": Questions._arm,
    "forget": Questions._forget,
}
