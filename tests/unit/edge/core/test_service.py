import pytest

from edge.core.admission import ADMISSION
from edge.core.service import (
    ASKS_NO_SERVICE,
    FEATURES,
    UNLOCKS,
    app_objection,
    feature_objection,
    service_objection,
    takes_away,
)
from models.access import Reason, UnlockMethod
from models.service import Feature, ServiceState
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
    assert set(UNLOCKS) == set(FEATURES) == set(ServiceState)


def test_every_method_has_a_row_above_or_asks_no_service() -> None:
    (tested,) = (mark.args[1] for mark in test_service_table.pytestmark)  # type: ignore[attr-defined]
    assert {row[0] for row in tested} | ASKS_NO_SERVICE == set(UnlockMethod)


@pytest.mark.parametrize("feature", Feature)
@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (ServiceState.ACTIVE, None),
        (ServiceState.BLOCKED, Reason.SERVICE_BLOCKED),
        (ServiceState.OFF, Reason.SERVICE_OFF),
    ],
)
def test_calls_video_and_history(state: ServiceState, feature: Feature, reason: Reason | None) -> None:
    assert feature_objection(state, feature) is reason


def test_the_table_of_calls_agrees_with_the_policy() -> None:
    """An apartment whose state has no calls is refused, whatever is installed there."""
    for (state, _), refusal in ADMISSION.items():
        assert refusal is not None or feature_objection(state, Feature.CALLS) is None


@pytest.mark.parametrize("before", ServiceState)
@pytest.mark.parametrize("after", ServiceState)
def test_what_takes_something_away(before: ServiceState, after: ServiceState) -> None:
    loses = any(
        service_objection(before, method) is None and service_objection(after, method) is not None
        for method in UnlockMethod
    )
    assert takes_away(before, after) is loses


@pytest.mark.parametrize("method", UnlockMethod)
def test_activation_stops_the_app_and_nothing_else(method: UnlockMethod) -> None:
    is_app = method in (UnlockMethod.APP_HOME, UnlockMethod.APP_TALK)
    assert app_objection(OF[BOB], method, NOW_MS) is (Reason.APP_EXPIRED if is_app else None)
    assert app_objection(None, method, NOW_MS) is (Reason.APP_EXPIRED if is_app else None)
    assert app_objection(OF[ANN], method, NOW_MS) is None
