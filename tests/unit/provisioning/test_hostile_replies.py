"""Whatever a device replies or reports, a driver reads it or raises ValueError: nothing else, and nothing huge."""

import json
from collections.abc import Callable
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisioning.api import HearsHooks, HearsSyslog, LogBook, LongPoll, Sighting, Told
from provisioning.registry import DRIVERS
from tests.unit.provisioning.states import door

VENDORS: Final = ("akuvox", "2n", "basip")
SCALARS: Final = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20)
JSON: Final = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
)
NAMES: Final = st.sampled_from([
    "item", "Status", "MAC", "UserID", "ScheduleRelay", "ID", "Type", "Date", "Time", "Code", "users", "events",
    "access",
    "card", "pin", "name", "id", "utcTime", "event", "params", "switch", "state", "accounts", "list_items",
    "identifier_owner", "identifier_uid", "Prefix", "macAddr", "deleted", "uuid",
])  # fmt: skip
SHAPED: Final = st.recursive(
    SCALARS | st.sampled_from(["Card", "PIN", "SwitchStateChanged", "CardEntered", "CodeEntered", "9" * 40]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=20,
)
ENVELOPES: Final[dict[str, Callable[[Any], Any]]] = {
    "akuvox": lambda data: {"retcode": 0, "data": data},
    "2n": lambda result: {"success": True, "result": result},
    "basip": lambda body: body,
}
BIG: Final = 2**62


def read_all(vendor: str, body: bytes) -> None:
    api = DRIVERS[vendor].api
    assert api is not None
    reads: list[Callable[[], Any]] = [lambda: api.check(body), lambda: api.told(body)]
    if api.holders is not None:
        holders = api.holders
        reads.append(lambda: holders.read(body, Told()))
    if isinstance(api.log, LogBook | LongPoll):
        book = api.log
        reads.append(lambda: book.read(body))
    for section in api.sections(door("0c1105000001", ""), Told()):
        reads.append(lambda section=section: section.parse([body]))  # type: ignore[misc]
    for read in reads:
        try:
            got = read()
        except ValueError:
            continue
        for each in got if isinstance(got, tuple) else ():
            assert isinstance(each, Sighting)
            assert abs(each.number or 0) < BIG
            assert abs(each.at_ms or 0) < BIG


@pytest.mark.parametrize("vendor", VENDORS)
@given(data=JSON | SHAPED)
@settings(max_examples=100, deadline=None)
def test_a_reply_of_any_shape_is_read_or_refused(vendor: str, data: Any) -> None:
    read_all(vendor, json.dumps(ENVELOPES[vendor](data)).encode())


@pytest.mark.parametrize("vendor", VENDORS)
@given(body=st.binary(max_size=60))
@settings(max_examples=40, deadline=None)
def test_any_bytes_are_read_or_refused(vendor: str, body: bytes) -> None:
    read_all(vendor, body)


@pytest.mark.parametrize("vendor", ["akuvox", "basip"])
@given(
    query=st.dictionaries(st.sampled_from(["event", "card_sn", "mac"]), st.text(max_size=30)),
    body=st.binary(max_size=80),
)
@settings(max_examples=40, deadline=None)
def test_any_report_is_read_or_refused(vendor: str, query: dict[str, str], body: bytes) -> None:
    api: object = DRIVERS[vendor].api
    assert isinstance(api, HearsHooks)
    assert isinstance(api, HearsSyslog)
    api.heard_line(body.decode("latin-1"))
    try:
        api.heard(query, body)
    except ValueError:
        return
