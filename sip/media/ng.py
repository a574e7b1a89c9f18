"""rtpengine's control protocol "ng": a cookie and a bencoded dictionary in a datagram, answered with that cookie."""

import asyncio
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from sip.media.bencode import BencodeError, Input, Value, decode, encode

REPEAT_S: Final = (0.1, 0.3, 0.8)  # after so long without an answer it is sent again, and in the end given up
PENDING_MAX: Final = 4096  # requests without an answer; more fail at once

Reply = Mapping[str, Value]
Then = Callable[[Reply | None], None]


@dataclass(slots=True)
class _Pending:
    data: bytes
    then: Then
    sent: int = 0
    timer: asyncio.TimerHandle | None = None


class NgClient(asyncio.DatagramProtocol):
    """Asks one rtpengine. Belongs to the event loop; *then* gets the reply, or None: none came, or it is no "ok"."""

    def __init__(self) -> None:
        self._transport: asyncio.DatagramTransport | None = None
        self._pending: dict[bytes, _Pending] = {}
        self.error = ""  # why the last request failed, in rtpengine's words

    async def open(self, host: str, port: int) -> None:
        """Raises OSError where there is no way to *host*."""
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, remote_addr=(host, port))

    def close(self) -> None:
        """Forget everything; whoever waits hears nothing more."""
        for pending in self._pending.values():
            if pending.timer is not None:
                pending.timer.cancel()
        self._pending.clear()
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    def request(self, command: str, then: Then, **fields: Input) -> None:
        """Send *command*; underscores in the names of *fields* stand for hyphens."""
        if self._transport is None or len(self._pending) >= PENDING_MAX:
            self.error = "too many requests wait" if self._transport is not None else "not open"
            then(None)
            return
        cookie = secrets.token_hex(8).encode()
        body = encode({"command": command} | {name.replace("_", "-"): value for name, value in fields.items()})
        self._pending[cookie] = _Pending(cookie + b" " + body, then)
        self._send(cookie)

    def _send(self, cookie: bytes) -> None:
        pending = self._pending.get(cookie)
        if pending is None or self._transport is None:
            return
        if pending.sent == len(REPEAT_S):
            del self._pending[cookie]
            self.error = "no answer"
            pending.then(None)
            return
        self._transport.sendto(pending.data)
        pending.timer = asyncio.get_running_loop().call_later(REPEAT_S[pending.sent], self._send, cookie)
        pending.sent += 1

    # --- DatagramProtocol -------------------------------------------------------------------------------------------

    def datagram_received(self, data: bytes, addr: object) -> None:
        cookie, _, body = data.partition(b" ")
        if cookie not in self._pending:
            return  # a second answer, or not from rtpengine
        try:
            reply = decode(body)
        except BencodeError:
            return
        pending = self._pending.pop(cookie)
        if pending.timer is not None:
            pending.timer.cancel()
        if isinstance(reply, dict) and reply.get("result") in ("ok", "pong"):
            pending.then(reply)
        else:
            self.error = str(reply.get("error-reason")) if isinstance(reply, dict) else "no dictionary"
            pending.then(None)

    def error_received(self, exc: Exception) -> None:
        """ICMP: nobody is there now; the repetitions go on."""
