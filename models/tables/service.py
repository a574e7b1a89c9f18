"""What billing and residents ask for, and other parties' logins."""

import enum
from typing import ClassVar

from sqlalchemy import CheckConstraint, ForeignKey

from models.ids import new_id
from models.service import ServiceState
from models.tables.base import Base, blob, column, flag, millis, one_of, text


class RequestState(enum.Enum):
    """Any state but NEW is final (domain section 6)."""

    NEW = "new"
    CONFIRMED = "confirmed"
    CLOSED = "closed"
    CANCELLED = "cancelled"


class AddressRequest(Base, table=True):
    """A resident asks for access to an address."""

    __tablename__: ClassVar[str] = "address_request"

    id: str = text(key=True, make=lambda: new_id("q"))
    community_id: str = text(ForeignKey("community.id", ondelete="CASCADE"), index=True)
    phone: str = text(index=True)  # E.164; the login
    apartment_id: str = text(ForeignKey("apartment.id", ondelete="CASCADE"))
    has_handset: bool = flag()
    state: RequestState = column(one_of(RequestState, "state"), default=RequestState.NEW)
    made_at_ms: int = millis()
    settled_at_ms: int | None = millis(null=True)


class BillingAccount(Base, table=True):
    """An address with its payer. Accounts with the same login belong to one client."""

    __tablename__: ClassVar[str] = "billing_account"

    id: str = text(key=True)  # the billing system's
    community_id: str = text(ForeignKey("community.id", ondelete="CASCADE"), index=True)
    login: str = text(index=True)
    apartment_id: str | None = text(ForeignKey("apartment.id", ondelete="SET NULL"), null=True)
    address: str = text(default="")
    state: ServiceState = column(one_of(ServiceState, "state"), default=ServiceState.ACTIVE)
    periodic_service: bool = flag()
    updated_at_ms: int = millis()


class MqttLogin(Base, table=True):
    """A login of somebody who is no device: an integrator reads `edge/event` (decision 19)."""

    __tablename__: ClassVar[str] = "mqtt_login"
    __table_args__ = (CheckConstraint("length(name) BETWEEN 1 AND 64", name="name"),)

    community_id: str = text(ForeignKey("community.id", ondelete="CASCADE"), key=True)
    name: str = text(key=True)
    role: str = text(CheckConstraint("role IN ('integrator')", name="role"))
    password: bytes = blob()  # sealed by edge.store.secrets
