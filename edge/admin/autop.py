"""First fetches: a secret that gives one device its files, once."""

import secrets
from typing import Final

from sqlalchemy import delete

from edge.admin.edit import Edit
from edge.admin.find import find_device
from edge.store.provisioning import drop_over, secret_hash
from edge.store.tables import provision_token
from models.ids import new_id

SECRET_BYTES: Final = 32
_MS_AN_HOUR: Final = 3_600_000


def token(edit: Edit, typed: str, hours: float) -> str:
    """A secret for the first fetch of a device within *hours*; one that waited is void. Raises NotFound."""
    row = find_device(edit, typed)
    drop_over(edit.connection, edit.now_ms)
    edit.connection.execute(delete(provision_token).where(provision_token.c.device_id == row.id))
    secret = secrets.token_urlsafe(SECRET_BYTES)
    edit.insert(
        provision_token, id=new_id("t"), community_id=edit.community_id, device_id=row.id,
        secret_hash=secret_hash(secret), expires_at_ms=edit.now_ms + round(hours * _MS_AN_HOUR), address="",
    )  # fmt: skip
    edit.audit("autop.token", device=row.id)
    return secret
