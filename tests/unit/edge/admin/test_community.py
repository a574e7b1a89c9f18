"""The community: what never changes, what excludes what."""

import pytest

from edge.admin import cameras, community, logins, whitelist
from edge.admin.edit import NotFound
from edge.core.checks import RuleBroken
from edge.store.snapshot import load_snapshot
from models.service import AccessPermission, FeaturePlan

REFUSED = [
    ({"plan": FeaturePlan.BASIC}, "plan_stays"),
    ({"permission": AccessPermission.PUBLIC_ONLY}, "permission_stays"),
    ({"time_zone": "Nowhere"}, "time_zone"),
    ({"post_code": "1-2"}, "post_code"),
    ({"country": "XX"}, "country"),
    ({"name": " "}, "missing"),
    ({"landline_service": True, "home_automation": True}, "landline_or_home_automation"),
    ({"emergency_numbers": "x"}, "phone"),
]


@pytest.mark.parametrize(("options", "rule"), REFUSED)
def test_a_broken_rule_is_named(edit, options, rule):
    with pytest.raises(RuleBroken) as broken, edit() as change:
        community.set_community(change, **options)
    assert broken.value.problem.rule == rule


def test_home_automation_stays_on(edit):
    with edit() as change:
        community.set_community(change, home_automation=True)
    with pytest.raises(RuleBroken), edit() as change:
        community.set_community(change, home_automation=False)
    with pytest.raises(RuleBroken), edit() as change:
        community.set_community(change, landline_service=True)


def test_basic_has_no_landlines(basic):
    with pytest.raises(RuleBroken), basic.admin("installer").edit() as change:
        community.set_community(change, landline_service=True)


def test_what_was_set_is_shown(edit, read):
    with edit() as change:
        community.set_community(
            change, name="House", landline_service=True, emergency_numbers="112, +48123456789,112", city="Kraków"
        )
        community.set_community(change)
    with read() as scope:
        shown = community.show(scope)
        stored = load_snapshot(scope.connection)
    assert (shown["name"], shown["plan"], shown["pin_mode"], shown["city"]) == ("House", "premium", "pin", "Kraków")
    assert stored.emergency_numbers == ("112", "+48123456789")
    assert stored.community.landline_service is True


def test_the_callers_whitelist(edit, read):
    with edit() as change:
        assert whitelist.add(change, "12 345 67 89", "postman") == "+48123456789"
    with pytest.raises(RuleBroken), edit() as change:
        whitelist.add(change, "+48123456789")
    with read() as scope:
        assert whitelist.listed(scope) == [{"number": "+48123456789", "note": "postman", "opens": None}]
        assert load_snapshot(scope.connection).caller_whitelist == {"+48123456789"}
    with edit() as change:
        whitelist.remove(change, "+48 12 345 67 89")
    with pytest.raises(NotFound), edit() as change:
        whitelist.remove(change, "+48123456789")


def test_cameras_keep_their_passwords_to_themselves(edit, read, site):
    with edit() as change:
        cameras.add(change, "Yard", "rtsp://cam:554/1", user="u", password="camera-password")
        cameras.add(change, "Street", "rtsp://cam2:554/1")
    with pytest.raises(RuleBroken), edit() as change:
        cameras.add(change, "Yard", "rtsp://cam:554/1")
    with read() as scope:
        street, yard = cameras.listed(scope)
    assert (yard["user"], yard["has_password"], street["has_password"]) == ("u", True, False)
    assert b"camera-password" not in site.store.path.read_bytes()
    with edit() as change:
        cameras.remove(change, "Yard")
    with pytest.raises(NotFound), edit() as change:
        cameras.remove(change, "Yard")


def test_logins_of_integrators(edit, read, site):
    with edit() as change:
        password = logins.add(change, "home-assistant")
    assert len(password) >= 24
    with read() as scope:
        assert logins.listed(scope) == [{"name": "home-assistant", "role": "integrator"}]
    for name in ("home-assistant", "0c1105000000", "Edge", "a/b", "edge", "a", "+"):
        with pytest.raises(RuleBroken), edit() as change:
            logins.add(change, name)
    with edit() as change:
        logins.remove(change, "home-assistant")
    with pytest.raises(NotFound), edit() as change:
        logins.remove(change, "home-assistant")
