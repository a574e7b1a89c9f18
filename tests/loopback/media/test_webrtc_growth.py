"""After many calls nothing is held of them; `benchmarks.app_leak` asks the whole daemon, five hundred times."""

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from sip.media.webrtc import use_addresses
from sip.media.webrtc_pool import HubPool
from tests.loopback.portal.apps import AppPeer, until
from tests.loopback.portal.test_hub import IDR, PPS, SPS, TONE, Door

FIRST_CALLS = 10  # after which caches are full
CALLS = 30
GROWTH_BYTES_MAX = 12 << 20  # 400 KB a call; a connection that were kept holds more


@dataclass(frozen=True)
class Held:
    threads: int
    descriptors: int
    memory_bytes: int

    @classmethod
    def by(cls, pid: int) -> "Held":
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return cls(int(fields[17]), len(os.listdir(f"/proc/{pid}/fd")), int(fields[21]) * os.sysconf("SC_PAGE_SIZE"))


@pytest.fixture
async def door(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Door]:
    import aioice.ice

    monkeypatch.setattr("aioice.ice.get_host_addresses", aioice.ice.get_host_addresses)  # put back after the test
    use_addresses(("127.0.0.1",))
    made = Door()
    yield made
    made.close()


@pytest.fixture
async def pool() -> AsyncIterator[HubPool]:
    made = HubPool(("127.0.0.1",), cores=1)
    await made.start()
    await until(lambda: made.pids)
    yield made
    await made.stop()


async def call(pool: HubPool, door: Door) -> None:
    """Rung, seen and heard, answered, over."""
    hub = pool.hub(door.offer, lambda: None)
    door.answered(hub.add_leg(0, door.offer))
    async with AppPeer() as app:
        await app.answered(await hub.connect("anna", await app.offer()))
        hub.talk("anna", 0)

        def seen() -> bool:
            door.show(SPS, PPS, IDR)
            return bool(app.seen)

        def heard() -> bool:
            door.send("audio", TONE, 0)
            return bool(app.heard)

        await until(seen)
        await until(heard)
    await hub.close()


async def test_calls_leave_no_threads_no_descriptors_and_no_memory(pool: HubPool, door: Door) -> None:
    (pid,) = pool.pids
    for _ in range(FIRST_CALLS):
        await call(pool, door)
    before, ours = Held.by(pid), Held.by(os.getpid())
    for _ in range(CALLS):
        await call(pool, door)
    await until(lambda: Held.by(pid).descriptors <= before.descriptors and Held.by(pid).threads <= before.threads)
    assert Held.by(pid).memory_bytes - before.memory_bytes < GROWTH_BYTES_MAX
    assert Held.by(os.getpid()).descriptors <= ours.descriptors
    assert pool.pids == [pid]
