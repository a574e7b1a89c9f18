"""Contact bindings of the registrar, so that a restart forgets nobody."""

from typing import ClassVar

from sqlalchemy import Float, ForeignKey

from models.tables.base import Base, Json, Texts, column, integer, millis, text


class Binding(Base, table=True):
    __tablename__: ClassVar[str] = "binding"

    community_id: str = text(ForeignKey("community.id", ondelete="CASCADE"), key=True)
    sip_user: str = text(key=True)
    key: str = text(key=True)  # what makes a contact the same one: its URI, or instance and reg-id (RFC 5626)
    contact: str = text()  # URI as registered, never rewritten
    transport: str = text()
    source: str = text()  # host:port the REGISTER came from
    expires_at_ms: int = millis(index=True)
    q: float = column(Float(), default=1.0)
    call_id: str = text(default="")
    cseq: int = millis(default=0)
    instance: str = text(default="")
    reg_id: int | None = integer(null=True)
    path: tuple[str, ...] = column(Texts(), default=())
    user_agent: str = text(default="")
    updated_at_ms: int = millis()
    extra: dict[str, object] = column(Json(), make=dict)  # the registrar's own, JSON-able
