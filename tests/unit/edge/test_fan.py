from collections.abc import Mapping

from edge.fan import EventFan


async def test_everybody_hears_every_event_listeners_before_the_broker() -> None:
    heard: list[tuple[str, object]] = []

    async def publish(event: Mapping[str, object]) -> None:
        heard.append(("broker", event["id"]))

    fan = EventFan(publish)
    await fan.tell({"id": "a"})
    fan.add(lambda event: heard.append(("first", event["id"])))
    fan.add(lambda event: heard.append(("second", event["id"])))
    await fan.tell({"id": "b"})
    assert heard == [("broker", "a"), ("first", "b"), ("second", "b"), ("broker", "b")]
