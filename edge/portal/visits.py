"""Apps that are connected now: one connection a session, the newest one."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from edge.http.ws import REPLACED, RESTART, BadFrame, Link
from edge.portal.asking import NotDone
from edge.portal.messages import BadMessage, Message, read
from edge.portal.sessions import Session
from edge.store.errors import StoreError

Receive = Callable[["Visit", Message], Awaitable[None]]
"""Do what a message asks. Raises NotDone, BadFrame and StoreError."""


SLOW: Final = frozenset({"offer", "ask"})
SLOW_MAX: Final = 16


class Visit:
    """A connected app. Implements `edge.http.ws.Visitor`."""

    def __init__(
        self,
        session: Session,
        link: Link,
        receive: Receive,
        left: Callable[["Visit", bool], None],
        *,
        visible: bool,
    ) -> None:
        """*left* is told whether the app closed in order."""
        self.session, self.link, self.visible = session.id, link, visible
        self.told: Mapping[str, object] = {}  # the state that it knows
        self._receive, self._left = receive, left
        self._slow: set[asyncio.Task[None]] = set()
        self._turns = {kind: asyncio.Lock() for kind in SLOW}

    async def receive(self, document: object) -> None:
        """What takes its time is done beside: heartbeats, and an answer that is pressed, do not wait for it."""
        try:
            message = read(document)
        except BadMessage as error:
            raise BadFrame(error.re) from error
        if message.type not in SLOW:
            await self._do(message)
        elif len(self._slow) >= SLOW_MAX:
            self.reply(message, {"type": "refused", "reason": "rate"})
        else:
            task = asyncio.get_running_loop().create_task(self._in_turn(message), name="an app's question")
            self._slow.add(task)
            task.add_done_callback(self._slow.discard)

    async def _in_turn(self, message: Message) -> None:
        async with self._turns[message.type]:
            await self._do(message)

    async def _do(self, message: Message) -> None:
        try:
            await self._receive(self, message)
        except NotDone as error:
            text = {"text": str(error)} if str(error) else {}
            self.reply(message, {"type": "refused", "reason": error.reason, **text})
        except StoreError:
            self.reply(message, {"type": "refused", "reason": "store"})

    def reply(self, message: Message, answer: Mapping[str, object]) -> None:
        self.link.send(answer, message.id)

    def left(self, *, in_order: bool) -> None:
        for task in self._slow:
            task.cancel()
        self._left(self, in_order)


class Visits:
    """Who is there."""

    def __init__(self) -> None:
        self._visits: dict[str, Visit] = {}

    def __contains__(self, session: str) -> bool:
        return session in self._visits

    def get(self, session: str) -> Visit | None:
        return self._visits.get(session)

    def all(self) -> list[Visit]:
        return list(self._visits.values())

    def enter(self, visit: Visit) -> None:
        """*visit* takes the place of an older connection of its session, which is closed."""
        before = self._visits.pop(visit.session, None)
        self._visits[visit.session] = visit
        if before is not None:
            before.link.close(REPLACED)

    def leave(self, visit: Visit) -> bool:
        """False: another connection has taken its place."""
        if self._visits.get(visit.session) is not visit:
            return False
        del self._visits[visit.session]
        return True

    def tell(self, session: str, message: Mapping[str, object]) -> None:
        """To the app of *session*, if it is connected."""
        visit = self._visits.get(session)
        if visit is not None:
            visit.link.send(message)

    def close(self) -> None:
        """The edge stops."""
        for visit in self.all():
            visit.link.close(RESTART)
