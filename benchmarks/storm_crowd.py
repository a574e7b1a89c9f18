"""Many SIP devices in one process, each a UDP socket that speaks just enough to register: for `benchmarks.sip_storm`.

First line on standard input: {"server": [host, port], "realm", "spread_s", "devices": [[host, port, user, password]]}.
Then a line "go" for each storm: everybody registers within *spread_s*, and a line of JSON says how it went. Devices
send again as RFC 3261 §17.1.2.2 asks, and answer the pings of the server meanwhile.
"""

import heapq
import json
import random
import re
import resource
import select
import socket
import sys
import time
from dataclasses import dataclass, field
from typing import Any, Final

from sip.digest import digest_response, ha1

T1_S: Final = 0.5
T2_S: Final = 4.0
GIVE_UP_S: Final = 32.0
_NONCE: Final = re.compile(r'WWW-Authenticate: Digest realm="[^"]*", nonce="([^"]*)", qop="auth", algorithm=SHA-256')
_KEPT: Final = re.compile(r"^(?:Via|From|To|Call-ID|CSeq): .*\r\n", re.MULTILINE)


@dataclass(slots=True)
class Device:
    number: int
    socket: socket.socket
    place: str
    user: str
    proof: str  # HA1
    cseq: int = 0
    credentials: str = ""
    began: float = 0.0
    took_s: float = -1.0
    resent: int = 0
    interval_s: float = T1_S
    due: float = 0.0  # of the next repetition; 0 = nothing is waited for


@dataclass
class Crowd:
    server: tuple[str, int]
    realm: str
    spread_s: float
    devices: list[Device] = field(default_factory=list)

    def storm(self) -> dict[str, Any]:
        """Everybody registers; what became of it."""
        poll = select.epoll()
        by_number = {device.socket.fileno(): device for device in self.devices}
        for device in self.devices:
            poll.register(device.socket, select.EPOLLIN)
        began = time.monotonic()
        timers = [(began + random.uniform(0.0, self.spread_s), device.number) for device in self.devices]
        heapq.heapify(timers)
        for device in self.devices:
            device.took_s, device.resent, device.due, device.credentials = -1.0, 0, 0.0, ""
        waiting = len(self.devices)
        while waiting and time.monotonic() - began < GIVE_UP_S:
            now = time.monotonic()
            while timers and timers[0][0] <= now:
                _, number = heapq.heappop(timers)
                self._due(self.devices[number], now, timers)
            timeout_s = max(0.0, min(0.05, timers[0][0] - now)) if timers else 0.05
            for number, _ in poll.poll(timeout_s):
                waiting -= self._hear(by_number[number], timers)
        took = sorted(device.took_s for device in self.devices if device.took_s >= 0)
        poll.close()
        return {
            "registered": len(took),
            "all_s": time.monotonic() - began,
            "p50_s": took[len(took) // 2],
            "p99_s": took[int(len(took) * 0.99) - 1],
            "resent": sum(device.resent for device in self.devices),
        }

    def _due(self, device: Device, now: float, timers: list[tuple[float, int]]) -> None:
        if device.took_s >= 0:
            return
        if not device.due:
            device.began = now
            self._ask(device, timers, now)
        elif now >= device.due:
            device.resent += 1
            device.interval_s = min(2 * device.interval_s, T2_S)
            device.due = now + device.interval_s
            heapq.heappush(timers, (device.due, device.number))
            self._send(device)

    def _ask(self, device: Device, timers: list[tuple[float, int]], now: float) -> None:
        device.cseq += 1
        device.interval_s, device.due = T1_S, now + T1_S
        heapq.heappush(timers, (device.due, device.number))
        self._send(device)

    def _send(self, device: Device) -> None:
        text = (
            f"REGISTER sip:{self.server[0]} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {device.place};rport;branch=z9hG4bK{device.number}x{device.cseq}\r\nMax-Forwards: 70\r\n"
            f"From: <sip:{device.user}@{self.server[0]}>;tag=t{device.number}\r\n"
            f"To: <sip:{device.user}@{self.server[0]}>\r\nCall-ID: storm-{device.number}\r\n"
            f"CSeq: {device.cseq} REGISTER\r\nContact: <sip:{device.user}@{device.place}>\r\nExpires: 3600\r\n"
            f"User-Agent: storm/1\r\n{device.credentials}Content-Length: 0\r\n\r\n"
        )
        device.socket.sendto(text.encode(), self.server)

    def _hear(self, device: Device, timers: list[tuple[float, int]]) -> int:
        """1 where this made the device registered."""
        text = device.socket.recv(65535).decode()
        if text.startswith("OPTIONS"):
            kept = "".join(_KEPT.findall(text))
            device.socket.sendto(f"SIP/2.0 200 OK\r\n{kept}Content-Length: 0\r\n\r\n".encode(), self.server)
            return 0
        if device.took_s >= 0 or f"\r\nCSeq: {device.cseq} " not in text:
            return 0
        now = time.monotonic()
        if text.startswith("SIP/2.0 200"):
            device.took_s = now - device.began
            return 1
        found = _NONCE.search(text)
        if found is not None:
            device.credentials = self._credentials(device, found[1])
            self._ask(device, timers, now)
        return 0

    def _credentials(self, device: Device, nonce: str) -> str:
        fields = {"uri": f"sip:{self.server[0]}", "nonce": nonce, "nc": "00000001", "cnonce": "storm", "qop": "auth"}
        response = digest_response("SHA-256", device.proof, fields, "REGISTER")
        return (
            f'Authorization: Digest username="{device.user}", realm="{self.realm}", nonce="{nonce}", '
            f'uri="{fields["uri"]}", response="{response}", algorithm=SHA-256, qop=auth, nc=00000001, '
            'cnonce="storm"\r\n'
        )


def main() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    given = json.loads(sys.stdin.readline())
    crowd = Crowd(tuple(given["server"]), given["realm"], given["spread_s"])
    for number, (host, port, user, password) in enumerate(given["devices"]):
        peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        peer.bind((host, port))
        proof = ha1("SHA-256", user, crowd.realm, password)
        crowd.devices.append(Device(number, peer, f"{host}:{port}", user, proof))
    print(json.dumps({"ready": len(crowd.devices)}), flush=True)
    for line in sys.stdin:
        if line.strip() == "go":
            print(json.dumps(crowd.storm()), flush=True)


if __name__ == "__main__":
    main()
