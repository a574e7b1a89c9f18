"""May this apartment be called? The table of domain §3 as data."""

import enum
from collections.abc import Mapping
from typing import Final

from models.call import Refusal
from models.community import Apartment
from models.service import ServiceState


class Connection(enum.Enum):
    """How an apartment is joined to the intercom."""

    WIRED = "handset or monitor"
    WHITELISTED = "none, whitelisted"
    NONE = "none, not whitelisted"


ADMISSION: Final[Mapping[tuple[ServiceState, Connection], Refusal | None]] = {
    (ServiceState.ACTIVE, Connection.WIRED): None,
    (ServiceState.ACTIVE, Connection.WHITELISTED): None,
    (ServiceState.ACTIVE, Connection.NONE): Refusal.NOT_CONNECTED,
    (ServiceState.BLOCKED, Connection.WIRED): Refusal.BLOCKED,
    (ServiceState.BLOCKED, Connection.WHITELISTED): Refusal.BLOCKED,
    (ServiceState.BLOCKED, Connection.NONE): Refusal.BLOCKED,
    (ServiceState.OFF, Connection.WIRED): Refusal.UNKNOWN,
    (ServiceState.OFF, Connection.WHITELISTED): Refusal.UNKNOWN,
    (ServiceState.OFF, Connection.NONE): Refusal.UNKNOWN,
}


def connection(apartment: Apartment, *, has_monitor: bool) -> Connection:
    """*has_monitor*: an indoor monitor is installed there, whether or not it works at the moment."""
    if apartment.has_handset or has_monitor:
        return Connection.WIRED
    return Connection.WHITELISTED if apartment.whitelisted else Connection.NONE


def admit(apartment: Apartment, *, has_monitor: bool) -> Refusal | None:
    """Why *apartment* may not be called; None if it may."""
    return ADMISSION[apartment.service, connection(apartment, has_monitor=has_monitor)]
