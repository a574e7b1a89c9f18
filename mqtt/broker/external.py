"""Somebody else's broker, by URL. Its accounts and topic rights are its operator's work (docs/mqtt.md)."""

import asyncio
import logging
import ssl
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from mqtt.client import Endpoint, Login
from mqtt.topics import Topics

log = logging.getLogger(__name__)

_PORTS: Final = {"mqtt": 1883, "mqtts": 8883}


class ExternalBroker:
    """A `Component` and a `Broker`."""

    name = "mqtt broker"

    def __init__(self, url: str, topics: Topics, login_file: Path, ca_file: Path | None = None) -> None:
        """*login_file*: one line ``user:password``. Raises ValueError for a URL or file of another form, OSError."""
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname or parts.username or parts.password:
            raise ValueError("mqtt.url must be mqtt://host[:port] or mqtts://host[:port], without a login in it")
        user, colon, password = login_file.read_text(encoding="utf-8").strip().partition(":")
        if not colon or not user or not password:
            raise ValueError(f"{login_file} must hold one line user:password")
        self._topics = topics
        self._user, self._password = user, password
        tls = None
        if parts.scheme == "mqtts":
            tls = ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
        self._endpoint = Endpoint(parts.hostname, parts.port or _PORTS[parts.scheme], tls)

    def dial(self, link: str) -> tuple[Endpoint, Login]:
        return self._endpoint, Login(self._user, self._password, f"intercom-edge-{self._topics.community}-{link}")

    async def start(self) -> None:
        return

    async def run(self) -> None:
        await asyncio.Event().wait()

    async def stop(self) -> None:
        return

    async def refresh(self) -> None:
        log.warning("the external broker's accounts are not ours to change: tell its operator who came and who went")
