"""What goes in and out of the central store beside sync, on PostgreSQL: tests of `tests/loopback/central` again."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.loopback.central import test_adopting, test_billing_sources, test_roles, test_roster_sources
from tests.loopback.central.lab import Lab, new_central, serving
from tests.loopback.central.test_adopting import central, made, site
from tests.loopback.central.test_billing_sources import LanBilling
from tests.loopback.central.test_roles import staff
from tests.loopback.central.test_roster_sources import SetClock
from tests.loopback.central.web import Web, web

__all__ = ["central", "made", "site", "staff"]  # fixtures
pytestmark = pytest.mark.peer("postgresql")

test_adopted_on_postgresql = test_adopting.test_the_mapping_is_shown_then_applied_and_the_edge_goes_on_with_its_ids
test_audit_on_postgresql = test_roles.test_every_change_is_in_the_audit_log_with_who_made_it
test_results_on_postgresql = test_billing_sources.test_every_account_has_its_own_result_and_the_billing_system_hears_it
test_roster_on_postgresql = test_roster_sources.test_it_is_fetched_daily_from_two_o_clock_and_again_where_that_failed


@pytest.fixture
async def pms() -> AsyncIterator[Web]:
    async with web() as served:
        yield served


@pytest.fixture
def billing(pms: Web) -> LanBilling:
    fake = LanBilling(pms)
    pms.anything = fake.answer
    return fake


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
async def lab(tmp_path: Path, postgresql_url: str, pms: Web, request: pytest.FixtureRequest) -> AsyncIterator[Lab]:
    folder = new_central(tmp_path / "central", postgresql_url)
    settings = folder / "central.toml"
    settings.write_text(settings.read_text().replace("hosts = []", f'hosts = ["{pms.authority}"]'))
    clock = request.getfixturevalue("clock") if "clock" in request.fixturenames else None
    async with serving(folder, clock) as running:
        yield running
