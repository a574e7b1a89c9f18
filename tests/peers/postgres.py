"""A PostgreSQL server of one's own, in a folder of its own, on an address of its own. Data is lost at the end."""

import contextlib
import glob
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import psycopg

from tests.peers.programs import POSTGRES_BIN

_START_WITHIN_S: Final = 20.0
_STOP_WITHIN_S: Final = 10.0
_POLL_S: Final = 0.05
_UNPRIVILEGED: Final = "postgres"  # the server refuses to run as root; the package makes this user
_FAST: Final = ("-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off")


@contextlib.contextmanager
def server(address: str, port: int = 5432) -> Iterator[str]:
    """Runs while the block does; yields ``postgresql://user:password@address:port`` without a database."""
    folder = Path(tempfile.mkdtemp(prefix="edge-postgres-"))
    user: dict[str, Any] = {"user": _UNPRIVILEGED, "group": _UNPRIVILEGED} if os.geteuid() == 0 else {}
    if user:
        shutil.chown(folder, **user)
    programs = Path(sorted(glob.glob(POSTGRES_BIN))[-1])
    password = secrets.token_urlsafe(16)
    try:
        _make_cluster(programs, folder, password, user)
        options = ["-c", f"listen_addresses={address}", "-c", f"port={port}", "-c", "unix_socket_directories=", *_FAST]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [programs / "postgres", "-D", folder / "data", *options], stdout=log, stderr=log, cwd=folder, **user
            )
        try:
            url = f"postgresql://edge:{password}@{address}:{port}"
            _wait_until_it_answers(url, process, folder / "log")
            yield url
        finally:
            process.send_signal(signal.SIGINT)  # fast shutdown: open connections are cut
            process.wait(_STOP_WITHIN_S)
    finally:
        shutil.rmtree(folder)


def _make_cluster(programs: Path, folder: Path, password: str, user: dict[str, Any]) -> None:
    password_file = folder / "password"
    password_file.write_text(password)
    if user:
        shutil.chown(password_file, **user)
    subprocess.run(
        [programs / "initdb", "-D", folder / "data", "-U", "edge", "--pwfile", password_file, "-A", "scram-sha-256",
         "-E", "UTF8", "--no-sync", "--locale", "C.UTF-8"],
        check=True, capture_output=True, cwd=folder, timeout=60, **user,
    )  # fmt: skip


def _wait_until_it_answers(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    end = time.monotonic() + _START_WITHIN_S
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(psycopg.OperationalError):
            psycopg.connect(f"{url}/postgres", connect_timeout=2).close()
            return
        time.sleep(_POLL_S)
    raise RuntimeError(f"PostgreSQL did not come up: {log.read_text()[-2000:]}")


@contextlib.contextmanager
def database(server_url: str) -> Iterator[str]:
    """A new empty database on that server; yields its URL for SQLAlchemy. Dropped at the end."""
    name = f"edge_{secrets.token_hex(6)}"
    with psycopg.connect(f"{server_url}/postgres", autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
        try:
            yield f"{server_url.replace('postgresql', 'postgresql+psycopg', 1)}/{name}"
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
