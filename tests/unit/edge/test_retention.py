"""Credentials that slept too long and pictures that were seen long enough go."""

import os
from pathlib import Path

import pytest
from sqlalchemy import select

from edge.admin.edit import Admin
from edge.clock import SystemClock
from edge.config import RetentionSettings
from edge.retention import LongKept
from edge.store import tables
from edge.store.engine import open_store
from edge.store.secrets import SiteSecrets
from models.service import ServiceState
from tests.unit.edge.store import sample
from tests.unit.edge.store.sample import DAY_MS

HOUR_S = 3600


@pytest.mark.parametrize(("off_days", "left"), [(29, 2), (31, 0)])
async def test_dormant_credentials_go_after_their_days(tmp_path: Path, off_days: int, left: int) -> None:
    store = open_store(f"sqlite:///{sample.make_template(tmp_path / 'edge.db')}")
    sample.fill(store)
    clock = SystemClock()
    home = tables.apartment
    with store.write() as connection:
        since_ms = clock.now_ms() - off_days * DAY_MS
        connection.execute(home.update().values(service=ServiceState.OFF, service_since_ms=since_ms))
    admin = Admin(store, SiteSecrets.create(tmp_path), "retention", clock.now_ms)
    kept = LongKept(RetentionSettings(), admin, tmp_path / "pictures", clock)
    assert await kept.erase() == 2 - left
    assert await kept.erase() == 0
    with store.read() as connection:
        assert len(connection.execute(select(tables.credential.c.id)).all()) == left
    store.close()


async def test_old_pictures_go_and_new_ones_stay(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{sample.make_template(tmp_path / 'edge.db')}")
    sample.fill(store)
    clock = SystemClock()
    folder = tmp_path / "pictures" / "gate"
    folder.mkdir(parents=True)
    for name, age_h in (("old.jpg", 73), ("new.jpg", 71)):
        file = folder / name
        file.write_bytes(b"picture")
        at_s = clock.now_ms() / 1000 - age_h * HOUR_S
        os.utime(file, (at_s, at_s))
    kept = LongKept(
        RetentionSettings(), Admin(store, SiteSecrets.create(tmp_path), "r", clock.now_ms), folder.parent, clock
    )
    assert await kept.erase() == 1
    assert [file.name for file in folder.iterdir()] == ["new.jpg"]
    store.close()
