"""Whatever fits the OpenAPI document of the daemon, and what does not fit it, is answered below 500."""

import asyncio
from pathlib import Path

import schemathesis

from edge.http.settings import HttpSettings
from tests.openapi_lab import ask_everything
from tests.peers.site import house

GATE = "0C1105C00001"
EXAMPLES = 4


def adjust(case: schemathesis.Case) -> None:
    """Every second request is about the one device that is there."""
    if "mac" in case.path_parameters and len(str(case.path_parameters["mac"])) % 2:
        case.path_parameters["mac"] = GATE.lower()


async def test_no_request_is_answered_with_500(tmp_path: Path, address: str) -> None:
    async with house(tmp_path, address, judged=False) as running:
        await running.device(GATE, "Gate", "--type", "0")
        token = (running.site.folder / "secrets" / "api_token").read_text().strip()
        url = f"http://{address}:{HttpSettings().port}"
        asked = await asyncio.to_thread(ask_everything, url, token, EXAMPLES, adjust)
        status = await running.edge("status")
    assert asked[200] > 3
    assert asked[422] > 0, "what does not fit was asked too"
    assert asked.total() > EXAMPLES * 5
    assert status["daemon"]["pid"]
