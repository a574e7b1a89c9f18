"""What we tell Home Assistant, as topics and payloads. Pure.

Keys are the abbreviations of Home Assistant's MQTT discovery (tests/data/home_assistant.json names the version).
`~` is not used: it works inside one component only.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from edge.core.snapshot import Snapshot
from models.device import Device, DeviceType, Place, Relay
from models.ids import Mac
from mqtt.home_assistant import commands
from mqtt.home_assistant.allowed import Allowed
from mqtt.home_assistant.state import CALL_STATES, DoorState
from mqtt.home_assistant.topics import HomeTopics

ORIGIN: Final = "intercom-edge"
ONLINE: Final = b"online"
OFFLINE: Final = b"offline"
RING: Final = "ring"  # a doorbell that does not offer this type stops working in Home Assistant 2027.4
ACCESS: Final = "access"
QOS: Final = 1

_MODELS: Final = {
    DeviceType.DOOR_PHONE: "Door phone",
    DeviceType.DOOR_PHONE_SINGLE: "Door phone",
    DeviceType.ACCESS_CONTROL: "Access control",
}

Component = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Shown:
    """What of the house is shown, and how."""

    topics: HomeTopics
    allowed: Allowed
    version: str  # of this program
    mirror_state: bool  # the devices are at another broker, so we tell there who is online


@dataclass(frozen=True, slots=True)
class Message:
    topic: str
    payload: bytes


def shown(device: Device) -> bool:
    """Whether Home Assistant gets to know *device*: door phones and readers, not what hangs in apartments."""
    return device.type.is_door


def states(shown: Shown, device: Device, state: DoorState, *, online: bool) -> dict[str, bytes]:
    """Retained: topic -> how *device* is now. A contact that nobody told of yet is left out."""
    topics, mac = shown.topics, device.mac
    told: dict[str, bytes] = {
        **{topics.lock(mac, relay.label): state.lock(relay.label).encode() for relay in _relays(device)},
        topics.tamper(mac): state.tamper.encode(),
        topics.call(mac): state.call.encode(),
    }
    if state.contact is not None:
        told[topics.contact(mac)] = state.contact.encode()
    if shown.mirror_state:
        told[topics.state(mac)] = ONLINE if online else OFFLINE
    return told


def discovery(shown: Shown, device: Device, snapshot: Snapshot) -> dict[str, Any]:
    """The payload of `HomeTopics.config`, retained: one message for a whole door phone."""
    topics = shown.topics
    bridge = {"t": topics.bridge_state}
    return {
        "dev": _device(topics.object_id(device.mac), device, snapshot),
        "o": {"name": ORIGIN, "sw": shown.version},
        "avty": [bridge, {"t": topics.state(device.mac)}],
        "avty_mode": "all",
        "qos": QOS,
        "cmps": {**_door(topics, device, bridge), **_outputs(shown, device)},
    }


def encode(payload: Mapping[str, Any]) -> bytes:
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()


def event(shown: Shown, mac: Mac, notice: Mapping[str, object]) -> Message | None:
    """A passing event, never retained: Home Assistant would hear it again at each start. None for other notices.

    Which apartment rang is told, whose card or code it was is not.
    """
    if notice.get("type") == "ring":
        body = {"event_type": RING, "apartment": notice.get("apartment")}
        return Message(shown.topics.event(mac, RING), encode(body))
    if notice.get("type") == "access":
        body = {"event_type": notice.get("outcome")}
        body |= {name: notice.get(name) for name in ("method", "reason", "relays")}
        return Message(shown.topics.event(mac, ACCESS), encode(body))
    return None


def _device(identity: str, device: Device, snapshot: Snapshot) -> dict[str, Any]:
    pairs = [device.mac[place : place + 2] for place in range(0, 12, 2)]
    about = {
        "ids": [identity],
        "cns": [["mac", ":".join(pairs)]],
        "name": device.name,
        "mdl": _MODELS[device.type],
        "sn": device.mac.upper(),
    }
    area = _area(device, snapshot)
    return {**about, "sa": area} if area else about


def _area(device: Device, snapshot: Snapshot) -> str:
    """The building where it is the door of one."""
    if device.place is not Place.BUILDING or device.buildings is None or len(device.buildings) != 1:
        return ""
    building = snapshot.buildings.get(next(iter(device.buildings)))
    return building.name if building is not None else ""


def _door(topics: HomeTopics, device: Device, bridge: Mapping[str, str]) -> dict[str, Component]:
    """What every door has."""
    mac = device.mac
    made = {
        "ring": _component(
            topics, mac, "ring", "event", "Doorbell", topics.event(mac, RING), evt_typ=[RING], dev_cla="doorbell"
        ),
        "access": _component(
            topics, mac, "access", "event", "Access", topics.event(mac, ACCESS), evt_typ=["granted", "denied"]
        ),
        "call": _component(
            topics, mac, "call", "sensor", "Call", topics.call(mac), dev_cla="enum", ops=list(CALL_STATES)
        ),
        "contact": _component(topics, mac, "contact", "binary_sensor", "Door", topics.contact(mac), dev_cla="door"),
        "tamper": _component(topics, mac, "tamper", "binary_sensor", "Tamper", topics.tamper(mac), dev_cla="tamper"),
        "online": _component(
            topics, mac, "online", "binary_sensor", "Connection", topics.state(mac), dev_cla="connectivity"
        ),
    }
    # Available without the device, whose absence it tells.
    made["online"] |= {"pl_on": ONLINE.decode(), "pl_off": OFFLINE.decode(), "avty": [bridge]}
    for part in ("tamper", "online"):
        made[part]["ent_cat"] = "diagnostic"
    return made


def _outputs(shown: Shown, device: Device) -> dict[str, Component]:
    """The relays: locks where Home Assistant may open them, else sensors that say whether they are open."""
    topics, mac = shown.topics, device.mac
    made: dict[str, Component] = {}
    for relay in _relays(device):
        name, state = relay.name or f"Lock {relay.label}", topics.lock(mac, relay.label)
        if shown.allowed.allows(device, relay):
            part = f"lock_{relay.label}"
            lock = _component(topics, mac, part, "lock", name, state, cmd_t=topics.set(mac, relay.label))
            made[part] = lock | {"cmd_tpl": commands.TEMPLATE, "pl_open": "OPEN", "opt": False, "ret": False}
        else:
            part = f"relay_{relay.label}"
            sensor = _component(topics, mac, part, "binary_sensor", name, state, dev_cla="lock")
            made[part] = sensor | {"pl_on": "OPEN", "pl_off": "LOCKED"}
    return made


def _component(
    topics: HomeTopics, mac: Mac, part: str, platform: str, name: str, state_topic: str, **more: Any
) -> Component:
    return {
        "p": platform,
        "uniq_id": f"{topics.object_id(mac)}_{part}",
        "def_ent_id": f"{platform}.intercom_{mac}_{part}",
        "name": name,
        "stat_t": state_topic,
        **more,
    }


def _relays(device: Device) -> tuple[Relay, ...]:
    return tuple(relay for relay in device.relays if relay.enabled)
