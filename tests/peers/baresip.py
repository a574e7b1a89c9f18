"""A baresip process as a SIP device, driven over its control socket. No sound card: it plays a tone and records.

    async with Baresip(folder, BaresipSettings(ip=…, user="103", password=…, server="127.0.0.1:5060")) as p:
        await p.registered(); await p.call("sip:102@127.0.0.1"); await p.event("CALL_ESTABLISHED")

Habits of version 1.0 that a test must know: it sends DTMF by RFC 4733 only; its RTP and TCP leave from 127.0.0.1
whatever its address; the names of its recordings have a resolution of one second.
"""

import asyncio
import contextlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from edge.phone.events import EventLog, NotSeen
from edge.phone.lines import LineProcess
from sip.flow import Address

CONTROL_PORT: Final = 4444
_START_WITHIN_S: Final = 8.0
_POLL_S: Final = 0.05
_MODULES: Final = "/usr/lib/baresip/modules"
_APP_MODULES: Final = ("ctrl_tcp.so", "menu.so", "debug_cmd.so")
_TEMPORARY_MODULES: Final = ("account.so", "uuid.so")
_PLAIN_MODULES: Final = ("stdio.so", "g711.so", "sndfile.so", "aubridge.so", "aufile.so", "ausine.so")
_VIDEO_MODULES: Final = ("avcodec.so", "fakevideo.so", "avformat.so", "swscale.so")
_COLOUR: Final = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True, slots=True)
class BaresipSettings:
    ip: str
    user: str
    password: str = ""
    server: str = ""  # host:port of the registrar and proxy; "" = it does not register
    transport: str = "udp"  # udp | tcp | tls
    port: int = 5060  # TLS listens on the next one
    control_ip: str = ""  # for its control socket; "" = the same
    tone_hz: int = 0
    auto_answer: bool = False
    codecs: str = "PCMA/8000/1,PCMU/8000/1"
    video: bool = False  # H.264 of a fake camera
    picture: Path | None = None  # what the camera sees: a film, shown again and again
    picture_size: str = "320x240"
    rtcp_mux: bool = False  # asks for RTCP on the port of RTP
    media_encryption: str = ""  # srtp: offers RTP/AVP with a key; srtp-mand: RTP/SAVP
    ca_file: str = ""
    expires_s: int = 60
    accounts: str = ""  # its accounts file as it was fetched from somewhere, instead of all that


def config_text(settings: BaresipSettings, recordings: Path) -> str:
    """The ``config`` file of *settings*."""
    modules = [
        *(
            f"module {name}"
            for name in (
                *_PLAIN_MODULES,
                *(_VIDEO_MODULES if settings.video else ()),
                *(("srtp.so",) if settings.media_encryption else ()),
            )
        ),
        *(f"module_tmp {name}" for name in _TEMPORARY_MODULES),
        *(f"module_app {name}" for name in _APP_MODULES),
    ]
    lines = [
        f"module_path {_MODULES}",
        "poll_method epoll",
        f"sip_listen {Address(settings.ip, settings.port)}",
        f"net_interface {settings.ip}",  # an address here becomes Via, Contact and c= of the SDP
        "call_local_timeout 120",
        f"audio_source {f'ausine,{settings.tone_hz}' if settings.tone_hz else 'aubridge,quiet'}",
        "audio_player aubridge,sink",
        "audio_alert aubridge,alert",
        "audio_level no",
        *(f"{name}_format s16" for name in ("ausrc", "auplay", "auenc", "audec")),
        *(("ausrc_srate 48000", "ausrc_channels 2") if settings.tone_hz else ()),  # all that ausine of 1.0 makes
        "audio_buffer 20-160",
        "jitter_buffer_delay 2-10",
        "rtp_stats yes",
        f"rtcp_mux {'yes' if settings.rtcp_mux else 'no'}",
        f"ctrl_tcp_listen {settings.control_ip or settings.ip}:{CONTROL_PORT}",
        f"snd_path {recordings}",
        "menu_bell no",
        "ringback_disabled yes",
        "dns_server 127.0.0.1:53",  # never asked for numeric addresses; keeps the machine's resolver out
        *((f"sip_cafile {settings.ca_file}",) if settings.ca_file else ()),
    ]
    if settings.video:
        lines += [
            f"video_source {f'avformat,{settings.picture}' if settings.picture else 'fakevideo,nil'}",
            "video_display fakevideo,nil",
            f"video_size {settings.picture_size}",
            "video_fps 10",
            "videnc_format yuv420p",
            "avcodec_h264enc libx264",
        ]
    return "\n".join([*lines, *modules]) + "\n"


def account_text(settings: BaresipSettings) -> str:
    """The one line of the ``accounts`` file."""
    if settings.accounts:
        return settings.accounts
    host = settings.server or Address(settings.ip, settings.port)
    parts = [
        f"<sip:{settings.user}@{host};transport={settings.transport}>",
        *((f"auth_pass={settings.password}",) if settings.password else ()),
        f"regint={settings.expires_s if settings.server else 0}",
        *((f'outbound="sip:{settings.server};transport={settings.transport}"',) if settings.server else ()),
        f"answermode={'auto' if settings.auto_answer else 'manual'}",
        f"audio_codecs={settings.codecs}",
        *(("video_codecs=h264",) if settings.video and settings.picture is None else ()),
        *((f"mediaenc={settings.media_encryption}",) if settings.media_encryption else ()),
    ]
    return ";".join(parts) + "\n"


class _Control(asyncio.Protocol):
    """JSON in netstrings: what baresip's ctrl_tcp speaks."""

    def __init__(self, owner: "Baresip") -> None:
        self._owner = owner
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def send(self, message: Mapping[str, Any]) -> None:
        assert self._transport is not None
        body = json.dumps(message).encode()
        self._transport.write(b"%d:%s," % (len(body), body))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while found := re.match(rb"(\d+):", self._buffer):
            end = found.end() + int(found[1])
            if len(self._buffer) < end + 1:
                return
            body, self._buffer = self._buffer[found.end() : end], self._buffer[end + 1 :]
            self._owner.told(json.loads(body.decode("utf-8", "replace"), strict=False))

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


class Baresip(LineProcess):
    """One baresip. Its files, its log and its recordings are in *folder*/baresip-USER."""

    def __init__(self, folder: Path, settings: BaresipSettings) -> None:
        self.folder = folder.resolve() / f"baresip-{settings.user}"
        family = "-6" if ":" in settings.ip else "-4"
        super().__init__(f"baresip {settings.user}", ["baresip", family, "-f", str(self.folder)])
        self.settings = settings
        self.events: EventLog[Mapping[str, Any]] = EventLog(self.name)
        self.output: list[str] = []
        self._control = _Control(self)
        self._token = 0

    async def start(self) -> Self:
        """Start it; its control socket is open when this returns."""
        recordings = self.folder / "rec"
        recordings.mkdir(parents=True)
        (self.folder / "config").write_text(config_text(self.settings, recordings))
        (self.folder / "accounts").write_text(account_text(self.settings))
        (self.folder / "contacts").write_text("")  # else it writes some strangers of its own
        self.stderr_file = self.folder / "log"
        await super().start()
        try:
            async with asyncio.timeout(_START_WITHIN_S):
                await self._connect()
        except BaseException:
            await self.stop()
            raise
        return self

    async def _connect(self) -> None:
        loop, ip = asyncio.get_running_loop(), self.settings.control_ip or self.settings.ip
        while True:
            with contextlib.suppress(ConnectionRefusedError):
                await loop.create_connection(lambda: self._control, ip, CONTROL_PORT)
                return
            if self.status is not None:
                raise NotSeen(f"{self.name} ended with status {self.status}: {self.output[-5:]}")
            await asyncio.sleep(_POLL_S)

    def line_received(self, line: str) -> None:
        self.output.append(line)

    def process_ended(self, status: int) -> None:
        self.events.end(f"it ended with status {status}")

    def told(self, message: Mapping[str, Any]) -> None:
        self.events.add(message)

    async def command(self, command: str, parameters: str = "") -> str:
        """Its answer to *command*. Raises NotSeen."""
        self._token += 1
        token = str(self._token)
        mark = self.events.mark()
        self._control.send({"command": command, "params": parameters, "token": token})
        reply = await self.events.wait(f"reply to {command}", lambda e: e.get("token") == token, since=mark)
        return _COLOUR.sub("", str(reply.get("data", "")))

    async def event(self, kind: str, timeout_s: float = 6.0, since: int = 0, **fields: Any) -> Mapping[str, Any]:
        """The first event of *kind*: CALL_INCOMING, CALL_RINGING, CALL_PROGRESS, CALL_ESTABLISHED, CALL_CLOSED, …"""
        wanted = {"type": kind, **fields}
        return await self.events.wait(
            kind, lambda seen: all(seen.get(k) == v for k, v in wanted.items()), timeout_s, since
        )

    async def registered(self, timeout_s: float = 8.0) -> None:
        """Asked again and again: its first REGISTER_OK comes before its control socket is open."""
        async with asyncio.timeout(timeout_s):
            while True:
                if re.search(r"\bOK\b", await self.command("reginfo")):
                    return
                await asyncio.sleep(_POLL_S)

    async def call(self, uri: str) -> None:
        await self.command("dial", uri)

    async def answer(self) -> None:
        await self.command("accept")

    async def hang_up(self) -> None:
        """End the call; while it rings here that is a 486."""
        await self.command("hangup")

    async def dtmf(self, digits: str) -> None:
        """RFC 4733; it has no other way."""
        await self.command("sndcode", digits)

    async def frames_shown(self) -> int:
        """Pictures that it has decoded and displayed in the call that goes on."""
        match = re.search(r"vidisp: \S+ \d+ x \d+ frames=(\d+)", await self.command("video_debug"))
        return int(match[1]) if match else 0

    @property
    def digits(self) -> str:
        """DTMF received so far, by either way."""
        return "".join(str(e["param"]) for e in self.events if e.get("type") == "CALL_DTMF_START")

    @property
    def heard(self) -> Path:
        """What it heard in its last call; complete after CALL_CLOSED. A missing file if there was none."""
        return self._last("dec")

    def _last(self, direction: str) -> Path:
        recordings = sorted((self.folder / "rec").glob(f"dump-*-{direction}.wav"))
        return recordings[-1] if recordings else self.folder / "rec" / "nothing.wav"

    async def say_quit(self) -> None:
        self._control.send({"command": "quit"})

    async def stop(self) -> int | None:
        status = await super().stop()
        self._control.close()
        return status
