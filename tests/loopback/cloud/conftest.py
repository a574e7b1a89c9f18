"""An edge and a reference central store of each test's own."""

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from edge.admin.site import make_site
from tests.loopback.central.lab import Lab, new_central, open_edge, serving
from tests.loopback.sync.lab import Edge


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("central") / "site"
    make_site(folder, {"name": "Test", "time_zone": "Europe/Warsaw", "country": "PL"})
    return folder


@pytest.fixture
def edge(template: Path, tmp_path: Path) -> Iterator[Edge]:
    shutil.copytree(template, tmp_path / "site")
    opened = open_edge(tmp_path / "site")
    yield opened
    opened.close()


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    async with serving(new_central(tmp_path / "central")) as running:
        yield running
