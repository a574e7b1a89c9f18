"""An edge follows its central store: everything, then what changes; refusals are said, and nothing is half done."""

import asyncio
import json

import pytest
from sqlalchemy import select

from edge.admin import apartments, buildings
from edge.admin.edit import Refused
from edge.cloud.enrol import EnrolmentFailed, enrol
from edge.store.tables import apartment
from tests.fakes.central import Asked, FakeCentral, Sent
from tests.loopback.sync.lab import Edge, card, furnish, thing, until


async def test_a_one_time_code_that_is_wrong_joins_nothing(edge: Edge, central: FakeCentral) -> None:
    with pytest.raises(EnrolmentFailed, match="not known"):
        await asyncio.to_thread(enrol, edge.site.admin("installer"), "guess", central.url, "box")
    assert edge.applier.enrolled() is None


async def test_the_private_key_never_leaves_the_edge(edge: Edge, central: FakeCentral) -> None:
    await edge.join(central)
    raw = edge.me().key.private_bytes_raw()
    file = b"".join(each.read_bytes() for each in edge.site.folder.glob("*.db*"))
    assert raw not in file
    assert all(raw not in asked.body for asked in central.asked)


async def test_a_snapshot_then_deltas_then_tombstones(edge: Edge, central: FakeCentral) -> None:
    furnish(central)
    await edge.join(central)
    async with edge.following():
        await edge.at(central.rev)
        assert (edge.credentials(), await edge.differences(central)) == (6, [])
        central.drop("credential", "c-0")
        await central.tell()
        await edge.at(central.rev)
        assert (edge.credentials(), await edge.differences(central)) == (5, [])
        await until(lambda: bool(central.acks) and central.acks[-1]["applied"] == central.rev)
    ack = central.acks[-1]
    assert (ack["status"], ack["epoch"]) == ("ok", central.epoch)
    assert isinstance(ack["clock_ms"], int)
    assert [device["id"] for device in ack["devices"]] in ([], ["d-1"])


async def test_pages_swap_only_when_the_last_is_here(edge: Edge, central: FakeCentral) -> None:
    furnish(central)
    central.page_items = 4
    await edge.join(central)
    seen: list[int] = []

    def note(asked: Asked, sent: Sent) -> Sent:
        seen.append(edge.credentials())
        return sent

    central.scripts = [note] * 5  # 17 items
    async with edge.following():
        await edge.at(central.rev)
    assert seen == [0] * 5
    assert await edge.differences(central) == []


async def test_more_than_half_of_the_credentials_go_only_if_confirmed(edge: Edge, central: FakeCentral) -> None:
    furnish(central)
    await edge.join(central)
    async with edge.following():
        await edge.at(central.rev)
        before = central.rev
        central.change({"kind": "credential", "id": f"c-{number}", "del": True} for number in range(4))
        await central.tell()
        await until(lambda: any(ack["status"] == "nack" for ack in central.acks))
        error = next(ack["error"] for ack in central.acks if ack["status"] == "nack")
        assert (error["item"], error["reason"]) == (None, "guard")
        assert (edge.credentials(), edge.me().cursor) == (6, before)
        central.confirm = True
        edge.sync.hint()
        await edge.at(central.rev)
    assert edge.credentials() == 2


async def test_a_poisoned_item_holds_the_answer_but_not_the_revocation_in_it(edge: Edge, central: FakeCentral) -> None:
    furnish(central)
    await edge.join(central)
    async with edge.following():
        await edge.at(central.rev)
        before = central.rev
        central.change([card(9, resident_typo=1), {"kind": "credential", "id": "c-0", "del": True}])
        await central.tell()
        await until(lambda: any(ack["status"] == "nack" for ack in central.acks))
        error = next(ack["error"] for ack in central.acks if ack["status"] == "nack")
        assert (error["item"], error["reason"]) == ("c-9", "missing_parent")
        assert (edge.credentials(), edge.me().cursor) == (5, before)
        assert [alarm["item"] for alarm in edge.alarms()] == ["c-9"], "one alarm, however often it is tried"
        central.change([thing("resident", "r-9", first="Eve", apartment="a-1")])
        await central.tell()
        await edge.at(central.rev)
    assert await edge.differences(central) == []


async def test_what_the_central_store_owns_is_read_only_here(edge: Edge, central: FakeCentral) -> None:
    furnish(central)
    await edge.join(central)
    async with edge.following():
        await edge.at(central.rev)
    with pytest.raises(Refused, match="belongs to the central store"), edge.site.admin("installer").edit() as edit:
        apartments.remove(edit, "1/101")


async def test_a_site_of_its_own_is_adopted_and_shown_first_what_that_means(edge: Edge, central: FakeCentral) -> None:
    with edge.site.admin("installer").edit() as edit:
        own = buildings.add(edit, "1")
        apartments.add(edit, "1/101")
        apartments.add(edit, "1/102")
    furnish(central)
    await edge.join(central)
    shown = {(each.kind, each.id): each.state for each in await edge.differences(central)}
    assert shown["credential", "c-0"] == "missing"
    assert edge.me().cursor == 0, "a comparison changes nothing"
    async with edge.following():
        await edge.at(central.rev)
    assert await edge.differences(central) == []
    with edge.site.store.read() as connection:
        rows = dict(connection.execute(select(apartment.c.number, apartment.c.building_id)).all())
    assert rows == {"101": "b-1", "102": "b-1"}, "the building got the central store's id, its other apartment stays"
    assert own != "b-1"


async def test_what_is_pushed_has_the_same_guards(edge: Edge, central: FakeCentral) -> None:
    furnish(central)
    await edge.join(central)
    async with edge.following():
        await edge.at(central.rev)
    before = central.rev
    central.drop("credential", "c-1")
    gone = {"kind": "credential", "id": "c-1", "rev": central.rev, "del": True}
    good = central.answer("delta", before, central.rev, [gone])
    forged = {**good, "to": central.rev + 5}
    assert (await edge.door.push("delta", json.dumps(forged).encode())).status == 409
    assert (await edge.door.push("snapshot", json.dumps(good).encode())).status == 409
    reply = await edge.door.push("delta", json.dumps(good).encode())
    assert (reply.status, reply.body["status"], reply.body["applied"]) == (200, "ok", central.rev)
    again = await edge.door.push("delta", json.dumps(good).encode())
    assert (again.status, edge.credentials()) == (409, 5), "a replay changes nothing"
