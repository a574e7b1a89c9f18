"""What apps say on their WebSocket: one handler for each type of message."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from edge.http.ws import BadFrame
from edge.portal.asking import NotDone
from edge.portal.messages import Message
from edge.portal.pressing import Pressing
from edge.portal.questions import Questions
from edge.portal.rooms import Ring, Rooms
from edge.portal.roster import Roster
from edge.portal.visits import Visit
from models.ids import CallId


class Hearing:
    """Does what messages ask."""

    def __init__(
        self,
        roster: Roster,
        rooms: Rooms,
        pressing: Pressing,
        questions: Questions,
        forgotten: Callable[[Visit], None],
    ) -> None:
        """*forgotten*: the app wants its session to end, and it has."""
        self._roster, self._rooms = roster, rooms
        self._pressing, self._questions = pressing, questions
        self._forgotten = forgotten

    async def receive(self, visit: Visit, message: Message) -> None:
        """Raises NotDone, BadFrame and StoreError."""
        handler = _HANDLERS.get(message.type)
        if handler is None:
            raise BadFrame(message.id)
        await handler(self, visit, message)

    async def _ping(self, visit: Visit, message: Message) -> None:
        visit.reply(message, {"type": "pong"})

    async def _pong(self, visit: Visit, message: Message) -> None:
        """That it came is all."""

    async def _presence(self, visit: Visit, message: Message) -> None:
        visit.visible = bool(message.fields["visible"])

    async def _offer(self, visit: Visit, message: Message) -> None:
        ring = self._ring(visit, message)
        answer = await self._rooms.connect(ring, str(message.fields["sdp"]))
        if answer is None or ring.over:
            raise NotDone("media")
        visit.reply(message, {"type": "answer_sdp", "call": ring.summons.call, "sdp": answer})

    async def _answer(self, visit: Visit, message: Message) -> None:
        call = str(message.fields["call"])
        ring = self._rooms.find(call, visit.session)
        if ring is None:
            by = self._rooms.answered_by(CallId(call))
            if not by:
                raise NotDone("unknown_call")
            visit.reply(message, {"type": "taken", "call": call, "by": by})
        elif ring.answered or ring.answer():
            visit.reply(message, {"type": "won", "call": call})
        else:
            visit.reply(message, {"type": "taken", "call": call, "by": self._rooms.answered_by(CallId(call))})

    async def _decline(self, visit: Visit, message: Message) -> None:
        ring = self._ring(visit, message)
        if ring.answered:
            raise NotDone("not_ringing")
        ring.decline()

    async def _hangup(self, visit: Visit, message: Message) -> None:
        self._ring(visit, message).leave()

    async def _open(self, visit: Visit, message: Message) -> None:
        _, resident = self._roster.require(visit.session)
        ring = self._ring(visit, message) if "call" in message.fields else None
        visit.reply(message, self._pressing.press(visit.session, resident, message, ring))

    async def _ask(self, visit: Visit, message: Message) -> None:
        what = str(message.fields["what"])
        data = await self._questions.ask(visit.session, what, message.fields)
        visit.reply(message, {"type": "told", "what": what, "data": data})
        if what == "forget":
            self._forgotten(visit)

    def _ring(self, visit: Visit, message: Message) -> Ring:
        """Raises NotDone."""
        ring = self._rooms.find(str(message.fields["call"]), visit.session)
        if ring is None or ring.over:
            raise NotDone("unknown_call")
        return ring


_Handler = Callable[[Hearing, Visit, Message], Awaitable[None]]
_HANDLERS: Final[Mapping[str, _Handler]] = {
    "ping": Hearing._ping,
    "pong": Hearing._pong,
    "presence": Hearing._presence,
    "offer": Hearing._offer,
    "answer": Hearing._answer,
    "decline": Hearing._decline,
    "hangup": Hearing._hangup,
    "open": Hearing._open,
    "ask": Hearing._ask,
}
