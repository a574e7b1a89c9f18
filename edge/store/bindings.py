"""The registrar's contacts over a restart."""

from collections.abc import Iterable
from typing import Final

from sqlalchemy import Connection, bindparam, delete, select

from edge.store.changes import the_community
from edge.store.tables import binding
from edge.store.upsert import upsert
from models.binding import ContactBinding
from models.ids import CommunityId, SipUser

_FIELDS: Final = tuple(ContactBinding.__dataclass_fields__)
_REMOVE: Final = delete(binding).where(
    binding.c.sip_user == bindparam("user"), binding.c.key == bindparam("contact_key")
)


def load_bindings(connection: Connection, now_ms: int) -> tuple[ContactBinding, ...]:
    """Every binding not expired at *now_ms* (Unix milliseconds)."""
    wanted = select(*(binding.c[name] for name in _FIELDS)).where(binding.c.expires_at_ms > now_ms)
    return tuple(ContactBinding(*row) for row in connection.execute(wanted.order_by(binding.c.sip_user, binding.c.key)))


def save_bindings(
    connection: Connection,
    changed: Iterable[ContactBinding],
    removed: Iterable[tuple[SipUser, str]] = (),
    *,
    community: CommunityId | None = None,
) -> None:
    """Store a batch: *changed* replace those with the same (sip_user, key), *removed* are (sip_user, key)."""
    owner = the_community(connection) if community is None else community
    # One statement run often, not one with a condition for each: after an outage thousands expire together.
    gone = [{"user": user, "contact_key": key} for user, key in removed]
    if gone:
        connection.execute(_REMOVE.where(binding.c.community_id == owner), gone)
    rows = ({"community_id": owner, **{name: getattr(one, name) for name in _FIELDS}} for one in changed)
    upsert(connection, binding, [{**row, "extra": dict(row["extra"])} for row in rows])


def forget_expired(connection: Connection, now_ms: int) -> int:
    """Drop bindings expired at *now_ms*; how many."""
    return connection.execute(delete(binding).where(binding.c.expires_at_ms <= now_ms)).rowcount
