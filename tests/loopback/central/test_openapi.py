"""Whatever fits the OpenAPI document of the central store, and what does not fit it, is answered below 500."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings

from tests.loopback.central.lab import furniture, new_central, serving

EXAMPLES = 12


@pytest.fixture(scope="module")
def central(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str, str]]:
    """URL, token and community of a central store in a loop of its own."""
    folder: Path = new_central(tmp_path_factory.mktemp("openapi") / "central")
    found: list[tuple[str, str, str]] = []
    loop = asyncio.new_event_loop()
    ready, stop = threading.Event(), asyncio.Event()

    async def run() -> None:
        async with serving(folder) as lab:
            await lab.change(*furniture(2))
            found.append((lab.url, lab.token, lab.community))
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),))
    thread.start()
    assert ready.wait(60)
    yield found[0]
    loop.call_soon_threadsafe(stop.set)
    thread.join(60)
    loop.close()


def test_no_request_is_answered_with_500(central: tuple[str, str, str]) -> None:
    url, token, community = central
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
    asked: list[int] = []
    for found in schema.get_all_operations():
        operation = found.ok()

        @settings(
            max_examples=EXAMPLES, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=operation.as_strategy())
        def ask(case: schemathesis.Case) -> None:
            if "community" in case.path_parameters:
                case.path_parameters["community"] = community
            if isinstance(case.body, dict) and "community" in case.body:
                case.body["community"] = community
            answer = case.call(headers={"Authorization": f"Bearer {token}"})
            asked.append(answer.status_code)
            assert answer.status_code < 500, f"{case.method} {case.formatted_path}: {answer.text}"

        ask()
    assert 200 in asked
    assert len(asked) > EXAMPLES * 10
