"""Residents' apps: invitations that wait, and the browsers that were let in."""

from typing import ClassVar

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint

from models.ids import new_id
from models.tables.base import Base, Json, blob, column, millis, text


class AppInvite(Base, table=True):
    """A secret that lets one browser in, once. Only its hash is kept; a used one is gone."""

    __tablename__: ClassVar[str] = "app_invite"
    __table_args__ = (UniqueConstraint("secret_hash"),)

    id: str = text(key=True, make=lambda: new_id("i"))
    community_id: str = text(ForeignKey("community.id", ondelete="CASCADE"))
    resident_id: str = text(ForeignKey("resident.id", ondelete="CASCADE"), index=True)
    secret_hash: bytes = blob()  # SHA-256 of 256 random bits
    expires_at_ms: int = millis()


class AppSession(Base, table=True):
    """A browser of a resident, known by its key."""

    __tablename__: ClassVar[str] = "app_session"
    __table_args__ = (CheckConstraint("length(name) BETWEEN 1 AND 64", name="name"),)

    id: str = text(key=True, make=lambda: new_id("s"))
    community_id: str = text(ForeignKey("community.id", ondelete="CASCADE"))
    resident_id: str = text(ForeignKey("resident.id", ondelete="CASCADE"), index=True)
    name: str = text()  # what its owner called it
    public_key: bytes = blob()  # P-256, uncompressed point
    created_at_ms: int = millis()
    seen_at_ms: int | None = millis(null=True)
    push: dict[str, str] | None = column(Json(), null=True)  # endpoint, p256dh, auth
    quiet_from: str = text(default="")  # HH:MM in the site's time; "" = never
    quiet_until: str = text(default="")
