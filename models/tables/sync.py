"""What an edge knows of its central store: identity, cursor, staged pages, revisions of what it was given."""

from typing import ClassVar

from sqlalchemy import ForeignKey, Index

from models.tables.base import SERIAL, Base, Json, blob, column, integer, millis, text


class Enrolment(Base, table=True):
    """The central store this edge belongs to, and how far it has followed it. No row = the edge is its own."""

    __tablename__: ClassVar[str] = "enrolment"

    community_id: str = text(ForeignKey("community.id", ondelete="CASCADE"), key=True)
    central_url: str = text()
    edge_id: str = text()
    private_key: bytes = blob()  # Ed25519, sealed by edge.store.secrets
    central_public_key: bytes = blob()
    epoch: str = text(default="")
    cursor: int = millis(default=0)
    last_ok_ms: int | None = millis(null=True)
    last_error: str = text(default="")
    enrolled_at_ms: int = millis()


class SyncItem(Base, table=True):
    """The central store's revision of a thing it owns. What stands here is read-only for everybody else."""

    __tablename__: ClassVar[str] = "sync_item"

    community_id: str = text(ForeignKey("community.id", ondelete="CASCADE"), key=True)
    kind: str = text(key=True)
    id: str = text(key=True)  # as it is called here: for a MAC and a number in the whitelist that is the thing itself
    rev: int = millis()
    central_id: str = text(default="")  # as the central store calls it, where that differs; "" = as here
    uses: int | None = integer(null=True)  # of a credential, as given: what is left of the same number stays


class Staging(Base, table=True):
    """Pages of a snapshot that is still arriving; the last page swaps (decision 51)."""

    __tablename__: ClassVar[str] = "staging"
    __table_args__ = (Index("ix_staging_thing", "token", "kind", "id"),)

    position: int = column(SERIAL, key=True)
    token: str = text()  # which snapshot
    kind: str = text()
    id: str = text()
    rev: int = millis()
    body: dict[str, object] = column(Json())
    page: int = integer(default=0)
