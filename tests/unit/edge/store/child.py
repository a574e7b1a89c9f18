"""Processes that tests start, to kill them or to let them compete: ``python -m tests.unit.edge.store.child VERB …``."""

import sys
from collections import deque
from concurrent.futures import Future
from pathlib import Path

from edge.store import journal
from edge.store.engine import open_store
from edge.store.writer import Writer
from tests.unit.edge.store.sample import entry

UNDER_WAY = 20


def write_until_killed(url: str) -> None:
    """Append for ever, twenty rows under way, and print each `seq` only when its future is resolved."""
    writer = Writer(open_store(url))
    writer.start()
    waiting: deque[Future[int]] = deque()
    while True:
        waiting.append(writer.submit(lambda connection: journal.append(connection, entry())))
        if len(waiting) == UNDER_WAY:
            print(waiting.popleft().result(), flush=True)


def append_rows(url: str, count: str) -> None:
    """Append *count* rows, each in its own transaction, as the command line does."""
    store = open_store(url)
    print("ready", flush=True)
    sys.stdin.readline()
    for _ in range(int(count)):
        with store.write() as connection:
            print(journal.append(connection, entry()))


def open_and_close(url: str) -> None:
    open_store(url).close()


VERBS = {verb.__name__: verb for verb in (write_until_killed, append_rows, open_and_close)}
ROOT = Path(__file__).parents[4]


def command(verb: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "tests.unit.edge.store.child", verb, *arguments]


if __name__ == "__main__":
    VERBS[sys.argv[1]](*sys.argv[2:])
