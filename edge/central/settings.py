"""``central.toml``: where the central store keeps its rows, where it listens, by whom it sends mail."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final, TypeVar

FILE_NAME: Final = "central.toml"
DATABASE: Final = "sqlite:///central.db"
S = TypeVar("S")


class SettingsError(Exception):
    """``central.toml`` can't be used; the message says what and where."""


@dataclass(frozen=True, slots=True)
class Http:
    """*certificate*, *key*: files. Without them plain HTTP, for loopback addresses or behind a proxy that has TLS."""

    listen: str = "127.0.0.1"
    port: int = 8480
    certificate: str = ""
    key: str = ""
    max_connections: int = 4096


@dataclass(frozen=True, slots=True)
class Mail:
    """*host* "" = no mail is sent. The password is the file ``secrets/mail_password``."""

    host: str = ""
    port: int = 587
    user: str = ""
    sender: str = ""
    start_tls: bool = True


@dataclass(frozen=True, slots=True)
class Outside:
    """*hosts*: ``name`` or ``name:port``, which may be asked over plain HTTP and at private addresses; all others are
    asked over https, at public addresses."""

    hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reached:
    """*edges*: id to URL, of those that this machine reaches. *ca*: a file with who signs their certificates."""

    edges: Mapping[str, str] = field(default_factory=dict)
    ca: str = ""


@dataclass(frozen=True, slots=True)
class CentralSettings:
    database: str = DATABASE
    page_items: int = 150_000
    http: Http = field(default_factory=Http)
    mail: Mail = field(default_factory=Mail)
    rosters: Outside = field(default_factory=Outside)
    billing: Outside = field(default_factory=Outside)
    hints: Reached = field(default_factory=Reached)


def load(file: Path) -> CentralSettings:
    """Raises SettingsError."""
    try:
        told = tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise SettingsError(f"{file}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file}: {error}") from error
    http = _read(Http, told.pop("http", {}), "http.")
    mail = _read(Mail, told.pop("mail", {}), "mail.")
    outside = {name: _read(Outside, told.pop(name, {}), f"{name}.") for name in ("rosters", "billing")}
    hints = _read(Reached, told.pop("hints", {}), "hints.")
    for edge, url in hints.edges.items():
        if not isinstance(url, str):
            raise SettingsError(f"{file}: hints.edges.{edge} must be a URL")
    found = _read(CentralSettings, told, "", http=http, mail=mail, hints=hints, **outside)
    if bool(http.certificate) != bool(http.key):
        raise SettingsError(f"{file}: http.certificate and http.key go together")
    return found


def _read(kind: type[S], told: Any, prefix: str, **ready: Any) -> S:
    if not isinstance(told, Mapping):
        raise SettingsError(f"{FILE_NAME}: {prefix.rstrip('.')} must be a table")
    defaults = {each.name: getattr(kind(), each.name) for each in fields(kind)}  # type: ignore[arg-type]  # dataclasses
    for name, value in told.items():
        if name not in defaults or name in ready:
            raise SettingsError(f"{FILE_NAME}: there is no setting {prefix}{name}")
        if type(_plain(value)) is not type(defaults[name]):
            raise SettingsError(f"{FILE_NAME}: {prefix}{name} must be {type(defaults[name]).__name__}")
    return kind(**{name: _plain(value) for name, value in told.items()}, **ready)


def _plain(value: Any) -> Any:
    """A list of words as the settings have it; anything else as it is."""
    is_words = isinstance(value, list) and all(isinstance(each, str) for each in value)
    return tuple(value) if is_words else value


def template(database: str, listen: str, port: int) -> str:
    """A new ``central.toml``."""
    return (
        "# The central store. Secrets are in secrets/, never here.\n"
        f'database = "{database}"\n\n'
        "[http]\n"
        "# Edges need https, except on a loopback address: name a certificate and its key, or put a proxy before it.\n"
        f'listen = "{listen}"\nport = {port}\n# certificate = "tls/chain.pem"\n# key = "tls/key.pem"\n\n'
        "[mail]\n"
        '# Notices of subscriptions. The password stands in secrets/mail_password.\nhost = ""\n\n'
        "[rosters]\n"
        "# Who may be asked over plain HTTP and at private addresses: name or name:port.\nhosts = []\n\n"
        "[billing]\nhosts = []\n"
    )
