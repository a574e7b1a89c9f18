"""Fixtures of the tests with real programs."""

from collections.abc import Iterator

import pytest

from edge.phone.loopback import AddressBlock
from tests.peers import postgres


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
