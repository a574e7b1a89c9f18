"""Events for the central store, kept until it says it has them. `seq` is without gaps and never used twice."""

import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, delete, func, select, text, update

from edge.store.prepared import Prepared
from edge.store.tables import outbox, store_state

_NEXT: Final = Prepared(text("UPDATE store_state SET outbox_seq = outbox_seq + 1 RETURNING outbox_seq"))
_INSERT: Final = Prepared(text("INSERT INTO outbox (seq, at_ms, type, body) VALUES (:seq, :at_ms, :type, :body)"))


@dataclass(frozen=True, slots=True)
class OutboxEvent:
    seq: int
    at_ms: int
    type: str
    body: Mapping[str, Any]


def enqueue(connection: Connection, at_ms: int, kind: str, body: Mapping[str, Any]) -> int:
    """Queue an event in the transaction of *connection*; its ``seq``."""
    (seq,) = _NEXT.execute(connection, {}).fetchone() or (0,)
    told = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    _INSERT.execute(connection, {"seq": seq, "at_ms": at_ms, "type": kind, "body": told})
    return seq


def pending(connection: Connection, limit: int = 500) -> tuple[OutboxEvent, ...]:
    """The oldest events not yet confirmed, ascending without gaps."""
    found = connection.execute(select(outbox).order_by(outbox.c.seq).limit(limit))
    return tuple(OutboxEvent(row.seq, row.at_ms, row.type, row.body) for row in found)


def confirm(connection: Connection, upto: int) -> int:
    """Drop events the central store has stored, ``seq <= upto``; how many."""
    return connection.execute(delete(outbox).where(outbox.c.seq <= upto)).rowcount


def depth(connection: Connection) -> int:
    """Events that wait."""
    return int(connection.execute(select(func.count()).select_from(outbox)).scalar_one())


def db_id(connection: Connection) -> str:
    """This database's identity: with a new one, `seq` begins anew."""
    return str(connection.execute(select(store_state.c.db_id)).scalar_one())


def newest(connection: Connection) -> int:
    """The ``seq`` given last; 0 where none was."""
    return int(connection.execute(select(store_state.c.outbox_seq)).scalar_one())


def put_back(connection: Connection, events: Iterable[OutboxEvent]) -> None:
    """Queue again what the central store had confirmed, and has lost."""
    for event in events:
        told = json.dumps(event.body, ensure_ascii=False, separators=(",", ":"))
        _INSERT.execute(connection, {"seq": event.seq, "at_ms": event.at_ms, "type": event.type, "body": told})


def begin_anew(connection: Connection) -> str:
    """Number what waits from 1, under a new identity of this database, which is returned."""
    first = connection.execute(select(func.min(outbox.c.seq))).scalar()
    if first is not None:  # in two steps, so that no number is there twice on the way
        connection.execute(update(outbox).values(seq=first - 1 - outbox.c.seq))
        connection.execute(update(outbox).values(seq=-outbox.c.seq))
    identity = secrets.token_hex(8)
    connection.execute(update(store_state).values(db_id=identity, outbox_seq=depth(connection)))
    return identity


def clear(connection: Connection) -> None:
    """Nobody is to be told what waits."""
    connection.execute(delete(outbox))
    begin_anew(connection)
