"""A small community in a real store, made of rows as `edge.admin` writes them."""

import shutil
from pathlib import Path

from sqlalchemy import Connection, insert

from edge.store import accounts, changes, tables
from edge.store.engine import Store, open_store
from edge.store.secrets import Vault
from models.access import CredentialKind, Origin, UnlockMethod
from models.call import CallType
from models.device import DeviceType, Place
from models.ids import ApartmentId, CommunityId, CredentialId, DeviceId, Mac, ResidentId, SipUser
from models.log import LogEntry, LogKind
from models.service import Role

COMMUNITY = CommunityId("c-park")
HOME = ApartmentId("a-12")
NEIGHBOUR = ApartmentId("a-13")
ANNA = ResidentId("r-anna")
GATE = DeviceId("d-gate")
GATE_MAC = Mac("0c11050b9814")
MONITOR = DeviceId("d-monitor")
MONITOR_MAC = Mac("0c11050893c6")
GATE_NUMBER = SipUser("10000001")
ANNA_NUMBER = SipUser("50000001")
CARD = CredentialId("k-card")
CODE = CredentialId("k-code")
VAULT = Vault(bytes(range(32)))
NOON_MS = 1_772_366_400_000  # 2026-03-01T12:00:00Z
DAY_MS = 24 * 3600 * 1000


def entry(kind: LogKind = LogKind.ACCESS, **fields: object) -> LogEntry:
    """A log row at noon, with *fields* changed."""
    return LogEntry(**{"kind": kind, "at_ms": NOON_MS, **fields})  # type: ignore[arg-type]  # a test's short-hand


def empty_store(template: Path, path: Path) -> Store:
    """A store of its own at *path*, copied from *template* because making a schema takes a third of a second."""
    shutil.copyfile(template, path)
    return open_store(f"sqlite:///{path}")


def make_template(path: Path) -> Path:
    """A store without a row, closed."""
    open_store(f"sqlite:///{path}").close()
    return path


def fill(store: Store) -> None:
    """Two apartments of one building, one resident, a gate with two relays, a monitor, a card and a PIN."""
    with store.write() as connection:
        _places(connection)
        _devices(connection)
        _credentials(connection)
        changes.note_changes(connection, [("community", COMMUNITY)])


def _places(c: Connection) -> None:
    c.execute(
        insert(tables.community).values(id=COMMUNITY, name="Park", time_zone="Europe/Berlin", emergency_numbers=["112"])
    )
    c.execute(insert(tables.building).values(id="b-1", community_id=COMMUNITY, name="1A"))
    homes = [
        {
            "id": identity,
            "community_id": COMMUNITY,
            "building_id": "b-1",
            "number": number,
            "accessible_floors": ["1", "B1"],
            "call_type": CallType.MONITORS_THEN_PHONE,
        }
        for identity, number in ((HOME, "12"), (NEIGHBOUR, "13"))
    ]
    c.execute(insert(tables.apartment), homes)
    landlines = [
        {"apartment_id": HOME, "position": 2, "number": "+4930200"},
        {"apartment_id": HOME, "position": 1, "number": "+4930100"},
    ]
    c.execute(insert(tables.landline), landlines)
    resident = {"id": ANNA, "community_id": COMMUNITY, "first_name": "Anna", "last_name": "Weiß"}
    c.execute(
        insert(tables.resident).values(**resident, sip_user=ANNA_NUMBER, **accounts.new_resident_secrets(VAULT, ANNA))
    )
    c.execute(insert(tables.resident_apartment).values(resident_id=ANNA, apartment_id=HOME, role=Role.MASTER))
    c.execute(insert(tables.caller_whitelist).values(community_id=COMMUNITY, number="+4930999"))


def _devices(c: Connection) -> None:
    macs = [{"community_id": COMMUNITY, "mac": mac} for mac in (GATE_MAC, MONITOR_MAC)]
    c.execute(insert(tables.mac_library), macs)
    gate = {"id": GATE, "mac": GATE_MAC, "name": "Gate", "type": DeviceType.DOOR_PHONE, "sip_user": GATE_NUMBER}
    monitor = {
        "id": MONITOR,
        "mac": MONITOR_MAC,
        "name": "Living Room",
        "type": DeviceType.INDOOR_MONITOR,
        "sip_user": SipUser("10000002"),
        "place": Place.APARTMENT,
        "apartment_id": HOME,
    }
    c.execute(
        insert(tables.device).values(
            community_id=COMMUNITY, all_buildings=False, **gate, **accounts.new_device_secrets(VAULT, GATE)
        )
    )
    c.execute(
        insert(tables.device).values(community_id=COMMUNITY, **monitor, **accounts.new_device_secrets(VAULT, MONITOR))
    )
    c.execute(insert(tables.device_building).values(device_id=GATE, building_id="b-1"))
    c.execute(
        insert(tables.relay).values(
            id="y-1", device_id=GATE, number=1, methods={UnlockMethod.PIN, UnlockMethod.RF_CARD}, hold_s=3, dtmf="1"
        )
    )
    c.execute(insert(tables.relay).values(id="y-2", device_id=GATE, number=1, security=True, enabled=False))


def _credentials(c: Connection) -> None:
    c.execute(insert(tables.schedule).values(id="s-work", community_id=COMMUNITY, name="Work"))
    c.execute(
        insert(tables.schedule_row).values(schedule_id="s-work", weekday=0, from_minute=8 * 60, to_minute=18 * 60)
    )
    c.execute(
        insert(tables.credential).values(
            id=CARD,
            community_id=COMMUNITY,
            kind=CredentialKind.RF_CARD,
            tag=b"c" * 32,
            apartment_id=HOME,
            resident_id=ANNA,
            schedule_id="s-work",
            origin=Origin.MANAGER,
            hint="4F2A",
        )
    )
    c.execute(insert(tables.credential_door).values(credential_id=CARD, device_id=GATE))
    c.execute(
        insert(tables.credential).values(
            id=CODE,
            community_id=COMMUNITY,
            kind=CredentialKind.PIN,
            tag=b"p" * 32,
            apartment_id=HOME,
            valid_from_ms=NOON_MS,
            valid_until_ms=NOON_MS + DAY_MS,
            uses_left=2,
            duress=True,
        )
    )
