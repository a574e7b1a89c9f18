"""A house is backed up while its doors open; the box burns down; a new one opens the same doors."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from edge.demo.device import Device
from edge.demo.site import Site
from tests.peers.site import Running

GATE: Final = "0c1105900001"
CARD, LATER = "04A1B2C3D4", "04A1B2C3D5"
PRESENTED: Final = 60


async def a_site(folder: Path, address: str) -> Site:
    site = await Site(folder, address).init(settings={"mqtt": {"broker": "embedded"}})
    await site.edge("mac", "add", GATE)
    await site.edge("building", "add", "1")
    await site.edge("apartment", "add", "1/101")
    await site.edge("device", "add", GATE, "--name", "Gate", "--type", "0")
    await site.edge("relay", "add", GATE, "1")
    await add_card(site, CARD)
    return site


async def add_card(site: Site, value: str) -> None:
    given = ("credential", "add", "rf_card", "--apartment", "1/101", "--value", "-")
    await site.edge(*given, stdin=value + "\n")


async def present(door: Device, first: int) -> None:
    for number in range(first, first + PRESENTED):
        assert (await door.attempt(f"n-{number}", "rf_card", CARD))["message"]["granted"]


async def test_a_new_box_opens_the_doors_of_the_old_one(tmp_path: Path, addresses: Iterator[str]) -> None:
    address = next(addresses)
    old = await a_site(tmp_path / "old", address)
    file, phrase = str(tmp_path / "house.backup"), tmp_path / "phrase"
    phrase.write_text("a passphrase on paper\n", encoding="utf-8")
    async with old.daemon(tmp_path / "old.log") as daemon:
        login = await Running(old, daemon).login(GATE, "Gate")
        async with login.simulated(type="0") as door:
            await door.wait("link", online=True)
            async with asyncio.TaskGroup() as group:
                group.create_task(present(door, 0))
                made = group.create_task(old.run("backup", file, "--passphrase-file", str(phrase)))
            assert made.result().status == 0
            refused = await old.run("restore", file, "--passphrase-file", str(phrase), "--yes")
            assert refused.status == 3, "a daemon is never pulled away from its database"
            await add_card(old, LATER)
            await present(door, PRESENTED)
    assert len(await old.log("--kind", "access")) == 2 * PRESENTED

    new = Site(tmp_path / "new", address)
    assert (await new.run("restore", file, "--passphrase-file", str(phrase))).status == 0
    assert (await new.run("log", "verify")).status == 0
    async with new.daemon(tmp_path / "new.log"), login.simulated(type="0") as door:
        await door.wait("link", online=True)
        assert (await door.attempt("new", "rf_card", CARD))["message"]["granted"]
        assert not (await door.attempt("later", "rf_card", LATER))["message"]["granted"], "added after the backup"
