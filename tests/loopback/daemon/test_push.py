"""A door phone without MQTT, from its factory state to an opening, a firmware job and a reset: over HTTP."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from edge.demo.site import Site
from edge.simulators.akuvox import AkuvoxDevice, Model
from edge.simulators.akuvox_panel import ROM_HEAD, AkuvoxPanel
from edge.simulators.akuvox_web import AkuvoxWeb, akuvox

GATE: Final = "0c1105d00001"
CARD: Final = "04A1B2C3D4E5F6"
WITHIN_S: Final = 60.0
CARDS: Final = 1_000  # so many that a push is still under way when the first are seen
ROM: Final = ROM_HEAD + b"R29 29.30.10.99\n" + bytes(1000)


class Gate:
    """The simulated panel, plugged in."""

    def __init__(self, panel: AkuvoxPanel, web: AkuvoxWeb, url: str) -> None:
        self.panel, self.device, self.web, self.url = panel, panel.device, web, url


async def a_site(folder: Path, address: str) -> Site:
    site = await Site(folder, address).init(
        "--plan", "premium", "--time-zone", "UTC",
        settings={"mqtt": {"broker": "embedded"}, "devices": {"poll_every_s": 1.0}},
    )  # fmt: skip
    await site.edge("mac", "add", GATE)
    await site.edge("building", "add", "1")
    await site.edge("apartment", "add", "1/101", "--handset")
    await site.edge("device", "add", GATE, "--name", "Gate", "--type", "0")
    await site.edge("relay", "add", "Gate", "1", "--methods", "pin,rf_card,remote,dtmf", "--dtmf", "7", "--hold-s", "3")
    return site


@contextlib.asynccontextmanager
async def plugged_in(address: str, **more: Any) -> AsyncIterator[Gate]:
    device = AkuvoxDevice(GATE, lambda: now(), Model(**more))
    panel = AkuvoxPanel(device, sip_ip=address)
    panel.calls = False
    async with akuvox(panel, address) as (web, url):
        yield Gate(panel, web, url)
    assert web.collisions == 0


def now() -> tuple[str, str]:
    import time

    return time.strftime("%Y-%m-%d", time.gmtime()), time.strftime("%H:%M:%S", time.gmtime())


async def rows(site: Site, **wanted: Any) -> list[dict[str, Any]]:
    return [row for row in await site.log() if all(row[key] == value for key, value in wanted.items())]


async def row(site: Site, **wanted: Any) -> dict[str, Any]:
    async with asyncio.timeout(WITHIN_S):
        while not (found := await rows(site, **wanted)):  # each look is a command of half a second
            pass
    return found[0]


def is_up_to_date(shown: dict[str, Any]) -> bool:
    """What it said of itself and what it confirmed is in the store within a second."""
    return bool(shown["model"]) and shown["revision"]["wanted"] == shown["revision"]["confirmed"]


async def until(holds: Any, every_s: float = 0.05) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not holds():  # noqa: ASYNC110  # the device is looked at, it tells nobody
            await asyncio.sleep(every_s)


@pytest.mark.timeout(400)  # thirty commands, on a busy machine
async def test_from_the_factory_to_an_opening(tmp_path: Path, addresses: Iterator[str]) -> None:
    site = await a_site(tmp_path / "site", next(addresses))
    made = await site.edge("credential", "add", "pin", "--apartment", "1/101", "--generate", "--home", "both")
    pin = made["value"]
    await site.edge("credential", "add", "rf_card", "--apartment", "1/101", "--value", "-", stdin=CARD)
    async with site.daemon(tmp_path / "serve.log"), plugged_in(next(addresses)) as gate:
        unknown = await site.run("device", "push", GATE)
        assert (unknown.status, "say --address" in unknown.errors) == (1, True)

        looked = await site.edge("device", "push", GATE, "--dry-run", "--address", gate.url)
        assert not looked["error"]
        assert {item["state"] for item in looked["items"]} == {"differs"}
        assert looked["credentials"] == {"to_remove": 0, "to_put": 1}

        pushed = await site.edge("device", "push", GATE, "--address", gate.url)
        secret = (await site.edge("device", "secret", GATE))["sip"]["password"]
        assert pushed["converged"]
        assert secret == gate.device.config["Config.Account1.GENERAL.Pwd"]
        assert secret not in str(pushed) + str(looked)
        assert gate.device.config["Config.DoorSetting.APIFCGI.Password"] != "httpapi"
        assert gate.device.config["Config.DoorSetting.RELAY.RelayATrigAlways"] == "0"
        gate.device.power_cut()
        assert gate.device.config["Config.Account1.GENERAL.Pwd"] == secret, "it was rebooted, so it is kept"
        assert [user["PrivatePIN"] for user in gate.device.users.values()] == [pin]

        async with asyncio.timeout(WITHIN_S):
            while not is_up_to_date(shown := (await site.edge("device", "list"))[0]):
                pass
        assert (shown["model"], shown["firmware"]) == ("R29", "29.30.10.13")

        assert await gate.panel.type_pin(pin)
        opened = await row(site, method="pin", outcome="granted")
        assert (opened["apartment"], opened["detail"]["decided_by"]) == ("1/101", "panel")
        assert not await gate.panel.type_pin("99999999")
        await row(site, method="pin", outcome="denied", reason="unknown_credential")
        assert len(await rows(site, method="pin")) == 2, "the action URL and the door log tell the same things"

        await site.edge("door", "open", "Gate")
        assert gate.device.triggered == [{"num": 1, "mode": 0, "level": 0, "delay": 3}]
        assert not await gate.panel.present_card(CARD), "the panel does not know it"
        card = await row(site, method="rf_card", outcome="granted")
        assert card["apartment"] == "1/101"
        await until(lambda: len(gate.device.triggered) == 2)
        assert len(await rows(site, method="rf_card")) == 1

        await site.edge("credential", "remove", made["id"])
        await until(lambda: gate.device.users == {})
    log = (tmp_path / "serve.log").read_text()
    assert pin not in log + str(await site.log())
    assert CARD not in log
    assert "/hooks/" not in log


@pytest.mark.timeout(400)  # as many
async def test_a_push_goes_on_after_a_kill_then_a_firmware_job_and_a_reset(
    tmp_path: Path, addresses: Iterator[str]
) -> None:
    site = await a_site(tmp_path / "site", next(addresses))
    (tmp_path / "r29.rom").write_bytes(ROM)
    await site.edge("firmware", "add", str(tmp_path / "r29.rom"), "--model", "R29", "--version", "29.30.10.99")
    cards = [f"rf_card,1/101,{number:014X},panel" for number in range(1, CARDS + 1)]
    (tmp_path / "cards.csv").write_text("kind,apartment,value,home\n" + "\n".join(cards) + "\n")
    await site.edge("credential", "import", str(tmp_path / "cards.csv"))
    async with plugged_in(next(addresses), users_by_set_only=True, schedule_field="Schedule-Relay") as gate:
        async with site.daemon(tmp_path / "first.log") as daemon:
            pushing = asyncio.ensure_future(site.run("device", "push", GATE, "--address", gate.url))
            await until(lambda: bool(gate.device.users), every_s=0.002)
            await daemon.kill()
            await pushing  # it told the settings, with or without an end: credentials follow by themselves
        assert 0 < len(gate.device.users) < CARDS
        async with site.daemon(tmp_path / "second.log"):
            async with asyncio.timeout(WITHIN_S):
                while (await site.edge("device", "list"))[0]["keeps_up"]["behind_since"] is not None:
                    pass
            assert len(gate.device.users) == len({user["CardCode"] for user in gate.device.users.values()}) == CARDS
            assert gate.device.next_id == CARDS + 1 + len(gate.device.dial_list), "nobody was told twice"

            job = (await site.edge("device", "upgrade", GATE, "--version", "R29/29.30.10.99"))["id"]
            async with asyncio.timeout(WITHIN_S):
                while (await site.edge("firmware", "jobs", job))["state"] != "executed":
                    pass
            assert gate.device.model.firmware == "29.30.10.99"
            (done,) = await site.edge("device", "reset", GATE, "--yes")
            assert done["result"] == "done"
            await gate.web.settled()
            assert gate.device.config["Config.Account1.GENERAL.UserName"] == ""
            assert gate.device.users == {}
            again = await site.run("device", "push", GATE)
            assert (again.status, "say --address" in again.errors) == (1, True), "a device that was reset is left alone"
