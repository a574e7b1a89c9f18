"""A door's place on the device plane: it is online, and notes when it was told to open."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any

import aiomqtt


class Panel:
    """What a door hears."""

    def __init__(self, client: aiomqtt.Client, root: str) -> None:
        self._client, self._root = client, root
        self.opened: asyncio.Queue[float] = asyncio.Queue()  # monotonic seconds

    async def listen(self) -> None:
        """Until cancelled."""
        async for message in self._client.messages:
            if message.topic.value.endswith("/down/open"):
                self.opened.put_nowait(time.monotonic())
                document = json.loads(bytes(message.payload))  # type: ignore[arg-type]
                now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
                ack = {"id": document["id"], "ok": True, "at": now}
                await self._client.publish(f"{self._root}/up/ack", json.dumps(ack), qos=1)


@contextlib.asynccontextmanager
async def panel(login: Mapping[str, Any], mqtt: Mapping[str, Any]) -> AsyncIterator[Panel]:
    """The door with *login* of the house; *mqtt*: where the daemon's broker is."""
    root = f"intercom/{login['realm']}/{login['mac']}"
    async with aiomqtt.Client(
        mqtt["host"], mqtt["port"], username=login["mac"], password=login["mqtt_password"], identifier=login["mac"]
    ) as client:
        found = Panel(client, root)
        await client.subscribe(f"{root}/down/#", qos=1)
        await client.publish(f"{root}/up/state", "online", qos=1, retain=True)
        listening = asyncio.get_running_loop().create_task(found.listen())
        try:
            yield found
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
