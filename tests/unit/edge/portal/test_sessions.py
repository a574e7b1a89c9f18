from dataclasses import replace

import pytest

from edge.admin.edit import NotFound, Refused, reading
from edge.admin.site import Site
from edge.core.checks import RuleBroken
from edge.portal import sessions
from edge.store.changes import current_revision
from tests.unit.edge.portal.browser import BrowserKey

POINT = BrowserKey().point


def invited(site: Site, resident: str) -> str:
    with site.admin("installer").edit() as edit:
        return sessions.invite(edit, resident, 1.0)


def let_in(site: Site, secret: str, name: str = "Phone") -> sessions.Session:
    with site.admin("app").edit() as edit:
        return sessions.redeem(edit, secret, POINT, name)


def test_an_invitation_lets_one_browser_in_once(site: Site, anna: str) -> None:
    secret = invited(site, anna)
    session = let_in(site, secret)
    with pytest.raises(Refused):
        let_in(site, secret)
    with reading(site.store) as scope:
        assert sessions.load(scope.connection) == {session.id: session}
        (row,) = sessions.listed(scope, anna)
    assert (row["name"], row["push"], row["seen"]) == ("Phone", False, None)


def test_a_new_invitation_voids_the_one_that_waits(site: Site, anna: str) -> None:
    first, second = invited(site, anna), invited(site, anna)
    with pytest.raises(Refused):
        let_in(site, first)
    let_in(site, second)


def test_an_invitation_ends(site: Site, anna: str) -> None:
    secret = invited(site, anna)
    admin = site.admin("app")
    later = replace(admin, now_ms=lambda: admin.now_ms() + 3_600_001)
    with pytest.raises(Refused), later.edit() as edit:
        sessions.redeem(edit, secret, POINT, "Phone")


def test_a_bad_name_leaves_the_invitation(site: Site, anna: str) -> None:
    secret = invited(site, anna)
    for name in ("", "\x07", "x" * 1000):
        with pytest.raises(RuleBroken):
            let_in(site, secret, name)
    assert let_in(site, secret).name == "Phone"


def test_the_secret_is_nowhere_in_the_store(site: Site, anna: str) -> None:
    secret = invited(site, anna)
    assert secret.encode() not in b"".join(path.read_bytes() for path in site.folder.glob("edge.db*"))


def test_a_revoked_session_is_gone_and_the_daemon_is_told(site: Site, anna: str) -> None:
    session = let_in(site, invited(site, anna))
    with reading(site.store) as scope:
        before = current_revision(scope.connection)
    with site.admin("installer").edit() as edit:
        sessions.revoke(edit, session.id)
    with reading(site.store) as scope:
        assert current_revision(scope.connection) == before + 1
        assert sessions.load(scope.connection) == {}
    with pytest.raises(NotFound), site.admin("installer").edit() as edit:
        sessions.revoke(edit, session.id)


def test_one_resident_has_a_bounded_number_of_apps(site: Site, anna: str) -> None:
    for _ in range(sessions.SESSIONS_MAX):
        let_in(site, invited(site, anna))
    with pytest.raises(Refused):
        let_in(site, invited(site, anna))


def test_nobody_else_is_invited(site: Site, anna: str) -> None:
    with pytest.raises(NotFound):
        invited(site, "r_nobody")
