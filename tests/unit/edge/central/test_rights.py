"""The table of rights, row by row (domain.md §11)."""

import pytest

from edge.central.rights import MAKES, NEEDS_GRANT, RIGHTS, Caller, Grant, Right, Role, may, reaches


def test_every_right_has_somebody_and_the_super_manager_has_each() -> None:
    assert set(RIGHTS) == set(Right)
    assert all(Role.SUPER in roles for roles in RIGHTS.values())


def test_a_resident_asks_for_addresses_and_nothing_else() -> None:
    assert [right for right in Right if may(Caller("o", Role.RESIDENT), right)] == [Right.ASK_FOR_ADDRESS]


@pytest.mark.parametrize(("right", "grant"), NEEDS_GRANT.items())
def test_a_manager_needs_the_grant(right: Right, grant: Grant) -> None:
    assert not may(Caller("o", Role.MANAGER, frozenset(Grant) - {grant}), right)
    assert may(Caller("o", Role.MANAGER, frozenset({grant})), right)


def test_a_manager_builds_nothing() -> None:
    manager = Caller("o", Role.MANAGER, frozenset(Grant))
    assert not any(may(manager, right) for right in (Right.EDIT_SITE, Right.EDGES, Right.OPERATORS))


REACH = [
    (Caller("o", Role.SUPER), "i-1", True),
    (Caller("o", Role.DISTRIBUTOR), "i-1", False),
    (Caller("o", Role.DISTRIBUTOR, lets_in=frozenset({"i-1"})), "i-1", True),
    (Caller("i-1", Role.INSTALLER, installer="i-1"), "i-1", True),
    (Caller("i-2", Role.INSTALLER, installer="i-2"), "i-1", False),
    (Caller("s", Role.SUB_INSTALLER, installer="i-1"), "i-1", True),
    (Caller("s", Role.SUB_INSTALLER, installer=""), "", False),
    (Caller("m", Role.MANAGER, communities=frozenset({"c"})), "i-1", True),
    (Caller("m", Role.MANAGER, communities=frozenset({"d"})), "i-1", False),
    (Caller("r", Role.RESIDENT), "i-1", False),
]


@pytest.mark.parametrize(("caller", "installer", "yes"), REACH)
def test_whose_business_a_community_is(caller: Caller, installer: str, yes: bool) -> None:
    assert reaches(caller, "c", installer) is yes


def test_nobody_makes_an_equal_but_the_super_manager() -> None:
    assert all(role not in made for role, made in MAKES.items() if role is not Role.SUPER)
    assert set(MAKES) == set(Role)


_SITE = {Right.SEE_SITE, Right.EDIT_SITE, Right.EDGES}
_PEOPLE = {Right.EDIT_PEOPLE, Right.BILLING, Right.REQUESTS, Right.ROSTERS, Right.ASK_FOR_ADDRESS}
_GIVEN = {Right.DELETE_PEOPLE, Right.SEE_LOGS, Right.SUBSCRIPTIONS}
WHOLE_TABLE = [
    (Caller("o", Role.SUPER), set(Right)),
    (Caller("o", Role.DISTRIBUTOR), _SITE | _PEOPLE | _GIVEN | {Right.OPERATORS}),
    (Caller("o", Role.INSTALLER), set(Right)),
    (Caller("o", Role.SUB_INSTALLER), _SITE | _PEOPLE | _GIVEN | {Right.ADD_COMMUNITY}),
    (Caller("o", Role.MANAGER), _PEOPLE | {Right.SEE_SITE}),
    (Caller("o", Role.MANAGER, frozenset(Grant)), _PEOPLE | _GIVEN | {Right.SEE_SITE}),
    (Caller("o", Role.RESIDENT), {Right.ASK_FOR_ADDRESS}),
]


@pytest.mark.parametrize(("caller", "rights"), WHOLE_TABLE)
def test_what_each_role_may_and_may_not(caller: Caller, rights: set[Right]) -> None:
    assert {right for right in Right if may(caller, right)} == rights


def test_the_table_has_every_role() -> None:
    assert {caller.role for caller, _ in WHOLE_TABLE} == set(Role)
