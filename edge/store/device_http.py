"""How the HTTP APIs of devices are reached, and how far each has what it should. Bumps no revision."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from edge.store.tables import device, device_http, device_state
from edge.store.upsert import upsert
from models.ids import DeviceId, Mac


@dataclass(frozen=True, slots=True)
class Reach:
    """Of one device, as long as its MAC is *mac*."""

    device: DeviceId
    mac: Mac
    address: str
    driver: str = ""
    confirmed: str = ""
    confirmed_at_ms: int | None = None
    problem: str = ""
    log_number: int | None = None


def reached(connection: Connection) -> dict[DeviceId, Reach]:
    """Of every device whose address is known. A device that was replaced has none until it is heard of again."""
    rows = connection.execute(
        select(device_http)
        .join(device, device.c.id == device_http.c.device_id)
        .where(device.c.mac == device_http.c.mac)
    )
    return {DeviceId(row.device_id): Reach(*row) for row in rows}


def models(connection: Connection) -> dict[DeviceId, str]:
    """What devices last said that they are."""
    rows = connection.execute(select(device_state.c.device_id, device_state.c.model).where(device_state.c.model != ""))
    return {DeviceId(row[0]): row[1] for row in rows}


def save_address(connection: Connection, identity: DeviceId, mac: Mac, address: str, driver: str) -> None:
    """*identity* is at *address* now. What another device at its place had confirmed is forgotten."""
    before = connection.execute(select(device_http.c.mac).where(device_http.c.device_id == identity)).scalar()
    values: dict[str, Any] = {"mac": mac, "address": address, "driver": driver}
    if before != mac:
        values |= {"confirmed": "", "confirmed_at_ms": None, "problem": "", "log_number": None}
    _save(connection, identity, values)


def save_pushed(connection: Connection, identity: DeviceId, digest: str, now_ms: int) -> None:
    """It was read back with the settings of this digest; "" = it is to be told again."""
    _update(connection, identity, {"confirmed": digest, "confirmed_at_ms": now_ms if digest else None, "problem": ""})


def save_problem(connection: Connection, identity: DeviceId, problem: str) -> None:
    _update(connection, identity, {"problem": problem})


def save_log_number(connection: Connection, identity: DeviceId, number: int | None) -> None:
    _update(connection, identity, {"log_number": number})


def forget(connection: Connection, identity: DeviceId) -> None:
    connection.execute(device_http.delete().where(device_http.c.device_id == identity))


def _update(connection: Connection, identity: DeviceId, values: Mapping[str, Any]) -> None:
    connection.execute(device_http.update().where(device_http.c.device_id == identity).values(**values))


def _save(connection: Connection, identity: DeviceId, values: Mapping[str, Any]) -> None:
    """Nothing for a device that was removed meanwhile."""
    if connection.execute(select(device.c.id).where(device.c.id == identity)).first() is None:
        return
    defaults = {"confirmed": "", "problem": ""} if "confirmed" not in values else {}
    there = connection.execute(select(device_http.c.device_id).where(device_http.c.device_id == identity)).first()
    upsert(connection, device_http, [{"device_id": identity, **({} if there else defaults), **values}])
