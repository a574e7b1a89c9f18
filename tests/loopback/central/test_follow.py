"""An edge follows the reference central store: what it is told, what it is not told, and what it tells."""

import asyncio
import shutil
from pathlib import Path

from sqlalchemy import select

from edge.central import communities, edges
from edge.central.tables import event
from edge.cloud import tokens
from edge.cloud.client import CentralClient
from edge.store.tables import apartment, resident
from tests.loopback.central.lab import Lab, card, furniture, new_central, open_edge, serving
from tests.loopback.sync.lab import Edge, until


async def test_an_edge_enrols_fetches_everything_and_follows_each_change(edge: Edge, lab: Lab) -> None:
    await lab.change(*furniture())
    identity = await lab.join(edge)
    async with edge.following():
        await edge.at(lab.rev())
        assert edge.credentials() == 6
        await edge.at(await lab.change(card(1, until="2030-01-01"), ("credential", "c-0", None)))
        assert edge.credentials() == 5
        await until(lambda: lab.edge(identity)["applied"] == lab.rev())
    seen = lab.edge(identity)
    assert (seen["status"], seen["behind"], seen["enrolled"]) == ("ok", 0, True)
    assert await lab.differences(edge) == []


async def test_a_code_is_good_once_and_who_enrols_last_is_the_edge(
    edge: Edge, lab: Lab, template: Path, tmp_path: Path
) -> None:
    await lab.change(*furniture())
    identity = await lab.join(edge)
    shutil.copytree(template, tmp_path / "new")
    new = open_edge(tmp_path / "new")
    try:
        code = edges.new_code(lab.central, "test", identity)
        assert await lab.enrol(new, code) == identity
        again = await lab.http.post("/v1/enrol", json={"code": code, "public_key": "A" * 43 + "=", "name": ""})
        assert (again.status_code, again.json()["error"]["reason"]) == (403, "code")
        async with edge.following(), new.following():
            await until(lambda: any(alarm["type"] == "sync_denied" for alarm in edge.alarms()))
            await new.at(lab.rev())
    finally:
        new.close()


async def test_an_edge_of_one_building_sees_that_building_and_what_everybody_sees(edge: Edge, lab: Lab) -> None:
    await lab.change(
        *furniture(2),
        ("building", "b-2", {"name": "2"}),
        ("apartment", "a-2", {"building": "b-2", "number": "201"}),
        ("schedule", "h-1", {"name": "Day", "week": "mon-fri 08:00-18:00"}),
        ("resident", "r-9", {"first": "Bob", "apartment": "a-1", "apartments": [{"apartment": "a-2"}]}),
        ("credential", "c-8", {"kind": "rf_card", "value": "04BB000001", "apartment": "a-1", "doors": ["d-1"]}),
        ("credential", "c-9", {"kind": "rf_card", "value": "04BB000002", "apartment": "a-2", "resident": "r-9"}),
    )
    await lab.join(edge, buildings=("b-2",))
    async with edge.following():
        await edge.at(lab.rev())
        assert edge.read(lambda c: list(c.execute(select(apartment.c.id)).scalars())) == ["a-2"]
        assert edge.read(lambda c: list(c.execute(select(resident.c.id)).scalars())) == ["r-9"]
        assert edge.credentials() == 1
        # Bob leaves building 2: there he is a tombstone, with his card; in building 1 he lives on.
        rev = await lab.change(("resident", "r-9", {"first": "Bob", "apartment": "a-1"}), confirm=True)
        await edge.at(rev)
        assert edge.read(lambda c: list(c.execute(select(resident.c.id)).scalars())) == []
        assert edge.credentials() == 0
    assert await lab.differences(edge) == []


async def test_events_are_there_once_and_in_order(edge: Edge, lab: Lab) -> None:
    await lab.join(edge)
    async with edge.following():
        await edge.log(40)
        await until(lambda: edge.waiting() == 0)
    with lab.central.store.read() as connection:
        rows = list(connection.execute(select(event.c.seq, event.c.type).order_by(event.c.seq)))
    assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
    told = await lab.ask("GET", f"/v1/communities/{lab.community}/events")
    assert [row["detail"]["number"] for row in told if row["detail"].get("type") == "test"] == list(range(40))


async def test_a_snapshot_in_pages(edge: Edge, lab: Lab) -> None:
    await lab.change(*furniture(40))
    lab.serving.office.feed.page_items = 20
    await lab.join(edge)
    async with edge.following():
        await edge.at(lab.rev())
    assert edge.credentials() == 40
    assert await lab.differences(edge) == []


async def test_after_a_restore_the_new_epoch_brings_everything_anew(edge: Edge, lab: Lab) -> None:
    await lab.change(*furniture())
    await lab.join(edge)
    async with edge.following():
        await edge.at(lab.rev())
        epoch = edge.me().epoch
        await asyncio.to_thread(communities.begin_epoch, lab.central, "test")
        rev = await lab.change(("credential", "c-0", None))
        await until(lambda: edge.me().epoch != epoch and edge.me().cursor == rev)
    assert edge.credentials() == 5


async def test_after_compaction_an_edge_that_was_away_begins_anew(edge: Edge, lab: Lab) -> None:
    await lab.change(*furniture())
    await lab.join(edge)
    async with edge.following():
        await edge.at(lab.rev())
    await lab.change(("credential", "c-0", None))
    await lab.change(("credential", "c-1", None))
    assert await asyncio.to_thread(communities.compact, lab.central, keep_days=-1) == 2
    async with edge.following():
        await edge.at(lab.rev())
    assert edge.credentials() == 4
    assert await lab.differences(edge) == []


async def test_more_than_half_of_the_credentials_go_only_with_a_word(edge: Edge, lab: Lab) -> None:
    await lab.change(*furniture())
    await lab.join(edge)
    gone = [("credential", f"c-{number}", None) for number in range(4)]
    told = [{"kind": kind, "id": identity} for kind, identity, _ in gone]
    path = f"/v1/communities/{lab.community}/changes"
    refused = await lab.ask("POST", path, {"changes": told}, expect=409)
    assert refused["error"]["reason"] == "guard"
    async with edge.following():
        await edge.at(lab.rev())
        assert edge.credentials() == 6
        await edge.at(await lab.change(*gone, confirm=True))
        assert edge.credentials() == 2


async def test_a_token_is_good_once(edge: Edge, lab: Lab) -> None:
    await lab.join(edge)
    me = edge.me()
    token = tokens.issue(me.key, issuer=me.edge_id, audience="central", now_s=edge.clock.now_ms() / 1000)
    async with lab.client(token) as client:
        first = await client.get(f"/v1/edge/{me.edge_id}/sync")
        second = await client.get(f"/v1/edge/{me.edge_id}/sync")
    assert (first.status_code, second.status_code) == (200, 401)
    assert "date" in first.headers, "an edge whose clock is wrong learns the time from it"


async def test_a_central_store_that_ends_answers_whoever_waits(edge: Edge, tmp_path: Path) -> None:
    """304 at once, and no connection cut."""
    async with serving(new_central(tmp_path / "central")) as lab:
        await lab.join(edge)
        async with edge.following():
            await edge.at(lab.rev())
        me = edge.me()
        client = CentralClient(me, lab.url, wait_s=30.0, now_s=lambda: edge.clock.now_ms() / 1000)
        await client.__aenter__()
        waiting = asyncio.ensure_future(client.sync(me.cursor, me.epoch))
        await until(lambda: lab.serving.office.watch.waiting == 1)
    try:
        assert await asyncio.wait_for(waiting, 10) is None
    finally:
        await client.__aexit__(None, None, None)
