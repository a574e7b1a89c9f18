"""Whatever an app sends is a message or is told why not; nothing else happens."""

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.portal.messages import VERSION, WORD_CHARS_MAX, BadMessage, read

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
GOOD: list[dict[str, Any]] = [
    {"type": "hello", "session": "s_1", "signature": "x", "visible": False},
    {"type": "offer", "call": "call_1", "sdp": "v=0\r\n"},
    {"type": "dial", "door": "0c1105e00001"},
    {"type": "dial", "guard": True},
    {"type": "talk", "call": "call_1", "on": True},
    {"type": "open", "nonce": "n", "relay": "1", "call": "call_1"},
    {"type": "ask", "what": "arm", "monitor": "0c1105e00002", "armed": False},
    {"type": "ask", "what": "dnd", "from": None},
]


@pytest.mark.parametrize("given_", GOOD)
def test_what_the_protocol_has_is_read(given_: dict[str, Any]) -> None:
    message = read({"v": VERSION, "id": "a1", **given_})
    assert (message.type, message.id) == (given_["type"], "a1")
    assert dict(message.fields) == {key: value for key, value in given_.items() if key != "type"}


@pytest.mark.parametrize(
    "spoilt",
    [
        {"v": 2, "type": "ping", "id": "a"},
        {"v": 1, "type": "ping", "id": ""},
        {"v": 1, "type": "ping"},
        {"v": 1, "type": "ping", "id": "a", "more": 1},
        {"v": 1, "type": "talk", "id": "a", "call": "c"},
        {"v": 1, "type": "talk", "id": "a", "call": "c", "on": 1},
        {"v": 1, "type": "dial", "id": "a", "door": "x" * 65},
        {"v": 1, "type": "ask", "id": "a", "what": "history", "limit": True},
        {"v": 1, "type": ["ping"], "id": "a"},
        [],
    ],
)
def test_what_it_has_not_is_refused(spoilt: object) -> None:
    with pytest.raises(BadMessage):
        read(spoilt)


@given(JSON | st.fixed_dictionaries({"v": st.just(1), "id": JSON, "type": JSON, "call": JSON, "what": JSON}))
def test_anything_else_is_a_bad_message(document: object) -> None:
    with contextlib.suppress(BadMessage):
        assert len(read(document).id) <= WORD_CHARS_MAX
