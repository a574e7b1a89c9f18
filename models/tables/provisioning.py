"""First fetches of devices, what each has fetched, and lines of configuration that an installer keeps for them."""

import enum
from typing import ClassVar

from sqlalchemy import ForeignKey, UniqueConstraint

from models.ids import new_id
from models.tables.base import Base, blob, column, millis, one_of, text


class LinesFor(enum.Enum):
    """Whom a kept line is for. Stored; where two say the same key, the later of this list has it."""

    COMMUNITY = "community"
    PUBLIC = "public"
    BUILDING = "building"
    MODEL = "model"
    DEVICE = "device"


class ProvisionToken(Base, table=True):
    """Lets a device fetch its files before it knows its login. From its first use on it is bound to that address."""

    __tablename__: ClassVar[str] = "provision_token"
    __table_args__ = (UniqueConstraint("secret_hash"),)

    id: str = text(key=True, make=lambda: new_id("t"))
    community_id: str = text(ForeignKey("community.id", ondelete="CASCADE"))
    device_id: str = text(ForeignKey("device.id", ondelete="CASCADE"), index=True)
    secret_hash: bytes = blob()  # SHA-256 of 256 random bits
    expires_at_ms: int = millis()
    address: str = text(default="")  # "" = not used yet
    used_at_ms: int | None = millis(null=True)


class ProvisionedFile(Base, table=True):
    """A file as a device last fetched it: its hash, and its text without secrets."""

    __tablename__: ClassVar[str] = "provisioned_file"

    device_id: str = text(ForeignKey("device.id", ondelete="CASCADE"), key=True)
    path: str = text(key=True)
    sha256: str = text()
    shown: str = text()
    fetched_at_ms: int = millis()


class AutopLine(Base, table=True):
    """A line KEY = VALUE of extra configuration (domain §10). One for each key of whom it is for."""

    __tablename__: ClassVar[str] = "autop_line"

    id: str = text(key=True, make=lambda: new_id("l"))
    community_id: str = text(ForeignKey("community.id", ondelete="CASCADE"), index=True)
    scope: LinesFor = column(one_of(LinesFor, "scope"))
    building_id: str | None = text(ForeignKey("building.id", ondelete="CASCADE"), null=True, index=True)
    device_id: str | None = text(ForeignKey("device.id", ondelete="CASCADE"), null=True, index=True)
    model: str = text(default="")  # lower case
    key: str = text()
    value: bytes = blob()  # sealed by edge.store.secrets: it may be a password
    added_at_ms: int = millis()


class DeviceHttp(Base, table=True):
    """How the HTTP API of a device is reached, and how far it has what it should. Bumps no revision."""

    __tablename__: ClassVar[str] = "device_http"

    device_id: str = text(ForeignKey("device.id", ondelete="CASCADE"), key=True)
    mac: str = text()  # whose address it is: one that was replaced is elsewhere
    address: str = text()  # http(s)://host:port
    driver: str = text(default="")  # "" = by its model or its MAC
    confirmed: str = text(default="")  # digest of the settings that it was read back with
    confirmed_at_ms: int | None = millis(null=True)
    problem: str = text(default="")  # why the last push was none
    log_number: int | None = millis(null=True)  # newest row of its own log that was taken over; NULL = none yet
