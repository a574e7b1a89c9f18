"""This edge's place in its central store: who it is there, how far it has followed, what went wrong last."""

import base64
from dataclasses import dataclass, field
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from sqlalchemy import Connection, delete, select, update

from edge.store import outbox
from edge.store.secrets import Vault
from edge.store.tables import enrolment, staging, sync_item

MAX_ERROR_CHARS: Final = 500


@dataclass(frozen=True, slots=True)
class Enrolled:
    """The row of `enrolment`, its keys opened."""

    community_id: str
    url: str
    edge_id: str
    key: Ed25519PrivateKey = field(repr=False)
    central_key: Ed25519PublicKey | None = field(repr=False)
    epoch: str
    cursor: int
    last_ok_ms: int | None
    last_error: str
    enrolled_at_ms: int


def load(connection: Connection, vault: Vault) -> Enrolled | None:
    """None where the site is its own central store. Raises SecretsError where the key does not open."""
    row = connection.execute(select(enrolment).order_by(enrolment.c.community_id).limit(1)).one_or_none()
    if row is None:
        return None
    sealed = bytes(row.private_key)
    private = vault.unseal(sealed, table="enrolment", column="private_key", row=row.community_id)
    known = bytes(row.central_public_key)
    return Enrolled(
        row.community_id,
        row.central_url,
        row.edge_id,
        Ed25519PrivateKey.from_private_bytes(base64.b64decode(private)),
        Ed25519PublicKey.from_public_bytes(known) if known else None,
        row.epoch,
        row.cursor,
        row.last_ok_ms,
        row.last_error,
        row.enrolled_at_ms,
    )


def sealed_key(vault: Vault, key: Ed25519PrivateKey, community_id: str) -> bytes:
    """*key* for the column ``private_key``."""
    raw = base64.b64encode(key.private_bytes_raw()).decode()
    return vault.seal(raw, table="enrolment", column="private_key", row=community_id)


def move(connection: Connection, edge_id: str, **values: Any) -> bool:
    """Change columns of the row, if it still is that edge's."""
    if "last_error" in values:
        values["last_error"] = str(values["last_error"])[:MAX_ERROR_CHARS]
    return connection.execute(update(enrolment).where(enrolment.c.edge_id == edge_id).values(**values)).rowcount == 1


def begin_anew(connection: Connection, edge_id: str, epoch: str) -> None:
    """The central store has lost our place: the next thing to ask for is a snapshot. What is stored stays."""
    move(connection, edge_id, epoch=epoch, cursor=0)


def forget(connection: Connection, community_id: str) -> None:
    """Belong to no central store; everything it gave becomes this edge's own, and what waits for it stays here."""
    outbox.clear(connection)
    connection.execute(delete(sync_item).where(sync_item.c.community_id == community_id))
    connection.execute(delete(staging))
    connection.execute(delete(enrolment).where(enrolment.c.community_id == community_id))
