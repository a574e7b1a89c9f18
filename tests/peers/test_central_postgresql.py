"""The central store on PostgreSQL: the tests of `tests/loopback/central` again, on a server.

A test collected here under another name is the very function of that folder; only its central store is another.
"""

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import ModuleType

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from benchmarks import central_fanout
from edge.admin.site import make_site
from edge.central.opening import opened
from edge.central.tables import metadata
from tests.loopback.central import test_business, test_follow
from tests.loopback.central.lab import Lab, new_central, open_edge, serving
from tests.loopback.cloud import test_answers
from tests.loopback.sync.lab import Edge

pytestmark = pytest.mark.peer("postgresql")


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("central") / "site"
    make_site(folder, {"name": "Test", "time_zone": "Europe/Warsaw", "country": "PL"})
    return folder


@pytest.fixture
def edge(template: Path, tmp_path: Path) -> Iterator[Edge]:
    shutil.copytree(template, tmp_path / "site")
    joined = open_edge(tmp_path / "site")
    yield joined
    joined.close()


@pytest.fixture
async def lab(tmp_path: Path, postgresql_url: str) -> AsyncIterator[Lab]:
    async with serving(new_central(tmp_path / "central", postgresql_url)) as running:
        yield running


def _taken_over(*modules: ModuleType) -> Iterator[tuple[str, object]]:
    for module in modules:
        for name, each in vars(module).items():
            if name.startswith("test_") and callable(each):
                yield f"{name}_on_postgresql", each


globals().update(_taken_over(test_follow, test_business, test_answers))


def test_the_migrations_make_the_tables(tmp_path: Path, postgresql_url: str) -> None:
    with opened(new_central(tmp_path / "central", postgresql_url)) as here, here.central.store.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_the_url_of_the_database_stands_in_secrets_alone(tmp_path: Path, postgresql_url: str) -> None:
    folder = new_central(tmp_path / "central", postgresql_url)
    assert postgresql_url not in (folder / "central.toml").read_text()
    assert (folder / "secrets" / "database_url").stat().st_mode & 0o077 == 0


@pytest.mark.timeout(120)
async def test_edges_that_wait_are_told_soon(postgresql_url: str) -> None:
    found = await central_fanout.run(150, postgresql_url, ones=4)
    assert found.one_s < 2
    assert found.all_s < 10
    assert found.memory_mb < 500


async def test_text_that_postgresql_cannot_keep_is_refused(lab: Lab) -> None:
    told = {
        "community": lab.community,
        "building": "1\0",
        "apartment": "\0",
        "has_handset": True,
        "phone": "+48601234567",
    }
    for path, body in (
        ("/v1/address-requests", told),
        (f"/v1/communities/{lab.community}/changes", {"changes": [{"kind": "building", "body": {"name": "a\0"}}]}),
    ):
        answer = await lab.http.post(path, json=body)
        assert 400 <= answer.status_code < 500
