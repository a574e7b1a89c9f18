"""What was answered: an attempt or event is dealt with once, also after a restart (decision 5)."""

from typing import Final

from sqlalchemy import Connection, text

from edge.store.changes import the_community
from edge.store.prepared import Prepared
from models.ids import CommunityId, Mac

KEPT_MS: Final = 24 * 3600 * 1000
_ATTEMPT: Final = "attempt"
_EVENT: Final = "event"

_FIND: Final = text("SELECT body FROM answer WHERE mac = :mac AND kind = :kind AND id = :id AND at_ms > :oldest_ms")
# An answer older than a day counts as never given, so its row may be taken over.
_SAVE: Final = Prepared(
    text(
        "INSERT INTO answer (community_id, mac, kind, id, at_ms, body)"
        " VALUES (:community, :mac, :kind, :id, :at_ms, :body)"
        " ON CONFLICT (mac, kind, id) DO UPDATE SET at_ms = excluded.at_ms, body = excluded.body"
        " WHERE answer.at_ms <= :oldest_ms"
    )
)
_RECENT: Final = text(
    "SELECT mac, kind, id, at_ms, body FROM answer WHERE at_ms > :oldest_ms ORDER BY at_ms DESC LIMIT :limit"
)
_ERASE: Final = text(
    "DELETE FROM answer WHERE (mac, kind, id) IN"
    " (SELECT mac, kind, id FROM answer WHERE at_ms <= :oldest_ms ORDER BY at_ms LIMIT :max_rows)"
)


def answered(connection: Connection, device: Mac, attempt: str, now_ms: int) -> bytes | None:
    """The answer to *attempt* as first sent, None if there was none within 24 h before *now_ms*."""
    return _find(connection, device, _ATTEMPT, attempt, now_ms)


def save_answer(
    connection: Connection,
    device: Mac,
    attempt: str,
    answer: bytes,
    now_ms: int,
    *,
    community: CommunityId | None = None,
) -> bool:
    """Keep *answer*. False where this attempt was answered within 24 h already; then nothing is changed."""
    return _save(connection, device, _ATTEMPT, attempt, answer, now_ms, community)


def event_seen(connection: Connection, device: Mac, event: str, now_ms: int) -> bool:
    """Whether *event* was dealt with within 24 h before *now_ms*."""
    return _find(connection, device, _EVENT, event, now_ms) is not None


def save_event(
    connection: Connection, device: Mac, event: str, now_ms: int, *, community: CommunityId | None = None
) -> bool:
    """Note that *event* is dealt with. False where it was already: do nothing for it then."""
    return _save(connection, device, _EVENT, event, b"", now_ms, community)


def recent(connection: Connection, now_ms: int, *, limit: int) -> list[tuple[Mac, str, str, int, bytes]]:
    """The newest of what was dealt with within 24 h before *now_ms*, newest first: device, ``attempt`` or ``event``,
    id, when, and the answer. What the door desk begins with.
    """
    found = connection.execute(_RECENT, {"oldest_ms": now_ms - KEPT_MS, "limit": limit})
    return [(Mac(row.mac), row.kind, row.id, row.at_ms, bytes(row.body)) for row in found]


def erase_old(connection: Connection, now_ms: int, *, max_rows: int = 500) -> int:
    """Drop at most *max_rows* answers that are older than 24 h; how many."""
    return connection.execute(_ERASE, {"oldest_ms": now_ms - KEPT_MS, "max_rows": max_rows}).rowcount


def _find(connection: Connection, device: Mac, kind: str, identity: str, now_ms: int) -> bytes | None:
    wanted = {"mac": device, "kind": kind, "id": identity, "oldest_ms": now_ms - KEPT_MS}
    body = connection.execute(_FIND, wanted).scalar()
    return None if body is None else bytes(body)


def _save(
    connection: Connection,
    device: Mac,
    kind: str,
    identity: str,
    body: bytes,
    now_ms: int,
    community: CommunityId | None,
) -> bool:
    row = {
        "community": the_community(connection) if community is None else community,
        "mac": device,
        "kind": kind,
        "id": identity,
        "at_ms": now_ms,
        "body": body,
        "oldest_ms": now_ms - KEPT_MS,
    }
    return _SAVE.execute(connection, row).rowcount == 1
