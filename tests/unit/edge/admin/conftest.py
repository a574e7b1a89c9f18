"""A site of each test's own, copied from one that was made once."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from edge.admin.edit import Edit, Reading, reading
from edge.admin.site import Site, make_site
from models.service import FeaturePlan

MACS = tuple(f"0c110500000{n}" for n in range(8))


def make(folder: Path, **options: object) -> None:
    make_site(folder, {"name": "Test", "time_zone": "Europe/Warsaw", "country": "PL", **options})


@pytest.fixture(scope="session")
def premium_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("premium") / "site"
    make(folder)
    return folder


@pytest.fixture(scope="session")
def basic_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("basic") / "site"
    make(folder, plan=FeaturePlan.BASIC)
    return folder


@pytest.fixture
def site(premium_folder: Path, tmp_path: Path) -> Iterator[Site]:
    """Premium, PIN mode, Europe/Warsaw, Poland."""
    shutil.copytree(premium_folder, tmp_path / "site")
    opened = Site.open(tmp_path / "site")
    yield opened
    opened.close()


@pytest.fixture
def basic(basic_folder: Path, tmp_path: Path) -> Iterator[Site]:
    shutil.copytree(basic_folder, tmp_path / "basic")
    opened = Site.open(tmp_path / "basic")
    yield opened
    opened.close()


@pytest.fixture
def edit(site: Site) -> Callable[[], AbstractContextManager[Edit]]:
    return site.admin("installer").edit


@pytest.fixture
def read(site: Site) -> Callable[[], AbstractContextManager[Reading]]:
    return lambda: reading(site.store)
