"""What happens in the house, told to everybody who wants to know: integrators, and bridges to other systems."""

from collections.abc import Awaitable, Callable, Mapping

Event = Mapping[str, object]
Tell = Callable[[Event], Awaitable[None]]
Listener = Callable[[Event], None]


class EventFan:
    """The desks tell it; it tells the others. Its `tell` is a `DevicePlane.publish_event` with more ears."""

    def __init__(self, publish: Tell) -> None:
        """*publish*: where integrators read (decision 19)."""
        self._publish = publish
        self._listeners: list[Listener] = []

    def add(self, listener: Listener) -> None:
        """*listener* returns at once and never raises; it hears every event from now on."""
        self._listeners.append(listener)

    async def tell(self, event: Event) -> None:
        """Listeners hear it before the broker does, which may take its time."""
        for listener in self._listeners:
            listener(event)
        await self._publish(event)
