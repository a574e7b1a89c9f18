"""What became of an address request is in the resident's app at once: waiting, confirmed, or gone with a refusal."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edge.central import edges
from tests.loopback.central.lab import Lab
from tests.loopback.central.test_business import things
from tests.loopback.portal.home import GATE, Apartment, home

PHONE = "+4915112345678"
CONFIRMED_WITHIN_S = 60.0  # domain.md §6


async def test_a_request_is_followed_in_the_app(lab: Lab, tmp_path: Path, addresses: Iterator[str]) -> None:
    await lab.change(
        ("building", "b-1", {"name": "1"}),
        ("apartment", "a-1", {"building": "b-1", "number": "101"}),
        ("apartment", "a-2", {"building": "b-1", "number": "102"}),
        ("apartment", "a-3", {"building": "b-1", "number": "103"}),
        ("device", "d-1", {"mac": GATE, "name": "Gate", "type": 0}),
        ("resident", "r-1", {"first": "Anna", "last": "Berg", "apartment": "a-1", "login": PHONE}),
    )  # fmt: skip
    _, code = edges.add(lab.central, "test", lab.community, "box")

    async def ask(number: str) -> dict[str, Any]:
        wish = {"community": lab.community, "building": "1", "apartment": number, "has_handset": False, "phone": PHONE}
        made: dict[str, Any] = await lab.ask("POST", "/v1/address-requests", wish, expect=201)
        return made

    async with home(tmp_path, addresses, Apartment("101", 0, ("Anna",))) as here:
        # The resident's profile at the edge is the central store's from now on.
        (anna,) = await here.site.edge("resident", "list")
        await here.site.edge("resident", "set", anna["id"], "--mobile", PHONE)
        await here.site.edge("enrol", code, "--central", lab.url)
        async with here.phones["Anna"].connected() as app:
            await app.shows(lambda state: state["requests"] == [])
            made, other = await ask("102"), await ask("103")
            await app.shows(lambda state: len(state["requests"]) == 2)
            assert {(each["address"], each["state"]) for each in app.state["requests"]} == {
                ("1/102", "new"), ("1/103", "new"),
            }  # fmt: skip
            began = time.monotonic()
            await lab.ask("POST", f"/v1/address-requests/{made['id']}/confirm")
            await app.shows(lambda state: {"confirmed", "new"} == {each["state"] for each in state["requests"]})
            assert time.monotonic() - began < CONFIRMED_WITHIN_S
            await lab.ask("POST", f"/v1/address-requests/{other['id']}/cancel")
            await app.shows(lambda state: [each["address"] for each in state["requests"]] == ["1/102"])
        people = await here.site.edge("resident", "list")
        assert any("1/102" in str(row) for row in people)
    assert (await things(lab, "apartment"))["a-2"]["whitelisted"] is True
