"""What went over the wire: a capture on loopback, and every SIP message in it judged afterwards.

    async with SipWatch(folder / "call.pcapng", hosts=[site.ip]) as watch: …traffic…
    assert watch.malformed(sender=site.ip) == []

Name the hosts: loopback is shared with everything else on the machine. Over TCP baresip and linphone send from
127.0.0.1 whatever their address. TLS cannot be read; what goes over it is written by the same code, and judged before
it is encrypted in `tests.fakes.calling_house`.

`whole_run` captures all tests with real programs: every daemon that was started is judged once more at the end, whether
its test watched it or not.
"""

import asyncio
import contextlib
import re
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import pytest

from edge.demo.site import Daemon
from edge.phone.events import EventLog
from edge.phone.lines import LineProcess
from tests.peers import sipcheck

_SIP_PORT: Final = 5060
_MAX_RUN_KB: Final = 1_000_000
_MAX_RUN_S: Final = 7200  # also if whoever began it is killed
_MAX_CAPTURE_S: Final = 600
_MAX_CAPTURE_KB: Final = 100_000
_START_WITHIN_S: Final = 10.0
_FLUSH_S: Final = 0.3  # dumpcap writes what the kernel handed it a moment later
SPEAKERS: Final[set[str]] = set()  # addresses of daemons that were started: `whole_run` judges what they sent
NOT_JUDGED: Final[set[str]] = set()  # but for these
_HARMLESS: Final = re.compile(r"(Unencrypted|.*\(ws\.short\))?")


class SipWatch(LineProcess):
    """dumpcap on the loopback interface. Captures SIP on *ports*, and with *rtp* all UDP of *hosts*."""

    def __init__(self, path: Path, hosts: Sequence[str], ports: Sequence[int] = (5060,), *, rtp: bool = False) -> None:
        self.path = path.resolve()
        self.ports = tuple(ports)
        at_ports = " or ".join(f"port {port}" for port in ports)
        wanted = f"({at_ports}) or udp" if rtp else at_ports
        capture = f"({wanted}) and ({' or '.join(f'host {host}' for host in hosts)})"
        limits = ["-a", f"duration:{_MAX_CAPTURE_S}", "-a", f"filesize:{_MAX_CAPTURE_KB}"]
        super().__init__("dumpcap", ["dumpcap", "-i", "lo", "-f", capture, "-w", str(self.path), *limits])
        self.merge_stderr = True  # that is where it says that it captures
        self.lines: EventLog[str] = EventLog("dumpcap")

    async def start(self) -> "SipWatch":
        """Start it; it captures when this returns."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        await super().start()
        await self.lines.wait("File:", lambda line: line.startswith("File:"), _START_WITHIN_S)
        return self

    def line_received(self, line: str) -> None:
        self.lines.add(line)

    def process_ended(self, status: int) -> None:
        self.lines.end(f"it ended with status {status}")

    async def say_quit(self) -> None:
        await asyncio.sleep(_FLUSH_S)
        if self._transport is not None:
            self._transport.terminate()

    # judging, after the capture has ended

    def malformed(self, sender: str) -> list[str]:
        """What *sender* sent that is not well-formed, by tshark's opinion or by ours; empty if all is."""
        return Capture(self.path, self.ports).malformed([sender])

    def sent_messages(self, sender: str) -> list[bytes]:
        """All SIP messages that *sender* sent, UDP first."""
        return Capture(self.path, self.ports).sent_messages([sender])

    def rtp_sources(self) -> set[str]:
        """Addresses that RTP came from. The capture must have been made with *rtp*."""
        return {source for (source,) in Capture(self.path, self.ports).fields("rtp", "ip.src")}


class Capture:
    """The file of a capture that has ended."""

    def __init__(self, path: Path, ports: Sequence[int]) -> None:
        self._path, self._ports = path, ports

    def malformed(self, senders: Sequence[str]) -> list[str]:
        """What one of *senders* sent that is not well-formed, by tshark's opinion or by ours; empty if all is."""
        return [*self._tshark_complaints(senders), *self._our_complaints(senders)]

    def sent_messages(self, senders: Sequence[str]) -> list[bytes]:
        """All SIP messages of *senders*, UDP first."""
        udp, streams = self._payloads(senders)
        whole = [raw for stream in streams.values() for raw, complete in sipcheck.split_stream(stream) if complete]
        return [*(raw for _, raw in udp), *whole]

    def _tshark_complaints(self, senders: Sequence[str]) -> Iterator[str]:
        wanted = f'(_ws.malformed or _ws.expert.severity >= "Warning") and (sip or sdp) and {_from(senders)}'
        for frame, source, message in self.fields(wanted, "frame.number", "ip.src", "_ws.expert.message"):
            if not _HARMLESS.fullmatch(message):
                yield f"frame {frame} of {source}: {message}"

    def _our_complaints(self, senders: Sequence[str]) -> Iterator[str]:
        udp, streams = self._payloads(senders)
        for frame, raw in udp:
            yield from (f"frame {frame}: {problem} in {raw[:60]!r}" for problem in sipcheck.problems(raw))
        for name, stream in streams.items():
            for raw, complete in sipcheck.split_stream(stream):
                found = sipcheck.problems(raw, udp=False) if complete else ["cut off"]
                yield from (f"stream {name}: {problem} in {raw[:60]!r}" for problem in found)

    def _payloads(self, senders: Sequence[str]) -> tuple[list[tuple[str, bytes]], dict[str, bytes]]:
        """SIP datagrams by frame, and TCP streams."""
        ports = " or ".join(f"udp.port=={port} or tcp.port=={port}" for port in self._ports)
        names = ("frame.number", "ip.src", "udp.payload", "tcp.stream", "tcp.srcport", "tcp.payload")
        udp: list[tuple[str, bytes]] = []
        streams: dict[str, bytes] = {}
        for frame, source, datagram, stream, port, segment in self.fields(f"({ports}) and {_from(senders)}", *names):
            if datagram:
                raw = bytes.fromhex(datagram)
                if raw.strip(b"\r\n\0"):  # not a keep-alive
                    udp.append((f"{frame} of {source}", raw))
            elif segment:
                key = f"{stream} from {source}:{port}"
                streams[key] = streams.get(key, b"") + bytes.fromhex(segment)
        return udp, streams

    def fields(self, display: str, *names: str) -> list[list[str]]:
        """The fields *names* of the frames that *display* chooses."""
        decode = [
            part for port in self._ports for part in ("-d", f"udp.port=={port},sip", "-d", f"tcp.port=={port},sip")
        ]
        wanted = [part for name in names for part in ("-e", name)]
        first_only = ["-E", "occurrence=f", "-E", "separator=/t"]
        argv = ["tshark", "-n", "-r", str(self._path), *decode, "-o", "rtp.heuristic_rtp:TRUE"]
        argv += ["-Y", display, "-T", "fields", *first_only, *wanted]
        result = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=120)
        if result.returncode:
            raise RuntimeError(f"tshark: {result.stderr[-800:]}")
        return [line.split("\t") for line in result.stdout.splitlines()]


def _from(senders: Sequence[str]) -> str:
    return f"ip.src in {{{', '.join(senders)}}}"


@contextlib.contextmanager
def every_daemon() -> Iterator[None]:
    """Whoever starts a daemon while the block lasts, and however: it is one of `SPEAKERS`."""
    start = Daemon.start

    async def noted(daemon: Daemon) -> Daemon:
        SPEAKERS.add(daemon.site.address)
        return await start(daemon)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Daemon, "start", noted)
        yield


@contextlib.contextmanager
def whole_run(folder: Path, network: str) -> Iterator[None]:
    """Capture SIP of *network* while the block lasts, then judge what each of `SPEAKERS` sent. Without the programs
    nothing happens; in CI they are there."""
    if not (shutil.which("dumpcap") and shutil.which("tshark")):
        yield
        return
    path, said = folder / "run.pcapng", folder / "dumpcap.log"
    wanted = f"net {network} and port {_SIP_PORT}"
    argv = [
        "dumpcap",
        "-q",
        "-i",
        "lo",
        "-f",
        wanted,
        "-w",
        str(path),
        "-a",
        f"filesize:{_MAX_RUN_KB}",
        "-a",
        f"duration:{_MAX_RUN_S}",
    ]
    with said.open("wb") as log, subprocess.Popen(argv, stdout=log, stderr=log) as dumpcap:
        try:
            _until_it_captures(dumpcap, said)
            yield
            time.sleep(_FLUSH_S)
            if dumpcap.poll() is not None:
                raise RuntimeError(f"the capture ended before the run: {said.read_text(errors='replace')[-800:]}")
        finally:
            dumpcap.terminate()
    if judged := sorted(SPEAKERS - NOT_JUDGED):
        found = Capture(path, [_SIP_PORT]).malformed(judged)
        assert found == [], f"malformed SIP in the run ({path}): {found[:20]}"


def _until_it_captures(dumpcap: subprocess.Popen[bytes], said: Path) -> None:
    deadline = time.monotonic() + _START_WITHIN_S
    while b"File:" not in said.read_bytes():
        if dumpcap.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"dumpcap does not capture: {said.read_text(errors='replace')[-800:]}")
        time.sleep(0.02)
