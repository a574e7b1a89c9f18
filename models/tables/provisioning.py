"""First fetches of devices, and what each has fetched."""

from typing import ClassVar

from sqlalchemy import ForeignKey, UniqueConstraint

from models.ids import new_id
from models.tables.base import Base, blob, millis, text


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
