"""The broker as a child process: ready, refused, killed, orphaned. The same cases for both programs."""

import asyncio
import os
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import aiomqtt
import pytest

from mqtt.accounts import Account
from mqtt.broker.choose import make_broker
from mqtt.broker.listeners import TlsFiles
from mqtt.broker.supervisor import BrokerFailed, OwnBroker
from mqtt.broker.sweep import PROBE, let_in
from mqtt.settings import MqttSettings
from tests.mqtt_lab.certificates import self_signed
from tests.mqtt_lab.fakes import Accounts, password_of
from tests.mqtt_lab.lab import DOOR, TOPICS, Kind, house, lab, up

# A daemon that is killed: it starts a broker, says where, and waits for the end.
DAEMON = """
import asyncio, sys
from pathlib import Path
from mqtt.broker.choose import make_broker
from mqtt.settings import MqttSettings
from tests.mqtt_lab.fakes import Accounts
from tests.mqtt_lab.lab import DOOR, TOPICS

async def main(kind, folder, address):
    settings = MqttSettings(broker=kind, listen=(address,), port=0)
    broker = make_broker(settings, TOPICS, Accounts(DOOR), folder=Path(folder), login_file=Path("unused"))
    await broker.start()
    print(broker.pid, flush=True)
    await broker.run()

asyncio.run(main(*sys.argv[1:]))
"""


class BrokerLife:
    """Inherited by a test class for each broker."""

    kind: ClassVar[Kind]

    def make(self, folder: Path, address: str, port: int) -> OwnBroker:
        settings = MqttSettings(broker=self.kind, listen=(address,), port=port)
        broker = make_broker(settings, TOPICS, Accounts(DOOR), folder=folder, login_file=folder / "unused")
        assert isinstance(broker, OwnBroker)
        return broker

    async def test_devices_can_log_in_when_it_has_started(self, tmp_path: Path, address: str) -> None:
        async with lab(self.kind, tmp_path, address) as room:
            await room.device(DOOR)

    async def test_a_taken_port_is_told_and_nothing_is_left_running(self, tmp_path: Path, address: str) -> None:
        with socket.create_server((address, 0)) as taken:
            broker = self.make(tmp_path, address, taken.getsockname()[1])
            with pytest.raises(BrokerFailed, match="(?i)address already in use"):
                await broker.start()
            assert broker.pid is None
            await broker.stop()

    async def test_stop_ends_it_and_is_idempotent(self, tmp_path: Path, address: str) -> None:
        broker = self.make(tmp_path, address, 0)
        await broker.stop()
        await broker.start()
        pid = broker.pid
        assert pid is not None
        await broker.stop()
        await broker.stop()
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)

    async def test_one_that_does_not_listen_is_killed(
        self, tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("mqtt.broker.supervisor.STOPS_WITHIN_S", 0.2)
        broker = self.make(tmp_path, address, 0)
        await broker.start()
        pid = broker.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        await broker.stop()
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)

    async def test_one_that_is_frozen_is_ended_and_started_again(
        self, tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr("mqtt.client.TIMEOUT_S", 0.5)
        monkeypatch.setattr("mqtt.broker.supervisor.LOOKS_EVERY_S", 0.1)
        monkeypatch.setattr("mqtt.broker.supervisor.STOPS_WITHIN_S", 0.2)
        async with lab(self.kind, tmp_path, address) as room:
            frozen = room.broker.pid
            assert frozen is not None
            assert not room.broker.silent
            os.kill(frozen, signal.SIGSTOP)
            async with asyncio.timeout(20):
                while not room.broker.silent:  # noqa: ASYNC110 - the supervisor tells nobody
                    await asyncio.sleep(0.02)
                while room.broker.pid in (None, frozen) or not await let_in(lambda: room.broker.dial(PROBE)):  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
            assert not room.broker.silent
            await room.device(DOOR)
        assert "does not answer" in caplog.text
        assert "is frozen" in caplog.text

    async def test_it_ends_when_the_daemon_is_killed(self, tmp_path: Path, address: str) -> None:
        root = Path(__file__).parents[2]
        daemon = await asyncio.create_subprocess_exec(
            sys.executable, "-c", DAEMON, self.kind, str(tmp_path), address, stdout=subprocess.PIPE, cwd=root
        )
        assert daemon.stdout is not None
        pid = int(await daemon.stdout.readline())
        os.kill(pid, 0)
        daemon.kill()
        await daemon.wait()
        async with asyncio.timeout(5):
            while await asyncio.to_thread(running, pid):  # noqa: ASYNC110 - not our child: nobody can wait for it
                await asyncio.sleep(0.02)

    async def test_the_same_port_after_a_restart_and_no_login_survives_its_removal(
        self, tmp_path: Path, address: str
    ) -> None:
        async with lab(self.kind, tmp_path, address) as room:
            door = await room.device(DOOR)
            where, pid = room.address, room.broker.pid
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            await door.closed.wait()
            room.accounts.remove(DOOR)
            await room.broker.refresh()  # while it may be down: what counts is what it reads when it is up
            async with asyncio.timeout(10):
                while room.broker.restarts == 0 or not await let_in(lambda: room.broker.dial(PROBE)):  # noqa: ASYNC110
                    await asyncio.sleep(0.02)  # the supervisor tells nobody
            assert room.address == where
            stranger = await room.wire()
            assert await stranger.login(DOOR, DOOR, password_of(DOOR)) == 5

    async def test_a_change_of_logins_waits_for_room_on_the_disk(
        self, tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with lab(self.kind, tmp_path, address) as room:
            door = await room.device(DOOR)
            write, tries = room.broker._write_accounts, []

            async def full_twice(accounts: Sequence[Account]) -> None:
                tries.append(len(accounts))
                if len(tries) <= 2:
                    raise OSError("no space left on device (scripted)")
                await write(accounts)

            monkeypatch.setattr(room.broker, "_write_accounts", full_twice)
            room.accounts.remove(DOOR)
            await room.broker.refresh()
            assert len(tries) == 3
            await door.until_closed(1)

    async def test_tls(self, tmp_path: Path, address: str) -> None:
        certificate, key = self_signed(tmp_path, address)
        async with lab(self.kind, tmp_path / "run", address, tls=TlsFiles(certificate, key)) as room:
            port = room.broker.listeners.tls_port
            assert port is not None
            async with (
                aiomqtt.Client(
                    address,
                    port,
                    identifier=DOOR,
                    username=DOOR,
                    password=password_of(DOOR),
                    tls_context=ssl.create_default_context(cafile=str(certificate)),
                ) as door,
                house(room) as home,
            ):
                await door.publish(up(DOOR, "state"), b"online", qos=1, retain=True)
                await home.desk.until(lambda: bool(home.desk.presences))

    async def test_plain_bytes_at_the_tls_port_get_nowhere(self, tmp_path: Path, address: str) -> None:
        certificate, key = self_signed(tmp_path, address)
        async with lab(self.kind, tmp_path / "run", address, tls=TlsFiles(certificate, key)) as room:
            port = room.broker.listeners.tls_port
            assert port is not None
            wire = await type(await room.wire()).open((address, port))
            assert await wire.login(DOOR, DOOR, password_of(DOOR)) == "closed"
            await wire.close()
            await room.device(DOOR)


def running(pid: int) -> bool:
    """Whether *pid* is a living process (a zombie is not)."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False
    return "State:\tZ" not in status
