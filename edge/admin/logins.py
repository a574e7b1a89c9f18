"""MQTT logins of somebody who is no device: an integrator reads the edge's events (decision 19)."""

import re
from typing import Any, Final

from sqlalchemy import delete, select

from edge.admin.edit import Edit, NotFound, Reading
from edge.admin.find import must_be_free
from edge.core.checks import RuleBroken
from edge.store.secrets import new_password
from edge.store.tables import mqtt_login

_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{1,63}")
_LIKE_A_MAC: Final = re.compile(r"[0-9a-f]{12}")  # devices log in with theirs
_RESERVED: Final = frozenset({"edge", "intercom"})  # our own login at the broker


def add(edit: Edit, name: str) -> str:
    """An integrator's login; its password, which is shown once. Raises RuleBroken for a name unfit or taken."""
    if not _NAME.fullmatch(name) or _LIKE_A_MAC.fullmatch(name) or name in _RESERVED:
        message = f"{name!r} is not a login: 2 to 64 of a-z, 0-9, _ and -, beginning with a letter, unlike a MAC"
        raise RuleBroken("name", "login", message)
    wanted = select(mqtt_login.c.name).where(mqtt_login.c.community_id == edit.community_id, mqtt_login.c.name == name)
    must_be_free(edit.connection.execute(wanted).scalar(), "name", f"login {name}")
    password = new_password()
    sealed = edit.vault.seal(password, table="mqtt_login", column="password", row=name)
    edit.insert(mqtt_login, community_id=edit.community_id, name=name, role="integrator", password=sealed)
    edit.note("mqtt_login", name)
    edit.audit("mqtt_login.add", login=name)
    return password


def remove(edit: Edit, name: str) -> None:
    gone = edit.connection.execute(
        delete(mqtt_login).where(mqtt_login.c.community_id == edit.community_id, mqtt_login.c.name == name)
    )
    if not gone.rowcount:
        raise NotFound(f"there is no MQTT login {name}")
    edit.note("mqtt_login", name)
    edit.audit("mqtt_login.remove", login=name)


def listed(scope: Reading) -> list[dict[str, Any]]:
    query = select(mqtt_login.c.name, mqtt_login.c.role).where(mqtt_login.c.community_id == scope.community_id)
    return [dict(row._mapping) for row in scope.connection.execute(query.order_by(mqtt_login.c.name))]
