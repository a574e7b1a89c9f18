"""Counters of wrong tries, kept over a restart (decision 3)."""

from sqlalchemy import Connection, delete, select

from edge.core.lockout import LockKey, StoredCounter
from edge.store.tables import device, lockout
from edge.store.upsert import upsert
from models.ids import ApartmentId, DeviceId


def save(connection: Connection, key: LockKey, counter: StoredCounter | None) -> None:
    """Store *counter*, None = nothing to remember. A device that was removed meanwhile is passed over."""
    apartment = key.apartment or ""
    if counter is None:
        own = (lockout.c.device_id == key.device, lockout.c.apartment_id == apartment)
        connection.execute(delete(lockout).where(*own))
        return
    if connection.execute(select(device.c.id).where(device.c.id == key.device)).first() is None:
        return
    row = {
        "device_id": key.device,
        "apartment_id": apartment,
        "wrong_at_ms": list(counter.wrong_at_ms),
        "step": counter.step,
        "locked_until_ms": counter.locked_until_ms,
    }
    upsert(connection, lockout, [row])


def load(connection: Connection) -> dict[LockKey, StoredCounter]:
    """All stored counters; `StoredCounter.counter` moves one to this boot's clock."""
    return {
        LockKey(DeviceId(row.device_id), ApartmentId(row.apartment_id) if row.apartment_id else None): StoredCounter(
            tuple(row.wrong_at_ms), row.step, row.locked_until_ms
        )
        for row in connection.execute(select(lockout))
    }
