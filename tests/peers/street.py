"""A street for end-to-end call tests: a site with apartments of every call type, and all its telephones as PJSUA2.

One door phone at a gate; each apartment has a monitor, a resident's app and a landline behind a telephone company that
challenges. Who takes part in a call is chosen by starting telephones or not, and by their answer steps.
"""

import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from edge.demo.device import Device
from edge.phone.handle import Phone
from tests.peers.site import Login, Running, house
from tests.peers.trunk import Trunk

GATE: Final = "0C1105A00001"
TRUNK_USER: Final = "house"
TRUNK_PASSWORD: Final = "secret-of-the-house"
RING_S: Final = 2.0
NEVER: Final = ((0.0, 180),)
BUSY: Final = ((0.0, 486),)
DECLINES: Final = ((0.0, 180), (0.4, 603))
ANSWERS: Final = ((0.0, 180), (0.4, 200))


def mac(number: int) -> str:
    return f"0C1105B{number:05d}"


@dataclass
class Street:
    """The running site and the logins of who lives there."""

    running: Running
    addresses: Iterator[str]
    gate: Device
    monitors: dict[str, Login] = field(default_factory=dict)
    apps: dict[str, Login] = field(default_factory=dict)
    far_ip: str = ""

    def monitor(self, apartment: str, steps: tuple[tuple[float, int], ...], **more: Any) -> Phone:
        """The indoor monitor of *apartment*, which says 880 Hz."""
        return Phone(self.monitors[apartment].pjsua(next(self.addresses), answer_steps=steps, tone_hz=880, **more))

    def app(self, apartment: str, steps: tuple[tuple[float, int], ...], **more: Any) -> Phone:
        """The resident's app of *apartment*, which says 1040 Hz."""
        return Phone(self.apps[apartment].pjsua(next(self.addresses), answer_steps=steps, tone_hz=1040, **more))

    async def dial(self, apartment: str) -> int:
        """The visitor dials; the mark of this moment in the gate's events."""
        since = self.gate.events.mark()
        self.gate.do("call", to=self.running.uri(apartment))
        return since

    async def ended(self, since: int, timeout_s: float = 15.0) -> Mapping[str, Any]:
        """How the visitor's call ended."""
        return await self.gate.wait("state", timeout_s, since, state="disconnected")

    async def row(self) -> Mapping[str, Any]:
        """The newest call's row, final within a second of its end (decision 39)."""
        return (await self.running.edge("call", "list"))[-1]


def telephone(ip: str, folder: Path, steps: tuple[tuple[float, int], ...] = ANSWERS) -> Phone:
    """The telephone behind the telephone company: every landline of the street rings there. It says 660 Hz."""
    from edge.phone.handle import PhoneSettings

    return Phone(
        PhoneSettings(
            ip,
            "far",
            port=5070,
            tone_hz=660,
            record_dir=str(folder),
            answer_steps=steps,
            log_file=str(folder / "far.log"),
        )
    )


@contextlib.asynccontextmanager
async def street(
    folder: Path,
    addresses: Iterator[str],
    call_types: Mapping[str, int],
    *,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    watch: bool = True,
) -> AsyncIterator[Street]:
    """Apartments of one building by number and call type. The telephone company runs; its telephone does not yet."""
    edge_ip, trunk_ip, far_ip = next(addresses), next(addresses), next(addresses)
    own: dict[str, Mapping[str, Any]] = {
        "calls": {"ring_time_s": RING_S},
        "trunk": {"host": trunk_ip, "port": 5060, "user": TRUNK_USER},
        **(settings or {}),
    }
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(Trunk(folder, trunk_ip, {TRUNK_USER: TRUNK_PASSWORD}, f"{far_ip}:5070"))
        running = await stack.enter_async_context(
            house(
                folder,
                edge_ip,
                "--time-zone",
                "Europe/Berlin",
                "--landline",
                settings=own,
                watch=watch,
                secrets={"trunk_password": TRUNK_PASSWORD},
            )  # fmt: skip
        )
        await _furnish(running, folder, call_types)
        gate_login = await running.login(GATE, "Gate")
        gate = gate_login.simulated(gate_login.pjsua(next(addresses), tone_hz=440), type="0", relays=2)
        made = Street(running, addresses, await stack.enter_async_context(gate), far_ip=far_ip)
        await gate.registered()
        for index, apartment in enumerate(call_types):
            made.monitors[apartment] = await running.login(mac(index), f"Monitor {apartment}")
            made.apps[apartment] = await running.app(f"1/{apartment}", "Resident", apartment)
        yield made


async def _furnish(running: Running, folder: Path, call_types: Mapping[str, int]) -> None:
    """Everything by one import, as an installer does."""
    macs = [GATE, *(mac(index) for index in range(len(call_types)))]
    await running.edge("mac", "add", *macs)
    rows = ["Building,Apt,Device,1stPhone,TelephoneCallingCode,CallType"]
    for index, (apartment, call_type) in enumerate(call_types.items()):
        devices = f'"Gate,0,{GATE}; Monitor {apartment},2,{mac(index)}"'
        rows.append(f"1,{apartment},{devices},30123456{index},49,{call_type}")
    sheet = folder / "street.csv"
    sheet.write_text("\n".join(rows) + "\n")
    await running.edge("import", str(sheet))
    await running.edge("relay", "set", GATE, "1", "--dtmf", "1")
    await running.edge("relay", "add", GATE, "2", "--dtmf", "2", "--methods", "dtmf,remote")
