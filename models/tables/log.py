"""What happened: the journal, the calls, and what the central store has yet to hear."""

from typing import ClassVar

from sqlalchemy import CheckConstraint, ForeignKey, Index

from models.access import Reason, UnlockMethod
from models.call import CallOutcome, EndedBy, Refusal
from models.log import LogKind, Outcome
from models.tables.base import SERIAL, Base, Json, Texts, blob, column, flag, integer, millis, one_of, text


class StoreState(Base, table=True):
    """Exactly one row: this database's identity and its counters, moved in the transaction of what they count."""

    __tablename__: ClassVar[str] = "store_state"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: int = integer(key=True)
    db_id: str = text()
    journal_seq: int = millis()  # of the newest row
    journal_hash: bytes = blob()  # of the newest row
    journal_erased: int = millis()  # rows that retention or a reset took out
    outbox_seq: int = millis()  # of the newest row
    key_id: str = text(default="")  # of the key that sealed passwords open with; "" = never changed
    pepper_id: str = text(default="")  # of the present pepper; "" = never changed


class Journal(Base, table=True):
    """One gapless `seq` for all kinds. Names are kept as they were: a door replaced last week keeps its history.

    No foreign keys: history outlives what it tells of.
    """

    __tablename__: ClassVar[str] = "journal"
    __table_args__ = (
        Index("ix_journal_kind_at", "kind", "at_ms"),
        Index("ix_journal_device", "device_id", "seq"),
        Index("ix_journal_apartment", "apartment_id", "seq"),
    )

    seq: int = column(SERIAL, key=True)
    community_id: str = text()
    kind: LogKind = column(one_of(LogKind, "kind"))
    at_ms: int = millis()
    id: str = text(default="")
    device_id: str | None = text(null=True)
    mac: str | None = text(null=True)
    door: str | None = text(null=True)
    device_at_ms: int | None = millis(null=True)
    method: UnlockMethod | None = column(one_of(UnlockMethod, "method"), null=True)
    outcome: Outcome | None = column(one_of(Outcome, "outcome"), null=True)
    reason: Reason | None = column(one_of(Reason, "reason"), null=True)
    apartment_id: str | None = text(null=True)
    apartment: str | None = text(null=True)  # BUILDING/NUMBER
    resident_id: str | None = text(null=True)
    resident: str | None = text(null=True)
    credential_id: str | None = text(null=True)
    relays: tuple[str, ...] = column(Texts(), default=())
    duress: bool = flag()
    detail: dict[str, object] = column(Json(), make=dict)
    prev: bytes = blob()  # hash of the row before
    hash: bytes = blob()  # SHA-256 of prev and this row, see edge.store.journal


class Call(Base, table=True):
    """A call with its stages and legs; one row, written again on each change."""

    __tablename__: ClassVar[str] = "call"
    __table_args__ = (Index("ix_call_apartment", "apartment_id", "at_ms"),)

    id: str = text(key=True)
    community_id: str = text(ForeignKey("community.id", ondelete="CASCADE"))
    at_ms: int = millis(index=True)
    caller: str = text()
    dialled: str = text()
    apartment_id: str | None = text(null=True)
    apartment: str | None = text(null=True)  # BUILDING/NUMBER as it was
    caller_device_id: str | None = text(null=True)
    stages: list[list[int]] = column(Json(), make=list)
    legs: list[dict[str, object]] = column(Json(), make=list)
    outcome: CallOutcome | None = column(one_of(CallOutcome, "outcome"), null=True)
    reason: Refusal | None = column(one_of(Refusal, "reason"), null=True)
    status: int | None = integer(null=True)
    answered_by: int | None = integer(null=True)
    opened: tuple[str, ...] = column(Texts(), default=())
    ended_by: EndedBy | None = column(one_of(EndedBy, "ended_by"), null=True)
    duration_ms: int = millis(default=0)
    media: list[dict[str, object]] = column(Json(), make=list)  # the caller's lines; a leg's stand in `legs`


class Outbox(Base, table=True):
    """Events the central store has not confirmed. Written in the commit of the journal row, never on its own."""

    __tablename__: ClassVar[str] = "outbox"

    seq: int = column(SERIAL, key=True)
    at_ms: int = millis()
    type: str = text()  # kind, and outcome where there is one: "access.granted"
    body: dict[str, object] = column(Json())
