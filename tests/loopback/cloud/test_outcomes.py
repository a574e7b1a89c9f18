"""What becomes of an edge's place at the reference central store when its box, its disk or its twin goes wrong."""

import asyncio
import shutil
from collections import Counter
from pathlib import Path

from sqlalchemy import select

from edge.central import edges
from edge.central.tables import event
from edge.cloud.enrolment import Enrolled
from tests.loopback.central.lab import Lab, card, furniture, open_edge
from tests.loopback.sync.lab import Edge, until


async def up_to_date(edge: Edge, lab: Lab) -> None:
    """The edge has followed, and told everything."""
    async with edge.following():
        await edge.at(lab.rev())
        await until(lambda: edge.waiting() == 0)


async def test_a_new_box_after_a_lost_disk_has_everything_and_a_row_of_numbers_of_its_own(
    edge: Edge, lab: Lab, template: Path, tmp_path: Path
) -> None:
    await lab.change(*furniture())
    identity = await lab.join(edge)
    await edge.log(5)
    await up_to_date(edge, lab)
    shutil.copytree(template, tmp_path / "new")
    new = open_edge(tmp_path / "new")
    try:
        code = await asyncio.to_thread(edges.new_code, lab.central, "test", identity)
        assert await lab.enrol(new, code) == identity
        assert new.me().cursor == 0, "it begins with a snapshot"
        await new.log(3)
        await up_to_date(new, lab)
        assert await lab.differences(new) == []
        async with edge.following():  # the old box still runs somewhere
            await until(lambda: any(alarm["type"] == "sync_denied" for alarm in edge.alarms()))
    finally:
        new.close()
    assert edge.credentials() == 6, "its doors go on"
    told = numbers(lab)
    assert len(told) == 2
    assert sorted(map(len, told.values())) == [3, 5]


async def test_a_restored_backup_goes_on_from_where_it_was(edge: Edge, lab: Lab, tmp_path: Path) -> None:
    await lab.change(*furniture())
    await lab.join(edge)
    await edge.log(1)
    await up_to_date(edge, lab)
    before = edge.me()
    shutil.copytree(edge.site.folder, tmp_path / "backup")
    await lab.change(card(1, until="2030-01-01"), ("credential", "c-0", None))
    await edge.log(20)
    await up_to_date(edge, lab)
    restored = open_edge(tmp_path / "backup")
    try:
        assert place(restored.me()) == place(before)
        await restored.log(3)
        await up_to_date(restored, lab)
        assert await lab.differences(restored) == []
        assert [alarm["type"] for alarm in restored.alarms() if alarm["type"] != "test"] == ["sync_went_back"]
    finally:
        restored.close()
    told = numbers(lab)
    assert sorted(map(len, told.values())) == [3, 21], "none is taken for one that is there already"


async def test_two_boxes_with_one_disk_image_both_follow_and_lose_no_event(
    edge: Edge, lab: Lab, tmp_path: Path
) -> None:
    await lab.change(*furniture())
    await lab.join(edge)
    await edge.log(1)
    await up_to_date(edge, lab)
    shutil.copytree(edge.site.folder, tmp_path / "twin")
    twin = open_edge(tmp_path / "twin")
    try:
        await edge.log(5)
        await up_to_date(edge, lab)
        await twin.log(3)
        async with edge.following(), twin.following():
            rev = await lab.change(("credential", "c-0", None))
            await edge.at(rev)
            await twin.at(rev)
            await until(lambda: edge.waiting() == twin.waiting() == 0)
        assert edge.credentials() == twin.credentials() == 5
        assert any(alarm["type"] == "sync_went_back" for alarm in twin.alarms()), "somebody is told"
    finally:
        twin.close()
    assert sorted(map(len, numbers(lab).values())) == [3, 6]


def place(me: Enrolled) -> tuple[str, str, int]:
    return me.edge_id, me.epoch, me.cursor


def numbers(lab: Lab) -> dict[str, list[int]]:
    """Of each database that told events: the numbers of those that the tests logged, as they came."""
    found: dict[str, list[int]] = {}
    with lab.central.store.read() as connection:
        for row in connection.execute(select(event).order_by(event.c.db_id, event.c.seq)):
            if '"type":"test"' in row.body:
                found.setdefault(row.db_id, []).append(row.seq)
    assert all(count == 1 for seqs in found.values() for count in Counter(seqs).values())
    return found
