"""What is stored: SQLModel classes, one file an aggregate. Only `edge.store` and its callers' queries see them.

Importing this package registers every table on `models.tables.base.metadata`.
"""

from models.tables import access, app, change, community, device, log, provisioning, service, sip, sync

__all__ = ["access", "app", "change", "community", "device", "log", "provisioning", "service", "sip", "sync"]
