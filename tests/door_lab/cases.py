"""The door desk at a real broker and on a real disk; devices are ordinary MQTT clients."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from sqlalchemy import insert

from edge.core.snapshot import Snapshot
from edge.core.tags import Tagger
from edge.doors.desk import DoorDesk
from edge.doors.ledger import StoreLedger
from edge.store import journal, tables
from edge.store.engine import Store, open_store
from edge.store.writer import Writer
from models.access import Credential, CredentialKind
from models.device_events import OpenResult
from models.ids import CommunityId
from models.service import PinMode
from models.times import rfc3339
from mqtt.plane import MqttPlane
from tests.mqtt_lab.fakes import Offsets, SystemClock
from tests.mqtt_lab.household import acknowledge, next_on
from tests.mqtt_lab.lab import DOOR, TOPICS, Kind, Lab, down, lab, up
from tests.mqtt_lab.wire import Wire
from tests.unit.edge.core.door_house import A101, ACCESS, GATE, credential, house

CLOCK = SystemClock()
COMMUNITY = CommunityId("c-1")
TAGGER = Tagger(b"0123456789abcdef", COMMUNITY)
PIN, CARD = CredentialKind.PIN, CredentialKind.RF_CARD


@dataclass
class HeldWorld:
    snapshot: Snapshot


@dataclass
class Doors:
    """A daemon's doors: plane, desk, store."""

    plane: MqttPlane
    desk: DoorDesk
    store: Store

    def log(self, kind: str = "access") -> list[tuple[object, object, object]]:
        with self.store.read() as connection:
            found = list(journal.rows(connection))
        return [(row["id"], row["reason"], row["relays"]) for row in found if row["kind"] == kind]

    async def until_online(self) -> None:
        """Wait for the door's state to arrive; the plane tells nobody when it does."""
        async with asyncio.timeout(10):
            while not self.log("device"):  # noqa: ASYNC110 - the row is what we wait for
                await asyncio.sleep(0.01)


def tagged(kind: CredentialKind, value: str) -> Credential:
    return replace(credential(kind, value, A101), tag=TAGGER.tag(kind, value))


def community(mode: PinMode = PinMode.PIN) -> Snapshot:
    codes = [tagged(PIN, "482915"), tagged(CARD, "04A1B2C3")]
    return house(codes, id=COMMUNITY, pin_mode=mode)


@contextlib.asynccontextmanager
async def doors(room: Lab, folder: Path, snapshot: Snapshot | None = None) -> AsyncIterator[Doors]:
    """A daemon's worth of doors at *room*'s broker. The same *folder* again is a restart."""
    path = folder / "edge.db"
    fresh = not path.exists()
    store = open_store(f"sqlite:///{path}")
    if fresh:
        with store.write() as connection:
            row = {"id": COMMUNITY, "name": "Test", "time_zone": "Europe/Berlin"}
            connection.execute(insert(tables.community).values(**row))
    writer = Writer(store)
    writer.start()
    plane = MqttPlane(TOPICS, room.broker, room.accounts, CLOCK, Offsets())
    desk = DoorDesk(HeldWorld(snapshot or community()), CLOCK, plane, StoreLedger(store, writer, COMMUNITY), TAGGER)
    plane.attach(desk)
    try:
        await desk.start()
        await plane.start()
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(part.run()) for part in (desk, plane)]
            try:
                yield Doors(plane, desk, store)
            finally:
                for task in running:
                    task.cancel()
    finally:
        await plane.stop()
        await desk.stop()
        writer.close()
        store.close()


def attempt(identity: str, method: str, value: str, **more: str) -> bytes:
    message = {"id": identity, "at": rfc3339(CLOCK.now_ms()), "method": method, "value": value, **more}
    return json.dumps(message).encode()


async def decisions(door: Wire, count: int) -> Sequence[dict[str, object]]:
    await next_on(door, down(DOOR, "decision"), count)
    return [json.loads(heard.payload) for heard in door.heard if heard.topic == down(DOOR, "decision")]


class DoorCases:
    """Inherited by a test class for each broker."""

    kind: ClassVar[Kind]

    async def test_codes_and_cards_are_decided(self, tmp_path: Path, address: str) -> None:
        async with lab(self.kind, tmp_path, address) as room, doors(room, tmp_path) as home:
            door = await room.device()
            for message in (
                attempt("1", "pin", "482915"),
                attempt("2", "rf_card", "04:a1:b2:c3"),
                attempt("3", "pin", "000000"),
                attempt("4", "apt_pin", "482915", apartment="101"),
            ):
                await door.publish(up(DOOR, "attempt"), message)
            told = await decisions(door, 4)
            assert [(d["id"], d["reason"], d["relays"], d["security_relays"]) for d in told] == [
                ("1", "granted", [1], []),
                ("2", "granted", [1], [1]),
                ("3", "unknown_credential", [], []),
                ("4", "method_not_on_relay", [], []),
            ]
            assert told[0]["floors"] == ["B1", "1"]
            assert [row[:2] for row in home.log()] == [(d["id"], d["reason"]) for d in told]

    async def test_apartment_and_pin(self, tmp_path: Path, address: str) -> None:
        snapshot = community(PinMode.APT_PIN)
        async with lab(self.kind, tmp_path, address) as room, doors(room, tmp_path, snapshot):
            door = await room.device()
            await door.publish(up(DOOR, "attempt"), attempt("1", "apt_pin", "482915", apartment="101"))
            await door.publish(up(DOOR, "attempt"), attempt("2", "apt_pin", "482915", apartment="102"))
            assert [d["granted"] for d in await decisions(door, 2)] == [True, False]

    async def test_a_repetition_after_a_restart_gets_the_same_bytes(self, tmp_path: Path, address: str) -> None:
        async with lab(self.kind, tmp_path, address) as room:
            door = await room.device()
            async with doors(room, tmp_path):
                await door.publish(up(DOOR, "attempt"), attempt("1", "pin", "482915"))
                await next_on(door, down(DOOR, "decision"))
            async with doors(room, tmp_path) as home:
                await door.publish(up(DOOR, "attempt"), attempt("1", "pin", "000000"))
                again = await next_on(door, down(DOOR, "decision"), 2)
                assert again.payload == (await next_on(door, down(DOOR, "decision"))).payload
                assert home.log() == [("1", "granted", [1])]

    async def test_five_wrong_codes_close_the_reader_over_a_restart(self, tmp_path: Path, address: str) -> None:
        async with lab(self.kind, tmp_path, address) as room, doors(room, tmp_path) as home:
            door = await room.device()
            for n in range(7):
                await door.publish(up(DOOR, "attempt"), attempt(str(n), "pin", "000000" if n < 6 else "482915"))
            assert [d["reason"] for d in await decisions(door, 7)][4:] == [
                "unknown_credential",
                "locked_out",
                "locked_out",
            ]
            assert len(home.log()) == 7

    async def test_an_exit_button_opens_once(self, tmp_path: Path, address: str) -> None:
        pressed = json.dumps({"id": "e1", "at": rfc3339(CLOCK.now_ms()), "type": "exit_button"}).encode()
        async with lab(self.kind, tmp_path, address) as room, doors(room, tmp_path) as home:
            door = await room.device()
            await door.publish(up(DOOR, "state"), b"online", retain=True)
            await home.until_online()
            await door.publish(up(DOOR, "event"), pressed)
            body = await acknowledge(door, "open", {"ok": True})
            assert (body["relays"], body["seconds"]) == ([1], 3)
            await door.publish(up(DOOR, "event"), pressed)
            await door.publish(up(DOOR, "attempt"), attempt("after", "pin", "482915"))
            await next_on(door, down(DOOR, "decision"))
            assert sum(heard.topic == down(DOOR, "open") for heard in door.heard) == 1
            assert home.log()[0] == ("e1", "granted", [1])

    async def test_an_operator_opens_and_hears_of_it(self, tmp_path: Path, address: str) -> None:
        async with lab(self.kind, tmp_path, address) as room, doors(room, tmp_path) as home:
            door = await room.device()
            assert (await home.desk.open_remote(GATE, "1", "operator")).result is OpenResult.OFFLINE
            await door.publish(up(DOOR, "state"), b"online", retain=True)
            await home.until_online()
            opening = asyncio.ensure_future(home.desk.open_remote(GATE, "1", "operator"))
            await acknowledge(door, "open", {"ok": True})
            assert (await opening).result is OpenResult.OPENED
            assert (await home.desk.open_remote(ACCESS, None, "operator")).result is None
            assert len(home.log("audit")) == 3

    async def test_integrators_hear_of_it(self, tmp_path: Path, address: str) -> None:
        async with lab(self.kind, tmp_path, address) as room, doors(room, tmp_path):
            door, integrator = await room.device(), await room.integrator()
            await integrator.subscribe("intercom/c-1/edge/event")
            await door.publish(up(DOOR, "attempt"), attempt("1", "pin", "482915"))
            event = json.loads((await next_on(integrator, "intercom/c-1/edge/event")).payload)
            assert (event["type"], event["device"], event["outcome"]) == ("access", DOOR, "granted")
            assert b"482915" not in (await next_on(integrator, "intercom/c-1/edge/event")).payload
