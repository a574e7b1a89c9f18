"""mosquitto as somebody else's broker: with the configuration that its operator would write."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

from mqtt.broker.mosquitto import find
from mqtt.broker.passwords import hash_password

PORT = 1883
READY_WITHIN_S = 10.0


class ForeignBroker:
    """Use as ``async with``. `restart` kills it and brings it back with an empty memory."""

    def __init__(self, folder: Path, address: str, lines: Sequence[str]) -> None:
        self.address = (address, PORT)
        self._config = folder / "mosquitto.conf"
        # as root it would give up its rights, and with them the folder of this test
        user = ["user root"] if os.geteuid() == 0 else []
        self._config.write_text("\n".join([*user, "log_dest stderr", *lines, ""]))
        self._log = folder / "mosquitto.log"
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> "ForeignBroker":
        await self._start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._end(signal.SIGTERM)

    async def restart(self) -> None:
        await self._end(signal.SIGKILL)
        await self._start()

    async def _start(self) -> None:
        program = find()
        assert program is not None
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                program, "-c", self._config, stdout=log, stderr=log, cwd=self._config.parent
            )
        async with asyncio.timeout(READY_WITHIN_S):
            while True:
                assert self._process.returncode is None, self._log.read_text()
                try:
                    _, writer = await asyncio.open_connection(*self.address)
                except ConnectionRefusedError:
                    await asyncio.sleep(0.02)
                    continue
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
                return

    async def _end(self, number: signal.Signals) -> None:
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(number)
        async with asyncio.timeout(5):
            await self._process.wait()


@contextlib.asynccontextmanager
async def with_logins(folder: Path, address: str, logins: Mapping[str, str]) -> AsyncIterator[ForeignBroker]:
    """A broker at which every login may do everything, as Home Assistant's own."""
    passwords = folder / "passwords"
    passwords.touch(0o600)
    passwords.write_text("".join(f"{name}:{hash_password(word, os.urandom(12))}\n" for name, word in logins.items()))
    lines = [f"listener {PORT} {address}", "allow_anonymous false", f"password_file {passwords}"]
    async with ForeignBroker(folder, address, lines) as broker:
        yield broker
