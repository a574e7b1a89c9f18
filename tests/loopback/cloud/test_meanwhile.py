"""While a long answer is fetched, checked and put in force, doors are decided as quickly as ever."""

import asyncio
import statistics
import time

from benchmarks.central_snapshot import things
from edge.core.access import DoorState, decide
from edge.store.snapshot import load_snapshot
from models.access import Attempt, Reason, UnlockMethod
from models.ids import Mac
from tests.loopback.central.lab import DOOR, Lab, card, furniture
from tests.loopback.sync.lab import Edge

CREDENTIALS = 3_000
PAUSE_S = 0.001
DECISION_P99_MS = 10.0  # 1 ms is what a machine of its own needs: `benchmarks.sync_apply`


def store(lab: Lab) -> int:
    with lab.central.change(lab.community, "test") as change:
        for kind, identity, body in things(CREDENTIALS):
            change.put(kind, f"x-{identity}", {name: _other(name, value) for name, value in body.items()})
    return change.rev


def _other(name: str, value: object) -> object:
    """Ids beside those of `furniture`, under another building's name."""
    return f"x-{value}" if name in ("building", "apartment", "resident", "name") else value


async def test_decisions_do_not_wait_for_a_long_answer(edge: Edge, lab: Lab) -> None:
    await lab.change(*furniture(2))
    await lab.join(edge)
    async with edge.following():
        await edge.at(lab.rev())
    snapshot, tagger = edge.read(load_snapshot), edge.applier.rules().tagger
    rev = await asyncio.to_thread(store, lab)
    took_ms: list[float] = []
    value = str(card(0)[2]["value"])
    async with edge.following():
        arrived = asyncio.ensure_future(edge.at(rev))
        while not arrived.done():
            now_ms = edge.clock.now_ms()
            attempt = Attempt("a", Mac(DOOR), UnlockMethod.RF_CARD, value, now_ms)
            began = time.perf_counter()
            judged = decide(attempt, snapshot, DoorState(), now_ms, tagger)
            took_ms.append((time.perf_counter() - began) * 1_000)
            assert judged.decision.reason is Reason.GRANTED
            await asyncio.sleep(PAUSE_S)
        await arrived
    assert edge.credentials() == CREDENTIALS + 2
    assert len(took_ms) > 20, "it was over before anybody came"
    assert statistics.quantiles(took_ms, n=100)[98] < DECISION_P99_MS
