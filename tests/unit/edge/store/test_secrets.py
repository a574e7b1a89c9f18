import os
import stat
from pathlib import Path

import pytest

from edge.store.secrets import SecretsError, SiteSecrets, Vault, new_password

VAULT = Vault(b"k" * 32)
SEALED = VAULT.seal("hunter2", table="device", column="sip_password", row="d-1")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_passwords_are_long_random_and_safe_in_every_file() -> None:
    made = {new_password() for _ in range(100)}
    assert len(made) == 100
    assert all(len(password) == 32 and password.isascii() and password.isalnum() for password in made)


def test_sealing_hides_and_gives_back() -> None:
    assert b"hunter2" not in SEALED
    assert VAULT.unseal(SEALED, table="device", column="sip_password", row="d-1") == "hunter2"


def test_equal_secrets_look_different() -> None:
    assert VAULT.seal("hunter2", table="device", column="sip_password", row="d-1") != SEALED


@pytest.mark.parametrize(
    ("sealed", "table", "column", "row"),
    [
        (SEALED, "device", "sip_password", "d-2"),
        (SEALED, "device", "mqtt_password", "d-1"),
        (SEALED, "resident", "sip_password", "d-1"),
        (SEALED[:-1] + bytes([SEALED[-1] ^ 1]), "device", "sip_password", "d-1"),
        (b"\x02" + SEALED[1:], "device", "sip_password", "d-1"),
        (b"", "device", "sip_password", "d-1"),
        (SEALED[:5], "device", "sip_password", "d-1"),
    ],
)
def test_a_secret_moved_or_changed_does_not_open(sealed: bytes, table: str, column: str, row: str) -> None:
    with pytest.raises(SecretsError) as told:
        VAULT.unseal(sealed, table=table, column=column, row=row)
    assert "hunter2" not in str(told.value)


def test_another_key_does_not_open() -> None:
    with pytest.raises(SecretsError, match=r"store\.key"):
        Vault(b"q" * 32).unseal(SEALED, table="device", column="sip_password", row="d-1")


def test_a_site_gets_its_secrets_once(tmp_path: Path) -> None:
    first = SiteSecrets.create(tmp_path)
    sealed = first.vault.seal("hunter2", table="t", column="c", row="r")
    again = SiteSecrets.create(tmp_path)
    assert again.pepper == first.pepper
    assert again.vault.unseal(sealed, table="t", column="c", row="r") == "hunter2"
    assert SiteSecrets.load(tmp_path).pepper == first.pepper
    assert len(first.pepper) == 32
    assert mode(tmp_path / "secrets") == 0o700
    assert {path.name: mode(path) for path in (tmp_path / "secrets").iterdir()} == {
        "store.key": 0o600,
        "pepper": 0o600,
    }


def test_secrets_are_private_whatever_the_umask_is(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        SiteSecrets.create(tmp_path)
    finally:
        os.umask(before)
    assert mode(tmp_path / "secrets" / "pepper") == 0o600


def test_two_sites_share_nothing(tmp_path: Path) -> None:
    assert SiteSecrets.create(tmp_path / "a").pepper != SiteSecrets.create(tmp_path / "b").pepper


def test_nothing_secret_is_shown(tmp_path: Path) -> None:
    site = SiteSecrets.create(tmp_path)
    assert repr(site.pepper)[2:-1] not in repr(site)
    assert repr(site.vault) == "Vault()"


@pytest.mark.parametrize("name", ["store.key", "pepper", "."])
@pytest.mark.parametrize("bits", [0o004, 0o040, 0o020])
def test_a_secret_that_others_may_read_is_refused(tmp_path: Path, name: str, bits: int) -> None:
    SiteSecrets.create(tmp_path)
    path = tmp_path / "secrets" / name
    path.chmod(mode(path) | bits)
    with pytest.raises(SecretsError, match="chmod"):
        SiteSecrets.load(tmp_path)


@pytest.mark.parametrize("name", ["store.key", "pepper"])
def test_a_short_or_missing_secret_is_refused(tmp_path: Path, name: str) -> None:
    SiteSecrets.create(tmp_path)
    path = tmp_path / "secrets" / name
    path.write_bytes(b"short")
    with pytest.raises(SecretsError, match="5 bytes"):
        SiteSecrets.load(tmp_path)
    path.unlink()
    with pytest.raises(SecretsError, match=name):
        SiteSecrets.load(tmp_path)


def test_other_secrets_are_written_whole_and_privately(tmp_path: Path) -> None:
    site = SiteSecrets.create(tmp_path)
    assert site.text("trunk_password") is None
    site.write_text("trunk_password", "first\n")
    site.write_text("trunk_password", "second\n")
    assert site.text("trunk_password") == "second"
    assert mode(site.folder / "trunk_password") == 0o600
    assert len(list(site.folder.iterdir())) == 3


def test_a_secret_placed_by_hand_must_be_private_too(tmp_path: Path) -> None:
    site = SiteSecrets.create(tmp_path)
    (site.folder / "trunk_password").write_text("open")
    (site.folder / "trunk_password").chmod(0o644)
    with pytest.raises(SecretsError, match="chmod 600"):
        site.text("trunk_password")


@pytest.mark.parametrize("name", ["../edge.toml", "/etc/passwd", ".hidden", "a/b", ""])
def test_a_secrets_name_is_no_path(tmp_path: Path, name: str) -> None:
    with pytest.raises(SecretsError):
        SiteSecrets.create(tmp_path).text(name)
