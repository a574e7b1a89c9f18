"""A site with a running daemon, and real programs with its logins.

async def test_x(site_folder, addresses):
    async with house(site_folder, next(addresses)) as running:
        gate = await running.device("0C1105000001", name="Gate", type=0)
        async with Phone(gate.pjsua(next(addresses))) as phone: …
"""

import asyncio
import contextlib
import dataclasses
import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from edge.demo.device import Device
from edge.demo.site import Daemon, Site
from edge.phone.handle import PhoneSettings
from tests.peers.baresip import BaresipSettings
from tests.peers.linphone import LinphoneSettings
from tests.peers.sipwatch import NOT_JUDGED, SipWatch

SIP_PORT: Final = 5060
TLS_PORT: Final = 5061
_COMMAND_WITHIN_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Login:
    """What `edge device secret` or `edge resident secret` printed, as settings for each kind of peer."""

    name: str
    sip: Mapping[str, Any]
    mqtt: Mapping[str, Any] | None
    server: str  # host:port
    folder: Path
    ca_file: str = ""  # where the house serves TLS

    def pjsua(self, ip: str, **more: Any) -> PhoneSettings:
        """A PJSUA2 phone that registers, records, and keeps every message in its log."""
        host = self.server.rpartition(":")[0]
        transport = more.get("transport", "udp")
        suffix = "" if transport == "udp" else f";transport={transport}"
        server = self._server(transport)
        defaults: dict[str, Any] = {
            "domain": host,
            "registrar": f"sip:{server}{suffix}",
            "proxy": f"sip:{server}{suffix};lr",
            "ca_file": self.ca_file if transport == "tls" else "",
            "port": SIP_PORT,
            "record_dir": str(self.folder),
            "log_file": str(self.folder / f"{self.name}.log"),
        }
        return PhoneSettings(ip, self.sip["user"], self.sip["password"], **{**defaults, **more})

    def baresip(self, ip: str, **more: Any) -> BaresipSettings:
        return BaresipSettings(ip, self.sip["user"], self.sip["password"], **{**self._more(more), **more})

    def linphone(self, ip: str, **more: Any) -> LinphoneSettings:
        return LinphoneSettings(ip, self.sip["user"], self.sip["password"], **{**self._more(more), **more})

    def _more(self, more: Mapping[str, Any]) -> dict[str, Any]:
        transport = more.get("transport", "udp")
        return {"server": self._server(transport), "ca_file": self.ca_file if transport == "tls" else ""}

    def _server(self, transport: str) -> str:
        return f"{self.server.rpartition(':')[0]}:{TLS_PORT}" if transport == "tls" else self.server

    def simulated(self, phone: PhoneSettings | None = None, **more: Any) -> Device:
        """A simulated device on the device plane, with or without a telephone."""
        settings = {"mqtt": self.mqtt, "phone": dataclasses.asdict(phone) if phone else None, "model": "SIM-1", **more}
        return Device(self.name, settings, self.folder / f"{self.name}.device.log")


@dataclass
class Running:
    """The site, its daemon, and what was captured of it."""

    site: Site
    daemon: Daemon
    watch: SipWatch | None = None
    logins: dict[str, Login] = field(default_factory=dict)

    @property
    def server(self) -> str:
        host, port = self.daemon.sip
        return f"{host}:{port}"

    def uri(self, dialled: str, transport: str = "udp") -> str:
        """How a peer dials *dialled*."""
        server = f"{self.daemon.sip[0]}:{TLS_PORT}" if transport == "tls" else self.server
        return f"sip:{dialled}@{server}" + ("" if transport == "udp" else f";transport={transport}")

    async def edge(self, *arguments: str, expect: int = 0, stdin: str | None = None) -> Any:
        """`edge --site … --json *arguments*`, parsed."""
        return await self.site.edge(*arguments, expect=expect, stdin=stdin)

    async def device(self, mac: str, name: str, *options: str) -> Login:
        """Add a device (its MAC into the library first) and get its logins. *options* as for `edge device add`."""
        await self.edge("mac", "add", mac)
        await self.edge("device", "add", mac, "--name", name, *options)
        return await self.login(mac, name)

    async def login(self, mac: str, name: str) -> Login:
        """Logins of a device that is there already."""
        secret = await self.edge("device", "secret", mac)
        return self._keep(name, secret)

    async def app(self, apartment: str, first: str, last: str) -> Login:
        """Add a resident with an active app and get the app's SIP login."""
        resident = await self.edge("resident", "add", apartment, "--first", first, "--last", last)
        await self.edge("resident", "set", str(resident["id"]), "--activation", "active")
        return self._keep(f"{first} {last}", await self.edge("resident", "secret", str(resident["id"])))

    def _keep(self, name: str, secret: Mapping[str, Any]) -> Login:
        ca = self.site.folder / "tls" / "ca.pem"
        ca_file = str(ca) if ca.exists() else ""
        login = Login(name, secret["sip"], secret.get("mqtt"), self.server, self.site.folder.parent, ca_file)
        self.logins[name] = login
        return login

    def well_formed(self) -> None:
        """After the house has closed: everything that the daemon sent was well-formed SIP, and it sent something."""
        assert self.watch is not None
        assert self.watch.sent_messages(self.site.address)
        assert self.watch.malformed(self.site.address) == []


@contextlib.asynccontextmanager
async def house(
    folder: Path,
    address: str,
    *init: str,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    watch: bool = False,
    secrets: Mapping[str, str] | None = None,
    tls: bool = False,
    judged: bool = True,
) -> AsyncIterator[Running]:
    """A new site on *address*, its daemon running; with *watch*, everything that SIP says is captured.

    *secrets*: files for the site's `secrets/`, by name. *tls*: with a certificate of its own authority. *judged*: what
    it sends is judged at the end of the run; not where spoilt requests come, for refusals repeat what was spoilt.
    """
    if not judged:
        NOT_JUDGED.add(address)
    site = Site(folder / "site", address)
    await site.init(*(init or ("--plan", "premium", "--time-zone", "Europe/Berlin")), settings=settings)
    for name, text in (secrets or {}).items():
        (site.folder / "secrets" / name).write_text(text)
        (site.folder / "secrets" / name).chmod(0o600)
    if tls:
        await site.edge("tls", "init")
    async with contextlib.AsyncExitStack() as stack:
        capture = SipWatch(folder / "sip.pcapng", [address], [SIP_PORT]) if watch else None
        if capture is not None:
            await stack.enter_async_context(capture)
        daemon = await stack.enter_async_context(site.daemon(folder / "serve.log"))
        yield Running(site, daemon, capture)
    assert daemon.status == 0, f"the daemon ended with status {daemon.status}: {folder / 'serve.log'}"


class OrdinaryClient:
    """mosquitto_pub and mosquitto_sub with a device's login, which they read from a file."""

    def __init__(self, folder: Path, login: Mapping[str, Any]) -> None:
        self._options = folder / f"mosquitto-{login['user']}"
        self._options.mkdir(mode=0o700)
        self.root = f"{login['prefix']}/{login['community']}/{login['user']}"
        lines = [f"-h {login['host']}", f"-p {login['port']}", f"-u {login['user']}", f"-P {login['password']}"]
        for name in ("mosquitto_pub", "mosquitto_sub"):
            (self._options / name).write_text("\n".join([*lines, f"-i {login['client_id']}", ""]))

    async def publish(self, topic: str, payload: str) -> int:
        """Publish once, QoS 1; the exit status. *topic* is relative to the device's own branch, or absolute with /."""
        process = await self._start("mosquitto_pub", "-t", self._absolute(topic), "-m", payload, "-q", "1")
        async with asyncio.timeout(_COMMAND_WITHIN_S):
            return await process.wait()

    @contextlib.asynccontextmanager
    async def subscribed(self, topic: str) -> AsyncIterator[asyncio.StreamReader]:
        """Payloads of *topic*, one a line, while the block lasts; it is subscribed when the block begins."""
        process = await self._start("mosquitto_sub", "-t", self._absolute(topic), "-q", "1", "-d")
        assert process.stdout is not None
        try:
            async with asyncio.timeout(_COMMAND_WITHIN_S):
                while b"SUBACK" not in await process.stdout.readline():
                    continue
            yield process.stdout
        finally:
            process.terminate()
            await process.wait()

    def _absolute(self, topic: str) -> str:
        return topic.removeprefix("/") if topic.startswith("/") else f"{self.root}/{topic}"

    async def _start(self, *argv: str) -> asyncio.subprocess.Process:
        environment = {**os.environ, "XDG_CONFIG_HOME": str(self._options)}
        return await asyncio.create_subprocess_exec(
            *argv, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
