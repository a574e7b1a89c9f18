"""What the broker holds is left alone, what differs is put there."""

import pytest

from models.ids import CommunityId, Mac
from mqtt.client import LinkDown, Received
from mqtt.shelf import ConfigShelf
from mqtt.topics import Topics

TOPICS = Topics("intercom", CommunityId("c-1"))
DOOR, STRANGER = Mac("0c1105000001"), Mac("0c1105000002")


class FakeLink:
    """Remembers what was published, and can be down."""

    def __init__(self) -> None:
        self.connected = True
        self.sent: list[tuple[str, bytes, bool]] = []

    async def publish(self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False) -> None:
        if not self.connected:
            raise LinkDown("not connected")
        self.sent.append((topic, payload, retain))


class Room:
    def __init__(self) -> None:
        self.link = FakeLink()
        self.cleared: list[str] = []
        self.told = 0
        self.shelf = ConfigShelf(TOPICS, self.link, lambda _, topic: self.cleared.append(topic))  # type: ignore[arg-type]  # as much of a link as it needs
        self.shelf.settled = self.count

    def count(self) -> None:
        self.told += 1

    def holds(self, device: Mac, payload: bytes, *, retain: bool = True, known: bool = True) -> None:
        message = Received(TOPICS.down(device, "config"), payload, 0, retain, False, 1, 1)
        self.shelf.heard(device, message, known)


@pytest.fixture
def room() -> Room:
    return Room()


async def test_the_same_is_not_sent_again(room: Room) -> None:
    room.holds(DOOR, b"one")
    room.shelf.settle()
    assert room.told == 1
    assert not await room.shelf.put(DOOR, b"one")
    assert await room.shelf.put(DOOR, b"two")
    assert not await room.shelf.put(DOOR, b"two")
    assert room.link.sent == [(TOPICS.down(DOOR, "config"), b"two", True)]


async def test_nothing_is_put_before_it_is_known_what_is_there(room: Room) -> None:
    with pytest.raises(LinkDown):
        await room.shelf.put(DOOR, b"one")
    assert not room.shelf.ready


async def test_a_broker_that_forgot_gets_it_again(room: Room) -> None:
    room.shelf.settle()
    await room.shelf.put(DOOR, b"one")
    room.shelf.doubt()
    assert not room.shelf.ready
    room.shelf.settle()
    assert await room.shelf.put(DOOR, b"one")


async def test_what_is_held_for_nobody_is_taken_away(room: Room) -> None:
    room.holds(STRANGER, b"old", known=False)
    room.holds(STRANGER, b"", known=False)
    assert room.cleared == [TOPICS.down(STRANGER, "config")]


async def test_a_link_that_is_down_is_told(room: Room) -> None:
    room.shelf.settle()
    room.link.connected = False
    with pytest.raises(LinkDown):
        await room.shelf.put(DOOR, b"one")
    room.link.connected = True
    assert await room.shelf.put(DOOR, b"one"), "it does not count as put"


async def test_our_own_coming_by_is_nothing_new(room: Room) -> None:
    room.holds(DOOR, b"one", retain=False)
    room.shelf.settle()
    assert await room.shelf.put(DOOR, b"one")


def test_topics_of_configurations() -> None:
    assert TOPICS.config_for(TOPICS.down(DOOR, "config")) == DOOR
    for topic in ("intercom/c-1/x/down/config", f"intercom/c-1/{DOOR}/down/open", f"x/intercom/c-1/{DOOR}/down/config"):
        assert TOPICS.config_for(topic) is None
