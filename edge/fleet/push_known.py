"""What a panel confirmed before this process began, with values: so that what it holds can be compared with it."""

import logging
from collections.abc import Iterator, Mapping

from edge.core.access import relays_for
from edge.core.panel_rights import PanelRights
from edge.core.ports import Clock, World
from edge.core.snapshot import Snapshot
from edge.store import panels
from edge.store.engine import Store
from edge.store.secrets import SecretsError, Vault
from models.access import UnlockMethod
from models.device import Device
from models.ids import Mac

log = logging.getLogger(__name__)


def relays_opened(device: Device, method: str) -> list[int]:
    """Numbers of the relays that a credential presented by *method* opens at *device* alone."""
    opened = relays_for(device, UnlockMethod(method))
    return sorted(relay.number for relay in opened if not relay.security and not relay.two_factor)


class KnownHolders:
    """Reads the store. Every method blocks."""

    def __init__(self, world: World, clock: Clock, store: Store, vault: Vault) -> None:
        self._world, self._clock, self._store, self._vault = world, clock, store, vault

    def of(self, mac: Mac) -> Mapping[str, tuple[str, Mapping[str, object]]]:
        """Version and entry of each credential that *mac* confirmed. Raises StoreError."""
        snapshot = self._world.snapshot
        device = snapshot.by_mac.get(mac)
        return {} if device is None else dict(self._entries(snapshot, device))

    def _entries(self, snapshot: Snapshot, device: Device) -> Iterator[tuple[str, tuple[str, Mapping[str, object]]]]:
        with self._store.read() as connection:
            held = panels.held(connection, device.id)
            confirmed = {identity: at.confirmed for identity, at in held.items() if at.confirmed is not None}
            sealed = panels.sealed_for_panels(connection)
        rights = PanelRights(snapshot, self._clock.now_ms())
        for identity, version in confirmed.items():
            credential = snapshot.credentials.get(identity)
            if credential is None or identity not in sealed or not rights.is_version(credential, version):
                continue
            try:
                value = self._vault.unseal(sealed[identity], table="credential", column="sealed", row=identity)
            except SecretsError as error:
                log.error("credential %s can't be compared with what its panel holds: %s", identity, error)
                continue
            entry = rights.entry(credential)
            relays = relays_opened(device, str(entry["method"]))
            yield identity, (version, {**entry, "version": version, "value": value, "relays": relays})
