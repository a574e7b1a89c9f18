"""What apps say on their WebSocket: one handler for each type of message."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from edge.http.ws import BadFrame
from edge.portal.asking import NotDone
from edge.portal.dialling import Dialling
from edge.portal.messages import Message
from edge.portal.outgoing import Outgoing
from edge.portal.pressing import InCall, Pressing
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
        dialling: Dialling,
        pressing: Pressing,
        questions: Questions,
        forgotten: Callable[[Visit], None],
    ) -> None:
        """*forgotten*: the app wants its session to end, and it has."""
        self._roster, self._rooms, self._dialling = roster, rooms, dialling
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
        sdp, outgoing = str(message.fields["sdp"]), self._outgoing(visit, message)
        if outgoing is not None:
            answer, over = await self._dialling.connect(outgoing, sdp), outgoing.over
        else:
            ring = self._ring(visit, message)
            answer, over = await self._rooms.connect(ring, sdp), ring.over
        if answer is None or over:
            raise NotDone("media")
        visit.reply(message, {"type": "answer_sdp", "call": message.fields["call"], "sdp": answer})

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
        (self._outgoing(visit, message) or self._ring(visit, message)).leave()

    async def _dial(self, visit: Visit, message: Message) -> None:
        _, resident = self._roster.require(visit.session)
        if any(ring.answered for ring in self._rooms.of(visit.session)):
            raise NotDone("busy")
        visit.reply(message, self._dialling.told(self._dialling.dial(visit.session, resident, message)))

    async def _talk(self, visit: Visit, message: Message) -> None:
        outgoing, on = self._outgoing(visit, message), bool(message.fields["on"])
        if outgoing is None:
            raise NotDone("unknown_call")
        outgoing.set_talk(on=on)
        visit.reply(message, {"type": "talking", "call": outgoing.call, "on": on})

    async def _open(self, visit: Visit, message: Message) -> None:
        _, resident = self._roster.require(visit.session)
        inside = self._inside(visit, message) if "call" in message.fields else None
        visit.reply(message, self._pressing.press(visit.session, resident, message, inside))

    async def _ask(self, visit: Visit, message: Message) -> None:
        what = str(message.fields["what"])
        data = await self._questions.ask(visit.session, what, message.fields)
        visit.reply(message, {"type": "told", "what": what, "data": data})
        if what == "forget":
            self._forgotten(visit)

    def _inside(self, visit: Visit, message: Message) -> InCall:
        """Raises NotDone."""
        outgoing = self._outgoing(visit, message)
        if outgoing is None:
            ring = self._ring(visit, message)
            return InCall(ring.summons.call, ring.room.plan)
        if not outgoing.connected:
            raise NotDone("not_ringing")
        return InCall(outgoing.call, outgoing.plan)

    def _outgoing(self, visit: Visit, message: Message) -> Outgoing | None:
        """The call that *message* names, where the app placed it."""
        return self._dialling.find(visit.session, str(message.fields["call"]))

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
    "dial": Hearing._dial,
    "talk": Hearing._talk,
    "open": Hearing._open,
    "ask": Hearing._ask,
}
