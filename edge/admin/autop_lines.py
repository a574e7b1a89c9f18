"""Lines of extra configuration that are kept for devices (domain §10): added, listed, taken back."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, delete, func, insert, select

from edge.admin.edit import Edit, NotFound, Reading, Scope
from edge.admin.find import find_building, find_device
from edge.core import checks
from edge.core.checks import RuleBroken
from edge.store.autop_lines import opened
from edge.store.secrets import Vault
from edge.store.tables import autop_line, building, device
from models.ids import new_id
from models.tables.provisioning import LinesFor

MAX_KEPT: Final = 2_000  # lines of a community
MASK: Final = "********"


@dataclass(frozen=True, slots=True)
class For:
    """Whom lines are for, as typed. *what*: a MAC or a name, a building, a model; "" for the others."""

    scope: LinesFor
    what: str = ""


@dataclass(frozen=True, slots=True)
class _Meant:
    scope: LinesFor
    building_id: str | None = None
    device_id: str | None = None
    model: str = ""

    def where(self, edit: Edit) -> ColumnElement[bool]:
        c = autop_line.c
        return and_(
            c.community_id == edit.community_id,
            c.scope == self.scope,
            c.building_id.is_(None) if self.building_id is None else c.building_id == self.building_id,
            c.device_id.is_(None) if self.device_id is None else c.device_id == self.device_id,
            c.model == self.model,
        )


def add(edit: Edit, whom: For, lines: Sequence[tuple[str, str]]) -> int:
    """Keep *lines* (key, value); one that is there already is dropped, one of a known key replaces it.

    How many were new. Raises RuleBroken, NotFound.
    """
    meant = _meant(edit, whom)
    new = 0
    for key, value in dict(lines).items():
        old = edit.connection.execute(
            select(autop_line).where(meant.where(edit), autop_line.c.key == key)
        ).one_or_none()
        if old is not None and opened(edit.vault, old) == value:
            continue
        if old is not None:
            edit.connection.execute(delete(autop_line).where(autop_line.c.id == old.id))
        identity = new_id("l")
        sealed = edit.vault.seal(value, table=autop_line.name, column="value", row=identity)
        edit.connection.execute(
            insert(autop_line).values(
                id=identity, community_id=edit.community_id, scope=meant.scope, building_id=meant.building_id,
                device_id=meant.device_id, model=meant.model, key=key, value=sealed, added_at_ms=edit.now_ms,
            )
        )  # fmt: skip
        new += 1
    if _count(edit) > MAX_KEPT:
        raise RuleBroken("line", "too_many", f"at most {MAX_KEPT} lines are kept")
    if new:
        # Values may be passwords: who did what is kept with the keys alone.
        edit.audit("autop.line_add", device=meant.device_id, scope=whom.scope.value, keys=sorted(dict(lines)))
    return new


def remove(edit: Edit, whom: For, keys: Iterable[str]) -> int:
    """Forget the lines with *keys*; none named: all of *whom*. How many there were. Raises NotFound where none was."""
    meant, wanted = _meant(edit, whom), sorted(set(keys))
    found = meant.where(edit)
    if wanted:
        found = and_(found, autop_line.c.key.in_(wanted))
    gone = edit.connection.execute(delete(autop_line).where(found)).rowcount
    if gone == 0:
        raise NotFound("no such line is kept")
    edit.audit("autop.line_remove", device=meant.device_id, scope=whom.scope.value, keys=wanted)
    return gone


def listed(scope: Reading, vault: Vault, *, secrets: bool) -> list[dict[str, Any]]:
    """Rows of `edge autop line list --json`; values masked unless *secrets*."""
    c = autop_line.c
    query = (
        select(autop_line, building.c.name.label("building"), device.c.mac, device.c.name.label("device"))
        .outerjoin(building, building.c.id == c.building_id)
        .outerjoin(device, device.c.id == c.device_id)
        .where(c.community_id == scope.community_id)
    )
    rows = scope.connection.execute(query).all()
    told = [
        {
            "scope": row.scope.value,
            "what": row.mac or row.building or row.model,
            "key": row.key,
            "value": opened(vault, row) if secrets else MASK,
        }
        for row in rows
    ]
    return sorted(told, key=lambda line: (line["scope"], line["what"], line["key"]))


def _meant(scope: Scope, whom: For) -> _Meant:
    match whom.scope:
        case LinesFor.DEVICE:
            return _Meant(whom.scope, device_id=find_device(scope, whom.what).id)
        case LinesFor.BUILDING:
            return _Meant(whom.scope, building_id=find_building(scope, whom.what).id)
        case LinesFor.MODEL:
            return _Meant(whom.scope, model=checks.name("model", whom.what).lower())
    return _Meant(whom.scope)


def _count(edit: Edit) -> int:
    count = select(func.count()).where(autop_line.c.community_id == edit.community_id)
    return int(edit.connection.execute(count).scalar_one())
