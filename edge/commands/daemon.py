"""Asking the running daemon, over its Unix socket in the site folder."""

import contextlib
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import httpx

from edge.http.unix import short_path

_WITHIN_S: Final = 8.0  # an opening waits 3 s for the device's ack


class NoDaemon(Exception):
    """No daemon serves this site."""


def ask(
    site: Path, path: str, body: Mapping[str, Any] | None = None, *, within_s: float = _WITHIN_S
) -> tuple[int, Any]:
    """Status and JSON body of `GET /api/v1<path>`, or of a POST where there is a *body*.

    Raises NoDaemon where none runs, OSError where it does not answer as it should.
    """
    path_of_socket = site / "run" / "edge.sock"
    if not path_of_socket.exists():
        raise NoDaemon(f"no daemon serves {site}")
    try:
        with short_path(path_of_socket) as address:
            _knock(address)
            with httpx.Client(transport=httpx.HTTPTransport(uds=address)) as client:
                return _talk(client, path, body, within_s)
    except (httpx.ConnectError, FileNotFoundError, ConnectionRefusedError) as error:
        raise NoDaemon(f"no daemon serves {site}") from error
    except (httpx.HTTPError, ValueError) as error:
        raise OSError(f"the daemon does not answer: {error}") from error


@contextlib.contextmanager
def streaming(site: Path, path: str, parameters: Mapping[str, str]) -> Iterator[Iterator[str]]:
    """The lines of `GET /api/v1<path>`, which ends when the block does, or the daemon.

    Raises NoDaemon where none runs, LookupError where it knows no such thing.
    """
    path_of_socket = site / "run" / "edge.sock"
    if not path_of_socket.exists():
        raise NoDaemon(f"no daemon serves {site}")
    with short_path(path_of_socket) as address:
        try:
            _knock(address)
        except (FileNotFoundError, ConnectionRefusedError) as error:
            raise NoDaemon(f"no daemon serves {site}") from error
        url = f"http://edge/api/v1{path}"
        timeout = httpx.Timeout(_WITHIN_S, read=None)
        with (
            httpx.Client(transport=httpx.HTTPTransport(uds=address)) as client,
            client.stream("GET", url, params=dict(parameters), timeout=timeout) as answer,
        ):
            if answer.status_code != httpx.codes.OK:
                raise LookupError(path)
            yield answer.iter_lines()


@contextlib.contextmanager
def posting(site: Path, path: str, body: Mapping[str, Any], within_s: float) -> Iterator[tuple[int, Iterator[str]]]:
    """Status and lines of `POST /api/v1<path>`; *within_s*: seconds from one line to the next. Raises NoDaemon."""
    path_of_socket = site / "run" / "edge.sock"
    if not path_of_socket.exists():
        raise NoDaemon(f"no daemon serves {site}")
    with short_path(path_of_socket) as address:
        try:
            _knock(address)
        except (FileNotFoundError, ConnectionRefusedError) as error:
            raise NoDaemon(f"no daemon serves {site}") from error
        with (
            httpx.Client(transport=httpx.HTTPTransport(uds=address)) as client,
            client.stream("POST", f"http://edge/api/v1{path}", json=dict(body), timeout=within_s) as answer,
        ):
            yield answer.status_code, answer.iter_lines()


def download(site: Path, path: str) -> bytes | None:
    """The body of `GET /api/v1<path>`; None where no daemon runs or it knows no such thing."""
    path_of_socket = site / "run" / "edge.sock"
    if not path_of_socket.exists():
        return None
    with short_path(path_of_socket) as address:
        try:
            _knock(address)
        except (FileNotFoundError, ConnectionRefusedError):
            return None
        with httpx.Client(transport=httpx.HTTPTransport(uds=address)) as client:
            answer = client.get(f"http://edge/api/v1{path}", timeout=_WITHIN_S)
            return answer.content if answer.status_code == httpx.codes.OK else None


def _knock(address: str) -> None:
    """Raises ConnectionRefusedError where nobody listens; the HTTP client would leave its socket open then."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(_WITHIN_S)
        probe.connect(address)


def _talk(client: httpx.Client, path: str, body: Mapping[str, Any] | None, within_s: float) -> tuple[int, Any]:
    url = f"http://edge/api/v1{path}"
    sent = None if body is None else dict(body)
    answer = client.request("GET" if body is None else "POST", url, json=sent, timeout=within_s)
    return answer.status_code, answer.json()


def ask_if_running(site: Path, path: str) -> Any | None:
    """The JSON body of a good answer; None where no daemon runs or it knows no such thing."""
    try:
        status, body = ask(site, path)
    except NoDaemon:
        return None
    return body if status == httpx.codes.OK else None
