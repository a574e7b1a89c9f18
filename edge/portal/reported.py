"""What indoor monitors last reported, read from the journal: for the app, after a start."""

import json
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Connection, column, func, select, table

from edge.store.tables import device
from models.device import DeviceType
from models.ids import Mac
from models.log import LogKind

ROWS_MAX: Final = 50_000  # of the journal, the newest: what was not told since then is not known
REPORTS: Final = frozenset({"relay", "arming"})
_JOURNAL: Final = table("journal", *(column(name) for name in ("seq", "kind", "mac", "detail")))

Report = Mapping[str, Any]
"""`event`, and the event's own fields."""


def arming(connection: Connection) -> frozenset[Mac]:
    """Monitors that have the arming function."""
    rows = select(device.c.mac).where(device.c.type == DeviceType.INDOOR_MONITOR, device.c.arming)
    return frozenset(Mac(mac) for mac in connection.execute(rows).scalars())


def monitors(connection: Connection) -> frozenset[Mac]:
    """All of the community."""
    rows = select(device.c.mac).where(device.c.type == DeviceType.INDOOR_MONITOR)
    return frozenset(Mac(mac) for mac in connection.execute(rows).scalars())


def last(connection: Connection, monitors: frozenset[Mac]) -> list[tuple[Mac, Report]]:
    """What *monitors* reported of relays and arming, the oldest first."""
    if not monitors:
        return []
    c = _JOURNAL.c
    newest = connection.execute(select(func.max(c.seq))).scalar() or 0
    wanted = (c.seq > newest - ROWS_MAX, c.kind == LogKind.DEVICE.value, c.mac.in_(sorted(monitors)))
    found: list[tuple[Mac, Report]] = []
    for row in connection.execute(select(c.mac, c.detail).where(*wanted).order_by(c.seq)):
        detail = json.loads(row.detail)
        if detail.get("type") in REPORTS:
            found.append((Mac(row.mac), {**detail, "event": detail["type"]}))
    return found
