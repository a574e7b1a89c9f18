import pytest

from models.ids import CommunityId, Mac
from mqtt.home_assistant.topics import HomeTopics
from mqtt.topics import Topics
from tests.unit.mqtt.home_assistant.small_house import GATE, TOPICS


def test_a_config_topic_is_read_back() -> None:
    assert TOPICS.config(GATE) == f"homeassistant/device/c-1_{GATE}/config"
    assert TOPICS.config_of(TOPICS.config(GATE)) == GATE


@pytest.mark.parametrize(
    "topic",
    [
        f"homeassistant/device/c-2_{GATE}/config",
        f"homeassistant/device/{GATE}/config",
        "homeassistant/device/c-1_0C1105000001/config",
        f"homeassistant/device/c-1_{GATE}x/config",
        f"homeassistant/lock/c-1_{GATE}/config",
        f"other/homeassistant/device/c-1_{GATE}/config",
        "homeassistant/device/c-1_/config",
    ],
)
def test_what_others_announced_is_not_ours(topic: str) -> None:
    assert TOPICS.config_of(topic) is None


@pytest.mark.parametrize("relay", ["1", "4", "s2"])
def test_a_command_names_its_relay(relay: str) -> None:
    assert TOPICS.set_of(TOPICS.set(GATE, relay)) == (GATE, relay)


@pytest.mark.parametrize(
    "topic",
    [
        f"intercom/c-1/{GATE}/down/open",
        f"intercom/c-1/{GATE}/down/door/0/set",
        f"intercom/c-1/{GATE}/down/door/1/set/x",
        f"intercom/c-1/{GATE}/up/door/1/set",
        f"intercom/c-2/{GATE}/down/door/1/set",
        f"x/intercom/c-1/{GATE}/down/door/1/set",
        f"intercom/c-1/{GATE.upper()}/down/door/1/set",
        "",
    ],
)
def test_other_topics_are_no_commands(topic: str) -> None:
    assert TOPICS.set_of(topic) is None


def test_a_community_that_home_assistant_would_not_take_is_respelled() -> None:
    topics = HomeTopics(Topics("intercom", CommunityId("my.house")))
    assert topics.config(GATE) == f"homeassistant/device/my_house_{GATE}/config"
    assert topics.config_of(topics.config(GATE)) == GATE


@pytest.mark.parametrize("prefix", ["", "a b", "a/#", "/a", "a/", "ä"])
def test_a_prefix_that_home_assistant_would_not_take_is_refused(prefix: str) -> None:
    with pytest.raises(ValueError, match="discovery_prefix"):
        HomeTopics(Topics("intercom", CommunityId("c-1")), prefix)


def test_home_assistant_reads_no_attempt_and_writes_no_opening() -> None:
    read = {grant.topics for grant in TOPICS.grants() if grant.access != "write"}
    written = {grant.topics for grant in TOPICS.grants() if grant.access != "read"}
    assert not {topic for topic in read if topic.endswith(("up/#", "up/+", "attempt"))}
    assert written == {"homeassistant/#", "intercom/c-1/+/down/door/+/set"}
    for mac in (GATE, Mac("0c1105000002")):
        assert TOPICS.set(mac, "1").split("/")[3:] == ["down", "door", "1", "set"]
