"""Everything on the stage of the demo: the site, its daemon, and the simulated devices."""

import asyncio
import contextlib
import dataclasses
import os
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from edge.demo import sample
from edge.demo.device import Device
from edge.demo.sample import SampleApartment, SampleDevice
from edge.demo.screen import Screen, describe
from edge.demo.site import Daemon, Site
from edge.phone.handle import PhoneSettings
from edge.phone.loopback import AddressBlock

RING_S: Final = 3.0
SIP_PORT: Final = 5060
LANES: Final = ("Gate", "Edge", "Monitor 103", "App of David", "Telephone")
SAMPLE_FILE: Final = Path(__file__).parents[2] / "configs" / "sample-community.xlsx"
_POLL_S: Final = 0.2
_RECORD_WITHIN_S: Final = 5.0

SILENT: Final = ((0.0, 180),)  # rings until the edge gives up
ANSWERS: Final = ((0.0, 180), (1.0, 200))


class StepFailed(Exception):
    """Something did not happen, or something happened that must not."""


def require(condition: object, complaint: str) -> None:
    """Raise StepFailed with *complaint* unless *condition*."""
    if not condition:
        raise StepFailed(complaint)


@dataclass
class Stage:
    """What the steps of the play work with."""

    site: Site
    daemon: Daemon
    screen: Screen
    block: AddressBlock
    devices: dict[str, Device] = field(default_factory=dict)
    logins: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)  # PIN and card of the play, by kind

    def __getitem__(self, name: str) -> Device:
        return self.devices[name]

    def say(self, lane: str, text: str) -> None:
        self.screen.event(lane, text)

    def uri(self, dialled: str) -> str:
        """How a device of this site dials."""
        host, port = self.daemon.sip
        return f"sip:{dialled}@{host}:{port}"

    async def last_seq(self) -> int:
        """Number of the newest row of the journal."""
        rows = await self.site.log()
        return int(rows[-1]["seq"]) if rows else 0

    async def log_row(self, after: int, **wanted: object) -> dict[str, Any]:
        """The first row after *after* with these fields. Raises StepFailed."""
        row = await self._eventually(
            lambda: self.site.log("--after", str(after)), lambda row: _fits(row, wanted), f"a log row with {wanted}"
        )
        self.say("Edge", f"log {row['seq']}: {row['method']} {row['outcome']}")
        return row

    async def ended_call(self, dialled: str) -> dict[str, Any]:
        """The row of the call of *dialled*, once it is final. Raises StepFailed."""
        row = await self._eventually(
            self.site.calls,
            lambda row: row["dialled"] == dialled and row["outcome"] is not None,
            f"a finished call of {dialled}",
        )
        self.say("Edge", f"call {row['outcome']}" + (f": {row['reason']}" if row["reason"] else ""))
        return row

    async def _eventually(
        self, ask: Callable[[], Any], fits: Callable[[dict[str, Any]], bool], what: str
    ) -> dict[str, Any]:
        rows: list[dict[str, Any]] = []
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_RECORD_WITHIN_S):
                while True:
                    rows = await ask()
                    for row in rows:
                        if fits(row):
                            return row
                    await asyncio.sleep(_POLL_S)
        raise StepFailed(f"the records have no {what}; the last row is {rows[-1] if rows else 'none'}")


def _fits(row: Mapping[str, Any], wanted: Mapping[str, object]) -> bool:
    return all(row.get(key) == value for key, value in wanted.items())


class _ShownDevice(Device):
    """A device whose events appear on the timeline."""

    def __init__(self, name: str, settings: Mapping[str, Any], log: Path, screen: Screen) -> None:
        super().__init__(name, settings, log)
        self._screen = screen
        self._registered = False

    def line_received(self, line: str) -> None:
        before = self.events.mark()
        super().line_received(line)
        for event in list(self.events)[-(self.events.mark() - before) :]:
            again = self._registered and event.get("event") == "registration"
            self._registered = self._registered or event.get("event") == "registration"
            if not again and (text := describe(event)):
                self._screen.event(self.name, text)


@contextlib.asynccontextmanager
async def set_up(folder: Path, screen: Screen, phones: str = "auto", broker: str = "auto") -> AsyncIterator[Stage]:
    """Make the site, start its daemon and devices with their *phones*; end all of them with the block."""
    async with contextlib.AsyncExitStack() as stack:
        block = stack.enter_context(AddressBlock.claim())
        site, telephone = Site(folder, block.address()), block.address()
        screen.title("The community is made, the daemon starts, devices come")
        secrets = await make_site(site, telephone, broker)
        daemon = await stack.enter_async_context(site.daemon())
        screen.event("Edge", f"serves at {daemon.sip[0]}:{daemon.sip[1]}")
        stage = Stage(site, daemon, screen, block, secrets=secrets)
        for name, settings in (await _cast(stage, telephone)).items():
            device = _ShownDevice(name, {**settings, "engine": phones}, folder / f"{name}.log", screen)
            stage.devices[name] = await stack.enter_async_context(device)
        yield stage


async def make_site(site: Site, telephone: str, broker: str = "auto") -> dict[str, str]:
    """The sample community by the installer's commands; the PIN and the card of North/103."""
    settings: dict[str, dict[str, Any]] = {
        "trunk": {"host": telephone, "port": SIP_PORT, "user": "demo"},
        "calls": {"ring_time_s": RING_S},
        "mqtt": {"broker": broker},
    }
    await site.init(
        "--name", "Sample community", "--time-zone", "Europe/Berlin", "--plan", "premium", "--pin-mode", "pin",
        "--landline", settings=settings,
    )  # fmt: skip
    _write_secret(site.folder / "secrets" / "trunk_password", os.urandom(16).hex())
    await site.edge("mac", "add", *sample.macs())
    await site.edge("import", str(SAMPLE_FILE))
    for path, state in sample.SERVICE.items():
        await site.edge("apartment", "service", path, state)
    await site.edge("relay", "set", sample.GATE.mac, "1", "--dtmf", "1")
    pin = await site.edge("credential", "add", "pin", "--apartment", "North/103", "--generate")
    card = os.urandom(7).hex().upper()
    await site.edge("credential", "add", "rf_card", "--apartment", "North/103", "--value", "-", stdin=card)
    return {"pin": pin["value"], "rf_card": card}


def _write_secret(path: Path, secret: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(secret)


async def _cast(stage: Stage, telephone: str) -> dict[str, dict[str, Any]]:
    """Settings of each simulated device, with the logins that the site's commands print."""
    home = sample.BY_PATH["North/103"]
    gate, monitor = await asyncio.gather(_device(stage, sample.GATE), _device(stage, home.devices[0], SILENT))
    landline = PhoneSettings(ip=telephone, user="telephone", port=SIP_PORT, tone_hz=660, answer_steps=ANSWERS)
    return {
        "Gate": gate,
        "Monitor 103": monitor,
        "App of David": await _app(stage, home),
        "Telephone": {"phone": dataclasses.asdict(landline), "mqtt": None},
    }


async def _device(stage: Stage, device: SampleDevice, steps: tuple[tuple[float, int], ...] = ANSWERS) -> dict[str, Any]:
    login = await stage.site.edge("device", "secret", device.mac)
    stage.logins[device.name] = login
    phone = _phone(stage, login["sip"], steps, tone_hz=440)
    return {"phone": phone, "mqtt": login["mqtt"], "type": device.type, "model": "SIM-1", "relays": 1}


async def _app(stage: Stage, home: SampleApartment) -> dict[str, Any]:
    residents = await stage.site.edge("resident", "list")
    first, last = home.resident
    resident = next(r for r in residents if (r["first"], r["last"]) == (first, last))
    await stage.site.edge("resident", "set", str(resident["id"]), "--activation", "active")
    login = await stage.site.edge("resident", "secret", str(resident["id"]))
    stage.logins[f"{first} {last}"] = login
    return {"phone": _phone(stage, login["sip"], ANSWERS, tone_hz=880), "mqtt": None}


def _phone(
    stage: Stage, login: Mapping[str, Any], steps: tuple[tuple[float, int], ...], tone_hz: int
) -> dict[str, Any]:
    host, port = stage.daemon.sip
    settings = PhoneSettings(
        ip=stage.block.address(), port=SIP_PORT, user=login["user"], password=login["password"], domain=host,
        registrar=f"sip:{host}:{port}", tone_hz=tone_hz, answer_steps=steps,
    )  # fmt: skip
    return dataclasses.asdict(settings)
