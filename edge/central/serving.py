"""`edge central serve`: the HTTP of the central store, what wakes its edges, and what is done by the clock."""

import asyncio
import contextlib
import signal
import ssl
from collections.abc import Callable
from pathlib import Path

from fastapi import FastAPI

from edge.central.answers import Answers
from edge.central.api import billing, business, operators, rosters, sites
from edge.central.api import edges as edges_api
from edge.central.api.office import Office, install_refusals
from edge.central.api.uploads import BoundedBody
from edge.central.billing_puller import BillingPuller
from edge.central.feed import Feed
from edge.central.fetching import Fetcher
from edge.central.hints import Hints, unsafe
from edge.central.mailing import Mailer
from edge.central.opening import Opened, opened
from edge.central.roster_sources import Puller
from edge.central.settings import SettingsError
from edge.central.timetable import Timetable
from edge.central.watch import Threads, Watch
from edge.cloud.tokens import SeenTokens
from edge.component import Component, serve
from edge.http.server import HttpServer


def application(office: Office) -> FastAPI:
    """Every route of the central store; its OpenAPI document is at ``/openapi.json``."""
    app = FastAPI(title="intercom-edge central store", version="1", docs_url=None, redoc_url=None)
    app.state.office = office
    install_refusals(app)
    app.add_middleware(BoundedBody)
    app.include_router(edges_api.router(SeenTokens()))
    app.include_router(sites.router)
    app.include_router(business.router)
    app.include_router(billing.router)
    app.include_router(rosters.router)
    app.include_router(operators.router)
    return app


class Serving:
    """The components of an open central store."""

    def __init__(self, here: Opened) -> None:
        self._threads = Threads()
        settings = here.settings.http
        watch = Watch(here.central, self._threads)
        feed = Feed(here.central.secrets.vault, here.key, here.settings.page_items)
        mailer = Mailer(here.settings.mail, here.central.secrets.text("mail_password"))
        puller = Puller(here.central, self._threads, Fetcher(here.settings.rosters.hosts))
        answers = Answers(here.central, self._threads, feed)
        self.billing = BillingPuller(here.central, self._threads, watch, Fetcher(here.settings.billing.hosts))
        self.office = Office(here.central, self._threads, watch, feed, mailer, puller, self.billing, answers)
        self.timetable = Timetable(here.central, self._threads, watch, mailer, puller)
        certificate = (here.folder / settings.certificate, here.folder / settings.key) if settings.certificate else None
        self.http = HttpServer(
            application(self.office), name="central http", listen=(settings.listen,), port=settings.port,
            max_connections=settings.max_connections, certificate=certificate,
        )  # fmt: skip
        hints = _hints(here)
        watch.on_news = hints.due
        self.components: list[Component] = [watch, hints, self.timetable, self.billing, self.http]

    async def run(self, stopping: asyncio.Event, ready: asyncio.Event | None = None) -> None:
        """Until *stopping*. Raises OSError where the address is taken."""
        try:
            await serve(self.components, stopping, ready)
        finally:
            self._threads.close()


def _hints(here: Opened) -> Hints:
    """Raises SettingsError."""
    reached = here.settings.hints
    bad = unsafe(reached.edges)
    if bad:
        raise SettingsError(f"hints.edges.{bad[0]}: a URL is https://host:port, or http:// of a loopback address")
    try:
        tls = ssl.create_default_context(cafile=str(here.folder / reached.ca)) if reached.ca else None
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(f"hints.ca: {error}") from error
    return Hints(reached.edges, here.key, here.central.clock, tls)


def main(folder: Path, told: Callable[[str], None]) -> None:
    """Serve the central store of *folder* until SIGTERM or SIGINT. *told* gets its address once it can be asked.

    Raises SettingsError, SecretsError, StoreError, OSError.
    """
    with opened(folder) as here:
        asyncio.run(_serve(here, told))


async def _serve(here: Opened, told: Callable[[str], None]) -> None:
    serving = Serving(here)
    stopping, ready = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    telling = asyncio.ensure_future(_tell(serving, ready, told))
    try:
        await serving.run(stopping, ready)
    finally:
        telling.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await telling


async def _tell(serving: Serving, ready: asyncio.Event, told: Callable[[str], None]) -> None:
    await ready.wait()
    told(serving.http.addresses[0])
