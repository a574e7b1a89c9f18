import pytest

from mqtt.accounts import Account, Grant, Role


@pytest.mark.parametrize(
    ("user", "role"),
    [
        ("0c1105000001", Role.DEVICE),
        ("edge-live", Role.SERVICE),
        ("edge", Role.SERVICE),
        ("home-assistant", Role.INTEGRATOR),
        ("edge-homeassistant", Role.HOME_ASSISTANT),
    ],
)
def test_good_names(user: str, role: Role) -> None:
    assert Account(user, "secret", role).user == user


@pytest.mark.parametrize(
    ("user", "role"),
    [
        ("0C1105000001", Role.DEVICE),
        ("0c:11:05:00:00:01", Role.DEVICE),
        ("+", Role.DEVICE),
        ("live", Role.SERVICE),
        ("0c1105000001", Role.INTEGRATOR),
        ("0C1105000001", Role.INTEGRATOR),
        ("edge", Role.INTEGRATOR),
        ("edge-live", Role.INTEGRATOR),
        ("service", Role.INTEGRATOR),
        ("edge-homeassistant", Role.INTEGRATOR),
        ("homeassistant", Role.HOME_ASSISTANT),
        ("a/b", Role.INTEGRATOR),
        ("#", Role.INTEGRATOR),
        ("a:b", Role.INTEGRATOR),
        ("a\nuser edge-live", Role.INTEGRATOR),
        ("", Role.INTEGRATOR),
    ],
)
def test_a_name_that_would_give_other_rights_is_refused(user: str, role: Role) -> None:
    with pytest.raises(ValueError, match="mqtt login"):
        Account(user, "secret", role)


@pytest.mark.parametrize("password", ["", "a\nb", "a\0b"])
def test_a_password_that_breaks_a_line_is_refused(password: str) -> None:
    with pytest.raises(ValueError, match="password"):
        Account("0c1105000001", password, Role.DEVICE)


def test_a_login_shown_hides_its_password() -> None:
    assert "hidden-one" not in repr(Account("0c1105000001", "hidden-one", Role.DEVICE))


def test_a_device_is_granted_nothing_beside_its_branch() -> None:
    with pytest.raises(ValueError, match="own branch"):
        Account("0c1105000001", "secret", Role.DEVICE, (Grant("read", "a/b"),))


@pytest.mark.parametrize("topics", ["", "a\nuser edge-live", " a", "a "])
def test_a_right_that_breaks_a_line_is_refused(topics: str) -> None:
    with pytest.raises(ValueError, match="mqtt right"):
        Grant("read", topics)
