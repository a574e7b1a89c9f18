"""The desired state of a device, with its secrets, from the store: for the daemon and for the command line."""

import logging
from collections.abc import Iterator
from typing import Final

from sqlalchemy import Connection, select

from edge.core.device_config import DeviceConfigs
from edge.core.snapshot import Snapshot
from edge.fleet.events_token import hook_token
from edge.fleet.files import Where
from edge.store import panels
from edge.store.accounts import device_mqtt_password, device_sip_password
from edge.store.autop_lines import lines_of
from edge.store.provisioning import model_of
from edge.store.secrets import SecretsError, Vault
from edge.store.tables import device as device_table
from models.access import CredentialKind
from models.device import Device
from models.service import PinMode
from models.tables.device import ConnectionType
from provisioning.api import HearsHooks
from provisioning.desired import DesiredState, FileLogin, PanelCredential, SipAccount, Surroundings, desired_of
from provisioning.driver import DeviceIdentity
from provisioning.registry import driver_for

MAX_CREDENTIALS: Final = 1_000
"""In one device's files. Whatever is more is decided by the edge: a table that is too long can freeze a panel."""

log = logging.getLogger(__name__)


def load_desired(
    connection: Connection,
    vault: Vault,
    snapshot: Snapshot,
    device: Device,
    where: Where,
    now_ms: int,
    *,
    around: Surroundings | None = None,
    configs: DeviceConfigs | None = None,
    with_credentials: bool = True,
) -> DesiredState | None:
    """What *device* should be told now; None where its passwords do not open. Blocks.

    Raises StoreError, SecretsError.
    """
    sip = device_sip_password(connection, vault, device.id)
    own = device_mqtt_password(connection, vault, device.id)
    if sip is None or own is None:
        return None
    wanted = connection.execute(select(device_table.c.connection).where(device_table.c.id == device.id)).scalar()
    model, _ = model_of(connection, device.id)
    return desired_of(
        snapshot,
        device,
        _account(device, sip, where, wanted or ConnectionType.UDP),
        FileLogin(where.files, device.mac, own),
        now_ms,
        model=model,
        credentials=tuple(_credentials(connection, vault, snapshot, device)) if with_credentials else (),
        around=around or _around(device, model, own, where),
        configs=configs,
        lines=lines_of(connection, vault, device, model),
    )


def _around(device: Device, model: str, own: str, where: Where) -> Surroundings:
    """What the site has for it; and where it reports, if devices of its family do that by asking an address."""
    driver = driver_for(DeviceIdentity(device.mac, model))
    hears = isinstance(driver.api, HearsHooks)
    hook_url = f"{where.hooks}{driver.name}/{hook_token(device.mac, own)}/" if hears else ""
    return Surroundings(where.ntp_server, where.syslog_server, hook_url)


def _account(device: Device, password: str, where: Where, wanted: ConnectionType) -> SipAccount:
    """By TLS only where it is served."""
    if wanted is ConnectionType.TLS and where.sip_tls_port:
        return SipAccount(device.sip_user, password, where.sip_host, where.sip_tls_port, wanted.value)
    transport = ConnectionType.UDP if wanted is ConnectionType.TLS else wanted
    return SipAccount(device.sip_user, password, where.sip_host, where.sip_port, transport.value)


def _credentials(connection: Connection, vault: Vault, snapshot: Snapshot, device: Device) -> Iterator[PanelCredential]:
    """Those that the panel should hold, as noted for it (domain §12)."""
    held = panels.held(connection, device.id)
    wanted = sorted(identity for identity, each in held.items() if each.wanted is not None)
    if len(wanted) > MAX_CREDENTIALS:
        log.warning("%s (%s) is to hold %d credentials; its files have none", device.name, device.mac, len(wanted))
        return
    sealed = panels.sealed_for_panels(connection, wanted) if wanted else {}
    behind_apartment = snapshot.community.pin_mode is PinMode.APT_PIN
    for identity in wanted:
        credential = snapshot.credentials.get(identity)
        home = None if credential is None else snapshot.apartments.get(credential.apartment)
        if credential is None or home is None or identity not in sealed:
            continue
        try:
            value = vault.unseal(sealed[identity], table="credential", column="sealed", row=identity)
        except SecretsError as error:
            log.error("credential %s can't be told to its panels: %s", identity, error)
            continue
        yield PanelCredential(
            identity,
            credential.kind,
            value,
            home.number,
            None if credential.schedule is None else snapshot.schedules.get(credential.schedule),
            credential.valid_from_ms,
            credential.valid_until_ms,
            after_apartment=credential.kind is CredentialKind.PIN and behind_apartment,
        )
