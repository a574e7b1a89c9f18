"""How sync stands, as `edge sync status` prints it."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, func, select

from edge.cloud import upward
from edge.cloud.enrolment import Enrolled
from edge.cloud.local import IDS, SYNC_ITEM, TABLES
from edge.cloud.wire import KINDS
from models.times import rfc3339


def told(
    connection: Connection, me: Enrolled | None, *, health: str | None = None, seen_ms: int | None = None
) -> Mapping[str, Any]:
    """*health*, *seen_ms*: what a running daemon knows beside what is stored; None where none runs."""
    if me is None:
        return {"enrolled": False, "central": None}
    newest = max((ms for ms in (seen_ms, me.last_ok_ms) if ms is not None), default=None)
    return {
        "enrolled": True,
        "central": me.url,
        "edge": me.edge_id,
        "enrolled_at": rfc3339(me.enrolled_at_ms),
        "epoch": me.epoch,
        "applied": me.cursor,
        "last_ok": None if newest is None else rfc3339(newest),
        "state": _state(me, health),
        "error": me.last_error or (health if health not in (None, "ok") else ""),
        "signed": me.central_key is not None,
        "outbox": upward.depth(connection),
        "owned": _owned(connection, me.community_id),
        "own": _own(connection, me.community_id),
    }


def _state(me: Enrolled, health: str | None) -> str:
    if me.last_error:
        return "refused"
    if health is None:
        return "no daemon"
    if health != "ok":
        return "trouble"
    return "waiting for a snapshot" if me.cursor == 0 else "ok"


def _owned(connection: Connection, community_id: str) -> dict[str, int]:
    """How many things of each kind the central store gave."""
    c = SYNC_ITEM.c
    query = select(c.kind, func.count()).where(c.community_id == community_id).group_by(c.kind)
    counted = {kind: count for kind, count in connection.execute(query)}
    return {kind: counted[kind] for kind in KINDS if kind in counted}


def _own(connection: Connection, community_id: str) -> dict[str, int]:
    """How many things of each kind were made here, and are nobody else's."""
    found: dict[str, int] = {}
    for kind in ("building", "apartment", "resident", "device", "schedule", "credential", "whitelist"):
        of, item = TABLES[kind], SYNC_ITEM.c
        given = select(item.id).where(item.community_id == community_id, item.kind == kind)
        query = select(func.count()).select_from(of)
        query = query.where(of.c.community_id == community_id, of.c[IDS[kind]].not_in(given))
        count = int(connection.execute(query).scalar_one())
        if count:
            found[kind] = count
    return found
