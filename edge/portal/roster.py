"""The sessions of apps as they were last read: by id, by resident."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from edge.core.ports import World
from edge.portal.asking import NotDone
from edge.portal.sessions import Session
from models.community import Resident
from models.ids import ResidentId


class Roster:
    """*load* reads them and may block; *changed* is called after each change here."""

    def __init__(self, world: World, load: Callable[[], dict[str, Session]], changed: Callable[[], None]) -> None:
        self._world = world
        self._load = load
        self._changed = changed
        self._sessions: dict[str, Session] = {}
        self._by_resident: dict[ResidentId, tuple[Session, ...]] = {}

    def __contains__(self, session: str) -> bool:
        return session in self._sessions

    def get(self, session: str) -> Session | None:
        return self._sessions.get(session)

    def all(self) -> Iterable[Session]:
        return self._sessions.values()

    def of(self, resident: ResidentId) -> tuple[Session, ...]:
        return self._by_resident.get(resident, ())

    def resident(self, session: Session) -> Resident | None:
        """Whose *session* is, as the store has it now."""
        return self._world.snapshot.residents.get(session.resident)

    def resident_of(self, session: str) -> Resident | None:
        """Whose the session of this id is; None where one of the two is gone."""
        known = self._sessions.get(session)
        return self.resident(known) if known is not None else None

    def require(self, session: str) -> tuple[Session, Resident]:
        """Raises NotDone for a session that has just been revoked."""
        known, resident = self._sessions.get(session), self.resident_of(session)
        if known is None or resident is None:
            raise NotDone("not_allowed")
        return known, resident

    async def read(self) -> None:
        """Raises StoreError."""
        self._take(await asyncio.to_thread(self._load))

    def add(self, session: Session) -> None:
        self._take({**self._sessions, session.id: session})

    def keep(self, session: Session, **changed: Any) -> None:
        """The fields *changed* of a session that is still there."""
        known = self._sessions.get(session.id)
        if known is not None:
            self._take({**self._sessions, session.id: replace(known, **changed)})

    def _take(self, loaded: dict[str, Session]) -> None:
        self._sessions = loaded
        by_resident: dict[ResidentId, list[Session]] = {}
        for session in loaded.values():
            by_resident.setdefault(session.resident, []).append(session)
        self._by_resident = {resident: tuple(found) for resident, found in by_resident.items()}
        self._changed()
