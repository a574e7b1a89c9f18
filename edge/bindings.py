"""The registrar's bindings over a restart: gathered by the lazy writer, committed within a second."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from edge.core.ports import KeptBinding
from edge.store import bindings
from edge.store.engine import Store
from edge.store.lazy import LazyWriter
from models.binding import ContactBinding
from models.ids import SipUser


class StoredBindings:
    """Implements `edge.core.ports.BindingStore`."""

    def __init__(self, store: Store, later: LazyWriter) -> None:
        self._store = store
        self._later = later

    def load(self) -> Sequence[ContactBinding]:
        with self._store.read() as connection:
            return bindings.load_bindings(connection, now_ms=0)

    def save(self, changed: Sequence[KeptBinding], removed: Sequence[tuple[SipUser, str]]) -> None:
        for binding in changed:
            self._later.put_row((binding.sip_user, binding.key), binding, _save_all)
        for user, key in removed:
            self._later.put_row((user, key), _Gone(user, key), _save_all)


class _Gone(NamedTuple):
    """A binding to forget."""

    sip_user: SipUser
    key: str


def _save_all(connection: Connection, facts: Sequence[KeptBinding | _Gone]) -> None:
    kept = [fact.stored() for fact in facts if not isinstance(fact, _Gone)]
    bindings.save_bindings(connection, kept, [fact for fact in facts if isinstance(fact, _Gone)])
