import stat
from pathlib import Path

import pytest

from mqtt.accounts import Account, Role
from mqtt.broker.passwords import Hasher, hash_password, verify, write_private

MAC = "0c1105000001"


def test_a_line_is_what_mosquitto_passwd_makes() -> None:
    # mosquitto_passwd 2.0.11 with this salt
    assert hash_password("secret", b"0123456789ab").startswith("$7$101$MDEyMzQ1Njc4OWFi$")
    assert verify("secret", hash_password("secret", b"0123456789ab"))


@pytest.mark.parametrize(
    "hashed", ["", "$6$101$MDEy$MDEy", "$7$x$MDEy$MDEy", "$7$0$MDEy$MDEy", "$7$101$%$MDEy", "plain", "$7$101$MDEy$"]
)
def test_a_malformed_hash_is_nobodys(hashed: str) -> None:
    assert not verify("secret", hashed)


def test_a_wrong_password_is_refused() -> None:
    assert not verify("Secret", hash_password("secret", b"0123456789ab"))


def test_an_unchanged_login_keeps_its_line() -> None:
    hasher = Hasher()
    first = hasher.hashes([Account(MAC, "one", Role.DEVICE)])
    assert hasher.hashes([Account(MAC, "one", Role.DEVICE)]) == first
    changed = hasher.hashes([Account(MAC, "two", Role.DEVICE)])
    assert verify("two", changed[MAC])
    assert hasher.hashes([]) == {}


def test_a_private_file_is_replaced_whole_and_read_by_us_only(tmp_path: Path) -> None:
    path = tmp_path / "passwd"
    (tmp_path / ".passwd.new").write_text("left by a crash")
    write_private(path, "one")
    write_private(path, "two")
    assert path.read_text() == "two"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["passwd"]
