"""How an app comes in: by an invitation once, then by its key; for HTTP by a token that its key got."""

import asyncio
import secrets
import time
from collections.abc import Mapping
from typing import Final

from edge.core.ports import Clock
from edge.http.ws import BadFrame
from edge.portal import keys
from edge.portal.asking import Asking, NotDone
from edge.portal.messages import BadMessage, Message, read
from edge.portal.roster import Roster
from edge.portal.sessions import Session
from edge.portal.tokens import TOKEN_S, Tokens, Tries

TOKEN_AGE_MS: Final = 60_000
HELLO_WORDS: Final = "intercom-edge/1/ws"
INVITE_WORDS: Final = "intercom-edge/1/invite"
TOKEN_WORDS: Final = "intercom-edge/1/token"  # noqa: S105 - what a signature is for


class Entrance:
    """Checks keys. *origin*: the only one that signatures are good for."""

    def __init__(self, origin: str, clock: Clock, asking: Asking, roster: Roster) -> None:
        self._origin, self._clock, self._asking, self._roster = origin, clock, asking, roster
        self._tokens = Tokens()
        self._tries = Tries()

    def challenge(self) -> Mapping[str, object]:
        return {"type": "challenge", "nonce": secrets.token_urlsafe(32), "now_ms": self._clock.now_ms()}

    def proven(self, document: object, challenge: Mapping[str, object]) -> tuple[Session, Message] | None:
        """Whose key answered *challenge*, and the answer; None: nobody's. Raises BadFrame."""
        try:
            hello = read(document)
        except BadMessage as error:
            raise BadFrame(error.re) from error
        session = self._roster.get(str(hello.fields.get("session", "")))
        if hello.type != "hello" or session is None or self._roster.resident(session) is None:
            return None
        nonce, signature = str(challenge["nonce"]), str(hello.fields["signature"])
        if not keys.proves(session.public_key, signature, HELLO_WORDS, self._origin, nonce, session.id):
            return None
        return session, hello

    async def redeem(self, secret: str, public_key: str, name: str, signature: str) -> str:
        """The new session's id. Raises NotDone and StoreError."""
        try:
            point = keys.public_point(public_key)
        except ValueError as error:
            raise NotDone("bad_message") from error
        if not keys.proves(point, signature, INVITE_WORDS, self._origin, secret):
            raise NotDone("invite")
        session = await asyncio.to_thread(self._asking.redeem, secret, point, name)
        self._roster.add(session)
        return session.id

    def may_try(self, source: str) -> bool:
        return self._tries.allow(source, time.monotonic())

    def issue(self, session: str) -> tuple[str, int]:
        """A bearer token and when it ends (Unix milliseconds)."""
        return self._tokens.issue(session, time.monotonic()), self._clock.now_ms() + round(TOKEN_S * 1000)

    def token(self, session: str, at_ms: int, signature: str) -> tuple[str, int] | None:
        """As `issue`, for whoever signed *at_ms* just now."""
        known = self._roster.get(session)
        if known is None or abs(self._clock.now_ms() - at_ms) > TOKEN_AGE_MS:
            return None
        if not keys.proves(known.public_key, signature, TOKEN_WORDS, self._origin, str(at_ms), session):
            return None
        return self.issue(session)

    def session_of(self, token: str) -> str | None:
        session = self._tokens.session(token, time.monotonic())
        return session if session is not None and session in self._roster else None

    def shut_out(self, session: str) -> None:
        """Its tokens hold no longer."""
        self._tokens.forget(session)
