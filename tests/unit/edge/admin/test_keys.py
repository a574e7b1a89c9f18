"""Keys and peppers are replaced all or nothing, what is interrupted is finished, and nobody is locked out meanwhile."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import LargeBinary, select

from edge.admin import credentials, keys, site
from edge.admin.credentials import NewCredential
from edge.admin.edit import Admin, reading
from edge.admin.keys import SEALED
from edge.admin.site import Site
from edge.core.tags import Tagger
from edge.store import accounts
from edge.store.keys import present_pepper, retag
from edge.store.secrets import SecretsError, SiteSecrets, Vault, identity_of
from edge.store.tables import credential
from models.access import CredentialKind, Home
from models.ids import CredentialId
from models.tables.base import metadata

CARD, PIN, OTHER = "04A1B2C3D4", "719264", "04FFFFFF01"
NOT_SEALED = {
    ("credential", "tag"), ("journal", "prev"), ("journal", "hash"), ("store_state", "journal_hash"),
    ("answer", "body"), ("enrolment", "central_public_key"), ("staging", "items"), ("staging", "body"),
    ("app_invite", "secret_hash"), ("app_session", "public_key"), ("provision_token", "secret_hash"),
}  # fmt: skip


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    site.make_site(folder, {})
    opened = Site.open(folder)
    with opened.admin("test").edit() as edit:
        from edge.admin import apartments, buildings, devices, macs
        from edge.admin.devices import Placing
        from models.device import DeviceType

        buildings.add(edit, "1")
        apartments.add(edit, "1/101")
        macs.add(edit, ["0C1105000001"])
        devices.add(edit, "0C1105000001", name="Gate", type=DeviceType.DOOR_PHONE, placing=Placing())
    opened.close()
    return folder


@pytest.fixture
def opened(place: Path) -> Any:
    it = Site.open(place)
    yield it
    it.close()


def add(opened: Site, kind: CredentialKind, value: str, **more: Any) -> CredentialId:
    with opened.admin("test").edit() as edit:
        return credentials.add(edit, NewCredential(kind, "1/101", value, **more)).id


def admin(opened: Site) -> Admin:
    return opened.admin("test")


def passwords(opened: Site, vault: Vault) -> dict[str, str]:
    with opened.store.read() as connection:
        return accounts.mqtt_passwords(connection, vault)


def stored(opened: Site, identity: CredentialId) -> tuple[bytes, str]:
    with opened.store.read() as connection:
        row = connection.execute(select(credential.c.tag, credential.c.pepper_id).where(credential.c.id == identity))
        return tuple(row.one())  # type: ignore[return-value]  # two columns


def test_every_sealed_column_is_sealed_anew() -> None:
    """A column that is forgotten would be lost with the old key."""
    blobs = {
        (table.name, column.name)
        for table in metadata.tables.values()
        for column in table.columns
        if isinstance(column.type, LargeBinary)
    }
    assert {(table.name, column) for table, column, _ in SEALED} == blobs - NOT_SEALED


def test_a_key_is_replaced_and_the_old_one_opens_nothing(opened: Site) -> None:
    before = passwords(opened, opened.secrets.vault)
    card = add(opened, CredentialKind.RF_CARD, CARD, home=Home.PANEL)
    old_key = (opened.folder / "secrets" / "store.key").read_bytes()
    done = keys.rotate_key(admin(opened))
    assert done.renewed == 3
    assert (opened.folder / "secrets" / "store.key").read_bytes() != old_key
    assert not (opened.folder / "secrets" / "store.key.next").exists()
    assert passwords(opened, SiteSecrets.load(opened.folder).vault) == before
    with pytest.raises(SecretsError):
        passwords(opened, Vault(old_key))
    with opened.store.read() as connection:
        sealed = bytes(connection.execute(select(credential.c.sealed).where(credential.c.id == card)).scalar_one())
    assert SiteSecrets.load(opened.folder).vault.unseal(sealed, table="credential", column="sealed", row=card) == CARD


def test_whoever_runs_meanwhile_takes_the_new_key_by_itself(opened: Site) -> None:
    running = SiteSecrets.load(opened.folder).vault
    before = passwords(opened, running)
    keys.rotate_key(admin(opened))
    assert passwords(opened, running) == before
    late = SiteSecrets.load(opened.folder)
    keys.rotate_key(admin(opened))
    with Admin(opened.store, late, "test", site.now_ms).edit() as edit:
        assert edit.vault.key_id == SiteSecrets.load(opened.folder).vault.key_id, "nothing is sealed with a lost key"


def interrupted(monkeypatch: pytest.MonkeyPatch, work: Callable[[], object]) -> None:
    """Do *work* but for the rename at its end, as a power cut would have it."""
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError("power cut")))
        with pytest.raises(OSError, match="power cut"):
            work()


def test_a_key_half_replaced_opens_everything_and_is_finished(opened: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    before = passwords(opened, opened.secrets.vault)
    interrupted(monkeypatch, lambda: keys.rotate_key(admin(opened)))
    assert passwords(opened, SiteSecrets.load(opened.folder).vault) == before
    with reading(opened.store) as scope:
        assert keys.status(scope, SiteSecrets.load(opened.folder))["unfinished"] == ["store.key"]
    add(opened, CredentialKind.RF_CARD, CARD, home=Home.PANEL)
    done = keys.rotate_key(admin(opened))
    assert SiteSecrets.load(opened.folder).vault.key_id == done.id
    assert passwords(opened, SiteSecrets.load(opened.folder).vault) == before


def test_a_database_of_another_key_or_pepper_is_not_written_to(opened: Site, tmp_path: Path) -> None:
    keys.rotate_key(admin(opened))
    keys.rotate_pepper(admin(opened))
    other = SiteSecrets.create(tmp_path / "other")
    with (
        pytest.raises(SecretsError, match=r"store\.key is not the one"),
        Admin(opened.store, other, "test", site.now_ms).edit(),
    ):
        pytest.fail("this must not be reached")


def tagger(opened: Site) -> Tagger:
    with opened.store.read() as connection:
        present = present_pepper(connection)
    with reading(opened.store) as scope:
        pepper, *older = SiteSecrets.load(opened.folder).peppers(present)
        return Tagger(pepper, scope.community_id, older)


def test_a_pepper_is_replaced_and_old_tags_are_still_known(opened: Site) -> None:
    card = add(opened, CredentialKind.RF_CARD, CARD)
    pin = add(opened, CredentialKind.PIN, PIN, home=Home.PANEL)
    done = keys.rotate_pepper(admin(opened))
    assert (done.renewed, done.left) == (1, 1), "what is sealed is tagged anew at once"
    tag, pepper = stored(opened, card)
    assert pepper
    assert tag in tagger(opened).tags(CredentialKind.RF_CARD, CARD)[1:]
    assert stored(opened, pin) == (tagger(opened).tag(CredentialKind.PIN, PIN), "")
    with reading(opened.store) as scope:
        found = keys.status(scope, SiteSecrets.load(opened.folder))
    assert [row["id"] for row in found["old_tags"]] == [card]
    assert found["older_peppers"] == [pepper]
    assert found["pepper_id"] == done.id == identity_of(SiteSecrets.load(opened.folder).pepper)


def test_a_value_with_an_old_tag_is_still_taken(opened: Site) -> None:
    add(opened, CredentialKind.RF_CARD, CARD)
    keys.rotate_pepper(admin(opened))
    with pytest.raises(Exception, match="is there already"):
        add(opened, CredentialKind.RF_CARD, CARD)


def test_presented_once_it_is_tagged_anew(opened: Site) -> None:
    card = add(opened, CredentialKind.RF_CARD, CARD)
    keys.rotate_pepper(admin(opened))
    known = tagger(opened)
    fresh = known.renewed(CredentialKind.RF_CARD, "04:a1:b2:c3:d4", stored(opened, card)[0])
    assert fresh == known.tag(CredentialKind.RF_CARD, CARD)
    with opened.store.write() as connection:
        assert retag(connection, card, fresh)
        assert not retag(connection, card, fresh)
    assert stored(opened, card) == (fresh, "")
    assert known.renewed(CredentialKind.RF_CARD, CARD, fresh) is None
    assert keys.drop_pepper(admin(opened)) == 0
    assert not list((opened.folder / "secrets").glob("pepper.*"))


def test_several_peppers_one_after_the_other(opened: Site) -> None:
    first = add(opened, CredentialKind.RF_CARD, CARD)
    keys.rotate_pepper(admin(opened))
    second = add(opened, CredentialKind.RF_CARD, OTHER)
    done = keys.rotate_pepper(admin(opened))
    assert done.left == 2
    known = tagger(opened)
    assert stored(opened, first)[0] in known.tags(CredentialKind.RF_CARD, CARD)
    assert stored(opened, second)[0] in known.tags(CredentialKind.RF_CARD, OTHER)
    assert stored(opened, first)[1] != stored(opened, second)[1] != ""
    assert keys.drop_pepper(admin(opened)) == 2
    with opened.store.read() as connection:
        assert connection.execute(select(credential.c.id)).all() == []


def test_a_pepper_half_replaced_is_finished(opened: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    card = add(opened, CredentialKind.RF_CARD, CARD)
    interrupted(monkeypatch, lambda: keys.rotate_pepper(admin(opened)))
    late = add(opened, CredentialKind.RF_CARD, OTHER)
    done = keys.rotate_pepper(admin(opened))
    assert done.left == 1
    known = tagger(opened)
    assert known.tags(CredentialKind.RF_CARD, CARD)[0] != stored(opened, card)[0]
    assert stored(opened, card)[0] in known.tags(CredentialKind.RF_CARD, CARD)
    assert stored(opened, late) == (known.tag(CredentialKind.RF_CARD, OTHER), "")


def test_nothing_that_is_told_gives_a_key_away(opened: Site) -> None:
    keys.rotate_key(admin(opened))
    keys.rotate_pepper(admin(opened))
    with reading(opened.store) as scope:
        told = str(keys.status(scope, SiteSecrets.load(opened.folder)))
    for file in (opened.folder / "secrets").iterdir():
        assert file.stat().st_mode & 0o777 == 0o600
        assert file.read_bytes().hex() not in told
