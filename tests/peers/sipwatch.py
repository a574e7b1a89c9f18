"""What went over the wire: a capture on loopback, and every SIP message in it judged afterwards.

    async with SipWatch(folder / "call.pcapng", hosts=[site.ip]) as watch: …traffic…
    assert watch.malformed(sender=site.ip) == []

Name the hosts: loopback is shared with everything else on the machine. Over TCP baresip and linphone send from
127.0.0.1 whatever their address. TLS cannot be read.
"""

import asyncio
import re
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from edge.phone.events import EventLog
from edge.phone.lines import LineProcess
from tests.peers import sipcheck

_MAX_CAPTURE_S: Final = 600
_MAX_CAPTURE_KB: Final = 100_000
_START_WITHIN_S: Final = 10.0
_FLUSH_S: Final = 0.3  # dumpcap writes what the kernel handed it a moment later
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
        return [*self._tshark_complaints(sender), *self._our_complaints(sender)]

    def sent_messages(self, sender: str) -> list[bytes]:
        """All SIP messages that *sender* sent, UDP first."""
        udp, streams = self._payloads(sender)
        whole = [raw for stream in streams.values() for raw, complete in sipcheck.split_stream(stream) if complete]
        return [*(raw for _, raw in udp), *whole]

    def rtp_sources(self) -> set[str]:
        """Addresses that RTP came from. The capture must have been made with *rtp*."""
        return {source for (source,) in self._fields("rtp", "ip.src")}

    def _tshark_complaints(self, sender: str) -> Iterator[str]:
        wanted = f'(_ws.malformed or _ws.expert.severity >= "Warning") and (sip or sdp) and ip.src=={sender}'
        for frame, message in self._fields(wanted, "frame.number", "_ws.expert.message"):
            if not _HARMLESS.fullmatch(message):
                yield f"frame {frame}: {message}"

    def _our_complaints(self, sender: str) -> Iterator[str]:
        udp, streams = self._payloads(sender)
        for frame, raw in udp:
            yield from (f"frame {frame}: {problem} in {raw[:60]!r}" for problem in sipcheck.problems(raw))
        for name, stream in streams.items():
            for raw, complete in sipcheck.split_stream(stream):
                found = sipcheck.problems(raw, udp=False) if complete else ["cut off"]
                yield from (f"stream {name}: {problem} in {raw[:60]!r}" for problem in found)

    def _payloads(self, sender: str) -> tuple[list[tuple[str, bytes]], dict[str, bytes]]:
        """SIP datagrams by frame, and TCP streams."""
        ports = " or ".join(f"udp.port=={port} or tcp.port=={port}" for port in self.ports)
        names = ("frame.number", "udp.payload", "tcp.stream", "tcp.srcport", "tcp.payload")
        udp: list[tuple[str, bytes]] = []
        streams: dict[str, bytes] = {}
        for frame, datagram, stream, port, segment in self._fields(f"({ports}) and ip.src=={sender}", *names):
            if datagram:
                raw = bytes.fromhex(datagram)
                if raw.strip(b"\r\n\0"):  # not a keep-alive
                    udp.append((frame, raw))
            elif segment:
                key = f"{stream} from port {port}"
                streams[key] = streams.get(key, b"") + bytes.fromhex(segment)
        return udp, streams

    def _fields(self, display: str, *names: str) -> list[list[str]]:
        decode = [
            part for port in self.ports for part in ("-d", f"udp.port=={port},sip", "-d", f"tcp.port=={port},sip")
        ]
        fields = [part for name in names for part in ("-e", name)]
        first_only = ["-E", "occurrence=f", "-E", "separator=/t"]
        argv = ["tshark", "-n", "-r", str(self.path), *decode, "-o", "rtp.heuristic_rtp:TRUE"]
        argv += ["-Y", display, "-T", "fields", *first_only, *fields]
        result = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=120)
        if result.returncode:
            raise RuntimeError(f"tshark: {result.stderr[-800:]}")
        return [line.split("\t") for line in result.stdout.splitlines()]
