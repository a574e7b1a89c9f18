"""Cameras as the store has them, with the logins that only their readers are told."""

from dataclasses import dataclass, field

from sqlalchemy import select

from edge.store.engine import Store
from edge.store.secrets import Vault
from edge.store.tables import camera, device
from models.ids import DeviceId, Mac


@dataclass(frozen=True, slots=True)
class Camera:
    """A camera that is linked to a door phone; one without a door is shown nowhere."""

    id: str
    name: str
    door: DeviceId
    mac: Mac  # of the door
    url: str  # rtsp://host:port/…, without user and password
    user: str = field(repr=False)
    password: str = field(repr=False)


def load(store: Store, vault: Vault) -> dict[str, Camera]:
    """Every linked camera by its id. Blocks. Raises StoreError, SecretsError for a password that does not open."""
    with store.read() as connection:
        linked = select(camera, device.c.mac).join(device, device.c.id == camera.c.device_id).order_by(camera.c.name)
        rows = connection.execute(linked).all()
    found = {}
    for row in rows:
        sealed = row.password
        password = vault.unseal(sealed, table="camera", column="password", row=row.id) if sealed is not None else ""
        found[row.id] = Camera(
            row.id, row.name, DeviceId(row.device_id), Mac(row.mac), row.rtsp_url, row.user, password
        )
    return found
