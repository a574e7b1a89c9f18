"""Pages of a snapshot that is still arriving, checked already; the last one swaps (decision 51)."""

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, delete, func, select

from edge.cloud.local import plain
from edge.cloud.things import Thing, from_text, to_text
from edge.cloud.wire import Answer, Poisoned

ROWS_A_COMMIT: Final = 1_000
"""So long a door's row may wait for a page."""

_STAGING: Final = plain("staging", "position", "token", "kind", "id", "rev", "body", "page")


@dataclass(slots=True)
class Pages:
    """How far the snapshot has come."""

    epoch: str = ""
    to: int = 0
    label: str = ""  # of these pages, and of no others that somebody may be staging
    number: int = 0
    rows: int = 0
    confirmed: bool = False

    @classmethod
    def of(cls, answer: Answer) -> "Pages":
        return cls(answer.epoch, answer.to, secrets.token_hex(8))

    @property
    def begun(self) -> bool:
        return bool(self.label)

    def fits(self, answer: Answer) -> bool:
        """Whether *answer* is a page of this snapshot, or the first of one."""
        return not self.begun or (self.epoch, self.to) == (answer.epoch, answer.to)

    def add(self, answer: Answer, rows: int) -> None:
        """*rows* of *answer* are staged."""
        self.number += 1
        self.rows += rows
        self.confirmed |= answer.confirm


def batches(things: Sequence[Thing]) -> Iterator[Sequence[Thing]]:
    for start in range(0, len(things), ROWS_A_COMMIT):
        yield things[start : start + ROWS_A_COMMIT]


def add(connection: Connection, pages: Pages, things: Sequence[Thing]) -> None:
    first = int(connection.execute(select(func.coalesce(func.max(_STAGING.c.position), 0))).scalar_one()) + 1
    rows = [
        {
            "position": position, "token": pages.label, "kind": thing.kind, "id": thing.id, "rev": thing.rev,
            "body": to_text(thing), "page": pages.number,
        }
        for position, thing in enumerate(things, start=first)
    ]  # fmt: skip
    if rows:
        connection.execute(_STAGING.insert(), rows)


def load(connection: Connection, pages: Pages) -> list[Thing]:
    """Everything staged of this snapshot. Raises Poisoned where one thing stands on two pages."""
    found: dict[tuple[str, str], Thing] = {}
    query = select(_STAGING).where(_STAGING.c.token == pages.label).order_by(_STAGING.c.position)
    for row in connection.execution_options(yield_per=2_000).execute(query):
        if (row.kind, row.id) in found:
            raise Poisoned(row.id, "duplicate", "stands on two pages", row.kind)
        found[row.kind, row.id] = from_text(row.kind, row.id, row.rev, row.body)
    return list(found.values())


def clear(connection: Connection) -> int:
    """Take away some of what is staged; how many rows went. Call again until it is 0."""
    oldest = select(_STAGING.c.position).order_by(_STAGING.c.position).limit(5 * ROWS_A_COMMIT)
    return connection.execute(delete(_STAGING).where(_STAGING.c.position.in_(oldest))).rowcount
