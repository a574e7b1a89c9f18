"""A full disk, a read-only disk, a damaged page, kills of daemon and broker: doors go on, nothing committed is lost."""

import asyncio
import contextlib
import json
import os
import random
import signal
import sqlite3
import struct
import subprocess
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import aiomqtt
import pytest

from edge.demo.device import Device
from edge.demo.site import Daemon, Site
from tests.peers.site import Running

pytestmark = pytest.mark.peer("mosquitto")

GATE: Final = "0c1105f00001"
CARD: Final = "04A1B2C3D4"
DISK_MIB: Final = 40
OLD_ROWS: Final = 3_000
KILLS: Final = 6
as_root: Final = pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk is for root alone: run it as root")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own, `DISK_MIB` large."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m,mode=0700", "tmpfs", str(folder)]
    subprocess.run(mount, check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


async def furnished(folder: Path, address: str) -> Site:
    site = await Site(folder, address).init("--plan", "premium")
    await site.edge("mac", "add", GATE)
    await site.edge("building", "add", "1")
    await site.edge("apartment", "add", "1/101")
    await site.edge("device", "add", GATE, "--name", "Gate", "--type", "0")
    await site.edge("relay", "add", GATE, "1")
    await site.edge("credential", "add", "rf_card", "--apartment", "1/101", "--value", "-", stdin=CARD + "\n")
    return site


@contextlib.asynccontextmanager
async def living(site: Site, log: Path) -> AsyncIterator[tuple[Daemon, Device]]:
    """The site's daemon, and its door."""
    async with site.daemon(log) as daemon:
        login = await Running(site, daemon).login(GATE, "Gate")
        async with login.simulated(type="0") as door:
            await door.wait("link", online=True)
            yield daemon, door


async def health(site: Site, part: str) -> list[str]:
    """What `edge doctor` says of *part*."""
    report = (await site.run("doctor")).json
    return [finding["message"] for finding in report["findings"] if finding["part"] == part]


async def until_health(site: Site, part: str, words: str | None, within_s: float = 40.0) -> None:
    async with asyncio.timeout(within_s):
        while True:
            said = await health(site, part)
            if (words is None and not said) or (words is not None and any(words in line for line in said)):
                return


def fill(file: Path) -> None:
    """Take all room that the disk has."""
    with contextlib.suppress(OSError), file.open("wb", buffering=0) as out:
        while True:
            out.write(bytes(64 * 1024))
    with contextlib.suppress(OSError), file.with_suffix(".last").open("wb", buffering=0) as out:
        while True:
            out.write(bytes(512))


def empty(folder: Path) -> None:
    for file in folder.glob("filler*"):
        file.unlink()


def old_rows(site: Site) -> None:
    """Rows of devices from long ago, as a year of doors makes them."""
    from edge.store import journal
    from edge.store.engine import open_store
    from models.log import LogEntry, LogKind

    store = open_store(f"sqlite:///{site.folder / 'edge.db'}")
    with store.write() as connection:
        for number in range(OLD_ROWS):
            row = LogEntry(LogKind.DEVICE, 1_700_000_000_000 + number, detail={"type": "door_opened"})
            journal.append(connection, row)
    store.close()


@as_root
async def test_doors_go_on_with_a_full_disk_and_the_oldest_least_important_rows_make_room(
    small_disk: Path, tmp_path: Path, address: str
) -> None:
    site = await furnished(small_disk / "site", address)
    old_rows(site)
    audit = [row["seq"] for row in await site.log("--kind", "audit")]
    async with living(site, tmp_path / "serve.log") as (_, door):
        assert (await door.attempt("before", "rf_card", CARD))["message"]["granted"]
        fill(small_disk / "filler")
        for number in range(40):
            assert (await door.attempt(f"full-{number}", "rf_card", CARD))["relays"] == ["1"]
        await until_health(site, "disk", "the disk is full")
        rows = await site.log()
        empty(small_disk)
        await until_health(site, "disk", None)
        rows = await site.log()
        assert (await door.attempt("after", "rf_card", CARD))["message"]["granted"]
        assert (await site.run("log", "verify")).status == 0
    granted = [row["id"] for row in rows if row["kind"] == "access"]
    assert granted == ["before", *(f"full-{number}" for number in range(40))], "every row followed, each once"
    (alarm,) = [row for row in rows if row["detail"].get("type") == "disk_full"]
    assert set(alarm["detail"]["erased"]) == {"device"}
    assert [row["seq"] for row in rows if row["kind"] == "audit"][: len(audit)] == audit
    left = [row for row in rows if row["at"].startswith("2023-")]
    assert 0 < len(left) < OLD_ROWS
    assert left[-1]["seq"] - left[0]["seq"] == len(left) - 1, "the oldest went"
    assert "the disk is full" in (tmp_path / "serve.log").read_text()


def make_read_only(folder: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)


@as_root
async def test_a_read_only_disk_is_named_and_nothing_else_happens(
    small_disk: Path, tmp_path: Path, address: str
) -> None:
    site = await furnished(small_disk / "site", address)
    make_read_only(small_disk)
    answer = await site.run("serve")
    assert answer.status == 1
    assert answer.errors.splitlines()[-1].startswith("edge: ")
    assert "Read-only file system" in answer.errors
    assert "Traceback" not in answer.errors


def damage(database: Path, table: str, *, oldest_rows: bool = False) -> None:
    """Overwrite the root page of *table* as a dying card does, or only the page of its *oldest_rows*."""
    with contextlib.closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (page,) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,)).fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    with database.open("r+b") as file:
        while oldest_rows:
            file.seek((page - 1) * size)
            content = file.read(size)
            if content[0] != 5:  # an interior page of a table; its first cell begins with the number of a child
                break
            (first,) = struct.unpack_from(">H", content, 12)
            (page,) = struct.unpack_from(">I", content, first)
        file.seek((page - 1) * size)
        file.write(random.Random(7).randbytes(size))


async def test_a_damaged_page_of_the_log_is_told_and_doors_go_on(tmp_path: Path, address: str) -> None:
    site = await furnished(tmp_path / "site", address)
    old_rows(site)
    damage(site.folder / "edge.db", "journal", oldest_rows=True)
    async with living(site, tmp_path / "serve.log") as (_, door):
        assert (await door.attempt("a-1", "rf_card", CARD))["message"]["granted"]
        await until_health(site, "disk", "the database is damaged")
        assert any("the database is damaged" in line for line in await health(site, "store"))
    assert "restore a backup" in (tmp_path / "serve.log").read_text()


async def test_a_daemon_that_cannot_read_its_rules_says_so_and_does_not_start(tmp_path: Path, address: str) -> None:
    site = await furnished(tmp_path / "site", address)
    damage(site.folder / "edge.db", "credential")
    answer = await site.run("serve")
    assert answer.status == 1
    assert answer.errors.splitlines()[-1].startswith("edge: the database is damaged: ")
    assert "restore a backup" in answer.errors
    assert any("the database is damaged" in line for line in await health(site, "store"))


class Hammer:
    """An ordinary MQTT client with a door's login that never rests: cards and door contacts."""

    def __init__(self, login: dict[str, Any]) -> None:
        self._login = login
        self._root = f"{login['prefix']}/{login['community']}/{login['user']}"
        self._number = 0
        self.answered: dict[str, bytes] = {}
        self.differing: list[str] = []
        self.unasked: list[str] = []

    async def run(self) -> None:
        while True:
            try:
                await self._one_link()
            except* aiomqtt.MqttError:
                await asyncio.sleep(0.05)

    async def _one_link(self) -> None:
        options = {"username": self._login["user"], "password": self._login["password"], "timeout": 2.0}
        where = (self._login["host"], self._login["port"])
        async with aiomqtt.Client(*where, identifier=self._login["client_id"], **options) as client:
            await client.subscribe(f"{self._root}/down/#", 1)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._listen(client))
                group.create_task(self._speak(client))

    async def _listen(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            verb = message.topic.value.rpartition("/")[2]
            payload = message.payload if isinstance(message.payload, bytes) else b""
            if verb == "decision":
                identity = json.loads(payload)["id"]
                if self.answered.setdefault(identity, payload) != payload:
                    self.differing.append(identity)
            elif verb == "open":
                self.unasked.append(verb)

    async def _speak(self, client: aiomqtt.Client) -> None:
        while True:
            self._number += 1
            at = datetime.now(UTC).isoformat()
            attempt = {"id": f"n-{self._number}", "at": at, "method": "rf_card", "value": CARD}
            event = {"id": f"e-{self._number}", "at": at, "type": "door_opened"}
            await client.publish(f"{self._root}/up/attempt", json.dumps(attempt), qos=1)
            await client.publish(f"{self._root}/up/event", json.dumps(event), qos=1)
            await asyncio.sleep(0.005)

    async def answers(self, count: int, within_s: float = 40.0) -> None:
        wanted = len(self.answered) + count
        async with asyncio.timeout(within_s):
            while len(self.answered) < wanted:  # noqa: ASYNC110 - counted by a task of its own
                await asyncio.sleep(0.02)


def broker_of(daemon: Daemon) -> int:
    """The process of the daemon's mosquitto."""
    assert daemon.pid is not None
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                if parent == daemon.pid and b"mosquitto" in (entry / "cmdline").read_bytes():
                    return int(entry.name)
    raise LookupError("the daemon has no mosquitto")


async def test_a_frozen_broker_is_told_ended_and_started_again(tmp_path: Path, address: str) -> None:
    site = await furnished(tmp_path / "site", address)
    async with living(site, tmp_path / "serve.log") as (daemon, door):
        assert (await door.attempt("before", "rf_card", CARD))["message"]["granted"]
        mark = door.events.mark()
        os.kill(broker_of(daemon), signal.SIGSTOP)
        await until_health(site, "broker", "does not answer")
        await until_health(site, "broker", "started again 1 times")
        await door.wait("link", 30.0, mark, online=True)
        assert (await door.attempt("after", "rf_card", CARD))["message"]["granted"]
        moved = [event["message"]["id"] for event in door.seen("down") if event["relays"]]
        assert moved == ["before", "after"], "nothing else moved"
    assert "is frozen" in (tmp_path / "serve.log").read_text()
    assert [row["id"] for row in await site.log("--kind", "access")] == ["before", "after"]


async def test_kills_of_daemon_and_broker_under_load_lose_nothing_and_open_nothing(
    tmp_path: Path, address: str
) -> None:
    site = await furnished(tmp_path / "site", address)
    site.configure({"mqtt": {"port": 1883}})
    committed: dict[int, str] = {}
    hammer: Hammer | None = None
    hammering: asyncio.Task[None] | None = None
    try:
        for number in range(KILLS):
            async with site.daemon(tmp_path / f"{number}.log") as daemon:
                if hammer is None:
                    hammer = Hammer((await site.edge("device", "secret", GATE))["mqtt"])
                    hammering = asyncio.ensure_future(hammer.run())
                await hammer.answers(30)
                os.kill(broker_of(daemon), signal.SIGKILL)
                await hammer.answers(30)
                committed |= {row["seq"]: row["id"] for row in await site.log()}
                await daemon.kill()
    finally:
        if hammering is not None:
            hammering.cancel()
            await asyncio.gather(hammering, return_exceptions=True)
    assert hammer is not None
    rows = await site.log()
    ids = {row["seq"]: row["id"] for row in rows}
    assert committed.items() <= ids.items(), "what was committed once is there for good"
    assert list(ids) == list(range(1, len(ids) + 1))
    told = [row["id"] for row in rows if row["kind"] in ("access", "device") and row["id"]]
    assert len(told) == len(set(told)), "nothing is dealt with twice"
    assert hammer.answered.keys() <= set(told), "whoever was answered stands in the log"
    assert not hammer.differing
    assert not hammer.unasked, "no restart, no replay opens a door"
    assert (await site.run("log", "verify")).status == 0
