"""What every router shares: the open store, threads, who asks, and refusals as answers."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeVar

import aiosmtplib
from fastapi import Depends, FastAPI, Request
from fastapi.responses import JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy import Connection
from sqlalchemy.exc import DataError
from starlette.requests import ClientDisconnect

from edge.central import communities, operators
from edge.central.answers import Answers
from edge.central.billing_puller import BillingPuller
from edge.central.changes import Central, Change
from edge.central.feed import Feed
from edge.central.mailing import Mailer
from edge.central.problems import CentralProblem, Unauthorised
from edge.central.rights import Caller, Right
from edge.central.roster_sources import Puller
from edge.central.subscriptions import Mail
from edge.central.watch import Threads, Watch
from edge.store.errors import StoreError

T = TypeVar("T")
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Office:
    """The central store as requests see it."""

    central: Central
    threads: Threads
    watch: Watch
    feed: Feed
    mailer: Mailer
    puller: Puller
    billing: BillingPuller
    answers: Answers

    async def post(self, mail: Mail) -> bool:
        """Whether the mail server took it; one that does not hinders nothing."""
        if not self.mailer.is_set_up:
            return False
        try:
            await self.mailer.send(mail)
        except (aiosmtplib.SMTPException, OSError) as error:
            log.warning("a mail is not sent: %s", type(error).__name__)
            return False
        return True

    async def read(self, who: Caller, right: Right, community: str | None, job: Callable[[Connection], T]) -> T:
        """What *job* finds, if *who* has the *right*. Raises CentralProblem."""

        def run() -> T:
            with self.central.store.read() as connection:
                operators.need(connection, who, right, community)
                return job(connection)

        return await self.threads.run(run)

    async def community(self, who: Caller, right: Right, named: str) -> str:
        """The id of the community of this id or name, if *who* has the *right* there. Raises CentralProblem."""
        found = await self.read(who, right, None, lambda connection: communities.find(connection, named))
        await self.read(who, right, found, lambda _: None)
        return found

    async def change(
        self,
        who: Caller,
        right: Right,
        community: str,
        job: Callable[[Change], T],
        *,
        confirm: bool = False,
        dry_run: bool = False,
    ) -> T:
        """What *job* does to a community, in one transaction, if *who* has the *right*. Raises CentralProblem."""

        def run() -> T:
            with self.central.store.read() as connection:
                operators.need(connection, who, right, community)
            with self.central.change(community, who.id, confirm=confirm, dry_run=dry_run) as change:
                return job(change)

        done = await self.threads.run(run)
        self.watch.changed()
        return done


_bearer: Final = HTTPBearer(auto_error=False, description="A token of `edge central token create`.")


def office_of(request: Request) -> Office:
    office: Office = request.app.state.office
    return office


OfficeOf = Annotated[Office, Depends(office_of)]


async def _caller(office: OfficeOf, given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]) -> Caller:
    if given is None:
        raise Unauthorised("token", "a token is needed")

    def find() -> Caller:
        with office.central.store.read() as connection:
            return operators.caller(connection, given.credentials, office.central.clock.now_ms())

    return await office.threads.run(find)


CallerOf = Annotated[Caller, Depends(_caller)]

REFUSALS: Final[dict[int | str, dict[str, Any]]] = {
    400: {"description": "The request is not understood."},
    401: {"description": "Nobody that we know."},
    403: {"description": "Not allowed."},
    404: {"description": "There is no such thing."},
    409: {"description": "Not as things stand; `reason` says why."},
    413: {"description": "More than is taken."},
    422: {"description": "It breaks a rule; `reason` says which."},
}


def install_refusals(app: FastAPI) -> None:
    """Problems become answers of one form: ``{"error": {"reason", "detail", "item"}}``."""

    async def refused(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, CentralProblem)  # noqa: S101  # registered for it alone
        told = {"error": {"reason": error.reason, "detail": str(error), "item": error.item}, "detail": str(error)}
        told |= error.extra
        headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else None
        return JSONResponse(told, error.status, headers)

    async def failed(_: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"error": {"reason": "store", "detail": str(error), "item": ""}}, 503)

    async def unfit(_: Request, error: Exception) -> JSONResponse:
        # NUL on PostgreSQL, halves of UTF-16 pairs: JSON can say them, no database keeps them.
        told = {"reason": "text", "detail": "a text has characters that can't be kept", "item": ""}
        return JSONResponse({"error": told}, 422)

    async def broken_off(_: Request, error: Exception) -> JSONResponse:
        told = {"reason": "body", "detail": "the body breaks off, or is longer than is taken", "item": ""}
        return JSONResponse({"error": told}, 400)

    app.add_exception_handler(CentralProblem, refused)
    app.add_exception_handler(ClientDisconnect, broken_off)
    app.add_exception_handler(DataError, unfit)
    app.add_exception_handler(UnicodeEncodeError, unfit)
    app.add_exception_handler(StoreError, failed)
