"""What panels hold and should hold, ids of keys and peppers, consent to faces."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# In SQL that SQLite and PostgreSQL both take, see revision 0002.
_COLUMNS = (
    "ALTER TABLE device_state ADD COLUMN config_digest TEXT DEFAULT '' NOT NULL",
    "ALTER TABLE device_state ADD COLUMN config_since_ms BIGINT",
    "ALTER TABLE device_state ADD COLUMN panel_wanted BIGINT",
    "ALTER TABLE device_state ADD COLUMN panel_confirmed BIGINT",
    "ALTER TABLE device_state ADD COLUMN panel_since_ms BIGINT",
    "ALTER TABLE store_state ADD COLUMN key_id TEXT DEFAULT '' NOT NULL",
    "ALTER TABLE store_state ADD COLUMN pepper_id TEXT DEFAULT '' NOT NULL",
    "ALTER TABLE credential ADD COLUMN consent_at_ms BIGINT",
)


def upgrade() -> None:
    op.create_table(
        "panel_credential",
        sa.Column("device_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("credential_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("wanted", sa.Text(), nullable=True),
        sa.Column("confirmed", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["device_id"], ["device.id"], name=op.f("fk_panel_credential_device_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("device_id", "credential_id", name=op.f("pk_panel_credential")),
    )
    op.create_index(
        "ix_credential_at_panels",
        "credential",
        ["community_id"],
        unique=False,
        sqlite_where=sa.text("home <> 'edge'"),
        postgresql_where=sa.text("home <> 'edge'"),
    )
    for statement in _COLUMNS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
