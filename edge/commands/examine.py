"""The examinations of `edge doctor`. Each looks at one part of a site and tells what it found, good or bad."""

import importlib.metadata
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from sqlalchemy import func, select

from edge.admin.community import show
from edge.admin.credentials import PREMIUM_ONLY
from edge.admin.edit import Reading, reading
from edge.admin.site import Site, SiteError
from edge.commands.daemon import NoDaemon, ask
from edge.commands.examine_alarms import examine_alarms, examine_orders
from edge.commands.examine_devices import examine_devices
from edge.commands.examine_plane import examine_plane
from edge.commands.examine_secrets import examine_consent, examine_files, examine_keys
from edge.commands.examine_sip import examine_certificate, examine_defence
from edge.commands.finding import Finding, Level, named
from edge.config import FILE_NAME, ConfigError
from edge.store import journal
from edge.store.errors import StoreDamaged, StoreError
from edge.store.integrity import WHAT_TO_DO, damage
from edge.store.secrets import SecretsError
from edge.store.tables import apartment, building, credential, credential_door, device, device_state
from edge.store.tables import journal as journal_table
from models.device import DeviceType
from models.service import FeaturePlan

OWN_PACKAGES: Final = ("cli", "edge", "models", "mqtt", "provisioning", "sip")
_EARLIEST_MS: Final = 1_767_225_600_000  # 2026-01-01: a clock before this program is wrong


def examine(folder: Path) -> list[Finding]:
    """Everything that can be told about the site in *folder*, from within and without the daemon."""
    findings = [*_packages(), *_clock()]
    try:
        site = Site.open(folder)
    except ConfigError as error:
        return [
            *findings,
            *(Finding("configuration", Level.WRONG, str(p), f"correct {FILE_NAME}") for p in error.problems),
        ]
    except StoreDamaged as error:
        return [*findings, Finding("store", Level.WRONG, f"the database is damaged: {error}", WHAT_TO_DO)]
    except (SiteError, SecretsError, StoreError) as error:
        return [*findings, Finding("site", Level.WRONG, str(error))]
    try:
        findings.append(Finding("configuration", Level.WELL, f"{FILE_NAME} is in order"))
        findings += [*_modes(folder, site), *_daemon(folder, site), *_broker(site), *_damage(site)]
        findings += [*examine_defence(folder), *examine_certificate(site), *examine_plane(folder)]
        with reading(site.store) as scope:
            for examination in _EXAMINATIONS:
                findings += examination(scope)
            findings += examine_keys(scope, site)
    except StoreError as error:
        findings.append(Finding("store", Level.WRONG, str(error), WHAT_TO_DO))
    finally:
        site.close()
    return findings


def _packages() -> Iterator[Finding]:
    """Generic names at the root meet others of that name only in an environment that is not ours alone (ADR 1)."""
    owners = importlib.metadata.packages_distributions()
    for name in OWN_PACKAGES:
        others = sorted(set(owners.get(name, ())) - {"intercom-edge"})
        if others:
            message = f"{', '.join(others)} installs a package called {name} too"
            yield Finding("installation", Level.WRONG, message, "install intercom-edge into an environment of its own")


def _clock() -> Iterator[Finding]:
    if time.time_ns() // 1_000_000 < _EARLIEST_MS:
        yield Finding("clock", Level.WRONG, "the clock is years behind", "set it; validity and schedules depend on it")


def _modes(folder: Path, site: Site) -> Iterator[Finding]:
    yield from examine_files(site)
    if (folder / FILE_NAME).stat().st_mode & 0o022:
        yield Finding("files", Level.WRONG, f"{FILE_NAME} can be changed by others", f"chmod go-w {folder / FILE_NAME}")


def _daemon(folder: Path, site: Site) -> Iterator[Finding]:
    try:
        _, health = ask(folder, "/health")
    except NoDaemon:
        yield Finding("daemon", Level.NOTE, "no daemon serves this site", "start it: edge serve")
        yield from _ports(site)
        return
    except OSError as error:
        yield Finding("daemon", Level.WRONG, str(error), "look at its log; restart it")
        return
    yield Finding("daemon", Level.WELL, "answers")
    for part, state in dict(health).items():
        if state != "ok":
            yield Finding(str(part), Level.WRONG, str(state))


def _ports(site: Site) -> Iterator[Finding]:
    """Whether the daemon could have its ports; asked only while it does not run."""
    config = site.config
    wanted: list[tuple[str, str, int, socket.SocketKind]] = []
    for address in config.sip.listen:
        wanted += [("SIP", address, config.sip.port, kind) for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM)]
    if config.http.enabled:
        wanted += [("HTTP", address, config.http.port, socket.SOCK_STREAM) for address in config.http.listen]
    if config.mqtt.broker != "external":
        wanted += [("MQTT", address, config.mqtt.port, socket.SOCK_STREAM) for address in config.mqtt.listen]
    for name, address, port, kind in wanted:
        problem = _port_problem(address, port, kind)
        if problem is not None:
            transport = "UDP" if kind is socket.SOCK_DGRAM else "TCP"
            do = "end the other program, or choose another port in edge.toml"
            yield Finding("ports", Level.WRONG, f"{name} can't have {transport} {address} {port}: {problem}", do)


def _port_problem(address: str, port: int, kind: socket.SocketKind) -> str | None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, kind) as probe:
            if family is socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            if kind is socket.SOCK_STREAM:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((address, port))
    except OSError as error:
        return error.strerror
    return None


def _damage(site: Site) -> Iterator[Finding]:
    found = damage(site.store)
    if found is not None:
        yield Finding("store", Level.WRONG, f"the database is damaged: {found}", WHAT_TO_DO)


def _broker(site: Site) -> Iterator[Finding]:
    if site.config.mqtt.broker == "mosquitto" and shutil.which("mosquitto", path=_BROKER_PATH) is None:
        yield Finding("broker", Level.WRONG, "mosquitto is not installed", 'install it, or set [mqtt] broker = "auto"')


_BROKER_PATH: Final = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"


def _journal(scope: Reading) -> Iterator[Finding]:
    verdict = journal.verify(scope.connection)
    if verdict.sound:
        yield Finding("journal", Level.WELL, f"{verdict.rows} rows, none changed or missing")
        return
    broken = (
        f"row {verdict.broken} was changed" if verdict.broken is not None else f"{verdict.missing} rows are missing"
    )
    yield Finding("journal", Level.WRONG, broken, "compare it with a backup: somebody changed the store by other means")


def _time(scope: Reading) -> Iterator[Finding]:
    newest = scope.connection.execute(select(func.max(journal_table.c.at_ms))).scalar()
    if newest is not None and newest > time.time_ns() // 1_000_000 + 60_000:
        yield Finding(
            "clock", Level.WRONG, "the clock is behind the newest row of the log", "set it; is its battery flat?"
        )


def _same_credentials(scope: Reading) -> Iterator[Finding]:
    """Two holders of one value open nothing: the door can't tell whose it is."""
    query = (
        select(credential.c.kind, func.count())
        .where(credential.c.community_id == scope.community_id)
        .group_by(credential.c.kind, credential.c.tag)
        .having(func.count() > 1)
    )
    same = list(scope.connection.execute(query))
    if same and scope.community.pin_mode.value == "pin":
        yield Finding("credentials", Level.WRONG, f"{len(same)} values belong to several holders", "replace them")


def _refused_by_plan(scope: Reading) -> Iterator[Finding]:
    if scope.community.plan is not FeaturePlan.BASIC:
        return
    query = select(credential.c.id).where(
        credential.c.community_id == scope.community_id, credential.c.kind.in_(PREMIUM_ONLY)
    )
    refused = list(scope.connection.execute(query).scalars())
    if refused:
        message = f"{len(refused)} credentials open nothing under the basic plan: {named(refused)}"
        yield Finding("credentials", Level.NOTE, message, "remove them, or change the plan at the central store")
    without = _apartments_without_monitor(scope)
    if without:
        message = f"apartments without an indoor monitor, which the basic plan asks for: {named(without)}"
        yield Finding("apartments", Level.WRONG, message, "add their monitors")


def _apartments_without_monitor(scope: Reading) -> list[str]:
    monitors = select(device.c.apartment_id).where(
        device.c.type == DeviceType.INDOOR_MONITOR, device.c.apartment_id.is_not(None)
    )
    query = select(building.c.name, apartment.c.number).join(building, building.c.id == apartment.c.building_id)
    query = query.where(apartment.c.community_id == scope.community_id, apartment.c.id.not_in(monitors))
    return [f"{row.name}/{row.number}" for row in scope.connection.execute(query)]


def _removed_doors(scope: Reading) -> Iterator[Finding]:
    doors = select(device.c.id)
    query = select(credential_door.c.credential_id).where(credential_door.c.device_id.not_in(doors)).distinct()
    left = list(scope.connection.execute(query).scalars())
    if left:
        message = f"credentials narrowed to a door that was removed: {named(left)}"
        yield Finding("credentials", Level.NOTE, message, "remove them, or add them again for other doors")


def _digest(scope: Reading) -> Iterator[Finding]:
    query = select(device.c.name).join(device_state, device_state.c.device_id == device.c.id)
    weak = list(scope.connection.execute(query.where(device_state.c.digest_fallback)).scalars())
    if weak:
        message = f"devices that never answered SHA-256 and are offered MD5 alone: {named(weak)}"
        yield Finding("devices", Level.NOTE, message, "update their firmware, then edge device set MAC --digest both")


def _time_zone(scope: Reading) -> Iterator[Finding]:
    if show(scope)["time_zone"] == "UTC":
        do = "if that is wrong: edge community set --time-zone TZ"
        yield Finding("community", Level.NOTE, "the time zone is UTC", do)


_EXAMINATIONS: Final[tuple[Callable[[Reading], Iterator[Finding]], ...]] = (
    _journal,
    _time,
    _time_zone,
    _same_credentials,
    _refused_by_plan,
    _removed_doors,
    _digest,
    examine_devices,
    examine_consent,
    examine_alarms,
    examine_orders,
)
