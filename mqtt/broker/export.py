"""What the operator of somebody else's broker needs to let our devices in, and nothing more, as files.

    passwd, acl              for mosquitto's password_file and acl_file
    dynamic-security.json    for mosquitto's dynamic-security plugin instead

Write them anew whenever devices or logins change: nobody else tells that broker.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from mqtt.accounts import Account, Role
from mqtt.broker.external import PER_LINK, client_id
from mqtt.broker.mosquitto import PASSWORDS, RIGHTS, render_rights
from mqtt.broker.passwords import Hasher, write_private
from mqtt.brokers import EVENTS, LIVE
from mqtt.topics import Topics

DYNAMIC_SECURITY: Final = "dynamic-security.json"
_HASH_KIND: Final = "7"  # PBKDF2-HMAC-SHA-512, the only one the plugin knows

Acl = dict[str, Any]


def service_accounts(user: str, password: str, links: Iterable[str] = (LIVE, EVENTS)) -> tuple[Account, ...]:
    """The daemon's own logins, as `secrets/mqtt_password` has them: one for each link where *user* holds a ``*``.

    Raises ValueError for a user that does not begin with ``edge``: it could be taken for a device or an integrator.
    """
    users = dict.fromkeys(user.replace(PER_LINK, link) for link in links)
    return tuple(Account(name, password, Role.SERVICE) for name in users)


def export(folder: Path, topics: Topics, accounts: Sequence[Account]) -> tuple[Path, ...]:
    """Write the three files into *folder* (made if missing), each in one step and readable by its owner only.

    *accounts*: everybody, the daemon's own included. Raises OSError. Some milliseconds a hundred accounts.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    hashes = Hasher().hashes(accounts)
    texts = {
        PASSWORDS: "".join(f"{user}:{hashed}\n" for user, hashed in hashes.items()),
        RIGHTS: render_rights(topics, accounts),
        DYNAMIC_SECURITY: json.dumps(dynamic_security(topics, accounts, hashes), indent=1) + "\n",
    }
    for name, text in texts.items():
        write_private(folder / name, text)
    return tuple(folder / name for name in texts)


def dynamic_security(topics: Topics, accounts: Sequence[Account], hashes: Mapping[str, str]) -> dict[str, Any]:
    """The plugin's file. A role for each login: the plugin does not replace ``%u`` in a topic (seen with 2.0.11)."""
    nothing = {"publishClientSend": False, "publishClientReceive": False, "subscribe": False, "unsubscribe": True}
    return {
        "defaultACLAccess": nothing,
        "clients": [_client(topics, account, hashes[account.user]) for account in accounts],
        "roles": [{"rolename": account.user, "acls": _acls(topics, account)} for account in accounts],
    }


def _client(topics: Topics, account: Account, hashed: str) -> dict[str, Any]:
    _, kind, iterations, salt, digest = hashed.split("$")
    if kind != _HASH_KIND:
        raise ValueError(f"password hashes of kind {kind} can't be used with dynamic security")
    client = {
        "username": account.user,
        "password": digest,
        "salt": salt,
        "iterations": int(iterations),
        "roles": [{"rolename": account.user}],
    }
    bound = _client_id(topics, account)
    return {**client, "clientid": bound} if bound is not None else client


def _client_id(topics: Topics, account: Account) -> str | None:
    """The one client id that *account* may use, so that nobody throws another off; None = any.

    Without a login for each link the daemon has several ids under one user.
    """
    if account.role is Role.SERVICE:
        _, dash, link = account.user.partition("-")
        return client_id(topics, link) if dash else None
    return account.user if account.role is Role.DEVICE else None


def _acls(topics: Topics, account: Account) -> list[Acl]:
    rights: list[tuple[str, str]] = [(grant.access, grant.topics) for grant in account.grants]
    match account.role:
        case Role.DEVICE:
            rights += [("write", topics.may_write(account.user)), ("read", topics.may_read(account.user))]
        case Role.SERVICE:
            rights += [("readwrite", topics.everything)]
        case Role.INTEGRATOR:
            rights += [("read", topics.edge_all)]
        case Role.HOME_ASSISTANT:
            pass  # what it was granted
    return [acl for access, wanted in rights for acl in _entries(access, wanted)]


def _entries(access: str, wanted: str) -> Iterable[Acl]:
    kinds = {"read": ("publishClientReceive", "subscribePattern"), "write": ("publishClientSend",)}
    for kind in (*kinds["write"], *kinds["read"]) if access == "readwrite" else kinds[access]:
        yield {"acltype": kind, "topic": wanted, "priority": 0, "allow": True}
