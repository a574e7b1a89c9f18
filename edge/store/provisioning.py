"""First fetches and fetched files as they are stored. They bump no revision: nothing a device should know changes."""

import hashlib
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, delete, or_, select, update

from edge.store.tables import device_state, provision_token, provisioned_file
from edge.store.upsert import upsert
from models.ids import DeviceId, Mac

BOUND_FOR_MS: Final = 10 * 60 * 1000
"""So long after its first use a token serves the same address: a device fetches several files, and tries again."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file as a device last fetched it."""

    sha256: str
    shown: str
    at_ms: int


def secret_hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()


def open_secret(mac: Mac) -> str:
    """What stands for "this device may fetch now" among the tokens. With its slash it fits into no URL of a token."""
    return f"open/{mac}"


def is_token(connection: Connection, secret: str) -> bool:
    """Whether *secret* is of a first fetch, whoever's and used or not."""
    known = select(provision_token.c.id).where(provision_token.c.secret_hash == secret_hash(secret))
    return connection.execute(known).first() is not None


def redeem(connection: Connection, secret: str, address: str, now_ms: int) -> DeviceId | None:
    """Whose first fetch *secret* is for; None for nobody's, for one that is over, and for another's address."""
    t = provision_token.c
    connection.execute(
        update(provision_token)
        .where(t.secret_hash == secret_hash(secret), t.used_at_ms.is_(None), t.expires_at_ms > now_ms)
        .values(address=address, used_at_ms=now_ms)
    )
    found = connection.execute(
        select(t.device_id).where(
            t.secret_hash == secret_hash(secret), t.address == address, t.used_at_ms > now_ms - BOUND_FOR_MS
        )
    ).scalar()
    return None if found is None else DeviceId(found)


def drop_over(connection: Connection, now_ms: int) -> None:
    """Forget tokens that serve nobody any more."""
    t = provision_token.c
    used_up = t.used_at_ms <= now_ms - BOUND_FOR_MS
    connection.execute(
        delete(provision_token).where(or_(used_up, t.used_at_ms.is_(None) & (t.expires_at_ms <= now_ms)))
    )


def model_of(connection: Connection, device: DeviceId) -> tuple[str, str]:
    """Model and firmware as *device* last said; empty where it never did."""
    c = device_state.c
    row = connection.execute(select(c.model, c.firmware).where(c.device_id == device)).first()
    return ("", "") if row is None else (row.model, row.firmware)


def save_fetched(connection: Connection, device: DeviceId, path: str, fetched: Fetched) -> None:
    row = {"device_id": device, "path": path, "sha256": fetched.sha256, "shown": fetched.shown}
    upsert(connection, provisioned_file, [{**row, "fetched_at_ms": fetched.at_ms}])


def fetched_files(connection: Connection, device: DeviceId) -> dict[str, Fetched]:
    """What *device* has, by path."""
    rows = connection.execute(select(provisioned_file).where(provisioned_file.c.device_id == device))
    return {row.path: Fetched(row.sha256, row.shown, row.fetched_at_ms) for row in rows}
