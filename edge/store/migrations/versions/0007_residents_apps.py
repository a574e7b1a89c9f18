"""Residents' apps: invitations, and the browsers that were let in."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def _owners(table: str) -> list[sa.ForeignKeyConstraint]:
    return [
        sa.ForeignKeyConstraint(
            [f"{owner}_id"], [f"{owner}.id"], name=op.f(f"fk_{table}_{owner}_id"), ondelete="CASCADE"
        )
        for owner in ("community", "resident")
    ]


def upgrade() -> None:
    op.create_table(
        "app_invite",
        sa.Column("id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("community_id", sa.Text(), nullable=False),
        sa.Column("resident_id", sa.Text(), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at_ms", sa.BigInteger(), nullable=False),
        *_owners("app_invite"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_app_invite")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_app_invite_secret_hash")),
    )
    op.create_index(op.f("ix_app_invite_resident_id"), "app_invite", ["resident_id"])
    op.create_table(
        "app_session",
        sa.Column("id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("community_id", sa.Text(), nullable=False),
        sa.Column("resident_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("seen_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("push", sa.Text(), nullable=True),
        sa.Column("quiet_from", sa.Text(), nullable=False),
        sa.Column("quiet_until", sa.Text(), nullable=False),
        sa.CheckConstraint("length(name) BETWEEN 1 AND 64", name=op.f("ck_app_session_name")),
        *_owners("app_session"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_app_session")),
    )
    op.create_index(op.f("ix_app_session_resident_id"), "app_session", ["resident_id"])


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
