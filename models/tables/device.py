"""Devices and what belongs to them: buildings served, relays, state, MAC library, cameras, firmware."""

import enum
from typing import ClassVar

from sqlalchemy import Boolean, CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy import text as sql

from models.access import UnlockMethod
from models.device import AreaSide, ContactDisplay, DeviceType, DigestOffer, Place
from models.ids import new_id
from models.tables.base import Base, Members, Number, blob, column, flag, integer, millis, one_of, text


class ConnectionType(enum.Enum):
    """SIP transport a device is provisioned with."""

    TCP = "tcp"
    UDP = "udp"
    TLS = "tls"


class MacLibrary(Base, table=True):
    """MACs that may be taken by a device of the community."""

    __tablename__: ClassVar[str] = "mac_library"
    __table_args__ = (CheckConstraint("length(mac) = 12", name="mac"),)

    community_id: str = text(ForeignKey("community.id", ondelete="CASCADE"), key=True)
    mac: str = text(key=True)
    added_at_ms: int = millis(default=0)


class Device(Base, table=True):
    __tablename__: ClassVar[str] = "device"
    __table_args__ = (
        UniqueConstraint("community_id", "mac"),
        UniqueConstraint("community_id", "sip_user"),
        # A device takes its MAC from the library, and a bound MAC can't leave it (domain section 1).
        ForeignKeyConstraint(
            ["community_id", "mac"], ["mac_library.community_id", "mac_library.mac"], ondelete="RESTRICT"
        ),
        CheckConstraint("length(mac) = 12", name="mac"),
        CheckConstraint("type IN (0, 1, 2, 3, 50)", name="type"),
        CheckConstraint("length(sip_user) = 8 AND sip_user BETWEEN '10000000' AND '49999999'", name="sip_user"),
        CheckConstraint("(place = 'apartment') = (apartment_id IS NOT NULL)", name="apartment_of_a_private_device"),
        Index(
            "ux_device_one_works_offline",
            "apartment_id",
            unique=True,
            sqlite_where=sql("works_offline"),
            postgresql_where=sql("works_offline"),
        ),
    )

    id: str = text(key=True, make=lambda: new_id("d"))
    community_id: str = text(ForeignKey("community.id", ondelete="CASCADE"))
    mac: str = text()
    name: str = text()
    type: DeviceType = column(Number(DeviceType))
    enabled: bool = flag(True)
    place: Place = column(one_of(Place, "place"), default=Place.PUBLIC)
    all_buildings: bool = flag(True)  # later ones included; else the rows of device_building
    apartment_id: str | None = text(ForeignKey("apartment.id", ondelete="RESTRICT"), null=True, index=True)
    network_group: str = text(default="")
    has_internet: bool = flag(True)
    works_offline: bool = flag()
    static_address: str = text(default="")  # of a monitor that forwards to the app
    arming: bool = flag()  # whether it has the arming function
    fire_group: str = text(default="")
    contact_display: ContactDisplay = column(one_of(ContactDisplay, "contact_display"), default=ContactDisplay.ALL)
    connection: ConnectionType = column(one_of(ConnectionType, "connection"), default=ConnectionType.UDP)
    digest: DigestOffer = column(one_of(DigestOffer, "digest"), default=DigestOffer.BOTH)
    sip_user: str = text()
    sip_password: bytes = blob()  # sealed by edge.store.secrets
    mqtt_password: bytes = blob()
    schedule_id: str | None = text(ForeignKey("schedule.id", ondelete="RESTRICT"), null=True)
    open_schedule_id: str | None = text(ForeignKey("schedule.id", ondelete="RESTRICT"), null=True)
    interlock: str = text(default="")
    area_id: str | None = text(ForeignKey("area.id", ondelete="RESTRICT"), null=True)
    area_side: AreaSide | None = column(one_of(AreaSide, "area_side"), null=True)


class DeviceBuilding(Base, table=True):
    """A building that a device serves. Without *all_buildings* and without a row it serves none."""

    __tablename__: ClassVar[str] = "device_building"

    device_id: str = text(ForeignKey("device.id", ondelete="CASCADE"), key=True)
    building_id: str = text(ForeignKey("building.id", ondelete="CASCADE"), key=True, index=True)


class Relay(Base, table=True):
    __tablename__: ClassVar[str] = "relay"
    __table_args__ = (
        UniqueConstraint("device_id", "security", "number"),
        CheckConstraint("number BETWEEN 1 AND 4", name="number"),
        CheckConstraint("hold_s BETWEEN 1 AND 60", name="hold_s"),
        CheckConstraint("trigger_s BETWEEN 0 AND 10", name="trigger_s"),
    )

    id: str = text(key=True, make=lambda: new_id("y"))
    device_id: str = text(ForeignKey("device.id", ondelete="CASCADE"))
    number: int = integer()
    security: bool = flag()
    name: str = text(default="")
    enabled: bool = flag(True)
    methods: frozenset[UnlockMethod] = column(Members(UnlockMethod), default=frozenset())
    hold_s: int = integer(default=5)
    dtmf: str = text(default="")
    # Without a schedule means always, so a schedule in use can't be removed.
    schedule_id: str | None = text(ForeignKey("schedule.id", ondelete="RESTRICT"), null=True)
    two_factor: bool = flag()
    trigger_s: int = integer(default=0)


class DeviceState(Base, table=True):
    """What a device told or did; written often, so it is apart from `Device` and bumps no revision."""

    __tablename__: ClassVar[str] = "device_state"

    device_id: str = text(ForeignKey("device.id", ondelete="CASCADE"), key=True)
    online: bool = flag()
    online_since_ms: int | None = millis(null=True)
    seen_at_ms: int | None = millis(null=True)
    hello_at_ms: int | None = millis(null=True)
    model: str = text(default="")
    firmware: str = text(default="")
    ip: str = text(default="")
    relays: int | None = integer(null=True)
    clock_offset_ms: int = millis(default=0)  # device clock minus edge clock (decision 4)
    digest_fallback: bool = flag()  # offered MD5 alone from now on (decision 34)
    revision_wanted: int | None = millis(null=True)
    revision_confirmed: int | None = millis(null=True)
    revision_confirmed_at_ms: int | None = millis(null=True)
    door_open: bool | None = column(Boolean(), null=True)  # as last reported; None = never
    config_digest: str = text(default="")  # of what `revision_wanted` says
    config_since_ms: int | None = millis(null=True)  # since when it is behind
    panel_wanted: int | None = millis(null=True)  # revision of the credentials it should hold
    panel_confirmed: int | None = millis(null=True)
    panel_since_ms: int | None = millis(null=True)


class PanelCredential(Base, table=True):
    """A credential that a panel holds, or should hold, or should hold no longer.

    *credential_id* is no foreign key: a credential that was removed stays here until the panel said that it is gone.
    """

    __tablename__: ClassVar[str] = "panel_credential"

    device_id: str = text(ForeignKey("device.id", ondelete="CASCADE"), key=True)
    credential_id: str = text(key=True)
    wanted: str | None = text(null=True)  # version; NULL = it must go
    confirmed: str | None = text(null=True)  # version that the panel said it holds; NULL = it never said so


class Camera(Base, table=True):
    __tablename__: ClassVar[str] = "camera"
    __table_args__ = (UniqueConstraint("community_id", "name"),)

    id: str = text(key=True, make=lambda: new_id("m"))
    community_id: str = text(ForeignKey("community.id", ondelete="CASCADE"))
    name: str = text()
    rtsp_url: str = text()  # rtsp://host:port/…, without user and password
    user: str = text(default="")
    password: bytes | None = blob(null=True)  # sealed by edge.store.secrets
    device_id: str | None = text(ForeignKey("device.id", ondelete="SET NULL"), null=True)


class Firmware(Base, table=True):
    __tablename__: ClassVar[str] = "firmware"
    __table_args__ = (UniqueConstraint("community_id", "model", "version"),)

    id: str = text(key=True, make=lambda: new_id("f"))
    community_id: str = text(ForeignKey("community.id", ondelete="CASCADE"))
    model: str = text()
    version: str = text()
    log: str = text(default="")  # what is new in it
    file: str = text()  # name under the site's firmware folder
    size_bytes: int = millis()
    sha256: str = text()
    uploaded_at_ms: int = millis()


class UpgradeState(enum.Enum):
    PENDING = "pending"
    PROCESSING = "processing"
    EXECUTED = "executed"
    FAILED = "failed"  # for one device at least
    CANCELLED = "cancelled"


class DeviceUpgradeState(enum.Enum):
    """How far one device of a job is."""

    WAITING = "waiting"
    SENT = "sent"  # it has confirmed the order
    DONE = "done"  # it said that it runs the new version
    FAILED = "failed"


class UpgradeJob(Base, table=True):
    __tablename__: ClassVar[str] = "upgrade_job"
    __table_args__ = (
        CheckConstraint("at_once BETWEEN 1 AND 100", name="at_once"),
        CheckConstraint("stop_after BETWEEN 1 AND 10000", name="stop_after"),
    )

    id: str = text(key=True, make=lambda: new_id("u"))
    community_id: str = text(ForeignKey("community.id", ondelete="CASCADE"))
    firmware_id: str = text(ForeignKey("firmware.id", ondelete="RESTRICT"))
    at_ms: int = millis()  # no earlier
    until_ms: int = millis()  # a device that was not reached by then has failed
    reset_after: bool = flag()
    at_once: int = integer()  # devices under way together, at most
    stop_after: int = integer()  # failures; the devices that still wait have failed then too
    state: UpgradeState = column(one_of(UpgradeState, "state"), default=UpgradeState.PENDING)


class UpgradeJobDevice(Base, table=True):
    __tablename__: ClassVar[str] = "upgrade_job_device"

    job_id: str = text(ForeignKey("upgrade_job.id", ondelete="CASCADE"), key=True)
    device_id: str = text(ForeignKey("device.id", ondelete="CASCADE"), key=True)
    state: DeviceUpgradeState = column(one_of(DeviceUpgradeState, "state"), default=DeviceUpgradeState.WAITING)
    sent_at_ms: int | None = millis(null=True)
    done_at_ms: int | None = millis(null=True)
    error: str = text(default="")
