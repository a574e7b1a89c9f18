"""First fetches of devices, and what each has fetched."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "provision_token",
        sa.Column("id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("community_id", sa.Text(), nullable=False),
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("used_at_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_provision_token_community_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["device_id"], ["device.id"], name=op.f("fk_provision_token_device_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_provision_token")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_provision_token_secret_hash")),
    )
    op.create_index(op.f("ix_provision_token_device_id"), "provision_token", ["device_id"])
    op.create_table(
        "provisioned_file",
        sa.Column("device_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("path", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("shown", sa.Text(), nullable=False),
        sa.Column("fetched_at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["device_id"], ["device.id"], name=op.f("fk_provisioned_file_device_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("device_id", "path", name=op.f("pk_provisioned_file")),
    )


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
