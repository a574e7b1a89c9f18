"""A site made and run by the real commands, as an installer would: `edge init`, settings, `edge serve`.

Nothing here reaches into the daemon: commands are child processes, their answers JSON on standard output.
"""

import asyncio
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import tomlkit

from edge.phone.lines import JsonProcess, clean_environment

COMMAND: Final = str(Path(sys.executable).with_name("edge"))
DONE: Final = 0
FAILED: Final = 1
MISUSE: Final = 2
REFUSED: Final = 3
_COMMAND_WITHIN_S: Final = 60.0
_READY_WITHIN_S: Final = 30.0


class CommandFailed(Exception):
    """A command ended with another status than was expected."""

    def __init__(self, arguments: tuple[str, ...], status: int, output: str, errors: str) -> None:
        said = errors.strip() or output.strip()
        super().__init__(f"edge {' '.join(arguments)}: status {status}: {said[-2000:]}")
        self.status = status
        self.output = output
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Answer:
    """How a command ended."""

    status: int
    output: str
    errors: str

    @property
    def json(self) -> Any:
        """What it printed with ``--json``; None if nothing."""
        return json.loads(self.output) if self.output.strip() else None


class Site:
    """A site folder and the command that works on it. Its services are bound to *address* alone."""

    def __init__(self, folder: Path, address: str) -> None:
        self.folder = folder
        self.address = address

    async def run(self, *arguments: str, stdin: str | None = None, cwd: Path | None = None) -> Answer:
        """`edge --site … --json *arguments*`. TimeoutError after a minute."""
        process = await asyncio.create_subprocess_exec(
            COMMAND, "--site", str(self.folder), "--json", *arguments, env=clean_environment(), cwd=cwd,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            async with asyncio.timeout(_COMMAND_WITHIN_S):
                output, errors = await process.communicate((stdin or "").encode())
        except BaseException:
            process.kill()
            await process.wait()
            raise
        return Answer(process.returncode or 0, output.decode(), errors.decode())

    async def edge(self, *arguments: str, expect: int = DONE, stdin: str | None = None) -> Any:
        """What the command prints, parsed. Raises CommandFailed unless its status is *expect*."""
        answer = await self.run(*arguments, stdin=stdin)
        if answer.status != expect:
            raise CommandFailed(arguments, answer.status, answer.output, answer.errors)
        return answer.json

    async def init(self, *options: str, settings: Mapping[str, Mapping[str, Any]] | None = None) -> Self:
        """Make the site with `edge init *options*`, all its services on `address`, then the *settings* on top."""
        await self.edge("init", *options)
        own = [self.address]
        self.configure({"sip": {"listen": own}, "mqtt": {"listen": own}, "http": {"listen": own}})
        if settings:
            self.configure(settings)
        return self

    def configure(self, settings: Mapping[str, Mapping[str, Any]]) -> None:
        """Set keys of `edge.toml`, by section, its comments kept."""
        file = self.folder / "edge.toml"
        document = tomlkit.parse(file.read_text())
        for section, keys in settings.items():
            if section not in document:
                document[section] = tomlkit.table()
            for key, value in keys.items():
                document[section][key] = value
        file.write_text(tomlkit.dumps(document))

    def daemon(self, log: Path | None = None) -> "Daemon":
        """The daemon of this site, to be started: ``async with site.daemon() as daemon``."""
        return Daemon(self, log)

    # what the demo and the tests ask most

    async def log(self, *options: str) -> list[dict[str, Any]]:
        """Rows of `edge log list`, ascending."""
        rows: list[dict[str, Any]] = await self.edge("log", "list", *options)
        return rows

    async def calls(self) -> list[dict[str, Any]]:
        """Rows of `edge call list`."""
        rows: list[dict[str, Any]] = await self.edge("call", "list")
        return rows


class Daemon(JsonProcess):
    """`edge serve` as a child. Its own address and ports are in `ready`; ended by SIGTERM to its pid."""

    def __init__(self, site: Site, log: Path | None = None) -> None:
        argv = [COMMAND, "--site", str(site.folder), "--json", "serve"]
        super().__init__("edge serve", argv, env=clean_environment())
        self.site = site
        self.stderr_file = log or site.folder / "serve.log"
        self.ready: dict[str, Any] = {}

    async def start(self) -> Self:
        """Start it and wait for its ready line. Raises NotSeen."""
        await super().start()
        try:
            self.ready = dict(await self.wait("ready", _READY_WITHIN_S))
        except BaseException:
            await self.stop()
            raise
        return self

    async def say_quit(self) -> None:
        if self._transport is not None:
            self._transport.terminate()

    async def kill(self) -> None:
        """SIGKILL, as a power cut would be to it; returns when it is gone."""
        if self._transport is not None and self.status is None:
            self._transport.kill()
            await self.wait_ended(10.0)

    @property
    def sip(self) -> tuple[str, int]:
        """Host and UDP port of SIP."""
        host, _, port = str(self.ready["sip"]["udp"][0]).rpartition(":")
        return host.strip("[]"), int(port)
