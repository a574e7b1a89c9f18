"""What edges that wait are told by the reference central store: the same where they are due the same, and made once."""

import asyncio
import json
import time
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.central import edges
from edge.central.feed import Question
from edge.central.places import places
from edge.cloud.client import CentralClient, Denied, inflate
from edge.cloud.enrolment import Enrolled
from edge.cloud.wire import public_text
from tests.loopback.central.lab import Lab, furniture
from tests.loopback.sync.lab import until


def box(lab: Lab, name: str) -> Enrolled:
    """An edge that only asks."""
    identity, code = edges.add(lab.central, "test", lab.community, name)
    return with_key(lab, identity, code)


def with_key(lab: Lab, identity: str, code: str) -> Enrolled:
    key = Ed25519PrivateKey.generate()
    edges.enrol(lab.central, code, public_text(key.public_key()), "box")
    return Enrolled(lab.community, lab.url, identity, key, None, "", 0, None, "", 0)


def epoch(lab: Lab, me: Enrolled) -> str:
    with lab.central.store.read() as connection:
        return places(connection, [me.edge_id])[me.edge_id].epoch


async def waits(lab: Lab, me: Enrolled, since: int) -> Any:
    async with CentralClient(me, lab.url, wait_s=20.0, now_s=time.time) as client:
        body = await client.sync(since, epoch(lab, me))
    return None if body is None else json.loads(body)


async def all_wait(lab: Lab, boxes: list[Enrolled], since: int) -> list[asyncio.Task[Any]]:
    asking = [asyncio.ensure_future(waits(lab, me, since)) for me in boxes]
    await until(lambda: lab.serving.office.watch.waiting == len(boxes))
    return asking


async def test_edges_that_are_due_the_same_are_told_it_in_the_same_bytes(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    boxes = [await asyncio.to_thread(box, lab, f"box {number}") for number in range(5)]
    feed, made = lab.serving.office.feed, []

    def counted(*some: Any, **named: Any) -> bytes | None:
        made.append(some)
        return type(feed).answer(feed, *some, **named)

    monkeypatch.setattr(feed, "answer", counted)
    asking = await all_wait(lab, boxes, lab.rev())
    rev = await lab.change(*furniture(2))
    told = await asyncio.gather(*asking)
    assert {answer["to"] for answer in told} == {rev}
    assert {answer["count"] for answer in told} == {9}
    assert len({answer["sig"] for answer in told}) == 1
    assert len(made) == 1


async def test_what_was_entered_for_one_edge_alone_is_told_to_it(lab: Lab) -> None:
    await lab.change(*furniture(2))
    one, other = [await asyncio.to_thread(box, lab, name) for name in ("one", "other")]
    since = lab.rev()
    answers = lab.serving.office.answers
    asked = Question(one.edge_id, since, epoch(lab, one))
    await lab.change(("building", "b-2", {"name": "2"}))
    place = await answers.places.of(one.edge_id)
    await asyncio.to_thread(edges.rescope, lab.central, "test", one.edge_id, [])  # after we looked where it stands
    body = await answers.to(place, asked)
    assert body is not None
    told = json.loads(inflate(body))
    assert (told["to"], told["count"]) == (lab.rev(), 11)  # all there is, the community among it
    theirs = await waits(lab, other, since)
    assert [each["id"] for each in theirs["items"]] == ["b-2"]


async def test_a_box_that_waits_is_told_nothing_once_another_has_its_name(lab: Lab) -> None:
    old = await asyncio.to_thread(box, lab, "box")
    asking = await all_wait(lab, [old], lab.rev())
    code = await asyncio.to_thread(edges.new_code, lab.central, "test", old.edge_id)
    new = await asyncio.to_thread(with_key, lab, old.edge_id, code)
    since = lab.rev()
    rev = await lab.change(*furniture(2))
    with pytest.raises(Denied):
        await asking[0]
    assert (await waits(lab, new, since))["to"] == rev


async def test_an_edge_that_is_kept_out_is_refused_at_its_next_question(lab: Lab) -> None:
    me = await asyncio.to_thread(box, lab, "box")
    await asyncio.to_thread(edges.enable, lab.central, "test", me.edge_id, False)
    with pytest.raises(Denied):
        await waits(lab, me, lab.rev() - 1)
