"""The daemon and its box."""

import gc
import os
import socket
from pathlib import Path

import pytest

from edge.runtime import (
    GC_MIDDLE,
    GC_OLD,
    GC_YOUNG_OBJECTS,
    AlreadyRunning,
    LoopWatch,
    only_daemon,
    sd_notify,
    settle_memory,
)


def test_a_second_daemon_of_a_site_is_refused_and_told_who_runs(tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    with only_daemon(run_dir), pytest.raises(AlreadyRunning, match=str(os.getpid())), only_daemon(run_dir):
        pytest.fail("two daemons on one site")
    with only_daemon(tmp_path / "run"):
        pass


def test_the_run_folder_is_the_owners_alone(tmp_path: Path) -> None:
    with only_daemon(tmp_path / "run"):
        assert (tmp_path / "run").stat().st_mode & 0o777 == 0o700


def test_sd_notify_speaks_to_the_manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "n"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "n"))
        sd_notify("READY=1")
        assert manager.recv(64) == b"READY=1"


def test_sd_notify_without_a_manager_is_quiet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    sd_notify("READY=1")
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    sd_notify("READY=1")


def test_lag_is_zero_before_the_first_sample() -> None:
    assert LoopWatch().late_s(0.99) == 0.0


def test_what_is_loaded_is_left_alone_by_the_collector() -> None:
    before = gc.get_threshold()
    try:
        settle_memory()
        assert gc.get_freeze_count() > 0
        assert gc.get_threshold() == (GC_YOUNG_OBJECTS, GC_MIDDLE, GC_OLD)
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)
