"""Facts gathered and written together; a store in trouble loses none of them."""

from collections.abc import Callable, Iterator, Sequence
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


async def test_rows_of_a_kind_go_together_in_jobs_of_a_limited_size(
    lazy: LazyWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.store.lazy.TOGETHER_MAX", 3)
    jobs: list[list[int]] = []

    def save_all(_connection: Connection, values: Sequence[int]) -> None:
        jobs.append(list(values))

    for number in range(7):
        lazy.put_row(number, number, save_all)
    lazy.put_row(2, 22, save_all)
    await lazy.flush()
    assert jobs == [[0, 1, 22], [3, 4, 5], [6]]


async def test_rows_wait_while_the_store_is_full_and_newer_ones_win(lazy: LazyWriter) -> None:
    kept: list[list[str]] = []
    full = [True]

    def save_all(_connection: Connection, values: Sequence[str]) -> None:
        if full[0]:
            raise StoreFull("no room")
        kept.append(list(values))

    lazy.put_row("a", "old", save_all)
    lazy.put_row("b", "b", save_all)
    await lazy.flush()
    full[0] = False
    lazy.put_row("a", "new", save_all)
    await lazy.flush()
    assert [sorted(values) for values in kept] == [["b", "new"]]
