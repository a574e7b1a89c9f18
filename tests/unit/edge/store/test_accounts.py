import itertools

import pytest
from sqlalchemy import select

from edge.store import accounts, tables
from edge.store.engine import Store
from edge.store.secrets import SecretsError, Vault
from models.ids import DeviceId
from tests.unit.edge.store.sample import ANNA, ANNA_NUMBER, COMMUNITY, GATE, GATE_MAC, GATE_NUMBER, MONITOR_MAC, VAULT


def test_numbers_have_8_digits_and_never_meet(store: Store) -> None:
    with store.read() as connection:
        for_devices = {accounts.allocate_device_number(connection, COMMUNITY) for _ in range(20)}
        for_people = {accounts.allocate_resident_number(connection, COMMUNITY) for _ in range(20)}
        many = list(itertools.islice(accounts.device_numbers(connection, COMMUNITY), 500))
    assert all(len(number) == 8 and number.isdigit() and "1" <= number[0] <= "4" for number in (*for_devices, *many))
    assert all(len(number) == 8 and number.isdigit() and "5" <= number[0] <= "9" for number in for_people)
    assert len(set(many)) == 500


def test_a_taken_number_is_not_given_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter([1, 1, 7])  # 10000001 is the gate's
    monkeypatch.setattr(accounts.secrets, "randbelow", lambda _bound: next(drawn))
    with store.read() as connection:
        assert accounts.allocate_device_number(connection, COMMUNITY) == "10000007"


def test_passwords_come_back_for_their_owner(store: Store) -> None:
    with store.read() as connection:
        sip = accounts.device_sip_password(connection, VAULT, GATE)
        mqtt = accounts.device_mqtt_password(connection, VAULT, GATE)
        app = accounts.resident_sip_password(connection, VAULT, ANNA)
        assert sip == accounts.sip_password(connection, VAULT, GATE_NUMBER)
        assert app == accounts.sip_password(connection, VAULT, ANNA_NUMBER)
        assert accounts.mqtt_passwords(connection, VAULT)[GATE_MAC] == mqtt
        assert set(accounts.mqtt_passwords(connection, VAULT)) == {GATE_MAC, MONITOR_MAC}
    assert len({sip, mqtt, app}) == 3
    assert all(password is not None and len(password) == 32 for password in (sip, mqtt, app))


def test_nobody_has_no_password(store: Store) -> None:
    with store.read() as connection:
        assert accounts.sip_password(connection, VAULT, "12345678") is None
        assert accounts.device_sip_password(connection, VAULT, DeviceId("d-gone")) is None


def test_no_password_is_in_the_database(store: Store) -> None:
    with store.read() as connection:
        password = accounts.device_sip_password(connection, VAULT, GATE)
        stored = connection.execute(select(tables.device.c.sip_password)).scalars().all()
    assert password is not None
    assert not any(password.encode() in bytes(sealed) for sealed in stored)


def test_renewing_ends_the_old_ones(store: Store) -> None:
    with store.write() as connection:
        before = (
            accounts.device_sip_password(connection, VAULT, GATE),
            accounts.sip_password(connection, VAULT, ANNA_NUMBER),
        )
        accounts.renew_device_secrets(connection, VAULT, GATE)
        accounts.renew_resident_secrets(connection, VAULT, ANNA)
        after = (
            accounts.device_sip_password(connection, VAULT, GATE),
            accounts.sip_password(connection, VAULT, ANNA_NUMBER),
        )
    assert not set(before) & set(after)


def test_another_sites_key_opens_nothing(store: Store) -> None:
    with store.read() as connection, pytest.raises(SecretsError):
        accounts.device_sip_password(connection, Vault(b"q" * 32), GATE)
