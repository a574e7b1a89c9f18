"""mosquitto as our broker: its configuration, password file and topic rights."""

import os
import pwd
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from mqtt.accounts import Account, Role
from mqtt.broker.listeners import Listener, Listeners
from mqtt.broker.passwords import Hasher, write_private
from mqtt.topics import Topics

_SYSTEM_FOLDERS: Final = "/usr/local/sbin:/usr/sbin:/sbin"  # where Debian keeps it, off people's PATH

CONFIG: Final = "mosquitto.conf"
PASSWORDS: Final = "passwd"  # noqa: S105 - a file's name
RIGHTS: Final = "acl"


def find() -> str | None:
    """The program's path; None where it is not installed."""
    return shutil.which("mosquitto", path=f"{os.environ.get('PATH', os.defpath)}:{_SYSTEM_FOLDERS}")


class Mosquitto:
    """A `Program`. Works with 2.0; every limit has its reason beside it."""

    name = "mosquitto"

    def __init__(self, path: str, topics: Topics) -> None:
        self._path = path
        self._topics = topics
        self._hasher = Hasher()

    def command(self, folder: Path) -> tuple[str, ...]:
        return (self._path, "-c", str(folder / CONFIG))

    def write_config(self, folder: Path, listeners: Listeners) -> None:
        write_private(folder / CONFIG, render_config(folder, listeners))

    def write_accounts(self, folder: Path, accounts: Sequence[Account]) -> None:
        # Rights first: between the two replacements a new login may have too few of them, never too many.
        write_private(folder / RIGHTS, render_rights(self._topics, accounts))
        lines = [f"{user}:{hashed}\n" for user, hashed in self._hasher.hashes(accounts).items()]
        write_private(folder / PASSWORDS, "".join(lines))


def render_config(folder: Path, listeners: Listeners) -> str:
    """`mosquitto.conf`. Raises ValueError for a path with a line break, which would add lines of its own."""
    lines = [
        f"user {pwd.getpwuid(os.geteuid()).pw_name}",  # else a root's broker becomes a user that can't read our files
        # One set of files for all listeners: with separate ones a kept session has no rights until it is back.
        "per_listener_settings false",
        "allow_anonymous false",
        f"password_file {folder / PASSWORDS}",
        f"acl_file {folder / RIGHTS}",
        "max_queued_messages 100000",  # default 1000 loses events and wills in silence; 0 would drop everything
        "max_inflight_messages 200",
        "set_tcp_nodelay true",  # default false: answers come 20-40 ms later
        "max_packet_size 262144",
        "memory_limit 268435456",  # one reader that stopped would take all memory
        "persistence true",  # an event we did not commit yet outlives a restart
        f"persistence_location {folder}/",
        "autosave_interval 10",
        "log_dest stdout",
        "log_type error",
        "log_type warning",
        "log_timestamp false",
        "connection_messages false",
    ]
    for listener in listeners.every:
        lines += _listener_lines(listener)
    if any("\n" in line or "\r" in line for line in lines):
        raise ValueError("a path in the broker's configuration has a line break")
    return "\n".join(lines) + "\n"


def _listener_lines(listener: Listener) -> list[str]:
    lines = [f"listener {listener.port} {listener.address}", "use_username_as_clientid true", "max_connections 5000"]
    if listener.tls is not None:
        lines += [
            f"certfile {listener.tls.certificate}",
            f"keyfile {listener.tls.key}",
            "tls_version tlsv1.2",
        ]
    return lines


def render_rights(topics: Topics, accounts: Sequence[Account]) -> str:
    """The ACL file: what each role may do; whatever is not here is denied.

    `%u` is the user name, which `Account` keeps free of wildcards and slashes.
    """
    lines: list[str] = []
    for account in accounts:
        if account.role is Role.SERVICE:
            lines += [f"user {account.user}", f"topic readwrite {topics.everything}"]
        elif account.role is Role.INTEGRATOR:
            lines += [f"user {account.user}", f"topic read {topics.edge_all}"]
        elif account.role is Role.HOME_ASSISTANT:
            lines += [f"user {account.user}"]
        lines += [f"topic {grant.access} {grant.topics}" for grant in account.grants]
    lines += [
        "",
        f"pattern write {topics.may_write('%u')}",
        f"pattern read {topics.may_read('%u')}",
    ]
    return "\n".join(lines) + "\n"
