"""The way to one device's HTTP: one request in flight, whoever asks, and the login that it takes."""

import asyncio
import functools
import ssl
from collections.abc import Callable, Sequence
from typing import Final, Literal

import httpx

from provisioning.api import Refusal
from provisioning.desired import Login
from provisioning.driver import ApiCall

WITHIN_S: Final = 10.0
MAX_REPLY_BYTES: Final = 4 * 1024 * 1024
MAX_WAITING: Final = 32  # requests for one device; what is more is told that it is away
Check = Callable[[bytes], None]
"""Raises Refusal where the body of a good status says no."""
_NOT_LET_IN: Final = (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN)


class Away(Exception):
    """No answer. *sent*: it may have been carried out all the same."""

    def __init__(self, why: str, *, sent: bool = False) -> None:
        super().__init__(why)
        self.sent = sent


class ShutOut(Exception):
    """The device takes none of our logins."""


@functools.cache
def _unchecked() -> ssl.SSLContext:
    """Devices sign their own certificates. One for all of them: to make one takes longer than a request."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


class Wire:
    """Sends requests to the device at *base* (``http://host:port``), one at a time, in the order they come.

    *logins*: ours first, then those of the factory. The certificate of a device that speaks HTTPS is its own, so it
    is not checked: whoever is in between can be it, as with HTTP. *turn*: of the device, where it has other wires, too.
    """

    def __init__(
        self,
        base: str,
        auth: Literal["digest", "basic"],
        logins: Sequence[Login],
        check: Check,
        turn: asyncio.Lock | None = None,
    ) -> None:
        self.base = base
        self._auth, self._check = auth, check
        self.ours = logins[0]
        self._logins = list(logins)
        self._waiting = 0
        self._turn = turn or asyncio.Lock()
        self._made: httpx.AsyncClient | None = None
        self._auths: dict[int, httpx.Auth] = {}

    @property
    def _client(self) -> httpx.AsyncClient:
        """Made when something is sent: a thousand devices are heard of in one second, and few are asked in it."""
        if self._made is None:
            self._made = httpx.AsyncClient(
                base_url=self.base,
                verify=_unchecked(),
                follow_redirects=False,
                trust_env=False,
                limits=httpx.Limits(
                    max_connections=2, max_keepalive_connections=0
                ),  # devices are poor at keeping alive
            )
        return self._made

    @property
    def login(self) -> Login:
        """The one that was taken last; ours before any was."""
        return self._logins[0]

    async def send(self, call: ApiCall, within_s: float = WITHIN_S, *, beside: bool = False) -> bytes:
        """The body of the reply. *beside*: it may be in flight with others (a long poll).

        Raises Away, ShutOut, Refusal. A request that was cancelled while it waited is never sent.
        """
        if beside:
            return await self._any_login(call, within_s)
        if self._waiting >= MAX_WAITING:
            raise Away("too many requests wait for it")
        self._waiting += 1
        try:
            async with self._turn:
                return await self._any_login(call, within_s)
        finally:
            self._waiting -= 1

    async def close(self) -> None:
        if self._made is not None:
            await self._made.aclose()
            self._made = None

    async def _any_login(self, call: ApiCall, within_s: float) -> bytes:
        for login in tuple(self._logins):
            status, body = await self._ask(call, login, within_s)
            if status in _NOT_LET_IN:
                continue
            self._logins.sort(key=lambda each: each != login)  # stable: ours stays before the factory's
            if status == httpx.codes.SERVICE_UNAVAILABLE:
                raise Away("it is busy or starting")
            if status != httpx.codes.OK:
                raise Refusal(f"HTTP status {status}")
            try:
                self._check(body)
            except RecursionError as error:
                raise Refusal("its reply is nested too deeply") from error
            return body
        raise ShutOut("it takes neither our login nor the factory's")

    async def _ask(self, call: ApiCall, login: Login, within_s: float) -> tuple[int, bytes]:
        headers = {"Content-Type": call.media_type} if call.media_type else {}
        try:
            async with (
                asyncio.timeout(within_s),
                self._client.stream(
                    call.method, call.path, content=call.body or None, headers=headers, auth=self._auth_of(login),
                    timeout=within_s,
                ) as answer,
            ):  # fmt: skip
                body = b""
                async for part in answer.aiter_raw():
                    body += part
                    if len(body) > MAX_REPLY_BYTES:
                        raise Refusal(f"its reply is longer than {MAX_REPLY_BYTES} bytes")
                return answer.status_code, body
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise Away(type(error).__name__) from error
        except (TimeoutError, httpx.HTTPError, httpx.InvalidURL) as error:
            raise Away(type(error).__name__, sent=True) from error  # its text may hold an address with a secret

    def _auth_of(self, login: Login) -> httpx.Auth:
        """Kept, so that a challenge once answered is not asked for again."""
        key = hash((login.user, login.password))
        if key not in self._auths:
            basic = self._auth == "basic"
            self._auths[key] = (httpx.BasicAuth if basic else httpx.DigestAuth)(login.user, login.password)
        return self._auths[key]
