"""Operators of the central store and their tokens, which are kept as hashes only."""

import hashlib
import secrets
from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import Connection, insert, select, update

from edge.central.changes import Central
from edge.central.problems import Forbidden, Invalid, Unauthorised, Unknown
from edge.central.rights import MAKES, Caller, Grant, Right, Role, may, reaches
from edge.central.tables import api_token, community, operator, operator_community
from edge.core import checks
from edge.core.checks import RuleBroken
from models.ids import new_id

MAX_TOKEN_CHARS: Final = 256
LOCAL: Final = Caller("local", Role.SUPER)
"""Whoever has the central store's folder: the command line."""


def add(
    central: Central, by: Caller, name: str, role: Role, *, grants: Iterable[Grant] = (),
    communities: Iterable[str] = (), login: str = "", parent: str = "",
) -> str:  # fmt: skip
    """Make an operator below *by*; its id. *parent*: whom it belongs to, where a super manager makes it.

    Raises Forbidden, Invalid.
    """
    if role not in MAKES[by.role]:
        raise Forbidden("role", f"a {by.role.value} makes no {role.value}")
    if not 0 < len(name) <= 128 or not name.isprintable():
        raise Invalid("name", "an operator has a name of 1 to 128 characters")
    above = (parent if by.role is Role.SUPER else by.id) or ""
    phone = _phone(login) if role is Role.RESIDENT else ""
    identity = new_id("o")
    with central.store.write() as connection:
        if connection.execute(select(operator.c.id).where(operator.c.name == name)).one_or_none() is not None:
            raise Invalid("taken", "an operator of that name is there already")
        if parent and above == parent and _role(connection, above) is None:
            raise Invalid("parent", "there is no such operator to belong to")
        if role is Role.SUB_INSTALLER and _role(connection, above) is not Role.INSTALLER:
            raise Invalid("parent", "a sub-installer belongs to an installer")
        connection.execute(
            insert(operator).values(
                id=identity, name=name, role=role.value, parent=above, lets_in=False, login=phone,
                rights=",".join(sorted(grant.value for grant in grants)),
            )
        )  # fmt: skip
        for each in sorted(set(communities)):
            reach(connection, by, each)
            connection.execute(insert(operator_community).values(operator=identity, community=each))
        central.note(connection, by.id, "operator.add", operator=identity, role=role.value)
    return identity


def _phone(login: str) -> str:
    try:
        return checks.phone("login", login)
    except RuleBroken as broken:
        raise Invalid("login", str(broken)) from broken


def let_in(central: Central, by: Caller, identity: str, yes: bool) -> None:
    """An installer lets its distributor in, or no longer. Raises Forbidden."""
    if by.role is not Role.SUPER and by.id != identity:
        raise Forbidden("lets_in", "only the installer itself says so")
    with central.store.write() as connection:
        if _role(connection, identity) is not Role.INSTALLER:
            raise Unknown("operator", "there is no such installer")
        connection.execute(update(operator).where(operator.c.id == identity).values(lets_in=yes))
        central.note(connection, by.id, "operator.lets_in", operator=identity, yes=yes)


def new_token(central: Central, by: Caller, identity: str, *, life_s: int | None = None) -> str:
    """A token of the operator, told once. Raises Forbidden, Unknown."""
    token = f"ct_{secrets.token_urlsafe(32)}"
    now_ms = central.clock.now_ms()
    with central.store.write() as connection:
        row = connection.execute(select(operator).where(operator.c.id == identity)).one_or_none()
        if row is None:
            raise Unknown("operator", "there is no such operator")
        if by.role is not Role.SUPER and row.parent != by.id:
            # Nor its own: a token for a day would make itself one for ever.
            raise Forbidden("operator", "tokens are made by whoever the operator belongs to")
        until_ms = None if life_s is None else now_ms + life_s * 1000
        connection.execute(
            insert(api_token).values(hash=_hash(token), operator=identity, created_ms=now_ms, until_ms=until_ms)
        )
        central.note(connection, by.id, "token.create", operator=identity)
    return token


def revoke_tokens(central: Central, by: Caller, identity: str) -> int:
    """No token of the operator is good any more; how many there were."""
    with central.store.write() as connection:
        row = connection.execute(select(operator.c.parent).where(operator.c.id == identity)).one_or_none()
        if row is None:
            raise Unknown("operator", "there is no such operator")
        if by.role is not Role.SUPER and by.id not in (row.parent, identity):
            raise Forbidden("operator", "this operator is somebody else's")
        gone = connection.execute(api_token.delete().where(api_token.c.operator == identity)).rowcount
        central.note(connection, by.id, "token.revoke", operator=identity, tokens=gone)
    return int(gone)


def caller(connection: Connection, token: str, now_ms: int) -> Caller:
    """Whose *token* it is. Raises Unauthorised."""
    row = connection.execute(
        select(operator, api_token.c.until_ms).join_from(api_token, operator)
        .where(api_token.c.hash == _hash(token[:MAX_TOKEN_CHARS]))
    ).one_or_none()  # fmt: skip
    if row is None or (row.until_ms is not None and row.until_ms <= now_ms):
        raise Unauthorised("token", "the token is not known, or no longer")
    role = Role(row.role)
    sites = connection.execute(
        select(operator_community.c.community).where(operator_community.c.operator == row.id)
    ).scalars()
    doors = connection.execute(
        select(operator.c.id).where(operator.c.parent == row.id, operator.c.lets_in)
    ).scalars() if role is Role.DISTRIBUTOR else ()  # fmt: skip
    return Caller(
        row.id, role, frozenset(Grant(each) for each in row.rights.split(",") if each),
        row.parent if role is Role.SUB_INSTALLER else row.id, frozenset(sites), frozenset(doors), row.login,
    )  # fmt: skip


def need(connection: Connection, who: Caller, right: Right, community_id: str | None = None) -> None:
    """Raises Forbidden where *who* has not that right there, Unknown where there is no such community for it."""
    if not may(who, right):
        raise Forbidden("right", f"a {who.role.value} may not do this ({right.value})")
    if community_id is not None:
        reach(connection, who, community_id)


def reach(connection: Connection, who: Caller, community_id: str) -> None:
    """Raises Unknown where the community is none of the caller's business: it need not know that it exists."""
    owner = connection.execute(select(community.c.installer).where(community.c.id == community_id)).scalar()
    if owner is None or not reaches(who, community_id, owner):
        raise Unknown("community", f"there is no community {community_id[:128]}")


def listed(connection: Connection, by: Caller) -> list[dict[str, Any]]:
    """Operators below *by*."""
    query = select(operator.c.id, operator.c.name, operator.c.role, operator.c.parent, operator.c.lets_in)
    if by.role is not Role.SUPER:
        query = query.where(operator.c.parent == by.id)
    return [dict(row._mapping) for row in connection.execute(query.order_by(operator.c.name))]


def _role(connection: Connection, identity: str) -> Role | None:
    found = connection.execute(select(operator.c.role).where(operator.c.id == identity)).scalar()
    return None if found is None else Role(found)


def _hash(token: str) -> str:
    """Tokens are random, so a plain hash gives nothing away."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
