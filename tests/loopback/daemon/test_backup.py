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


async def test_a_running_house_goes_back_to_its_backup(tmp_path: Path, addresses: Iterator[str]) -> None:
    """Its devices come back by themselves, its log goes on, and what was there is kept."""
    site = await a_site(tmp_path / "site", next(addresses))
    file = str(tmp_path / "house.backup")
    async with site.daemon(tmp_path / "site.log") as daemon:
        login = await Running(site, daemon).login(GATE, "Gate")
        assert (await site.run("backup", file)).status == 0
        await add_card(site, LATER)
        pid = (await site.edge("status"))["daemon"]["pid"]
        async with login.simulated(type="0") as door:
            await door.wait("link", online=True)
            assert (await door.attempt("before", "rf_card", LATER))["message"]["granted"]
            mark = door.events.mark()
            restored = await site.run("restore", file, "--yes")
            assert restored.status == 0, restored
            await door.wait("link", 30.0, since=mark, online=False)
            await door.wait("link", 30.0, since=mark, online=True)
            assert not (await door.attempt("after", "rf_card", LATER))["message"]["granted"], "added after the backup"
            assert (await door.attempt("card", "rf_card", CARD))["message"]["granted"]
        assert (await site.edge("status"))["daemon"]["pid"] == pid
    assert (await site.run("log", "verify")).status == 0
    assert not list((tmp_path / "site").glob(".restore-*"))
    assert list((tmp_path / "site").glob("edge.db.before-restore-*"))


async def test_a_file_that_is_no_backup_leaves_the_running_house_alone(
    tmp_path: Path, addresses: Iterator[str]
) -> None:
    site = await a_site(tmp_path / "site", next(addresses))
    rubbish = tmp_path / "rubbish"
    rubbish.write_bytes(b"PK\x03\x04 not a backup")
    async with site.daemon(tmp_path / "site.log"):
        since = (await site.edge("status"))["daemon"]["since"]
        refused = await site.run("restore", str(rubbish), "--yes")
        assert refused.status == 1
        assert (await site.edge("status"))["daemon"]["since"] == since
    assert not list((tmp_path / "site").glob(".restore-*"))
