from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.store.engine import Store
from tests.unit.edge.store import sample


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sample.make_template(tmp_path_factory.mktemp("store") / "template.db")


@pytest.fixture
def empty(template: Path, tmp_path: Path) -> Iterator[Store]:
    """A store with the schema and nothing else."""
    store = sample.empty_store(template, tmp_path / "edge.db")
    yield store
    store.close()


@pytest.fixture
def store(empty: Store) -> Store:
    """A store with the sample community."""
    sample.fill(empty)
    return empty
