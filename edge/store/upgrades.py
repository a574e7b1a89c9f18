"""Firmware jobs as they are stored. What a device did bumps no revision of the community."""

from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import Connection, Row, select, update

from edge.store.tables import device, firmware, upgrade_job, upgrade_job_device
from models.ids import DeviceId
from models.tables.device import UpgradeState

OPEN: Final = (UpgradeState.PENDING, UpgradeState.PROCESSING)
"""States of a job that has not ended."""


def due(connection: Connection, now_ms: int) -> list[Row[Any]]:
    """Jobs that should run at *now_ms*, oldest first, with ``version``, ``model``, ``file``, ``size_bytes`` and
    ``sha256`` of their firmware."""
    query = (
        select(upgrade_job, firmware.c.version, firmware.c.model, firmware.c.file, firmware.c.size_bytes,
               firmware.c.sha256)
        .join(firmware, firmware.c.id == upgrade_job.c.firmware_id)
        .where(upgrade_job.c.state.in_(OPEN), upgrade_job.c.at_ms <= now_ms)
        .order_by(upgrade_job.c.at_ms, upgrade_job.c.id)
    )  # fmt: skip
    return list(connection.execute(query))


def devices_of(connection: Connection, jobs: Iterable[str]) -> list[Row[Any]]:
    """The devices of *jobs*, in the order in which they have their turn: that of their MACs."""
    of_jobs = select(upgrade_job_device).where(upgrade_job_device.c.job_id.in_(list(jobs)))
    by_mac = of_jobs.join(device, device.c.id == upgrade_job_device.c.device_id).order_by(device.c.mac)
    return list(connection.execute(by_mac))


def save_device(connection: Connection, job: str, identity: DeviceId, **values: object) -> None:
    """Change the progress of one device. One that was removed meanwhile is passed over."""
    own = (upgrade_job_device.c.job_id == job, upgrade_job_device.c.device_id == identity)
    connection.execute(update(upgrade_job_device).where(*own).values(**values))


def save_state(connection: Connection, job: str, state: UpgradeState) -> bool:
    """Change the state of a job that has not ended; False where it has, by a person's order meanwhile."""
    own = update(upgrade_job).where(upgrade_job.c.id == job, upgrade_job.c.state.in_(OPEN))
    return connection.execute(own.values(state=state)).rowcount == 1
