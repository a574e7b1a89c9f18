"""From a visitor's INVITE to its 180 with three telephones ringing, through the whole daemon at a steady rate.

python -m benchmarks.ring [--calls 200] [--rate 20]

Doors and monitors are plain UDP sockets that speak just enough SIP, so that the time measured is the daemon's.
"""

import argparse
import asyncio
import contextlib
import hashlib
import itertools
import re
import secrets
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from edge.demo.site import Daemon, Site
from edge.phone.loopback import AddressBlock

DOORS: Final = 20
MONITORS: Final = 3
# Ports rest for 10 s before they are used again: at this rate more of them rest than a house ever needs.
SETTINGS: Final = {"media": {"port_min": 20_000, "port_max": 49_999}}
RING_S: Final = 0.3  # the visitor gives up after this
ANSWER_S: Final = 30.0  # an answer that takes longer is none; what it took is in the table
SDP: Final = (
    "v=0\r\no=- 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
    "m=audio 40000 RTP/AVP 8 101\r\na=rtpmap:101 telephone-event/8000\r\n"
)
_PARAM: Final = re.compile(r'(\w+)="?([^",]+)"?')


def header(message: str, name: str) -> str:
    found = re.search(rf"(?im)^{name}\s*:\s*(.*?)\r?$", message)
    return found[1] if found else ""


class Agent(asyncio.DatagramProtocol):
    """One device on an address of its own."""

    def __init__(self, host: str, login: dict[str, Any]) -> None:
        self.host = host
        self.user, self.password, self.realm = login["user"], login["password"], login["realm"]
        server, _, port = login["server"].rpartition(":")
        self.server = (server, int(port))
        self.answers: dict[str, asyncio.Queue[str]] = {}
        self._transport: asyncio.DatagramTransport | None = None

    async def start(self) -> "Agent":
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(self.host, 5060))
        await self.register()
        return self

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def send(self, text: str) -> None:
        if self._transport is not None:
            self._transport.sendto(text.encode(), self.server)

    def request(
        self, method: str, uri: str, to: str, dialog: str, cseq: int, branch: str, extra: str = "", body: str = ""
    ) -> str:
        return (
            f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {self.host}:5060;branch={branch};rport\r\n"
            f"From: <sip:{self.user}@{self.server[0]}>;tag={dialog}\r\nTo: {to}\r\nCall-ID: {dialog}\r\n"
            f"CSeq: {cseq} {method}\r\nMax-Forwards: 70\r\n"
            f"Contact: <sip:{self.user}@{self.host}:5060>\r\n{extra}Content-Length: {len(body)}\r\n\r\n{body}"
        )

    def authorization(self, challenge: str, method: str, uri: str) -> str:
        """RFC 7616 by MD5, the algorithm every device speaks."""
        fields = dict(_PARAM.findall(challenge))
        nonce, cnonce = fields["nonce"], secrets.token_hex(8)
        ha1, ha2 = (
            hashlib.md5(t.encode()).hexdigest()
            for t in (f"{self.user}:{self.realm}:{self.password}", f"{method}:{uri}")
        )
        response = hashlib.md5(f"{ha1}:{nonce}:00000001:{cnonce}:auth:{ha2}".encode()).hexdigest()
        return (
            f'Authorization: Digest username="{self.user}", realm="{self.realm}", nonce="{nonce}", uri="{uri}", '
            f'response="{response}", algorithm=MD5, qop=auth, nc=00000001, cnonce="{cnonce}"\r\n'
        )

    async def proven(
        self, method: str, uri: str, to: str, extra: str = "", body: str = ""
    ) -> tuple[str, str, float, str]:
        """Send, be challenged, send again: Call-ID, branch, time of the second, and its answer beyond 100."""
        dialog = secrets.token_hex(8)
        queue = self.answers[dialog] = asyncio.Queue()
        first = f"z9hG4bK{secrets.token_hex(8)}"
        self.send(self.request(method, uri, to, dialog, 1, first, extra, body))
        refused = await self.answer(queue)
        challenge = next(line for line in refused.split("\r\n") if line.startswith("WWW-Auth") and "MD5" in line)
        if method == "INVITE":
            self.send(self.request("ACK", uri, header(refused, "To"), dialog, 1, first))
        branch = f"z9hG4bK{secrets.token_hex(8)}"
        proof = self.authorization(challenge, method, uri)
        sent = time.perf_counter()
        self.send(self.request(method, uri, to, dialog, 2, branch, extra + proof, body))
        return dialog, branch, sent, await self.answer(queue)

    async def answer(self, queue: "asyncio.Queue[str]") -> str:
        async with asyncio.timeout(ANSWER_S):
            while (text := await queue.get()).startswith("SIP/2.0 100"):
                continue
        return text

    async def register(self) -> None:
        uri = f"sip:{self.server[0]}"
        *_, answer = await self.proven("REGISTER", uri, f"<sip:{self.user}@{self.server[0]}>", "Expires: 3600\r\n")
        if not answer.startswith("SIP/2.0 200"):
            raise RuntimeError(f"not registered: {answer.splitlines()[0]}")

    def datagram_received(self, data: bytes, _source: object) -> None:
        text = data.decode()
        if text.startswith("SIP/2.0"):
            queue = self.answers.get(header(text, "Call-ID"))
            if queue is not None:
                queue.put_nowait(text)
            return
        method = text.partition(" ")[0]
        if method == "INVITE":
            self.send(self.reply(text, "180 Ringing"))
        elif method == "CANCEL":
            self.send(self.reply(text, "200 OK"))
            self.send(self.reply(text.replace("CANCEL", "INVITE"), "487 Request Terminated"))
        elif method == "OPTIONS":
            self.send(self.reply(text, "200 OK"))

    def reply(self, request: str, status: str) -> str:
        kept = "".join(f"{name}: {header(request, name)}\r\n" for name in ("Via", "From", "Call-ID", "CSeq"))
        to = header(request, "To")
        tagged = to if ";tag=" in to else f"{to};tag={self.user}"
        contact = f"Contact: <sip:{self.user}@{self.host}:5060>\r\n"
        return f"SIP/2.0 {status}\r\n{kept}To: {tagged}\r\n{contact}Content-Length: 0\r\n\r\n"

    async def ring(self, apartment: str) -> float:
        """One visitor: seconds from the INVITE to its 180; then the visitor gives up."""
        uri = f"sip:{apartment}@{self.server[0]}"
        body = SDP.format(host=self.host)
        dialog, branch, sent, answer = await self.proven(
            "INVITE", uri, f"<{uri}>", "Content-Type: application/sdp\r\n", body
        )
        took = time.perf_counter() - sent
        if not answer.startswith("SIP/2.0 180"):
            raise RuntimeError(f"not rung: {answer.splitlines()[0]}")
        await asyncio.sleep(RING_S)
        queue = self.answers[dialog]
        self.send(self.request("CANCEL", uri, f"<{uri}>", dialog, 2, branch))
        async with asyncio.timeout(ANSWER_S):
            while not (final := await queue.get()).startswith("SIP/2.0 487"):
                continue
        self.send(self.request("ACK", uri, header(final, "To"), dialog, 2, branch))
        del self.answers[dialog]
        return took


async def furnish(site: Site, doors: list[str], monitors: list[str]) -> None:
    await site.edge("mac", "add", *doors, *monitors)
    await site.edge("building", "add", "A")
    await site.edge("apartment", "add", "A/101", "--call-type", "3")
    for mac in doors:
        await site.edge("device", "add", mac, "--name", f"Door {mac[-2:]}", "--type", "0")
    for mac in monitors:
        await site.edge("device", "add", mac, "--name", f"Monitor {mac[-2:]}", "--type", "2", "--apartment", "A/101")


async def main(calls: int, rate: float) -> None:
    with tempfile.TemporaryDirectory() as folder, AddressBlock.claim() as block:
        site = await Site(Path(folder) / "site", block.address()).init("--plan", "premium", settings=SETTINGS)
        doors = [f"0C11061000{n:02X}" for n in range(DOORS)]
        monitors = [f"0C11062000{n:02X}" for n in range(MONITORS)]
        await furnish(site, doors, monitors)
        async with Daemon(site), contextlib.AsyncExitStack() as stack:
            agents: list[Agent] = []
            for mac in (*doors, *monitors):
                login = (await site.edge("device", "secret", mac))["sip"]
                agents.append(await Agent(block.address(), login).start())
                stack.callback(agents[-1].close)
            took = await steadily(agents[:DOORS], calls, rate)
    took.sort()
    p99 = took[int(len(took) * 0.99) - 1]
    shown = " | ".join(f"{seconds * 1e3:.1f} ms" for seconds in (statistics.median(took), p99, took[-1]))
    print("| what | p50 | p99 | worst |\n|---|---|---|---|")
    print(f"| INVITE to 180, {MONITORS} legs, {rate:g} calls/s, {len(took)} calls | {shown} |")


async def steadily(doors: list[Agent], calls: int, rate: float) -> list[float]:
    """*calls* calls, one every 1/*rate* s, each at the next door."""
    turn = itertools.cycle(doors)
    async with asyncio.TaskGroup() as group:
        tasks = []
        for _ in range(calls):
            tasks.append(group.create_task(next(turn).ring("101")))
            await asyncio.sleep(1 / rate)
    return [task.result() for task in tasks]


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--calls", type=int, default=200)
    options.add_argument("--rate", type=float, default=20.0)
    given = options.parse_args()
    asyncio.run(main(given.calls, given.rate))
