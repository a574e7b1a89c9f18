"""Credentials where the store must change one on the door's path."""

from typing import Final

from sqlalchemy import Connection, text

from models.ids import CredentialId

_CONSUME: Final = text("UPDATE credential SET uses_left = uses_left - 1 WHERE id = :id AND uses_left > 0")


def consume_use(connection: Connection, credential: CredentialId) -> bool:
    """Take one use; False where none is left, the number is without limit, or the credential is gone.

    In the same transaction as the log row and the answer (decision 5). Bumps no revision: the door desk that consumed
    it knows already, and a hundred uses must not make a hundred reloads.
    """
    return connection.execute(_CONSUME, {"id": credential}).rowcount == 1
