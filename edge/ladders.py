"""The messages of one call as `edge call show` and `edge call export` give them, and all messages as they pass."""

import asyncio
import re
from collections import deque
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from typing import Final

from edge.core.ladder import LadderMessage, LadderNote, draw, summarize
from edge.core.pcap import Packet, pcap
from edge.core.snapshot import Snapshot
from edge.http.ports import Json
from models.community import Resident
from models.ids import ApartmentId, SipUser
from models.times import rfc3339
from sip.trace import Course, Trace, TracedMessage

WAITING_MAX: Final = 1000  # messages that a slow reader may have before it; what is beyond is counted
FOLLOWED_DIALOGS_MAX: Final = 1000

_USER_AT: Final = re.compile(rb"sips?:([^@\s<>\"]{1,64})@")


def ladder_json(traced: Sequence[TracedMessage], course: Course) -> Json | None:
    """The messages and their drawing, a column for each dialog; None where none are kept."""
    if not traced:
        return None
    messages = [LadderMessage(one.at_ms, one.sent, one.call_id, summarize(one.data)) for one in traced]
    notes = [LadderNote(at_ms, text) for at_ms, text in course.notes]
    both: list[LadderMessage | LadderNote] = [*messages, *notes]
    both.sort(key=lambda each: each.at_ms)
    return {
        "messages": [
            {
                "at": rfc3339(one.at_ms),
                "sent": one.sent,
                "peer": str(one.flow.remote),
                "transport": one.flow.transport.lower(),
                "name": course.names.get(one.call_id),
                "summary": message.summary,
            }
            for one, message in zip(traced, messages, strict=True)
        ],
        "notes": [{"at": rfc3339(note.at_ms), "text": note.text} for note in notes],
        "text": draw(both, course.names),
    }


def ladder_pcap(traced: Sequence[TracedMessage]) -> bytes | None:
    """The messages as a capture file; None where none are kept."""
    packets = []
    for one in traced:
        source, destination = (one.flow.local, one.flow.remote) if one.sent else (one.flow.remote, one.flow.local)
        packets.append(Packet(one.at_ms, source, destination, one.data))
    return pcap(packets) if packets else None


def users_of(snapshot: Snapshot, apartment: ApartmentId) -> frozenset[str]:
    """Users in whose URIs messages of an apartment show: its devices and apps, and what a visitor dials."""
    home = snapshot.apartments[apartment]
    building = snapshot.buildings.get(home.building)
    residents: Sequence[Resident] = snapshot.residents_of.get(apartment, ())
    own = {d.sip_user for d in snapshot.devices_of.get(apartment, ())} | {r.sip_user for r in residents}
    dialled = {home.number, *([f"{building.name}*{home.number}"] if building is not None else [])}
    return frozenset({*map(str, own), *dialled, *(number.replace("#", "%23") for number in dialled)})


def name_of(snapshot: Snapshot, sip_user: str) -> str | None:
    """What people call the owner of *sip_user*."""
    owner = snapshot.by_sip_user.get(SipUser(sip_user))
    return owner.name if owner is not None else None


async def follow(
    trace: Trace, users: Collection[str] | None, named: Callable[[str], str | None]
) -> AsyncIterator[Json]:
    """Messages as they pass, until the iterator is closed. *users*: only dialogs in which one of them shows.

    The first is empty: from there on nothing is missed.
    """
    waiting: deque[TracedMessage] = deque(maxlen=WAITING_MAX)
    arrived = asyncio.Event()
    dialogs: dict[str, None] = {}
    lost = 0

    def passes(message: TracedMessage) -> None:
        nonlocal lost
        shown = {user.decode("utf-8", "replace") for user in _USER_AT.findall(message.data)}
        if users is not None and message.call_id not in dialogs and not shown & set(users):
            return
        dialogs[message.call_id] = None
        if len(dialogs) > FOLLOWED_DIALOGS_MAX:
            del dialogs[next(iter(dialogs))]
        lost += len(waiting) == WAITING_MAX
        waiting.append(message)
        arrived.set()

    unfollow = trace.follow(passes)
    try:
        yield {}
        while True:
            await arrived.wait()
            arrived.clear()
            while waiting:
                yield _passed(waiting.popleft(), lost, named)
                lost = 0
    finally:
        unfollow()


def _passed(message: TracedMessage, lost: int, named: Callable[[str], str | None]) -> Json:
    names = (named(user.decode("utf-8", "replace")) for user in _USER_AT.findall(message.data))
    return {
        "at": rfc3339(message.at_ms),
        "sent": message.sent,
        "peer": str(message.flow.remote),
        "transport": message.flow.transport.lower(),
        "call_id": message.call_id,
        "name": next(filter(None, names), None),
        "summary": summarize(message.data),
        "message": message.data.decode("utf-8", "replace"),
        **({"lost": lost} if lost else {}),
    }
