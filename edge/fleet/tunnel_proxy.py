"""The way to a device's web page for who has the key: an HTTP proxy with one target, whatever a request says."""

import hmac
import secrets
import ssl
from collections.abc import AsyncIterator, Iterable
from typing import Final
from urllib.parse import urlsplit

import httpx
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from edge.fleet.tunnel_target import Target

MAX_AT_ONCE: Final = 6  # connections to the device; they stand few
MAX_BODY: Final = 64 * 1024 * 1024  # bytes of a request, a firmware file among them
_WITHIN_S: Final = 30.0
_WAIT_S: Final = 60.0  # for one of the connections
_COOKIE: Final = "edge-device-web"
_NOT_PASSED: Final = frozenset(
    {
        "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding",
        "upgrade", "host", "cookie", "origin", "referer", "forwarded", "x-forwarded-for", "x-forwarded-proto",
    }
)  # fmt: skip
_HERE: Final = ("127.0.0.1", "localhost")


class DeviceWeb:
    """An ASGI application. `key`: opens it once, in a browser that keeps a cookie from then on."""

    def __init__(self, target: Target) -> None:
        self.key = secrets.token_urlsafe(32)
        self.requests = 0
        self._target, self._used = target, False
        self._cookie = secrets.token_urlsafe(32)
        # Devices have certificates that nobody signed, so no authorities are read.
        unchecked = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        unchecked.check_hostname, unchecked.verify_mode = False, ssl.CERT_NONE
        limits = httpx.Limits(max_connections=MAX_AT_ONCE, max_keepalive_connections=MAX_AT_ONCE)
        self._client = httpx.AsyncClient(
            verify=unchecked, trust_env=False, follow_redirects=False, limits=limits,
            timeout=httpx.Timeout(_WITHIN_S, pool=_WAIT_S),
        )  # fmt: skip

    async def aclose(self) -> None:
        await self._client.aclose()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
            return
        response = await self._answer(Request(scope, receive))
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        # A name that somebody points at us is not ours: the page of another site could speak through it.
        if request.url.hostname not in _HERE:
            return PlainTextResponse("not here\n", 421)
        if "edge-key" in request.query_params:
            return self._opened(request.query_params["edge-key"])
        if not hmac.compare_digest(_cookies(request).get(_COOKIE, "").encode(), self._cookie.encode()):
            return PlainTextResponse("this page is opened by `edge device web`\n", 403)
        origin = request.headers.get("origin")
        if origin not in (None, "null") and urlsplit(origin).netloc != request.headers.get("host"):
            return PlainTextResponse("another page asked\n", 403)
        self.requests += 1
        return await self._passed(request)

    def _opened(self, shown: str) -> Response:
        right = hmac.compare_digest(shown.encode(), self.key.encode())
        if not right or self._used:
            return PlainTextResponse("this key is none, or was used\n", 403)
        self._used = True
        answer = RedirectResponse("/", 303, headers={"Referrer-Policy": "no-referrer", "Cache-Control": "no-store"})
        answer.set_cookie(_COOKIE, self._cookie, httponly=True, samesite="strict")
        return answer

    async def _passed(self, request: Request) -> Response:
        path: bytes = request.scope.get("raw_path") or request.url.path.encode()
        query: bytes = request.scope["query_string"]
        url = httpx.URL(self._target.url).copy_with(raw_path=path + (b"?" + query if query else b""))
        length = request.headers.get("content-length", "0")
        if not length.isascii() or not length.isdigit() or int(length) > MAX_BODY:
            return PlainTextResponse("too long\n", 413)
        has_body = "transfer-encoding" in request.headers or int(length) > 0
        asked = self._client.build_request(
            request.method, url, headers=list(_request_headers(request, self._target)),
            content=_bounded(request.stream()) if has_body else None,
        )  # fmt: skip
        try:
            answer = await self._client.send(asked, stream=True)
        except (httpx.HTTPError, _TooLong) as error:
            return PlainTextResponse(f"the device does not answer ({type(error).__name__})\n", 502)
        location = _location(answer.headers.get("location"), self._target)
        if location is None:
            await answer.aclose()
            return PlainTextResponse("the device leads elsewhere; nothing else is reached from here\n", 502)
        response = StreamingResponse(_streamed(answer), answer.status_code)
        response.raw_headers = list(_response_headers(answer, location))
        return response


class _TooLong(Exception):
    """A body without a length went on and on."""


async def _bounded(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    taken = 0
    async for chunk in body:
        taken += len(chunk)
        if taken > MAX_BODY:
            raise _TooLong
        yield chunk


async def _streamed(answer: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for chunk in answer.aiter_raw():
            yield chunk
    finally:
        await answer.aclose()


def _cookies(request: Request) -> dict[str, str]:
    return dict(request.cookies)


def _request_headers(request: Request, target: Target) -> Iterable[tuple[str, str]]:
    """As the device would get them from a browser beside it: its own cookies, never ours."""
    for name, value in request.headers.items():
        if name not in _NOT_PASSED:
            yield name, value
    own = "; ".join(f"{name}={value}" for name, value in _cookies(request).items() if name != _COOKIE)
    if own:
        yield "cookie", own
    if "origin" in request.headers:
        yield "origin", target.url
    if referer := request.headers.get("referer"):
        yield "referer", target.url + (urlsplit(referer).path or "/")


def _response_headers(answer: httpx.Response, location: str) -> Iterable[tuple[bytes, bytes]]:
    for name, value in answer.headers.raw:
        lower = name.lower()
        if lower == b"location":
            yield lower, location.encode("latin-1", "replace")
        elif lower.decode("latin-1") not in _NOT_PASSED and lower != b"strict-transport-security":
            yield lower, value


def _location(told: str | None, target: Target) -> str | None:
    """Where a redirect leads, as seen from here: "" where there is none, None where it is to somebody else."""
    if told is None:
        return ""
    url = urlsplit(told)
    if not url.scheme and not url.netloc:
        return told
    if url.hostname != target.host.lower():
        return None
    there = url.port or (443 if url.scheme == "https" else 80)
    if url.scheme and there != target.port:
        return None
    return (url.path or "/") + (f"?{url.query}" if url.query else "")
