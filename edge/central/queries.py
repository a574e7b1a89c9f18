"""What operators look up."""

import json
from typing import Any

from sqlalchemy import Connection, select

from edge.central.tables import audit, edge, event, item


def things_of(connection: Connection, community: str, kind: str, after: str, limit: int) -> list[dict[str, Any]]:
    """Things of a kind in the order of their ids, without credentials' values."""
    rows = connection.execute(
        select(item.c.id, item.c.rev, item.c.body)
        .where(item.c.community == community, item.c.kind == kind, item.c.id > after, item.c.body.is_not(None))
        .order_by(item.c.id).limit(limit)
    )  # fmt: skip
    return [{"id": row.id, "rev": row.rev, "body": json.loads(row.body)} for row in rows]


def events_of(connection: Connection, community: str, after_ms: int, type_: str, limit: int) -> list[dict[str, Any]]:
    """Events of a community's edges, each edge's by its own numbers."""
    query = (
        select(event).join_from(event, edge)
        .where(edge.c.community == community, event.c.received_ms > after_ms)
        .order_by(event.c.received_ms, event.c.edge, event.c.db_id, event.c.seq).limit(limit)
    )  # fmt: skip
    if type_:
        query = query.where(event.c.type == type_)
    return [
        {"edge": row.edge, "db_id": row.db_id, "received_ms": row.received_ms, **json.loads(row.body)}
        for row in connection.execute(query)
    ]


def audit_of(connection: Connection, community: str | None, before_ms: int | None, limit: int) -> list[dict[str, Any]]:
    """Who changed what, the newest first: of a community, or of the whole central store."""
    query = select(audit).order_by(audit.c.at_ms.desc(), audit.c.id).limit(limit)
    if community is not None:
        query = query.where(audit.c.community == community)
    if before_ms is not None:
        query = query.where(audit.c.at_ms < before_ms)
    return [
        {"at_ms": row.at_ms, "actor": row.actor, "community": row.community, "action": row.action,
         "detail": json.loads(row.detail)}
        for row in connection.execute(query)
    ]  # fmt: skip
