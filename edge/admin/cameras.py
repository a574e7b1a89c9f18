"""Third-party cameras, offered beside a door phone's own picture."""

from typing import Any

from sqlalchemy import delete, select

from edge.admin.edit import Edit, NotFound, Reading
from edge.admin.find import find_device, must_be_free
from edge.core import checks
from edge.store.tables import camera, device
from models.ids import new_id


def add(
    edit: Edit, name: str, rtsp: str, *, user: str = "", password: str = "", device_typed: str | None = None
) -> str:
    """Raises RuleBroken, NotFound. The password is sealed."""
    name = checks.name("name", name, may_be_empty=False)
    wanted = select(camera.c.id).where(camera.c.community_id == edit.community_id, camera.c.name == name)
    must_be_free(edit.connection.execute(wanted).scalar(), "name", f"camera {name}")
    identity = new_id("m")
    sealed = edit.vault.seal(password, table="camera", column="password", row=identity) if password else None
    edit.insert(
        camera, id=identity, community_id=edit.community_id, name=name, rtsp_url=checks.rtsp_url(rtsp),
        user=checks.name("user", user), password=sealed,
        device_id=None if device_typed is None else find_device(edit, device_typed).id,
    )  # fmt: skip
    edit.note("camera", identity)
    edit.audit("camera.add", camera=name)
    return identity


def remove(edit: Edit, name: str) -> None:
    gone = edit.connection.execute(
        delete(camera)
        .where(camera.c.community_id == edit.community_id, camera.c.name == checks.name("name", name))
        .returning(camera.c.id)
    ).scalar()
    if gone is None:
        raise NotFound(f"there is no camera {name}")
    edit.note("camera", gone)
    edit.audit("camera.remove", camera=name)


def listed(scope: Reading) -> list[dict[str, Any]]:
    """Rows of `edge camera list --json`, without the passwords."""
    query = select(camera, device.c.mac).join(device, device.c.id == camera.c.device_id, isouter=True)
    query = query.where(camera.c.community_id == scope.community_id).order_by(camera.c.name)
    return [
        {
            "id": row.id, "name": row.name, "rtsp": row.rtsp_url, "user": row.user,
            "has_password": row.password is not None, "device": row.mac,
        }
        for row in scope.connection.execute(query)
    ]  # fmt: skip
