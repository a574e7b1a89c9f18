"""What the supervisor needs to know of a broker program."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from mqtt.accounts import Account
from mqtt.broker.listeners import Listeners


class Program(Protocol):
    """One program that can be our broker. It writes files and names a command line; others start it.

    On SIGHUP the program reads its accounts again, lets the new ones in and drops the links of the removed ones; on
    SIGTERM it ends.
    """

    name: str

    def write_config(self, folder: Path, listeners: Listeners) -> None:
        """Write what does not change while it runs. No secrets in it."""
        ...

    def write_accounts(self, folder: Path, accounts: Sequence[Account]) -> None:
        """Write who may log in, in one step. May take tens of milliseconds: call it in a thread."""
        ...

    def command(self, folder: Path) -> tuple[str, ...]:
        """The command line. No secrets in it."""
        ...
