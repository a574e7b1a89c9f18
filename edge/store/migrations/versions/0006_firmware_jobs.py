"""Firmware jobs with a window, a limit and an end. Nothing wrote the first schema's tables: they are made anew."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_JOB = ("pending", "processing", "executed", "failed", "cancelled")
_DEVICE = ("waiting", "sent", "done", "failed")


def _state(values: Sequence[str]) -> sa.Column[str]:
    kind = sa.Enum(*values, name="state", native_enum=False, create_constraint=True, length=24)
    return sa.Column("state", kind, nullable=False)


def upgrade() -> None:
    op.drop_table("upgrade_job_device")
    op.drop_table("upgrade_job")
    op.create_table(
        "upgrade_job",
        sa.Column("id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("community_id", sa.Text(), nullable=False),
        sa.Column("firmware_id", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=False),
        sa.Column("reset_after", sa.Boolean(), nullable=False),
        sa.Column("at_once", sa.Integer(), nullable=False),
        sa.Column("stop_after", sa.Integer(), nullable=False),
        _state(_JOB),
        sa.CheckConstraint("at_once BETWEEN 1 AND 100", name=op.f("ck_upgrade_job_at_once")),
        sa.CheckConstraint("stop_after BETWEEN 1 AND 10000", name=op.f("ck_upgrade_job_stop_after")),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_upgrade_job_community_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["firmware_id"], ["firmware.id"], name=op.f("fk_upgrade_job_firmware_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_upgrade_job")),
    )
    op.create_table(
        "upgrade_job_device",
        sa.Column("job_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("device_id", sa.Text(), autoincrement=False, nullable=False),
        _state(_DEVICE),
        sa.Column("sent_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("done_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("error", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["device_id"], ["device.id"], name=op.f("fk_upgrade_job_device_device_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["job_id"], ["upgrade_job.id"], name=op.f("fk_upgrade_job_device_job_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("job_id", "device_id", name=op.f("pk_upgrade_job_device")),
    )


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
