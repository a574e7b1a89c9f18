"""A real broker on an address of its own, watched as in the daemon, and clients of it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from models.ids import CommunityId
from mqtt.accounts import Account, Role
from mqtt.broker.choose import make_broker
from mqtt.broker.listeners import TlsFiles
from mqtt.broker.supervisor import OwnBroker
from mqtt.plane import MqttPlane
from mqtt.settings import MqttSettings
from mqtt.topics import Topics
from tests.mqtt_lab.fakes import Accounts, Offsets, ScriptedDesk, SystemClock, password_of
from tests.mqtt_lab.wire import Wire

Kind = Literal["mosquitto", "embedded"]
TOPICS = Topics("intercom", CommunityId("c-1"))
DOOR, MONITOR, STRANGER = "0c1105000001", "0c1105000002", "0c1105000003"
INTEGRATOR = "home"


def up(mac: str, kind: str) -> str:
    return f"intercom/c-1/{mac}/up/{kind}"


def down(mac: str, verb: str) -> str:
    return f"intercom/c-1/{mac}/down/{verb}"


@dataclass
class Lab:
    """The broker and who may log in to it."""

    accounts: Accounts
    broker: OwnBroker
    _wires: list[Wire] = field(default_factory=list)

    @property
    def address(self) -> tuple[str, int]:
        return self.broker.listeners.own

    async def wire(self, *, auto_ack: bool = True) -> Wire:
        """A connection that has not said anything yet."""
        wire = await Wire.open(self.address, auto_ack=auto_ack)
        self._wires.append(wire)
        return wire

    async def device(self, mac: str = DOOR, *, auto_ack: bool = True, **options: object) -> Wire:
        """A device that logged in and reads what is for it."""
        wire = await self.wire(auto_ack=auto_ack)
        assert await wire.login(mac, mac, password_of(mac), **options) == 0
        assert await wire.subscribe(f"intercom/c-1/{mac}/down/#") == 1
        return wire

    async def integrator(self) -> Wire:
        wire = await self.wire()
        assert await wire.login(INTEGRATOR, INTEGRATOR, password_of(INTEGRATOR)) == 0
        return wire

    async def service(self, link: str = "live", **options: object) -> Wire:
        """The daemon's own login, spoken byte by byte."""
        _, login = self.broker.dial(link)
        wire = await self.wire()
        assert await wire.login(login.client_id, login.user, login.password, **options) == 0
        return wire

    async def close(self) -> None:
        for wire in self._wires:
            await wire.close()


@contextlib.asynccontextmanager
async def lab(kind: Kind, folder: Path, address: str, *, tls: TlsFiles | None = None) -> AsyncIterator[Lab]:
    """A broker that runs, with three devices and an integrator."""
    accounts = Accounts(DOOR, MONITOR, STRANGER)
    accounts.add(Account(INTEGRATOR, password_of(INTEGRATOR), Role.INTEGRATOR))
    settings = MqttSettings(broker=kind, listen=(address,), port=0, tls_port=0)
    broker = make_broker(settings, TOPICS, accounts, folder=folder, login_file=folder / "unused", tls=tls)
    assert isinstance(broker, OwnBroker)
    room = Lab(accounts, broker)
    try:
        await broker.start()
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(broker.run())
            try:
                yield room
            finally:
                watching.cancel()
    finally:
        await room.close()
        await broker.stop()


@dataclass
class House:
    """The broker, the plane and a scripted desk."""

    lab: Lab
    plane: MqttPlane
    desk: ScriptedDesk
    offsets: Offsets


@contextlib.asynccontextmanager
async def house(room: Lab, offsets: Offsets | None = None) -> AsyncIterator[House]:
    """The device plane on *room*'s broker."""
    offsets = offsets or Offsets()
    plane = MqttPlane(TOPICS, room.broker, room.accounts, SystemClock(), offsets)
    desk = ScriptedDesk(plane.decision)
    plane.attach(desk)
    try:
        await plane.start()
        async with asyncio.TaskGroup() as group:
            running = group.create_task(plane.run())
            try:
                yield House(room, plane, desk, offsets)
            finally:
                running.cancel()
    finally:
        await plane.stop()
