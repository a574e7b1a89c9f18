"""Whatever fits the OpenAPI document of the central store, and what does not fit it, is answered below 500."""

from pathlib import Path

from tests.loopback.central.lab import new_central
from tests.openapi_lab import ask_everything, at_home, central_served

EXAMPLES = 3


def test_no_request_is_answered_with_500(tmp_path: Path) -> None:
    with central_served(new_central(tmp_path / "central")) as (url, token, community):
        asked = ask_everything(url, token, EXAMPLES, at_home(community))
    assert asked[200] > EXAMPLES
    assert asked.total() > EXAMPLES * 20
