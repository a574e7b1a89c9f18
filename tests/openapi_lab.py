"""Asks a server everything that its OpenAPI document allows, and some that it does not, and never takes a 5xx."""

import asyncio
import contextlib
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.generation import GenerationMode

from tests.loopback.central.lab import furniture, serving

WITHIN_S = 30.0
MAY_BE_503 = frozenset({"/readyz"})  # says that a part is down; and not by mistake


def ask_everything(
    url: str, token: str, examples: int, adjust: Callable[[schemathesis.Case], None] = lambda _: None
) -> Counter[int]:
    """So many requests of each operation; how often each status came. *adjust* names things that are there."""
    bearer = {"Authorization": f"Bearer {token}"}
    document = requests.get(f"{url}/openapi.json", headers=bearer, timeout=WITHIN_S).json()
    schema = schemathesis.openapi.from_dict(document)
    asked: Counter[int] = Counter()
    for found in schema.get_all_operations():
        for mode in GenerationMode:
            _ask(found.ok(), mode, examples, url, bearer, adjust, asked)
    return asked


def _ask(
    operation: schemathesis.APIOperation, mode: GenerationMode, examples: int, url: str, bearer: dict[str, str],
    adjust: Callable[[schemathesis.Case], None], asked: Counter[int],
) -> None:  # fmt: skip
    @settings(
        max_examples=examples, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: schemathesis.Case) -> None:
        adjust(case)
        told = case.as_transport_kwargs(base_url=url, headers=bearer)
        # An answer may be a stream without end: its beginning is enough.
        with requests.request(**told, stream=True, timeout=WITHIN_S, allow_redirects=False) as answer:
            asked[answer.status_code] += 1
            good = answer.status_code < 500 or case.path in MAY_BE_503
            assert good, f"{case.method} {case.formatted_path}: {answer.status_code} {answer.text[:500]}"

    with contextlib.suppress(Unsatisfiable):  # nothing of it can be wrong
        ask()


@contextlib.contextmanager
def central_served(folder: Path) -> Iterator[tuple[str, str, str]]:
    """URL, token and community of the central store in *folder*, furnished, in a loop of its own."""
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
    try:
        yield found[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(60)
        loop.close()


def at_home(community: str) -> Callable[[schemathesis.Case], None]:
    """Whatever names a community, names this one."""

    def adjust(case: schemathesis.Case) -> None:
        if "community" in case.path_parameters:
            case.path_parameters["community"] = community
        if isinstance(case.body, dict) and "community" in case.body:
            case.body["community"] = community

    return adjust
