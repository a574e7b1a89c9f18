"""Who may log in: passwords kept ready, for SIP and MQTT, and what devices taught us about their ways."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from sqlalchemy import Connection, select

from edge.core.ports import World
from edge.store import accounts, devices
from edge.store.engine import Store
from edge.store.lazy import LazyWriter
from edge.store.secrets import Vault
from edge.store.tables import mqtt_login
from models.community import Resident
from models.device import Device, DigestOffer
from models.ids import Mac, SipUser
from mqtt.accounts import Account, Role

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LoginBook:
    """Logins of one revision. SIP's too are in memory: nobody can tell by the time of an answer whether there is such
    a user, and a storm of registrations does not wait for the disk."""

    accounts: tuple[Account, ...] = field(default=(), repr=False)
    sip: Mapping[SipUser, str] = field(default_factory=dict, repr=False)
    devices: Mapping[str, str] = field(default_factory=dict, repr=False)  # by MAC: a house asks for all of them at once


def load_logins(connection: Connection, vault: Vault) -> LoginBook:
    """Every device and integrator with its password. A row that does not open is left out, and said so."""
    of_devices = {str(mac): password for mac, password in accounts.mqtt_passwords(connection, vault).items()}
    found = [Account(mac, password, Role.DEVICE) for mac, password in of_devices.items()]
    for row in connection.execute(select(mqtt_login.c.name, mqtt_login.c.password)):
        password = vault.unseal(bytes(row.password), table="mqtt_login", column="password", row=row.name)
        found.append(Account(row.name, password, Role.INTEGRATOR))
    return LoginBook(tuple(found), accounts.sip_passwords(connection, vault), of_devices)


class WithLogins(World, Protocol):
    """The world, with the logins of its revision."""

    @property
    def logins(self) -> LoginBook: ...


class Accounts:
    """Implements `SipAccounts`, `MqttAccounts` and `ClockOffsets` over the snapshot and the store."""

    def __init__(self, world: WithLogins, store: Store, vault: Vault, later: LazyWriter) -> None:
        self._world = world
        self._store = store
        self._vault = vault
        self._later = later

    def password(self, sip_user: str) -> str | None:
        """None for nobody, for a disabled device, and where the key does not open it: deny by default."""
        owner = self._world.snapshot.by_sip_user.get(SipUser(sip_user))
        if owner is None or (isinstance(owner, Device) and not owner.enabled):
            return None
        return self._world.logins.sip.get(SipUser(sip_user))

    def digest_offer(self, sip_user: str) -> DigestOffer:
        match self._world.snapshot.by_sip_user.get(SipUser(sip_user)):
            case Device() as device:
                return device.digest
            case Resident() | None:
                return DigestOffer.BOTH

    def digest_failed_to_answer(self, sip_user: str) -> None:
        owner = self._world.snapshot.by_sip_user.get(SipUser(sip_user))
        if isinstance(owner, Device):
            log.warning("%s (%s) never answers a SHA-256 challenge; it is offered MD5 alone now", owner.name, owner.mac)
            self._later.put(("digest", owner.id), partial(devices.save_digest_fallback, identity=owner.id))

    def mqtt_accounts(self) -> Iterable[Account]:
        return self._world.logins.accounts

    def device_password(self, mac: Mac) -> str | None:
        """Of a device on the device plane; None for nobody."""
        return self._world.logins.devices.get(mac)

    def clock_offsets_ms(self) -> Mapping[Mac, int]:
        by_id = self._world.snapshot.devices
        with self._store.read() as connection:
            known = devices.states(connection)
        return {by_id[i].mac: state.clock_offset_ms for i, state in known.items() if i in by_id}

    def clock_offset_learnt(self, device: Mac, offset_ms: int) -> None:
        known = self._world.snapshot.by_mac.get(device)
        if known is not None:
            save = partial(devices.save_clock_offset, identity=known.id, offset_ms=offset_ms)
            self._later.put(("offset", known.id), save)
