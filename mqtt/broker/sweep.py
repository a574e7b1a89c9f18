"""Before devices are let in: is the broker there, and what does it still hold as online?

A broker that was killed has no link any more, but may have kept the retained states of devices that were online.
"""

import asyncio
import secrets
from collections.abc import Callable
from typing import Final

from mqtt.brokers import EVENTS
from mqtt.client import Endpoint, Link, LinkDown, Login, Received
from mqtt.topics import Topics, Up

SWEEP: Final = "sweep"
PROBE: Final = "probe"
ALIVE: Final = "alive"
"""Links that live for a moment, with logins of their own."""
_MARKER_WITHIN_S: Final = 5.0


async def sweep(dial: Callable[[], tuple[Endpoint, Login]], topics: Topics) -> int:
    """Set every retained `online` of a device to `offline`; returns how many. Raises LinkDown.

    Call it while no device can log in: then every one of them is wrong.
    """
    stale: list[str] = []
    token = secrets.token_hex(8).encode()
    told_all = asyncio.Event()

    def receive(message: Received) -> None:
        if message.topic == topics.marker(SWEEP):
            if message.payload == token:
                told_all.set()
        elif message.retain and message.payload == b"online":
            stale.append(message.topic)

    async def prepare() -> None:
        await link.subscribe([(topics.every(Up.STATE), 1), (topics.marker(SWEEP), 1)])
        await link.publish(topics.marker(SWEEP), token)
        try:
            async with asyncio.timeout(_MARKER_WITHIN_S):
                await told_all.wait()
        except TimeoutError:
            raise LinkDown("our own marker does not come back") from None
        for topic in stale:
            await link.publish(topic, b"offline", retain=True)

    link = Link(SWEEP, dial, receive=receive, prepare=prepare, clean_session=True)
    await link.connect()
    await link.close()
    return len(stale)


async def wake(dial: Callable[[], tuple[Endpoint, Login]], topics: Topics) -> None:
    """Take up the daemon's kept session and leave it again, nothing acknowledged. Raises LinkDown.

    A session that mosquitto read from its file has no user until its owner was there, and so no rights: it would lose
    every event that a device sends before the plane is back.
    """

    async def prepare() -> None:
        await link.subscribe([(topics.every(Up.EVENT), 1)])

    link = Link(EVENTS, dial, receive=_ignore, prepare=prepare, clean_session=False, manual_acks=True)
    await link.connect()
    await link.close()


async def let_in(dial: Callable[[], tuple[Endpoint, Login]]) -> bool:
    """Whether the broker accepts this login now."""

    link = _moment(PROBE, dial)
    try:
        await link.connect()
    except LinkDown:
        return False
    await link.close()
    return True


async def answers(dial: Callable[[], tuple[Endpoint, Login]]) -> bool:
    """Whether the broker says anything at all to this login, be it no."""
    link = _moment(ALIVE, dial)
    try:
        await link.connect()
    except LinkDown as error:
        return not isinstance(error.__cause__, TimeoutError)
    await link.close()
    return True


def _moment(name: str, dial: Callable[[], tuple[Endpoint, Login]]) -> Link:
    async def prepare() -> None:
        return

    return Link(name, dial, receive=_ignore, prepare=prepare, clean_session=True)


def _ignore(message: Received) -> None:
    """What comes on a link that lives for a moment stays at the broker."""
