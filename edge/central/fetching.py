"""Asking an address that somebody typed in: bounded, and never a way into the network around the central store."""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import httpx

MAX_BYTES: Final = 8 * 1024 * 1024
WITHIN_S: Final = 60.0  # everything, redirects too
MAX_REDIRECTS: Final = 3
MAX_URL_CHARS: Final = 2048
MAX_TAG_CHARS: Final = 256
_PORTS: Final = {"https": 443, "http": 80}


class Unfetched(Exception):
    """There is no usable answer; *reason* is one word, the message is for people and names no query."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Fetched:
    """*body* None: it is as it was when it had *tag*."""

    body: bytes | None
    tag: str = ""  # ETag, to ask by the next time


@dataclass(frozen=True, slots=True)
class _Asking:
    method: str
    headers: Mapping[str, str]  # for the first host alone
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class _Target:
    """Where a request goes: the address was looked at, so it is that address which is asked, whatever DNS says next."""

    url: httpx.URL  # as it was named
    address: str

    @property
    def pinned(self) -> httpx.URL:
        return self.url.copy_with(host=self.address)

    @property
    def authority(self) -> str:
        return self.url.netloc.decode("ascii")

    @property
    def origin(self) -> tuple[str, str]:
        return self.url.scheme, self.authority


class Fetcher:
    """Fetches over https from public addresses; from *hosts* (``name`` or ``name:port``) also over plain HTTP and from
    private ones."""

    def __init__(self, hosts: Iterable[str] = (), tls: ssl.SSLContext | None = None) -> None:
        """*tls*: by what certificates are checked; None = the system."""
        self._hosts = frozenset(host.lower() for host in hosts)
        self._tls = tls

    def check(self, url: str) -> httpx.URL:
        """The *url*, if it may be asked as far as it can be told without a look-up. Raises Unfetched."""
        try:
            parsed = httpx.URL(url if len(url) <= MAX_URL_CHARS else "")
        except httpx.InvalidURL:
            raise Unfetched("url", "this is no URL") from None
        if parsed.scheme not in _PORTS or not parsed.host:
            raise Unfetched("url", "a URL begins with https:// and a host")
        if parsed.userinfo:
            raise Unfetched("url", "a URL holds no password: give it as the authorization")
        if parsed.scheme != "https" and not self._is_listed(parsed):
            raise Unfetched("plain", f"{parsed.host[:64]} may be asked over https only")
        return parsed

    async def get(self, url: str, *, authorization: str = "") -> bytes:
        """What is at *url*. *authorization*: the header's value; it goes to no other host. Raises Unfetched."""
        return (await self.get_if_new(url, "", authorization=authorization)).body or b""

    async def get_if_new(self, url: str, tag: str, *, authorization: str = "") -> Fetched:
        """What is at *url* unless it still has *tag*. Raises Unfetched."""
        headers = {"Authorization": authorization, "If-None-Match": tag}
        return await self._ask(url, _Asking("GET", headers))

    async def post(self, url: str, body: bytes, *, authorization: str = "") -> None:
        """Hand over JSON. A redirect is not followed. Raises Unfetched."""
        await self._ask(
            url, _Asking("POST", {"Authorization": authorization, "Content-Type": "application/json"}, body)
        )

    async def _ask(self, url: str, asking: _Asking) -> Fetched:
        try:
            async with asyncio.timeout(WITHIN_S):
                return await self._follow(self.check(url), asking)
        except TimeoutError:
            raise Unfetched("slow", f"no whole answer within {WITHIN_S:.0f} s") from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise Unfetched("unreachable", f"it can't be reached: {type(error).__name__}") from error

    async def _follow(self, url: httpx.URL, asking: _Asking) -> Fetched:
        first = await self._looked_up(url)
        target = first
        async with httpx.AsyncClient(
            verify=self._tls or ssl.create_default_context(), timeout=WITHIN_S, follow_redirects=False,
            trust_env=False,
        ) as http:  # fmt: skip
            for _ in range(MAX_REDIRECTS + 1):
                headers = {"Host": target.authority, "Accept-Encoding": "identity"}
                if target.origin == first.origin:
                    headers |= {name: value for name, value in asking.headers.items() if value}
                async with http.stream(
                    asking.method, target.pinned, headers=headers, content=asking.body,
                    extensions={"sni_hostname": target.url.host},
                ) as answer:  # fmt: skip
                    if not answer.has_redirect_location or asking.method != "GET":
                        return await _fetched(answer)
                    there = target.url.join(answer.headers["location"])
                target = await self._looked_up(self.check(str(there)))
        raise Unfetched("redirects", f"it leads on more than {MAX_REDIRECTS} times")

    async def _looked_up(self, url: httpx.URL) -> _Target:
        port = url.port or _PORTS[url.scheme]
        found = await asyncio.get_running_loop().getaddrinfo(url.host, port, type=socket.SOCK_STREAM)
        addresses = [str(each[4][0]) for each in found]
        if not self._is_listed(url) and not all(map(_is_public, addresses)):
            raise Unfetched("private", f"{url.host[:64]} is a private address, which is not allowed in central.toml")
        return _Target(url, addresses[0])

    def _is_listed(self, url: httpx.URL) -> bool:
        host = url.host.lower()
        return bool({host, f"{host}:{url.port or _PORTS[url.scheme]}"} & self._hosts)


def _is_public(address: str) -> bool:
    ip = ipaddress.ip_address(address.partition("%")[0])
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return (mapped or ip).is_global and not (mapped or ip).is_multicast


async def _fetched(answer: httpx.Response) -> Fetched:
    tag = answer.headers.get("etag", "")[:MAX_TAG_CHARS]
    if answer.status_code == httpx.codes.NOT_MODIFIED and "if-none-match" in answer.request.headers:
        return Fetched(None, tag)
    return Fetched(await _body(answer), tag)


async def _body(answer: httpx.Response) -> bytes:
    if not answer.is_success:
        raise Unfetched("status", f"it answers HTTP {answer.status_code}")
    if answer.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        raise Unfetched("packed", "the answer is packed, which was not asked for")
    parts: list[bytes] = []
    size = 0
    async for part in answer.aiter_raw():
        size += len(part)
        if size > MAX_BYTES:
            raise Unfetched("long", f"the answer has more than {MAX_BYTES >> 20} MiB")
        parts.append(part)
    return b"".join(parts)
