"""Keys are replaced under a running daemon: doors and logins never notice."""

import asyncio
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from edge.demo.device import Device
from edge.demo.site import Site
from tests.peers.site import Running

GATE: Final = "0c1105900001"
CARD, LATER = "04A1B2C3D4", "04A1B2C3D5"
IN_FORCE_S: Final = 5.0  # a second is promised; a loaded machine gets more


async def add_card(site: Site, value: str) -> str:
    given = ("credential", "add", "rf_card", "--apartment", "1/101", "--value", "-")
    return str((await site.edge(*given, stdin=value + "\n"))["id"])


async def old_tags(site: Site) -> list[str]:
    return [row["id"] for row in (await site.edge("secrets", "status"))["old_tags"]]


async def until_granted(door: Device, value: str) -> None:
    """Present it until it opens, as a person would."""
    async with asyncio.timeout(IN_FORCE_S):
        for number in itertools.count():
            identity = f"{value}-{door.events.mark()}-{number}"
            if (await door.attempt(identity, "rf_card", value))["message"]["granted"]:
                return
            await asyncio.sleep(0.1)


async def test_key_and_pepper_are_replaced_while_doors_open(tmp_path: Path, addresses: Iterator[str]) -> None:
    site = await Site(tmp_path / "site", next(addresses)).init(settings={"mqtt": {"broker": "embedded"}})
    await site.edge("mac", "add", GATE)
    await site.edge("building", "add", "1")
    await site.edge("apartment", "add", "1/101")
    await site.edge("device", "add", GATE, "--name", "Gate", "--type", "0")
    await site.edge("relay", "add", GATE, "1")
    card = await add_card(site, CARD)
    async with site.daemon(tmp_path / "first.log") as daemon:
        login = await Running(site, daemon).login(GATE, "Gate")
        async with login.simulated(type="0") as door:
            await door.wait("link", online=True)
            done: dict[str, Any] = await site.edge("secrets", "rotate-pepper")
            assert (done["renewed"], done["left"]) == (0, 1)
            await site.edge("secrets", "rotate-key")
            later = await add_card(site, LATER)
            assert await old_tags(site) == [card]
            await until_granted(door, LATER)
            assert (await door.attempt("old", "rf_card", CARD))["message"]["granted"], "its owner notices nothing"
            assert await old_tags(site) == [], "presented once, it is tagged anew"
            await until_granted(door, CARD)
            await site.edge("device", "set", GATE, "--name", "Gate 1")  # the daemon reads all logins anew
            explained = await site.edge("door", "explain", GATE, "--card", "-", stdin=LATER + "\n")
            assert explained["granted"]
        async with login.simulated(type="0") as again:
            await again.wait("link", online=True)
    await site.edge("secrets", "drop-pepper")
    assert sorted(file.name for file in (site.folder / "secrets").glob("pepper*")) == ["pepper"]
    async with site.daemon(tmp_path / "second.log"), login.simulated(type="0") as door:
        await door.wait("link", online=True)
        for number, value in enumerate((CARD, LATER)):
            assert (await door.attempt(f"n-{number}", "rf_card", value))["message"]["granted"]
    assert {row["credential"] for row in await site.log("--kind", "access")} == {card, later}
    assert (await site.run("log", "verify")).status == 0
