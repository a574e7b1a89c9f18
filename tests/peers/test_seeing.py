"""What an installer sees of a call: its ladder, its packets in tshark's words, and the messages as they pass."""

import asyncio
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.demo.site import COMMAND
from tests.peers.street import ANSWERS, GATE, NEVER, Street, street

pytestmark = pytest.mark.peer("pjsua2", "kamailio", "tshark")


class Followed:
    """`edge sip trace` beside a call: every message it printed, when the block has ended."""

    def __init__(self, here: Street, *options: str) -> None:
        self._argv = [COMMAND, "--site", str(here.running.site.folder), "--json", "sip", "trace", *options]
        self.messages: list[dict[str, Any]] = []

    async def __aenter__(self) -> "Followed":
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(*self._argv, stdout=pipe, stderr=pipe)
        assert self._process.stderr is not None
        async with asyncio.timeout(8):
            assert b"following" in await self._process.stderr.readline()
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.sleep(0.3)
        self._process.terminate()
        out, _ = await self._process.communicate()
        self.messages = [json.loads(line) for line in out.decode().splitlines()]

    def summaries(self) -> list[str]:
        return [message["summary"] for message in self.messages]


def frames(file: Path, show: str, *fields: str) -> list[list[str]]:
    wanted = [part for field in fields for part in ("-e", field)]
    sums = ["-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE"]
    argv = ["tshark", "-n", *sums, "-r", str(file), "-Y", show, "-T", "fields", *wanted]
    out = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=60).stdout
    return [line.split("\t") for line in out.splitlines()]


async def call(here: Street) -> str:
    """The visitor rings 101, whose monitor answers, opens relay 1 and hangs up; the call's id."""
    async with here.monitor("101", ANSWERS) as monitor, here.monitor("102", NEVER) as other:
        await monitor.registered()
        await other.registered()
        since = await here.dial("101")
        await here.gate.wait("state", since=since, state="confirmed")
        mark = here.gate.events.mark()
        monitor.dtmf("1", by="info")
        await here.gate.opened(mark)
        monitor.hang_up()
        await here.ended(since)
    return str((await here.row())["id"])


async def test_a_call_is_seen_as_a_ladder_as_packets_and_as_it_passes(tmp_path: Path, addresses: Iterator[str]) -> None:
    async with street(tmp_path, addresses, {"101": 3, "102": 3}) as here:
        async with Followed(here, "--apartment", "101") as home, Followed(here, "--device", GATE) as gate:
            identity = await call(here)
        shown = await here.running.edge("call", "show", identity)
        file = tmp_path / "call.pcap"
        await here.running.edge("call", "export", identity, str(file))
        nobody = await here.running.edge("call", "export", "call-none", str(tmp_path / "none.pcap"), expect=1)
    assert not nobody or "error" in nobody

    drawn = shown["ladder"]["text"]
    assert drawn.splitlines()[0].split() == ["Gate", "edge", "Monitor", "101"]
    assert "relay 1 opened" in drawn
    assert "INVITE 101 sdp audio" in drawn
    assert "PCMA" in drawn

    sip = frames(file, "sip", "sip.Method", "sip.Status-Code", "udp.srcport", "ip.src")
    assert len(sip) == len(shown["ladder"]["messages"])
    assert {method for method, *_ in sip} >= {"INVITE", "ACK", "INFO", "BYE"}
    bad = 'ip.checksum.status == "Bad" or udp.checksum.status == "Bad" or _ws.malformed'
    assert frames(file, bad, "frame.number") == []
    assert frames(file, "sdp", "frame.number")

    seen = home.summaries()
    assert {"INVITE 101", "180 Ringing", "200 OK (BYE)"} <= {one.split(" sdp")[0] for one in seen}
    assert any(one.startswith("REGISTER") for one in seen)  # the monitor came while it was looked at
    monitors = {message["call_id"] for message in home.messages if message["name"] == "Monitor 102"}
    assert not monitors, "another apartment's dialogs do not show"
    assert any(one.startswith("INVITE 101") for one in gate.summaries())
    text = json.dumps(home.messages + gate.messages)
    assert 'response=\\"-\\"' in text
    assert "a=rtpmap" in text
