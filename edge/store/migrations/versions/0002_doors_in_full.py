"""Schedules of relays and doors, holidays, door groups, areas, operators' orders, visitors' passes."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def _refers(table: str, column: str, parent: str, ondelete: str) -> str:
    return (
        f"ALTER TABLE {table} ADD COLUMN {column} TEXT"
        f" CONSTRAINT fk_{table}_{column} REFERENCES {parent} (id) ON DELETE {ondelete}"
    )


# Said in SQL that SQLite and PostgreSQL both take: SQLite adds a column with its constraint in place, where Alembic
# would copy the whole table and leave out the CHECKs that it does not see.
_COLUMNS = (
    _refers("relay", "schedule_id", "schedule", "RESTRICT"),
    "ALTER TABLE relay ADD COLUMN two_factor BOOLEAN DEFAULT FALSE NOT NULL",
    _refers("device", "schedule_id", "schedule", "RESTRICT"),
    _refers("device", "open_schedule_id", "schedule", "RESTRICT"),
    "ALTER TABLE device ADD COLUMN interlock TEXT DEFAULT '' NOT NULL",
    _refers("device", "area_id", "area", "RESTRICT"),
    "ALTER TABLE device ADD COLUMN area_side VARCHAR(24)"
    " CONSTRAINT ck_device_area_side CHECK (area_side IN ('entry', 'exit'))",
    "ALTER TABLE device_state ADD COLUMN door_open BOOLEAN",
    _refers("caller_whitelist", "opens_device_id", "device", "SET NULL"),
    "ALTER TABLE call ADD COLUMN media TEXT DEFAULT '[]' NOT NULL",
)


def upgrade() -> None:
    op.create_table(
        "area",
        sa.Column("id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("community_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "passback",
            sa.Enum("soft", "hard", name="passback", native_enum=False, create_constraint=True, length=24),
            nullable=False,
        ),
        sa.Column("forget_h", sa.Integer(), nullable=False),
        sa.Column("era", sa.Integer(), nullable=False),
        sa.CheckConstraint("forget_h BETWEEN 0 AND 8760", name=op.f("ck_area_forget_h")),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_area_community_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_area")),
        sa.UniqueConstraint("community_id", "name", name=op.f("uq_area_community_id_name")),
    )
    op.create_table(
        "door_group",
        sa.Column("id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("community_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_door_group_community_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_door_group")),
        sa.UniqueConstraint("community_id", "name", name=op.f("uq_door_group_community_id_name")),
    )
    op.create_table(
        "holiday",
        sa.Column("community_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_holiday_community_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("community_id", "day", name=op.f("pk_holiday")),
    )
    op.create_table(
        "schedule_day",
        sa.Column("schedule_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("spans", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["schedule_id"], ["schedule.id"], name=op.f("fk_schedule_day_schedule_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("schedule_id", "day", name=op.f("pk_schedule_day")),
    )
    op.create_table(
        "whereabouts",
        sa.Column("holder", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("area_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("inside", sa.Boolean(), nullable=False),
        sa.Column("era", sa.Integer(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_whereabouts_area_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("holder", "area_id", name=op.f("pk_whereabouts")),
    )
    op.create_table(
        "credential_door_group",
        sa.Column("credential_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("group_id", sa.Text(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["credential_id"],
            ["credential.id"],
            name=op.f("fk_credential_door_group_credential_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["group_id"], ["door_group.id"], name=op.f("fk_credential_door_group_group_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("credential_id", "group_id", name=op.f("pk_credential_door_group")),
    )
    op.create_index(op.f("ix_credential_door_group_group_id"), "credential_door_group", ["group_id"], unique=False)

    op.create_table(
        "door_group_member",
        sa.Column("group_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("device_id", sa.Text(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["device_id"], ["device.id"], name=op.f("fk_door_group_member_device_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["group_id"], ["door_group.id"], name=op.f("fk_door_group_member_group_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("group_id", "device_id", name=op.f("pk_door_group_member")),
    )
    op.create_table(
        "door_order",
        sa.Column("id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("community_id", sa.Text(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum("hold_open", "lock_down", name="kind", native_enum=False, create_constraint=True, length=24),
            nullable=False,
        ),
        sa.Column("device_id", sa.Text(), nullable=True),
        sa.Column("building_id", sa.Text(), nullable=True),
        sa.Column("until_ms", sa.BigInteger(), nullable=True),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("ordered_by", sa.Text(), nullable=False),
        sa.CheckConstraint("device_id IS NULL OR building_id IS NULL", name=op.f("ck_door_order_one_scope")),
        sa.ForeignKeyConstraint(
            ["building_id"], ["building.id"], name=op.f("fk_door_order_building_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_door_order_community_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["device_id"], ["device.id"], name=op.f("fk_door_order_device_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_door_order")),
    )
    op.create_table(
        "visitor_pass",
        sa.Column("credential_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "purpose",
            sa.Enum("visit", "delivery", name="purpose", native_enum=False, create_constraint=True, length=24),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["credential_id"], ["credential.id"], name=op.f("fk_visitor_pass_credential_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("credential_id", name=op.f("pk_visitor_pass")),
    )

    for statement in _COLUMNS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("restore the backup that was made before the upgrade")
