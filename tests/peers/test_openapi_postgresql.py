"""The central store on PostgreSQL, which keeps fewer texts than SQLite: still nothing is answered with 500."""

from pathlib import Path

import pytest

from tests.loopback.central.lab import new_central
from tests.openapi_lab import ask_everything, at_home, central_served

EXAMPLES = 3


@pytest.mark.peer("postgresql")
def test_no_request_is_answered_with_500(tmp_path: Path, postgresql_url: str) -> None:
    with central_served(new_central(tmp_path / "central", postgresql_url)) as (url, token, community):
        asked = ask_everything(url, token, EXAMPLES, at_home(community))
    assert asked[200] > EXAMPLES
