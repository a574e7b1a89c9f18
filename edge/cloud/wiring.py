"""Sync as the house takes it in."""

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from edge.cloud.apply import Applier
from edge.cloud.push import PushDoor
from edge.cloud.sync import CentralSync, Settings
from edge.core.ports import Clock
from edge.store.engine import Store
from edge.store.secrets import SiteSecrets
from edge.store.writer import Job, Writer


class Configured(Protocol):
    """Section `[central]` of the configuration."""

    @property
    def url(self) -> str: ...

    @property
    def wait_s(self) -> float: ...

    @property
    def ca(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Syncing:
    """The component, to be started when the store's writer runs, and what the HTTP side asks."""

    component: CentralSync
    door: PushDoor


def make_sync(
    site: Path, configured: Configured, store: Store, secrets: SiteSecrets, writer: Writer, clock: Clock
) -> Syncing:
    """Raises OSError where the authority's file can't be read."""

    def commit(job: Job[Any]) -> Any:
        return writer.submit(job).result()

    applier = Applier(store, secrets, commit, clock.now_ms)
    settings = Settings(configured.url, configured.wait_s, central_tls(site, configured.ca))
    component = CentralSync(applier, store, writer, clock, settings)
    return Syncing(component, PushDoor(component, applier, store, clock))


def central_tls(site: Path, ca: str) -> ssl.SSLContext | None:
    """By what the central store's certificate is checked; None = the system's authorities."""
    return ssl.create_default_context(cafile=str(site / ca)) if ca else None
