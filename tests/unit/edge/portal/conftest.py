"""A site with Anna in 1/101."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.admin import apartments, buildings, residents
from edge.admin.site import Site, make_site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    make_site(tmp_path / "site", {"name": "Test", "time_zone": "Europe/Warsaw", "country": "PL"})
    opened = Site.open(tmp_path / "site")
    yield opened
    opened.close()


@pytest.fixture
def anna(site: Site) -> str:
    with site.admin("installer").edit() as edit:
        buildings.add(edit, "1")
        apartments.add(edit, "1/101")
        return residents.add(edit, "1/101", first_name="Anna", last_name="Berg")
