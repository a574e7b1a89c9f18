"""The telephone provider: how its legs are addressed and reached, and the registration it may want (RFC 3261 §10.2)."""

import asyncio
import contextlib
import ipaddress
import logging
import random
import secrets
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from sip.client_tx import Failure
from sip.digest import DigestClient
from sip.endpoint import Endpoint
from sip.flow import Destination, Flow, Handle
from sip.message import Headers, Request, Response
from sip.settings import TrunkSettings
from sip.uri import SipUri, UriError, escape_user

log: Final = logging.getLogger(__name__)

EXPIRES_S: Final = 600
RETRY_FIRST_S: Final = 5.0
RETRY_MAX_S: Final = 300.0
RESOLVE_EVERY_S: Final = 300.0
UNREGISTER_WITHIN_S: Final = 1.0
_MIN_EXPIRES_MAX_S: Final = 86_400

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


async def resolve_host(host: str, port: int) -> Sequence[str]:
    """Addresses of *host*, without blocking the loop. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    return list(dict.fromkeys(str(info[4][0]) for info in found))


class Trunk:
    """One account at one provider. A component: `run` keeps its address, and its registration where one is wanted."""

    name = "trunk"

    def __init__(
        self, settings: TrunkSettings, password: str, endpoint: Endpoint, *, resolve: Resolve = resolve_host
    ) -> None:
        self.settings = settings
        self.digest = DigestClient(settings.user, password)
        self._endpoint = endpoint
        self._resolve = resolve
        self._hosts: list[str] = [settings.host] if _is_address(settings.host) else []
        self.registration = Registration(self) if settings.register else None

    # --- for calls --------------------------------------------------------------------------------------------------

    @property
    def up(self) -> bool:
        """Whether a call may be tried: the provider's address is known, and it has registered us if it wants to."""
        return bool(self._hosts) and (self.registration is None or self.registration.registered)

    @property
    def endpoint(self) -> Endpoint:
        return self._endpoint

    @property
    def destination(self) -> Destination | None:
        """Where requests outside a dialog go; None while the host name is not resolved."""
        if not self._hosts:
            return None
        settings = self.settings
        return Destination(settings.transport.upper(), self._hosts[0], settings.port, settings.host)

    @property
    def identity(self) -> str:
        """Our account as a URI: From, and P-Asserted-Identity."""
        return f"sip:{escape_user(self.settings.user)}@{self._domain}"

    def uri_of(self, number: str) -> str:
        """The Request-URI of a telephone number (E.164, or short for emergencies)."""
        return f"sip:{escape_user(number)}@{self._domain}{self._port}"

    @property
    def registrar_uri(self) -> str:
        """The Request-URI of our REGISTER (RFC 3261 §10.2)."""
        return f"sip:{self._domain}{self._port}"

    @property
    def routes(self) -> tuple[str, ...]:
        """Route headers for requests outside a dialog (RFC 3608)."""
        return self.registration.service_route if self.registration is not None else ()

    def way(self, uri: str, flow: Flow) -> Flow | Destination:
        """Where a request to *uri* inside a dialog goes: a provider may move a call to another of its servers."""
        try:
            target = SipUri.parse(uri)
        except UriError:
            return flow
        host = target.host.strip("[]")
        port = target.port or 5060
        if not _is_address(host) or (host, port) == flow.remote:
            return flow if self._endpoint.wire.alive(flow) else self.destination or flow
        transport = (target.param("transport") or self.settings.transport).upper()
        return Destination(transport, host, port, self.settings.host)

    def vouch(self, _request: Request, flow: Flow) -> str | None:
        """`Endpoint.vouch`: what comes from the provider's address is its own, without a challenge."""
        return self.name if self.owns(flow) else None

    def owns(self, flow: Flow) -> bool:
        """Whether the provider is at the other end of *flow*."""
        return flow.transport == self.settings.transport.upper() and flow.remote.host in self._hosts

    def failed(self) -> None:
        """The provider's first address did not answer: the next one is tried first from now on."""
        self._hosts = self._hosts[1:] + self._hosts[:1]

    # --- component --------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Nothing to wait for: a house without its telephone provider still opens doors."""

    async def run(self) -> None:
        known_before = False
        while True:
            if not _is_address(self.settings.host):
                await self._look_up()
            if self._hosts and not known_before and self.registration is not None:
                known_before = True
                self.registration.begin()
            await asyncio.sleep(RESOLVE_EVERY_S if self._hosts else RETRY_FIRST_S)

    async def stop(self) -> None:
        """Take the registration back, as far as the provider answers in time."""
        if self.registration is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.registration.end(), UNREGISTER_WITHIN_S)

    async def _look_up(self) -> None:
        try:
            found = list(await self._resolve(self.settings.host, self.settings.port))
        except OSError as error:
            if not self._hosts:
                log.warning("the trunk's host name has no address: %s", error)
            return
        if set(found) != set(self._hosts):
            self._hosts = found

    @property
    def _port(self) -> str:
        return "" if self.settings.port == 5060 else f":{self.settings.port}"

    @property
    def _domain(self) -> str:
        return f"[{self.settings.host}]" if ":" in self.settings.host else self.settings.host


class Registration:
    """Our REGISTER at the provider: refreshed in time, with back-off after a failure."""

    def __init__(self, trunk: Trunk) -> None:
        self._trunk = trunk
        self.registered = False
        self.service_route: tuple[str, ...] = ()
        self._call_id = secrets.token_hex(12)
        self._cseq = 0
        self._expires_s = EXPIRES_S
        self._retry_s = RETRY_FIRST_S
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
            lambda response: self._answered(response, expires_s, tries),
            lambda failure: self._unanswered(failure),
        )

    def _request(self, destination: Destination, expires_s: int) -> Request:
        trunk, settings = self._trunk, self._trunk.settings
        self._cseq += 1
        address = trunk.endpoint.address_for(destination)
        transport = "" if destination.transport == "UDP" else f";transport={settings.transport}"
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

    def _answered(self, response: Response, expires_s: int, tries: int) -> None:
        if not response.final:
            return
        if response.status in (401, 407) and self._trunk.digest.challenged(response, tries):
            self._send(expires_s, tries + 1)
        elif response.status == 423 and self._longer(response):
            self._send(self._expires_s, tries + 1)
        elif response.success:
            self._trunk.digest.accepted(response)
            self._succeeded(response, expires_s)
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
            log.info("registered at the trunk")
        self.registered = True
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

    def _unanswered(self, failure: Failure) -> None:
        self._trunk.failed()
        self._failed(failure.value)

    def _failed(self, why: str) -> None:
        if self._ended is not None:
            self._tell_ended()
            return
        if self.registered or self._retry_s == RETRY_FIRST_S:
            log.warning("not registered at the trunk: %s", why)
        self.registered = False
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


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
