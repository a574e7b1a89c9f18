"""A house with many doors and flats, each flat with one resident's app, and its daemon's process."""

import contextlib
import itertools
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from edge.admin import apartments, buildings, devices, macs, residents
from edge.admin import relays as door_relays
from edge.admin.devices import Placing
from edge.admin.edit import Edit
from edge.admin.find import find_device
from edge.admin.site import Site as OpenSite
from edge.demo.site import Site
from edge.portal import sessions
from edge.portal.keys import encode
from edge.store.accounts import device_mqtt_password, device_sip_password
from models.device import DeviceType

HTTP_PORT: Final = 8080
MACS: Final = "0c11070{:05x}"


class Key:
    """An app's key pair."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())

    @property
    def point(self) -> bytes:
        encoding, form = serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        return self._key.public_key().public_bytes(encoding, form)

    def sign(self, *words: str) -> str:
        first, second = decode_dss_signature(self._key.sign("\n".join(words).encode(), ec.ECDSA(hashes.SHA256())))
        return encode(first.to_bytes(32, "big") + second.to_bytes(32, "big"))


@dataclass(frozen=True, slots=True)
class Let:
    """An app that was let in."""

    session: str
    key: Key


@dataclass(frozen=True, slots=True)
class Furnished:
    """Logins of the doors and, flat by flat, the apps; flat number *n* is dialled as ``str(101 + n)``, at door *n*."""

    doors: list[dict[str, Any]]
    apps: list[list[Let]]
    link: str  # invites one phone more, to flat 0


async def furnish(site: Site, doors: int, flats: int, apps_a_flat: int = 1) -> Furnished:
    """Make the site, a building with a door for each flat, with logins for everybody.

    Not through the command line, which takes half a second a thing.
    """
    origin = f"http://{site.address}:{HTTP_PORT}"
    settings = {
        "mqtt": {"broker": "embedded"}, "app": {"public_url": origin}, "http": {"port": HTTP_PORT},
        "media": {"port_min": 20_000, "port_max": 49_999},
    }  # fmt: skip
    await site.init("--plan", "premium", settings=settings)
    opened = OpenSite.open(site.folder)
    try:
        with opened.admin("installer").edit() as edit:
            logins = _doors(edit, doors, site.address)
            apps = [_flat(edit, f"{number}/{101 + number}", apps_a_flat) for number in range(flats)]
            guest = residents.add(edit, "0/101", first_name="Guest", last_name="Berg")
            link = f"{origin}/app/#invite={sessions.invite(edit, guest, 1.0)}"
    finally:
        opened.close()
    return Furnished(logins, apps, link)


def _doors(edit: Edit, count: int, address: str) -> list[dict[str, Any]]:
    names = [MACS.format(number) for number in range(count)]
    macs.add(edit, names)
    found = []
    for number, mac in enumerate(names):
        buildings.add(edit, str(number))
        placing = Placing(buildings=(str(number),))
        identity = devices.add(edit, mac, name=f"Door {number}", type=DeviceType.DOOR_PHONE, placing=placing)
        door_relays.add(edit, mac, 1, name="Gate")
        row = find_device(edit, mac)
        found.append(
            {
                "mac": mac, "user": row.sip_user, "realm": edit.community_id, "server": f"{address}:5060",
                "password": device_sip_password(edit.connection, edit.vault, identity),
                "mqtt_password": device_mqtt_password(edit.connection, edit.vault, identity),
            }
        )  # fmt: skip
    return found


def _flat(edit: Edit, typed: str, apps: int) -> list[Let]:
    apartments.add(edit, typed, call_type=2, whitelisted=True)
    found = []
    for number in range(apps):
        identity = residents.add(edit, typed, first_name=f"Anna {number}", last_name="Berg")
        key = Key()
        secret = sessions.invite(edit, identity, 1.0)
        found.append(Let(sessions.redeem(edit, secret, key.point, f"phone {number}").id, key))
    return found


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process has used and holds."""

    cpu_s: float
    rss_bytes: int
    threads: int
    descriptors: int


def family(pid: int) -> list[int]:
    """The process and its children, as they are now."""
    found = [pid]
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in file.read_text().split():
            found += family(int(child))
    return found


def usage(pid: int) -> Usage:
    """Of the process, all its threads, and its children."""
    each = [usage_of_one(one) for one in family(pid)]
    return Usage(
        sum(one.cpu_s for one in each), sum(one.rss_bytes for one in each), sum(one.threads for one in each),
        sum(one.descriptors for one in each),
    )  # fmt: skip


def usage_of_one(pid: int) -> Usage:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    cpu = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    rss = int(fields[21]) * os.sysconf("SC_PAGE_SIZE")
    return Usage(cpu, rss, int(fields[17]), len(os.listdir(f"/proc/{pid}/fd")))


def ahead(pids: Sequence[int]) -> None:
    """Before the neighbours, for these seconds, where that is allowed; with the threads that are there already."""
    for pid in itertools.chain.from_iterable(map(family, pids)):
        for task in os.listdir(f"/proc/{pid}/task"):
            with contextlib.suppress(PermissionError, ProcessLookupError):
                os.sched_setscheduler(int(task), os.SCHED_RR, os.sched_param(1))


def ahead_no_more() -> None:
    """This process; the others end."""
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
