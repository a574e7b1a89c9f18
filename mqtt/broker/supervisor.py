"""Our own broker: a child process that is started, watched, restarted and told of changed accounts."""

import asyncio
import contextlib
import logging
import os
import secrets
import signal
import sys
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from mqtt.accounts import SERVICE_PREFIX, Account, MqttAccounts, Role
from mqtt.backoff import Backoff
from mqtt.broker import leash
from mqtt.broker.listeners import Listeners
from mqtt.broker.program import Program
from mqtt.broker.sweep import ALIVE, PROBE, SWEEP, answers, let_in, sweep, wake
from mqtt.brokers import EVENTS, LIVE
from mqtt.client import Endpoint, LinkDown, Login
from mqtt.topics import Topics

log = logging.getLogger(__name__)

READY_WITHIN_S: Final = 15.0
POLL_S: Final = 0.02
STOPS_WITHIN_S: Final = 3.0
STEADY_AFTER_S: Final = 60.0
LOOKS_EVERY_S: Final = 3.0
SILENT_TIMES: Final = 3
"""A broker that says nothing so many times, each for as long as a link waits (5 s), is frozen: nobody gets in."""
MAX_OUTPUT_BYTES: Final = 4096
LINES_KEPT: Final = 5
_PORT_TAKEN: Final = (
    " (if it is the system's own mosquitto: systemctl disable --now mosquitto; else choose another [mqtt] port)"
)


class BrokerFailed(Exception):
    """The broker does not start; the message is what it said."""


class OwnBroker:
    """A `Component` and a `Broker`. When `start` returns, devices can log in."""

    name = "mqtt broker"

    def __init__(
        self, program: Program, listeners: Listeners, topics: Topics, accounts: MqttAccounts, folder: Path
    ) -> None:
        """*folder*: for the broker's files, ours alone."""
        self.listeners = listeners
        self.program = program.name
        self.restarts = 0
        self.said: deque[str] = deque(maxlen=LINES_KEPT)  # the newest lines of any program that was ours
        self._program = program
        self._topics = topics
        self._accounts = accounts
        self._folder = folder
        self._password = secrets.token_urlsafe(32)  # of the daemon's own logins: new at each start, in memory only
        self._process: asyncio.subprocess.Process | None = None
        self._silent = 0  # times that it did not answer, up to now
        self._wanted = asyncio.Event()  # started and not stopped: whoever ends then is started again
        self._changing = asyncio.Lock()  # accounts on disk and what the process was told go together

    @property
    def pid(self) -> int | None:
        """Of the running process."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    @property
    def silent(self) -> bool:
        """It runs and does not answer."""
        return self._silent > 0

    def dial(self, link: str) -> tuple[Endpoint, Login]:
        host, port = self.listeners.own
        user = f"{SERVICE_PREFIX}{link}"
        return Endpoint(host, port), Login(user, self._password, user)

    # --- Component --------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Raises BrokerFailed with what the program said."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder.chmod(0o700)
        self._program.write_config(self._folder, self.listeners)
        await self._bring_up()
        self._wanted.set()
        log.info("%s is ready", self._program.name)

    async def run(self) -> None:
        backoff = Backoff(0.2, 10.0)
        clock = asyncio.get_running_loop().time
        while True:
            await self._wanted.wait()
            since_s, process = clock(), self._process
            if process is not None:
                async with asyncio.TaskGroup() as group:
                    looking = group.create_task(self._end_if_frozen(process))
                    await self._watch(process)
                    looking.cancel()
                self._silent = 0
                if not self._wanted.is_set():
                    continue
                log.error("%s ended with %s; starting it again", self._program.name, process.returncode)
            if clock() - since_s >= STEADY_AFTER_S:
                backoff.reset()
            await asyncio.sleep(backoff.next_s())
            self.restarts += 1
            try:
                await self._bring_up()
            except BrokerFailed as error:
                log.error("%s does not start: %s", self._program.name, error)
            else:
                log.warning("%s is back", self._program.name)

    async def stop(self) -> None:
        self._wanted.clear()
        await self._give_up()

    # --- accounts ---------------------------------------------------------------------------------------------------

    async def refresh(self) -> None:
        """Returns when it is done: a full disk delays it, and each try takes the accounts as they are then."""
        backoff = Backoff(0.2, 10.0)
        while not await self._try_refresh():  # noqa: ASYNC110 - nothing tells when a disk has room again
            await asyncio.sleep(backoff.next_s())

    async def _try_refresh(self) -> bool:
        async with self._changing:
            try:
                await self._write_accounts(self._everybody())
            except OSError as error:
                log.error("logins at the broker are not changed yet: %s", error)
                return False
            self._signal(signal.SIGHUP)
            return True

    def _everybody(self) -> list[Account]:
        own = [self._own_account(link) for link in (LIVE, EVENTS, PROBE, ALIVE)]
        return [*own, *self._accounts.mqtt_accounts()]

    def _own_account(self, link: str) -> Account:
        return Account(f"{SERVICE_PREFIX}{link}", self._password, Role.SERVICE)

    async def _write_accounts(self, accounts: Sequence[Account]) -> None:
        await asyncio.to_thread(self._program.write_accounts, self._folder, accounts)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)

    # --- the process ------------------------------------------------------------------------------------------------

    async def _bring_up(self) -> None:
        """Raises BrokerFailed; then nothing is left running."""
        async with self._changing:
            try:
                async with asyncio.timeout(READY_WITHIN_S):
                    await self._begin()
            except TimeoutError:
                await self._give_up()
                raise BrokerFailed(f"not ready within {READY_WITHIN_S:.0f} s") from None
            except (LinkDown, OSError) as error:
                await self._give_up()
                raise BrokerFailed(str(error)) from error
            except BrokerFailed:
                await self._give_up()
                raise

    async def _begin(self) -> None:
        """Start it with nobody's login but our own, clear what it remembers wrongly, then let the others in."""
        await self._write_accounts([self._own_account(SWEEP), self._own_account(EVENTS)])
        process = self._process = await self._spawn()
        stale = await self._until_swept(process)
        if stale:
            log.info("%d devices were retained as online by a broker that lost them", stale)
        await wake(lambda: self.dial(EVENTS), self._topics)
        await self._write_accounts(self._everybody())
        self._signal(signal.SIGHUP)
        while not await let_in(lambda: self.dial(PROBE)):
            await _alive(process)

    async def _give_up(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            await _end(process)

    async def _until_swept(self, process: asyncio.subprocess.Process) -> int:
        """Raises BrokerFailed as soon as the process has ended: what answers at its port then is not ours."""
        while True:
            sweeping = asyncio.ensure_future(sweep(lambda: self.dial(SWEEP), self._topics))
            ending = asyncio.ensure_future(process.wait())
            try:
                await asyncio.wait({sweeping, ending}, return_when=asyncio.FIRST_COMPLETED)
                if sweeping.done() and sweeping.exception() is None:
                    return sweeping.result()
            finally:
                for task in (sweeping, ending):
                    task.cancel()
                await asyncio.gather(sweeping, ending, return_exceptions=True)
            await _alive(process)

    async def _spawn(self) -> asyncio.subprocess.Process:
        command = (sys.executable, "-S", leash.__file__, str(os.getpid()), *self._program.command(self._folder))
        return await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            cwd=self._folder,
            env={"PATH": os.defpath, "PYTHONPATH": str(Path(leash.__file__).parents[2])},
        )

    async def _watch(self, process: asyncio.subprocess.Process) -> None:
        """Pass on what it says until it ends."""
        assert process.stdout is not None  # noqa: S101 - spawned with a pipe
        while chunk := await process.stdout.read(MAX_OUTPUT_BYTES):
            for line in chunk.decode("utf-8", "replace").splitlines():
                log.warning("%s: %s", self._program.name, line)
                self.said.append(line)
        await process.wait()

    async def _end_if_frozen(self, process: asyncio.subprocess.Process) -> None:
        while self._silent < SILENT_TIMES:
            await asyncio.sleep(LOOKS_EVERY_S)
            if await answers(lambda: self.dial(ALIVE)):
                self._silent = 0
                continue
            self._silent += 1
            if self._silent == 1:
                log.warning("%s does not answer", self._program.name)
        log.error("%s is frozen: it did not answer %d times; it is ended", self._program.name, SILENT_TIMES)
        await _end(process)


async def _alive(process: asyncio.subprocess.Process) -> None:
    """A short pause; raises BrokerFailed if the process has ended."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(POLL_S):
            await process.wait()
    if process.returncode is not None:
        assert process.stdout is not None  # noqa: S101 - spawned with a pipe
        said = (await process.stdout.read(MAX_OUTPUT_BYTES)).decode("utf-8", "replace").strip()
        hint = _PORT_TAKEN if "in use" in said.lower() else ""
        raise BrokerFailed((said or f"ended with {process.returncode}") + hint)


async def _end(process: asyncio.subprocess.Process) -> None:
    """SIGTERM, and SIGKILL to one that does not listen."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(STOPS_WITHIN_S):
                await process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
