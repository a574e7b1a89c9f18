from tests.unit.edge.store.conftest import empty, store, template

__all__ = ["empty", "store", "template"]
