"""Where rows of calls go: through the writer, a row and its journal entries in one commit."""

from collections.abc import Sequence
from typing import Protocol

from sqlalchemy import Connection

from edge.store import calls, journal
from edge.store.writer import Writer
from models.call import CallRecord
from models.log import LogEntry


class CallStore(Protocol):
    """What the desk asks of the store. Raises StoreError where the store fails."""

    async def save(self, record: CallRecord, entries: Sequence[LogEntry]) -> None:
        """Write the row, replacing an earlier state of the same call, and append *entries*, in one commit."""
        ...

    async def close_open(self) -> int:
        """End the rows of calls that a crash left open; how many there were."""
        ...


class WriterCallStore:
    """`CallStore` over the daemon's one writer."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    async def save(self, record: CallRecord, entries: Sequence[LogEntry]) -> None:
        def job(connection: Connection) -> None:
            calls.save(connection, record)
            for entry in entries:
                journal.append(connection, entry)

        await self._writer.write(job)

    async def close_open(self) -> int:
        return await self._writer.write(calls.close_open_calls)
