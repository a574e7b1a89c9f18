"""Edges: made with a one-time code, known by the key that enrolled last, and what they tell of themselves."""

import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, delete, insert, select, text, update

from edge.central import fanout
from edge.central.changes import Central
from edge.central.problems import Forbidden, Invalid, Unknown
from edge.central.tables import community, edge, edge_building, edge_item, event_upto, item
from edge.cloud.wire import Broken, public_key
from models.ids import new_id

CODE_LIFE_S: Final = 600  # platform.md §5
MAX_EVENTS_A_REQUEST: Final = 5_000
MAX_EVENT_CHARS: Final = 64 * 1024
_CODE_BYTES: Final = 12
_GAP_ROWS: Final = 10_000


# --- made and enrolled -----------------------------------------------------------------------------------------------


def add(
    central: Central, actor: str, community_id: str, name: str, *, buildings: Sequence[str] = (),
    code_life_s: int = CODE_LIFE_S,
) -> tuple[str, str]:  # fmt: skip
    """Make an edge that sees the *buildings* (ids), or all; its id and its enrolment code, which is told once."""
    if not 0 < len(name) <= 128 or not name.isprintable():
        raise Invalid("name", "an edge has a name of 1 to 128 characters")
    identity = new_id("e")
    with central.change(community_id, actor) as change:
        code = _new_code()
        change.connection.execute(
            insert(edge).values(
                id=identity, community=community_id, name=name, whole=not buildings, enabled=True, applied=0,
                applied_epoch="", status="", error="", devices="[]", **_code_columns(central, code, code_life_s),
            )
        )  # fmt: skip
        _set_buildings(change.connection, community_id, identity, buildings)
        fanout.rescoped(change.connection, identity, change.rev)
        central.note(change.connection, actor, "edge.add", community_id, edge=identity, name=name)
    return identity, code


def rescope(central: Central, actor: str, identity: str, buildings: Sequence[str]) -> None:
    """From now on the edge sees these buildings, or all where none is named. Raises Unknown, Invalid."""
    with central.store.read() as connection:
        community_id = _row(connection, identity).community
    with central.change(community_id, actor, confirm=True) as change:
        change.connection.execute(update(edge).where(edge.c.id == identity).values(whole=not buildings))
        change.connection.execute(delete(edge_building).where(edge_building.c.edge == identity))
        _set_buildings(change.connection, community_id, identity, buildings)
        fanout.rescoped(change.connection, identity, change.rev)
        central.note(change.connection, actor, "edge.rescope", community_id, edge=identity, buildings=list(buildings))


def _set_buildings(connection: Connection, community_id: str, identity: str, buildings: Sequence[str]) -> None:
    for building in dict.fromkeys(buildings):
        there = connection.execute(
            select(item.c.id).where(
                item.c.community == community_id, item.c.kind == "building", item.c.id == building,
                item.c.body.is_not(None),
            )
        ).scalar()  # fmt: skip
        if there is None:
            raise Invalid("building", f"there is no building {building[:128]}")
        connection.execute(insert(edge_building).values(edge=identity, building=building))


def new_code(central: Central, actor: str, identity: str, *, code_life_s: int = CODE_LIFE_S) -> str:
    """A new code for an edge whose box was replaced: who enrols with it is the edge. Raises Unknown."""
    code = _new_code()
    with central.store.write() as connection:
        row = _row(connection, identity)
        connection.execute(
            update(edge).where(edge.c.id == identity).values(**_code_columns(central, code, code_life_s))
        )
        central.note(connection, actor, "edge.code", row.community, edge=identity)
    return code


def enable(central: Central, actor: str, identity: str, enabled: bool) -> None:
    """Let an edge in, or keep it out: it goes on with what it has. Raises Unknown."""
    with central.store.write() as connection:
        row = _row(connection, identity)
        connection.execute(update(edge).where(edge.c.id == identity).values(enabled=enabled))
        central.note(connection, actor, "edge.enable" if enabled else "edge.disable", row.community, edge=identity)


def enrol(central: Central, code: str, key_text: str, name: str) -> str:
    """The edge that this code is for; from now on it has this key. Raises Forbidden, Invalid."""
    try:
        key = public_key(key_text)
    except Broken as error:
        raise Invalid("public_key", str(error)) from error
    now_ms = central.clock.now_ms()
    with central.store.write() as connection:
        row = connection.execute(
            update(edge)
            .where(edge.c.code_hash == _hash(code), edge.c.code_until_ms > now_ms, edge.c.enabled)
            .values(code_hash=None, code_until_ms=None, public_key=key.public_bytes_raw(), enrolled_at_ms=now_ms,
                    applied=0, applied_epoch="", status="", error="")
            .returning(edge.c.id, edge.c.community)
        ).one_or_none()  # fmt: skip
        if row is None:
            raise Forbidden("code", "the code is not known, was used, or is too old")
        central.note(connection, row.id, "edge.enrol", row.community, edge=row.id, name=name[:128])
    return str(row.id)


def listed(connection: Connection, community_id: str) -> list[dict[str, Any]]:
    """Each edge of a community, and how far it is behind."""
    rows = connection.execute(
        select(edge, community.c.rev, community.c.epoch).join_from(edge, community)
        .where(edge.c.community == community_id).order_by(edge.c.name)
    )  # fmt: skip
    return [
        {
            "id": row.id, "name": row.name, "enabled": row.enabled, "enrolled": row.public_key is not None,
            "applied": row.applied, "behind": row.rev - row.applied if row.applied_epoch == row.epoch else row.rev,
            "status": row.status, "error": json.loads(row.error) if row.error else None,
            "devices": json.loads(row.devices), "clock_offset_ms": row.clock_offset_ms, "seen_ms": row.seen_ms,
        }
        for row in rows
    ]  # fmt: skip


def _row(connection: Connection, identity: str) -> Any:
    row = connection.execute(select(edge).where(edge.c.id == identity)).one_or_none()
    if row is None:
        raise Unknown("edge", f"there is no edge {identity[:128]}")
    return row


def _new_code() -> str:
    return secrets.token_urlsafe(_CODE_BYTES)


def _code_columns(central: Central, code: str, life_s: int) -> dict[str, Any]:
    return {"code_hash": _hash(code), "code_until_ms": central.clock.now_ms() + life_s * 1000}


def _hash(code: str) -> str:
    """Codes are random, so a plain hash gives nothing away."""
    return hashlib.sha256(code.encode("utf-8", "surrogatepass")).hexdigest()


# --- what an edge tells ----------------------------------------------------------------------------------------------


def acked(central: Central, identity: str, told: Mapping[str, Any]) -> None:
    """The edge says how far it is, or which item it can't take."""
    now_ms = central.clock.now_ms()
    clock_ms = told.get("clock_ms")
    error = told.get("error")
    with central.store.write() as connection:
        connection.execute(
            update(edge).where(edge.c.id == identity).values(
                applied=told["applied"], applied_epoch=told["epoch"], status=told["status"],
                error=json.dumps(error, ensure_ascii=False) if error else "",
                devices=json.dumps(told.get("devices") or [], ensure_ascii=False),
                clock_offset_ms=None if clock_ms is None else clock_ms - now_ms, seen_ms=now_ms,
            )
        )  # fmt: skip


_KEEP: Final = text(
    "INSERT INTO event (edge, db_id, seq, type, at_ms, received_ms, body)"
    " VALUES (:edge, :db_id, :seq, :type, :at_ms, :received_ms, :body) ON CONFLICT (edge, db_id, seq) DO NOTHING"
)


def took(central: Central, identity: str, db_id: str, events: Sequence[Mapping[str, Any]]) -> int:
    """Keep *events*, each once for ever; the newest number that is there without a gap. Raises Invalid."""
    rows = [
        {
            "edge": identity, "db_id": db_id, "seq": each["seq"], "type": str(each.get("type", ""))[:128],
            "at_ms": each.get("at_ms"), "received_ms": central.clock.now_ms(),
            "body": json.dumps(each, ensure_ascii=False, separators=(",", ":")),
        }
        for each in events
    ]  # fmt: skip
    if any(len(row["body"]) > MAX_EVENT_CHARS for row in rows):
        raise Invalid("event", f"an event has more than {MAX_EVENT_CHARS} characters")
    with central.store.write() as connection:
        # The edge's row is locked on PostgreSQL too, so that two requests of one edge can't both move `upto`.
        connection.execute(update(edge).where(edge.c.id == identity).values(seen_ms=central.clock.now_ms()))
        if rows:
            connection.execute(_KEEP, rows)
        before = connection.execute(
            select(event_upto.c.upto).where(event_upto.c.edge == identity, event_upto.c.db_id == db_id)
        ).scalar()
        upto = _without_gap(connection, identity, db_id, before or 0)
        if before is None:
            connection.execute(insert(event_upto).values(edge=identity, db_id=db_id, upto=upto))
        elif upto != before:
            connection.execute(
                update(event_upto).where(event_upto.c.edge == identity, event_upto.c.db_id == db_id).values(upto=upto)
            )
    return upto


_AFTER: Final = text(
    "SELECT seq FROM event WHERE edge = :edge AND db_id = :db_id AND seq > :upto ORDER BY seq LIMIT :rows"
)


def _without_gap(connection: Connection, identity: str, db_id: str, upto: int) -> int:
    while True:
        words = {"edge": identity, "db_id": db_id, "upto": upto, "rows": _GAP_ROWS}
        found = list(connection.execute(_AFTER, words).scalars())
        for seq in found:
            if seq != upto + 1:
                return upto
            upto = seq
        if len(found) < _GAP_ROWS:
            return upto


def news(connection: Connection, since: Mapping[str, int]) -> tuple[dict[str, int], set[str]]:
    """Communities whose revision is another than in *since*, and the edges that have something to fetch."""
    moved = {
        row.id: row.rev
        for row in connection.execute(select(community.c.id, community.c.rev))
        if since.get(row.id) != row.rev
    }
    waiting: set[str] = set()
    for identity in moved:
        edges = select(edge.c.id).where(edge.c.community == identity)
        after = since.get(identity, 0)
        waiting |= set(
            connection.execute(
                select(edge_item.c.edge).distinct().where(edge_item.c.edge.in_(edges), edge_item.c.rev > after)
            ).scalars()
        )
    return moved, waiting
