"""What the central store calls a thing, and how many uses it gave a credential."""

from collections.abc import Sequence

from alembic import op

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# In SQL that SQLite and PostgreSQL both take, see revision 0002.
_COLUMNS = (
    "ALTER TABLE sync_item ADD COLUMN central_id TEXT DEFAULT '' NOT NULL",
    "ALTER TABLE sync_item ADD COLUMN uses INTEGER",
)


def upgrade() -> None:
    for statement in _COLUMNS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
