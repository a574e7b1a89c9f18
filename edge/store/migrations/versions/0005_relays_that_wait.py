"""How long a panel waits before it moves a relay."""

from collections.abc import Sequence

from alembic import op

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# In SQL that SQLite and PostgreSQL both take, see revision 0002.
_COLUMN = (
    "ALTER TABLE relay ADD COLUMN trigger_s INTEGER DEFAULT 0 NOT NULL"
    " CONSTRAINT ck_relay_trigger_s CHECK (trigger_s BETWEEN 0 AND 10)"
)


def upgrade() -> None:
    op.execute(_COLUMN)


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
