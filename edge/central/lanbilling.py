"""Accounts as a billing system of LANBilling's shape shows them (a *vgroup* each), read as ours. Pure.

A vgroup: ``vgid``; ``login``, its own; ``blocked``: 0 runs, 10 is switched off, anything else is blocked; ``addons``
with ``isvyaz_login``, the client's login, which all accounts of one client share; ``address`` with ``building`` and
``flat``; ``services``, the periodic ones, each with a ``name`` and whether it is ``active``.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from edge.central.billing import Account
from models.service import ServiceState

LOGIN_ADDON: Final = "isvyaz_login"
RUNS: Final = 0
SWITCHED_OFF: Final = 10
MAX_VGROUPS_A_PAGE: Final = 1_000


class BadPage(Exception):
    """What came is no page of vgroups."""


@dataclass(frozen=True, slots=True)
class Unread:
    """A vgroup that is none; the others are read all the same."""

    id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Page:
    """*whole*: how many vgroups there are on all pages, as far as the billing system says so."""

    accounts: tuple[Account | Unread, ...] = field(repr=False)
    whole: int | None = None


def _text(value: Any) -> Any:
    """Numbers stand for texts in ids and house numbers."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


_Word = Annotated[str, BeforeValidator(_text), Field(max_length=128)]


class _Address(BaseModel):
    building: _Word
    flat: _Word


class _Service(BaseModel):
    name: _Word
    active: bool


class _Vgroup(BaseModel):
    vgid: Annotated[str, BeforeValidator(_text), Field(min_length=1, max_length=128)]
    login: _Word = ""
    blocked: int = Field(ge=0)
    username: str = ""
    addons: dict[str, Any] = Field(default_factory=dict)
    address: _Address
    services: list[_Service] = Field(default_factory=list, max_length=100)


def page(data: bytes, service: str) -> Page:
    """The accounts of a page. *service*: the name of the periodic service that an intercom is. Raises BadPage."""
    try:
        told = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BadPage(f"the answer is no JSON: {type(error).__name__}") from None
    rows = told.get("vgroups") if isinstance(told, dict) else None
    if not isinstance(rows, list) or len(rows) > MAX_VGROUPS_A_PAGE:
        raise BadPage(f"the answer has no list of at most {MAX_VGROUPS_A_PAGE} vgroups")
    whole = told.get("total")
    is_count = isinstance(whole, int) and not isinstance(whole, bool) and whole >= 0
    return Page(tuple(account(row, service) for row in rows), whole if is_count else None)


def account(row: Any, service: str) -> Account | Unread:
    """One vgroup."""
    try:
        told = _Vgroup.model_validate(row)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        named = _text(row.get("vgid", "")) if isinstance(row, Mapping) else ""
        where = ".".join(map(str, first["loc"])) or "vgroup"
        return Unread(named[:128] if isinstance(named, str) else "", f"{where}: {first['msg']}")
    login = _text(told.addons.get(LOGIN_ADDON))
    if login is not None and not isinstance(login, str):
        return Unread(told.vgid, f"addons.{LOGIN_ADDON}: it is no text")
    return Account(
        told.vgid, (login or told.login).strip()[:128], told.address.building, told.address.flat,
        _state(told.blocked), any(each.active and each.name == service for each in told.services),
        last=told.username.strip()[:64],
    )  # fmt: skip


def _state(blocked: int) -> ServiceState:
    if blocked == RUNS:
        return ServiceState.ACTIVE
    return ServiceState.OFF if blocked == SWITCHED_OFF else ServiceState.BLOCKED
