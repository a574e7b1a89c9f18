"""People and programs at the central store: who may be made by whom, their tokens, and what they changed."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from edge.central import communities, operators
from edge.central.api.office import REFUSALS, CallerOf, OfficeOf
from edge.central.problems import Forbidden
from edge.central.queries import audit_of
from edge.central.rights import Grant, Right, Role

MAX_LISTED: Final = 1_000
MAX_TOKEN_DAYS: Final = 3_650
_Id = Annotated[str, Path(max_length=128)]

router = APIRouter(prefix="/v1", tags=["operators"], responses=REFUSALS)


class NewOperator(BaseModel):
    """`rights` and `communities` (ids or names) are a manager's, `login` (a telephone number) a resident's. `parent`:
    whom it belongs to, where a super manager makes it."""

    name: str = Field(min_length=1, max_length=128)
    role: Role
    rights: list[Grant] = Field(default_factory=list, max_length=len(Grant))
    communities: list[Annotated[str, Field(max_length=200)]] = Field(default_factory=list, max_length=1_000)
    login: str = Field(default="", max_length=32)
    parent: str = Field(default="", max_length=128)


class NewToken(BaseModel):
    """Without `days` it is good until it is revoked."""

    days: int | None = Field(default=None, ge=1, le=MAX_TOKEN_DAYS)


class LetIn(BaseModel):
    """Whether the installer lets its distributor in."""

    yes: bool


@router.get("/operators")
async def show_operators(office: OfficeOf, who: CallerOf) -> list[dict[str, Any]]:
    """Operators below the caller."""
    return await office.read(who, Right.OPERATORS, None, lambda connection: operators.listed(connection, who))


@router.post("/operators", status_code=201)
async def add_operator(office: OfficeOf, who: CallerOf, new: NewOperator) -> dict[str, str]:
    """Make an operator below the caller."""
    sites = await office.read(
        who, Right.OPERATORS, None, lambda connection: [communities.find(connection, each) for each in new.communities]
    )
    made = await office.threads.run(
        operators.add, office.central, who, new.name, new.role, grants=new.rights, communities=sites,
        login=new.login, parent=new.parent,
    )  # fmt: skip
    return {"operator": made}


@router.post("/operators/{id}/tokens", status_code=201)
async def add_token(office: OfficeOf, who: CallerOf, id: _Id, new: NewToken) -> dict[str, str]:
    """A token of the caller itself, or of an operator below it; told this once."""
    life_s = None if new.days is None else new.days * 86_400
    token = await office.threads.run(operators.new_token, office.central, who, id, life_s=life_s)
    return {"token": token}


@router.delete("/operators/{id}/tokens")
async def revoke_tokens(office: OfficeOf, who: CallerOf, id: _Id) -> dict[str, int]:
    """No token of the operator is good any more."""
    return {"revoked": await office.threads.run(operators.revoke_tokens, office.central, who, id)}


@router.put("/operators/me/lets-in")
async def let_in(office: OfficeOf, who: CallerOf, told: LetIn) -> dict[str, bool]:
    """An installer lets its distributor into its communities, or no longer."""
    if who.role is not Role.INSTALLER:
        raise Forbidden("role", "only an installer has a distributor to let in")
    await office.threads.run(operators.let_in, office.central, who, who.id, told.yes)
    return {"yes": told.yes}


@router.get("/audit")
async def show_audit(
    office: OfficeOf, who: CallerOf, before_ms: Annotated[int | None, Query(ge=0, lt=2**53)] = None
) -> list[dict[str, Any]]:
    """At most 1,000 changes of the whole central store with who made them, the newest first. For super managers."""
    if who.role is not Role.SUPER:
        raise Forbidden("right", "only a super manager sees everything that was changed")
    return await office.read(who, Right.SEE_LOGS, None, lambda c: audit_of(c, None, before_ms, MAX_LISTED))
