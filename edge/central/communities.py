"""Communities: made, named, given another epoch, and their old tombstones thrown away."""

import json
import secrets
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Connection, delete, func, insert, select, update

from edge.central.changes import Central
from edge.central.items import prepare, rules_of
from edge.central.problems import Invalid, Unknown
from edge.central.tables import audit, community, edge, edge_item, item
from models.ids import new_id

KEPT_DAYS: Final = 90  # tombstones; platform.md §5
MAX_SUFFIX: Final = 1_000
_DAY_MS: Final = 86_400_000


def add(central: Central, actor: str, body: Mapping[str, Any], *, installer: str = "") -> tuple[str, str]:
    """Make a community; its id, and its name, which has a suffix where another has it already. Raises Invalid."""
    if not isinstance(body.get("name"), str) or not isinstance(body.get("time_zone"), str):
        raise Invalid("missing", "a community needs a name and a time_zone")
    with central.store.write() as connection:
        return make(central, connection, actor, body, installer=installer)


def make(
    central: Central, connection: Connection, actor: str, body: Mapping[str, Any], *, installer: str = ""
) -> tuple[str, str]:
    """The same in a transaction of the caller's. Raises Invalid."""
    identity = new_id("s")
    named = {**body, "name": _free_name(connection, body["name"])}
    rules = rules_of(identity, {"name": named["name"], "time_zone": named["time_zone"]}, central.secrets.pepper,
                     central.secrets.vault)  # fmt: skip
    ready = prepare("community", identity, named, rules)
    connection.execute(
        insert(community).values(
            id=identity, name=named["name"], installer=installer, rev=1, floor=0, epoch=new_epoch(), confirmed_rev=0
        )
    )
    connection.execute(
        insert(item).values(
            community=identity, kind="community", id=identity, rev=1, body=ready.text, natural_key=""
        )
    )  # fmt: skip
    central.note(connection, actor, "community.add", identity, name=named["name"])
    return identity, named["name"]


def _free_name(connection: Connection, name: str) -> str:
    """*name*, or *name* with the first free suffix (domain.md §7)."""
    for number in range(1, MAX_SUFFIX):
        tried = name if number == 1 else f"{name} ({number})"
        if connection.execute(select(community.c.id).where(community.c.name == tried)).one_or_none() is None:
            return tried
    raise Invalid("taken", "there are too many communities of that name")


def new_epoch() -> str:
    return secrets.token_hex(8)


def find(connection: Connection, named: str) -> str:
    """The id of the community of this id or name. Raises Unknown."""
    found = connection.execute(
        select(community.c.id).where((community.c.id == named) | (community.c.name == named)).limit(1)
    ).scalar()
    if found is None:
        raise Unknown("community", f"there is no community {named[:128]}")
    return str(found)


def listed(connection: Connection) -> list[dict[str, Any]]:
    """Every community with its revision and the number of its edges."""
    edges = select(func.count()).where(edge.c.community == community.c.id).scalar_subquery()
    rows = connection.execute(
        select(community.c.id, community.c.name, community.c.installer, community.c.rev, community.c.epoch,
               edges.label("edges")).order_by(community.c.name)
    )  # fmt: skip
    return [dict(row._mapping) for row in rows]


def body_of(connection: Connection, identity: str) -> dict[str, Any]:
    """The community as its edges are told. Raises Unknown."""
    found = connection.execute(
        select(item.c.body).where(item.c.community == identity, item.c.kind == "community")
    ).scalar()
    if found is None:
        raise Unknown("community", f"there is no community {identity[:128]}")
    body: dict[str, Any] = json.loads(found)
    return body


def begin_epoch(central: Central, actor: str) -> int:
    """After the database was restored from a backup: every edge fetches everything anew. The number of communities."""
    with central.store.write() as connection:
        identities = list(connection.execute(select(community.c.id)).scalars())
        for identity in identities:
            connection.execute(update(community).where(community.c.id == identity).values(epoch=new_epoch()))
        central.note(connection, actor, "epoch", communities=len(identities))
    return len(identities)


def compact(central: Central, *, keep_days: int = KEPT_DAYS) -> int:
    """Throw away tombstones that are older; edges that have not asked since then begin anew. How many went."""
    before_ms = central.clock.now_ms() - keep_days * _DAY_MS
    gone = 0
    with central.store.read() as connection:
        floors = _floors(connection, before_ms)
    for identity, floor in floors.items():
        with central.store.write() as connection:
            connection.execute(
                update(community).where(community.c.id == identity, community.c.floor < floor).values(floor=floor)
            )
            edges = select(edge.c.id).where(edge.c.community == identity)
            gone += connection.execute(
                delete(edge_item).where(edge_item.c.edge.in_(edges), edge_item.c.gone, edge_item.c.rev <= floor)
            ).rowcount
            connection.execute(
                delete(item).where(item.c.community == identity, item.c.body.is_(None), item.c.rev <= floor)
            )
    return gone


def _floors(connection: Connection, before_ms: int) -> dict[str, int]:
    """The newest revision of each community that is old enough, as the audit log knows it."""
    found: dict[str, int] = {}
    rows = connection.execute(
        select(audit.c.community, audit.c.detail).where(audit.c.action == "change", audit.c.at_ms < before_ms)
    )
    for row in rows:
        found[row.community] = max(found.get(row.community, 0), int(json.loads(row.detail)["rev"]))
    return found
