"""Two edges and a central store on PostgreSQL, all as their own processes, from an empty disk to a lost cable."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Final, Self

import httpx
import pytest

from edge.demo.device import Device
from edge.demo.site import COMMAND, Site
from edge.phone.lines import JsonProcess, clean_environment
from tests.loopback.portal.apps import AppPeer
from tests.loopback.portal.phones import App, Handset
from tests.loopback.portal.test_app import Flat
from tests.peers.site import Running
from tests.unit.edge.portal.browser import BrowserKey

pytestmark = pytest.mark.peer("postgresql")

CARD: Final = "04A1B2C3D4"
PIN: Final = "730518"
GATES: Final = ("0C1105E00001", "0C1105E00002")
WITHIN_S: Final = 60.0
HTTP_PORT: Final = 8080
SITE: Final = ("--time-zone", "Europe/Warsaw", "--country", "PL", "--plan", "premium")
REFUSED: Final = range(400, 700)


def origin(site: Site) -> str:
    return f"http://{site.address}:{HTTP_PORT}"


class CentralProcess(JsonProcess):
    """`edge central serve` as a child."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            "edge central", [COMMAND, "--site", str(folder), "--json", "central", "serve"], env=clean_environment()
        )
        self.stderr_file = folder / "serve.log"

    async def start(self) -> Self:
        await super().start()
        await self.wait("ready", 30.0)
        return self

    async def say_quit(self) -> None:
        if self._transport is not None:
            self._transport.terminate()


class Owner:
    """Somebody with a super manager's token."""

    def __init__(self, url: str, token: str, community: str) -> None:
        self.community = community
        self._http = httpx.AsyncClient(
            base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=60, trust_env=False
        )

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        answer = await self._http.request(method, path.replace("{c}", self.community), json=body)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    async def change(self, *things: tuple[str, str, dict[str, Any] | None]) -> None:
        told = [{"kind": kind, "id": identity, "body": body} for kind, identity, body in things]
        await self.ask("POST", "/v1/communities/{c}/changes", {"changes": told, "confirm": True})

    async def things(self, kind: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = await self.ask("GET", f"/v1/communities/{{c}}/things/{kind}")
        return rows

    async def bill(self, state: str) -> None:
        account = {"id": "k-1", "login": "client-1", "building": "1", "apartment": "101", "state": state}
        told = await self.ask("POST", "/v1/billing/accounts", {"community": self.community, "accounts": [account]})
        assert told["accounts"][0]["result"] in ("processed", "updated")

    async def aclose(self) -> None:
        await self._http.aclose()


async def says(door: Device, method: str, value: str, granted: bool) -> float:
    """Present *value* until the door says so; how many seconds that took."""
    began = time.monotonic()
    async with asyncio.timeout(WITHIN_S):
        while True:
            answer = await door.attempt(f"a-{time.monotonic_ns()}", method, value)
            if bool(answer["message"]["granted"]) is granted:
                return time.monotonic() - began
            await asyncio.sleep(0.1)


async def central_of(folder: Path, database: str, address: str) -> Owner:
    """A new central store, not served yet, with its community."""
    tool = Site(folder, address)
    await tool.edge("central", "init", "--database", database, "--listen", address, "--port", "8480")
    made = await tool.edge("central", "community", "add", "House", *SITE)
    token = (await tool.edge("central", "token", "create", "root"))["token"]
    return Owner(f"http://{address}:8480", token, made["id"])


@contextlib.asynccontextmanager
async def edge_of(tool: Site, owner: Owner, url: str, site: Site) -> AsyncIterator[Running]:
    """A site that joins the central store, and its daemon."""
    settings: dict[str, dict[str, Any]] = {
        "mqtt": {"broker": "embedded"}, "http": {"port": HTTP_PORT}, "app": {"public_url": origin(site)},
    }  # fmt: skip
    await site.init(*SITE, settings=settings)
    code = (await tool.edge("central", "edge", "add", owner.community, site.folder.name))["code"]
    await site.edge("enrol", code, "--central", url)
    async with site.daemon(site.folder / "serve.log") as daemon:
        yield Running(site, daemon)


async def door_of(running: Running, mac: str, ip: str) -> Device:
    """A door phone with the login of a device that sync brings, to be started."""
    await running.site.edge("sync", "pull")
    login = await running.login(mac, f"Gate {mac[-1]}")
    return login.simulated(login.pjsua(ip, port=0, tone_hz=440), type="0", engine="own")


async def phone_of(running: Running, first: str) -> Handset:
    """The phone of the resident of this first name, who was made at the central store: let in at this edge."""
    (resident,) = [row["id"] for row in await running.edge("resident", "list") if row["first"] == first]
    flat, key = Flat(running, origin(running.site), str(resident)), BrowserKey()
    session = (await flat.redeem(await flat.invited(), key)).json()["session"]
    return Handset(session, key, flat.origin)


async def rings(door: Device, running: Running, apartment: str, app: App) -> str:
    """The door calls the apartment and its app rings; the call, which goes on."""
    door.do("call", to=running.uri(apartment))
    ring = await app.hear("ring")
    assert ring["apartment"].endswith(apartment)
    return str(ring["call"])


async def calls(door: Device, running: Running, apartment: str, phone: Handset) -> None:
    """The same; somebody answers, and hangs up."""
    mark = door.events.mark()
    async with phone.connected() as app, AppPeer(video=False) as peer:
        call = await rings(door, running, apartment, app)
        asked = await app.say("offer", call=call, sdp=await peer.offer())
        await peer.answered((await app.hear("answer_sdp", re=asked))["sdp"])
        await app.say("answer", call=call)
        await app.hear("won", call=call)
        await app.say("hangup", call=call)
        await door.wait("state", 20.0, mark, state="disconnected")


async def is_refused(door: Device, running: Running, apartment: str) -> None:
    """The door calls the apartment, and nothing rings."""
    mark = door.events.mark()
    door.do("call", to=running.uri(apartment))
    ended = await door.wait("state", 20.0, mark, state="disconnected")
    assert int(ended["status"]) in REFUSED
    row = (await running.site.calls())[-1]
    assert (row["outcome"], row["reason"]) == ("refused", "blocked")


SHEET: Final = "Building,Apt,Device,FirstName,LastName\n1,101,,Ada,Lovelace\n1,102,,Bob,Kahn\n"


async def furnish(owner: Owner) -> None:
    """Two apartments from a sheet; a gate for each edge, a card and a PIN of 101."""
    assert (await owner.ask("POST", "/v1/communities/{c}/import", {"csv": SHEET}))["apartments"] == 2
    homes = {row["body"]["number"]: row for row in await owner.things("apartment")}
    home = homes["101"]["id"]
    await owner.change(
        ("apartment", home, {**homes["101"]["body"], "whitelisted": True}),
        *(("mac", mac, {"mac": mac}) for mac in GATES),
        *(("device", f"d-{n}", {"mac": mac, "name": f"Gate {n}", "type": 0}) for n, mac in enumerate(GATES)),
        *(("relay", f"l-{n}", {"device": f"d-{n}", "number": 1}) for n in range(2)),
        ("credential", "c-card", {"kind": "rf_card", "value": CARD, "apartment": home}),
        ("credential", "c-pin", {"kind": "pin", "value": PIN, "apartment": home}),
    )


@pytest.mark.timeout(480)
async def test_the_whole_story(tmp_path: Path, addresses: Iterator[str], postgresql_url: str) -> None:
    address = next(addresses)
    folder = tmp_path / "central"
    tool = Site(folder, address)
    owner = await central_of(folder, postgresql_url, address)
    sites = [Site(tmp_path / f"site{number}", next(addresses)) for number in (1, 2)]
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(owner.aclose)
        central = await stack.enter_async_context(CentralProcess(folder))
        url = f"http://{address}:8480"
        edges = [await stack.enter_async_context(edge_of(tool, owner, url, site)) for site in sites]
        await furnish(owner)
        doors = []
        for running, mac in zip(edges, GATES, strict=True):
            doors.append(await stack.enter_async_context(await door_of(running, mac, next(addresses))))
            await doors[-1].registered(30.0)
        for door in doors:
            await says(door, "rf_card", CARD, True)
            await says(door, "pin", PIN, True)
        ada = await phone_of(edges[0], "Ada")
        await calls(doors[0], edges[0], "101", ada)
        await _address_request(owner, edges, doors[0])
        await _billing(owner, edges[0], doors, ada)
        await _lease(owner, sites)
        # The cable is pulled: doors work and events wait. It is put back: everything is there.
        await central.stop()
        for door in doors:
            await says(door, "rf_card", CARD, True)
            await says(door, "pin", PIN, True)
        await calls(doors[0], edges[0], "101", ada)
        central = await stack.enter_async_context(CentralProcess(folder))
        await owner.change(("credential", "c-card", None))
        took_s = [await says(door, "rf_card", CARD, False) for door in doors]
        assert max(took_s) < WITHIN_S
        for site in sites:
            assert [row for row in await compared(site) if row["state"] != "own"] == []
            await _log_is_complete(owner, site)


async def compared(site: Site) -> list[dict[str, Any]]:
    answer = await site.run("sync", "compare")
    rows: list[dict[str, Any]] = answer.json
    return rows


async def _billing(owner: Owner, running: Running, doors: list[Device], ada: Handset) -> None:
    """Blocked: the card opens, the PIN does not and nothing rings, within 15 s; unblocked: all as before."""
    await owner.bill("active")
    await owner.bill("blocked")
    assert await says(doors[0], "pin", PIN, False) < 15
    await says(doors[1], "pin", PIN, False)
    for door in doors:
        await says(door, "rf_card", CARD, True)
    await is_refused(doors[0], running, "101")
    await owner.bill("active")
    for door in doors:
        await says(door, "pin", PIN, True)
    await calls(doors[0], running, "101", ada)


async def _until(site: Site, there: bool, **of: str) -> None:
    async with asyncio.timeout(WITHIN_S):
        while there is not any(of.items() <= row.items() for row in await site.edge("resident", "list")):
            continue  # each look is a command of half a second


async def _address_request(owner: Owner, edges: list[Running], door: Device) -> None:
    """Confirmed, the resident is at every edge, and the app of one that has none yet rings within a minute."""
    wish = {"community": owner.community, "building": "1", "apartment": "102", "has_handset": False,
            "phone": "+48601234567", "name": "Cy"}  # fmt: skip
    made = await owner.ask("POST", "/v1/address-requests", wish)
    began = time.monotonic()
    await owner.ask("POST", f"/v1/address-requests/{made['id']}/confirm")
    await _until(edges[0].site, True, first="Cy")
    async with (await phone_of(edges[0], "Cy")).connected() as cy:
        call = await rings(door, edges[0], "102", cy)
        assert time.monotonic() - began < 60
        await cy.say("decline", call=call)
        await cy.hear("ended", call=call)
    await _until(edges[1].site, True, first="Cy")


async def _lease(owner: Owner, sites: list[Site]) -> None:
    lease = {"id": "L1", "unit": "Loft", "first": "Di", "start": "2020-01-01"}
    await owner.ask("POST", "/v1/rosters/{c}", {"leases": [lease]})
    await _until(sites[0], True, first="Di")
    ended = {**lease, "until": "2020-02-01"}
    assert (await owner.ask("POST", "/v1/rosters/{c}", {"leases": [ended]}))["ended"] == ["L1"]
    for site in sites:
        await _until(site, False, first="Di")


async def _log_is_complete(owner: Owner, site: Site) -> None:
    """Every attempt and every call of the edge's log is at the central store, attempts once."""
    wanted = {row["seq"] for row in await site.log("--kind", "access")}
    rang = {row["id"] for row in await site.calls()}
    edges = await owner.ask("GET", "/v1/communities/{c}/edges")
    (edge,) = [row["id"] for row in edges if row["name"] == site.folder.name]
    async with asyncio.timeout(WITHIN_S):
        while True:
            rows = [row for row in await owner.ask("GET", "/v1/communities/{c}/events") if row["edge"] == edge]
            found = [row["journal_seq"] for row in rows if row.get("journal_seq") in wanted]
            told = [row["call"]["id"] for row in rows if row["type"] == "call"]
            if set(found) == wanted and rang <= set(told):
                break
    assert wanted
    assert len(found) == len(set(found))
