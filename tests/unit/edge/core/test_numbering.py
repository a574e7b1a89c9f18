import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.numbering import (
    MAX_DIALLED,
    Nobody,
    OutsideCaller,
    ToApartment,
    ToApp,
    ToDoor,
    ToGuards,
    ToMonitor,
    ToSos,
    resolve,
)
from tests.unit.edge.core.call_house import (
    A2_123,
    A101,
    A102,
    A107,
    ANN,
    B101,
    B201,
    DOOR_A,
    DOOR_B,
    GATE,
    GUARD_1,
    GUARD_2,
    GUARD_OFF,
    HOUSE,
    MON_101,
    MON_101_OFF,
    MON_102,
    MON_B201,
    PRIVATE,
)

OUTSIDE = OutsideCaller("+43900900900")


@pytest.mark.parametrize(
    ("party", "dialled", "destination"),
    [
        (DOOR_A, "101", ToApartment(A101)),
        (DOOR_B, "101", ToApartment(B101)),
        (DOOR_A, "2#123", ToApartment(A2_123)),
        (DOOR_A, "2%23123", ToApartment(A2_123)),
        (DOOR_A, " 102 ", ToApartment(A102)),
        (DOOR_A, "107", ToApartment(A107)),  # that its service is off is for admission to say
        (GATE, "201", ToApartment(B201)),
        (GATE, "A*101", ToApartment(A101)),
        (GATE, "B 2*101", ToApartment(B101)),
        (GATE, "b 2*101", ToApartment(B101)),
        (GATE, "B 2%2A101", ToApartment(B101)),
        (GATE, "A*2%23123", ToApartment(A2_123)),
        (DOOR_A, "A*101", ToApartment(A101)),
        (PRIVATE, "102", ToApartment(A102)),
        (GUARD_1, "B 2*101", ToApartment(B101)),
        (MON_101, "102", ToApartment(A102)),
        (DOOR_A, "guard", ToGuards((GUARD_1, GUARD_2))),
        (MON_101, "Guard", ToGuards((GUARD_1, GUARD_2))),
        (MON_101, "sos", ToSos()),
        (MON_101, GUARD_1.sip_user, ToGuards((GUARD_1,))),
        (MON_101, "porter", ToGuards((GUARD_1,))),
        (MON_101, DOOR_A.sip_user, ToDoor(DOOR_A)),
        (MON_101, "Gate", ToDoor(GATE)),
        (MON_101, "Entrance", ToDoor(DOOR_A)),  # two of that name, one of which serves the caller
        (MON_B201, "Entrance", ToDoor(DOOR_B)),
        (ANN, "ENTRANCE", ToDoor(DOOR_A)),
        (OUTSIDE, "Gate", ToDoor(GATE)),
        (MON_101, MON_102.sip_user, ToMonitor(MON_102)),
        (MON_101, ANN.sip_user, ToApp(ANN)),
    ],
)
def test_what_a_dialled_string_means(party, dialled, destination):
    assert resolve(HOUSE, party, dialled) == destination


@pytest.mark.parametrize(
    ("party", "dialled"),
    [
        (GATE, "101"),  # in both buildings
        (GUARD_1, "101"),
        (DOOR_A, "201"),  # not served
        (DOOR_B, "A*101"),
        (PRIVATE, "101"),
        (GATE, "999"),
        (GATE, "C*101"),
        (GATE, "*101"),
        (GATE, "A*"),
        (GATE, "A*B*101"),
        (GATE, "#2#123"),
        (GATE, "2#"),
        (GATE, "2##123"),
        (GATE, "1011111"),
        (GATE, "١٠١"),  # digits, but not ours
        (MON_101, GUARD_OFF.sip_user),
        (MON_101, MON_101_OFF.sip_user),
        (MON_101, "99999999"),
        (MON_101, "Old porter"),
        (MON_101, "Hall"),  # a monitor is not reached by its name
        (GUARD_1, "entrance"),  # two of that name
        (OUTSIDE, "entrance"),
        (MON_101, ""),
        (MON_101, "+43111222333"),
        (MON_101, "0043111222333"),
        (MON_101, "112"),
        (GATE, "x" * (MAX_DIALLED + 1)),
        (GATE, "101" + " " * MAX_DIALLED),
    ],
)
def test_what_means_nobody(party, dialled):
    assert resolve(HOUSE, party, dialled) == Nobody()


@given(st.text(max_size=40) | st.from_regex(r"[0-9*#%+AB ]{0,12}", fullmatch=True))
def test_a_door_reaches_only_what_it_serves_and_nothing_ever_raises(dialled):
    found = resolve(HOUSE, DOOR_B, dialled)
    if isinstance(found, ToApartment):
        assert found.apartment in (B101, B201)
