"""What other processes and sudden ends do to the store. The rows of SQLite's faults are in test_sqlite_faults."""

import subprocess
from pathlib import Path

import pytest

from edge.store import journal
from edge.store.engine import Store, open_store
from edge.store.migrations import HEAD
from tests.unit.edge.store import child
from tests.unit.edge.store.sample import fill


def start(verb: str, *arguments: str) -> "subprocess.Popen[str]":
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    return subprocess.Popen(child.command(verb, *arguments), cwd=child.ROOT, text=True, **pipes)


@pytest.mark.slow
@pytest.mark.parametrize("rows_before_the_kill", [1, 37, 400])
def test_kill_9_loses_no_row_whose_future_was_resolved(store: Store, rows_before_the_kill: int) -> None:
    url = str(store.url)
    writing = start("write_until_killed", url)
    assert writing.stdout is not None
    promised = [int(writing.stdout.readline()) for _ in range(rows_before_the_kill)]
    writing.kill()
    promised += [int(line) for line in writing.stdout if line.endswith("\n")]
    writing.communicate()
    with store.read() as connection:
        verdict = journal.verify(connection)
        assert verdict.sound
        assert verdict.newest >= promised[-1]
        assert promised == list(range(1, len(promised) + 1))
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"


@pytest.mark.slow
def test_two_processes_share_one_seq_without_a_gap(store: Store) -> None:
    each = 150
    writers = [start("append_rows", str(store.url), str(each)) for _ in range(2)]
    for writing in writers:
        assert writing.stdout is not None
        assert writing.stdout.readline() == "ready\n"
    for writing in writers:
        assert writing.stdin is not None
        writing.stdin.write("go\n")
        writing.stdin.flush()
    told = [[int(seq) for seq in writing.communicate()[0].split()] for writing in writers]
    assert sorted(told[0] + told[1]) == list(range(1, 2 * each + 1))
    assert all(seqs == sorted(seqs) for seqs in told)
    with store.read() as connection:
        assert journal.verify(connection).sound


@pytest.mark.slow
def test_several_processes_may_make_the_same_store_at_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'site' / 'edge.db'}"
    makers = [start("open_and_close", url) for _ in range(4)]
    assert [(maker.communicate()[0], maker.returncode) for maker in makers] == [("", 0)] * 4
    store = open_store(url)
    fill(store)
    with store.read() as connection:
        assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalars().all() == [HEAD]
    store.close()
