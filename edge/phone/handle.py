"""A telephone of our own: a worker process that speaks SIP, driven over JSON lines.

The worker is PJSUA2 (``edge.phone.pjsua``) where its wheel is installed, else a small phone on our own SIP core
(``edge.phone.own``). Both speak the same lines, so callers do not care. The first line is the settings, then:

    {"do": "call", "to": URI, "headers": {}}      {"do": "answer", "status": 200}      {"do": "hangup", "status": 0}
    {"do": "dtmf", "digits": "1", "by": "rfc4733" | "info"}
    {"do": "answer_steps", "steps": [[0, 180], [2, 200]]}      {"do": "register", "on": true}      {"do": "stats"}
    {"do": "hold"}      {"do": "resume"}      {"do": "refer", "to": URI}      {"do": "quit"}

and it tells:

    {"event": "ready", "address": "127.0.0.2:5060"}          {"event": "registration", "status", "reason", "expires_s"}
    {"event": "incoming", "call", "message"}                 {"event": "media", "call", "active", "wav"}
    {"event": "state", "call", "state", "status", "reason", "remote", "placed"}   with state one of calling, incoming,
        early, connecting, confirmed, disconnected; placed: the call is ours
    {"event": "dtmf", "call", "digit", "by"}                 {"event": "stats", "received", "sent", "lost", …}
    {"event": "request", "call", "method", "status"}         {"event": "closed", "call", "wav"}
    {"event": "answering", "steps"}      {"event": "error", "command", "reason"}      {"event": "bye"}

The password goes over standard input, never into the arguments.
"""

import dataclasses
import importlib.util
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from edge.phone.lines import JsonEvent, JsonProcess, clean_environment

_START_WITHIN_S: Final = 20.0


@dataclass(frozen=True, slots=True)
class PhoneSettings:
    """What a phone is. Steps are (seconds after the INVITE, status to answer with)."""

    ip: str  # its own address: SIP and RTP are bound to it
    user: str
    password: str | None = None  # None: it has no login
    domain: str = ""  # of its own AOR; "" = its address
    registrar: str = ""  # URI; "" = it does not register
    proxy: str = ""  # URI with ;lr that its calls go through
    transport: str = "udp"  # udp | tcp | tls
    port: int = 0  # 0 = any
    rtp_port: int = 0  # first of its RTP ports, 0 = any
    ca_file: str = ""  # of the server's certificate (tls)
    expires_s: int = 60
    codecs: tuple[str, ...] = ("PCMA/8000", "PCMU/8000")
    tone_hz: int = 0  # what it says; 0 = silence
    wav: str = ""  # or this file, repeated
    record_dir: str = ""  # where it writes what it hears, one file a call; "" = nowhere
    log_file: str = ""  # every message it sends and receives; "" = none
    answer_steps: tuple[tuple[float, int], ...] = ((0.0, 180), (0.5, 200))
    reliable: bool = False  # it requires 100rel in every call (PJSUA2 only)
    session_s: int = 0  # it requires session timers of this interval, 90 or more; 0 = it does not (PJSUA2 only)
    user_agent: str = "intercom-edge phone"


def pjsua2_installed() -> bool:
    """Whether the PJSUA2 worker can run here."""
    return importlib.util.find_spec("pjsua2") is not None


class Phone(JsonProcess):
    """One phone in a process of its own. ``async with Phone(settings) as phone: await phone.registered()``."""

    def __init__(self, settings: PhoneSettings, engine: str = "auto") -> None:
        """*engine* is pjsua, own, or auto: PJSUA2 where it is installed."""
        if engine == "auto":
            engine = "pjsua" if pjsua2_installed() else "own"
        argv = [sys.executable, "-m", f"edge.phone.{engine}"]
        super().__init__(f"phone {settings.user}", argv, env=clean_environment())
        self.settings = settings
        self.engine = engine
        if settings.log_file:
            self.stderr_file = Path(settings.log_file)

    async def start(self) -> "Phone":
        """Start the worker; it is bound to its address when this returns. Raises NotSeen."""
        await super().start()
        try:
            self.send(dataclasses.asdict(self.settings))
            await self.wait("ready", _START_WITHIN_S)
        except BaseException:
            await self.stop()
            raise
        return self

    async def registered(self, timeout_s: float = 8.0) -> None:
        """Return once the registrar said 200. Raises NotSeen."""
        await self.wait("registration", timeout_s, status=200)

    async def state(self, state: str, timeout_s: float = 6.0, since: int = 0, **fields: Any) -> JsonEvent:
        """The first change to *state* after *since*. Raises NotSeen."""
        return await self.wait("state", timeout_s, since, state=state, **fields)

    def call(self, uri: str, headers: Mapping[str, str] | None = None) -> int:
        """Place a call; the mark of this moment, for `since`."""
        mark = self.events.mark()
        self.do("call", to=uri, headers=dict(headers or {}))
        return mark

    def answer(self, status: int = 200) -> None:
        """Answer the call that rings with *status*."""
        self.do("answer", status=status)

    async def answer_steps(self, *steps: tuple[float, int]) -> None:
        """What to do with calls from now on: (seconds, status) each. In force when this returns."""
        mark = self.events.mark()
        self.do("answer_steps", steps=steps)
        await self.wait("answering", since=mark)

    def hang_up(self) -> None:
        self.do("hangup")

    def dtmf(self, digits: str, by: str = "rfc4733") -> None:
        """Send *digits* in the call that is up, by rfc4733 or info."""
        self.do("dtmf", digits=digits, by=by)

    async def stats(self) -> JsonEvent:
        """RTP counters of the call that is up: received, sent, lost packets."""
        mark = self.events.mark()
        self.do("stats")
        return await self.wait("stats", since=mark)

    @property
    def digits(self) -> str:
        """All DTMF digits received so far."""
        return "".join(str(event["digit"]) for event in self.seen("dtmf"))

    @property
    def invites(self) -> int:
        """How many calls came in so far."""
        return len(self.seen("incoming"))

    @property
    def wav(self) -> Path | None:
        """What was heard in the last closed call; complete after its ``closed`` event."""
        files = [event["wav"] for event in self.seen("closed") if event.get("wav")]
        return Path(files[-1]) if files else None
