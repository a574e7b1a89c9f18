"""An edge and a central store of each test's own."""

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from edge.admin.site import Site, make_site
from tests.fakes.central import FakeCentral
from tests.loopback.sync.lab import Edge


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sync") / "site"
    make_site(folder, {"name": "Test", "time_zone": "Europe/Warsaw", "country": "PL"})
    return folder


@pytest.fixture
def edge(template: Path, tmp_path: Path) -> Iterator[Edge]:
    shutil.copytree(template, tmp_path / "site")
    opened = Edge(Site.open(tmp_path / "site"))
    yield opened
    opened.close()


@pytest.fixture
async def central() -> AsyncIterator[FakeCentral]:
    async with FakeCentral() as fake:
        yield fake
