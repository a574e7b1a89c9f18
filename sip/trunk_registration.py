"""Our REGISTER at a provider (RFC 3261 §10.2): refreshed in time; after a failure at the next server, or later."""

import asyncio
import contextlib
import logging
import random
import secrets
from typing import TYPE_CHECKING, Final

from sip.client_tx import Failure
from sip.flow import Destination, Handle
from sip.message import Headers, Request, Response
from sip.uri import UriError, escape_user

if TYPE_CHECKING:
    from sip.trunk import Trunk

log: Final = logging.getLogger(__name__)

EXPIRES_S: Final = 600
RETRY_FIRST_S: Final = 5.0
RETRY_MAX_S: Final = 300.0
_MIN_EXPIRES_MAX_S: Final = 86_400


class Registration:
    """The registration of one trunk."""

    def __init__(self, trunk: "Trunk") -> None:
        self._trunk = trunk
        self.registered = False
        self.service_route: tuple[str, ...] = ()
        self._call_id = secrets.token_hex(12)
        self._cseq = 0
        self._expires_s = EXPIRES_S
        self._retry_s = RETRY_FIRST_S
        self._tried: set[Destination] = set()  # since the last success or pause
        self._handle: Handle | None = None
        self._ended: asyncio.Future[None] | None = None

    def begin(self) -> None:
        """Register now."""
        self._send(self._expires_s, 0)

    async def end(self) -> None:
        """Unregister and wait for the answer, whatever it is."""
        if self._handle is not None:
            self._handle.cancel()
        if not self.registered:
            return
        self.registered = False
        self._ended = asyncio.get_running_loop().create_future()
        self._send(0, 0)
        await self._ended

    def _send(self, expires_s: int, tries: int) -> None:
        trunk = self._trunk
        destination = trunk.destination
        if destination is None:
            self._failed("no address")
            return
        request = self._request(destination, expires_s)
        trunk.digest.authorise(request)
        trunk.endpoint.request(
            request,
            destination,
            lambda response: self._answered(destination, response, expires_s, tries),
            lambda failure: self._unanswered(destination, failure),
        )

    def _request(self, destination: Destination, expires_s: int) -> Request:
        trunk, settings = self._trunk, self._trunk.settings
        self._cseq += 1
        address = trunk.endpoint.address_for(destination)
        transport = "" if destination.transport == "UDP" else f";transport={destination.transport.lower()}"
        headers = Headers(
            [
                ("From", f"<{trunk.identity}>;tag={secrets.token_hex(8)}"),
                ("To", f"<{trunk.identity}>"),
                ("Call-ID", self._call_id),
                ("CSeq", f"{self._cseq} REGISTER"),
                ("Contact", f"<sip:{escape_user(settings.user)}@{address}{transport}>"),
                ("Expires", str(expires_s)),
            ]
        )
        return Request("REGISTER", trunk.registrar_uri, headers)

    def _answered(self, destination: Destination, response: Response, expires_s: int, tries: int) -> None:
        if not response.final:
            return
        if response.status in (401, 407) and self._trunk.digest.challenged(response, tries):
            self._send(expires_s, tries + 1)
        elif response.status == 423 and self._longer(response):
            self._send(self._expires_s, tries + 1)
        elif response.success:
            self._trunk.digest.accepted(response)
            self._trunk.servers.answered(destination)
            self._succeeded(response, expires_s)
        elif response.status == 503:
            self._trunk.failed(destination, response)
            self._next_or_failed(destination, "503")
        else:
            self._failed(f"{response.status} {response.reason}")

    def _longer(self, response: Response) -> bool:
        """RFC 3261 §10.2.8: take the shortest expiry that the provider allows; False if it is none, or no longer."""
        wanted = response.headers.get("Min-Expires") or ""
        if not wanted.isdecimal() or not self._expires_s < int(wanted) <= _MIN_EXPIRES_MAX_S:
            return False
        self._expires_s = int(wanted)
        return True

    def _succeeded(self, response: Response, expires_s: int) -> None:
        if expires_s == 0:
            self._tell_ended()
            return
        if not self.registered:
            log.info("registered at %s", self._trunk.name)
        self.registered = True
        self._tried.clear()
        self._retry_s = RETRY_FIRST_S
        self.service_route = tuple(response.headers.get_all("Service-Route"))
        granted_s = self._granted_s(response)
        self._later(max(granted_s / 2, granted_s - 60), expires_s)

    def _granted_s(self, response: Response) -> float:
        """What the 200 says of our Contact, else its Expires, else what we asked for."""
        user = self._trunk.settings.user
        with contextlib.suppress(UriError):
            for contact in response.contacts:
                text = contact.param("expires") or ""
                if contact.sip.user == user and text.isdecimal():
                    return float(max(1, min(int(text), EXPIRES_S * 10)))
        return float(max(1, response.expires or self._expires_s))

    def _unanswered(self, destination: Destination, failure: Failure) -> None:
        self._trunk.failed(destination)
        self._next_or_failed(destination, failure.value)

    def _next_or_failed(self, tried: Destination, why: str) -> None:
        """RFC 3263 §4.3: another server at once, but each once before there is a pause."""
        self._tried.add(tried)
        following = self._trunk.destination
        if self._ended is None and following is not None and following not in self._tried:
            self._send(self._expires_s, 0)
        else:
            self._failed(why)

    def _failed(self, why: str) -> None:
        if self._ended is not None:
            self._tell_ended()
            return
        if self.registered or self._retry_s == RETRY_FIRST_S:
            log.warning("not registered at %s: %s", self._trunk.name, why)
        self.registered = False
        self._tried.clear()
        self._later(self._retry_s * random.uniform(0.8, 1.2), self._expires_s)  # noqa: S311 - jitter, not a secret
        self._retry_s = min(2 * self._retry_s, RETRY_MAX_S)

    def _later(self, after_s: float, expires_s: int) -> None:
        timers = self._trunk.endpoint.timers
        if self._handle is not None:
            self._handle.cancel()
        self._handle = timers.call_at(timers.time() + after_s, lambda: self._send(expires_s, 0))

    def _tell_ended(self) -> None:
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(None)
