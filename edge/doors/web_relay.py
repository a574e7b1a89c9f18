"""The networked web relay: an apartment's action is asked for by HTTP when a grant names it.

Nobody waits for it. The decision is made and told before; what becomes of the request is a row in the journal.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Final

import httpx

from edge.core.ports import Clock
from edge.doors import rows
from edge.doors.background import Background
from edge.doors.commits import Commits
from edge.doors.work import Told, Work
from models.access import AccessDecision
from models.device import Device

ACTION: Final = "{action}"
WITHIN_S: Final = 3.0
MAX_AT_ONCE: Final = 16


@dataclass(frozen=True, slots=True)
class WebRelaySettings:
    url: str
    login: str | None = field(default=None, repr=False)  # user:password


class WebRelay:
    """Asks `GET` of one address. A redirect is no success: whom we trust was configured, not where it points."""

    def __init__(
        self, url: str, login: str | None, clock: Clock, commits: Commits, background: Background,
        *, within_s: float = WITHIN_S, max_at_once: int = MAX_AT_ONCE,
    ) -> None:  # fmt: skip
        """*url* holds `{action}`; *login* is ``user:password`` for HTTP Basic (RFC 7617), None = without."""
        self._url = url
        self._clock = clock
        self._commits = commits
        self._background = background
        self._within_s = within_s
        self._max_at_once = max_at_once
        self._under_way = 0
        user, _, password = (login or "").partition(":")
        self._client = httpx.AsyncClient(
            auth=httpx.BasicAuth(user, password) if login else None,
            follow_redirects=False,
            trust_env=False,
            timeout=within_s,
            limits=httpx.Limits(max_connections=max_at_once, max_keepalive_connections=1),
        )

    def trigger(self, decision: AccessDecision, device: Device, identity: str) -> None:
        """Ask for the action of a granted *decision*, if it names one. Returns at once; *identity* of the row."""
        if decision.granted and decision.web_relay:
            self._background.spawn("a web relay's action", self._carry_out(decision, device, identity))

    async def close(self) -> None:
        await self._client.aclose()

    async def _carry_out(self, decision: AccessDecision, device: Device, identity: str) -> None:
        if self._under_way >= self._max_at_once:
            result = "too_many"
        else:
            self._under_way += 1
            try:
                result = await self._ask(decision.web_relay)
            finally:
                self._under_way -= 1
        row = rows.web_relay_row(result, decision, identity, device.id, self._clock.now_ms())
        await self._commits.in_time(Work(row.at_ms, Told((row,))))

    async def _ask(self, action: int) -> str:
        """What became of it. The answer's body is of no interest, and not read."""
        try:
            async with (
                asyncio.timeout(self._within_s),
                self._client.stream("GET", self._url.replace(ACTION, str(action))) as answer,
            ):
                return "done" if answer.is_success else f"status_{answer.status_code}"
        except (TimeoutError, httpx.TimeoutException):
            return "no_answer"
        except httpx.HTTPError as error:
            return f"failed: {type(error).__name__}"  # its text may hold the address
