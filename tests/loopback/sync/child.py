"""An edge that follows and writes into its log until it is killed. Prints each row's number once it is on disk."""

import asyncio
import sys
import time
from functools import partial
from pathlib import Path

from edge.admin.site import Site
from edge.store import journal
from models.log import LogEntry, LogKind
from tests.loopback.sync.lab import Edge


async def main(folder: Path) -> None:
    edge = Edge(Site.open(folder))
    async with edge.following():
        while True:
            number = time.time_ns() // 1_000  # stands where the time does: no other row has it, in this run or the next
            await edge.writer.write(
                partial(journal.append, entry=LogEntry(LogKind.ALARM, number, detail={"type": "test"}))
            )
            print(number, flush=True)
            await asyncio.sleep(0.005)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
