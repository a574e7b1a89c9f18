"""Making and opening the site folder."""

import stat

import pytest

from edge.admin.edit import reading
from edge.admin.site import Site, SiteError, make_site
from edge.config import ConfigError
from edge.core.checks import RuleBroken
from edge.store.secrets import SecretsError
from models.service import FeaturePlan


def test_a_site_is_private_and_complete(site):
    for path, mode in ((site.folder / "secrets", 0o700), (site.folder / "edge.db", 0o600)):
        assert stat.S_IMODE(path.stat().st_mode) == mode
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in (site.folder / "secrets").iterdir())
    assert "[sip]" in (site.folder / "edge.toml").read_text()
    with reading(site.store) as scope:
        assert (scope.community.name, scope.community.time_zone) == ("Test", "Europe/Warsaw")


def test_a_site_is_made_once(site):
    with pytest.raises(SiteError):
        make_site(site.folder, {})
    (site.folder / "edge.toml").unlink()
    with pytest.raises(SiteError, match="holds a community already"):
        make_site(site.folder, {})


@pytest.mark.parametrize("options", [{"time_zone": "X"}, {"plan": FeaturePlan.BASIC, "landline_service": True}])
def test_what_is_refused_leaves_nothing_behind(tmp_path, options):
    with pytest.raises(RuleBroken):
        make_site(tmp_path / "site", options)
    assert not (tmp_path / "site").exists()


def test_where_there_is_no_site(tmp_path):
    with pytest.raises(SiteError, match="edge init"):
        Site.open(tmp_path)


def test_an_unfit_part_is_named(site):
    (site.folder / "secrets").chmod(0o755)
    with pytest.raises(SecretsError, match="chmod 700"):
        Site.open(site.folder)
    (site.folder / "edge.toml").write_text("[sip]\nport = -1\n")
    with pytest.raises(ConfigError, match="edge.toml:2"):
        Site.open(site.folder)
