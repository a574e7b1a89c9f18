"""A version of firmware comes to a door phone: library, job, order, file, the new version back, over a restart too."""

import asyncio
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx

from edge.demo.device import Device
from edge.demo.site import Site
from tests.peers.site import Login, Running

GATE, LIFT = "0c1105c00001", "0c1105c00002"
VERSION: Final = "SIM-1/2.0"
WITHIN_S: Final = 30.0
IMAGE: Final = bytes(range(256)) * 64


async def a_site(folder: Path, address: str) -> Site:
    site = await Site(folder, address).init(settings={"mqtt": {"broker": "embedded"}})
    await site.edge("mac", "add", GATE, LIFT)
    await site.edge("device", "add", GATE, "--name", "Gate", "--type", "0")
    await site.edge("device", "add", LIFT, "--name", "Lift", "--type", "0")
    (folder / "image").write_bytes(IMAGE)
    return site


async def add_version(site: Site, folder: Path) -> None:
    given = ("firmware", "add", str(folder / "image"), "--model", "SIM-1", "--version", "2.0")
    assert (await site.edge(*given))["sha256"] == hashlib.sha256(IMAGE).hexdigest()


async def fetch(url: str, login: Login, password: str | None = None) -> httpx.Response:
    """As a device does, by its own login of the device plane."""
    assert login.mqtt is not None
    auth = (str(login.mqtt["user"]), str(login.mqtt["password"]) if password is None else password)
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.get(url, auth=auth)


async def ordered(door: Device) -> dict[str, Any]:
    told = await door.wait("down", verb="upgrade", timeout_s=WITHIN_S)
    message: dict[str, Any] = told["message"]
    return message


async def states(site: Site, job: str) -> dict[str, str]:
    row = await site.edge("firmware", "jobs", job)
    return {"job": row["state"]} | {device["mac"]: device["state"] for device in row["devices"]}


async def become(site: Site, job: str, wanted: dict[str, str]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while True:
            if wanted.items() <= (await states(site, job)).items():  # each look is a command of half a second
                return


async def test_a_device_is_brought_to_a_version(tmp_path: Path, addresses: Iterator[str]) -> None:
    folder = tmp_path / "site"
    site = await a_site(folder, next(addresses))
    await add_version(site, folder)
    async with site.daemon(tmp_path / "site.log") as daemon:
        running = Running(site, daemon)
        login, other = await running.login(GATE, "Gate"), await running.login(LIFT, "Lift")
        async with login.simulated(type="0") as door:
            await door.wait("link", online=True, timeout_s=WITHIN_S)
            job = (await site.edge("device", "upgrade", GATE, "--version", VERSION))["id"]
            order = await ordered(door)
            got = await fetch(order["url"], login)
            assert got.status_code == 200
            assert got.content == IMAGE
            assert (order["sha256"], order["size_bytes"]) == (hashlib.sha256(IMAGE).hexdigest(), len(IMAGE))
            strangers = [await fetch(order["url"], login, "guessed"), await fetch(order["url"], other, "")]
            assert {(answer.status_code, answer.text) for answer in strangers} == {(401, strangers[0].text)}
            assert (await fetch(order["url"].replace(order["sha256"], "0" * 64), login)).status_code == 404
            assert await states(site, job) == {"job": "processing", GATE: "sent"}
        async with login.simulated(type="0", firmware="2.0") as door:
            await door.wait("link", online=True, timeout_s=WITHIN_S)
            await become(site, job, {"job": "executed", GATE: "done"})
    rows = [row["detail"] for row in await site.log("--kind", "device")]
    assert [row["file"] for row in rows if row["type"] == "fetch"] == [f"firmware/{order['sha256']}.bin"]
    assert [row["state"] for row in rows if row["type"] == "upgrade"] == ["sent", "done"]


async def test_a_job_goes_on_after_a_restart(tmp_path: Path, addresses: Iterator[str]) -> None:
    folder = tmp_path / "site"
    site = await a_site(folder, next(addresses))
    await add_version(site, folder)
    async with site.daemon(tmp_path / "first.log") as daemon:
        running = Running(site, daemon)
        login, late = await running.login(GATE, "Gate"), await running.login(LIFT, "Lift")
        async with login.simulated(type="0") as door, late.simulated(type="0") as lift:
            await door.wait("link", online=True, timeout_s=WITHIN_S)
            await lift.wait("link", online=True, timeout_s=WITHIN_S)
            scheduled = ("firmware", "schedule", VERSION, GATE, LIFT, "--at-once", "1", "--reset-after")
            job = (await site.edge(*scheduled))["id"]
            await ordered(door)
        await daemon.kill()
    assert (await states(site, job))["job"] == "processing"
    async with (
        site.daemon(tmp_path / "second.log"),
        login.simulated(type="0", firmware="2.0") as door,
        late.simulated(type="0") as lift,
    ):
        await door.wait(
            "down", verb="reset", timeout_s=WITHIN_S
        )  # it is done, and asked to start from its factory state
        await ordered(lift)
        assert (await site.run("firmware", "remove", VERSION)).status == 3, "a job needs it"
        await site.edge("firmware", "cancel", job)
        await become(site, job, {"job": "cancelled"})
