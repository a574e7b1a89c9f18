"""The store: durable rows a second alone and in company, and reading a community of 100,000 credentials.

python -m benchmarks.store [--credentials 100000] [--rows 2000] [--json]
"""

import argparse
import gc
import json
import os
import resource
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

from sqlalchemy import insert

from edge.store import journal
from edge.store.changes import RevisionWatch, note_changes
from edge.store.engine import Store, open_store
from edge.store.snapshot import load_snapshot, load_update
from edge.store.tables import apartment, building, community, credential
from edge.store.writer import Writer
from models.access import CredentialKind, Reason, UnlockMethod
from models.ids import ApartmentId
from models.log import LogEntry, LogKind, Outcome

APARTMENTS = 2_000
ROW = LogEntry(
    kind=LogKind.ACCESS, at_ms=1_750_000_000_000, id="a-1", method=UnlockMethod.RF_CARD, outcome=Outcome.GRANTED,
    reason=Reason.GRANTED, apartment=ApartmentId("a-7"), relays=("1",), detail={"hint": "4F2A"},
)  # fmt: skip


def percentiles_ms(times_s: list[float]) -> dict[str, float]:
    ordered = sorted(times_s)
    return {
        "p50_ms": round(statistics.median(ordered) * 1000, 3),
        "p99_ms": round(ordered[int(len(ordered) * 0.99)] * 1000, 3),
    }


def flush_ms(folder: Path) -> float:
    """What one bare 4 KiB write and flush costs here: the floor under every durable commit."""
    times: list[float] = []
    with (folder / "flush").open("wb") as file:
        for _ in range(200):
            began = time.perf_counter()
            file.write(bytes(4096))
            file.flush()
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - began)
    return round(statistics.median(times) * 1000, 3)


def fill(store: Store, credentials: int) -> None:
    with store.write() as connection:
        connection.execute(insert(community).values(id="c-1", name="Bench", time_zone="UTC"))
        connection.execute(insert(building).values(id="b-1", community_id="c-1", name="1"))
        homes = [
            {"id": f"a-{n}", "community_id": "c-1", "building_id": "b-1", "number": str(n)}
            for n in range(1, APARTMENTS + 1)
        ]
        connection.execute(insert(apartment), homes)
        rows = [
            {
                "id": f"k-{n:09d}", "community_id": "c-1", "kind": CredentialKind.RF_CARD, "hint": f"{n:04X}"[-4:],
                "tag": n.to_bytes(32, "big"), "apartment_id": f"a-{n % APARTMENTS + 1}", "uses_left": None,
            }
            for n in range(credentials)
        ]  # fmt: skip
        connection.execute(insert(credential), rows)
        note_changes(connection, [("community", "c-1")])


def alone(store: Store, rows: int) -> dict[str, float]:
    """One row, one commit, one after the other: what a single card at a quiet door waits for."""
    writer = Writer(store)
    writer.start()
    times: list[float] = []
    for _ in range(rows):
        began = time.perf_counter()
        writer.submit(lambda connection: journal.append(connection, ROW)).result()
        times.append(time.perf_counter() - began)
    writer.close()
    return {"rows_per_s": round(rows / sum(times)), **percentiles_ms(times)}


def together(store: Store, rows: int, at_once: int) -> dict[str, float]:
    """*at_once* rows always under way: how far one commit for many carries."""
    writer = Writer(store)
    free = threading.Semaphore(at_once)
    times: list[float] = []

    def finished(began: float) -> Callable[["Future[int]"], None]:
        def done(_future: "Future[int]") -> None:
            times.append(time.perf_counter() - began)
            free.release()

        return done

    writer.start()
    began = time.perf_counter()
    for _ in range(rows):
        free.acquire()
        writer.submit(lambda c: journal.append(c, ROW)).add_done_callback(finished(time.perf_counter()))
    writer.close()
    took = time.perf_counter() - began
    commits = writer.stats().commits
    return {"rows_per_s": round(rows / took), "rows_a_commit": round(rows / commits, 1), **percentiles_ms(times)}


def resident_mb() -> float:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 1e6


def reading(store: Store, runs: int = 5) -> dict[str, float]:
    gc.collect()
    before = resident_mb()
    with store.read() as connection:
        snapshot = load_snapshot(connection)
    gc.collect()
    memory = resident_mb() - before
    times = []
    for _ in range(runs):
        began = time.perf_counter()
        with store.read() as connection:
            snapshot = load_snapshot(connection)
        times.append(time.perf_counter() - began)
    began = time.perf_counter()
    with store.write() as connection:
        note_changes(connection, [("credential", "k-000000007")])
    with store.read() as connection:
        update = load_update(connection, snapshot.revision)
    assert update is not None
    update.apply(snapshot)
    one = time.perf_counter() - began
    return {
        "snapshot_s": round(statistics.median(times), 3),
        "slowest_s": round(max(times), 3),
        "one_credential_ms": round(one * 1000, 2),
        "memory_mb": round(memory, 1),
    }


def watching(store: Store) -> dict[str, float]:
    watch = RevisionWatch(store)
    times = []
    for _ in range(5_000):
        began = time.perf_counter()
        watch.poll()
        times.append(time.perf_counter() - began)
    watch.close()
    return {name.replace("ms", "us"): round(value * 1000, 1) for name, value in percentiles_ms(times).items()}


def measure(credentials: int, rows: int) -> dict[str, object]:
    with tempfile.TemporaryDirectory(prefix="edge-bench-") as folder:
        store = open_store(f"sqlite:///{folder}/edge.db")
        fill(store, credentials)
        result: dict[str, object] = {
            "flush_ms": flush_ms(Path(folder)),
            "append_alone": alone(store, rows),
            "append_50_at_once": together(store, rows * 5, 50),
            "append_500_at_once": together(store, rows * 10, 500),
            "snapshot": {"credentials": credentials, **reading(store)},
            "revision_poll": watching(store),
        }
        store.close()
        return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--credentials", type=int, default=100_000)
    parser.add_argument("--rows", type=int, default=2_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    result = measure(options.credentials, options.rows)
    if options.json:
        print(json.dumps(result))
        return
    for name, value in result.items():
        shown = "  ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else value
        print(f"{name:20} {shown}")


if __name__ == "__main__":
    main()
