"""What still works in each service state (domain section 5) and with each app activation, as data.

`docs/access.md` prints these tables.
"""

from collections.abc import Mapping
from typing import Final

from models.access import Reason, UnlockMethod
from models.community import Resident
from models.service import Feature, ServiceState

KEYS: Final = frozenset({UnlockMethod.RF_CARD, UnlockMethod.NFC})
"""Physical keys: a debt closes the telephone, not the way home."""

APP_METHODS: Final = frozenset({UnlockMethod.APP_HOME, UnlockMethod.APP_TALK})

UNLOCKS: Final[Mapping[ServiceState, frozenset[UnlockMethod]]] = {
    ServiceState.ACTIVE: frozenset(UnlockMethod),
    ServiceState.BLOCKED: KEYS,
    ServiceState.OFF: frozenset(),
}

FEATURES: Final[Mapping[ServiceState, frozenset[Feature]]] = {
    ServiceState.ACTIVE: frozenset(Feature),
    ServiceState.BLOCKED: frozenset(),
    ServiceState.OFF: frozenset(),
}
"""Whether an apartment with service may also be called depends on what is installed there: `edge.core.admission`."""

WORSE: Final = (ServiceState.ACTIVE, ServiceState.BLOCKED, ServiceState.OFF)
"""From all to nothing."""

ASKS_NO_SERVICE: Final = frozenset(
    {UnlockMethod.EXIT_BUTTON, UnlockMethod.FIRE, UnlockMethod.GUARD, UnlockMethod.REMOTE}
)
"""Methods that are nobody's right in particular."""

_OBJECTION: Final[Mapping[ServiceState, Reason]] = {
    ServiceState.BLOCKED: Reason.SERVICE_BLOCKED,
    ServiceState.OFF: Reason.SERVICE_OFF,
}


def service_objection(state: ServiceState, method: UnlockMethod) -> Reason | None:
    """Why an apartment in *state* may not open a door by *method*; None if it may."""
    return None if method in UNLOCKS[state] else _OBJECTION[state]


def feature_objection(state: ServiceState, feature: Feature) -> Reason | None:
    """Why an apartment in *state* does not have *feature*; None if it has."""
    return None if feature in FEATURES[state] else _OBJECTION[state]


def takes_away(before: ServiceState, after: ServiceState) -> bool:
    """Whether the change closes something to a home that was open."""
    return WORSE.index(after) > WORSE.index(before)


def app_objection(resident: Resident | None, method: UnlockMethod, now_ms: int) -> Reason | None:
    """Why *resident*'s app may not open at *now_ms* (Unix milliseconds). Other methods don't ask (decision 14)."""
    if method not in APP_METHODS or (resident is not None and resident.app_works(now_ms)):
        return None
    return Reason.APP_EXPIRED
