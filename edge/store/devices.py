"""What a device told or did: presence, hello, clock, digest, revisions. Bumps no revision of the community."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, select

from edge.store.changes import note_change
from edge.store.tables import device, device_state
from edge.store.upsert import upsert
from models.ids import DeviceId


@dataclass(frozen=True, slots=True)
class DeviceState:
    """The last known of one device; times are Unix milliseconds by the edge's clock."""

    device: DeviceId
    online: bool = False
    online_since_ms: int | None = None
    seen_at_ms: int | None = None
    hello_at_ms: int | None = None
    model: str = ""
    firmware: str = ""
    ip: str = ""
    relays: int | None = None
    clock_offset_ms: int = 0  # device clock minus edge clock
    digest_fallback: bool = False
    revision_wanted: int | None = None
    revision_confirmed: int | None = None
    revision_confirmed_at_ms: int | None = None
    door_open: bool | None = None  # as its contact last told; None = it never did


_FIELDS: Final = tuple(name for name in DeviceState.__dataclass_fields__ if name != "device")


def states(connection: Connection) -> dict[DeviceId, DeviceState]:
    """Of every device that has ever told anything."""
    wanted = select(device_state.c.device_id, *(device_state.c[name] for name in _FIELDS))
    return {DeviceId(row[0]): DeviceState(*row) for row in connection.execute(wanted)}


def save_presence(connection: Connection, identity: DeviceId, *, online: bool, now_ms: int) -> None:
    """Online or offline since *now_ms*; coming online again while online keeps the older time."""
    before = connection.execute(
        select(device_state.c.online, device_state.c.online_since_ms).where(device_state.c.device_id == identity)
    ).first()
    since = before.online_since_ms if before is not None and before.online and online else now_ms
    _save(connection, identity, {"online": online, "online_since_ms": since if online else None, "seen_at_ms": now_ms})


def all_offline(connection: Connection) -> None:
    """The daemon starts: nobody is online until it says so."""
    connection.execute(device_state.update().values(online=False, online_since_ms=None))


def save_hello(
    connection: Connection, identity: DeviceId, *, model: str, firmware: str, ip: str, relays: int | None, now_ms: int
) -> None:
    told = {"model": model, "firmware": firmware, "ip": ip, "relays": relays}
    _save(connection, identity, {**told, "hello_at_ms": now_ms, "seen_at_ms": now_ms})


def save_clock_offset(connection: Connection, identity: DeviceId, offset_ms: int) -> None:
    """How far the device's clock is ahead of the edge's (decision 4)."""
    _save(connection, identity, {"clock_offset_ms": offset_ms})


def save_digest_fallback(connection: Connection, identity: DeviceId, fallback: bool = True) -> None:
    """Offer this device MD5 alone from now on (decision 34); its snapshot says so, so this is a change."""
    if _save(connection, identity, {"digest_fallback": fallback}):
        note_change(connection, "device", identity)


def save_contact(connection: Connection, identity: DeviceId, is_open: bool) -> None:
    """The door reports itself open, or shut."""
    _save(connection, identity, {"door_open": is_open})


def want_revision(connection: Connection, identity: DeviceId, revision: int) -> None:
    """The revision of its configuration that this device should have."""
    _save(connection, identity, {"revision_wanted": revision})


def confirm_revision(connection: Connection, identity: DeviceId, revision: int, now_ms: int) -> None:
    """The device said that it has this revision."""
    _save(connection, identity, {"revision_confirmed": revision, "revision_confirmed_at_ms": now_ms})


def forget_told(connection: Connection, identity: DeviceId, now_ms: int) -> None:
    """Another device stands in its place: nothing that the one before told, confirmed or was known for holds."""
    unknown = {field: None for field in ("online_since_ms", "seen_at_ms", "hello_at_ms", "relays", "door_open")}
    confirmed = {"revision_confirmed": None, "revision_confirmed_at_ms": None, "panel_confirmed": None}
    told = {"online": False, "model": "", "firmware": "", "ip": "", "clock_offset_ms": 0, "digest_fallback": False}
    own = device_state.update().where(device_state.c.device_id == identity)
    connection.execute(own.values(**unknown, **confirmed, **told, config_since_ms=now_ms))


def _save(connection: Connection, identity: DeviceId, values: Mapping[str, Any]) -> bool:
    """False for a device that was removed meanwhile: what it told is of no use."""
    if connection.execute(select(device.c.id).where(device.c.id == identity)).first() is None:
        return False
    upsert(connection, device_state, [{"device_id": identity, **values}])
    return True
