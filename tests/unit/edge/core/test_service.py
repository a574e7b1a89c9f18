import pytest

from edge.core.service import UNLOCKS, app_objection, service_objection
from models.access import Reason, UnlockMethod
from models.service import ServiceState
from tests.unit.edge.core.door_house import ANN, BOB, NOW_MS, RESIDENTS

OF = {resident.id: resident for resident in RESIDENTS}


@pytest.mark.parametrize(
    ("method", "active", "blocked", "off"),
    [
        (UnlockMethod.RF_CARD, None, None, Reason.SERVICE_OFF),
        (UnlockMethod.NFC, None, None, Reason.SERVICE_OFF),
        (UnlockMethod.PIN, None, Reason.SERVICE_BLOCKED, Reason.SERVICE_OFF),
        (UnlockMethod.APT_PIN, None, Reason.SERVICE_BLOCKED, Reason.SERVICE_OFF),
        (UnlockMethod.QR, None, Reason.SERVICE_BLOCKED, Reason.SERVICE_OFF),
        (UnlockMethod.FACE, None, Reason.SERVICE_BLOCKED, Reason.SERVICE_OFF),
        (UnlockMethod.BLUETOOTH, None, Reason.SERVICE_BLOCKED, Reason.SERVICE_OFF),
        (UnlockMethod.APP_HOME, None, Reason.SERVICE_BLOCKED, Reason.SERVICE_OFF),
        (UnlockMethod.APP_TALK, None, Reason.SERVICE_BLOCKED, Reason.SERVICE_OFF),
        (UnlockMethod.DTMF, None, Reason.SERVICE_BLOCKED, Reason.SERVICE_OFF),
    ],
)
def test_service_table(method: UnlockMethod, active: Reason | None, blocked: Reason | None, off: Reason | None) -> None:
    states = (ServiceState.ACTIVE, ServiceState.BLOCKED, ServiceState.OFF)
    assert [service_objection(state, method) for state in states] == [active, blocked, off]


def test_every_state_has_a_row() -> None:
    assert set(UNLOCKS) == set(ServiceState)


@pytest.mark.parametrize("method", UnlockMethod)
def test_activation_stops_the_app_and_nothing_else(method: UnlockMethod) -> None:
    is_app = method in (UnlockMethod.APP_HOME, UnlockMethod.APP_TALK)
    assert app_objection(OF[BOB], method, NOW_MS) is (Reason.APP_EXPIRED if is_app else None)
    assert app_objection(None, method, NOW_MS) is (Reason.APP_EXPIRED if is_app else None)
    assert app_objection(OF[ANN], method, NOW_MS) is None
