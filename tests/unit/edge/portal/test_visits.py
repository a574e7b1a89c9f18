"""A connected app is heard while something takes its time, and asks only so much at a time."""

import asyncio
import json
from typing import Any

from edge.http.ws import Link
from edge.portal.messages import Message
from edge.portal.sessions import Session
from edge.portal.visits import SLOW_MAX, Visit
from models.ids import ResidentId

ANNA = Session("s_1", ResidentId("r-1"), "phone", b"")


def said(link: Link) -> list[dict[str, Any]]:
    return [json.loads(text) for text in link.rest()]


def visit(link: Link, may_go_on: asyncio.Event) -> Visit:
    async def receive(visit: Visit, message: Message) -> None:
        if message.type == "ask":
            await may_go_on.wait()
        visit.reply(message, {"type": "done"})

    return Visit(ANNA, link, receive, lambda _visit, _in_order: None, visible=True)


async def turns() -> None:
    """What can run now has run."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_press_does_not_wait_for_a_question() -> None:
    link, may_go_on = Link(), asyncio.Event()
    anna = visit(link, may_go_on)
    await anna.receive({"v": 1, "type": "ask", "id": "a1", "what": "history"})
    await anna.receive({"v": 1, "type": "answer", "id": "a2", "call": "call_1"})
    assert [(one["type"], one["re"]) for one in said(link)] == [("done", "a2")]
    may_go_on.set()
    await turns()
    assert [one["re"] for one in said(link)] == ["a1"]


async def test_so_many_questions_at_a_time() -> None:
    link, may_go_on = Link(), asyncio.Event()
    anna = visit(link, may_go_on)
    for number in range(SLOW_MAX + 1):
        await anna.receive({"v": 1, "type": "ask", "id": f"a{number}", "what": "history"})
    assert [(one["reason"], one["re"]) for one in said(link)] == [("rate", f"a{SLOW_MAX}")]
    anna.left(in_order=True)
    may_go_on.set()
    await turns()
    assert said(link) == []
