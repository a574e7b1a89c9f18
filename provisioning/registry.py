"""Which driver a device has."""

from collections.abc import Mapping
from typing import Final

from models.ids import Mac
from provisioning.driver import DeviceDriver, DeviceIdentity
from provisioning.drivers.akuvox import AKUVOX
from provisioning.drivers.baresip import BARESIP
from provisioning.drivers.basip import BASIP
from provisioning.drivers.by_api import BEWARD, DAHUA, DOORBIRD, HIKVISION, SOKOL
from provisioning.drivers.fanvil import FANVIL
from provisioning.drivers.generic import GENERIC
from provisioning.drivers.grandstream import GRANDSTREAM
from provisioning.drivers.linphone import LINPHONE
from provisioning.drivers.two_n import TWO_N

_ALL: Final[tuple[DeviceDriver, ...]] = (
    AKUVOX, BARESIP, BASIP, BEWARD, DAHUA, DOORBIRD, FANVIL, GENERIC, GRANDSTREAM, HIKVISION, LINPHONE, SOKOL, TWO_N,
)  # fmt: skip
DRIVERS: Final[Mapping[str, DeviceDriver]] = {driver.name: driver for driver in _ALL}


def driver_for(device: DeviceIdentity, drivers: Mapping[str, DeviceDriver] = DRIVERS) -> DeviceDriver:
    """The driver that knows *device*, else the generic one. Two are a bug in the drivers: LookupError."""
    found = [name for name, driver in drivers.items() if driver.matches(device)]
    if len(found) > 1:
        raise LookupError(f"{device}: one driver was expected, not {', '.join(found)}")
    return drivers[found[0]] if found else drivers[GENERIC.name]


def asked_by(path: str, drivers: Mapping[str, DeviceDriver] = DRIVERS) -> Mac | None:
    """The MAC in the name of a file that some family asks for."""
    return next((mac for driver in drivers.values() if (mac := driver.asked_by(path)) is not None), None)


def driver_asking(
    path: str, device: DeviceIdentity, drivers: Mapping[str, DeviceDriver] = DRIVERS
) -> DeviceDriver | None:
    """The driver that *device* is served by when it asks for *path*.

    A name that one family alone has tells more than the MAC does: a computer with Linphone on it may have any card.
    None where the device's own family asks for no such file, and none or several others do.
    """
    asking = [driver for driver in drivers.values() if driver.asked_by(path) is not None]
    own = driver_for(device, drivers)
    if own in asking:
        return own
    return asking[0] if len(asking) == 1 else None
