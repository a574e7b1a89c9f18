from sqlalchemy import select

from edge.store import tables
from edge.store.access import consume_use
from edge.store.changes import current_revision
from edge.store.engine import Store
from models.ids import CredentialId
from tests.unit.edge.store.sample import CARD, CODE


def test_uses_are_taken_until_none_is_left(store: Store) -> None:
    with store.write() as connection:
        assert [consume_use(connection, CODE) for _ in range(3)] == [True, True, False]
        left = select(tables.credential.c.uses_left).where(tables.credential.c.id == CODE)
        assert connection.execute(left).scalar_one() == 0


def test_what_is_without_limit_or_gone_has_no_use_to_take(store: Store) -> None:
    with store.write() as connection:
        assert not consume_use(connection, CARD)
        assert not consume_use(connection, CredentialId("k-gone"))


def test_a_use_makes_nobody_read_the_community_again(store: Store) -> None:
    with store.write() as connection:
        consume_use(connection, CODE)
        assert current_revision(connection) == 1
