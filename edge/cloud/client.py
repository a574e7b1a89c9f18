"""Questions to the central store over HTTP, and every limit on what may come back (decision 56)."""

import asyncio
import email.utils
import json
import ssl
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote

import httpx

from edge.cloud import tokens
from edge.cloud.enrolment import Enrolled
from edge.cloud.wire import MAX_ID_CHARS, MAX_INFLATED_BYTES, Broken

WITHIN_S: Final = 60.0  # a whole request, beside what it is asked to wait
CONNECT_WITHIN_S: Final = 10.0
MAX_SMALL_BYTES: Final = 64 * 1024
AUDIENCE: Final = "central"
_CLOCK_MATTERS_S: Final = 60.0
_GZIP: Final = 31  # zlib's word for a gzip header


class Unreachable(Exception):
    """No usable answer this time; the next try may do."""


class Denied(Exception):
    """The central store does not know this edge, or does not want it."""


@dataclass(frozen=True, slots=True)
class Gone(Exception):
    """The central store has lost our place; *epoch* is its present one, "" if it did not say."""

    epoch: str


class CentralClient:
    """One edge's connection to its central store. Use as an asynchronous context manager."""

    def __init__(
        self, me: Enrolled, url: str, *, wait_s: float, now_s: Callable[[], float], tls: ssl.SSLContext | None = None
    ) -> None:
        """*now_s*: Unix seconds. *tls*: by what the central store's certificate is checked; None = the system."""
        self._me = me
        self._root = f"{url.rstrip('/')}/v1/edge/{quote(me.edge_id, safe='')}"
        self._wait_s = wait_s
        self._now_s = now_s
        self.offset_s = 0.0  # the central store's clock minus ours: a clock that is a day off must not lock us out
        self._http = httpx.AsyncClient(
            verify=tls or ssl.create_default_context(),
            timeout=httpx.Timeout(None, connect=CONNECT_WITHIN_S),
            follow_redirects=False,
            trust_env=False,
            headers={"Accept-Encoding": "gzip"},
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def sync(self, since: int, epoch: str, *, page: str | None = None, wait: bool = True) -> bytes | None:
        """The body of the answer; None where there is nothing new.

        Raises Gone, Denied, Unreachable, and Broken for a body without end.
        """
        parameters = {"since": str(since), "epoch": epoch, "wait": f"{self._wait_s if wait else 0:.0f}"}
        if page is not None:
            parameters["page"] = page
        headers = {"If-None-Match": f'"{epoch}:{since}"'} if page is None and since else {}
        status, body = await self._ask("GET", "sync", params=parameters, headers=headers, wait=wait)
        if status == httpx.codes.NOT_MODIFIED:
            return None
        if status == httpx.codes.GONE:
            raise Gone(_epoch(body))
        return _good(status, body)

    async def ack(self, told: Mapping[str, Any]) -> None:
        status, body = await self._ask("POST", "ack", json=dict(told))
        if not httpx.codes.is_success(status):
            _good(status, body)

    async def events(self, db_id: str, events: list[Mapping[str, Any]]) -> int:
        """Hand over *events*; the number of the newest that is stored with all before it."""
        status, body = await self._ask("POST", "events", json={"db_id": db_id, "events": events})
        upto = _small(_good(status, body)).get("upto")
        if isinstance(upto, bool) or not isinstance(upto, int):
            raise Unreachable("the central store does not say what it has stored")
        return upto

    async def _ask(self, method: str, name: str, *, wait: bool = False, **options: Any) -> tuple[int, bytes]:
        used_s = self.offset_s
        status, body = await self._once(method, name, wait=wait, **options)
        if status == httpx.codes.UNAUTHORIZED and abs(self.offset_s - used_s) > _CLOCK_MATTERS_S:
            status, body = await self._once(method, name, wait=wait, **options)  # now by its clock
        if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            raise Denied(f"the central store refuses this edge (HTTP {status})")
        return status, body

    async def _once(
        self, method: str, name: str, *, wait: bool, headers: Mapping[str, str] | None = None, **options: Any
    ) -> tuple[int, bytes]:
        now_s = self._now_s() + self.offset_s
        token = tokens.issue(self._me.key, issuer=self._me.edge_id, audience=AUDIENCE, now_s=now_s)
        bearer = {"Authorization": f"Bearer {token}", **(headers or {})}
        try:
            async with asyncio.timeout(WITHIN_S + (self._wait_s if wait else 0.0)):
                async with self._http.stream(method, f"{self._root}/{name}", headers=bearer, **options) as answer:
                    self._learn_clock(answer.headers.get("date", ""))
                    return answer.status_code, await _body(answer)
        except TimeoutError:
            raise Unreachable("the central store does not answer in time") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Unreachable(f"{type(error).__name__}: {error}") from error

    def _learn_clock(self, date: str) -> None:
        try:
            told = email.utils.parsedate_to_datetime(date)
        except ValueError:
            return
        self.offset_s = told.timestamp() - self._now_s()


def _good(status: int, body: bytes) -> bytes:
    if status != httpx.codes.OK:
        raise Unreachable(f"the central store answers HTTP {status}")
    return body


def _epoch(body: bytes) -> str:
    epoch = _small(body).get("epoch")
    return epoch if isinstance(epoch, str) and len(epoch) <= MAX_ID_CHARS else ""


def _small(body: bytes) -> dict[str, Any]:
    try:
        told = json.loads(body) if len(body) <= MAX_SMALL_BYTES else None
    except (ValueError, RecursionError):
        told = None
    return told if isinstance(told, dict) else {}


async def _body(answer: httpx.Response) -> bytes:
    """What came, inflated, within its bounds. Raises Broken."""
    parts: list[bytes] = []
    size = 0
    async for part in answer.aiter_raw():
        size += len(part)
        if size > MAX_INFLATED_BYTES:
            raise Broken("the answer is too long")
        parts.append(part)
    raw = b"".join(parts)
    coding = answer.headers.get("content-encoding", "identity").strip().lower()
    if coding in ("", "identity"):
        return raw
    if coding not in ("gzip", "x-gzip"):
        raise Broken("the answer is packed in a way that was not asked for")
    return await asyncio.to_thread(inflate, raw)


def inflate(packed: bytes, max_bytes: int = MAX_INFLATED_BYTES) -> bytes:
    """*packed* (gzip) unpacked. Raises Broken where it is cut short, damaged, or more than *max_bytes*."""
    unpacking = zlib.decompressobj(_GZIP)
    try:
        data = unpacking.decompress(packed, max_bytes + 1)
    except zlib.error as error:
        raise Broken("the answer can't be unpacked") from error
    if len(data) > max_bytes or not unpacking.eof:
        raise Broken("the answer is too long, or cut short")
    return data
