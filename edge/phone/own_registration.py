"""The own phone's registration (RFC 3261 §10.2): REGISTER with digest, again before it runs out, and its end."""

import asyncio
import secrets
from collections.abc import Callable
from typing import Any, Final

from sip.client_tx import Failure
from sip.digest import DigestClient
from sip.endpoint import Endpoint
from sip.flow import Destination
from sip.message import Headers, Request, Response

_RETRY_AFTER_S: Final = 2.0
_REFRESH_AT: Final = 0.5  # of the time that was granted


class Registration:
    """Keeps one AOR registered until `end`. *tell* gets ``status``, ``reason``, ``expires_s`` of each final answer."""

    def __init__(
        self, endpoint: Endpoint, registrar: Destination, settings: dict[str, Any], tell: Callable[..., None]
    ) -> None:
        self._endpoint = endpoint
        self._registrar = registrar
        self._settings = settings
        self._tell = tell
        self._digest = DigestClient(settings["user"], settings["password"] or "")
        self._call_id = secrets.token_hex(12)
        self._tag = secrets.token_hex(6)
        self._cseq = 0
        self._timer: asyncio.TimerHandle | None = None
        self._ended: asyncio.Future[None] | None = None
        self.active = False

    def begin(self) -> None:
        """Send the first REGISTER."""
        self._send(int(self._settings["expires_s"]), tries=0)

    def take_back(self) -> None:
        """Unregister; nothing is sent any more after the answer to that."""
        if self._timer is not None:
            self._timer.cancel()
        self._ended = asyncio.get_running_loop().create_future()
        self._send(0, tries=0)

    async def end(self, within_s: float) -> None:
        """Take the registration back if there is one, but wait no longer than *within_s*."""
        if self.active and self._ended is None:
            self.take_back()
        if self._ended is not None:
            await asyncio.wait({self._ended}, timeout=within_s)

    def _send(self, expires_s: int, tries: int) -> None:
        self._cseq += 1
        request = self._build(expires_s)
        self._digest.authorise(request)
        self._endpoint.request(
            request,
            self._registrar,
            lambda response: self._answered(response, expires_s, tries),
            lambda failure: self._failed(failure, expires_s),
        )

    def _build(self, expires_s: int) -> Request:
        given = self._settings
        aor = f"sip:{given['user']}@{given['domain'] or self._registrar.host}"
        transport = self._registrar.transport
        suffix = "" if transport == "UDP" else f";transport={transport.lower()}"
        contact = f"<sip:{given['user']}@{self._endpoint.address_for(self._registrar)}{suffix}>"
        headers = Headers([("From", f"<{aor}>;tag={self._tag}"), ("To", f"<{aor}>")])
        headers.add("Call-ID", self._call_id)
        headers.add("CSeq", f"{self._cseq} REGISTER")
        headers.add("Contact", contact)
        headers.add("Expires", str(expires_s))
        headers.add("User-Agent", given["user_agent"])
        return Request("REGISTER", f"sip:{given['domain'] or self._registrar.host}", headers)

    def _answered(self, response: Response, expires_s: int, tries: int) -> None:
        if not response.final:
            return
        if response.status in (401, 407) and self._digest.challenged(response, tries):
            self._send(expires_s, tries + 1)
            return
        self._digest.accepted(response)
        granted_s = _granted_s(response, expires_s) if response.success else 0
        self._finished(response.status, expires_s, granted_s)

    def _failed(self, failure: Failure, expires_s: int) -> None:
        self._finished(408 if failure is Failure.TIMEOUT else 503, expires_s, 0)

    def _finished(self, status: int, expires_s: int, granted_s: int) -> None:
        self.active = 200 <= status < 300 and expires_s > 0
        self._tell("registration", status=status, reason="", expires_s=granted_s)
        if self._ended is not None:
            if not self._ended.done():
                self._ended.set_result(None)
            return
        if status in (401, 403, 407):  # a wrong password is not tried again
            return
        again_s = granted_s * _REFRESH_AT if self.active else _RETRY_AFTER_S
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(again_s, self._send, int(self._settings["expires_s"]), 0)


def _granted_s(response: Response, asked_s: int) -> int:
    """What the registrar granted: the shortest of the contacts it names, else what it says for all."""
    named = [contact.param("expires") for contact in response.contacts]
    numbers = [int(value) for value in named if value and value.isdecimal()]
    if numbers:
        return min(numbers)
    return response.expires if response.expires is not None else asked_s
