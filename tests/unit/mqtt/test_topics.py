import pytest

from models.ids import CommunityId, Mac
from mqtt.topics import Topics, Up

TOPICS = Topics("intercom", CommunityId("c-1"))
DOOR = Mac("0c1105000001")


@pytest.mark.parametrize("kind", list(Up))
def test_what_a_device_writes_is_recognised(kind: Up) -> None:
    assert TOPICS.from_device(f"intercom/c-1/0c1105000001/up/{kind.value}") == (DOOR, kind)


@pytest.mark.parametrize(
    "topic",
    [
        "intercom/c-1/0c1105000001/down/open",
        "intercom/c-1/0c1105000001/up/other",
        "intercom/c-1/0c1105000001/up/event/more",
        "intercom/c-1/0c1105000001/up",
        "intercom/c-2/0c1105000001/up/event",
        "other/c-1/0c1105000001/up/event",
        "x/intercom/c-1/0c1105000001/up/event",
        "intercom/c-1/0C1105000001/up/event",
        "intercom/c-1/0c110500000/up/event",
        "intercom/c-1/edge/event",
        "intercom/c-1/",
        "",
    ],
)
def test_other_topics_are_nobodys(topic: str) -> None:
    assert TOPICS.from_device(topic) is None


def test_names_of_the_contract() -> None:
    assert TOPICS.down(DOOR, "open") == "intercom/c-1/0c1105000001/down/open"
    assert TOPICS.edge_state == "intercom/c-1/edge/state"
    assert TOPICS.edge_event == "intercom/c-1/edge/event"
    assert TOPICS.may_write("%u") == "intercom/c-1/%u/up/#"
    assert TOPICS.may_read("%u") == "intercom/c-1/%u/down/#"


@pytest.mark.parametrize("level", ["", "a/b", "+", "#", "a b", "ü", "x" * 65, "a\n"])
def test_a_name_that_is_no_single_level_is_refused(level: str) -> None:
    with pytest.raises(ValueError, match="one topic level"):
        Topics(level, CommunityId("c-1"))
    with pytest.raises(ValueError, match="one topic level"):
        Topics("intercom", CommunityId(level))
