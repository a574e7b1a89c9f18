"""What still works in each service state (domain section 5) and with each app activation, as data."""

from collections.abc import Mapping
from typing import Final

from models.access import Reason, UnlockMethod
from models.community import Resident
from models.service import ServiceState

KEYS: Final = frozenset({UnlockMethod.RF_CARD, UnlockMethod.NFC})
"""Physical keys: a debt closes the telephone, not the way home."""

APP_METHODS: Final = frozenset({UnlockMethod.APP_HOME, UnlockMethod.APP_TALK})

UNLOCKS: Final[Mapping[ServiceState, frozenset[UnlockMethod]]] = {
    ServiceState.ACTIVE: frozenset(UnlockMethod),
    ServiceState.BLOCKED: KEYS,
    ServiceState.OFF: frozenset(),
}

_OBJECTION: Final[Mapping[ServiceState, Reason]] = {
    ServiceState.BLOCKED: Reason.SERVICE_BLOCKED,
    ServiceState.OFF: Reason.SERVICE_OFF,
}


def service_objection(state: ServiceState, method: UnlockMethod) -> Reason | None:
    """Why an apartment in *state* may not open a door by *method*; None if it may."""
    return None if method in UNLOCKS[state] else _OBJECTION[state]


def app_objection(resident: Resident | None, method: UnlockMethod, now_ms: int) -> Reason | None:
    """Why *resident*'s app may not open at *now_ms* (Unix milliseconds). Other methods don't ask (decision 14)."""
    if method not in APP_METHODS or (resident is not None and resident.app_works(now_ms)):
        return None
    return Reason.APP_EXPIRED
