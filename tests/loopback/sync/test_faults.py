"""What goes wrong between the two, and that both are equal afterwards and every event is there once."""

import asyncio
import gzip
import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.admin.site import Site
from edge.clock import SystemClock
from tests.fakes.central import Asked, FakeCentral, Sent
from tests.loopback.sync.lab import Edge, card, furnish, until

DAY_MS = 86_400_000


def truncated(asked: Asked, sent: Sent) -> Sent:
    return Sent(sent.status, sent.body, sent.headers, cut_at=len(sent.body) // 2)


def failing(asked: Asked, sent: Sent) -> Sent:
    return Sent(503, b"busy")


def changed(how: Callable[[dict[str, Any]], None]) -> Callable[[Asked, Sent], Sent]:
    def script(asked: Asked, sent: Sent) -> Sent:
        if sent.status != 200:
            return sent
        told = json.loads(gzip.decompress(sent.body))
        how(told)
        return Sent(200, gzip.compress(json.dumps(told).encode()), sent.headers)

    return script


def _lose_an_item(told: dict[str, Any]) -> None:
    told["items"] = told["items"][1:]


def _forge_a_body(told: dict[str, Any]) -> None:
    told["items"][-1]["body"]["value"] = "04FFFFFFFF"


FAULTS: dict[str, Callable[[Asked, Sent], Sent]] = {
    "truncated": truncated,
    "HTTP 503": failing,
    "not JSON": lambda asked, sent: Sent(200, b"<html>welcome to the hotel</html>"),
    "redirected": lambda asked, sent: Sent(302, b"", {"Location": "http://127.0.0.1:9/"}),
    "an item lost": changed(_lose_an_item),
    "an item forged": changed(_forge_a_body),
    "unsigned": changed(lambda told: told.pop("sig")),
    "of another epoch": changed(lambda told: told.update(epoch="other")),
    "moved on": changed(lambda told: told.update(to=told["to"] + 1)),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_an_answer_that_is_not_right_changes_nothing_and_is_asked_for_again(
    edge: Edge, central: FakeCentral, fault: str
) -> None:
    furnish(central)
    await edge.join(central)
    seen: list[tuple[int, int]] = []

    def note(asked: Asked, sent: Sent) -> Sent:
        seen.append((edge.credentials(), edge.me().cursor))
        return sent

    central.scripts = [FAULTS[fault], note]
    async with edge.following():
        await edge.at(central.rev)
    assert seen == [(0, 0)]
    assert all(ack["status"] == "ok" for ack in central.acks), "what is broken on its way is no NACK"
    assert await edge.differences(central) == []


async def test_an_old_answer_again_changes_nothing(edge: Edge, central: FakeCentral) -> None:
    furnish(central)
    await edge.join(central)
    kept: list[Sent] = []

    def keep(asked: Asked, sent: Sent) -> Sent:
        kept.append(Sent(sent.status, sent.body, dict(sent.headers)))
        return sent

    central.scripts = [keep]
    async with edge.following():
        await edge.at(central.rev)
        central.drop("credential", "c-0")
        central.scripts = [lambda asked, sent: kept[0], lambda asked, sent: kept[0]]
        await central.tell()
        await edge.at(central.rev)
    assert (edge.credentials(), central.scripts) == (5, [])


async def test_a_central_store_restored_from_an_old_backup(edge: Edge, central: FakeCentral) -> None:
    """Another epoch, fewer revisions, and events that it had are gone from it: they come again from the log."""
    furnish(central)
    await edge.join(central)
    async with edge.following():
        await edge.at(central.rev)
        await edge.log(30)
        await until(lambda: edge.waiting() == 0)
        newest = max(seq for _, seq in central.events)
        items, rev = dict(central.items), central.rev
        central.drop("credential", "c-0")
        await central.tell()
        await edge.at(central.rev)
        central.items, central.rev, central.epoch = items, rev, "after"
        central.events = {key: event for key, event in central.events.items() if key[1] <= newest - 20}
        await central.tell()
        await until(lambda: edge.me().epoch == "after" and edge.me().cursor == rev)
        assert edge.credentials() == 6
        await until(lambda: edge.waiting() == 0)
    told = [event["detail"]["number"] for event in central.events.values() if event["detail"].get("type") == "test"]
    assert sorted(told) == list(range(30))
    assert await edge.differences(central) == []


async def test_answers_that_are_lost_after_storing_double_nothing(edge: Edge, central: FakeCentral) -> None:
    furnish(central)
    await edge.join(central)
    chance = random.Random(7)

    def lossy(asked: Asked, sent: Sent) -> Sent:
        if asked.name == "events" and chance.random() < 0.6:
            return Sent(200, sent.body, cut_at=0)
        return sent

    central.always = lossy
    async with edge.following():
        for _ in range(4):
            await edge.log(5)
            await until(lambda: edge.waiting() == 0)
    told = [event["detail"]["number"] for event in central.events.values() if event["detail"].get("type") == "test"]
    assert sorted(told) == sorted(list(range(5)) * 4)
    assert central.doubled > 0, "the test has lost no answer"


async def test_an_edge_restored_from_an_old_backup_loses_no_new_event(
    edge: Edge, central: FakeCentral, tmp_path: Path
) -> None:
    """Its numbers are at the central store already, for what came after the backup: it takes a new identity."""
    furnish(central)
    await edge.join(central)
    async with edge.following():
        await edge.at(central.rev)
        await until(lambda: edge.waiting() == 0)
    shutil.copytree(edge.site.folder, tmp_path / "backup")
    async with edge.following():
        await edge.log(20)
        await until(lambda: edge.waiting() == 0)
    old = Edge(Site.open(tmp_path / "backup"))
    try:
        await old.log(3)
        async with old.following():
            await until(lambda: old.waiting() == 0 and any(a["type"] == "sync_went_back" for a in old.alarms()))
    finally:
        old.close()
    assert len({db for db, _ in central.events}) == 2, "each of the two boxes has its own row of numbers"
    told = [event["detail"]["number"] for event in central.events.values() if event["detail"].get("type") == "test"]
    assert sorted(told) == sorted([*range(20), *range(3)])


class Wrong(SystemClock):
    def __init__(self, off_ms: int) -> None:
        self._off_ms = off_ms

    def now_ms(self) -> int:
        return super().now_ms() + self._off_ms


@pytest.mark.parametrize("off_ms", [-DAY_MS, DAY_MS])
async def test_a_clock_that_is_a_day_off_locks_nobody_out(
    template: Path, tmp_path: Path, central: FakeCentral, off_ms: int
) -> None:
    shutil.copytree(template, tmp_path / "site")
    edge = Edge(Site.open(tmp_path / "site"), Wrong(off_ms))
    try:
        furnish(central)
        await edge.join(central)
        async with edge.following():
            await edge.at(central.rev)
            await until(lambda: bool(central.acks))
        offset_s = central.acks[-1]["clock_ms"] / 1000 - SystemClock().now_ms() / 1000
        assert abs(offset_s - off_ms / 1000) < 60
    finally:
        edge.close()


async def test_two_boxes_under_one_name_are_one_too_many(edge: Edge, central: FakeCentral) -> None:
    """The code is good once: the box that joins last is the edge, and the other one is refused and says so."""
    furnish(central)
    await edge.join(central)
    async with edge.following():
        await edge.at(central.rev)
        central.edge_key = Ed25519PrivateKey.generate().public_key()  # that of the box that replaced this one
        central.put("building", "b-2", name="2")
        await central.tell()
        await until(lambda: any(alarm["type"] == "sync_denied" for alarm in edge.alarms()))
    assert edge.credentials() == 6, "what is here stays in force"


async def test_offline_for_long_and_back(edge: Edge, central: FakeCentral) -> None:
    furnish(central)
    await edge.join(central)
    async with edge.following():
        await edge.at(central.rev)
        central.always = failing
        await central.tell()
        await edge.log(2_500)
        for number in range(100, 120):
            central.change([{**card(number), "body": {**card(number)["body"], "resident": "r-0"}}])
        central.floor = central.rev - 3  # compacted meanwhile
        central.always = None
        await edge.at(central.rev)
        await until(lambda: edge.waiting() == 0)
    told = [event["detail"]["number"] for event in central.events.values() if event["detail"].get("type") == "test"]
    assert sorted(told) == list(range(2_500))
    assert await edge.differences(central) == []


async def test_a_hint_wakes_a_question_that_hangs(edge: Edge, central: FakeCentral) -> None:
    furnish(central)
    await edge.join(central)
    async with edge.following():
        await edge.at(central.rev)
        central.drop("credential", "c-0")  # the question that waits is not told
        edge.door.hint()
        await asyncio.wait_for(edge.at(central.rev), 10)
    assert edge.credentials() == 5
