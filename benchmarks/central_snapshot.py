"""The central store's side of a snapshot of 20,000 residents and 100,000 credentials: storing them in one change, and
making the answer. In one process, on SQLite.

Run it as ``python -m benchmarks.central_snapshot [CREDENTIALS]``; it prints rows of a Markdown table.
"""

import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from benchmarks.decision import card
from edge.central import communities, edges
from edge.central.feed import Feed, Question
from edge.central.opening import make, opened

CREDENTIALS: Final = 100_000
OF_A_RESIDENT: Final = 5
OF_AN_APARTMENT: Final = 4


def things(credentials: int) -> Iterator[tuple[str, str, dict[str, Any]]]:
    residents = credentials // OF_A_RESIDENT
    yield "building", "b-1", {"name": "1"}
    for number in range(residents // OF_AN_APARTMENT):
        yield "apartment", f"a-{number}", {"building": "b-1", "number": str(number)}
    for number in range(residents):
        yield "resident", f"r-{number}", {"first": "Ada", "last": str(number), "apartment": _home(number)}
    for number in range(credentials):
        who = number % residents
        home = {"apartment": _home(who), "resident": f"r-{who}"}
        yield "credential", f"c-{number}", {"kind": "rf_card", "value": card(number), **home}


def _home(resident: int) -> str:
    return f"a-{resident // OF_AN_APARTMENT}"


def main(credentials: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        make(Path(name) / "central", port=0)
        with opened(Path(name) / "central") as here:
            site, _ = communities.add(here.central, "bench", {"name": "Bench", "time_zone": "UTC"})
            edge, _ = edges.add(here.central, "bench", site, "box")
            began, used_s = time.monotonic(), time.process_time()
            with here.central.change(site, "bench") as change:
                for kind, identity, body in things(credentials):
                    change.put(kind, identity, body)
            stored_s, stored_cpu_s = time.monotonic() - began, time.process_time() - used_s
            feed = Feed(here.central.secrets.vault, here.key)
            began, used_s = time.monotonic(), time.process_time()
            with here.central.store.read() as connection:
                body = feed.answer(connection, Question(edge, 0, ""))
            made_s, made_cpu_s = time.monotonic() - began, time.process_time() - used_s
    assert body is not None
    print(f"| {credentials:,} credentials and who has them, stored in one change | {stored_s:.1f} s |")
    print(f"| its CPU | {stored_cpu_s:.1f} s |")
    print(f"| the snapshot of them made, {len(body) / 1e6:.1f} MB packed | {made_s:.1f} s |")
    print(f"| its CPU | {made_cpu_s:.1f} s |")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else CREDENTIALS)
