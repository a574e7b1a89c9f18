"""An Akuvox door phone as a network endpoint: what it does by itself (fetches, flashes, reports, calls).

The HTTP it answers is in `edge.simulators.akuvox_web`.
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote, urljoin

import httpx

from edge.phone.handle import Phone, PhoneSettings
from edge.simulators.akuvox import PASSWORDS, AkuvoxDevice

MAX_FILE_BYTES: Final = 4 * 1024 * 1024
ROM_HEAD: Final = b"SIMULATED ROM "
"""A firmware file of these devices: this, the model, a space, the version, a line feed."""
TALK_S: Final = 1.0
_WITHIN_S: Final = 5.0
_TRANSPORTS: Final = {"0": "udp", "1": "tcp", "2": "tls"}

Tell = Callable[[Mapping[str, Any]], None]


class AkuvoxPanel:
    """The device with what it does by itself. *tell* hears what a person in front of it sees.

    *sip_ip*: its own address, of its SIP and RTP too; "" = any, and it does not call. *boot_s*: how long it is away
    when it starts.
    """

    def __init__(
        self, device: AkuvoxDevice, *, tell: Tell | None = None, sip_ip: str = "", boot_s: float = 0.0
    ) -> None:
        self.device = device
        self.booting = False
        self.lost_reports = 0
        self.calls = bool(sip_ip)  # whether it has a telephone
        self._tell = tell or (lambda _: None)
        self._sip_ip, self._boot_s = sip_ip, boot_s
        self._phone: Phone | None = None
        self._loaded = ""  # the firmware address that was carried out already

    # --- life -------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Power on: fetch, flash if the configuration says so, register."""
        self.booting = True
        await self._hang_up_phone()
        try:
            await asyncio.sleep(self._boot_s)
            await self._fetch()
            await self._take_firmware()
        finally:
            self.booting = False
        await self._register()
        self._tell({"event": "started", "model": self.device.model.name, "firmware": self.device.model.firmware})

    async def stop(self) -> None:
        await self._hang_up_phone()

    async def reboot(self) -> None:
        self.device.reboot()
        await self.start()

    async def reset(self) -> None:
        self.device.reset()
        self._loaded = ""
        self._tell({"event": "reset"})
        await self.start()

    # --- configuration ----------------------------------------------------------------------------------------------

    async def _fetch(self) -> None:
        """AutoP: `<MAC>.cfg` below the provisioning URL, with its login once it has one."""
        config = self.device.config
        url = config["Config.Autoprovision.GENERAL.Url"]
        if not url or config["Config.Autoprovision.MODE.Mode"] != "1":
            return
        body = await self._get(urljoin(url, f"{self.device.mac.upper()}.cfg"))
        if body is not None:
            self._apply(body.decode("utf-8", "replace"))

    def _apply(self, text: str) -> None:
        lines = (line.partition("=") for line in text.splitlines() if "=" in line and not line.startswith("#"))
        self.device.config |= {key.strip(): value.strip() for key, _, value in lines if key.startswith("Config.")}
        self.device.reboot()
        self._tell({"event": "provisioned"})

    async def _take_firmware(self) -> None:
        url = self.device.config.get("Config.Firmware.Url", "")
        if not url or url == self._loaded:
            return
        body = await self._get(url)
        if body is None or not body.startswith(ROM_HEAD):
            self._tell({"event": "firmware refused"})
            return
        model, _, version = body.partition(b"\n")[0].removeprefix(ROM_HEAD).decode("ascii", "replace").partition(" ")
        if model == self.device.model.name:
            self._loaded = url
            self.device.flash(version)
            self._tell({"event": "flashed", "firmware": version})

    async def _get(self, url: str) -> bytes | None:
        """A file, by whichever login is asked for; None where there is none to be had."""
        config = self.device.config
        login = config["Config.Autoprovision.GENERAL.UserName"], config["Config.Autoprovision.GENERAL.Pwd"]
        try:
            async with self._client() as client:
                answer = await client.get(url)
                if answer.status_code == httpx.codes.UNAUTHORIZED and login[0]:
                    digest = "digest" in answer.headers.get("www-authenticate", "").lower()
                    answer = await client.get(url, auth=httpx.DigestAuth(*login) if digest else httpx.BasicAuth(*login))
        except httpx.HTTPError as error:
            self._tell({"event": "not fetched", "why": type(error).__name__})
            return None
        good = answer.status_code == httpx.codes.OK and len(answer.content) <= MAX_FILE_BYTES
        self._tell({"event": "fetched" if good else "not fetched", "status": answer.status_code})
        return answer.content if good else None

    # --- at the door ------------------------------------------------------------------------------------------------

    async def type_pin(self, pin: str) -> bool:
        """Somebody types *pin*; whether the door opened. The relay's own report is not sent for a code."""
        user = self.device.who_has("PrivatePIN", pin)
        self.device.log_door("PIN", pin, user, relay="1")
        await self._report("ValidCodeEntered" if user else "InvalidCodeEntered", code=pin, user=user)
        self._syslog("OPENDOOR_LOG:Type:PIN" if user else "OPENDOOR_LOG:Type:PIN Result:Failed")
        return self._opened(user)

    async def present_card(self, card: str) -> bool:
        """Somebody holds a card in front of it; whether the door opened."""
        user = self.device.who_has("CardCode", card)
        self.device.log_door("Card", card, user, relay="1")
        await self._report("ValidCardEntered" if user else "InvalidCardEntered", card_sn=card, user=user)
        self._syslog("OPENDOOR_LOG:Type:RF" if user else "OPENDOOR_LOG:Type:RF Result:Failed")
        if user is not None:
            await self._report("RelayATriggered", user=user)
        return self._opened(user)

    async def break_in(self) -> None:
        """The cover is taken off."""
        await self._report("InputBreakIn")

    def _opened(self, user: Mapping[str, Any] | None) -> bool:
        self._tell({"event": "opened" if user else "stays shut", "relays": ["1"] if user else []})
        return user is not None

    async def _report(
        self, event: str, code: str = "", card_sn: str = "", user: Mapping[str, Any] | None = None
    ) -> None:
        """The action URL of *event*. One that cannot be sent is lost: these devices keep no queue of them."""
        config = self.device.config
        url = config.get(f"Config.Features.ACTIONURL.{event}", "")
        if config["Config.Features.ACTIONURL.Enable"] != "1" or not url:
            return
        told = {
            "$mac": self.device.mac.upper(), "$code": code, "$card_sn": card_sn, "$model": self.device.model.name,
            "$firmware": self.device.model.firmware, "$active_user": str(user["Name"]) if user else "",
        }  # fmt: skip
        for name, value in told.items():
            url = url.replace(name, quote(value))
        try:
            async with self._client() as client:
                await client.get(url)
        except httpx.HTTPError:
            self.lost_reports += 1

    def _client(self) -> httpx.AsyncClient:
        """From its own address, as a device's requests come."""
        transport = httpx.AsyncHTTPTransport(local_address=self._sip_ip or None)
        return httpx.AsyncClient(timeout=_WITHIN_S, transport=transport)

    def _syslog(self, text: str) -> None:
        config = self.device.config
        server = config["Config.Settings.LOGLEVEL.RemoteServer"]
        if config["Config.Settings.LOGLEVEL.RemoteSyslog"] != "1" or not server:
            return
        host, _, port = server.partition(":")
        with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            if self._sip_ip:
                sender.bind((self._sip_ip, 0))
            sender.sendto(f"<134>{self.device.mac} {text}".encode(), (host, int(port or 514)))

    # --- telephone --------------------------------------------------------------------------------------------------

    async def _register(self) -> None:
        config = self.device.config
        if not self.calls or config["Config.Account1.GENERAL.Enable"] != "1":
            return
        host, port = config["Config.Account1.SIP.Server"], config["Config.Account1.SIP.Port"]
        transport = _TRANSPORTS.get(config["Config.Account1.SIP.TransType"], "udp")
        suffix = "" if transport == "udp" else f";transport={transport}"
        settings = PhoneSettings(
            self._sip_ip, config["Config.Account1.GENERAL.UserName"], config["Config.Account1.GENERAL.Pwd"],
            domain=host, registrar=f"sip:{host}:{port}{suffix}", transport=transport, tone_hz=440,
            user_agent=f"Akuvox {self.device.model.name} (simulated)",
        )  # fmt: skip
        self._phone = await Phone(settings, "own").start()
        await self._phone.registered()
        self._tell({"event": "registered", "user": settings.user})

    async def dial(self, number: str, within_s: float = 30.0) -> str:
        """Call *number*; ``answered``, or the status it came to. Talks a second. Raises NotSeen."""
        if self._phone is None:
            return "no account"
        server = f"{self.device.config['Config.Account1.SIP.Server']}:{self.device.config['Config.Account1.SIP.Port']}"
        mark = self._phone.call(f"sip:{number}@{server}")
        event = await self._phone.events.wait(
            "how the call came out", lambda seen: seen.get("state") in ("confirmed", "disconnected"), within_s, mark
        )
        if event["state"] == "disconnected":
            return str(event["status"])
        await asyncio.sleep(TALK_S)
        self._phone.hang_up()
        await self._phone.state("disconnected", since=mark)
        return "answered"

    async def _hang_up_phone(self) -> None:
        phone, self._phone = self._phone, None
        if phone is not None:
            await phone.stop()


def shown(config: Mapping[str, str]) -> dict[str, str]:
    """*config* as the device's page shows it: no password."""
    return {key: "********" if key.endswith(PASSWORDS) and value else value for key, value in config.items()}
