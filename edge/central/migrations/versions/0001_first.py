"""The first schema."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("community", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    with op.batch_alter_table("audit", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_audit_at_ms"), ["at_ms"], unique=False)

    op.create_table(
        "community",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("installer", sa.Text(), server_default="", nullable=False),
        sa.Column("rev", sa.BigInteger(), nullable=False),
        sa.Column("floor", sa.BigInteger(), nullable=False),
        sa.Column("epoch", sa.Text(), nullable=False),
        sa.Column("confirmed_rev", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_community")),
        sa.UniqueConstraint("name", name=op.f("uq_community_name")),
    )
    op.create_table(
        "item_building",
        sa.Column("community", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("building", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("community", "kind", "id", "building", name=op.f("pk_item_building")),
    )
    op.create_table(
        "notice",
        sa.Column("community", sa.Text(), nullable=False),
        sa.Column("resident", sa.Text(), nullable=False),
        sa.Column("expires", sa.Text(), nullable=False),
        sa.Column("days", sa.BigInteger(), nullable=False),
        sa.Column("sent_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("community", "resident", "expires", "days", name=op.f("pk_notice")),
    )
    op.create_table(
        "operator",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("parent", sa.Text(), nullable=False),
        sa.Column("rights", sa.Text(), nullable=False),
        sa.Column("lets_in", sa.Boolean(), nullable=False),
        sa.Column("login", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operator")),
        sa.UniqueConstraint("name", name=op.f("uq_operator_name")),
    )
    op.create_table(
        "address_request",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("community", sa.Text(), nullable=False),
        sa.Column("apartment", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("has_handset", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("made_ms", sa.BigInteger(), nullable=False),
        sa.Column("changed_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["community"], ["community.id"], name=op.f("fk_address_request_community")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_address_request")),
    )
    with op.batch_alter_table("address_request", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_address_request_community"), ["community"], unique=False)
        batch_op.create_index(batch_op.f("ix_address_request_phone"), ["phone"], unique=False)

    op.create_table(
        "api_token",
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("operator", sa.Text(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["operator"], ["operator.id"], name=op.f("fk_api_token_operator")),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_api_token")),
    )
    op.create_table(
        "billing_account",
        sa.Column("community", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("login", sa.Text(), nullable=False),
        sa.Column("apartment", sa.Text(), nullable=False),
        sa.Column("resident", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("periodic", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["community"], ["community.id"], name=op.f("fk_billing_account_community")),
        sa.PrimaryKeyConstraint("community", "id", name=op.f("pk_billing_account")),
    )
    with op.batch_alter_table("billing_account", schema=None) as batch_op:
        batch_op.create_index("ix_billing_account_apartment", ["community", "apartment"], unique=False)

    op.create_table(
        "edge",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("community", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("whole", sa.Boolean(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("code_hash", sa.Text(), nullable=True),
        sa.Column("code_until_ms", sa.BigInteger(), nullable=True),
        sa.Column("public_key", sa.LargeBinary(), nullable=True),
        sa.Column("enrolled_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("applied", sa.BigInteger(), nullable=False),
        sa.Column("applied_epoch", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("devices", sa.Text(), nullable=False),
        sa.Column("clock_offset_ms", sa.BigInteger(), nullable=True),
        sa.Column("seen_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["community"], ["community.id"], name=op.f("fk_edge_community")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_edge")),
        sa.UniqueConstraint("code_hash", name=op.f("uq_edge_code_hash")),
    )
    with op.batch_alter_table("edge", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_edge_community"), ["community"], unique=False)

    op.create_table(
        "item",
        sa.Column("community", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("rev", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=True),
        sa.Column("natural_key", sa.Text(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["community"], ["community.id"], name=op.f("fk_item_community")),
        sa.PrimaryKeyConstraint("community", "kind", "id", name=op.f("pk_item")),
        sa.UniqueConstraint("community", "kind", "natural_key", name=op.f("uq_item_community_kind_natural_key")),
    )
    with op.batch_alter_table("item", schema=None) as batch_op:
        batch_op.create_index("ix_item_community_rev", ["community", "rev"], unique=False)

    op.create_table(
        "lease",
        sa.Column("community", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("first", sa.Text(), nullable=False),
        sa.Column("last", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("mobile", sa.Text(), nullable=False),
        sa.Column("from_day", sa.Text(), nullable=False),
        sa.Column("until_day", sa.Text(), nullable=False),
        sa.Column("resident", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["community"], ["community.id"], name=op.f("fk_lease_community")),
        sa.PrimaryKeyConstraint("community", "id", name=op.f("pk_lease")),
    )
    op.create_table(
        "operator_community",
        sa.Column("operator", sa.Text(), nullable=False),
        sa.Column("community", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["community"], ["community.id"], name=op.f("fk_operator_community_community")),
        sa.ForeignKeyConstraint(["operator"], ["operator.id"], name=op.f("fk_operator_community_operator")),
        sa.PrimaryKeyConstraint("operator", "community", name=op.f("pk_operator_community")),
    )
    op.create_table(
        "roster_day",
        sa.Column("community", sa.Text(), nullable=False),
        sa.Column("day", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["community"], ["community.id"], name=op.f("fk_roster_day_community")),
        sa.PrimaryKeyConstraint("community", name=op.f("pk_roster_day")),
    )
    op.create_table(
        "edge_building",
        sa.Column("edge", sa.Text(), nullable=False),
        sa.Column("building", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["edge"], ["edge.id"], name=op.f("fk_edge_building_edge")),
        sa.PrimaryKeyConstraint("edge", "building", name=op.f("pk_edge_building")),
    )
    op.create_table(
        "edge_item",
        sa.Column("edge", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("rev", sa.BigInteger(), nullable=False),
        sa.Column("gone", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["edge"], ["edge.id"], name=op.f("fk_edge_item_edge")),
        sa.PrimaryKeyConstraint("edge", "kind", "id", name=op.f("pk_edge_item")),
    )
    with op.batch_alter_table("edge_item", schema=None) as batch_op:
        batch_op.create_index("ix_edge_item_edge_rev", ["edge", "rev"], unique=False)

    op.create_table(
        "event",
        sa.Column("edge", sa.Text(), nullable=False),
        sa.Column("db_id", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=True),
        sa.Column("received_ms", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["edge"], ["edge.id"], name=op.f("fk_event_edge")),
        sa.PrimaryKeyConstraint("edge", "db_id", "seq", name=op.f("pk_event")),
    )
    op.create_table(
        "event_upto",
        sa.Column("edge", sa.Text(), nullable=False),
        sa.Column("db_id", sa.Text(), nullable=False),
        sa.Column("upto", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["edge"], ["edge.id"], name=op.f("fk_event_upto_edge")),
        sa.PrimaryKeyConstraint("edge", "db_id", name=op.f("pk_event_upto")),
    )
    op.create_table(
        "item_ref",
        sa.Column("community", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("to_kind", sa.Text(), nullable=False),
        sa.Column("to_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["community", "kind", "id"],
            ["item.community", "item.kind", "item.id"],
            name=op.f("fk_item_ref_community_kind_id"),
        ),
        sa.PrimaryKeyConstraint("community", "kind", "id", "to_kind", "to_id", name=op.f("pk_item_ref")),
    )
    with op.batch_alter_table("item_ref", schema=None) as batch_op:
        batch_op.create_index("ix_item_ref_to", ["community", "to_kind", "to_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("item_ref", schema=None) as batch_op:
        batch_op.drop_index("ix_item_ref_to")

    op.drop_table("item_ref")
    op.drop_table("event_upto")
    op.drop_table("event")
    with op.batch_alter_table("edge_item", schema=None) as batch_op:
        batch_op.drop_index("ix_edge_item_edge_rev")

    op.drop_table("edge_item")
    op.drop_table("edge_building")
    op.drop_table("roster_day")
    op.drop_table("operator_community")
    op.drop_table("lease")
    with op.batch_alter_table("item", schema=None) as batch_op:
        batch_op.drop_index("ix_item_community_rev")

    op.drop_table("item")
    with op.batch_alter_table("edge", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_edge_community"))

    op.drop_table("edge")
    with op.batch_alter_table("billing_account", schema=None) as batch_op:
        batch_op.drop_index("ix_billing_account_apartment")

    op.drop_table("billing_account")
    op.drop_table("api_token")
    with op.batch_alter_table("address_request", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_address_request_phone"))
        batch_op.drop_index(batch_op.f("ix_address_request_community"))

    op.drop_table("address_request")
    op.drop_table("operator")
    op.drop_table("notice")
    op.drop_table("item_building")
    op.drop_table("community")
    with op.batch_alter_table("audit", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_audit_at_ms"))

    op.drop_table("audit")
