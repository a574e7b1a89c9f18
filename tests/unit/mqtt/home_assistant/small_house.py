"""Two doors and a monitor, and how they are shown."""

from typing import Any

from edge.core.snapshot import Snapshot, build
from models.access import UnlockMethod
from models.community import Building, Community
from models.device import Device, DeviceType, Place, Relay
from models.ids import BuildingId, CommunityId, DeviceId, Mac, SipUser
from mqtt.home_assistant.allowed import Allowed
from mqtt.home_assistant.render import Shown
from mqtt.home_assistant.topics import HomeTopics
from mqtt.topics import Topics

TOPICS = HomeTopics(Topics("intercom", CommunityId("c-1")))
GATE, SIDE, MONITOR = Mac("0c1105000001"), Mac("0c1105000002"), Mac("0c1105000003")
NORTH = Building(BuildingId("b-1"), "North")
REMOTE = frozenset({UnlockMethod.PIN, UnlockMethod.REMOTE})


def device(mac: Mac, called: str, kind: DeviceType = DeviceType.DOOR_PHONE, **more: Any) -> Device:
    known = {
        "id": DeviceId(f"d-{mac}"),
        "mac": mac,
        "name": called,
        "type": kind,
        "sip_user": SipUser(f"100000{mac[-2:]}"),
    }
    return Device(**{**known, **more})


def gate(**changes: Any) -> Device:
    relays = (
        Relay(1, name="Gate", methods=REMOTE, hold_s=3),
        Relay(2, methods=frozenset({UnlockMethod.PIN})),
        Relay(1, security=True, methods=REMOTE),
        Relay(3, enabled=False, methods=REMOTE),
    )
    return device(GATE, "Gate", **{"relays": relays, **changes})


def side(**changes: Any) -> Device:
    building = {"place": Place.BUILDING, "buildings": frozenset({NORTH.id})}
    return device(
        SIDE, "Side", DeviceType.ACCESS_CONTROL, **{"relays": (Relay(1, methods=REMOTE),), **building, **changes}
    )


def snapshot(*devices: Device, revision: int = 1) -> Snapshot:
    everybody = devices or (gate(), side(), device(MONITOR, "Kitchen", DeviceType.INDOOR_MONITOR))
    community = Community(CommunityId("c-1"), "House", "Europe/Berlin")
    return build(revision, community, buildings=(NORTH,), devices=everybody)


def shown(*, locks: bool = False, allowed: tuple[str, ...] = ("all",), mirror: bool = True) -> Shown:
    return Shown(TOPICS, Allowed(locks, allowed), "0.1", mirror)
