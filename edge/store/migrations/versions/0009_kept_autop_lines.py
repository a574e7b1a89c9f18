"""Lines of extra configuration that an installer keeps for devices."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_SCOPES = ("community", "public", "building", "model", "device")


def upgrade() -> None:
    op.create_table(
        "autop_line",
        sa.Column("id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("community_id", sa.Text(), nullable=False),
        sa.Column(
            "scope",
            sa.Enum(*_SCOPES, name="scope", native_enum=False, create_constraint=True, length=24),
            nullable=False,
        ),
        sa.Column("building_id", sa.Text(), nullable=True),
        sa.Column("device_id", sa.Text(), nullable=True),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column("added_at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_autop_line_community_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["building_id"], ["building.id"], name=op.f("fk_autop_line_building_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["device_id"], ["device.id"], name=op.f("fk_autop_line_device_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_autop_line")),
    )
    for column in ("community_id", "building_id", "device_id"):
        op.create_index(op.f(f"ix_autop_line_{column}"), "autop_line", [column])


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
