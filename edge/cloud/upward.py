"""What goes up: events of the outbox with the calls they tell of, and how far each device has come."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, select

from edge.store import calls, journal, outbox
from edge.store.calls import CallFilter
from edge.store.tables import device, device_state, store_state

EVENTS_A_POST: Final = 1_000
_CALL: Final = "call"


@dataclass(frozen=True, slots=True)
class Batch:
    """Events that wait, the oldest first, without gaps."""

    db_id: str
    events: list[Mapping[str, Any]]

    @property
    def first(self) -> int:
        return int(self.events[0]["seq"])

    @property
    def last(self) -> int:
        return int(self.events[-1]["seq"])


def waiting(connection: Connection, limit: int = EVENTS_A_POST) -> Batch | None:
    """The next events to hand over; None where none waits."""
    found = outbox.pending(connection, limit)
    if not found:
        return None
    told_calls = _calls(connection, [str(event.body.get("id")) for event in found if event.type == _CALL])
    events: list[Mapping[str, Any]] = []
    for event in found:
        told = {**event.body, "journal_seq": event.body.get("seq"), "seq": event.seq, "at_ms": event.at_ms}
        told["type"] = event.type
        call = told_calls.get(str(event.body.get("id"))) if event.type == _CALL else None
        events.append(told | ({"call": call} if call is not None else {}))
    return Batch(outbox.db_id(connection), events)


def _calls(connection: Connection, ids: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    return {row["id"]: row for identity in ids for row in calls.rows(connection, CallFilter(id=identity))}


def confirmed(connection: Connection, batch: Batch, upto: int) -> int:
    """Forget what the central store has; never what it was not given. How many events went."""
    return outbox.confirm(connection, min(upto, batch.last))


def refill(connection: Connection, batch: Batch, upto: int) -> int:
    """The central store went back to *upto*, before *batch*: queue again what it has lost, from the log. The newest
    first, so that what waits has no gap in it; call again until it is done. How many events were put back.
    """
    missing = min(batch.first - 1 - upto, EVENTS_A_POST)
    if missing <= 0 or outbox.pending(connection, 1)[0].seq != batch.first:
        return 0
    ahead = int(connection.execute(select(store_state.c.journal_seq - store_state.c.outbox_seq)).scalar_one())
    last = batch.first - 1 + ahead
    outbox.put_back(connection, journal.events(connection, last - missing + 1, last, ahead=ahead))
    return missing


def depth(connection: Connection) -> int:
    return outbox.depth(connection)


def devices(connection: Connection, community_id: str, cursor: int, before: Mapping[str, int]) -> list[dict[str, Any]]:
    """How far each device has come. *before*: where it was when it was last up to date, in the central store's
    revisions; who is up to date now is at *cursor*.
    """
    query = select(
        device.c.id,
        device_state.c.online,
        device_state.c.firmware,
        device_state.c.config_digest,
        device_state.c.revision_wanted,
        device_state.c.revision_confirmed,
        device_state.c.panel_wanted,
        device_state.c.panel_confirmed,
        device_state.c.clock_offset_ms,
    ).join(device_state, device_state.c.device_id == device.c.id)
    told = []
    for row in connection.execute(query.where(device.c.community_id == community_id).order_by(device.c.id)):
        behind = row.revision_wanted != row.revision_confirmed or row.panel_wanted != row.panel_confirmed
        told.append(
            {
                "id": row.id,
                "applied": before.get(row.id, 0) if behind else cursor,
                "hash": row.config_digest,
                "online": row.online,
                "firmware": row.firmware,
                "clock_offset_ms": row.clock_offset_ms,
            }
        )
    return told


def digest(told: Sequence[Mapping[str, Any]]) -> str:
    """Tells whether something is otherwise than before."""
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
