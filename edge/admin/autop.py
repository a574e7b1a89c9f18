"""First fetches: a secret that gives one device its files, once."""

import secrets
from typing import Final

from sqlalchemy import delete

from edge.admin.edit import Edit
from edge.admin.find import find_device
from edge.store.provisioning import drop_over, open_secret, secret_hash
from edge.store.tables import provision_token
from models.ids import new_id

SECRET_BYTES: Final = 32
_MS_A_MINUTE: Final = 60_000
_MS_AN_HOUR: Final = 60 * _MS_A_MINUTE


def token(edit: Edit, typed: str, hours: float) -> str:
    """A secret for the first fetch of a device within *hours*; one that waited is void. Raises NotFound."""
    row, secret = find_device(edit, typed), secrets.token_urlsafe(SECRET_BYTES)
    _keep(edit, row.id, secret, round(hours * _MS_AN_HOUR))
    edit.audit("autop.token", device=row.id)
    return secret


def open_door(edit: Edit, typed: str, minutes: float) -> str:
    """Let a device fetch within *minutes* without a login, from the first address that asks for it. Its MAC.

    For devices that learn our URL from the network, where there is no place for a secret. Raises NotFound.
    """
    row = find_device(edit, typed)
    _keep(edit, row.id, open_secret(row.mac), round(minutes * _MS_A_MINUTE))
    edit.audit("autop.open", device=row.id, minutes=minutes)
    return str(row.mac)


def _keep(edit: Edit, device: str, secret: str, lives_ms: int) -> None:
    drop_over(edit.connection, edit.now_ms)
    edit.connection.execute(delete(provision_token).where(provision_token.c.device_id == device))
    edit.insert(
        provision_token, id=new_id("t"), community_id=edit.community_id, device_id=device,
        secret_hash=secret_hash(secret), expires_at_ms=edit.now_ms + lives_ms, address="",
    )  # fmt: skip
