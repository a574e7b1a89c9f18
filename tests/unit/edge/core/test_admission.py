import itertools

import pytest

from edge.core.admission import ADMISSION, Connection, admit
from models.call import Refusal
from models.service import ServiceState
from tests.unit.edge.core.call_house import apartment

ACTIVE, BLOCKED, OFF = ServiceState.ACTIVE, ServiceState.BLOCKED, ServiceState.OFF

# domain §3, row by row: handset or monitor | none, whitelisted | none, not whitelisted
TABLE = {
    ACTIVE: (None, None, Refusal.NOT_CONNECTED),
    BLOCKED: (Refusal.BLOCKED, Refusal.BLOCKED, Refusal.BLOCKED),
    OFF: (Refusal.UNKNOWN, Refusal.UNKNOWN, Refusal.UNKNOWN),
}


@pytest.mark.parametrize("service", TABLE)
def test_the_table_of_the_domain(service):
    wired, whitelisted, none = TABLE[service]
    for whitelist in (False, True):
        assert admit(apartment("1", service=service, whitelisted=whitelist), has_monitor=True) is wired
        handset = apartment("1", service=service, whitelisted=whitelist, has_handset=True)
        assert admit(handset, has_monitor=False) is wired
    assert admit(apartment("1", service=service, whitelisted=True), has_monitor=False) is whitelisted
    assert admit(apartment("1", service=service), has_monitor=False) is none


def test_the_table_is_complete():
    assert set(ADMISSION) == set(itertools.product(ServiceState, Connection))
