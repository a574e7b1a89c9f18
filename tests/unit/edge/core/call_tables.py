"""The tables of `docs/calls.md`, drawn from the code. `python -m tests.unit.edge.core.call_tables` writes them."""

import re
from collections.abc import Iterable
from pathlib import Path

from edge.core.admission import ADMISSION, Connection
from edge.core.call_verdicts import (
    ALL_BUSY,
    DECLINED,
    LEG_STATE_OF_STATUS,
    NOBODY,
    ONLY_THE_LEG,
    PROGRESS,
    REFUSED,
    STOPPED,
    VISITOR_GONE,
    ends_call,
)
from edge.core.numbering import Destination, Nobody
from edge.core.plan import ROUTES, Side
from models.call import CHAINS, LegKind, LegState
from models.service import ServiceState

PAGE = Path(__file__).parents[4] / "docs" / "calls.md"
_BLOCK = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
_ORDER = (LegKind.MONITOR, LegKind.APP, LegKind.LANDLINE)
_DIALLED = {
    "ToApartment": "an apartment",
    "ToMonitor": "a monitor's number",
    "ToApp": "an app's number",
    "ToDoor": "a door",
    "ToGuards": "`guard`, a guard phone",
    "ToSos": "`sos`",
}


def table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    columns = list(head)
    lines = [columns, ["---"] * len(columns), *([str(cell) for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def call_types() -> str:
    deep = max(map(len, CHAINS.values()))
    rows = []
    for code, chain in CHAINS.items():
        stages = [" + ".join(kind.value for kind in _ORDER if kind in kinds) for kinds in chain]
        rows.append([int(code), code.name.lower().replace("_", " "), *stages, *[""] * (deep - len(stages))])
    return table(["code", "call type", *(f"stage {n}" for n in range(1, deep + 1))], rows)


def admission() -> str:
    rows = []
    for service in ServiceState:
        cells = (ADMISSION[service, connection] for connection in Connection)
        rows.append([service.value, *("ring" if cell is None else f"refused: {cell.value}" for cell in cells)])
    return table(["service", *(connection.value for connection in Connection)], rows)


def routes() -> str:
    kinds = [kind for kind in Destination.__args__ if kind is not Nobody]
    rows = ([_DIALLED[kind.__name__], *("yes" if kind in ROUTES[side] else "403" for side in Side)] for kind in kinds)
    return table(["dialled", *(side.value for side in Side)], rows)


def verdicts() -> str:
    ends = {
        "nobody answered, or nobody could be rung": NOBODY,
        "every leg that rang was busy": ALL_BUSY,
        "declined": DECLINED,
        "the visitor gave up": VISITOR_GONE,
        "the daemon stopped": STOPPED,
        **{f"refused: {refusal.value}": verdict for refusal, verdict in REFUSED.items()},
    }
    rows = (
        [why, v.status, v.outcome.value, v.ended_by.value, f"`{v.announcement.value}`" if v.announcement else ""]
        for why, v in ends.items()
    )
    return table(["the call ended because", "status", "outcome", "ended by", "announcement"], rows)


def answers() -> str:
    statuses = sorted({*LEG_STATE_OF_STATUS, *ONLY_THE_LEG, 480, 503})
    rows = []
    for status in statuses:
        state = LEG_STATE_OF_STATUS.get(status, LegState.FAILED)
        home = "ends the call" if ends_call(LegKind.MONITOR, status, True) else state.value
        rows.append([status, home, state.value])
    return table(["final answer", "of a monitor or app", "of anybody else"], rows)


def progress() -> str:
    rows = (
        [heard.value, "early media of the only leg" if early else "a leg rings", then.value, status]
        for (heard, early), (then, status) in PROGRESS.items()
    )
    return table(["visitor hears", "and then", "visitor hears then", "passed"], rows)


TABLES = {f.__name__: f for f in (call_types, admission, routes, verdicts, answers, progress)}


def redrawn(page: str) -> str:
    """*page* with its tables as the code has them."""
    return _BLOCK.sub(lambda block: block[1] + TABLES[block[2]]() + block[3], page)


if __name__ == "__main__":
    PAGE.write_text(redrawn(PAGE.read_text()))
