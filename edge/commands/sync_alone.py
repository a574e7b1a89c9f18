"""Sync by the command line itself, beside which no daemon runs."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import click

from edge.clock import SystemClock
from edge.cloud.apply import Applier
from edge.cloud.client import CentralClient, Denied, Gone, Unreachable
from edge.cloud.compare import Difference, compare
from edge.cloud.sync import CentralSync, Settings
from edge.cloud.wire import Broken
from edge.cloud.wiring import central_tls
from edge.commands.base import Cli
from edge.store.writer import Job, Writer

T = TypeVar("T")


def pull_alone(cli: Cli) -> tuple[int, dict[str, Any]]:
    """As the daemon answers it: an HTTP status, and what is told."""
    site = cli.site
    writer = Writer(site.store)
    writer.start()

    def commit(job: Job[Any]) -> Any:
        return writer.submit(job).result()

    clock = SystemClock()
    applier = Applier(site.store, site.secrets, commit, clock.now_ms)
    central = site.config.central
    settings = Settings(central.url, central.wait_s, central_tls(site.folder, central.ca))
    try:
        outcome = _run(CentralSync(applier, site.store, writer, clock, settings).catch_up)
    except click.ClickException as error:
        return 502, {"error": error.message}
    finally:
        writer.close()
    me = applier.enrolled()
    fault = None if outcome is None else outcome.fault
    place = {} if me is None else {"epoch": me.epoch, "applied": me.cursor}
    return 200, {"ok": fault is None, **place, **({} if fault is None else {"error": str(fault)})}


def compare_alone(cli: Cli) -> list[dict[str, Any]]:
    """Rows of `edge sync compare`."""
    site = cli.site
    clock = SystemClock()
    central = site.config.central

    async def differences() -> list[Difference]:
        applier = Applier(site.store, site.secrets, _never, clock.now_ms)
        me = applier.enrolled()
        if me is None:
            raise LookupError("this edge is not enrolled with a central store")
        client = CentralClient(
            me, central.url or me.url, wait_s=0.0, now_s=lambda: clock.now_ms() / 1000,
            tls=central_tls(site.folder, central.ca),
        )  # fmt: skip
        async with client:
            return await compare(applier, me, client)

    return [each.row() for each in _run(differences)]


def _never(job: Job[Any]) -> Any:
    raise RuntimeError("a comparison changes nothing")


def _run(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    try:
        return asyncio.run(work())
    except (Denied, Unreachable, Broken, Gone, LookupError) as error:
        raise click.ClickException(str(error)) from error
