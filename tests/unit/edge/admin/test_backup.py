"""A site in one file, and back."""

import shutil
import zipfile
from pathlib import Path

import pytest

from edge.admin import buildings
from edge.admin.backup import back_up
from edge.admin.edit import reading
from edge.admin.restoring import restore
from edge.admin.site import Site, SiteError
from edge.store import journal, outbox
from edge.store.secrets import SecretsError

PASSPHRASE = "correct horse battery"


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """The folder of a new box."""
    return tmp_path / "new" / "site"


def build(site: Site, name: str) -> None:
    with site.admin("installer").edit() as edit:
        buildings.add(edit, name)


def names(folder: Path) -> list[str]:
    site = Site.open(folder)
    try:
        with reading(site.store) as scope:
            return sorted(row.name for row in scope.connection.exec_driver_sql("SELECT name FROM building"))
    finally:
        site.close()


def test_a_new_box_is_made_of_the_file_and_the_passphrase(site: Site, tmp_path: Path, elsewhere: Path) -> None:
    build(site, "North")
    done = back_up(site, tmp_path / "b.zip", PASSPHRASE)
    build(site, "Later")
    assert done.with_secrets
    assert restore(elsewhere, tmp_path / "b.zip", PASSPHRASE) == done
    assert names(elsewhere) == ["North"]
    for kept in (site.folder / "secrets").iterdir():
        copy = elsewhere / "secrets" / kept.name
        assert (copy.read_bytes(), copy.stat().st_mode & 0o777) == (kept.read_bytes(), 0o600)
    assert (elsewhere / "edge.toml").read_bytes() == (site.folder / "edge.toml").read_bytes()


def test_no_secret_is_in_the_file_in_clear(site: Site, tmp_path: Path) -> None:
    back_up(site, tmp_path / "b.zip", PASSPHRASE)
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        told = b"".join(archive.read(name) for name in archive.namelist())
    assert (tmp_path / "b.zip").stat().st_mode & 0o777 == 0o600
    for kept in (site.folder / "secrets").iterdir():
        assert kept.read_bytes() not in told


def test_without_a_passphrase_it_serves_the_same_box(site: Site, tmp_path: Path, elsewhere: Path) -> None:
    build(site, "North")
    back_up(site, tmp_path / "b.zip", None)
    build(site, "Later")
    folder = site.folder
    site.close()
    with pytest.raises(SiteError, match="secrets of this backup are not here"):
        restore(elsewhere, tmp_path / "b.zip", None)
    restore(folder, tmp_path / "b.zip", None)
    assert names(folder) == ["North"]


def test_what_was_there_is_kept_beside_it(site: Site, tmp_path: Path) -> None:
    back_up(site, tmp_path / "b.zip", None)
    build(site, "Later")
    site.close()
    restore(site.folder, tmp_path / "b.zip", None)
    before = next(site.folder.glob("edge.db.before-restore-*Z"))
    shutil.copytree(site.folder, tmp_path / "again")
    shutil.copy(before, tmp_path / "again" / "edge.db")
    assert names(tmp_path / "again") == ["Later"]


def test_a_central_store_takes_the_events_after_it(site: Site, tmp_path: Path) -> None:
    with site.store.read() as connection:
        before = outbox.db_id(connection)
    back_up(site, tmp_path / "b.zip", None)
    site.close()
    restore(site.folder, tmp_path / "b.zip", None)
    again = Site.open(site.folder)
    with again.store.read() as connection:
        assert outbox.db_id(connection) != before
        assert [row["detail"]["action"] for row in journal.rows(connection)][-1] == "site.restore"
    again.close()


@pytest.mark.parametrize("passphrase", ["another passphrase", "correct horse batterz"])
def test_another_passphrase_replaces_nothing(site: Site, tmp_path: Path, elsewhere: Path, passphrase: str) -> None:
    back_up(site, tmp_path / "b.zip", PASSPHRASE)
    with pytest.raises(SecretsError, match="passphrase is another one"):
        restore(elsewhere, tmp_path / "b.zip", passphrase)
    assert list(elsewhere.iterdir()) == []


def test_a_short_passphrase_is_refused_and_leaves_the_older_backup(site: Site, tmp_path: Path) -> None:
    back_up(site, tmp_path / "b.zip", None)
    older = (tmp_path / "b.zip").read_bytes()
    with pytest.raises(SecretsError, match="12 characters"):
        back_up(site, tmp_path / "b.zip", "short")
    assert (tmp_path / "b.zip").read_bytes() == older
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.zip", "site"]


def changed(file: Path, name: str, content: bytes) -> None:
    """Put *content* for *name* in the archive."""
    with zipfile.ZipFile(file) as archive:
        entries = {entry: archive.read(entry) for entry in archive.namelist()}
    with zipfile.ZipFile(file, "w") as archive:
        for entry, old in entries.items():
            archive.writestr(entry, content if entry == name else old)


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("edge.db", b"SQLite format 3\0", "not the one that was put in"),
        ("manifest.json", b"[" * 100_000, "no backup"),
        ("manifest.json", b'{"format": "other"}', "another program"),
        ("manifest.json", b"{}", "no backup"),
    ],
)
def test_a_file_that_was_changed_replaces_nothing(
    site: Site, tmp_path: Path, name: str, content: bytes, why: str
) -> None:
    build(site, "North")
    back_up(site, tmp_path / "b.zip", None)
    changed(tmp_path / "b.zip", name, content)
    site.close()
    with pytest.raises(SiteError, match=why):
        restore(site.folder, tmp_path / "b.zip", None)
    assert names(site.folder) == ["North"]
    assert not list(site.folder.glob("*before-restore*"))


@pytest.mark.parametrize("cut", [10, 1_000])
def test_a_file_that_was_cut_off_is_no_backup(site: Site, tmp_path: Path, elsewhere: Path, cut: int) -> None:
    back_up(site, tmp_path / "b.zip", None)
    whole = (tmp_path / "b.zip").read_bytes()
    (tmp_path / "b.zip").write_bytes(whole[:-cut])
    with pytest.raises(SiteError, match="no whole backup"):
        restore(elsewhere, tmp_path / "b.zip", None)
