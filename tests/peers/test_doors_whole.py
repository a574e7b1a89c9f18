"""PIN, APT+PIN and card through the whole daemon, an ordinary MQTT client as the panel, at either broker."""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.peers.site import Login, house

pytestmark = pytest.mark.peer("mosquitto")

GATE, OTHER = "0C1105F00001", "0C1105F00002"
CARD = "04A1B2C3D4"


async def present(login: Login, identity: str, method: str, value: str, **more: str) -> dict[str, Any]:
    """What mosquitto_rr, logged in as the door, is answered. Raises TimeoutError where nothing comes."""
    mqtt = login.mqtt
    assert mqtt is not None
    root = f"{mqtt['prefix']}/{mqtt['community']}/{mqtt['user']}"
    attempt = {"id": identity, "at": datetime.now(UTC).isoformat(), "method": method, "value": value, **more}
    asking = await asyncio.create_subprocess_exec(
        "mosquitto_rr",
        *("-h", mqtt["host"], "-p", str(mqtt["port"]), "-u", mqtt["user"], "-P", mqtt["password"]),
        *("-i", mqtt["client_id"], "-q", "1", "-W", "8", "-V", "mqttv311"),  # the embedded broker speaks 3.1.1
        *("-t", f"{root}/up/attempt", "-e", f"{root}/down/decision", "-m", json.dumps(attempt)),
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await asking.communicate()
    answer: dict[str, Any] = json.loads(out)
    return answer


@pytest.mark.parametrize("broker", ["mosquitto", "embedded"])
@pytest.mark.parametrize("mode", ["pin", "apt_pin"])
async def test_codes_and_cards(tmp_path: Path, addresses: Iterator[str], broker: str, mode: str) -> None:
    settings = {"mqtt": {"broker": broker}}
    async with house(tmp_path, next(addresses), "--pin-mode", mode, settings=settings) as running:
        await running.edge("building", "add", "A")
        await running.edge("apartment", "add", "A/101", "--accessible-floors", "1,2", "--floor", "7")
        gate = await running.device(GATE, "Gate", "--type", "0")
        await running.edge("relay", "add", GATE, "1", "--methods", "pin", "--hold-s", "3")
        await running.edge("relay", "add", GATE, "2", "--methods", "rf_card")
        pin = str((await running.edge("credential", "add", "pin", "--apartment", "101", "--generate"))["value"])
        await running.edge("credential", "add", "rf_card", "--apartment", "101", "--value", "-", stdin=CARD)
        await asyncio.sleep(1.0)  # in force within a second (contract section 2)
        where = {"apartment": "101"} if mode == "apt_pin" else {}
        right = await present(gate, "1", mode, pin, **where)
        wrong = await present(gate, "2", mode, pin[::-1] + "0", **where)
        card = await present(gate, "3", "rf_card", "04:a1-b2 C3D4")
        repeated = await present(gate, "1", "rf_card", "nonsense")
        rows = [row for row in await running.edge("log", "list") if row["kind"] == "access"]
    assert (right["granted"], right["relays"], right["seconds"], right["holds"]) == (True, [1], 3, {"1": 3})
    assert sorted(right["floors"]) == ["1", "2", "7"]
    assert (wrong["granted"], wrong["reason"], wrong["relays"]) == (False, "unknown_credential", [])
    assert (card["granted"], card["relays"]) == (True, [2])
    assert repeated == right, "the same id gets the same answer, whatever its content"
    assert [(row["id"], row["method"], row["outcome"], row["relays"]) for row in rows] == [
        ("1", mode, "granted", [1]),
        ("2", mode, "denied", []),
        ("3", "rf_card", "granted", [2]),
    ]
    shown = json.dumps(rows)
    assert pin not in shown
    assert CARD not in shown
    assert "C3D4" in shown
