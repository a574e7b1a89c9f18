"""The journal: one table for all kinds, one `seq` without gaps, each row chained to the one before.

`seq` comes from a counter row moved in the same transaction, so a rollback leaves no gap, and neither do two
processes. The chain (SHA-256 over the row and the hash of its predecessor) shows a row that was changed or taken out
behind the program's back; rows that retention takes out are counted, so that honest gaps can be told from others.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Row, column, delete, insert, or_, select, table, text, update

from edge.store import outbox
from edge.store.changes import the_community
from edge.store.prepared import Prepared
from edge.store.tables import store_state
from models.ids import CommunityId
from models.log import LogEntry, LogKind
from models.times import rfc3339

_HASHED: Final = (
    "seq", "community_id", "kind", "at_ms", "id", "device_id", "mac", "door", "device_at_ms", "method", "outcome",
    "reason", "apartment_id", "apartment", "resident_id", "resident", "credential_id", "relays", "duress", "detail",
)  # fmt: skip
COLUMNS: Final = (*_HASHED, "prev", "hash")
LOST: Final = "lost"
"""Type of an event whose row is erased."""

# Without types: the row goes in and comes out exactly as it was hashed.
_JOURNAL: Final = table("journal", *(column(name) for name in COLUMNS))
_INSERT: Final = Prepared(insert(_JOURNAL))
_MOVE_HEAD: Final = Prepared(text("UPDATE store_state SET journal_seq = :seq, journal_hash = :hash"))
_HEAD: Final = """
    SELECT journal_seq AS seq, journal_hash AS hash,
      (SELECT id FROM community WHERE CAST(:community AS TEXT) IS NULL OR id = :community ORDER BY id LIMIT 1)
        AS community,
      (SELECT mac FROM device WHERE id = :device) AS mac,
      (SELECT name FROM device WHERE id = :device) AS door,
      (SELECT b.name || '/' || a.number FROM apartment a JOIN building b ON b.id = a.building_id
        WHERE a.id = :apartment) AS apartment,
      (SELECT TRIM(first_name || ' ' || last_name) FROM resident WHERE id = :resident) AS resident,
      EXISTS (SELECT 1 FROM enrolment WHERE CAST(:community AS TEXT) IS NULL OR community_id = :community) AS enrolled
    FROM store_state"""
_HEAD_HERE: Final = Prepared(text(_HEAD))
_HEAD_ON_SERVER: Final = Prepared(text(_HEAD + " FOR UPDATE"))  # SQLite's writers are one at a time anyway


class _Head(NamedTuple):
    """What a row needs of the store, in the order of `_HEAD`."""

    seq: int
    hash: bytes
    community: str | None
    mac: str | None
    door: str | None
    apartment: str | None
    resident: str | None
    enrolled: bool


def append(connection: Connection, entry: LogEntry, *, community: CommunityId | None = None) -> int:
    """Append *entry* in the transaction of *connection* and return its ``seq``.

    Names of door, apartment and resident are kept as they are now. Where the edge is enrolled with a central store,
    the event for it is queued in the same transaction. *community* may be left out where there is only one.
    """
    head = _HEAD_ON_SERVER if connection.dialect.name == "postgresql" else _HEAD_HERE
    found = head.execute(
        connection,
        {"community": community, "device": entry.device, "apartment": entry.apartment, "resident": entry.resident},
    ).fetchone()
    if found is None:
        raise LookupError("store_state has no row: the store was never migrated")
    now = _Head(*found)
    owner = now.community or the_community(connection)  # the second one raises
    row = _row(entry, now, owner)
    digest = _digest(bytes(now.hash), row)
    _INSERT.execute(connection, {**row, "prev": bytes(now.hash), "hash": digest})
    _MOVE_HEAD.execute(connection, {"seq": row["seq"], "hash": digest})
    if now.enrolled:
        outbox.enqueue(connection, row["at_ms"], _event_type(row), _event_body(row))
    return int(row["seq"])


def _row(entry: LogEntry, now: _Head, community: str) -> dict[str, Any]:
    return {
        "seq": now.seq + 1,
        "community_id": community,
        "kind": entry.kind.value,
        "at_ms": entry.at_ms,
        "id": entry.id,
        "device_id": entry.device,
        "mac": now.mac,
        "door": now.door,
        "device_at_ms": entry.device_at_ms,
        "method": entry.method and entry.method.value,
        "outcome": entry.outcome and entry.outcome.value,
        "reason": entry.reason and entry.reason.value,
        "apartment_id": entry.apartment,
        "apartment": now.apartment,
        "resident_id": entry.resident,
        "resident": now.resident,
        "credential_id": entry.credential,
        "relays": json.dumps(entry.relays),
        "duress": entry.duress,
        "detail": json.dumps(dict(entry.detail), ensure_ascii=False),
    }


def _digest(prev: bytes, row: Mapping[str, Any]) -> bytes:
    told = [bool(row[name]) if name == "duress" else row[name] for name in _HASHED]
    return hashlib.sha256(prev + json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()).digest()


def _event_type(row: Mapping[str, Any]) -> str:
    return f"{row['kind']}.{row['outcome']}" if row["outcome"] else str(row["kind"])


def _event_body(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row for the central store: with ids, which it knows better than names, and without what is not set."""
    unwanted = {"community_id", "relays", "detail", "duress"}
    body = {name: row[name] for name in _HASHED if name not in unwanted and row[name] not in (None, "")}
    return body | {
        "relays": json.loads(row["relays"]), "duress": row["duress"], "detail": json.loads(row["detail"])
    }  # fmt: skip


def events(connection: Connection, first: int, last: int, *, ahead: int) -> Iterator[outbox.OutboxEvent]:
    """The rows *first* to *last* as they were queued; their number in the outbox is *ahead* less than their ``seq``.

    A row that retention took out comes as ``lost``: the numbers stay without gaps.
    """
    found = connection.execute(select(_JOURNAL).where(_JOURNAL.c.seq.between(first, last))).mappings()
    rows = {row["seq"]: {str(name): value for name, value in row.items()} for row in found}
    for seq in range(first, last + 1):
        row = rows.get(seq)
        if row is None:
            yield outbox.OutboxEvent(seq - ahead, 0, LOST, {"seq": seq})
        else:
            yield outbox.OutboxEvent(seq - ahead, row["at_ms"], _event_type(row), _event_body(row))


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Which rows; what is None does not narrow."""

    door: str | None = None  # device id, MAC or name
    apartment: str | None = None  # apartment id or BUILDING/NUMBER
    since_ms: int | None = None  # edge time, Unix milliseconds, inclusive
    kind: LogKind | None = None
    after: int | None = None  # seq, exclusive
    limit: int | None = None
    id: str | None = None  # of the attempt, the call, the order, …


def rows(connection: Connection, wanted: LogFilter | None = None) -> Iterator[dict[str, Any]]:
    """The wanted rows in ascending ``seq``, in the shape of ``edge log list --json``. Read while *connection* lives."""
    wanted = wanted or LogFilter()
    c = _JOURNAL.c
    query = select(_JOURNAL).order_by(c.seq)
    if wanted.door is not None:
        query = query.where(or_(c.device_id == wanted.door, c.mac == wanted.door, c.door == wanted.door))
    if wanted.apartment is not None:
        query = query.where(or_(c.apartment_id == wanted.apartment, c.apartment == wanted.apartment))
    if wanted.since_ms is not None:
        query = query.where(c.at_ms >= wanted.since_ms)
    if wanted.kind is not None:
        query = query.where(c.kind == wanted.kind.value)
    if wanted.id is not None:
        query = query.where(c.id == wanted.id)
    if wanted.after is not None:
        query = query.where(c.seq > wanted.after)
    if wanted.limit is not None:
        query = query.limit(wanted.limit)
    for row in connection.execution_options(yield_per=500).execute(query):
        yield _shape(row)


def _shape(row: Row[Any]) -> dict[str, Any]:
    labels = json.loads(row.relays)
    return {
        "seq": row.seq,
        "id": row.id,
        "kind": row.kind,
        "at": rfc3339(row.at_ms),
        "device_at": None if row.device_at_ms is None else rfc3339(row.device_at_ms),
        "door": row.door or row.device_id,
        "device": row.mac,
        "method": row.method,
        "outcome": row.outcome,
        "reason": row.reason,
        "apartment": row.apartment or row.apartment_id,
        "resident": row.resident or row.resident_id,
        "credential": row.credential_id,
        "relays": [int(label) for label in labels if label.isdigit()],
        "security_relays": [int(label[1:]) for label in labels if not label.isdigit()],
        "duress": bool(row.duress),
        "detail": json.loads(row.detail),
    }


def last_seq(connection: Connection) -> int:
    """``seq`` of the newest row, 0 before the first. The number to follow the log from."""
    return int(connection.execute(select(store_state.c.journal_seq)).scalar_one())


@dataclass(frozen=True, slots=True)
class Verdict:
    """What `verify` found. Sound if *broken* is None and nothing is missing that was not erased."""

    rows: int
    newest: int  # seq that the newest row should have
    erased: int  # rows taken out by retention and resets
    broken: int | None  # seq of the first row that is not what was written

    @property
    def missing(self) -> int:
        """Rows that are gone without having been erased."""
        return self.newest - self.rows - self.erased

    @property
    def sound(self) -> bool:
        return self.broken is None and self.missing == 0


def verify(connection: Connection) -> Verdict:
    """Check every row's hash, its link to its neighbour, and that the newest row is there."""
    state = connection.execute(select(store_state)).one()
    count, last_seen, last_hash, broken = 0, 0, bytes(32), None
    query = select(_JOURNAL).order_by(_JOURNAL.c.seq)
    for row in connection.execution_options(yield_per=500).execute(query):
        prev, own = bytes(row.prev), bytes(row.hash)
        linked = row.seq != last_seen + 1 or prev == last_hash
        if broken is None and not (linked and own == _digest(prev, row._asdict())):
            broken = int(row.seq)
        count, last_seen, last_hash = count + 1, row.seq, own
    if broken is None and last_seen == state.journal_seq and last_hash != bytes(state.journal_hash):
        broken = int(last_seen)
    return Verdict(count, int(state.journal_seq), int(state.journal_erased), broken)


def erase_before(connection: Connection, kind: LogKind, before_ms: int, *, max_rows: int = 500) -> int:
    """Take out at most *max_rows* of the oldest rows of *kind* from before *before_ms*; how many went.

    Small batches, so that the writer is never held up: call again while it returns *max_rows*.
    """
    c = _JOURNAL.c
    old = select(c.seq).where(c.kind == kind.value, c.at_ms < before_ms).order_by(c.at_ms).limit(max_rows)
    return _erase(connection, delete(_JOURNAL).where(c.seq.in_(old)))


def erase_oldest(connection: Connection, kind: LogKind, *, max_rows: int) -> int:
    """Take out at most *max_rows* of the oldest rows of *kind*, because the disk is full; how many went."""
    c = _JOURNAL.c
    old = select(c.seq).where(c.kind == kind.value).order_by(c.at_ms).limit(max_rows)
    return _erase(connection, delete(_JOURNAL).where(c.seq.in_(old)))


def erase_apartment(connection: Connection, apartment: str) -> int:
    """Take out everything of one apartment but the audit rows (a reset between tenants); how many rows went."""
    c = _JOURNAL.c
    return _erase(connection, delete(_JOURNAL).where(c.apartment_id == apartment, c.kind != LogKind.AUDIT.value))


def _erase(connection: Connection, statement: Any) -> int:
    gone = connection.execute(statement).rowcount
    connection.execute(update(store_state).values(journal_erased=store_state.c.journal_erased + gone))
    return gone
