"""What is shown of messages: a call's ladder and capture, and all messages as they pass."""

import asyncio

import pytest

from edge.ladders import FOLLOWED_DIALOGS_MAX, WAITING_MAX, follow, ladder_json, ladder_pcap, users_of
from sip.trace import Course, Trace, TracedMessage
from tests.fakes.sip import flow_to
from tests.unit.edge.core.call_house import A2_123, A101, HOUSE, MON_101

DOOR, MONITOR = flow_to("192.0.2.50", 5060), flow_to("192.0.2.60", 5060)
CALL = [
    TracedMessage(1_000, False, DOOR, b"INVITE sip:101@edge SIP/2.0\r\n\r\n", "a"),
    TracedMessage(1_010, True, MONITOR, b"INVITE sip:2@edge SIP/2.0\r\n\r\n", "b"),
    TracedMessage(4_000, True, DOOR, b"SIP/2.0 200 OK\r\n\r\n", "a"),
]


def test_a_ladder_has_a_column_for_each_dialog_and_says_what_was_opened():
    told = ladder_json(CALL, Course({"a": "Gate", "b": "Hall"}, [(3_000, "relay 1 opened")]))
    head, *lines = told["text"].splitlines()
    assert head.split() == ["Gate", "edge", "Hall"]
    assert "relay 1 opened" in lines[2]
    assert [message["name"] for message in told["messages"]] == ["Gate", "Hall", "Gate"]
    assert told["notes"] == [{"at": "1970-01-01T00:00:03.000Z", "text": "relay 1 opened"}]
    assert ladder_json([], Course()) is None


def test_a_capture_has_every_message_in_its_direction():
    data = ladder_pcap(CALL)
    assert [data.count(one.data) for one in CALL] == [1, 1, 1]
    first = data.index(b"INVITE sip:101") - 28
    assert data[first + 12 : first + 16] == bytes([192, 0, 2, 50])  # from the door
    assert ladder_pcap([]) is None


def test_an_apartment_shows_by_its_devices_its_apps_and_its_number():
    users = users_of(HOUSE, A101.id)
    assert {str(MON_101.sip_user), "101", "A*101"} <= users
    assert {"2#123", "2%23123", "A*2#123"} <= users_of(HOUSE, A2_123.id)


async def followed(trace, users, messages):
    """What a follower of *users* is told while *messages* pass."""
    passing = follow(trace, users, {"101": "Hall"}.get)
    assert await anext(passing) == {}
    for call_id, data in messages:
        trace.record(call_id, False, DOOR, data, 5_000)
    told = []
    while True:
        try:
            told.append(await asyncio.wait_for(anext(passing), 0.01))
        except TimeoutError:
            break
    await passing.aclose()
    assert not trace.followed
    return told


async def test_a_dialog_is_followed_from_the_message_that_names_the_user_on():
    messages = [
        ("x", b"BYE sip:9@edge SIP/2.0\r\n\r\n"),
        ("y", b"INVITE sip:101@edge SIP/2.0\r\nFrom: <sip:7@edge>\r\n\r\n"),
        ("y", b"SIP/2.0 180 Ringing\r\nCSeq: 1 INVITE\r\n\r\n"),
        ("x", b"SIP/2.0 200 OK\r\n\r\n"),
    ]
    told = await followed(Trace(), {"101"}, messages)
    assert [(one["call_id"], one["summary"]) for one in told] == [("y", "INVITE 101"), ("y", "180 Ringing")]
    assert told[0]["name"] == "Hall"
    assert len(await followed(Trace(), None, messages)) == 4
    assert await followed(Trace(), {"none"}, messages) == []


async def test_a_slow_reader_is_told_what_it_missed():
    told = await followed(Trace(), None, [("x", b"INFO sip:1@e SIP/2.0\r\n\r\n")] * (WAITING_MAX + 7))
    assert len(told) == WAITING_MAX
    assert told[0]["lost"] == 7
    assert "lost" not in told[1]


async def test_followed_dialogs_are_bounded():
    trace = Trace()
    messages = [(str(n), b"INVITE sip:101@e SIP/2.0\r\n\r\n") for n in range(FOLLOWED_DIALOGS_MAX + 1)]
    messages.append(("0", b"SIP/2.0 200 OK\r\n\r\n"))
    told = await followed(trace, {"101"}, messages)
    assert told[-1]["call_id"] != "0"


@pytest.mark.parametrize("junk", [b"", b"\xff\xfe", b"sip:@", b"sip:" + b"x" * 5000])
async def test_any_bytes_pass(junk):
    assert len(await followed(Trace(), None, [("x", junk)])) == 1
