"""The rules of what is typed: what goes in, what may be stored, and which rule a refusal names."""

import contextlib
import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core import checks
from edge.core.checks import RuleBroken
from models.access import UnlockMethod
from models.call import CallType
from models.device import DeviceType
from models.service import FeaturePlan

GOOD: list[tuple[Callable[[], object], object]] = [
    (lambda: checks.building_name("  Haus 7/b "), "Haus 7/b"),
    (lambda: checks.building_name("e\u0301" * 128), "é" * 128),
    (lambda: checks.apartment_number("2#123"), "2#123"),
    (lambda: checks.apartment_number("007"), "007"),
    (lambda: checks.person_name("first_name", "Ąę-Łó 👩‍🚀"), "Ąę-Łó 👩‍🚀"),
    (lambda: checks.email("a.b@example.org"), "a.b@example.org"),
    (lambda: checks.email(""), ""),
    (lambda: checks.language("pt-BR"), "pt-BR"),
    (lambda: checks.floors("floors", "1, 2 ,B1,1"), ("1", "2", "B1")),
    (lambda: checks.floors("floors", ""), ()),
    (lambda: checks.call_type("5"), CallType.MONITORS_THEN_APP_THEN_PHONE),
    (lambda: checks.web_relay("65535"), 65535),
    (lambda: checks.yes_or_no("handset", "YES"), True),
    (lambda: checks.yes_or_no("handset", "0"), False),
    (lambda: checks.mac("0C-11-05-0b-98-14"), "0c11050b9814"),
    (lambda: checks.device_type("50"), DeviceType.ACCESS_CONTROL),
    (lambda: checks.phone("n", "+48 (12) 345-67.89"), "+48123456789"),
    (lambda: checks.phone("n", "12 345 67 89", calling_code="48"), "+48123456789"),
    (lambda: checks.phone("n", "020 7946 0958", country="GB"), "+442079460958"),
    (lambda: checks.phone("n", "020 7946 0958", calling_code="44", country="PL"), "+442079460958"),
    (lambda: checks.phone("n", "02 1234 5678", country="IT"), "+390212345678"),
    (lambda: checks.calling_code("n", "+48"), "48"),
    (lambda: checks.emergency_number("112"), "112"),
    (lambda: checks.time_zone("America/Argentina/Ushuaia"), "America/Argentina/Ushuaia"),
    (lambda: checks.country("pl"), "PL"),
    (lambda: checks.post_code("00950"), "00950"),
    (lambda: checks.relay_number(4), 4),
    (lambda: checks.hold(60), 60),
    (lambda: checks.methods("pin, RF_card"), frozenset({UnlockMethod.PIN, UnlockMethod.RF_CARD})),
    (lambda: checks.methods(" "), frozenset()),
    (lambda: checks.dtmf("*1a"), "*1A"),
    (lambda: checks.rtsp_url("rtsp://cam.example:554/live?x=1"), "rtsp://cam.example:554/live?x=1"),
]

BAD: list[tuple[Callable[[], object], str]] = [
    (lambda: checks.building_name("   "), "missing"),
    (lambda: checks.building_name("x" * 129), "too_long"),
    (lambda: checks.building_name("a\nb"), "control_character"),
    (lambda: checks.building_name("a\u202eb"), "control_character"),
    (lambda: checks.building_name("a\ud800"), "control_character"),
    (lambda: checks.apartment_number("#101"), "apartment_number"),
    (lambda: checks.apartment_number("1234567"), "apartment_number"),
    (lambda: checks.apartment_number("1##2"), "apartment_number"),
    (lambda: checks.apartment_number("1#"), "apartment_number"),
    (lambda: checks.apartment_number("١٢٣"), "apartment_number"),
    (lambda: checks.apartment_number("101\n"), "apartment_number"),
    (lambda: checks.apartment_number("#".join(["1"] * 40)), "apartment_number"),
    (lambda: checks.person_name("first_name", "x" * 65), "too_long"),
    (lambda: checks.email("a b@c"), "email"),
    (lambda: checks.email("a@b@c"), "email"),
    (lambda: checks.language("english"), "language"),
    (lambda: checks.floors("floors", "1,,2"), "floors"),
    (lambda: checks.floors("floors", ",".join(map(str, range(201)))), "too_long"),
    (lambda: checks.call_type("6"), "call_type"),
    (lambda: checks.call_type("٣"), "call_type"),
    (lambda: checks.web_relay("65536"), "web_relay"),
    (lambda: checks.web_relay("-1"), "web_relay"),
    (lambda: checks.web_relay("1e3"), "web_relay"),
    (lambda: checks.yes_or_no("handset", "maybe"), "yes_or_no"),
    (lambda: checks.mac("0C11050B981"), "mac"),
    (lambda: checks.mac("010000000001"), "mac"),
    (lambda: checks.mac("000000000000"), "mac"),
    (lambda: checks.mac("0C:11-05:0B:98:14"), "mac"),
    (lambda: checks.device_type("4"), "device_type"),
    (lambda: checks.device_type("00"), "device_type"),
    (lambda: checks.phone("n", "12 345 67 89"), "phone"),
    (lambda: checks.phone("n", "+12"), "phone"),
    (lambda: checks.phone("n", "+1234567890123456"), "phone"),
    (lambda: checks.phone("n", "123", country="PL"), "phone"),
    (lambda: checks.phone("n", "call me", country="PL"), "phone"),
    (lambda: checks.phone("n", "()", country="PL"), "phone"),
    (lambda: checks.phone("n", "٠٢٠", country="GB"), "phone"),
    (lambda: checks.calling_code("n", "999"), "calling_code"),
    (lambda: checks.calling_code("n", "800"), "calling_code"),
    (lambda: checks.emergency_number("1"), "phone"),
    (lambda: checks.time_zone("Europe"), "time_zone"),
    (lambda: checks.time_zone("../../etc/passwd"), "time_zone"),
    (lambda: checks.time_zone(""), "time_zone"),
    (lambda: checks.country("XX"), "country"),
    (lambda: checks.post_code("00-950"), "post_code"),
    (lambda: checks.relay_number(5), "relay_number"),
    (lambda: checks.hold(0), "hold_s"),
    (lambda: checks.methods("pin,magic"), "methods"),
    (lambda: checks.methods("apt_pin"), "methods"),
    (lambda: checks.methods("fire"), "methods"),
    (lambda: checks.dtmf("123456789"), "dtmf"),
    (lambda: checks.dtmf("E"), "dtmf"),
    (lambda: checks.prefix_free("1", ["2", "12"]), "dtmf_prefix"),
    (lambda: checks.prefix_free("12", ["1"]), "dtmf_prefix"),
    (lambda: checks.prefix_free("1", ["1"]), "dtmf_prefix"),
    (lambda: checks.rtsp_url("http://cam"), "rtsp"),
    (lambda: checks.rtsp_url("rtsp://cam:99999"), "rtsp"),
    (lambda: checks.rtsp_url("rtsp:///x"), "rtsp"),
    (lambda: checks.rtsp_url("rtsp://u:p@cam/"), "rtsp_login"),
    (lambda: checks.services(FeaturePlan.BASIC, landline=True, home_automation=False), "landline_needs_premium"),
    (lambda: checks.services(FeaturePlan.PREMIUM, landline=True, home_automation=True), "landline_or_home_automation"),
    (lambda: checks.home_automation(before=True, after=False), "home_automation_stays"),
]


@pytest.mark.parametrize(("check", "stored"), GOOD)
def test_what_may_be_stored(check, stored):
    assert check() == stored


@pytest.mark.parametrize(("check", "rule"), BAD)
def test_a_broken_rule_is_named(check, rule):
    with pytest.raises(RuleBroken) as broken:
        check()
    assert broken.value.problem.rule == rule
    assert str(broken.value) == f"{broken.value.problem.field}: {broken.value.problem.message}"


def test_what_does_no_harm_passes():
    checks.services(FeaturePlan.PREMIUM, landline=True, home_automation=False)
    checks.services(FeaturePlan.BASIC, landline=False, home_automation=True)
    checks.home_automation(before=False, after=True)
    checks.prefix_free("1", ["2", ""])
    checks.prefix_free("", ["1"])


@given(st.text())
def test_any_text_is_taken_or_refused_by_name(typed):
    for check in (checks.apartment_number, checks.email, checks.mac, checks.rtsp_url, checks.dtmf, checks.time_zone):
        with contextlib.suppress(RuleBroken):
            check(typed)


@given(st.text(alphabet="0123456789+ ()-./#", max_size=20), st.sampled_from(["", "48", "39", "1"]))
def test_a_stored_telephone_number_is_e164(typed, code):
    try:
        number = checks.phone("n", typed, calling_code=code)
    except RuleBroken:
        return
    assert re.fullmatch(r"\+[1-9][0-9]{4,14}", number)
