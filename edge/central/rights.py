"""Who may do what (domain.md §11): a table, so that it can be read and tested whole."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final


class Role(enum.Enum):
    """Of people and programs at the central store. Values are stored: never reuse one."""

    SUPER = "super"
    DISTRIBUTOR = "distributor"
    INSTALLER = "installer"
    SUB_INSTALLER = "sub_installer"
    MANAGER = "manager"
    RESIDENT = "resident"


class Grant(enum.Enum):
    """What a property manager may be given beside its role."""

    DELETE_ACCOUNTS = "delete_accounts"
    SEE_LOGS = "see_logs"
    APP = "app"


class Right(enum.Enum):
    """What a request needs."""

    ADD_COMMUNITY = "add_community"
    SEE_SITE = "see_site"
    EDIT_SITE = "edit_site"
    EDIT_PEOPLE = "edit_people"
    DELETE_PEOPLE = "delete_people"
    SEE_LOGS = "see_logs"
    EDGES = "edges"
    BILLING = "billing"
    REQUESTS = "requests"
    ROSTERS = "rosters"
    SUBSCRIPTIONS = "subscriptions"
    OPERATORS = "operators"
    ASK_FOR_ADDRESS = "ask_for_address"


_BUILDERS: Final = frozenset({Role.SUPER, Role.DISTRIBUTOR, Role.INSTALLER, Role.SUB_INSTALLER})
_STAFF: Final = _BUILDERS | {Role.MANAGER}

RIGHTS: Final[Mapping[Right, frozenset[Role]]] = {
    Right.ADD_COMMUNITY: frozenset({Role.SUPER, Role.INSTALLER, Role.SUB_INSTALLER}),
    Right.SEE_SITE: _STAFF,
    Right.EDIT_SITE: _BUILDERS,
    Right.EDIT_PEOPLE: _STAFF,
    Right.DELETE_PEOPLE: _STAFF,
    Right.SEE_LOGS: _STAFF,
    Right.EDGES: _BUILDERS,
    Right.BILLING: _STAFF,
    Right.REQUESTS: _STAFF,
    Right.ROSTERS: _STAFF,
    Right.SUBSCRIPTIONS: _STAFF,
    Right.OPERATORS: frozenset({Role.SUPER, Role.DISTRIBUTOR, Role.INSTALLER}),
    Right.ASK_FOR_ADDRESS: frozenset({Role.RESIDENT}) | _STAFF,
}

NEEDS_GRANT: Final[Mapping[Right, Grant]] = {
    Right.DELETE_PEOPLE: Grant.DELETE_ACCOUNTS,
    Right.SEE_LOGS: Grant.SEE_LOGS,
    Right.SUBSCRIPTIONS: Grant.APP,
}
"""What a property manager must have been given."""

MAKES: Final[Mapping[Role, frozenset[Role]]] = {
    Role.SUPER: frozenset(Role),
    Role.DISTRIBUTOR: frozenset({Role.INSTALLER}),
    Role.INSTALLER: frozenset({Role.SUB_INSTALLER, Role.MANAGER, Role.RESIDENT}),
    Role.SUB_INSTALLER: frozenset(),
    Role.MANAGER: frozenset(),
    Role.RESIDENT: frozenset(),
}
"""Whom an operator may make: those below it."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks."""

    id: str
    role: Role
    grants: frozenset[Grant] = frozenset()
    installer: str = ""  # whose communities: its own, or a sub-installer's installer's
    communities: frozenset[str] = frozenset()  # of a property manager
    lets_in: frozenset[str] = frozenset()  # a distributor's installers that let it in
    login: str = field(default="", repr=False)  # a resident's telephone number


def may(caller: Caller, right: Right) -> bool:
    """Whether the role has that right at all."""
    if caller.role not in RIGHTS[right]:
        return False
    needed = NEEDS_GRANT.get(right)
    return caller.role is not Role.MANAGER or needed is None or needed in caller.grants


def reaches(caller: Caller, community: str, installer: str) -> bool:
    """Whether the *community*, which is *installer*'s, is any of the caller's business."""
    match caller.role:
        case Role.SUPER:
            return True
        case Role.DISTRIBUTOR:
            return installer in caller.lets_in
        case Role.INSTALLER | Role.SUB_INSTALLER:
            return bool(installer) and installer == caller.installer
        case _:
            return community in caller.communities
