"""The command line beside a daemon: what only the daemon knows, and what is followed while it happens."""

import asyncio
import contextlib
import json
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import cli
from edge.http.api import make_app
from edge.http.ports import Answer
from edge.http.server import HttpServer
from tests.loopback.http.test_server import FakeDaemon

GATE = "0c1105000000"
LIVE = {
    GATE: {
        "sip": {"online": True, "contact": "sip:1@192.0.2.1", "transport": "udp", "expires_at": "2026-01-01T00:00:00Z"},
        "mqtt": {"online": True, "since": "2026-01-01T00:00:00Z"},
    }
}
STATUS = {
    "community": "c-1",
    "sip": {"udp": ["127.9.9.9:5066"], "tcp": [], "tls": []},
    "mqtt": {"host": "127.9.9.9", "port": 8884, "tls": True},
    "daemon": {"pid": 1, "since": "2026-01-01T00:00:00Z"},
}


class Daemon(FakeDaemon):
    def status(self) -> dict[str, Any]:
        return dict(STATUS)

    def live_devices(self) -> dict[str, Any]:
        return dict(LIVE)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    site = tmp_path / "site"
    for line in ("init", f"mac add {GATE}", f"device add {GATE} --name Gate --type 0"):
        assert CliRunner().invoke(cli.edge, ["--site", str(site), *line.split()]).exit_code == 0
    (site / "run").mkdir(mode=0o700)
    return site


@pytest.fixture
def daemon(folder: Path) -> Iterator[Daemon]:
    """A local API on the site's socket, in a loop of its own."""
    fake = Daemon()
    loop = asyncio.new_event_loop()
    server = HttpServer(make_app(fake, None), name="local api", uds=folder / "run" / "edge.sock")
    ready = threading.Event()

    async def serve() -> None:
        await server.start()
        running = asyncio.ensure_future(server.run())
        ready.set()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        await server.stop()

    task = loop.create_task(serve())
    thread = threading.Thread(target=lambda: loop.run_until_complete(task))
    thread.start()
    assert ready.wait(10)
    yield fake
    loop.call_soon_threadsafe(task.cancel)
    thread.join(10)
    loop.close()


@pytest.fixture
def edge(folder: Path) -> Callable[..., Result]:
    return lambda *words: CliRunner().invoke(cli.edge, ["--site", str(folder), "--json", *words])


def test_status_is_the_daemons(edge, daemon):
    assert json.loads(edge("status").stdout) == STATUS


def test_devices_are_shown_as_the_daemon_sees_them(edge, daemon):
    (row,) = json.loads(edge("device", "list").stdout)
    assert row["sip"]["online"] is True
    assert row["sip"]["contact"] == "sip:1@192.0.2.1"
    assert row["mqtt"] == LIVE[GATE]["mqtt"]


def test_logins_lead_to_where_the_daemon_serves(edge, daemon):
    secret = json.loads(edge("device", "secret", "Gate").stdout)
    assert secret["sip"]["server"] == "127.9.9.9:5066"
    assert (secret["mqtt"]["host"], secret["mqtt"]["port"], secret["mqtt"]["tls"]) == ("127.9.9.9", 8884, True)


@pytest.mark.parametrize("code", [0, 1, 3])
def test_a_door_opens_or_not_by_the_daemons_word(edge, daemon, code):
    daemon.answer = Answer(code, {"ok": code == 0, "error": "because"})
    result = edge("door", "open", "Gate", "--relay", "2")
    assert result.exit_code == code
    assert json.loads(result.stdout)["ok"] is (code == 0)
    assert ("because" in result.stderr) == (code != 0)
    assert daemon.opened == [(GATE, 2, "installer")]


def test_the_doctor_tells_what_the_daemon_says_of_itself(edge, daemon):
    daemon.parts = {"store": "ok", "broker": "gone"}
    result = edge("doctor")
    wrong = [f for f in json.loads(result.stdout)["findings"] if f["level"] == "wrong"]
    assert (result.exit_code, [(f["part"], f["message"]) for f in wrong]) == (1, [("broker", "gone")])


def test_the_doctor_tells_a_port_that_somebody_has(edge, folder, address):
    import socket

    with socket.create_server((address, 0)) as other:
        port = other.getsockname()[1]
        settings = f'[sip]\nlisten = "{address}"\nport = 0\n[mqtt]\nlisten = "{address}"\nport = 0\n'
        (folder / "edge.toml").write_text(settings + f'[http]\nlisten = "{address}"\nport = {port}\n')
        result = edge("doctor")
    wrong = [f["message"] for f in json.loads(result.stdout)["findings"] if f["level"] == "wrong"]
    assert result.exit_code == 1
    assert len(wrong) == 1
    assert f"HTTP can't have TCP {address} {port}" in wrong[0]


def test_a_daemon_that_does_not_answer_is_told(edge, folder):
    import socket

    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(str(folder / "run" / "edge.sock"))
    result = edge("door", "open", "Gate")  # the socket file is there, and nobody listens
    assert result.exit_code == 1
    assert "no daemon serves" in result.stderr


async def test_the_log_is_followed_as_it_grows(folder):
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("edge"), "--site", str(folder), "log", "follow", "--kind", "audit", "--json",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    adding = asyncio.ensure_future(_add_buildings(folder))
    try:
        async with asyncio.timeout(30):
            row = json.loads(await process.stdout.readline())
            following = json.loads(await process.stdout.readline())
    finally:
        adding.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await adding
        process.terminate()
        await process.wait()
    assert row["detail"]["action"] == "building.add"
    assert following["seq"] == row["seq"] + 1


async def _add_buildings(folder: Path) -> None:
    """One after the other, since nobody can tell when the other process has begun to look."""
    for number in range(200):
        await asyncio.to_thread(CliRunner().invoke, cli.edge, ["--site", str(folder), "building", "add", str(number)])
        await asyncio.sleep(0.1)
