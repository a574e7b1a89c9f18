"""Somebody else's broker, by URL. Its accounts and topic rights are its operator's work (docs/external-broker.md)."""

import asyncio
import logging
import ssl
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from mqtt.client import Endpoint, Login
from mqtt.topics import Topics

log = logging.getLogger(__name__)

PER_LINK: Final = "*"
_PORTS: Final = {"mqtt": 1883, "mqtts": 8883}


class ExternalBroker:
    """A `Component` and a `Broker`."""

    name = "mqtt broker"

    def __init__(
        self, url: str, topics: Topics, login_file: Path, ca_file: Path | None = None, *, setting: str = "mqtt.url"
    ) -> None:
        """*login_file*: one line ``user:password``; a ``*`` in the user stands for the link, so that each has a login
        of its own, as a broker needs that makes the user name the client id.

        Raises ValueError, which names *setting*, for a URL or file of another form; OSError.
        """
        self._endpoint = parse_url(url, ca_file, setting)
        self._topics = topics
        self._user, self._password = parse_login(login_file)

    def dial(self, link: str) -> tuple[Endpoint, Login]:
        user = self._user.replace(PER_LINK, link)
        return self._endpoint, Login(user, self._password, client_id(self._topics, link))

    async def start(self) -> None:
        return

    async def run(self) -> None:
        await asyncio.Event().wait()

    async def stop(self) -> None:
        return

    async def refresh(self) -> None:
        log.warning("the external broker's accounts are not ours to change: tell its operator who came and who went")


def client_id(topics: Topics, link: str) -> str:
    """As what the daemon's *link* connects to a broker that is not ours."""
    return f"intercom-edge-{topics.community}-{link}"


def parse_login(file: Path) -> tuple[str, str]:
    """User and password in *file*. Raises ValueError for one of another form, OSError."""
    user, colon, password = file.read_text(encoding="utf-8").strip().partition(":")
    if not colon or not user or not password:
        raise ValueError(f"{file} must hold one line user:password")
    return user, password


def parse_url(url: str, ca_file: Path | None, setting: str) -> Endpoint:
    """Raises ValueError, which names *setting*, for anything else than mqtt:// or mqtts:// with a host."""
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname or parts.username or parts.password:
        raise ValueError(f"{setting} must be mqtt://host[:port] or mqtts://host[:port], without a login in it")
    tls = None
    if parts.scheme == "mqtts":
        tls = ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    return Endpoint(parts.hostname, parts.port or _PORTS[parts.scheme], tls)
