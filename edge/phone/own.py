"""The own worker: a small telephone on our own SIP core, for machines without a PJSUA2 wheel.

It speaks the JSON lines of `edge.phone.handle`, and is run, never imported. It is no independent peer: it shares the
parser and the transactions with the server, so tests that judge the server use other phones.
"""

import asyncio
import contextlib
import json
import os
import secrets
import ssl
import sys
import time
from collections.abc import Callable
from typing import Any, Final

from edge.phone.own_call import OwnCall
from edge.phone.own_registration import Registration
from models.device import DigestOffer
from sip.dialog import Dialog, DialogKey, key_of_request
from sip.digest import DigestClient
from sip.endpoint import Endpoint
from sip.flow import Destination, Flow
from sip.leg import Leg, LegTools
from sip.leg_uac import Invitation
from sip.message import Headers, Request
from sip.sdp import Direction, SdpError
from sip.server_tx import ServerTx
from sip.service import LoopTimers
from sip.settings import SipSettings
from sip.strays import Strays
from sip.transport import Transports
from sip.uri import SipUri, UriError

MAX_CALLS: Final = 4
_END_WITHIN_S: Final = 1.0
_IN_DIALOG: Final = ("BYE", "UPDATE", "INFO", "PRACK", "REFER")


class _WallClock:
    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        return time.monotonic()


class _NoAccounts:
    """Nobody has a login at a phone."""

    def password(self, sip_user: str) -> str | None:
        return None

    def digest_offer(self, sip_user: str) -> DigestOffer:
        return DigestOffer.BOTH

    def digest_failed_to_answer(self, sip_user: str) -> None:
        """There is nothing to remember."""


class _DialogTable:
    """`sip.leg.DialogTable` and `sip.endpoint.Dialogs`."""

    def __init__(self) -> None:
        self._legs: dict[DialogKey, tuple[Dialog, Leg]] = {}

    def add_dialog(self, dialog: Dialog, leg: Leg) -> None:
        self._legs[dialog.key] = (dialog, leg)

    def drop_dialog(self, dialog: Dialog) -> None:
        self._legs.pop(dialog.key, None)

    def find(self, request: Request) -> tuple[Dialog, Leg] | None:
        return self._legs.get(key_of_request(request))

    def flow_of(self, request: Request) -> Flow | None:
        found = self.find(request)
        return found[1].flow if found else None


class Worker:
    """The phone: its endpoint, registration and calls."""

    def __init__(self, settings: dict[str, Any], output: int) -> None:
        self.settings = settings
        self._output = output
        self._calls: dict[int, OwnCall] = {}
        self._next_call = 0
        self._steps: list[tuple[float, int]] = settings["answer_steps"]
        tls = ssl.create_default_context(cafile=settings["ca_file"] or None)
        self._transports = Transports((settings["ip"],), int(settings["port"]), client_tls=tls)
        sip = SipSettings(listen=(settings["ip"],), port=int(settings["port"]))
        self._endpoint = Endpoint(
            sip, "phone", _NoAccounts(), clock=_WallClock(), timers=LoopTimers(), wire=self._transports
        )
        self._dialogs = _DialogTable()
        self._endpoint.dialogs = self._dialogs
        self._endpoint.vouch = lambda _request, _flow: "anybody"  # a phone rings for whoever calls it
        self._endpoint.on_ack = self._ack
        self._endpoint.handle("INVITE", self._invite, ("application/sdp",))
        for method in _IN_DIALOG:
            self._endpoint.handle(method, self._inside)
        digest = DigestClient(settings["user"], settings["password"]) if settings["password"] else None
        self._tools = LegTools(self._endpoint, self._dialogs, lambda _uri, flow: flow, Strays(self._endpoint), digest)
        self._registration: Registration | None = None
        self._commands: dict[str, Callable[[dict[str, Any]], None]] = {
            "call": self._do_call,
            "answer": lambda command: self._only_call().answer(int(command.get("status", 200))),
            "hangup": lambda command: self._only_call().hang_up(int(command.get("status", 0))),
            "dtmf": lambda command: self._only_call().press(command["digits"], command.get("by", "rfc4733")),
            "hold": lambda _: self._only_call().hold(Direction.SENDONLY),
            "resume": lambda _: self._only_call().hold(Direction.SENDRECV),
            "register": self._do_register,
            "answer_steps": self._do_answer_steps,
            "stats": lambda _: self.tell("stats", **self._only_call().stats()),
        }

    def tell(self, event: str, **fields: Any) -> None:
        line = json.dumps({"event": event, "at": round(time.time(), 3), **fields}) + "\n"
        os.write(self._output, line.encode())

    async def run(self) -> None:
        """Until told to quit, or the parent is gone."""
        await self._transports.start(self._endpoint)
        try:
            async with asyncio.TaskGroup() as group:
                connections = group.create_task(self._transports.run(), name="sip connections")
                self.tell("ready", address=self._transports.listening.udp[0])
                if self.settings["registrar"]:
                    self._do_register({"on": True})
                await self._obey()
                await self._end()
                connections.cancel()
        finally:
            await self._transports.stop()
        self.tell("bye")

    async def _obey(self) -> None:
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            command = json.loads(line)
            if command["do"] == "quit":
                return
            try:
                self._commands[command["do"]](command)
            except (LookupError, ValueError) as error:
                self.tell("error", command=command["do"], reason=str(error))

    async def _end(self) -> None:
        for call in list(self._calls.values()):
            call.hang_up()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_END_WITHIN_S):
                while self._calls:  # noqa: ASYNC110 # the calls end themselves, and this is the phone's last second
                    await asyncio.sleep(0.01)
        if self._registration is not None:
            await self._registration.end(_END_WITHIN_S)

    # --- from the endpoint

    def _invite(self, tx: ServerTx) -> None:
        if tx.request.to_tag:
            self._inside(tx)
            return
        if len(self._calls) >= MAX_CALLS:
            tx.reply(486)
            return
        call = self._new_call()
        try:
            call.arrive(self._tools, tx)
        except (UriError, SdpError) as error:
            tx.reply(400, str(error)[:60])
            self._calls.pop(call.number).audio.close()
            return
        loop = asyncio.get_running_loop()
        for after_s, status in self._steps:
            loop.call_later(after_s, self._answer, call, int(status))

    def _answer(self, call: OwnCall, status: int) -> None:
        try:
            call.answer(status)
        except SdpError as error:
            self.tell("error", command="answer", reason=str(error))
            call.answer(488)

    def _inside(self, tx: ServerTx) -> None:
        found = self._dialogs.find(tx.request)
        if found is None:
            tx.reply(481)
        else:
            found[1].receive(tx, found[0])

    def _ack(self, ack: Request, _flow: Flow) -> None:
        found = self._dialogs.find(ack)
        if found is not None:
            found[1].receive_ack(ack)

    def call_over(self, call: OwnCall) -> None:
        self._calls.pop(call.number, None)

    # --- commands

    def _new_call(self) -> OwnCall:
        call = OwnCall(self, self._next_call)
        self._next_call += 1
        self._calls[call.number] = call
        return call

    def _only_call(self) -> OwnCall:
        for call in self._calls.values():
            return call
        raise LookupError("no call")

    def _do_call(self, command: dict[str, Any]) -> None:
        uri, given = str(command["to"]), self.settings
        to = destination(given["proxy"] or uri)
        aor = f"sip:{given['user']}@{given['domain'] or given['ip']}"
        call_id, tag = secrets.token_hex(12), secrets.token_hex(6)
        suffix = "" if to.transport == "UDP" else f";transport={to.transport.lower()}"
        contact = f"<sip:{given['user']}@{self._endpoint.address_for(to)}{suffix}>"

        def build(cseq: int) -> Request:
            headers = Headers([("Route", f"<{given['proxy']}>")] if given["proxy"] else [])
            headers.add("From", f"<{aor}>;tag={tag}")
            headers.add("To", f"<{uri}>")
            headers.add("Call-ID", call_id)
            headers.add("CSeq", f"{cseq} INVITE")
            headers.add("Contact", contact)
            headers.add("User-Agent", given["user_agent"])
            for name, value in (command.get("headers") or {}).items():
                headers.add(name, value)
            return Request("INVITE", uri, headers)

        call = self._new_call()
        call.ring(self._tools, Invitation(to, build))

    def _do_register(self, command: dict[str, Any]) -> None:
        if command["on"]:
            registrar = destination(self.settings["registrar"])
            self._registration = Registration(self._endpoint, registrar, self.settings, self.tell)
            self._registration.begin()
        elif self._registration is not None:
            self._registration.take_back()

    def _do_answer_steps(self, command: dict[str, Any]) -> None:
        self._steps = command["steps"]
        self.tell("answering", steps=self._steps)


def destination(uri: str) -> Destination:
    """Where a request to *uri* goes: its host must be an address. Raises UriError, a ValueError."""
    parsed = SipUri.parse(uri)
    transport = (parsed.param("transport") or "udp").upper()
    return Destination(transport, parsed.host, parsed.port or (5061 if transport == "TLS" else 5060), parsed.host)


def main() -> None:
    settings = json.loads(os.fdopen(os.dup(0), "rb", buffering=0).readline())  # unbuffered: what follows is commands
    asyncio.run(Worker(settings, 1).run())


if __name__ == "__main__":
    main()
