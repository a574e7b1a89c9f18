"""Which key and which pepper the database was made with, by their ids; and a tag that is made anew."""

from typing import Final

from sqlalchemy import Connection, select, text

from edge.store.changes import CREDENTIAL, note_change
from edge.store.tables import store_state
from models.ids import CredentialId

_RETAG: Final = text("UPDATE credential SET tag = :tag, pepper_id = '' WHERE id = :id AND pepper_id <> ''")


def present_pepper(connection: Connection) -> str:
    """Id of the pepper that new tags are made with; "" where it was never replaced."""
    return str(connection.execute(select(store_state.c.pepper_id)).scalar_one())


def retag(connection: Connection, credential: CredentialId, tag: bytes) -> bool:
    """*credential* was presented: its tag is made with the present pepper from now on. False: it was already."""
    if connection.execute(_RETAG, {"id": credential, "tag": tag}).rowcount == 0:
        return False
    note_change(connection, CREDENTIAL, credential)
    return True
