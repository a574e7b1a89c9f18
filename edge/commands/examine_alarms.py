"""What a person must look at: alarms of the last day, and orders for doors that still stand."""

import time
from collections import Counter
from collections.abc import Iterator
from typing import Final

from edge.admin import orders
from edge.admin.edit import Reading
from edge.commands.finding import Finding, Level
from edge.store import journal
from models.log import LogKind

_A_DAY_MS: Final = 86_400_000


def examine_alarms(scope: Reading) -> Iterator[Finding]:
    """How many of which kind; a duress code is one of them, and is seen by operators alone."""
    now_ms = time.time_ns() // 1_000_000
    wanted = journal.LogFilter(kind=LogKind.ALARM, since_ms=now_ms - _A_DAY_MS)
    counted = Counter(str(row["detail"].get("type", "alarm")) for row in journal.rows(scope.connection, wanted))
    if counted:
        told = ", ".join(f"{count} {kind}" for kind, count in counted.most_common())
        yield Finding("alarms", Level.NOTE, f"in the last 24 hours: {told}", "look at them: edge log list --kind alarm")


def examine_orders(scope: Reading) -> Iterator[Finding]:
    for row in orders.listed(scope, time.time_ns() // 1_000_000):
        place = row["door"] or (f"building {row['building']}" if row["building"] else "all doors")
        state = row["order"].replace("_", " ")
        until = f" until {row['until']}" if row["until"] else ""
        message = f"{place}: {state}{until}, by {row['by']} since {row['since']}"
        yield Finding("doors", Level.NOTE, message, "when it is no longer meant: edge door release")
