"""Counters of wrong tries, kept over a restart.

The rules count monotonic seconds, which begin anew with each boot; here they are Unix milliseconds. On loading, a
counter is moved by the time since it was saved, and never backwards: a clock that was set back prolongs no lock.
"""

from sqlalchemy import Connection, delete, select

from edge.core.lockout import Counter, LockKey
from edge.store.tables import device, lockout
from edge.store.upsert import upsert
from models.ids import ApartmentId, DeviceId


def save(connection: Connection, key: LockKey, counter: Counter | None, *, now_ms: int, now_s: float) -> None:
    """Store *counter*, None = nothing to remember. *now_ms* and *now_s*: the same instant by both clocks.

    A device that was removed meanwhile is passed over.
    """
    apartment = key.apartment or ""
    if counter is None:
        connection.execute(
            delete(lockout).where(lockout.c.device_id == key.device, lockout.c.apartment_id == apartment)
        )
        return
    if connection.execute(select(device.c.id).where(device.c.id == key.device)).first() is None:
        return
    by_s = now_ms / 1000 - now_s
    until_s = counter.locked_until_s
    row = {
        "device_id": key.device,
        "apartment_id": apartment,
        "tries_ms": [round((at_s + by_s) * 1000) for at_s in counter.wrong_at_s],
        "step": counter.step,
        "locked_until_ms": None if until_s is None else round((until_s + by_s) * 1000),
        "saved_at_ms": now_ms,
    }
    upsert(connection, lockout, [row])


def load(connection: Connection, *, now_ms: int, now_s: float) -> dict[LockKey, Counter]:
    """All stored counters, their times told by this boot's clock. *now_ms* and *now_s*: the same instant by both."""
    found: dict[LockKey, Counter] = {}
    for row in connection.execute(select(lockout)):
        apartment = ApartmentId(row.apartment_id) if row.apartment_id else None
        # The later of both, so that a clock set back cannot keep a door closed to codes.
        present_ms = max(now_ms, row.saved_at_ms)
        told = Counter(
            tuple(at_ms / 1000 for at_ms in row.tries_ms),
            row.step,
            None if row.locked_until_ms is None else row.locked_until_ms / 1000,
        )
        found[LockKey(DeviceId(row.device_id), apartment)] = told.shifted(now_s - present_ms / 1000)
    return found
