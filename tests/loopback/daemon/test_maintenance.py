"""An installer looks after devices from the command line: the daemon gives the orders, devices answer, the log says."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from edge.demo.site import Site
from tests.peers.site import Running

GATE, LIFT, MONITOR = "0c1105a00001", "0c1105a00002", "0c1105a00003"
VERBS: Final = ("reboot", "reset", "autop")


async def a_site(folder: Path, address: str) -> Site:
    site = await Site(folder, address).init(settings={"mqtt": {"broker": "embedded"}})
    await site.edge("mac", "add", GATE, LIFT, MONITOR)
    await site.edge("building", "add", "1")
    await site.edge("apartment", "add", "1/101")
    await site.edge("device", "add", GATE, "--name", "Gate", "--type", "0")
    await site.edge("device", "add", LIFT, "--name", "Lift", "--type", "0", "--buildings", "1", "--place", "building")
    await site.edge("device", "add", MONITOR, "--name", "Hall", "--type", "2", "--apartment", "1/101")
    return site


async def test_orders_reach_devices_and_the_log(tmp_path: Path, addresses: Iterator[str]) -> None:
    site = await a_site(tmp_path / "site", next(addresses))
    nobody = await site.run("device", "reboot", GATE)
    assert nobody.status == 1, "no daemon runs"
    async with site.daemon(tmp_path / "site.log") as daemon:
        running = Running(site, daemon)
        gate, hall = await running.login(GATE, "Gate"), await running.login(MONITOR, "Hall")
        async with gate.simulated(type="0") as door, hall.simulated(type="2") as monitor:
            await door.wait("link", online=True)
            await monitor.wait("link", online=True)
            line = ("--line", "Config.A = 1")
            done = await site.edge("device", "autop", GATE, *line, *line)
            assert [(row["mac"], row["result"]) for row in done] == [(GATE, "done")]
            sent = await door.wait("down", verb="autop")
            assert sent["message"]["commands"] == ["Config.A = 1"]
            await site.edge("device", "arm", "Hall")
            await monitor.wait("down", verb="arm")
            refused = await site.run("device", "arm", GATE)
            assert refused.status == 3
            asked = await site.run("device", "reset", "--all")
            assert asked.status == 3, "nobody is there to ask"
            building = await site.run("device", "reboot", "--building", "1")
            assert building.status == 1, "the lift is offline"
            told = {row["mac"]: row["result"] for row in building.json}
            assert told == {LIFT: "offline", MONITOR: "done"}
    audit = [row["detail"] for row in await site.log("--kind", "audit") if "result" in row["detail"]]
    assert [(row["action"], row["result"]) for row in audit] == [
        ("device autop", "opened"),
        ("device arm", "opened"),
        ("device reboot", "opened"),
        ("device reboot", "offline"),
    ]
    assert "Config.A" not in str(audit)


async def test_it_is_said_which_devices(tmp_path: Path, addresses: Iterator[str]) -> None:
    site = await a_site(tmp_path / "site", next(addresses))
    for wrong in ((), (GATE, "--all"), ("--public", "--building", "1")):
        assert (await site.run("device", "reboot", *wrong)).status == 2
    assert (await site.run("device", "reboot", "nobody")).status == 1
    assert (await site.run("device", "autop", GATE, "--line", "rubbish")).status == 2
