"""Who has to be told when the world changed: the broker of logins, SIP of accounts, calls of apartments."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from edge.calls.desk import CallDesk
from edge.world import Change, changed_users
from sip.b2bua import B2bua
from sip.service import SipService

log = logging.getLogger(__name__)


class LoginsFollower:
    """A `Component` that has the broker's logins follow the store, one refresh at a time."""

    name = "logins"

    def __init__(self, refresh: Callable[[], Awaitable[None]]) -> None:
        self._refresh = refresh
        self._changed = asyncio.Event()

    def changed(self, change: Change) -> None:
        """A world listener."""
        if change.accounts_too:
            self._changed.set()

    async def start(self) -> None:
        return

    async def run(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            await self._refresh()

    async def stop(self) -> None:
        return


class SipFollower:
    """Makes SIP forget passwords that may have changed and contacts whose account is gone."""

    def __init__(self, sip: SipService) -> None:
        self._sip = sip

    def changed(self, change: Change) -> None:
        """A world listener."""
        if not change.accounts_too:
            return
        self._sip.endpoint.authenticator.forget()
        for user in changed_users(change.before, change.after):
            self._sip.registrar.drop(user)


class CallsFollower:
    """Ends the ringing of apartments that may not be called any more (decision 32)."""

    def __init__(self, desk: CallDesk, calls: B2bua) -> None:
        self._desk = desk
        self._calls = calls

    def changed(self, change: Change) -> None:
        """A world listener."""
        if change.accounts_too:
            for call, event in self._desk.no_longer_allowed():
                self._calls.service_changed(call, event)
