"""A mosquitto that is not ours, started with what `edge mqtt export` wrote: both ways it can be told."""

import asyncio
import contextlib
import glob
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import pytest

from edge.core.answers import rfc3339
from mqtt.accounts import HOME_ASSISTANT, Account, Role
from mqtt.broker.export import export, service_accounts
from mqtt.broker.external import ExternalBroker
from mqtt.brokers import EVENTS, LIVE
from mqtt.home_assistant.topics import HomeTopics
from mqtt.plane import MqttPlane
from tests.mqtt_lab.fakes import Accounts, Offsets, ScriptedDesk, SystemClock, password_of
from tests.mqtt_lab.lab import DOOR, INTEGRATOR, MONITOR, TOPICS, down, up
from tests.mqtt_lab.wire import Wire
from tests.peers.broker import PORT, ForeignBroker

pytestmark = pytest.mark.peer("mosquitto")

Way = Literal["files", "dynamic security"]
PLUGIN = "/usr/lib/*/mosquitto_dynamic_security.so"  # comes with Debian's mosquitto
OURS = "ours-at-somebody-elses"
REFUSED = (5, "closed")


@pytest.fixture(params=["files", "dynamic security"])
def way(request: pytest.FixtureRequest) -> Way:
    chosen: Way = request.param
    return chosen


def everybody(accounts: Accounts) -> list[Account]:
    home = HomeTopics(TOPICS)
    *plane, link = service_accounts("edge-*", OURS, (LIVE, EVENTS, "ha"))
    theirs = Account(HOME_ASSISTANT, password_of(HOME_ASSISTANT), Role.HOME_ASSISTANT, home.grants())
    return [*plane, replace(link, grants=home.bridge_grants()), theirs, *accounts.mqtt_accounts()]


def lines(folder: Path, address: str, way: Way) -> list[str]:
    """The operator's configuration (docs/external-broker.md)."""
    common = ["allow_anonymous false", f"listener {PORT} {address}"]
    if way == "files":
        passwords, rights = folder / "passwd", folder / "acl"
        return [f"password_file {passwords}", f"acl_file {rights}", *common, "use_username_as_clientid true"]
    (plugin,) = glob.glob(PLUGIN)
    return [f"plugin {plugin}", f"plugin_opt_config_file {folder / 'dynamic-security.json'}", *common]


@dataclass
class Room:
    """The foreign broker, and the daemon's device plane that comes to it."""

    broker: ForeignBroker
    desk: ScriptedDesk
    plane: MqttPlane
    wires: contextlib.AsyncExitStack

    async def login(self, user: str, client_id: str | None = None, password: str | None = None) -> tuple[Wire, object]:
        wire = await Wire.open(self.broker.address)
        self.wires.push_async_callback(wire.close)
        return wire, await wire.login(client_id or user, user, password or password_of(user))

    async def device(self, mac: str = DOOR) -> Wire:
        wire, answer = await self.login(mac)
        assert answer == 0
        assert await wire.subscribe(down(mac, "#")) == 1
        return wire


@contextlib.asynccontextmanager
async def room(folder: Path, address: str, way: Way, accounts: Accounts) -> AsyncIterator[Room]:
    export(folder, TOPICS, everybody(accounts))
    login = folder / "mqtt_password"
    login.write_text(f"edge-*:{OURS}")
    external = ExternalBroker(f"mqtt://{address}:{PORT}", TOPICS, login)
    plane = MqttPlane(TOPICS, external, accounts, SystemClock(), Offsets())
    desk = ScriptedDesk(plane.decision)
    plane.attach(desk)
    async with (
        ForeignBroker(folder, address, lines(folder, address, way)) as broker,
        contextlib.AsyncExitStack() as wires,
    ):
        try:
            await plane.start()
            async with asyncio.TaskGroup() as group:
                running = group.create_task(plane.run())
                try:
                    yield Room(broker, desk, plane, wires)
                finally:
                    running.cancel()
        finally:
            await plane.stop()


@pytest.fixture
def accounts() -> Accounts:
    known = Accounts(DOOR, MONITOR)
    known.add(Account(INTEGRATOR, password_of(INTEGRATOR), Role.INTEGRATOR))
    return known


def attempt(identity: str) -> bytes:
    at = rfc3339(SystemClock().now_ms())
    return json.dumps({"id": identity, "at": at, "method": "pin", "value": "123456"}).encode()


async def test_a_device_is_let_in_and_answered(way: Way, accounts: Accounts, tmp_path: Path, address: str) -> None:
    async with room(tmp_path, address, way, accounts) as here:
        assert here.plane.connected  # both links, each with a login of its own
        door = await here.device()
        await door.publish(up(DOOR, "attempt"), attempt("a-1"))
        await door.until(lambda: any(heard.topic == down(DOOR, "decision") for heard in door.heard))
        event = {"id": "e-1", "at": rfc3339(SystemClock().now_ms()), "type": "exit_button"}
        await door.publish(up(DOOR, "event"), json.dumps(event).encode())
        await here.desk.until(lambda: [e.id for e in here.desk.events] == ["e-1"])


async def test_a_device_has_its_own_branch_and_nothing_else(
    way: Way, accounts: Accounts, tmp_path: Path, address: str
) -> None:
    async with room(tmp_path, address, way, accounts) as here:
        door, other = await here.device(), await here.device(MONITOR)
        for foreign in ("#", down(MONITOR, "#"), up(MONITOR, "#"), TOPICS.edge_event, "intercom/#"):
            await door.subscribe(foreign)
        await door.publish(up(MONITOR, "attempt"), attempt("forged"))
        await door.publish(down(MONITOR, "open"), b"forged")
        await door.publish(TOPICS.edge_event, b"forged")
        await other.publish(up(MONITOR, "attempt"), attempt("right"))
        await other.until(lambda: bool(other.heard))
        await door.publish(up(DOOR, "attempt"), attempt("mine"))
        await door.until(lambda: bool(door.heard))
        assert [a.id for a in here.desk.attempts] == ["right", "mine"]
        assert [heard.topic for heard in other.heard] == [down(MONITOR, "decision")]
        assert [heard.topic for heard in door.heard] == [down(DOOR, "decision")]


async def test_strangers_are_refused(way: Way, accounts: Accounts, tmp_path: Path, address: str) -> None:
    async with room(tmp_path, address, way, accounts) as here:
        for user, password in ((DOOR, "wrong"), ("0c11050000ff", "x"), ("edge-live", "wrong")):
            _, answer = await here.login(user, password=password)
            assert answer in REFUSED
        wire = await Wire.open(here.broker.address)
        assert await wire.login(DOOR, None, None) in REFUSED
        await wire.close()


async def test_a_device_that_takes_anothers_client_id_throws_nobody_off(
    way: Way, accounts: Accounts, tmp_path: Path, address: str
) -> None:
    async with room(tmp_path, address, way, accounts) as here:
        door = await here.device()
        for victim in (DOOR, "intercom-edge-c-1-live", "edge-live"):
            await here.login(MONITOR, client_id=victim)
        await door.publish(up(DOOR, "attempt"), attempt("still here"))
        await door.until(lambda: any(heard.topic == down(DOOR, "decision") for heard in door.heard))
        assert not door.closed.is_set()
        assert here.plane.connected


async def test_an_integrator_reads_events_and_writes_nothing(
    way: Way, accounts: Accounts, tmp_path: Path, address: str
) -> None:
    async with room(tmp_path, address, way, accounts) as here:
        door = await here.device()
        home, answer = await here.login(INTEGRATOR)
        assert answer == 0
        assert await home.subscribe(TOPICS.edge_all) == 1
        await home.publish(down(DOOR, "open"), b"forged")
        await home.publish(up(DOOR, "attempt"), attempt("forged"))
        await here.plane.publish_event({"type": "ring"})
        await home.until(lambda: any(heard.topic == TOPICS.edge_event for heard in home.heard))
        await door.publish(up(DOOR, "attempt"), attempt("mine"))
        await door.until(lambda: bool(door.heard))
        assert [heard.topic for heard in door.heard] == [down(DOOR, "decision")]
        assert [a.id for a in here.desk.attempts] == ["mine"]


async def test_home_assistant_reads_states_and_writes_commands_only(
    way: Way, accounts: Accounts, tmp_path: Path, address: str
) -> None:
    async with room(tmp_path, address, way, accounts) as here:
        door = await here.device()
        ha, answer = await here.login(HOME_ASSISTANT)
        assert answer == 0
        assert await ha.subscribe(up("+", "state")) == 1
        await ha.subscribe("intercom/#")
        await ha.publish(down(DOOR, "open"), b"forged")
        await door.publish(up(DOOR, "attempt"), attempt("secret"))
        await door.publish(up(DOOR, "state"), b"online", retain=True)
        await ha.until(lambda: bool(ha.heard))
        assert {heard.topic for heard in ha.heard} == {up(DOOR, "state")}
        await ha.publish(down(DOOR, "door/1/set"), b"x")
        await door.until(lambda: any(heard.topic == down(DOOR, "door/1/set") for heard in door.heard))
        assert not any(heard.topic == down(DOOR, "open") for heard in door.heard)


async def test_a_device_that_is_gone_is_refused_after_the_next_export(
    way: Way, accounts: Accounts, tmp_path: Path, address: str
) -> None:
    async with room(tmp_path, address, way, accounts) as here:
        await here.device()
        accounts.remove(DOOR)
        export(tmp_path, TOPICS, everybody(accounts))
        await here.broker.restart()
        _, answer = await here.login(DOOR)
        assert answer in REFUSED
        await here.device(MONITOR)
