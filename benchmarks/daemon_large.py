"""The daemon with 100,000 credentials: what they cost in memory, and how soon a change made beside it is in force.

Run it as ``python -m benchmarks.daemon_large``; it prints rows of a Markdown table.
"""

import asyncio
import json
import os
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import aiomqtt
from sqlalchemy import insert, select

from benchmarks.daemon import SETTLE_S, _memory_mb
from edge.core.tags import Tagger
from edge.demo.site import Site
from edge.phone.loopback import AddressBlock
from edge.store.changes import note_change
from edge.store.engine import open_store
from edge.store.secrets import SiteSecrets
from edge.store.tables import apartment, community, credential
from models.access import CredentialKind
from models.ids import CommunityId

DOOR: Final = "0C1105000001"
CREDENTIALS: Final = 100_000
CHANGES: Final = 15


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder, AddressBlock.claim() as block:
        site = await Site(Path(folder) / "site", block.address()).init("--plan", "premium")
        await site.edge("mac", "add", DOOR)
        await site.edge("building", "add", "A")
        await site.edge("apartment", "add", "A/101", "--handset")
        await site.edge("device", "add", DOOR, "--name", "Gate", "--type", "0")
        await site.edge("relay", "add", DOOR, "1")
        print("| what | p50 | worst |\n|---|---|---|")
        idle_mb = await _resident(site)
        fill(site.folder)
        began = time.perf_counter()
        async with site.daemon() as daemon:
            ready_s = time.perf_counter() - began
            await asyncio.sleep(SETTLE_S)
            full_mb = _memory_mb(daemon)[0]
            more_mb = full_mb - idle_mb
            print(f"| memory of {CREDENTIALS:,} credentials above idle ({idle_mb:.0f} MB) | {more_mb:.0f} MB | |")
            print(f"| ready with them after | {ready_s:.2f} s | |")
            took_s = await changes(site)
        print(
            f"| change at the command line in force after | {statistics.median(took_s):.2f} s | {max(took_s):.2f} s |"
        )


async def _resident(site: Site) -> float:
    async with site.daemon() as daemon:
        await asyncio.sleep(SETTLE_S)
        return _memory_mb(daemon)[0]


def fill(folder: Path) -> None:
    """Cards as the command line makes them, without its questions."""
    store = open_store(f"sqlite:///{folder / 'edge.db'}")
    with store.write() as connection:
        owner = CommunityId(connection.execute(select(community.c.id)).scalar_one())
        home = connection.execute(select(apartment.c.id)).scalar_one()
        tagger = Tagger(SiteSecrets.load(folder).pepper, owner)
        rows = [
            {
                "id": f"k-{number}",
                "community_id": owner,
                "kind": CredentialKind.RF_CARD,
                "tag": tagger.tag(CredentialKind.RF_CARD, f"{number:014X}"),
                "apartment_id": home,
                "hint": f"{number:014X}"[-4:],
            }
            for number in range(CREDENTIALS)
        ]
        connection.execute(insert(credential), rows)
        note_change(connection, "apartment", home)
    store.close()


async def changes(site: Site) -> list[float]:
    """Seconds from the end of `edge credential add` to the first grant; the card is tried all the time."""
    login = (await site.edge("device", "secret", DOOR))["mqtt"]
    branch = f"{login['prefix']}/{login['community']}/{login['user']}"
    options = {"username": login["user"], "password": login["password"], "identifier": login["client_id"]}
    took_s = []
    async with aiomqtt.Client(login["host"], login["port"], **options) as client:
        await client.subscribe(f"{branch}/down/decision", qos=1)
        for number in range(CHANGES):
            card = f"FF{number:012X}"
            added = asyncio.ensure_future(
                site.edge("credential", "add", "rf_card", "--apartment", "A/101", "--value", "-", stdin=card)
            )
            done_s = asyncio.get_running_loop().create_future()
            added.add_done_callback(lambda _, done_s=done_s: done_s.set_result(time.perf_counter()))
            granted_s = await _until_granted(client, branch, card)
            await added
            took_s.append(max(0.0, granted_s - await done_s))
    return took_s


async def _until_granted(client: aiomqtt.Client, branch: str, card: str) -> float:
    number = 0
    while True:
        number += 1
        attempt: dict[str, Any] = {"id": f"{card}-{number}-{os.getpid()}", "method": "rf_card", "value": card}
        attempt["at"] = datetime.now(UTC).isoformat()
        await client.publish(f"{branch}/up/attempt", json.dumps(attempt), qos=1)
        if json.loads(bytes((await anext(client.messages)).payload))["granted"]:
            return time.perf_counter()
        await asyncio.sleep(0.01)


if __name__ == "__main__":
    asyncio.run(main())
