"""The registrar's contacts over a restart."""

from collections.abc import Iterable

from sqlalchemy import Connection, and_, delete, or_, select

from edge.store.changes import the_community
from edge.store.tables import binding
from edge.store.upsert import upsert
from models.binding import ContactBinding
from models.ids import CommunityId, SipUser

_FIELDS = tuple(ContactBinding.__dataclass_fields__)


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
    gone = [and_(binding.c.sip_user == user, binding.c.key == key) for user, key in removed]
    if gone:
        connection.execute(delete(binding).where(binding.c.community_id == owner, or_(*gone)))
    rows = ({"community_id": owner, **{name: getattr(one, name) for name in _FIELDS}} for one in changed)
    upsert(connection, binding, [{**row, "extra": dict(row["extra"])} for row in rows])


def forget_expired(connection: Connection, now_ms: int) -> int:
    """Drop bindings expired at *now_ms*; how many."""
    return connection.execute(delete(binding).where(binding.c.expires_at_ms <= now_ms)).rowcount
