"""Rules of the domain that the database itself holds, whoever writes: the last line behind `edge.admin`."""

import pytest
from sqlalchemy import Insert, insert, select, text
from sqlalchemy.exc import IntegrityError

from edge.store import accounts, tables
from edge.store.engine import Store
from models.access import CredentialKind
from models.call import CallType
from models.device import DeviceType, Place
from models.service import Role
from tests.unit.edge.store.sample import ANNA, CARD, COMMUNITY, GATE, HOME, MONITOR, NEIGHBOUR, VAULT

BROKEN = [
    "UPDATE community SET landline_service = TRUE, plan = 'basic'",
    "UPDATE community SET landline_service = TRUE, home_automation = TRUE",
    "UPDATE community SET plan = 'gold'",
    "UPDATE building SET name = ''",
    "UPDATE apartment SET number = '#2'",
    "UPDATE apartment SET number = '12'",  # twice in one building
    "UPDATE apartment SET call_type = 6",
    "UPDATE apartment SET service = 'paused'",
    "UPDATE apartment SET web_relay = 65536",
    "UPDATE landline SET position = 4 WHERE position = 1",
    "UPDATE resident SET sip_user = '10000009'",  # a device's range
    "UPDATE device SET sip_user = '50000009'",  # a resident's range
    "UPDATE device SET sip_user = '10000001'",  # twice
    "UPDATE device SET mac = '0c11050b9815' WHERE id = 'd-gate'",  # not in the library
    "UPDATE device SET type = 4",
    "UPDATE device SET apartment_id = NULL WHERE id = 'd-monitor'",  # private, but whose?
    "UPDATE device SET apartment_id = 'a-12' WHERE id = 'd-gate'",  # public, but somebody's
    "DELETE FROM mac_library",  # bound MACs
    "DELETE FROM building",  # with apartments
    "DELETE FROM apartment WHERE id = 'a-12'",  # with a device
    "DELETE FROM schedule",  # in use: without it the card would always open
    "UPDATE relay SET number = 5",
    "UPDATE relay SET hold_s = 0",
    "UPDATE relay SET trigger_s = 11",
    "UPDATE relay SET security = FALSE",  # relay 1 twice
    "UPDATE schedule_row SET weekday = 7",
    "UPDATE schedule_row SET to_minute = 1441",
    "UPDATE credential SET uses_left = -1 WHERE id = 'k-code'",
    "UPDATE credential SET duress = TRUE WHERE id = 'k-card'",
    "UPDATE credential SET valid_until_ms = valid_from_ms WHERE id = 'k-code'",
    "UPDATE credential SET apartment_id = 'a-gone'",
    "UPDATE journal SET reason = 'because'",
    "INSERT INTO store_state (id, db_id, journal_seq, journal_hash, journal_erased, outbox_seq)"
    " SELECT 2, db_id, 0, journal_hash, 0, 0 FROM store_state",
]


@pytest.mark.parametrize("statement", BROKEN)
def test_a_broken_rule_changes_nothing(store: Store, statement: str) -> None:
    with store.write() as connection:
        connection.execute(
            insert(tables.journal).values(
                seq=1, community_id=COMMUNITY, kind="access", at_ms=0, reason="granted", prev=bytes(32), hash=bytes(32)
            )
        )
    with pytest.raises(IntegrityError), store.write() as connection:
        connection.execute(text(statement))


def another_resident() -> Insert:
    secrets = accounts.new_resident_secrets(VAULT, ANNA)
    return insert(tables.resident).values(id="r-ben", community_id=COMMUNITY, sip_user="50000002", **secrets)


def test_an_apartment_has_one_master_and_any_number_of_members(store: Store) -> None:
    lives = insert(tables.resident_apartment)
    with store.write() as connection:
        connection.execute(another_resident())
        connection.execute(lives.values(resident_id="r-ben", apartment_id=HOME, role=Role.MEMBER))
        connection.execute(lives.values(resident_id="r-ben", apartment_id=NEIGHBOUR, role=Role.MASTER))
    with pytest.raises(IntegrityError), store.write() as connection:
        connection.execute(tables.resident_apartment.update().values(role=Role.MASTER))


def test_an_apartment_has_one_monitor_that_works_offline(store: Store) -> None:
    second = {
        "id": "d-second",
        "community_id": COMMUNITY,
        "mac": "0c11050893c8",
        "name": "Kitchen",
        "type": DeviceType.INDOOR_MONITOR,
        "place": Place.APARTMENT,
        "apartment_id": HOME,
        "sip_user": "10000003",
        "sip_password": b"s",
        "mqtt_password": b"s",
    }
    with store.write() as connection:
        connection.execute(insert(tables.mac_library).values(community_id=COMMUNITY, mac=second["mac"]))
        connection.execute(insert(tables.device).values(**second))
        connection.execute(tables.device.update().where(tables.device.c.id == MONITOR).values(works_offline=True))
    with pytest.raises(IntegrityError), store.write() as connection:
        connection.execute(tables.device.update().where(tables.device.c.id == "d-second").values(works_offline=True))


def test_what_a_resident_leaves_behind_opens_nothing(store: Store) -> None:
    with store.write() as connection:
        connection.execute(tables.resident.delete().where(tables.resident.c.id == ANNA))
        left = connection.execute(select(tables.credential.c.id)).scalars().all()
    assert CARD not in left


def test_every_community_may_have_its_own_gate_and_numbers(store: Store) -> None:
    """A central store keeps many communities in these tables."""
    with store.write() as connection:
        connection.execute(insert(tables.community).values(id="c-zoo", name="Zoo", time_zone="UTC"))
        connection.execute(insert(tables.building).values(id="b-zoo", community_id="c-zoo", name="1A"))
        mine = connection.execute(select(tables.device).where(tables.device.c.id == GATE)).one()._asdict()
        connection.execute(insert(tables.mac_library).values(community_id="c-zoo", mac=mine["mac"]))
        connection.execute(insert(tables.device).values({**mine, "id": "d-zoo", "community_id": "c-zoo"}))


def test_a_word_that_is_no_member_does_not_even_reach_the_database(store: Store) -> None:
    values = {"id": "k-x", "community_id": COMMUNITY, "apartment_id": HOME, "tag": bytes(32)}
    with pytest.raises(Exception, match="key"), store.write() as connection:
        connection.execute(insert(tables.credential).values(kind="key", **values))
    with pytest.raises(Exception, match="voice"), store.write() as connection:
        connection.execute(tables.relay.update().values(methods=["voice"]))


def test_values_come_back_as_their_types(store: Store) -> None:
    with store.read() as connection:
        home = connection.execute(select(tables.apartment).where(tables.apartment.c.id == HOME)).one()
        card = connection.execute(select(tables.credential.c.kind).where(tables.credential.c.id == CARD)).scalar_one()
        methods = connection.execute(select(tables.relay.c.methods).order_by(tables.relay.c.id)).scalars().all()
    assert home.call_type is CallType.MONITORS_THEN_PHONE
    assert home.accessible_floors == ("1", "B1")
    assert card is CredentialKind.RF_CARD
    assert [sorted(method.value for method in listed) for listed in methods] == [["pin", "rf_card"], []]
