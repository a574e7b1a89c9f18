"""Examinations of what is secret at rest: files that others could read, keys half replaced, faces without consent."""

import stat
from collections.abc import Iterator

from sqlalchemy import select

from edge.admin import keys
from edge.admin.edit import Reading
from edge.admin.site import Site
from edge.commands.finding import Finding, Level, named
from edge.store.secrets import NEXT
from edge.store.tables import credential
from models.access import CredentialKind


def examine_files(site: Site) -> Iterator[Finding]:
    """Files with secrets or residents' data that others could read or change."""
    folder = site.folder
    private = [folder / "secrets", *(folder / "secrets").iterdir(), folder / "run"]
    if site.store.path is not None:  # with -wal and -shm, copies made before upgrades, and the reserve
        private += site.store.path.parent.glob(f"{site.store.path.name}*")
    for path in private:
        try:
            mode = stat.S_IMODE(path.stat().st_mode)
        except FileNotFoundError:  # SQLite's files come and go
            continue
        if mode & 0o077:
            right = "700" if path.is_dir() else "600"
            yield Finding("files", Level.WRONG, f"{path} is open to others (mode {mode:03o})", f"chmod {right} {path}")


def examine_keys(scope: Reading, site: Site) -> Iterator[Finding]:
    """A replacement that was interrupted, and credentials that still need an older pepper."""
    found = keys.status(scope, site.secrets)
    for name in found["unfinished"]:
        do = f"finish it: edge secrets rotate-{'key' if name == 'store.key' else 'pepper'}"
        yield Finding("secrets", Level.WRONG, f"the replacement of {name} was interrupted ({name}{NEXT} is there)", do)
    if found["old_tags"]:
        message = f"{len(found['old_tags'])} credentials still have a tag of an older pepper"
        do = "have them presented once at a door, or issue them again: edge secrets status"
        yield Finding("secrets", Level.NOTE, message, do)


def examine_consent(scope: Reading) -> Iterator[Finding]:
    """Faces whose owner's consent was not recorded."""
    query = select(credential.c.id).where(
        credential.c.community_id == scope.community_id,
        credential.c.kind == CredentialKind.FACE,
        credential.c.consent_at_ms.is_(None),
    )
    without = list(scope.connection.execute(query).scalars())
    if without:
        message = f"faces without recorded consent: {named(without)}"
        yield Finding("credentials", Level.NOTE, message, "ask their owners, then add them again with --consent")
