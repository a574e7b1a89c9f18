"""What panels know and hold, through the whole daemon: told, confirmed, taken away, decided alone, replayed once."""

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import aiomqtt
import pytest

from edge.demo.device import Device
from edge.demo.site import Site
from tests.peers.site import Running, house

pytestmark = pytest.mark.peer("mosquitto")

GATE: Final = "0c1105c00001"
BACK: Final = "0c1105c00002"
CARD: Final = "04A1B2C3D4"
PIN: Final = "719264"
TARGET_S: Final = 15.0  # a revoked credential is dead at every reachable door (domain §12)


async def until(look: Callable[[], Any], good: Callable[[Any], bool], within_s: float = TARGET_S) -> Any:
    """Look again and again until it is *good*; what was seen then."""
    async with asyncio.timeout(within_s):
        while not good(seen := await look()):  # noqa: ASYNC110 - what is looked at is another process
            await asyncio.sleep(0.1)
    return seen


async def row(site: Site, mac: str = GATE) -> Mapping[str, Any]:
    return next(row for row in await site.edge("device", "list") if row["mac"] == mac)


def confirmed(row: Mapping[str, Any]) -> bool:
    revision = row["revision"]
    return revision["wanted"] is not None and revision["wanted"] == revision["confirmed"]


async def furnish(running: Running) -> None:
    await running.edge("building", "add", "1")
    await running.edge("apartment", "add", "1/101", "--whitelisted")
    await running.edge("apartment", "add", "1/102")


async def gate(running: Running, mac: str = GATE, name: str = "Gate") -> Device:
    login = await running.device(mac, name, "--type", "0")
    await running.edge("relay", "add", mac, "1")
    return login.simulated(type="0")


async def credential(running: Running, kind: str, value: str, *options: str) -> str:
    added = await running.edge(
        "credential", "add", kind, "--apartment", "1/101", "--value", "-", *options, stdin=value + "\n"
    )
    return str(added["id"])


def puts(device: Device) -> list[str]:
    return [
        entry["credential"] for e in device.seen("down") if e["verb"] == "credentials" for entry in e["message"]["put"]
    ]


async def test_a_configuration_is_told_confirmed_changed_and_left_alone(
    tmp_path: Path, addresses: Iterator[str]
) -> None:
    async with house(tmp_path, next(addresses)) as running:
        await furnish(running)
        device = await gate(running)
        behind = await until(lambda: row(running.site), lambda row: row["revision"]["wanted"] is not None)
        assert behind["revision"]["confirmed"] is None
        assert behind["keeps_up"]["behind_since"]
        async with device:
            first = (await device.wait("down", verb="config"))["message"]
            assert (first["whitelist"], first["relays"][0]["relay"]) == (["101"], "1")
            told = await until(lambda: row(running.site), confirmed)
            assert told["keeps_up"]["behind_since"] is None
            mark = device.events.mark()
            await running.edge("apartment", "set", "1/102", "--handset")
            second = (await device.wait("down", since=mark, verb="config"))["message"]
            assert (second["whitelist"], second["handsets"]) == (["101", "102"], ["102"])
            assert second["revision"] > first["revision"]
            await until(lambda: row(running.site), confirmed)
            mark = device.events.mark()
            await running.edge("building", "add", "2")  # nothing that this door has to know
            await running.edge("relay", "set", GATE, "1", "--hold-s", "7")
            third = (await device.wait("down", since=mark, verb="config"))["message"]
            assert third["relays"][0]["hold_s"] == 7
            assert len([e for e in device.seen("down") if e["verb"] == "config"]) == 3


async def test_the_configuration_of_a_removed_device_is_taken_away(tmp_path: Path, addresses: Iterator[str]) -> None:
    async with house(tmp_path, next(addresses)) as running:
        await furnish(running)
        async with await gate(running) as device:
            await device.wait("down", verb="config")
        await running.edge("device", "remove", GATE)
        login = await running.device(BACK, "Back", "--type", "0")
        async with login.simulated(type="0") as other:
            await other.wait("down", verb="config")
        await running.edge("device", "add", GATE, "--name", "Gate again", "--type", "0")
        again = await running.login(GATE, "Gate again")
        async with again.simulated(type="0") as device:
            assert (await device.wait("down", verb="config"))["message"]["name"] == "Gate again"


async def test_a_credential_is_told_to_its_panel_and_taken_from_it(tmp_path: Path, addresses: Iterator[str]) -> None:
    async with house(tmp_path, next(addresses)) as running:
        await furnish(running)
        async with await gate(running) as device:
            await device.wait("link", online=True)
            at_edge = await credential(running, "rf_card", "04FFFFFF01")
            card = await credential(running, "rf_card", CARD, "--home", "both")
            pin = await credential(running, "pin", PIN, "--home", "panel")
            await until(lambda: row(running.site), lambda row: confirmed(row) and set(puts(device)) == {card, pin})
            assert at_edge not in puts(device)
            mark = device.events.mark()
            await running.edge("credential", "remove", card)
            gone = await device.wait("down", TARGET_S, mark, verb="credentials")
            assert gone["message"]["remove"] == [card]
            done = await until(lambda: row(running.site), confirmed)
            assert done["keeps_up"]["pending_deletes"] == 0
            mark = device.events.mark()
            await running.edge("apartment", "service", "1/101", "blocked")  # a PIN opens no longer, and goes
            gone = await device.wait("down", TARGET_S, mark, verb="credentials")
            assert gone["message"]["remove"] == [pin]


async def test_what_a_panel_missed_waits_for_it_over_a_restart(tmp_path: Path, addresses: Iterator[str]) -> None:
    site = await Site(tmp_path / "site", next(addresses)).init("--plan", "premium")
    async with site.daemon(tmp_path / "first.log") as daemon:
        running = Running(site, daemon)
        await furnish(running)
        device = await gate(running)
        async with device:
            card = await credential(running, "rf_card", CARD, "--home", "panel")
            await until(lambda: row(site), lambda row: confirmed(row) and puts(device) == [card])
        await running.edge("credential", "remove", card)
        late = await until(lambda: row(site), lambda row: row["keeps_up"]["pending_deletes"] == 1)
        assert not confirmed(late)
        assert late["keeps_up"]["behind_since"]
        told = await site.run("doctor")
        assert "still holds what was taken away" in told.output
        await daemon.kill()
    async with site.daemon(tmp_path / "second.log") as daemon:
        login = await Running(site, daemon).login(GATE, "Gate")
        async with login.simulated(type="0") as again:
            gone = await again.wait("down", TARGET_S, verb="credentials")
            assert gone["message"]["remove"] == [card]
            done = await until(lambda: row(site), confirmed)
            assert done["keeps_up"]["pending_deletes"] == 0


async def test_a_panel_opens_alone_and_tells_of_it_exactly_once(tmp_path: Path, addresses: Iterator[str]) -> None:
    site = await Site(tmp_path / "site", next(addresses)).init("--plan", "premium")
    first = await site.daemon(tmp_path / "first.log").start()
    running = Running(site, first)
    await furnish(running)
    device = await gate(running)
    async with device:
        card = await credential(running, "rf_card", CARD, "--home", "both")
        pin = await credential(running, "pin", PIN, "--home", "panel")
        await until(lambda: row(site), lambda row: confirmed(row) and set(puts(device)) == {card, pin})
        assert (await device.attempt("asked", "rf_card", CARD))["message"]["granted"], "the edge answers while it lives"
        mark = device.events.mark()
        await first.kill()
        await first.stop()
        await device.wait("link", 10.0, mark, online=False)
        opened = [await device.alone(f"n{number}", "rf_card", CARD) for number in range(5)]
        opened.append(await device.alone("code", "pin", PIN))
        refused = [await device.alone("bad", "pin", "000001"), await device.alone("strange", "rf_card", "04DEAD")]
        assert [event["relays"] for event in opened] == [["1"]] * 6
        assert not any(event["granted"] for event in refused)
        mark = device.events.mark()
        async with site.daemon(tmp_path / "second.log"):
            await device.wait("link", 15.0, mark, online=True)
            rows = await until(site.log, lambda rows: sum(r["id"].startswith("alone-") for r in rows) >= 6)
            await device.attempt("later", "rf_card", CARD)
            rows = [row for row in await site.log() if row["kind"] == "access"]
    alone = [row for row in rows if row["id"].startswith("alone-")]
    assert [row["id"] for row in alone] == [*(f"alone-n{number}" for number in range(5)), "alone-code"]
    assert {row["detail"]["decided_by"] for row in alone} == {"panel"}
    assert {row["credential"] for row in alone} == {card, pin}
    assert not [event for event in device.seen("down") if event["verb"] == "open"], "a restart opens nothing"


async def test_a_panel_that_lost_everything_is_told_everything_again(tmp_path: Path, addresses: Iterator[str]) -> None:
    async with house(tmp_path, next(addresses)) as running:
        await furnish(running)
        device = await gate(running)
        async with device:
            card = await credential(running, "rf_card", CARD, "--home", "panel")
            await until(lambda: row(running.site), lambda row: confirmed(row) and puts(device) == [card])
        login = await running.login(GATE, "Gate")
        async with login.simulated(type="0") as replaced:  # the same door, a new device in its frame
            await until(lambda: row(running.site), lambda row: confirmed(row) and puts(replaced) == [card])
            cleared = [e["message"] for e in replaced.seen("down") if e["verb"] == "credentials"]
            assert [m.get("clear", False) for m in cleared if m["put"]] == [True]


async def test_values_are_at_rest_only_where_a_panel_needs_them_and_never_in_clear(
    tmp_path: Path, addresses: Iterator[str]
) -> None:
    async with house(tmp_path, next(addresses)) as running:
        await furnish(running)
        async with await gate(running) as device:
            await credential(running, "rf_card", CARD, "--home", "panel")
            await credential(running, "pin", PIN)
            await until(lambda: row(running.site), lambda row: confirmed(row) and len(puts(device)) == 1)
        login = running.logins["Gate"].mqtt
        assert login is not None
        retained = await _retained(login)
        folder = running.site.folder
    assert [topic.rpartition("/down/")[2] for topic in retained] == ["config"]
    for file in [*folder.rglob("*"), tmp_path / "serve.log"]:
        if file.is_file():
            content = file.read_bytes()
            assert CARD.encode() not in content, file
            assert PIN.encode() not in content, file


async def _retained(login: Mapping[str, Any]) -> list[str]:
    """Topics under `down` that are retained for the device."""
    branch = f"{login['prefix']}/{login['community']}/{login['user']}"
    options = {"username": login["user"], "password": login["password"], "identifier": login["client_id"]}
    found: list[str] = []
    async with aiomqtt.Client(login["host"], login["port"], **options) as client:
        await client.subscribe(f"{branch}/down/#", qos=1)
        await client.publish(f"{branch}/up/ack", json.dumps({"id": "x", "ok": True}), qos=1)
        try:
            async with asyncio.timeout(1.0):
                async for message in client.messages:
                    if message.retain:
                        found.append(message.topic.value)
        except TimeoutError:
            return found
    return found


async def test_orders_reach_the_panel_and_a_lock_down_that_ends_gives_its_hours_back(
    tmp_path: Path, addresses: Iterator[str]
) -> None:
    async with house(tmp_path, next(addresses)) as running:
        await furnish(running)
        device = await gate(running)
        await running.edge("relay", "set", GATE, "1", "--methods", "rf_card,pin,remote")
        await running.edge("schedule", "add", "Day", "--week", "mon-sun 00:00-24:00")
        await running.edge("device", "set", GATE, "--open-schedule", "Day")
        async with device:
            open_hours = (await device.wait("down", verb="config"))["message"]["door"]["open_schedule"]
            assert open_hours is not None
            mark = device.events.mark()
            assert (await running.edge("door", "hold", "Gate", "--minutes", "5"))["result"] == "opened"
            assert (await device.wait("down", since=mark, verb="hold"))["relays"] == ["1"]
            mark = device.events.mark()
            ends = (datetime.now(UTC) + timedelta(seconds=4)).isoformat()
            await running.edge("door", "lock", "Gate", "--until", ends)
            locked = (await device.wait("down", since=mark, verb="config"))["message"]
            assert locked["door"]["open_schedule"] is None
            assert locked["door"]["lock_down"]
            assert (await device.wait("down", since=mark, verb="release"))["relays"] == []
            mark = device.events.mark()
            after = (await device.wait("down", TARGET_S, mark, verb="config"))["message"]
            assert after["door"] == {"schedule": None, "open_schedule": open_hours, "lock_down": None}
            assert after["revision"] > locked["revision"], "one number never means two things"
            assert not [e for e in device.seen("down") if e["verb"] == "hold"][1:], (
                "no end of a lock-down moves a relay"
            )
            await until(lambda: row(running.site), confirmed)


async def test_card_and_pin_at_the_panel(tmp_path: Path, addresses: Iterator[str]) -> None:
    async with house(tmp_path, next(addresses)) as running:
        await furnish(running)
        device = await gate(running)
        await running.edge("relay", "set", GATE, "1", "--two-factor", "yes")
        await credential(running, "rf_card", CARD)
        await credential(running, "pin", PIN)
        async with device:
            await device.wait("link", online=True)
            half = await device.attempt("half", "rf_card", CARD)
            assert (half["message"]["granted"], half["relays"], half["asks_for"]) == (False, [], "pin")
            whole = await device.attempt("whole", "pin", PIN)
            assert (whole["message"]["granted"], whole["relays"]) == (True, ["1"])
