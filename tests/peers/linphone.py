"""A linphonec process as a SIP device, driven over its standard input and read over its output.

    async with Linphone(folder, LinphoneSettings(ip=…, user="105", password=…, server="127.0.0.1:5060", wav=…)) as p:
        await p.registered(); p.call("sip:102@127.0.0.1"); await p.says("Media streams established")

No sound card: a wav file is its microphone, another its ear. Habits: DTMF by INFO needs 0.6 s between digits; hanging
up while it rings here is a 603; with a wrong password it takes its next line of input for a new one.
"""

import asyncio
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from edge.phone.events import EventLog, NotSeen
from edge.phone.lines import LineProcess
from sip.flow import Address

_START_WITHIN_S: Final = 15.0
_DIGIT_GAP_S: Final = {"rfc4733": 0.3, "info": 0.7}
_KNOWN_CODECS: Final = (
    "opus/48000/2",
    "speex/16000/1",
    "speex/8000/1",
    "speex/32000/1",
    "PCMU/8000/1",
    "PCMA/8000/1",
    "GSM/8000/1",
    "G722/8000/1",
    "G729/8000/1",
)


@dataclass(frozen=True, slots=True)
class LinphoneSettings:
    ip: str
    user: str
    password: str = ""
    server: str = ""  # host:port
    transport: str = "udp"  # udp | tcp | tls
    port: int = 5060
    rtp_port: int = 7078
    wav: Path | None = None  # what it says, 8 kHz mono 16 bit
    auto_answer: bool = False
    dtmf_by: str = "rfc4733"  # rfc4733 | info
    codecs: tuple[str, ...] = ("PCMA/8000/1", "PCMU/8000/1")
    ca_file: str = ""
    config_uri: str = ""  # it takes its account from there


def rc_text(settings: LinphoneSettings) -> str:
    """The ``linphonerc`` file of *settings*."""
    ports = {name: settings.port if name == settings.transport else 0 for name in ("udp", "tcp", "tls")}
    sections: list[tuple[str, dict[str, object]]] = [
        (
            "sip",
            {
                "sip_port": ports["udp"],
                "sip_tcp_port": ports["tcp"],
                "sip_tls_port": ports["tls"],
                "bind_address": settings.ip,
                "use_ipv6": int(":" in settings.ip),
                "guess_hostname": 0,
                "contact": f'"{settings.user}" <sip:{settings.user}@{_host(settings.ip)}>',
                "register_only_when_network_is_up": 0,
                "use_info": int(settings.dtmf_by == "info"),
                "use_rfc2833": int(settings.dtmf_by == "rfc4733"),
                "media_encryption": "none",
                "default_proxy": 0,
                "verify_server_certs": int(bool(settings.ca_file)),
                "verify_server_cn": 0,  # its TLS library does not match an address of a certificate
                "root_ca": settings.ca_file,
            },
        ),
        ("net", {"dns_srv_enabled": 0, "stun_server": ""}),
        (
            "rtp",
            {
                "bind_address": settings.ip,
                "audio_rtp_port": settings.rtp_port,
                "audio_adaptive_jitt_comp_enabled": 0,
            },
        ),
        ("video", {"enabled": 0, "capture": 0, "display": 0}),
        ("misc", {"config-uri": settings.config_uri} if settings.config_uri else {"version_check_url_root": ""}),
        *_codec_sections(settings),
        *_account_sections(settings),
    ]
    return "".join(
        f"[{name}]\n" + "".join(f"{key}={value}\n" for key, value in entries.items()) for name, entries in sections
    )


def _host(address: str) -> str:
    """As it stands in a URI."""
    return f"[{address}]" if ":" in address else address


def _codec_sections(settings: LinphoneSettings) -> list[tuple[str, dict[str, object]]]:
    """Every codec it knows is named: one that is left out comes back enabled."""
    order = [*settings.codecs, *(codec for codec in _KNOWN_CODECS if codec not in settings.codecs)]
    sections: list[tuple[str, dict[str, object]]] = []
    for place, codec in enumerate(order):
        mime, rate, channels = codec.split("/")
        entries = {"mime": mime, "rate": rate, "channels": channels, "enabled": int(codec in settings.codecs)}
        sections.append((f"audio_codec_{place}", entries))
    return sections


def _account_sections(settings: LinphoneSettings) -> list[tuple[str, dict[str, object]]]:
    if not settings.server or settings.config_uri:
        return []
    uri = settings.server + ("" if settings.transport == "udp" else f";transport={settings.transport}")
    return [
        ("auth_info_0", {"username": settings.user, "passwd": settings.password, "realm": ""}),
        (
            "proxy_0",
            {
                "reg_proxy": f"<sip:{uri}>",
                "reg_route": f"<sip:{uri};lr>",
                "reg_identity": f"sip:{settings.user}@{_host(Address.parse(settings.server).host)}",
                "reg_expires": 60,
                "reg_sendregister": 1,
                "publish": 0,
            },
        ),
    ]


class Linphone(LineProcess):
    """One linphonec. Its files, its log and its recording are in *folder*/linphone-USER."""

    def __init__(self, folder: Path, settings: LinphoneSettings) -> None:
        self.folder = folder.resolve() / f"linphone-{settings.user}"
        self.heard = self.folder / "heard.wav"
        argv = ["linphonec", "-c", str(self.folder / "linphonerc"), "-d", "5", "-l", str(self.folder / "log"), "-S"]
        hidden = ("DISPLAY", "XDG_DATA_HOME", "XDG_CONFIG_HOME")
        environment = {key: value for key, value in os.environ.items() if key not in hidden}
        super().__init__(
            f"linphone {settings.user}",
            [*argv, *(["-a"] if settings.auto_answer else [])],
            env={**environment, "HOME": str(self.folder), "TERM": "dumb"},
        )
        self.settings = settings
        self.lines: EventLog[str] = EventLog(self.name)

    async def start(self) -> Self:
        """Start it; it takes commands when this returns."""
        for kept in (".local/share/linphone", ".config/linphone"):  # else it has no database
            (self.folder / kept).mkdir(parents=True)
        (self.folder / "linphonerc").write_text(rc_text(self.settings))
        self.stderr_file = self.folder / "stderr"
        await super().start()
        try:
            self.write_line("soundcard use files")
            await self.says("Using wav files", _START_WITHIN_S)
            if self.settings.wav is not None:
                self.write_line(f"play {self.settings.wav}")  # before the call: opened when the stream starts
            self.write_line(f"record {self.heard}")
        except BaseException:
            await self.stop()
            raise
        return self

    def line_received(self, line: str) -> None:
        self.lines.add(line)

    def process_ended(self, status: int) -> None:
        self.lines.end(f"it ended with status {status}")

    async def says(self, pattern: str, timeout_s: float = 6.0, since: int = 0) -> str:
        """The first line after *since* in which *pattern* is found. Raises NotSeen."""
        wanted = re.compile(pattern)
        return await self.lines.wait(pattern, lambda line: wanted.search(line) is not None, timeout_s, since)

    async def registered(self, timeout_s: float = 10.0) -> None:
        """Asked again and again: the line that says it may come before we read."""
        async with asyncio.timeout(timeout_s):
            while True:
                mark = self.lines.mark()
                self.write_line("status register")
                try:
                    if "registered, identity" in await self.says(r"registered(=|,)", 1.0, mark):
                        return
                except NotSeen:
                    continue
                await asyncio.sleep(0.1)

    def call(self, uri: str) -> int:
        mark = self.lines.mark()
        self.write_line(f"call {uri}")
        return mark

    def answer(self) -> None:
        self.write_line("answer")

    def hang_up(self) -> None:
        """End the call; while it rings here that is a 603."""
        self.write_line("terminate")

    async def dtmf(self, digits: str) -> None:
        """Send *digits*, with the pause that it needs between them."""
        for digit in digits:
            self.write_line(digit)
            await asyncio.sleep(_DIGIT_GAP_S[self.settings.dtmf_by])

    @property
    def digits(self) -> str:
        """DTMF received so far."""
        found = (re.search(r"Receiving tone (.) from", line) for line in self.lines)
        return "".join(match[1] for match in found if match)

    async def say_quit(self) -> None:
        self.write_line("quit")
