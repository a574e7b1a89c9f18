"""How a device keeps up: what it should know and hold against what it said it does, and how far its clock is off."""

from collections.abc import Mapping
from typing import Any

from edge.store.tables import device_state
from models.times import rfc3339

Row = Mapping[Any, Any]


def revision(row: Row, deletes: int, puts: int) -> dict[str, Any]:
    """What it is told of itself and what it holds, together: wanted and confirmed differ while either is behind.

    *deletes*, *puts*: credentials that it still must forget, and learn. None: there is nothing it should know.
    """
    config = (row[device_state.c.revision_wanted], row[device_state.c.revision_confirmed])
    panel = (row[device_state.c.panel_wanted], row[device_state.c.panel_confirmed])
    at_panel_behind = bool(deletes or puts) or row[device_state.c.panel_since_ms] is not None
    behind = [part for part, late in ((config, config[0] != config[1]), (panel, at_panel_behind)) if late]
    wanted = max((part[0] for part in (config, panel) if part[0] is not None), default=None)
    confirmed = wanted
    if behind:
        said = [part[1] for part in behind]
        confirmed = None if None in said else min(said)
    return {"wanted": wanted, "confirmed": confirmed}


def keeping_up(row: Row, deletes: int, puts: int) -> dict[str, Any]:
    """Since when it is behind, and what is still to be told. *deletes*, *puts* as in `revision`."""
    since_ms = [row[name] for name in (device_state.c.config_since_ms, device_state.c.panel_since_ms) if row[name]]
    return {
        "behind_since": rfc3339(min(since_ms)) if since_ms else None,
        "pending_deletes": deletes,
        "pending_puts": puts,
        "config": {
            "wanted": row[device_state.c.revision_wanted],
            "confirmed": row[device_state.c.revision_confirmed],
        },
        "credentials": {"wanted": row[device_state.c.panel_wanted], "confirmed": row[device_state.c.panel_confirmed]},
    }


def clock(row: Row) -> dict[str, Any]:
    """`offset_s`: device clock minus ours; None where it never told its time."""
    offset_ms = row[device_state.c.clock_offset_ms]
    known = row[device_state.c.hello_at_ms] is not None or bool(offset_ms)
    return {"offset_s": round(offset_ms / 1000, 1) if known else None}
