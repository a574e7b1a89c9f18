"""`/hooks/…`: what was typed at a door gets no further than the first line; whose report it is, the token says."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, Final

import httpx
import pytest
from fastapi import FastAPI

from edge.fleet.events_hooks import MAX_REPORTS_A_MINUTE, Hooks
from edge.fleet.events_token import hook_token
from edge.http.hooks import MAX_BODY_BYTES, hook_routes
from models.ids import DeviceId, Mac
from models.log import LogEntry
from provisioning.api import Sight, Sighting

GATE, LIFT = Mac("0c1105000001"), Mac("0c1105000002")
OWN: Final = "own password"
TOKEN: Final = hook_token(GATE, OWN)


class Clock:
    def now_ms(self) -> int:
        return 1_000


class Inbox:
    def __init__(self) -> None:
        self.reports: list[tuple[Mac, Sighting]] = []

    async def report(self, mac: Mac, sighting: Sighting, road: str, *, live: bool = True) -> None:
        self.reports.append((mac, sighting))


class House:
    """Hooks with everything around them. *at*: where the gate is known to be; "" = nowhere."""

    def __init__(self, at: str = "127.0.0.1", enabled: bool = True) -> None:
        gate = SimpleNamespace(id=DeviceId("d-1"), mac=GATE, enabled=enabled)
        world: Any = SimpleNamespace(snapshot=SimpleNamespace(by_mac={GATE: gate}))
        passwords: Any = SimpleNamespace(device_password=lambda mac: OWN if mac == GATE else None)
        panel = SimpleNamespace(wire=SimpleNamespace(base=f"http://{at}:8061")) if at else None
        panels: Any = SimpleNamespace(of=lambda mac: panel)
        self.inbox: Any = Inbox()
        self.rows: list[LogEntry] = []
        self.hooks = Hooks(world, Clock(), passwords, panels, self.inbox, self._keep)  # type: ignore[arg-type]

    async def _keep(self, row: LogEntry) -> None:
        self.rows.append(row)

    async def get(self, path: str, **more: Any) -> int:
        app = FastAPI()
        app.include_router(hook_routes(self.hooks))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://edge") as client:
            return (await client.request(more.pop("method", "GET"), path, **more)).status_code


async def test_a_report_is_heard_by_its_token() -> None:
    house = House()
    assert await house.get(f"/hooks/akuvox/{TOKEN}/?mac=0C1105000001&event=InvalidCardEntered&card_sn=04A1") == 200
    assert house.inbox.reports == [(GATE, Sighting(Sight.CARD_REFUSED, "04A1"))]
    assert house.rows == []


@pytest.mark.parametrize("name", ["code", "CODE", "pin", "password"])
async def test_what_was_typed_is_out_of_the_query_before_anybody_sees_it(name: str) -> None:
    seen: list[Mapping[str, str]] = []

    class Reports:
        async def report(self, vendor: str, token: str, query: Mapping[str, str], body: bytes, address: str) -> int:
            seen.append(query)
            return 200

    app = FastAPI()
    app.include_router(hook_routes(Reports()))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://edge") as client:
        await client.get(f"/hooks/akuvox/t/?event=ValidCodeEntered&{name}=481516")
    assert seen == [{"event": "ValidCodeEntered"}]


@pytest.mark.parametrize(("token", "why"), [
    (hook_token(GATE, "guess"), "has not the token"),
    (hook_token(LIFT, OWN), "has not the token"),
    ("nonsense", "has not the token"),
])  # fmt: skip
async def test_a_stranger_is_not_believed_and_leaves_one_line(token: str, why: str) -> None:
    house = House()
    for _ in range(3):
        assert await house.get(f"/hooks/akuvox/{token}/?event=ValidCodeEntered") == 401
    assert house.inbox.reports == []
    (row,) = house.rows
    assert (row.detail["type"], row.detail["address"]) == ("unknown_panel", "127.0.0.1")
    assert why in str(row.detail["why"])
    assert token not in str(row.detail)


async def test_a_token_from_another_address_is_a_strangers() -> None:
    house = House(at="192.0.2.1")
    assert await house.get(f"/hooks/akuvox/{TOKEN}/?event=ValidCodeEntered") == 401
    assert "another address" in str(house.rows[0].detail["why"])
    assert await House(at="").get(f"/hooks/akuvox/{TOKEN}/?event=ValidCodeEntered") == 200


@pytest.mark.parametrize(("path", "status"), [
    ("/hooks/akuvox/{token}/?event=OpenEverything", 400),
    ("/hooks/nobody/{token}/?event=ValidCodeEntered", 404),
    ("/hooks/grandstream/{token}/", 404),
])  # fmt: skip
async def test_what_is_no_report_is_refused(path: str, status: int) -> None:
    house = House()
    assert await house.get(path.format(token=TOKEN)) == status
    assert house.inbox.reports == []


async def test_a_disabled_device_is_not_heard() -> None:
    assert await House(enabled=False).get(f"/hooks/akuvox/{TOKEN}/?event=ValidCodeEntered") == 401


async def test_reports_are_bounded() -> None:
    house = House()
    path = f"/hooks/akuvox/{TOKEN}/?event=InputBreakIn"
    statuses = {await house.get(path) for _ in range(MAX_REPORTS_A_MINUTE)}
    assert statuses == {200}
    assert await house.get(path) == 429
    long = b"x" * (MAX_BODY_BYTES + 1)
    assert await house.get(f"/hooks/basip/{TOKEN}/", method="POST", content=long) == 413


async def test_a_queue_that_waited_is_taken_whole() -> None:
    house = House()
    lines = "\n".join(f"<134>x e{n}: exit: Door opened by exit button: 1" for n in range(50))
    assert await house.get(f"/hooks/basip/{TOKEN}/", method="POST", content=lines.encode()) == 200
    assert len(house.inbox.reports) == 50
