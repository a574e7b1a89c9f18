"""The firmware library, and jobs that bring devices to a version of it."""

import hashlib
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Row, delete, func, select, update

from edge.admin.edit import Edit, NotFound, Reading, Refused
from edge.admin.find import find_device, must_be_free
from edge.core import checks
from edge.core.checks import RuleBroken
from edge.store.tables import device, device_state, firmware, upgrade_job, upgrade_job_device
from edge.store.upgrades import OPEN
from models.ids import new_id
from models.tables.device import DeviceUpgradeState, UpgradeState
from models.times import rfc3339

FOLDER: Final = "firmware"
"""Folder of the library in the site's."""
MAX_BYTES: Final = 512 * 1024 * 1024
WINDOW_MS: Final = 24 * 3600 * 1000
"""So long a job may take where nobody said otherwise."""
_CHUNK_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Stored:
    """A file of the library, in its place and flushed."""

    name: str
    size_bytes: int
    sha256: str


def store_file(site: Path, source: Path, progress: Callable[[int], None] | None = None) -> Stored:
    """Copy *source* into the library of *site* under the name of its SHA-256; a file that is there already stays.

    *progress* is told how many bytes are copied. Raises RuleBroken for an empty or too large file, OSError.
    """
    folder = site / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    descriptor, draft = tempfile.mkstemp(dir=folder, prefix=".draft-")  # 0600
    try:
        with source.open("rb") as file, os.fdopen(descriptor, "wb") as out:
            while chunk := file.read(_CHUNK_BYTES):
                size += len(chunk)
                if size > MAX_BYTES:
                    raise RuleBroken("file", "file", f"{source} is larger than {MAX_BYTES // 1024**2} MiB")
                digest.update(chunk)
                out.write(chunk)
                if progress is not None:
                    progress(size)
            out.flush()
            os.fsync(out.fileno())
        if not size:
            raise RuleBroken("file", "file", f"{source} is empty")
        name = f"{digest.hexdigest()}.bin"
        Path(draft).replace(folder / name)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
    return Stored(name, size, digest.hexdigest())


def add(edit: Edit, stored: Stored, *, model: str, version: str, log: str = "") -> str:
    """Enter *stored* as *version* for devices of *model*, as they name themselves. Raises RuleBroken."""
    model = checks.name("model", model, may_be_empty=False)
    version = checks.name("version", version, may_be_empty=False)
    same = _own(edit).where(firmware.c.model == model, firmware.c.version == version)
    must_be_free(edit.connection.execute(same).scalar(), "version", f"firmware {model}/{version}")
    identity = new_id("f")
    edit.insert(
        firmware, id=identity, community_id=edit.community_id, model=model, version=version, log=log,
        file=stored.name, size_bytes=stored.size_bytes, sha256=stored.sha256, uploaded_at_ms=edit.now_ms,
    )  # fmt: skip
    edit.audit("firmware.add", model=model, version=version, sha256=stored.sha256)
    return identity


def remove(edit: Edit, typed: str) -> str | None:
    """Take a version out of the library. The name of its file, if no other version has the same one.

    Raises Refused while a job needs it, NotFound.
    """
    row = _find(edit, typed)
    jobs = select(func.count()).select_from(upgrade_job).where(upgrade_job.c.firmware_id == row.id)
    if edit.connection.execute(jobs.where(upgrade_job.c.state.in_(OPEN))).scalar_one():
        raise Refused(f"a job brings devices to {row.model}/{row.version}: cancel it first")
    edit.connection.execute(delete(upgrade_job).where(upgrade_job.c.firmware_id == row.id))
    edit.connection.execute(delete(firmware).where(firmware.c.id == row.id))
    edit.audit("firmware.remove", model=row.model, version=row.version)
    others = _own(edit).where(firmware.c.file == row.file)
    return None if edit.connection.execute(others).first() is not None else str(row.file)


def listed(scope: Reading) -> list[dict[str, Any]]:
    """Rows of `edge firmware list --json`."""
    rows = scope.connection.execute(_own(scope).order_by(firmware.c.model, firmware.c.uploaded_at_ms))
    return [
        {
            "id": row.id, "model": row.model, "version": row.version, "log": row.log, "size_bytes": row.size_bytes,
            "sha256": row.sha256, "uploaded_at": rfc3339(row.uploaded_at_ms),
        }
        for row in rows
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Terms:
    """How a job goes about it."""

    at_ms: int | None = None  # None = now
    until_ms: int | None = None  # None = a day later
    reset_after: bool = False
    at_once: int = 5
    stop_after: int = 3


def schedule(edit: Edit, typed: str, macs: Sequence[str], terms: Terms) -> str:
    """Bring the devices to a version of the library. The job's id.

    Raises RuleBroken for a device of another model, for one that another job has already, and for a window that is no
    window; NotFound.
    """
    row = _find(edit, typed)
    at_ms = edit.now_ms if terms.at_ms is None else terms.at_ms
    until_ms = at_ms + WINDOW_MS if terms.until_ms is None else terms.until_ms
    if until_ms <= max(at_ms, edit.now_ms):
        raise RuleBroken("until", "until", "the time is over before the job begins")
    if not macs:
        raise RuleBroken("device", "device", f"there is no device of the model {row.model}")
    devices = [_fit(edit, find_device(edit, mac), row) for mac in dict.fromkeys(macs)]
    identity = new_id("u")
    edit.insert(
        upgrade_job, id=identity, community_id=edit.community_id, firmware_id=row.id, at_ms=at_ms, until_ms=until_ms,
        reset_after=terms.reset_after, at_once=terms.at_once, stop_after=terms.stop_after, state=UpgradeState.PENDING,
    )  # fmt: skip
    for member in devices:
        edit.insert(upgrade_job_device, job_id=identity, device_id=member, state=DeviceUpgradeState.WAITING, error="")
    edit.audit("firmware.schedule", model=row.model, version=row.version, devices=len(devices), job=identity)
    return identity


def cancel(edit: Edit, identity: str) -> None:
    """End a job; devices that have the order already carry it out. Raises Refused where it has ended, NotFound."""
    own = (upgrade_job.c.id == identity, upgrade_job.c.community_id == edit.community_id)
    state = edit.connection.execute(select(upgrade_job.c.state).where(*own)).scalar()
    if state is None:
        raise NotFound(f"there is no job {identity}")
    if state not in OPEN:
        raise Refused(f"job {identity} has ended: {state.value}")
    edit.connection.execute(update(upgrade_job).where(*own).values(state=UpgradeState.CANCELLED))
    edit.audit("firmware.cancel", job=identity)


def jobs(scope: Reading, identity: str | None = None) -> list[dict[str, Any]]:
    """Rows of `edge firmware jobs --json`, newest first; all, or the one. Raises NotFound."""
    query = (
        select(upgrade_job, firmware.c.model, firmware.c.version)
        .join(firmware, firmware.c.id == upgrade_job.c.firmware_id)
        .where(upgrade_job.c.community_id == scope.community_id)
        .order_by(upgrade_job.c.at_ms.desc(), upgrade_job.c.id)
    )
    if identity is not None:
        query = query.where(upgrade_job.c.id == identity)
    found = scope.connection.execute(query).all()
    if identity is not None and not found:
        raise NotFound(f"there is no job {identity}")
    members = _members(scope, [row.id for row in found])
    return [
        {
            "id": row.id, "model": row.model, "version": row.version, "state": row.state.value,
            "at": rfc3339(row.at_ms), "until": rfc3339(row.until_ms), "reset_after": row.reset_after,
            "at_once": row.at_once, "stop_after": row.stop_after, "devices": members.get(row.id, []),
        }
        for row in found
    ]  # fmt: skip


def _members(scope: Reading, identities: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    query = (
        select(upgrade_job_device, device.c.mac, device.c.name)
        .join(device, device.c.id == upgrade_job_device.c.device_id)
        .where(upgrade_job_device.c.job_id.in_(identities))
        .order_by(device.c.name, device.c.mac)
    )
    found: dict[str, list[dict[str, Any]]] = {}
    for row in scope.connection.execute(query):
        done = None if row.done_at_ms is None else rfc3339(row.done_at_ms)
        told = {"mac": row.mac, "name": row.name, "state": row.state.value, "done_at": done, "error": row.error}
        found.setdefault(row.job_id, []).append(told)
    return found


def models_of(scope: Reading) -> dict[str, str]:
    """MAC -> model, of the devices that have said theirs."""
    query = select(device.c.mac, device_state.c.model).join(device_state, device_state.c.device_id == device.c.id)
    rows = scope.connection.execute(query.where(device.c.community_id == scope.community_id))
    return {row.mac: row.model for row in rows if row.model}


def model_of(scope: Reading | Edit, typed: str) -> str:
    """The model that a version of the library is for. Raises NotFound."""
    return str(_find(scope, typed).model)


def _own(scope: Reading | Edit) -> Any:
    return select(firmware).where(firmware.c.community_id == scope.community_id)


def _find(scope: Reading | Edit, typed: str) -> Row[Any]:
    """The version typed as ``MODEL/VERSION`` or by its id."""
    model, _, version = typed.rpartition("/")
    for wanted in ((firmware.c.model == model, firmware.c.version == version), (firmware.c.id == typed,)):
        row: Row[Any] | None = scope.connection.execute(_own(scope).where(*wanted)).one_or_none()
        if row is not None:
            return row
    raise NotFound(f"there is no firmware {typed} in the library")


def _fit(edit: Edit, row: Row[Any], wanted: Row[Any]) -> str:
    """The id of the device *row*, if it can have the firmware *wanted*."""
    model = edit.connection.execute(select(device_state.c.model).where(device_state.c.device_id == row.id)).scalar()
    if model and model != wanted.model:
        raise RuleBroken("device", "device", f"{row.name} is a {model}, the firmware is for {wanted.model}")
    other = (
        select(upgrade_job.c.id)
        .join(upgrade_job_device, upgrade_job_device.c.job_id == upgrade_job.c.id)
        .where(upgrade_job_device.c.device_id == row.id, upgrade_job.c.state.in_(OPEN))
    )
    if (busy := edit.connection.execute(other).scalar()) is not None:
        raise RuleBroken("device", "device", f"{row.name} is in the job {busy} already")
    return str(row.id)
