"""Our embedded broker as a child process: its configuration and accounts file. The broker is in `mqtt.broker.child`.

The stand-in where mosquitto is not installed: Python, MQTT 3.1.1 only, nothing kept over a restart.
"""

import json
import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mqtt.accounts import Account, Role
from mqtt.broker.listeners import Listener, Listeners, TlsFiles
from mqtt.broker.passwords import Hasher, write_private
from mqtt.topics import Topics

log = logging.getLogger(__name__)

SUPPORTED_DEVICES: Final = 500
CONFIG: Final = "embedded.json"
ACCOUNTS: Final = "accounts.json"


class Embedded:
    """A `Program`."""

    name = "embedded broker"

    def __init__(self, topics: Topics) -> None:
        self._topics = topics
        self._hasher = Hasher()
        self._warned = False

    def command(self, folder: Path) -> tuple[str, ...]:
        return (sys.executable, "-m", "mqtt.broker", str(folder / CONFIG))

    def write_config(self, folder: Path, listeners: Listeners) -> None:
        config = ChildConfig(self._topics, listeners.every, folder / ACCOUNTS)
        write_private(folder / CONFIG, config.to_json())

    def write_accounts(self, folder: Path, accounts: Sequence[Account]) -> None:
        self._warn_of_size(sum(account.role is Role.DEVICE for account in accounts))
        hashes = self._hasher.hashes(accounts)
        rows = {account.user: [account.role.value, hashes[account.user]] for account in accounts}
        write_private(folder / ACCOUNTS, json.dumps(rows))

    def _warn_of_size(self, devices: int) -> None:
        if devices > SUPPORTED_DEVICES and not self._warned:
            log.warning(
                "%d devices at the embedded broker, which is supported up to %d: install mosquitto",
                devices,
                SUPPORTED_DEVICES,
            )
        self._warned = devices > SUPPORTED_DEVICES


@dataclass(frozen=True, slots=True)
class ChildConfig:
    """What the child is told in its file."""

    topics: Topics
    listeners: tuple[Listener, ...]
    accounts_file: Path

    def to_json(self) -> str:
        listeners = [
            {
                "address": listener.address,
                "port": listener.port,
                "tls": listener.tls and [str(listener.tls.certificate), str(listener.tls.key)],
            }
            for listener in self.listeners
        ]
        return json.dumps(
            {
                "prefix": self.topics.prefix,
                "community": self.topics.community,
                "accounts_file": str(self.accounts_file),
                "listeners": listeners,
            }
        )

    @classmethod
    def from_json(cls, text: str) -> "ChildConfig":
        """The inverse of `to_json`. Raises KeyError, TypeError or ValueError for anything else."""
        raw = json.loads(text)
        listeners = tuple(
            Listener(row["address"], row["port"], row["tls"] and TlsFiles(*map(Path, row["tls"])))
            for row in raw["listeners"]
        )
        return cls(Topics(raw["prefix"], raw["community"]), listeners, Path(raw["accounts_file"]))
