"""Who may open what, and what the door desk must remember."""

from typing import ClassVar

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy import text as sql

from models.access import CredentialKind, Home, OrderKind, Origin, Passback, Purpose
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


class ScheduleDay(Base, table=True):
    """Hours of a schedule on one day, or on the community's holidays, instead of the weekday's."""

    __tablename__: ClassVar[str] = "schedule_day"

    schedule_id: str = text(ForeignKey("schedule.id", ondelete="CASCADE"), key=True)
    day: str = text(key=True)  # 2026-12-24, or "hol"
    spans: list[list[int]] = column(Json(), make=list)  # [from, to) in minutes; [] = closed


class Holiday(Base, table=True):
    """A day on which schedules that know holidays have hours of their own."""

    __tablename__: ClassVar[str] = "holiday"

    community_id: str = text(ForeignKey("community.id", ondelete="CASCADE"), key=True)
    day: str = text(key=True)  # 2026-04-06, or 12-25 in every year
    name: str = text(default="")


class Credential(Base, table=True):
    """Its value is here as a keyed tag only; sealed beside it where a panel must hold the value itself."""

    __tablename__: ClassVar[str] = "credential"
    __table_args__ = (
        Index("ix_credential_tag", "community_id", "kind", "tag"),
        Index(
            "ix_credential_at_panels",
            "community_id",
            sqlite_where=sql("home <> 'edge'"),
            postgresql_where=sql("home <> 'edge'"),
        ),
        CheckConstraint("length(tag) = 32", name="tag"),
        CheckConstraint("uses_left >= 0", name="uses_left"),
        CheckConstraint("valid_from_ms < valid_until_ms", name="validity"),
        CheckConstraint("NOT duress OR kind = 'pin'", name="duress"),
    )

    id: str = text(key=True, make=lambda: new_id("k"))
    community_id: str = text(ForeignKey("community.id", ondelete="CASCADE"))
    kind: CredentialKind = column(one_of(CredentialKind, "kind"))
    tag: bytes = blob()  # HMAC-SHA-256, see edge.core.tags
    pepper_id: str = text(default="")  # which older pepper made the tag; "" = the present one
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
    consent_at_ms: int | None = millis(null=True)  # of a face: when its owner's consent was recorded


class CredentialDoor(Base, table=True):
    """A door that a credential is narrowed to.

    *device_id* is no foreign key on purpose: no row means every door, so the row of a removed door must stay and match
    nothing, or removing a door would widen the credential.
    """

    __tablename__: ClassVar[str] = "credential_door"

    credential_id: str = text(ForeignKey("credential.id", ondelete="CASCADE"), key=True)
    device_id: str = text(key=True)


class DoorGroup(Base, table=True):
    """Doors under one name, to narrow credentials to."""

    __tablename__: ClassVar[str] = "door_group"
    __table_args__ = (UniqueConstraint("community_id", "name"),)

    id: str = text(key=True, make=lambda: new_id("g"))
    community_id: str = text(ForeignKey("community.id", ondelete="CASCADE"))
    name: str = text()


class DoorGroupMember(Base, table=True):
    __tablename__: ClassVar[str] = "door_group_member"

    group_id: str = text(ForeignKey("door_group.id", ondelete="CASCADE"), key=True)
    device_id: str = text(ForeignKey("device.id", ondelete="CASCADE"), key=True)


class CredentialDoorGroup(Base, table=True):
    """A group of doors that a credential is narrowed to; later members of the group are included."""

    __tablename__: ClassVar[str] = "credential_door_group"

    credential_id: str = text(ForeignKey("credential.id", ondelete="CASCADE"), key=True)
    # Without a row the credential opens every door, so a group in use can't be removed.
    group_id: str = text(ForeignKey("door_group.id", ondelete="RESTRICT"), key=True, index=True)


class VisitorPass(Base, table=True):
    """What makes a credential a visitor's; it goes with it."""

    __tablename__: ClassVar[str] = "visitor_pass"

    credential_id: str = text(ForeignKey("credential.id", ondelete="CASCADE"), key=True)
    name: str = text(default="")  # of the visitor, or what is delivered
    purpose: Purpose = column(one_of(Purpose, "purpose"), default=Purpose.VISIT)


class DoorOrder(Base, table=True):
    """What an operator ordered for a door, a building's doors or all doors, until it is released."""

    __tablename__: ClassVar[str] = "door_order"
    __table_args__ = (CheckConstraint("device_id IS NULL OR building_id IS NULL", name="one_scope"),)

    id: str = text(key=True, make=lambda: new_id("o"))
    community_id: str = text(ForeignKey("community.id", ondelete="CASCADE"))
    kind: OrderKind = column(one_of(OrderKind, "kind"))
    device_id: str | None = text(ForeignKey("device.id", ondelete="CASCADE"), null=True)
    building_id: str | None = text(ForeignKey("building.id", ondelete="CASCADE"), null=True)
    until_ms: int | None = millis(null=True)
    at_ms: int = millis()
    ordered_by: str = text()


class Area(Base, table=True):
    """Rooms behind readers that know who is inside."""

    __tablename__: ClassVar[str] = "area"
    __table_args__ = (
        UniqueConstraint("community_id", "name"),
        CheckConstraint("forget_h BETWEEN 0 AND 8760", name="forget_h"),
    )

    id: str = text(key=True, make=lambda: new_id("z"))
    community_id: str = text(ForeignKey("community.id", ondelete="CASCADE"))
    name: str = text()
    passback: Passback = column(one_of(Passback, "passback"), default=Passback.SOFT)
    forget_h: int = integer(default=24)  # after so long nobody is known to be inside; 0 = never
    era: int = integer(default=0)  # a reset begins a new one: what was known before counts no more


class Whereabouts(Base, table=True):
    """Who was last seen going into or out of an area."""

    __tablename__: ClassVar[str] = "whereabouts"

    holder: str = text(key=True)  # id of the resident, or of a credential of nobody in particular
    area_id: str = text(ForeignKey("area.id", ondelete="CASCADE"), key=True)
    inside: bool = flag()
    era: int = integer()
    at_ms: int = millis()


class CallerWhitelist(Base, table=True):
    """Telephone numbers that may ring a door and open it by calling."""

    __tablename__: ClassVar[str] = "caller_whitelist"

    community_id: str = text(ForeignKey("community.id", ondelete="CASCADE"), key=True)
    number: str = text(key=True)  # E.164
    note: str = text(default="")
    # A door that a call from this number opens without being answered.
    opens_device_id: str | None = text(ForeignKey("device.id", ondelete="SET NULL"), null=True)


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
