"""A child process that is told lines on its standard input and tells lines on its standard output."""

import asyncio
import contextlib
import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self, cast

from edge.phone.events import EventLog, NotSeen

MAX_LINE_BYTES: Final = 1024 * 1024
_QUIT_WITHIN_S: Final = 5.0
_TERMINATE_WITHIN_S: Final = 3.0

JsonEvent = Mapping[str, Any]


class LineProcess(asyncio.SubprocessProtocol):
    """Starts *argv*, keeps its standard input open, and hands each line it prints to `line_received`.

    Standard error goes to `stderr_file`, or with `merge_stderr` among the lines, or to ours. The process is ended by
    its pid, politely first.
    """

    def __init__(self, name: str, argv: Sequence[str], *, env: Mapping[str, str] | None = None) -> None:
        self.name = name
        self.argv = tuple(argv)
        self.env = env
        self.stderr_file: Path | None = None
        self.merge_stderr = False
        self.cwd: Path | None = None
        self._transport: asyncio.SubprocessTransport | None = None
        self._exited: asyncio.Future[int] | None = None
        self._partial = b""

    # what a subclass says

    def line_received(self, line: str) -> None:
        """One line of the child's standard output, without its end."""
        raise NotImplementedError

    def process_ended(self, status: int) -> None:
        """The child has ended; negative *status* is a signal."""

    async def say_quit(self) -> None:
        """Ask the child to end. By default its standard input is closed."""
        self._stdin().close()

    # life

    async def start(self) -> Self:
        """Start the child; it has not said anything yet when this returns."""
        loop = asyncio.get_running_loop()
        self._exited = loop.create_future()
        with contextlib.ExitStack() as files:
            log = files.enter_context(self.stderr_file.open("ab")) if self.stderr_file else None
            stderr = subprocess.STDOUT if self.merge_stderr else log
            await loop.subprocess_exec(
                lambda: self, *self.argv, env=dict(self.env) if self.env is not None else None, stderr=stderr,
                cwd=self.cwd, start_new_session=True,  # Ctrl-C is for us: we end our children in their order
            )  # fmt: skip
        return self

    @property
    def pid(self) -> int | None:
        return self._transport.get_pid() if self._transport else None

    @property
    def status(self) -> int | None:
        """Exit status, or None while it runs."""
        return self._transport.get_returncode() if self._transport else None

    def write_line(self, line: str) -> None:
        """Send *line*; its end is added. BrokenPipeError if the child is gone."""
        if self.status is not None:
            raise BrokenPipeError(f"{self.name} has ended with status {self.status}")
        self._stdin().write(line.encode() + b"\n")

    async def wait_ended(self, timeout_s: float) -> int:
        """The exit status. Raises TimeoutError."""
        if self._exited is None:
            raise RuntimeError(f"{self.name} was not started")
        async with asyncio.timeout(timeout_s):
            return await asyncio.shield(self._exited)

    async def stop(self) -> int | None:
        """Ask it to quit, then terminate, then kill that one process. Its exit status; idempotent."""
        if self._transport is None or self._exited is None:
            return None
        if self.status is None:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError, NotSeen):
                await self.say_quit()
            for how, within_s in ((None, _QUIT_WITHIN_S), ("terminate", _TERMINATE_WITHIN_S), ("kill", 10.0)):
                if how is not None:
                    with contextlib.suppress(ProcessLookupError):
                        getattr(self._transport, how)()
                with contextlib.suppress(TimeoutError):
                    await self.wait_ended(within_s)
                    break
        status = await self._exited
        self._transport.close()
        return status

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    # asyncio.SubprocessProtocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.SubprocessTransport, transport)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        *lines, self._partial = (self._partial + data).split(b"\n")
        for line in lines:
            self.line_received(line.rstrip(b"\r").decode("utf-8", "replace"))
        if len(self._partial) > MAX_LINE_BYTES:
            self._partial = b""

    def process_exited(self) -> None:
        if self._exited is not None and self._transport is not None and not self._exited.done():
            self._exited.set_result(self._transport.get_returncode() or 0)

    def connection_lost(self, exc: Exception | None) -> None:
        """All pipes are read to their end and the process has exited."""
        self.process_ended(self.status or 0)

    def _stdin(self) -> asyncio.WriteTransport:
        if self._transport is None:
            raise RuntimeError(f"{self.name} was not started")
        return cast(asyncio.WriteTransport, self._transport.get_pipe_transport(0))


class JsonProcess(LineProcess):
    """A child that speaks JSON lines: told ``{"do": …}``, tells ``{"event": …}``. Ends when told ``quit``."""

    def __init__(self, name: str, argv: Sequence[str], *, env: Mapping[str, str] | None = None) -> None:
        super().__init__(name, argv, env=env)
        self.events: EventLog[JsonEvent] = EventLog(name)

    def send(self, message: Mapping[str, Any]) -> None:
        """Send one object as a line."""
        self.write_line(json.dumps(message))

    def do(self, what: str, **arguments: Any) -> None:
        """Send a command."""
        self.send({"do": what, **arguments})

    async def wait(self, event: str, timeout_s: float = 6.0, since: int = 0, **fields: Any) -> JsonEvent:
        """The first *event* after *since* whose *fields* are so. Raises NotSeen."""
        wanted = {"event": event, **fields}
        return await self.events.wait(
            f"{event} {fields or ''}".strip(),
            lambda seen: all(seen.get(key) == value for key, value in wanted.items()),
            timeout_s,
            since,
        )

    def seen(self, event: str, **fields: Any) -> list[JsonEvent]:
        """All events of that kind so far whose *fields* are so."""
        wanted = {"event": event, **fields}
        return [e for e in self.events if all(e.get(key) == value for key, value in wanted.items())]

    def line_received(self, line: str) -> None:
        try:
            event = json.loads(line)
        except ValueError:
            event = {"event": "garbled", "line": line}
        self.events.add(event if isinstance(event, dict) else {"event": "garbled", "line": line})

    def process_ended(self, status: int) -> None:
        self.events.end(f"it ended with status {status}")

    async def say_quit(self) -> None:
        self.do("quit")


def clean_environment() -> dict[str, str]:
    """Our environment without what would make a child behave otherwise than elsewhere."""
    return {key: value for key, value in os.environ.items() if not key.startswith("EDGE_")}
