"""The registrar's bindings over a restart: gathered by the lazy writer, committed within a second."""

from collections.abc import Sequence
from functools import partial

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
            self._later.put(("binding", binding.sip_user, binding.key), partial(_keep, binding))
        for user, key in removed:
            self._later.put(("binding", user, key), partial(_forget, user, key))


def _keep(binding: KeptBinding, connection: Connection) -> None:
    bindings.save_bindings(connection, [binding.stored()])


def _forget(user: SipUser, key: str, connection: Connection) -> None:
    bindings.save_bindings(connection, [], [(user, key)])
