"""Examinations of devices: who is behind, who still opens with what was taken away, whose clock is off."""

import time
from collections.abc import Iterator
from typing import Any, Final

from edge.admin import device_list
from edge.admin.edit import Reading
from edge.commands.finding import Finding, Level, named

BEHIND_MATTERS_AFTER_S: Final = 60.0
DELETE_MATTERS_AFTER_S: Final = 15.0  # a revoked credential is dead at every reachable door by then (domain §12)
CLOCK_MATTERS_FROM_S: Final = 10.0  # from here on a message of the device may be judged too late (decision 4)


def examine_devices(scope: Reading) -> Iterator[Finding]:
    """Everything about devices that the store alone can tell."""
    rows = device_list.listed(scope)
    yield from _deletes(rows)
    yield from _behind(rows)
    yield from _clocks(rows)


def _deletes(rows: list[dict[str, Any]]) -> Iterator[Finding]:
    for row in rows:
        keeps_up = row["keeps_up"]
        if keeps_up["pending_deletes"] and keeps_up["behind_since"]:
            late = _age_s(keeps_up["behind_since"]) > DELETE_MATTERS_AFTER_S
            message = (
                f"{row['name']} ({row['mac']}) still holds what was taken away: {keeps_up['pending_deletes']}"
                f" credentials, since {keeps_up['behind_since']}"
            )
            do = "bring it online; until then change its door's lock, or cut its power"
            yield Finding("panels", Level.WRONG if late else Level.NOTE, message, do)


def _behind(rows: list[dict[str, Any]]) -> Iterator[Finding]:
    late = [
        f"{row['name']} (revision {row['revision']['confirmed'] or 'none'} of {row['revision']['wanted']}"
        f" since {row['keeps_up']['behind_since']})"
        for row in rows
        if row["keeps_up"]["behind_since"] and _age_s(row["keeps_up"]["behind_since"]) > BEHIND_MATTERS_AFTER_S
    ]
    if late:
        message = f"devices behind on revision: {named(late)}"
        yield Finding("devices", Level.NOTE, message, "look whether they are online: edge device list")


def _clocks(rows: list[dict[str, Any]]) -> Iterator[Finding]:
    off = [
        f"{row['name']} ({row['clock']['offset_s']:+.0f} s)"
        for row in rows
        if abs(row["clock"]["offset_s"] or 0) >= CLOCK_MATTERS_FROM_S
    ]
    if off:
        yield Finding("devices", Level.NOTE, f"devices whose clock is off: {named(off)}", "give them a time server")


def _age_s(since: str) -> float:
    from datetime import UTC, datetime

    return time.time() - datetime.fromisoformat(since).astimezone(UTC).timestamp()
