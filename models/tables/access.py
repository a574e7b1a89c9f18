"""Who may open what, and what the door desk must remember."""

from typing import ClassVar

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint

from models.access import CredentialKind, Home, Origin
from models.ids import new_id
from models.tables.base import Base, Json, blob, column, flag, integer, millis, one_of, text


class Schedule(Base, table=True):
    """A weekly schedule. Without rows it means never."""

    __tablename__: ClassVar[str] = "schedule"
    __table_args__ = (UniqueConstraint("community_id", "name"),)

    id: str = text(key=True, make=lambda: new_id("s"))
    community_id: str = text(ForeignKey("community.id", ondelete="CASCADE"))
    name: str = text()


class ScheduleRow(Base, table=True):
    __tablename__: ClassVar[str] = "schedule_row"
    __table_args__ = (
        CheckConstraint("weekday BETWEEN 0 AND 6", name="weekday"),
        CheckConstraint("from_minute BETWEEN 0 AND 1439", name="from_minute"),
        CheckConstraint("to_minute BETWEEN 0 AND 1440", name="to_minute"),
    )

    schedule_id: str = text(ForeignKey("schedule.id", ondelete="CASCADE"), key=True)
    weekday: int = integer(key=True)  # 0 = Monday
    from_minute: int = integer(key=True)
    to_minute: int = integer(key=True)


class Credential(Base, table=True):
    """Its value is here as a keyed tag only; sealed beside it where a panel must hold the value itself."""

    __tablename__: ClassVar[str] = "credential"
    __table_args__ = (
        Index("ix_credential_tag", "community_id", "kind", "tag"),
        CheckConstraint("length(tag) = 32", name="tag"),
        CheckConstraint("uses_left >= 0", name="uses_left"),
        CheckConstraint("valid_from_ms < valid_until_ms", name="validity"),
        CheckConstraint("NOT duress OR kind = 'pin'", name="duress"),
    )

    id: str = text(key=True, make=lambda: new_id("k"))
    community_id: str = text(ForeignKey("community.id", ondelete="CASCADE"))
    kind: CredentialKind = column(one_of(CredentialKind, "kind"))
    tag: bytes = blob()  # HMAC-SHA-256, see edge.core.tags
    pepper_id: str = text(default="")  # which pepper made the tag, for its rotation
    sealed: bytes | None = blob(null=True)  # the value itself, for home = panel and both
    bare: bool = flag(True)  # a PIN fit to open without an apartment number (6 digits or more); True for other kinds
    apartment_id: str = text(ForeignKey("apartment.id", ondelete="CASCADE"), index=True)
    # What a resident leaves behind must not go on opening doors.
    resident_id: str | None = text(ForeignKey("resident.id", ondelete="CASCADE"), null=True, index=True)
    valid_from_ms: int | None = millis(null=True)
    valid_until_ms: int | None = millis(null=True)
    # Without a schedule means always, so a schedule in use can't be removed.
    schedule_id: str | None = text(ForeignKey("schedule.id", ondelete="RESTRICT"), null=True, index=True)
    uses_left: int | None = integer(null=True)
    duress: bool = flag()
    origin: Origin = column(one_of(Origin, "origin"), default=Origin.INSTALLER)
    home: Home = column(one_of(Home, "home"), default=Home.EDGE)
    hint: str = text(default="")  # last 4 characters of a card of at least 8
    created_at_ms: int | None = millis(null=True)


class CredentialDoor(Base, table=True):
    """A door that a credential is narrowed to.

    *device_id* is no foreign key on purpose: no row means every door, so the row of a removed door must stay and match
    nothing, or removing a door would widen the credential.
    """

    __tablename__: ClassVar[str] = "credential_door"

    credential_id: str = text(ForeignKey("credential.id", ondelete="CASCADE"), key=True)
    device_id: str = text(key=True)


class CallerWhitelist(Base, table=True):
    """Telephone numbers that may ring a door and open it by calling."""

    __tablename__: ClassVar[str] = "caller_whitelist"

    community_id: str = text(ForeignKey("community.id", ondelete="CASCADE"), key=True)
    number: str = text(key=True)  # E.164
    note: str = text(default="")


class Lockout(Base, table=True):
    """Wrong tries at a reader, or at a reader for one apartment (decision 3)."""

    __tablename__: ClassVar[str] = "lockout"

    device_id: str = text(ForeignKey("device.id", ondelete="CASCADE"), key=True)
    apartment_id: str = text(key=True)  # "" = the reader's own counter
    wrong_at_ms: list[int] = column(Json(), make=list)  # when, Unix milliseconds, the oldest first
    step: int = integer(default=0)
    locked_until_ms: int | None = millis(null=True)


class Answer(Base, table=True):
    """An attempt or event that was dealt with: its id is never dealt with again within 24 h (decision 5)."""

    __tablename__: ClassVar[str] = "answer"

    community_id: str = text(ForeignKey("community.id", ondelete="CASCADE"))
    mac: str = text(key=True)  # not a foreign key: a device removed and added again is still not answered twice
    kind: str = text(CheckConstraint("kind IN ('attempt', 'event')", name="kind"), key=True)
    id: str = text(key=True)
    at_ms: int = millis(index=True)
    body: bytes = blob()  # as first sent; empty for an event
