import gc

import pytest
from sqlalchemy import delete, insert, update

from edge.core.snapshot import Snapshot
from edge.store import snapshot as store_snapshot
from edge.store import tables
from edge.store.changes import note_change, note_changes
from edge.store.devices import save_digest_fallback
from edge.store.engine import Store
from edge.store.errors import StoreEmpty
from edge.store.snapshot import Update, load_snapshot, load_update
from models.access import Credential, CredentialKind, Origin, UnlockMethod
from models.call import CallType
from models.community import Apartment, Building, Community, Resident
from models.device import Device, DeviceType, DigestOffer, Place, Relay
from models.ids import BuildingId, CredentialId, DeviceId, ScheduleId, SipUser
from models.schedule import Schedule, WeeklyRow
from models.service import Role
from tests.unit.edge.store.sample import (
    ANNA,
    ANNA_NUMBER,
    CARD,
    CODE,
    COMMUNITY,
    DAY_MS,
    GATE,
    GATE_MAC,
    GATE_NUMBER,
    HOME,
    MONITOR,
    MONITOR_MAC,
    NEIGHBOUR,
    NOON_MS,
)

B1 = BuildingId("b-1")
THE_CARD = Credential(
    CARD, CredentialKind.RF_CARD, b"c" * 32, HOME, ANNA, schedule=ScheduleId("s-work"), doors=frozenset({GATE}),
    origin=Origin.MANAGER, hint="4F2A",
)  # fmt: skip
THE_CODE = Credential(
    CODE, CredentialKind.PIN, b"p" * 32, HOME, valid_from_ms=NOON_MS, valid_until_ms=NOON_MS + DAY_MS, uses_left=2,
    duress=True,
)  # fmt: skip
THE_GATE = Device(
    GATE, GATE_MAC, "Gate", DeviceType.DOOR_PHONE, GATE_NUMBER, buildings=frozenset({B1}),
    relays=(
        Relay(1, methods=frozenset({UnlockMethod.PIN, UnlockMethod.RF_CARD}), hold_s=3, dtmf="1"),
        Relay(1, security=True, enabled=False),
    ),
)  # fmt: skip


def load(store: Store) -> Snapshot:
    with store.read() as connection:
        return load_snapshot(connection)


def update_since(store: Store, since: int) -> Update | None:
    with store.read() as connection:
        return load_update(connection, since)


def test_everything_comes_back_as_values(store: Store) -> None:
    found = load(store)
    assert found.revision == 1
    assert found.community == Community(COMMUNITY, "Park", "Europe/Berlin")
    assert list(found.buildings.values()) == [Building(B1, "1A")]
    assert found.apartments[HOME] == Apartment(
        HOME, B1, "12", accessible_floors=("1", "B1"), call_type=CallType.MONITORS_THEN_PHONE,
        landlines=("+4930100", "+4930200"),
    )  # fmt: skip
    assert found.apartments[NEIGHBOUR].landlines == ()
    assert found.residents == {ANNA: Resident(ANNA, (HOME,), "Anna", "Weiß", ANNA_NUMBER, Role.MASTER)}
    assert found.devices[GATE] == THE_GATE
    assert found.devices[MONITOR] == Device(
        MONITOR, MONITOR_MAC, "Living Room", DeviceType.INDOOR_MONITOR, SipUser("10000002"), place=Place.APARTMENT,
        apartment=HOME,
    )  # fmt: skip
    assert list(found.schedules.values()) == [Schedule(ScheduleId("s-work"), "Work", (WeeklyRow(0, 480, 1080),))]
    assert found.credentials == {CARD: THE_CARD, CODE: THE_CODE}
    assert found.caller_whitelist == {"+4930999"}
    assert found.emergency_numbers == ("112",)
    assert found.tagged(CredentialKind.PIN, b"p" * 32) == (CODE,)


def test_there_is_none_before_there_is_a_community(empty: Store) -> None:
    with pytest.raises(StoreEmpty):
        load(empty)
    assert gc.isenabled()


def test_a_card_narrowed_to_a_removed_door_opens_nothing_rather_than_everything(store: Store) -> None:
    with store.write() as connection:
        connection.execute(delete(tables.device).where(tables.device.c.id == GATE))
    assert load(store).credentials[CARD].doors == {GATE}


def test_a_device_that_never_answers_sha_256_is_offered_md5_alone(store: Store) -> None:
    with store.write() as connection:
        save_digest_fallback(connection, GATE)
    found = load(store)
    assert found.devices[GATE].digest is DigestOffer.MD5
    assert found.devices[MONITOR].digest is DigestOffer.BOTH
    assert found.revision == 2


def test_what_the_installer_chose_is_not_overruled_by_the_fallback(store: Store) -> None:
    with store.write() as connection:
        save_digest_fallback(connection, GATE)
        connection.execute(update(tables.device).values(digest=DigestOffer.SHA256))
    assert load(store).devices[GATE].digest is DigestOffer.SHA256


def test_no_change_is_no_update(store: Store) -> None:
    assert update_since(store, 1) is None


def test_a_few_credentials_are_patched(store: Store) -> None:
    before = load(store)
    with store.write() as connection:
        connection.execute(update(tables.credential).where(tables.credential.c.id == CODE).values(tag=b"n" * 32))
        connection.execute(delete(tables.credential).where(tables.credential.c.id == CARD))
        note_changes(connection, [("credential", CODE), ("credential", CARD), ("credential", "k-never")])
    found = update_since(store, 1)
    assert found is not None
    assert found.whole is None
    assert [credential.id for credential in found.changed] == [CODE]
    assert set(found.removed) == {CARD, CredentialId("k-never")}
    after = found.apply(before)
    assert after == load(store)
    assert after.tagged(CredentialKind.PIN, b"n" * 32) == (CODE,)
    assert not after.tagged(CredentialKind.PIN, b"p" * 32)
    assert not after.by_tag[CredentialKind.RF_CARD]


def test_a_new_credential_is_patched_in_with_its_doors(store: Store) -> None:
    before = load(store)
    with store.write() as connection:
        values = {"id": "k-new", "community_id": COMMUNITY, "kind": CredentialKind.NFC, "apartment_id": NEIGHBOUR}
        connection.execute(insert(tables.credential).values(tag=b"t" * 32, **values))
        connection.execute(insert(tables.credential_door).values(credential_id="k-new", device_id=GATE))
        note_change(connection, "credential", "k-new")
    found = update_since(store, 1)
    assert found is not None
    assert found.apply(before).credentials[CredentialId("k-new")].doors == {DeviceId(GATE)}


def test_any_other_change_reads_everything(store: Store) -> None:
    before = load(store)
    with store.write() as connection:
        connection.execute(update(tables.device).where(tables.device.c.id == GATE).values(name="Main gate"))
        note_changes(connection, [("device", GATE), ("credential", CARD)])
    found = update_since(store, 1)
    assert found is not None
    assert found.whole is not None
    assert found.apply(before).devices[GATE].name == "Main gate"


def test_many_credentials_read_everything(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_snapshot, "MAX_CREDENTIALS_IN_PLACE", 1)
    with store.write() as connection:
        note_changes(connection, [("credential", CODE), ("credential", CARD)])
    found = update_since(store, 1)
    assert found is not None
    assert found.whole is not None


def test_a_store_that_went_back_is_read_anew(store: Store) -> None:
    found = update_since(store, 900)
    assert found is not None
    assert found.whole is not None
    assert found.revision == 1
