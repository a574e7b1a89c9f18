"""Fixtures of the tests with real programs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.phone.loopback import AddressBlock
from tests.peers import app_build, postgres, sipwatch


@pytest.fixture(scope="session", autouse=True)
def whole_run(tmp_path_factory: pytest.TempPathFactory, loopback_block: AddressBlock) -> Iterator[None]:
    """Nothing malformed is ever sent: SIP of all tests here is captured, every daemon's is judged at the end."""
    folder, network = tmp_path_factory.mktemp("whole-run"), f"127.{loopback_block.block}.0.0/16"
    with sipwatch.every_daemon(), sipwatch.whole_run(folder, network):
        yield


@pytest.fixture(scope="session")
def postgresql_server(loopback_block: AddressBlock) -> Iterator[str]:
    """A server of this run alone; mark the test ``peer("postgresql")``."""
    with postgres.server(loopback_block.address()) as url:
        yield url


@pytest.fixture
def postgresql_url(postgresql_server: str) -> Iterator[str]:
    """SQLAlchemy URL of a new, empty database."""
    with postgres.database(postgresql_server) as url:
        yield url


@pytest.fixture(scope="session")
def app_source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of `app/` with its locked dependencies; mark the test ``peer("node")``."""
    return app_build.installed(tmp_path_factory.mktemp("app"))
