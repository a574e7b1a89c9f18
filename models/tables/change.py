"""What changed, so that a running daemon reads that and nothing else."""

from typing import ClassVar

from sqlalchemy import ForeignKey

from models.tables.base import Base, millis, text


class Change(Base, table=True):
    """One thing that changed at *revision* of its community. Pruned; who is further behind reads everything."""

    __tablename__: ClassVar[str] = "change"

    community_id: str = text(ForeignKey("community.id", ondelete="CASCADE"), key=True)
    revision: int = millis(key=True)
    kind: str = text(key=True)  # community, building, apartment, resident, device, relay, schedule, credential, …
    id: str = text(key=True)
