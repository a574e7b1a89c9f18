"""Facts gathered and written together; a store in trouble loses none of them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from edge.store.engine import Store, open_store
from edge.store.errors import StoreFull
from edge.store.lazy import LazyWriter
from edge.store.writer import Writer


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path / 'edge.db'}")
    yield opened
    opened.close()


@pytest.fixture
def lazy(store: Store) -> Iterator[LazyWriter]:
    writer = Writer(store)
    writer.start()
    yield LazyWriter(writer)
    writer.close()


def noting(seen: list[str], what: str) -> Callable[[Connection], None]:
    return lambda _connection: seen.append(what)


async def test_only_the_newest_fact_of_a_key_is_written(lazy: LazyWriter) -> None:
    seen: list[str] = []
    lazy.put("a", noting(seen, "old"))
    lazy.put("b", noting(seen, "other"))
    lazy.put("a", noting(seen, "new"))
    await lazy.flush()
    await lazy.flush()
    assert sorted(seen) == ["new", "other"]


async def test_what_fails_waits_and_gives_way_to_newer_facts(lazy: LazyWriter) -> None:
    seen: list[str] = []

    def full(_connection: Connection) -> None:
        lazy.put("a", noting(seen, "newer"))  # comes in while the older one is being written
        raise StoreFull("no room")

    lazy.put("a", full)
    lazy.put("b", noting(seen, "b"))
    await lazy.flush()
    await lazy.flush()
    assert seen.count("newer") == 1
    assert "b" in seen
