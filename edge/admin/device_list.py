"""Devices as `edge device list` and `show` print them: what is stored, beside what the running daemon knows."""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import select

from edge.admin import device_health, relays
from edge.admin.edit import Reading
from edge.admin.find import find_device
from edge.store import panels
from edge.store.tables import apartment, area, building, device, device_building, device_state, schedule
from models.device import Place
from models.times import rfc3339

_SIP_OFFLINE: Final = {"online": False, "contact": None, "transport": None, "expires_at": None}
_MQTT_OFFLINE: Final = {"online": False, "since": None}


def listed(
    scope: Reading, live: Mapping[str, Mapping[str, Any]] | None = None, only: str | None = None
) -> list[dict[str, Any]]:
    """Rows of `edge device list --json`. *live*: MAC -> sip and mqtt, from the daemon; None = it does not run."""
    own, opens = schedule.alias("own"), schedule.alias("opens")
    names = (own.c.name.label("door_hours"), opens.c.name.label("open_hours"), area.c.name.label("area_name"))
    query = select(device, device_state, *names).join(
        device_state, device_state.c.device_id == device.c.id, isouter=True
    )
    query = query.join(own, own.c.id == device.c.schedule_id, isouter=True)
    query = query.join(opens, opens.c.id == device.c.open_schedule_id, isouter=True)
    query = query.join(area, area.c.id == device.c.area_id, isouter=True)
    query = query.where(device.c.community_id == scope.community_id).order_by(device.c.name, device.c.mac)
    if only is not None:
        query = query.where(device.c.id == find_device(scope, only).id)
    homes = _homes(scope)
    served = _served(scope)
    outputs = relays.by_device(scope)
    behind = panels.open_counts(scope.connection)
    return [
        {
            **_stored(row._mapping),
            "buildings": _buildings(row._mapping, homes, served),
            "apartment": homes.get(row._mapping[device.c.apartment_id], {}).get("apartment"),
            "relays": outputs.get(row._mapping[device.c.id], []),
            **_live(row._mapping, (live or {}).get(row._mapping[device.c.mac], {})),
            "revision": device_health.revision(row._mapping, *behind.get(row._mapping[device.c.id], (0, 0))),
            "keeps_up": device_health.keeping_up(row._mapping, *behind.get(row._mapping[device.c.id], (0, 0))),
            "clock": device_health.clock(row._mapping),
        }
        for row in scope.connection.execute(query)
    ]


def _stored(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {
        "mac": row[device.c.mac],
        "name": row[device.c.name],
        "type": int(row[device.c.type]),
        "enabled": row[device.c.enabled],
        "model": row[device_state.c.model] or "",
        "firmware": row[device_state.c.firmware] or "",
        "ip": row[device_state.c.ip] or "",
        "place": row[device.c.place].value,
        "network_group": row[device.c.network_group],
        "has_internet": row[device.c.has_internet],
        "works_offline": row[device.c.works_offline],
        "arming": row[device.c.arming],
        "static_address": row[device.c.static_address],
        "fire_group": row[device.c.fire_group],
        "interlock": row[device.c.interlock],
        "schedule": row["door_hours"],
        "open_schedule": row["open_hours"],
        "area": row["area_name"],
        "area_side": row[device.c.area_side].value if row[device.c.area_side] else None,
        "contact_display": row[device.c.contact_display].value,
        "connection": row[device.c.connection].value,
        "digest": row[device.c.digest].value,
        "digest_fallback": bool(row[device_state.c.digest_fallback]),
    }


def _live(row: Mapping[Any, Any], live: Mapping[str, Any]) -> dict[str, Any]:
    mqtt = {**_MQTT_OFFLINE, **live.get("mqtt", {})}
    since_ms = row[device_state.c.online_since_ms]
    if mqtt["online"] and mqtt["since"] is None and since_ms is not None:
        mqtt["since"] = rfc3339(since_ms)
    sip = {"user": row[device.c.sip_user], **_SIP_OFFLINE, **live.get("sip", {})}
    return {"online": bool(sip["online"] or mqtt["online"]), "sip": sip, "mqtt": mqtt}


def _buildings(row: Mapping[Any, Any], homes: Mapping[str, dict[str, str]], served: Mapping[str, list[str]]) -> Any:
    """ "all", or the names of the buildings served."""
    if row[device.c.place] is Place.APARTMENT:
        return [homes[row[device.c.apartment_id]]["building"]]
    return "all" if row[device.c.all_buildings] else served.get(row[device.c.id], [])


def _homes(scope: Reading) -> dict[str, dict[str, str]]:
    query = select(apartment.c.id, apartment.c.number, building.c.name).join(
        building, building.c.id == apartment.c.building_id
    )
    return {
        row.id: {"building": row.name, "apartment": f"{row.name}/{row.number}"}
        for row in scope.connection.execute(query.where(apartment.c.community_id == scope.community_id))
    }


def _served(scope: Reading) -> dict[str, list[str]]:
    query = select(device_building.c.device_id, building.c.name).join(
        building, building.c.id == device_building.c.building_id
    )
    found: dict[str, list[str]] = {}
    for row in scope.connection.execute(query.order_by(building.c.name)):
        found.setdefault(row.device_id, []).append(row.name)
    return found
