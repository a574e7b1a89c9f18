"""Calls as the log shows them: one row, written at once and again on each change (decision 39)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, or_, select, text, update

from edge.store.changes import the_community
from edge.store.tables import apartment, building, call
from edge.store.upsert import upsert
from models.call import CallOutcome, CallRecord, EndedBy, LegRecord, LegState, LineMedia
from models.ids import CommunityId
from models.times import rfc3339

_OPEN_LEGS: Final = frozenset({LegState.RINGING.value})
_ERASE: Final = text(
    "DELETE FROM call WHERE id IN"
    " (SELECT id FROM call WHERE at_ms < :before_ms AND outcome IS NOT NULL ORDER BY at_ms LIMIT :max_rows)"
)


def save(connection: Connection, record: CallRecord, *, community: CommunityId | None = None) -> None:
    """Write *record*, replacing an earlier state of the same call."""
    name = None if record.apartment is None else _apartment_name(connection, record.apartment)
    row: dict[str, Any] = {
        "id": record.id,
        "community_id": the_community(connection) if community is None else community,
        "at_ms": record.at_ms,
        "caller": record.caller,
        "dialled": record.dialled,
        "apartment_id": record.apartment,
        "apartment": name,
        "caller_device_id": record.caller_device,
        "stages": [list(stage) for stage in record.stages],
        "legs": [_leg(leg) for leg in record.legs],
        "outcome": record.outcome,
        "reason": record.reason,
        "status": record.status,
        "answered_by": record.answered_by,
        "opened": record.opened,
        "ended_by": record.ended_by,
        "duration_ms": round(record.duration_s * 1000),
        "media": [_line(line) for line in record.media],
    }
    upsert(connection, call, [row])


def _leg(leg: LegRecord) -> dict[str, object]:
    return {
        "kind": leg.kind.value,
        "target": leg.target,
        "state": leg.state.value,
        "rang_s": round(leg.rang_s, 3),
        "why": leg.why,
        "media": [_line(line) for line in leg.media],
    }


def _line(line: LineMedia) -> dict[str, object]:
    return {
        "kind": line.kind,
        "packets": line.packets,
        "octets": line.octets,
        "lost": line.lost,
        "jitter_ms": line.jitter_ms,
        "sent": line.sent,
        "strangers": line.strangers,
        "fault": line.fault.value if line.fault else None,
    }


def _apartment_name(connection: Connection, identity: str) -> str | None:
    named = select(building.c.name + "/" + apartment.c.number).join_from(apartment, building)
    return connection.execute(named.where(apartment.c.id == identity)).scalar()


@dataclass(frozen=True, slots=True)
class CallFilter:
    """Which calls; what is None does not narrow."""

    id: str | None = None
    apartment: str | None = None  # apartment id or BUILDING/NUMBER
    since_ms: int | None = None  # Unix milliseconds, inclusive
    newest: int | None = None  # only so many of the newest


def rows(connection: Connection, wanted: CallFilter | None = None) -> Iterator[dict[str, Any]]:
    """The wanted calls, the oldest first, in the shape of ``edge call list --json``. Read while *connection* lives."""
    wanted = wanted or CallFilter()
    query = select(call).order_by(call.c.at_ms, call.c.id)
    if wanted.id is not None:
        query = query.where(call.c.id == wanted.id)
    if wanted.apartment is not None:
        query = query.where(or_(call.c.apartment_id == wanted.apartment, call.c.apartment == wanted.apartment))
    if wanted.since_ms is not None:
        query = query.where(call.c.at_ms >= wanted.since_ms)
    if wanted.newest is not None:
        newest = query.order_by(None).order_by(call.c.at_ms.desc(), call.c.id.desc()).limit(wanted.newest).subquery()
        query = select(call).join(newest, newest.c.id == call.c.id).order_by(call.c.at_ms, call.c.id)
    for row in connection.execution_options(yield_per=200).execute(query):
        yield _shape(row)


def _shape(row: Row[Any]) -> dict[str, Any]:
    return {
        "id": row.id,
        "at": rfc3339(row.at_ms),
        "from": row.caller,
        "dialled": row.dialled,
        "apartment": row.apartment or row.apartment_id,
        "stages": row.stages,
        "legs": [{"why": "", "media": [], **leg} for leg in row.legs],  # rows of older releases have none
        "outcome": row.outcome and row.outcome.value,
        "reason": row.reason and row.reason.value,
        "status": row.status,
        "answered_by": row.answered_by,
        "opened": [int(label) if label.isdigit() else label for label in row.opened],
        "ended_by": row.ended_by and row.ended_by.value,
        "duration_s": row.duration_ms / 1000,
        "media": row.media,
    }


def close_open_calls(connection: Connection) -> int:
    """End the calls that a crash left open: no call outlives the daemon that carried it. How many there were.

    A call that had been answered stays answered; any other has failed. How long it lasted is not known.
    """
    left = connection.execute(select(call.c.id, call.c.legs, call.c.answered_by).where(call.c.outcome.is_(None))).all()
    for row in left:
        outcome = CallOutcome.FAILED if row.answered_by is None else CallOutcome.ANSWERED
        ended = {"outcome": outcome, "ended_by": EndedBy.EDGE, "legs": [_closed(leg) for leg in row.legs]}
        connection.execute(update(call).where(call.c.id == row.id).values(**ended))
    return len(left)


def _closed(leg: Mapping[str, Any]) -> dict[str, Any]:
    return {**leg, "state": LegState.FAILED.value} if leg["state"] in _OPEN_LEGS else dict(leg)


def erase_before(connection: Connection, before_ms: int, *, max_rows: int = 500) -> int:
    """Drop at most *max_rows* of the oldest ended calls from before *before_ms* (Unix milliseconds); how many."""
    return connection.execute(_ERASE, {"before_ms": before_ms, "max_rows": max_rows}).rowcount


def erase_apartment(connection: Connection, identity: str) -> int:
    """Drop all calls of one apartment (a reset between tenants); how many."""
    return connection.execute(delete(call).where(call.c.apartment_id == identity)).rowcount
