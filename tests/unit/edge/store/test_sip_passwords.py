"""SIP passwords as the daemon keeps them: everybody's at once; one that does not open is left out, and said so."""

import pytest
from sqlalchemy import update

from edge.store.accounts import device_sip_password, resident_sip_password, sip_passwords
from edge.store.engine import Store
from edge.store.tables import device
from tests.unit.edge.store import sample


def test_devices_and_apps_together(store: Store) -> None:
    with store.read() as connection:
        known = sip_passwords(connection, sample.VAULT)
        gate = device_sip_password(connection, sample.VAULT, sample.GATE)
        anna = resident_sip_password(connection, sample.VAULT, sample.ANNA)
    assert known[sample.ANNA_NUMBER] == anna
    assert gate in known.values()


def test_a_damaged_one_is_left_out_and_the_others_stay(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    with store.read() as connection:
        before = sip_passwords(connection, sample.VAULT)
    with store.write() as connection:
        connection.execute(update(device).where(device.c.id == sample.GATE).values(sip_password=b"damaged"))
    with store.read() as connection:
        after = sip_passwords(connection, sample.VAULT)
    assert len(after) == len(before) - 1
    assert after.items() <= before.items()
    assert "cannot be read" in caplog.text
