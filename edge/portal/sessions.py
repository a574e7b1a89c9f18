"""Invitations and sessions as they are stored. A session is a browser whose key was shown with an invitation."""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, delete, func, select, update

from edge.admin.edit import Edit, NotFound, Refused, Scope
from edge.admin.find import find_resident
from edge.core import checks
from edge.store.tables import app_invite, app_session
from models.ids import ResidentId, new_id
from models.times import rfc3339

SECRET_BYTES: Final = 32
SESSIONS_MAX: Final = 10  # of one resident
APP_SESSION: Final = "app_session"  # the kind of thing that changed, for the watch of changes
_MS_AN_HOUR: Final = 3_600_000


@dataclass(frozen=True, slots=True)
class Session:
    """A browser that may come in."""

    id: str
    resident: ResidentId
    name: str
    public_key: bytes
    push: Mapping[str, str] | None = None  # endpoint, p256dh, auth
    quiet_from: str = ""  # HH:MM in the site's time
    quiet_until: str = ""


def invite(edit: Edit, resident: str, hours: float) -> str:
    """A secret that lets one browser in as *resident* within *hours*; one that waited is void. Raises NotFound."""
    find_resident(edit, resident)
    edit.connection.execute(delete(app_invite).where(app_invite.c.resident_id == resident))
    secret = secrets.token_urlsafe(SECRET_BYTES)
    edit.insert(
        app_invite,
        id=new_id("i"),
        community_id=edit.community_id,
        resident_id=resident,
        secret_hash=_hash(secret),
        expires_at_ms=edit.now_ms + round(hours * _MS_AN_HOUR),
    )
    edit.audit("app.invite", resident=resident)
    return secret


def redeem(edit: Edit, secret: str, point: bytes, name: str) -> Session:
    """Let the browser with the key *point* in; the invitation is gone after that.

    Raises Refused, the same for every secret that lets nobody in, and RuleBroken for *name*.
    """
    called = checks.name("name", name, may_be_empty=False)[:64]
    found = edit.connection.execute(
        delete(app_invite)
        .where(app_invite.c.secret_hash == _hash(secret), app_invite.c.expires_at_ms > edit.now_ms)
        .returning(app_invite.c.resident_id)
    ).scalar()
    if found is None:
        raise Refused("this invitation lets nobody in")
    resident = ResidentId(found)
    mine = select(func.count()).select_from(app_session).where(app_session.c.resident_id == resident)
    if edit.connection.execute(mine).scalar_one() >= SESSIONS_MAX:
        raise Refused(f"the resident has {SESSIONS_MAX} apps already; revoke some")
    session = Session(new_id("s"), resident, called, point)
    edit.insert(
        app_session,
        id=session.id,
        community_id=edit.community_id,
        resident_id=resident,
        name=called,
        public_key=point,
        created_at_ms=edit.now_ms,
    )
    edit.note(APP_SESSION, session.id)
    edit.audit("app.registered", resident=resident, session=session.id, name=called)
    return session


def revoke(edit: Edit, identity: str) -> None:
    """End a session: its connection is closed within a second. Raises NotFound."""
    gone = edit.connection.execute(
        delete(app_session).where(app_session.c.id == identity).returning(app_session.c.resident_id)
    ).scalar()
    if gone is None:
        raise NotFound(f"there is no app session {identity}")
    edit.note(APP_SESSION, identity)
    edit.audit("app.revoked", resident=gone, session=identity)


def set_push(connection: Connection, identity: str, push: Mapping[str, str] | None) -> None:
    connection.execute(update(app_session).where(app_session.c.id == identity).values(push=push and dict(push)))


def set_quiet(connection: Connection, identity: str, begins: str, ends: str) -> None:
    hours = {"quiet_from": begins, "quiet_until": ends}
    connection.execute(update(app_session).where(app_session.c.id == identity).values(**hours))


def seen(connection: Connection, identity: str, now_ms: int) -> None:
    connection.execute(update(app_session).where(app_session.c.id == identity).values(seen_at_ms=now_ms))


def load(connection: Connection) -> dict[str, Session]:
    """Every session by its id."""
    return {row.id: _session(row) for row in connection.execute(select(app_session))}


def listed(scope: Scope, resident: str) -> list[dict[str, Any]]:
    """The apps of *resident* as `edge resident show --json` has them."""
    rows = scope.connection.execute(
        select(app_session).where(app_session.c.resident_id == resident).order_by(app_session.c.created_at_ms)
    )
    return [
        {
            "id": row.id,
            "name": row.name,
            "since": rfc3339(row.created_at_ms),
            "seen": None if row.seen_at_ms is None else rfc3339(row.seen_at_ms),
            "push": row.push is not None,
        }
        for row in rows
    ]


def _session(row: Any) -> Session:
    return Session(
        row.id, ResidentId(row.resident_id), row.name, bytes(row.public_key), row.push, row.quiet_from, row.quiet_until
    )


def _hash(secret: str) -> bytes:
    """Of 256 random bits, so that no slow hash is needed."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
