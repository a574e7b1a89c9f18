"""The MAC library: which devices the community owns. A device takes its MAC from here; a bound MAC can't leave."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import delete, select

from edge.admin.edit import Edit, NotFound, Reading
from edge.core import checks
from edge.core.checks import RuleBroken
from edge.core.template import Cell, CellError, OddCell
from edge.store.tables import device, mac_library
from edge.store.upsert import upsert
from models.ids import Mac

_MAX_AUDITED: Final = 20  # MACs named in one audit row
_HEADERS: Final = frozenset({"mac", "mac address", "mac-address"})


def add(edit: Edit, macs: Iterable[str]) -> int:
    """Put MACs into the library; how many were not there yet. Raises RuleBroken for one that is none."""
    wanted = dict.fromkeys(checks.mac(typed) for typed in macs)
    new = [mac for mac in wanted if mac not in library(edit)]
    upsert(
        edit.connection,
        mac_library,
        [{"community_id": edit.community_id, "mac": mac, "added_at_ms": edit.now_ms} for mac in new],
    )
    for mac in new:
        edit.note("mac", mac)
    if new:
        edit.audit("mac.add", count=len(new), macs=[mac.upper() for mac in new[:_MAX_AUDITED]])
    return len(new)


def from_rows(rows: Sequence[Sequence[Cell]]) -> tuple[list[Mac], list[CellError]]:
    """MACs of a sheet, one a row in the first column; a header `MAC` is passed over. All of them, or every bad cell."""
    macs: list[Mac] = []
    errors: list[CellError] = []
    for number, row in enumerate(rows, start=1):
        filled = [cell for cell in row if cell != ""]
        if not filled or (number == 1 and str(filled[0]).strip().lower() in _HEADERS):
            continue
        cell = filled[0]
        try:
            if len(filled) > 1:
                raise RuleBroken("MAC", "extra_cell", "one MAC a row, and nothing beside it")
            if isinstance(cell, OddCell):
                raise RuleBroken("MAC", cell.code, cell.reason)
            if isinstance(cell, int):
                raise RuleBroken("MAC", "number", "is a number; format the cell as text, or zeros would be lost")
            macs.append(checks.mac(cell))
        except RuleBroken as broken:
            errors.append(CellError(number, "MAC", broken.problem.rule, broken.problem.message))
    if not macs and not errors:
        errors.append(CellError(None, None, "no_rows", "there is no MAC in the file"))
    return macs, errors


def remove(edit: Edit, typed: str) -> None:
    """Raises RuleBroken for a MAC that a device has taken, NotFound."""
    mac = checks.mac(typed)
    if mac not in library(edit):
        raise NotFound(f"{mac.upper()} is not in the MAC library")
    edit.refuse_if_owned("mac", mac)
    taken = select(device.c.name).where(device.c.community_id == edit.community_id, device.c.mac == mac)
    name = edit.connection.execute(taken).scalar()
    if name is not None:
        raise RuleBroken("mac", "bound", f"{mac.upper()} is bound to {name}: remove the device first")
    edit.connection.execute(
        delete(mac_library).where(mac_library.c.community_id == edit.community_id, mac_library.c.mac == mac)
    )
    edit.note("mac", mac)
    edit.audit("mac.remove", macs=[mac.upper()])


def library(scope: Reading | Edit) -> frozenset[Mac]:
    query = select(mac_library.c.mac).where(mac_library.c.community_id == scope.community_id)
    return frozenset(Mac(mac) for mac in scope.connection.execute(query).scalars())


def listed(scope: Reading) -> list[dict[str, Any]]:
    """Rows of `edge mac list --json`."""
    query = (
        select(mac_library.c.mac, device.c.name.label("device"))
        .join(
            device,
            (device.c.mac == mac_library.c.mac) & (device.c.community_id == mac_library.c.community_id),
            isouter=True,
        )
        .where(mac_library.c.community_id == scope.community_id)
        .order_by(mac_library.c.mac)
    )
    return [
        {"mac": row.mac, "bound": row.device is not None, "device": row.device}
        for row in scope.connection.execute(query)
    ]
