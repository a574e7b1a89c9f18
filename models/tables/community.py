"""Places and people: community, building, apartment, landline, resident and where residents live."""

import enum
from typing import ClassVar

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy import text as sql

from models.call import CallType
from models.ids import new_id
from models.service import AccessPermission, Activation, FeaturePlan, PinMode, Role, ServiceState
from models.tables.base import Base, Number, Texts, blob, column, flag, integer, millis, one_of, text


class ChargeMode(enum.Enum):
    """Who pays for the residents' app."""

    MANAGER = "manager"
    INSTALLER = "installer"


class DateFormat(enum.Enum):
    YMD = "ymd"
    MDY = "mdy"
    DMY = "dmy"


class Connection(enum.Enum):
    """How an apartment is called: media between the devices, or through the edge."""

    SIP = "sip"
    IP = "ip"


class Community(Base, table=True):
    """The site. An edge holds one; a central store holds many in the same tables."""

    __tablename__: ClassVar[str] = "community"
    __table_args__ = (
        CheckConstraint("length(name) BETWEEN 1 AND 128", name="name"),
        # Landline service needs premium and is not available with home automation (domain section 1).
        CheckConstraint(
            "NOT landline_service OR (plan = 'premium' AND NOT home_automation)", name="landline_needs_premium"
        ),
    )

    id: str = text(key=True, make=lambda: new_id("c"))  # also the SIP realm
    name: str = text()
    street: str = text(default="")
    city: str = text(default="")
    post_code: str = text(default="")
    state: str = text(default="")
    country: str = text(default="")  # ISO 3166 alpha-2
    time_zone: str = text()  # IANA name
    twelve_hour_clock: bool = flag()
    date_format: DateFormat = column(one_of(DateFormat, "date_format"), default=DateFormat.YMD)
    planned_apartments: int = integer(default=0)
    plan: FeaturePlan = column(one_of(FeaturePlan, "plan"), default=FeaturePlan.PREMIUM)
    permission: AccessPermission = column(
        one_of(AccessPermission, "permission"), default=AccessPermission.PUBLIC_PRIVATE
    )
    pin_mode: PinMode = column(one_of(PinMode, "pin_mode"), default=PinMode.PIN)
    community_calls: bool = flag()
    landline_service: bool = flag()
    home_automation: bool = flag()
    charge_mode: ChargeMode = column(one_of(ChargeMode, "charge_mode"), default=ChargeMode.INSTALLER)
    send_expiration_mail: bool = flag()
    send_renew_mail: bool = flag()
    emergency_numbers: tuple[str, ...] = column(Texts(), default=())
    revision: int = millis(default=0)  # bumped by edge.store.changes in the transaction of every change


class Building(Base, table=True):
    __tablename__: ClassVar[str] = "building"
    __table_args__ = (
        UniqueConstraint("community_id", "name"),
        CheckConstraint("length(name) BETWEEN 1 AND 128", name="name"),
    )

    id: str = text(key=True, make=lambda: new_id("b"))
    community_id: str = text(ForeignKey("community.id", ondelete="CASCADE"))
    name: str = text()


class Apartment(Base, table=True):
    __tablename__: ClassVar[str] = "apartment"
    __table_args__ = (
        UniqueConstraint("building_id", "number"),
        CheckConstraint("length(number) > 0 AND number NOT LIKE '#%'", name="number"),
        CheckConstraint("call_type BETWEEN 0 AND 5", name="call_type"),
        CheckConstraint("web_relay BETWEEN 0 AND 65535", name="web_relay"),
    )

    id: str = text(key=True, make=lambda: new_id("a"))
    community_id: str = text(ForeignKey("community.id", ondelete="CASCADE"), index=True)
    building_id: str = text(ForeignKey("building.id", ondelete="RESTRICT"))
    number: str = text()
    name: str = text(default="")
    floor: str = text(default="")
    accessible_floors: tuple[str, ...] = column(Texts(), default=())
    call_type: CallType = column(Number(CallType), default=CallType.APP_AND_MONITORS)
    connection: Connection = column(one_of(Connection, "connection"), default=Connection.SIP)
    web_relay: int = integer(default=0)
    has_handset: bool = flag()
    whitelisted: bool = flag()
    network_group: str = text(default="")
    armed: bool = flag()
    service: ServiceState = column(one_of(ServiceState, "service"), default=ServiceState.ACTIVE)
    service_since_ms: int | None = millis(null=True)  # off for 30 days deletes the credentials (decision 14)


class Landline(Base, table=True):
    """A telephone of an apartment, rung in the order of *position*."""

    __tablename__: ClassVar[str] = "landline"
    __table_args__ = (CheckConstraint("position BETWEEN 1 AND 3", name="position"),)

    apartment_id: str = text(ForeignKey("apartment.id", ondelete="CASCADE"), key=True)
    position: int = integer(key=True)
    number: str = text()  # E.164 with "+"


class Resident(Base, table=True):
    """One profile; it may live at several apartments (`ResidentApartment`)."""

    __tablename__: ClassVar[str] = "resident"
    __table_args__ = (
        UniqueConstraint("community_id", "sip_user"),
        CheckConstraint("length(first_name) <= 64 AND length(last_name) <= 64", name="name"),
        # Devices have 1…4, residents 5…9 as first digit: unique across both tables without a third.
        CheckConstraint("length(sip_user) = 8 AND sip_user BETWEEN '50000000' AND '99999999'", name="sip_user"),
    )

    id: str = text(key=True, make=lambda: new_id("r"))
    community_id: str = text(ForeignKey("community.id", ondelete="CASCADE"))
    first_name: str = text(default="")
    last_name: str = text(default="")
    email: str = text(default="")
    mobile: str = text(default="")  # E.164
    language: str = text(default="en")
    login: str = text(default="")  # the central store's, shared by one client's profiles
    app_registered: bool = flag()
    activation: Activation = column(one_of(Activation, "activation"), default=Activation.ACTIVE)
    activation_until_ms: int | None = millis(null=True)
    sip_user: str = text()
    sip_password: bytes = blob()  # sealed by edge.store.secrets


class ResidentApartment(Base, table=True):
    """Who lives where. Who is the family master is said here, because it is a fact about one apartment."""

    __tablename__: ClassVar[str] = "resident_apartment"
    __table_args__ = (
        Index(
            "ux_resident_apartment_one_master",
            "apartment_id",
            unique=True,
            sqlite_where=sql("role = 'master'"),
            postgresql_where=sql("role = 'master'"),
        ),
    )

    resident_id: str = text(ForeignKey("resident.id", ondelete="CASCADE"), key=True)
    apartment_id: str = text(ForeignKey("apartment.id", ondelete="CASCADE"), key=True, index=True)
    role: Role = column(one_of(Role, "role"), default=Role.MEMBER)
