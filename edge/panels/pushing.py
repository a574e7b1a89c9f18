"""Telling one panel what it should hold: chunk by chunk, deletes first, each chunk confirmed before the next."""

import asyncio
import enum
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Final, Protocol

from edge.core.panel_rights import PanelRights, digest_of
from edge.core.ports import Clock, World
from edge.store import panels
from edge.store.engine import Store
from edge.store.panels import Pending
from edge.store.secrets import SecretsError, Vault
from edge.store.writer import Writer
from models.device import Device
from models.device_events import OpenResult
from models.ids import CredentialId, Mac
from mqtt.payloads import Ack
from mqtt.topics import CREDENTIALS

MAX_REMOVED_A_CHUNK: Final = 500
MAX_PUT_A_CHUNK: Final = 50  # with long hours of its own an entry has a kilobyte; a message has 64 at most
ACK_WITHIN_S: Final = 10.0
MAX_CHUNKS_AT_ONCE: Final = 1_000  # of one panel, then the others have their turn

log = logging.getLogger(__name__)


class Speaker(Protocol):
    """As much of the device plane as is needed."""

    async def ask(
        self, device: Mac, verb: str, fields: Mapping[str, object], ack_within_s: float = 3.0
    ) -> Ack | OpenResult: ...


class Outcome(enum.Enum):
    """How far telling a panel came."""

    DONE = "done"  # it holds what it should, and said so
    AWAY = "away"  # it is offline: when it is back, it is told
    AGAIN = "again"  # it did not confirm: later
    HELD_BACK = "held_back"  # values would go over a network in clear
    UNFIT = "unfit"  # it says that it holds something else, though it was told everything


@dataclass(frozen=True, slots=True)
class _Chunk:
    told: Pending
    fields: Mapping[str, object]


class PanelPusher:
    """Tells panels. What was confirmed is in the store before the next chunk goes out."""

    def __init__(
        self, world: World, clock: Clock, store: Store, writer: Writer, vault: Vault, plane: Speaker, *, private: bool
    ) -> None:
        """*private*: no device is connected in clear over a network, so values may be sent."""
        self._world = world
        self._clock = clock
        self._store = store
        self._writer = writer
        self._vault = vault
        self._plane = plane
        self._private = private

    async def push(self, device: Device) -> Outcome:
        """Tell *device* all that is pending, and read back what it holds. Raises StoreError."""
        cleared = False
        for _ in range(MAX_CHUNKS_AT_ONCE):
            chunk = await asyncio.to_thread(self._next_chunk, device, cleared)
            if chunk is None:
                return Outcome.HELD_BACK
            ack = await self._plane.ask(device.mac, CREDENTIALS, chunk.fields, ACK_WITHIN_S)
            if isinstance(ack, OpenResult):
                return Outcome.AWAY if ack is OpenResult.OFFLINE else Outcome.AGAIN
            if not ack.ok:
                log.warning("%s (%s) refuses credentials: %s", device.name, device.mac, ack.error or "no reason")
                return Outcome.AGAIN
            await self._writer.write(partial(panels.confirm, device=device.id, told=chunk.told))
            if chunk.told.remove or chunk.told.put:
                continue
            if not ack.digest or ack.digest == await asyncio.to_thread(self._digest, device):
                return Outcome.DONE
            if cleared:
                return Outcome.UNFIT
            log.warning("%s (%s) does not hold what it confirmed; it is told everything anew", device.name, device.mac)
            await self._writer.write(partial(panels.forget_confirmed, device=device.id, now_ms=self._clock.now_ms()))
            cleared = True
        return Outcome.AGAIN

    def _digest(self, device: Device) -> str:
        with self._store.read() as connection:
            held = panels.held(connection, device.id)
        return digest_of({i: at.confirmed for i, at in held.items() if at.confirmed is not None})

    # --- one chunk --------------------------------------------------------------------------------------------------

    def _next_chunk(self, device: Device, cleared: bool) -> _Chunk | None:
        """What to tell next; nothing to remove or put: the panel is only asked what it holds. None: held back.

        *cleared*: everything is told anew, so the first chunk makes the panel forget the rest.
        """
        with self._store.read() as connection:
            told = panels.pending(connection, device.id, most=MAX_REMOVED_A_CHUNK)
            sealed = panels.sealed_for_panels(connection, list(told.put)) if told.put else {}
            anew = cleared and not any(at.confirmed for at in panels.held(connection, device.id).values())
        if told.put and not self._private:
            return None
        entries = list(islice(self._entries(told.put, sealed), MAX_PUT_A_CHUNK))
        told = Pending(told.remove, {i: told.put[i] for i, _ in entries})
        fields: dict[str, object] = {
            "revision": self._world.snapshot.revision,
            "remove": list(told.remove),
            "put": [entry for _, entry in entries],
        }
        if anew:
            fields["clear"] = True
        return _Chunk(told, fields)

    def _entries(
        self, put: Mapping[CredentialId, str], sealed: Mapping[CredentialId, bytes]
    ) -> Iterator[tuple[CredentialId, Mapping[str, object]]]:
        """Those that are as they were planned; what changed meanwhile is planned again in a moment."""
        snapshot = self._world.snapshot
        rights = PanelRights(snapshot, self._clock.now_ms())
        for identity, version in put.items():
            credential = snapshot.credentials.get(identity)
            if credential is None or identity not in sealed or not rights.is_version(credential, version):
                continue
            try:
                value = self._vault.unseal(sealed[identity], table="credential", column="sealed", row=identity)
            except SecretsError as error:
                log.error("credential %s cannot be sent to its panels: %s", identity, error)
                continue
            yield identity, {**rights.entry(credential), "version": version, "value": value}
