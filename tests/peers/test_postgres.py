"""The server that the store's tests run on gives each test a database of its own."""

import pytest
import sqlalchemy


@pytest.mark.peer("postgresql")
@pytest.mark.parametrize("run", [1, 2])
def test_each_test_has_an_empty_database(postgresql_url: str, run: int) -> None:
    engine = sqlalchemy.create_engine(postgresql_url)
    with engine.begin() as connection:
        assert sqlalchemy.inspect(connection).get_table_names() == []
        connection.execute(sqlalchemy.text("CREATE TABLE door (name text)"))
    engine.dispose()
