"""A simulated device: a door phone, monitor, guard phone, app or telephone, in a process of its own.

It has a telephone (SIP) and, if it is one of the community's devices, a link to the device plane (MQTT), and knows
nothing of the daemon but their addresses and its own logins. It is driven over JSON lines:

    first line      {"name", "phone": settings of a phone | null, "mqtt": the login that `edge device secret` prints
                     | null, "type": 0, "model": "SIM-1", "firmware": "1.0", "relays": 1,
                     "engine": "auto" | "pjsua" | "own"}
    told            {"do": "attempt", "id", "method", "value", "apartment"?}      {"do": "event", "type", …}
                    {"do": "present", "id", "method", "value", "apartment"?}: ask the edge, and decide alone without it
                    {"do": "quit"}, and every command of a phone (`edge.phone.handle`)
    tells           {"event": "started"}      {"event": "link", "online": true}
                    {"event": "down", "verb", "message", "relays": ["1"]}  with the relays that moved
                    {"event": "alone", "id", "granted", "relays", "credential"}  what it decided by itself
                    and every event of a phone
"""

import asyncio
import contextlib
import json
import os
import socket
import ssl
import sys
from collections import deque
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import aiomqtt

from edge.demo.panel import Panel, rfc3339
from edge.phone.handle import Phone, PhoneSettings
from edge.phone.lines import JsonEvent, JsonProcess, clean_environment

_AT_LEAST_ONCE: Final = 1
_RECONNECT_AFTER_S: Final = 1.0
EDGE_ANSWERS_WITHIN_S: Final = 2.0
MAX_QUEUED_EVENTS: Final = 10_000
_PHONE_COMMANDS: Final = frozenset(
    {"call", "answer", "hangup", "dtmf", "answer_steps", "hold", "resume", "refer", "register", "stats"}
)


class Link:
    """The device's MQTT connection: its will, its state, its hello, and acks for what it is told."""

    def __init__(self, device: "SimulatedDevice", login: Mapping[str, Any]) -> None:
        self._device = device
        self._login = login
        self._panel = Panel()
        self._topic = f"{login['prefix']}/{login['community']}/{login['user']}"
        self._client: aiomqtt.Client | None = None
        self._queue: deque[dict[str, Any]] = deque(maxlen=MAX_QUEUED_EVENTS)  # what the edge has not heard of yet
        self._replaying = asyncio.Lock()
        self._answers: dict[str, asyncio.Event] = {}

    async def run(self) -> None:
        """Keep the link up until cancelled."""
        while True:
            try:
                async with self._connected() as client:
                    await self._greet(client)
                    self._device.tell("link", online=True)
                    await self._replay()
                    async for message in client.messages:
                        await self._received(client, message)
            except aiomqtt.MqttError as error:
                self._device.tell("link", online=False, reason=str(error))
            await asyncio.sleep(_RECONNECT_AFTER_S)

    @contextlib.asynccontextmanager
    async def _connected(self) -> AsyncIterator[aiomqtt.Client]:
        login = self._login
        context = ssl.create_default_context(cafile=login["ca_file"] or None) if login["tls"] else None
        async with aiomqtt.Client(
            login["host"],
            login["port"],
            username=login["user"],
            password=login["password"],
            identifier=login["client_id"],
            will=aiomqtt.Will(f"{self._topic}/up/state", "offline", qos=_AT_LEAST_ONCE, retain=True),
            clean_session=True,
            tls_context=context,
            socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],  # an ack never waits for the one before
        ) as client:
            self._client = client
            try:
                yield client
            finally:
                self._client = None

    async def _greet(self, client: aiomqtt.Client) -> None:
        await client.subscribe(f"{self._topic}/down/#", qos=_AT_LEAST_ONCE)
        await client.publish(f"{self._topic}/up/state", "online", qos=_AT_LEAST_ONCE, retain=True)
        hello = {**self._device.description, "at": rfc3339(datetime.now(UTC))}
        await client.publish(f"{self._topic}/up/hello", json.dumps(hello), qos=_AT_LEAST_ONCE, retain=True)

    async def _received(self, client: aiomqtt.Client, message: aiomqtt.Message) -> None:
        verb = message.topic.value.rpartition("/")[2]
        payload = message.payload if isinstance(message.payload, bytes) else b""
        reaction = self._panel.receive(verb, payload, datetime.now(UTC))
        if reaction is None:
            return
        if reaction.ack is not None:
            await client.publish(f"{self._topic}/up/ack", reaction.ack)
        if verb == "decision" and (answered := self._answers.get(reaction.message["id"])) is not None:
            answered.set()
        asks_for = {} if reaction.asks_for is None else {"asks_for": reaction.asks_for}
        self._device.tell("down", verb=verb, message=reaction.message, relays=list(reaction.relays), **asks_for)

    async def present(self, identity: str, method: str, value: str, apartment: str | None = None) -> None:
        """Ask the edge; where it does not answer, or the credential is the panel's alone, decide without it."""
        if not self._panel.keypad.decides_first(method, value, apartment):
            attempt = {"id": identity, "method": method, "value": value}
            if await self._answered(attempt | ({"apartment": apartment} if apartment else {})):
                return
        now = datetime.now(UTC)
        verdict = self._panel.keypad.decide(method, value, apartment, now)
        if verdict.granted:
            opened = {"id": f"alone-{identity}", "type": "panel_opened", "method": method, "at": rfc3339(now)}
            self._queue.append({**opened, "credential": verdict.credential, "queued_since": rfc3339(now)})
        self._device.tell(
            "alone", id=identity, granted=verdict.granted, relays=list(verdict.relays), credential=verdict.credential
        )
        if self._client is not None:
            with contextlib.suppress(aiomqtt.MqttError):  # the link went meanwhile; it is told when it is back
                await self._replay()

    async def _answered(self, attempt: Mapping[str, Any]) -> bool:
        answered = self._answers[attempt["id"]] = asyncio.Event()
        try:
            async with asyncio.timeout(EDGE_ANSWERS_WITHIN_S):
                await self.publish("attempt", attempt)
                await answered.wait()
        except (TimeoutError, aiomqtt.MqttError):
            return False
        finally:
            del self._answers[attempt["id"]]
        return True

    async def _replay(self) -> None:
        """Tell what was decided alone, the oldest first; each stays in the queue until the broker has it."""
        async with self._replaying:
            while self._queue:
                await self.publish("event", self._queue[0])
                self._queue.popleft()

    async def publish(self, kind: str, message: Mapping[str, Any]) -> None:
        """Send *message* to `up/<kind>`, the present time added. Raises MqttError while there is no link."""
        if self._client is None:
            raise aiomqtt.MqttError("no link to the broker")
        body = {"at": rfc3339(datetime.now(UTC)), **message}
        await self._client.publish(f"{self._topic}/up/{kind}", json.dumps(body), qos=_AT_LEAST_ONCE)

    async def say_goodbye(self) -> None:
        """A clean end sends no will, so it says it itself."""
        if self._client is not None:
            with contextlib.suppress(aiomqtt.MqttError):
                await self._client.publish(f"{self._topic}/up/state", "offline", qos=_AT_LEAST_ONCE, retain=True)


class _ForwardingPhone(Phone):
    """A phone whose events are the device's."""

    def __init__(self, settings: PhoneSettings, engine: str, device: "SimulatedDevice") -> None:
        super().__init__(settings, engine)
        self._device = device

    def line_received(self, line: str) -> None:
        super().line_received(line)
        self._device.forward(line)


class SimulatedDevice:
    """The device inside its process."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.description = {key: settings[key] for key in ("type", "model", "relays") if key in settings}
        self.description |= {
            "firmware": settings.get("firmware", "1.0"),
            "ip": settings["phone"]["ip"] if settings.get("phone") else "127.0.0.1",
        }
        self._phone: Phone | None = None
        if settings.get("phone"):
            phone = PhoneSettings(**settings["phone"])
            self._phone = _ForwardingPhone(phone, settings.get("engine", "auto"), self)
        self._link = Link(self, settings["mqtt"]) if settings.get("mqtt") else None
        self._presenting: asyncio.TaskGroup

    def tell(self, event: str, **fields: Any) -> None:
        self.forward(json.dumps({"event": event, **fields}))

    def forward(self, line: str) -> None:
        os.write(sys.stdout.fileno(), line.encode() + b"\n")

    async def run(self) -> None:
        """Until told to quit or the parent is gone."""
        async with contextlib.AsyncExitStack() as stack:
            if self._phone is not None:
                await stack.enter_async_context(self._phone)
            async with asyncio.TaskGroup() as group:
                self._presenting = group
                link = group.create_task(self._link.run()) if self._link else None
                self.tell("started")
                await self._obey()
                if link is not None and self._link is not None:
                    await self._link.say_goodbye()
                    link.cancel()

    async def _obey(self) -> None:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            command = json.loads(line)
            what = command.pop("do")
            if what == "quit":
                return
            await self._do(what, command)

    async def _do(self, what: str, arguments: dict[str, Any]) -> None:
        try:
            if what in _PHONE_COMMANDS and self._phone is not None:
                self._phone.do(what, **arguments)
            elif what in ("attempt", "event") and self._link is not None:
                await self._link.publish(what, arguments)
            elif what == "present" and self._link is not None:
                self._presenting.create_task(self._link.present(arguments.pop("id"), **arguments))
            else:
                self.tell("error", command=what, reason="this device cannot do that")
        except (aiomqtt.MqttError, OSError) as error:
            self.tell("error", command=what, reason=str(error))


class Device(JsonProcess):
    """A simulated device seen from the play: starts the process and waits for what it tells."""

    def __init__(self, name: str, settings: Mapping[str, Any], log: Path | None = None) -> None:
        super().__init__(name, [sys.executable, "-m", "edge.demo.device"], env=clean_environment())
        self._settings = dict(settings)
        self.stderr_file = log

    async def start(self) -> "Device":
        """Start it. Raises NotSeen."""
        await super().start()
        try:
            self.send(self._settings)
            await self.wait("started", 20.0)
        except BaseException:
            await self.stop()
            raise
        return self

    async def registered(self, timeout_s: float = 10.0) -> None:
        """Return once the registrar said 200, and the link to the device plane is up if it has one."""
        await self.wait("registration", timeout_s, status=200)
        if self._settings.get("mqtt"):
            await self.wait("link", timeout_s, online=True)

    async def attempt(self, identity: str, method: str, value: str, **more: Any) -> JsonEvent:
        """Present a credential; the answer of `down/decision`. Raises NotSeen."""
        mark = self.events.mark()
        self.do("attempt", id=identity, method=method, value=value, **more)
        return await self.events.wait(
            f"decision on {identity}",
            lambda e: e.get("verb") == "decision" and e["message"].get("id") == identity,
            since=mark,
        )

    async def alone(self, identity: str, method: str, value: str, **more: Any) -> JsonEvent:
        """Present a credential while the edge does not answer; what the panel decided by itself. Raises NotSeen."""
        mark = self.events.mark()
        self.do("present", id=identity, method=method, value=value, **more)
        return await self.wait("alone", 10.0, mark, id=identity)

    async def opened(self, since: int, timeout_s: float = 6.0) -> JsonEvent:
        """The next `down/open` after *since*."""
        return await self.wait("down", timeout_s, since, verb="open")


def main() -> None:
    settings = json.loads(os.fdopen(os.dup(0), "rb", buffering=0).readline())  # unbuffered: what follows is commands
    asyncio.run(SimulatedDevice(settings).run())


if __name__ == "__main__":
    main()
