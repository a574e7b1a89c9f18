"""A door phone breaks; another is put in its place and does all that the old one did; the old one is nobody."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from edge.demo.site import Site
from tests.peers.site import Running

OLD, NEW = "0c1105d00001", "0c1105d00002"
CARD: Final = "04A1B2C3D4"
WITHIN_S: Final = 30.0


async def test_a_new_device_does_what_the_broken_one_did(tmp_path: Path, addresses: Iterator[str]) -> None:
    site = await Site(tmp_path / "site", next(addresses)).init(settings={"mqtt": {"broker": "embedded"}})
    await site.edge("mac", "add", OLD, NEW)
    await site.edge("building", "add", "1")
    await site.edge("apartment", "add", "1/101")
    await site.edge("device", "add", OLD, "--name", "Gate", "--type", "0")
    await site.edge("relay", "add", OLD, "1")
    given = ("credential", "add", "rf_card", "--apartment", "1/101", "--home", "both", "--value", "-")
    await site.edge(*given, stdin=CARD + "\n")
    async with site.daemon(tmp_path / "site.log") as daemon:
        running = Running(site, daemon)
        before = await running.login(OLD, "Gate")
        async with before.simulated(type="0") as broken:
            await broken.wait("link", online=True, timeout_s=WITHIN_S)
            await broken.wait("down", verb="config", timeout_s=WITHIN_S)
            await broken.wait("down", verb="credentials", timeout_s=WITHIN_S)
            await site.edge("device", "replace", "Gate", NEW)
            await broken.wait("link", online=False, timeout_s=WITHIN_S)
            login = await running.login(NEW, "Gate")
            async with login.simulated(type="0") as door:
                await door.wait("link", online=True, timeout_s=WITHIN_S)
                await door.wait("down", verb="config", timeout_s=WITHIN_S)
                await door.wait("down", verb="credentials", timeout_s=WITHIN_S)
                answer = await door.attempt("after", "rf_card", CARD)
                assert answer["message"]["granted"]
                async with asyncio.timeout(20):
                    while (await site.edge("device", "show", NEW))["keeps_up"]["behind_since"] is not None:
                        continue  # each look is a command of half a second
    rows = await site.edge("device", "list")
    assert [(row["mac"], row["name"]) for row in rows] == [(NEW, "Gate")]
    (audit,) = [
        row["detail"] for row in await site.log("--kind", "audit") if row["detail"]["action"] == "device.replace"
    ]
    assert (audit["mac_before"], audit["mac"]) == (OLD, NEW)
