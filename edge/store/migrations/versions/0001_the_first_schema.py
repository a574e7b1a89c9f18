"""The first schema."""

import secrets
from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "community",
        sa.Column("id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("street", sa.Text(), nullable=False),
        sa.Column("city", sa.Text(), nullable=False),
        sa.Column("post_code", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("twelve_hour_clock", sa.Boolean(), nullable=False),
        sa.Column(
            "date_format",
            sa.Enum("ymd", "mdy", "dmy", name="date_format", native_enum=False, create_constraint=True, length=24),
            nullable=False,
        ),
        sa.Column("planned_apartments", sa.Integer(), nullable=False),
        sa.Column(
            "plan",
            sa.Enum("basic", "premium", name="plan", native_enum=False, create_constraint=True, length=24),
            nullable=False,
        ),
        sa.Column(
            "permission",
            sa.Enum(
                "public_private", "public_only", name="permission", native_enum=False, create_constraint=True, length=24
            ),
            nullable=False,
        ),
        sa.Column(
            "pin_mode",
            sa.Enum("pin", "apt_pin", name="pin_mode", native_enum=False, create_constraint=True, length=24),
            nullable=False,
        ),
        sa.Column("community_calls", sa.Boolean(), nullable=False),
        sa.Column("landline_service", sa.Boolean(), nullable=False),
        sa.Column("home_automation", sa.Boolean(), nullable=False),
        sa.Column(
            "charge_mode",
            sa.Enum("manager", "installer", name="charge_mode", native_enum=False, create_constraint=True, length=24),
            nullable=False,
        ),
        sa.Column("send_expiration_mail", sa.Boolean(), nullable=False),
        sa.Column("send_renew_mail", sa.Boolean(), nullable=False),
        sa.Column("emergency_numbers", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "NOT landline_service OR (plan = 'premium' AND NOT home_automation)",
            name=op.f("ck_community_landline_needs_premium"),
        ),
        sa.CheckConstraint("length(name) BETWEEN 1 AND 128", name=op.f("ck_community_name")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_community")),
    )
    op.create_table(
        "journal",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("community_id", sa.Text(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "access",
                "ring",
                "call",
                "device",
                "alarm",
                "audit",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("device_id", sa.Text(), nullable=True),
        sa.Column("mac", sa.Text(), nullable=True),
        sa.Column("door", sa.Text(), nullable=True),
        sa.Column("device_at_ms", sa.BigInteger(), nullable=True),
        sa.Column(
            "method",
            sa.Enum(
                "pin",
                "apt_pin",
                "rf_card",
                "nfc",
                "face",
                "bluetooth",
                "qr",
                "dtmf",
                "app_home",
                "app_talk",
                "exit_button",
                "fire",
                "guard",
                "remote",
                name="method",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=True,
        ),
        sa.Column(
            "outcome",
            sa.Enum("granted", "denied", name="outcome", native_enum=False, create_constraint=True, length=24),
            nullable=True,
        ),
        sa.Column(
            "reason",
            sa.Enum(
                "granted",
                "device_unknown",
                "too_late",
                "device_disabled",
                "locked_out",
                "method_not_on_relay",
                "plan",
                "unknown_credential",
                "ambiguous",
                "door_not_served",
                "permission",
                "not_yet_valid",
                "expired",
                "outside_schedule",
                "uses_spent",
                "service_blocked",
                "service_off",
                "app_expired",
                "not_in_call",
                "not_allowed",
                name="reason",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=True,
        ),
        sa.Column("apartment_id", sa.Text(), nullable=True),
        sa.Column("apartment", sa.Text(), nullable=True),
        sa.Column("resident_id", sa.Text(), nullable=True),
        sa.Column("resident", sa.Text(), nullable=True),
        sa.Column("credential_id", sa.Text(), nullable=True),
        sa.Column("relays", sa.Text(), nullable=False),
        sa.Column("duress", sa.Boolean(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("prev", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_journal")),
    )
    with op.batch_alter_table("journal", schema=None) as batch_op:
        batch_op.create_index("ix_journal_apartment", ["apartment_id", "seq"], unique=False)
        batch_op.create_index("ix_journal_device", ["device_id", "seq"], unique=False)
        batch_op.create_index("ix_journal_kind_at", ["kind", "at_ms"], unique=False)

    op.create_table(
        "outbox",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_outbox")),
    )
    op.create_table(
        "staging",
        sa.Column(
            "position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("rev", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("page", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_staging")),
    )
    with op.batch_alter_table("staging", schema=None) as batch_op:
        batch_op.create_index("ix_staging_thing", ["token", "kind", "id"], unique=False)

    op.create_table(
        "store_state",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("db_id", sa.Text(), nullable=False),
        sa.Column("journal_seq", sa.BigInteger(), nullable=False),
        sa.Column("journal_hash", sa.LargeBinary(), nullable=False),
        sa.Column("journal_erased", sa.BigInteger(), nullable=False),
        sa.Column("outbox_seq", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_store_state_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_store_state")),
    )
    op.create_table(
        "answer",
        sa.Column("community_id", sa.Text(), nullable=False),
        sa.Column("mac", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_answer_community_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("mac", "kind", "id", name=op.f("pk_answer")),
    )
    with op.batch_alter_table("answer", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_answer_at_ms"), ["at_ms"], unique=False)

    op.create_table(
        "binding",
        sa.Column("community_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("sip_user", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("key", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("contact", sa.Text(), nullable=False),
        sa.Column("transport", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("expires_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("q", sa.Float(), nullable=False),
        sa.Column("call_id", sa.Text(), nullable=False),
        sa.Column("cseq", sa.BigInteger(), nullable=False),
        sa.Column("instance", sa.Text(), nullable=False),
        sa.Column("reg_id", sa.Integer(), nullable=True),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("user_agent", sa.Text(), nullable=False),
        sa.Column("updated_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("extra", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_binding_community_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("community_id", "sip_user", "key", name=op.f("pk_binding")),
    )
    with op.batch_alter_table("binding", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_binding_expires_at_ms"), ["expires_at_ms"], unique=False)

    op.create_table(
        "building",
        sa.Column("id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("community_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.CheckConstraint("length(name) BETWEEN 1 AND 128", name=op.f("ck_building_name")),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_building_community_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_building")),
        sa.UniqueConstraint("community_id", "name", name=op.f("uq_building_community_id_name")),
    )
    op.create_table(
        "call",
        sa.Column("id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("community_id", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("caller", sa.Text(), nullable=False),
        sa.Column("dialled", sa.Text(), nullable=False),
        sa.Column("apartment_id", sa.Text(), nullable=True),
        sa.Column("apartment", sa.Text(), nullable=True),
        sa.Column("caller_device_id", sa.Text(), nullable=True),
        sa.Column("stages", sa.Text(), nullable=False),
        sa.Column("legs", sa.Text(), nullable=False),
        sa.Column(
            "outcome",
            sa.Enum(
                "answered",
                "no_answer",
                "declined",
                "busy",
                "cancelled",
                "refused",
                "failed",
                name="outcome",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=True,
        ),
        sa.Column(
            "reason",
            sa.Enum(
                "blocked",
                "not_connected",
                "unknown",
                "not_allowed",
                name="reason",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=True,
        ),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("answered_by", sa.Integer(), nullable=True),
        sa.Column("opened", sa.Text(), nullable=False),
        sa.Column(
            "ended_by",
            sa.Enum("visitor", "callee", "edge", name="ended_by", native_enum=False, create_constraint=True, length=24),
            nullable=True,
        ),
        sa.Column("duration_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_call_community_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_call")),
    )
    with op.batch_alter_table("call", schema=None) as batch_op:
        batch_op.create_index("ix_call_apartment", ["apartment_id", "at_ms"], unique=False)
        batch_op.create_index(batch_op.f("ix_call_at_ms"), ["at_ms"], unique=False)

    op.create_table(
        "caller_whitelist",
        sa.Column("community_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("number", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_caller_whitelist_community_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("community_id", "number", name=op.f("pk_caller_whitelist")),
    )
    op.create_table(
        "change",
        sa.Column("community_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Text(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_change_community_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("community_id", "revision", "kind", "id", name=op.f("pk_change")),
    )
    op.create_table(
        "enrolment",
        sa.Column("community_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("central_url", sa.Text(), nullable=False),
        sa.Column("edge_id", sa.Text(), nullable=False),
        sa.Column("private_key", sa.LargeBinary(), nullable=False),
        sa.Column("central_public_key", sa.LargeBinary(), nullable=False),
        sa.Column("epoch", sa.Text(), nullable=False),
        sa.Column("cursor", sa.BigInteger(), nullable=False),
        sa.Column("last_ok_ms", sa.BigInteger(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=False),
        sa.Column("enrolled_at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_enrolment_community_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("community_id", name=op.f("pk_enrolment")),
    )
    op.create_table(
        "firmware",
        sa.Column("id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("community_id", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("log", sa.Text(), nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("uploaded_at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_firmware_community_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_firmware")),
        sa.UniqueConstraint("community_id", "model", "version", name=op.f("uq_firmware_community_id_model_version")),
    )
    op.create_table(
        "mac_library",
        sa.Column("community_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("mac", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("added_at_ms", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("length(mac) = 12", name=op.f("ck_mac_library_mac")),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_mac_library_community_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("community_id", "mac", name=op.f("pk_mac_library")),
    )
    op.create_table(
        "mqtt_login",
        sa.Column("community_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("password", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("length(name) BETWEEN 1 AND 64", name=op.f("ck_mqtt_login_name")),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_mqtt_login_community_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("community_id", "name", name=op.f("pk_mqtt_login")),
    )
    op.create_table(
        "resident",
        sa.Column("id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("community_id", sa.Text(), nullable=False),
        sa.Column("first_name", sa.Text(), nullable=False),
        sa.Column("last_name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("mobile", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("login", sa.Text(), nullable=False),
        sa.Column("app_registered", sa.Boolean(), nullable=False),
        sa.Column(
            "activation",
            sa.Enum(
                "inactive", "active", "expired", name="activation", native_enum=False, create_constraint=True, length=24
            ),
            nullable=False,
        ),
        sa.Column("activation_until_ms", sa.BigInteger(), nullable=True),
        sa.Column("sip_user", sa.Text(), nullable=False),
        sa.Column("sip_password", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(
            "length(sip_user) = 8 AND sip_user BETWEEN '50000000' AND '99999999'", name=op.f("ck_resident_sip_user")
        ),
        sa.CheckConstraint("length(first_name) <= 64 AND length(last_name) <= 64", name=op.f("ck_resident_name")),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_resident_community_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_resident")),
        sa.UniqueConstraint("community_id", "sip_user", name=op.f("uq_resident_community_id_sip_user")),
    )
    op.create_table(
        "schedule",
        sa.Column("id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("community_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_schedule_community_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schedule")),
        sa.UniqueConstraint("community_id", "name", name=op.f("uq_schedule_community_id_name")),
    )
    op.create_table(
        "sync_item",
        sa.Column("community_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("rev", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_sync_item_community_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("community_id", "kind", "id", name=op.f("pk_sync_item")),
    )
    op.create_table(
        "apartment",
        sa.Column("id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("community_id", sa.Text(), nullable=False),
        sa.Column("building_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("floor", sa.Text(), nullable=False),
        sa.Column("accessible_floors", sa.Text(), nullable=False),
        sa.Column("call_type", sa.Integer(), nullable=False),
        sa.Column(
            "connection",
            sa.Enum("sip", "ip", name="connection", native_enum=False, create_constraint=True, length=24),
            nullable=False,
        ),
        sa.Column("web_relay", sa.Integer(), nullable=False),
        sa.Column("has_handset", sa.Boolean(), nullable=False),
        sa.Column("whitelisted", sa.Boolean(), nullable=False),
        sa.Column("network_group", sa.Text(), nullable=False),
        sa.Column("armed", sa.Boolean(), nullable=False),
        sa.Column(
            "service",
            sa.Enum("active", "blocked", "off", name="service", native_enum=False, create_constraint=True, length=24),
            nullable=False,
        ),
        sa.Column("service_since_ms", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("length(number) > 0 AND number NOT LIKE '#%'", name=op.f("ck_apartment_number")),
        sa.CheckConstraint("call_type BETWEEN 0 AND 5", name=op.f("ck_apartment_call_type")),
        sa.CheckConstraint("web_relay BETWEEN 0 AND 65535", name=op.f("ck_apartment_web_relay")),
        sa.ForeignKeyConstraint(
            ["building_id"], ["building.id"], name=op.f("fk_apartment_building_id"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_apartment_community_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_apartment")),
        sa.UniqueConstraint("building_id", "number", name=op.f("uq_apartment_building_id_number")),
    )
    with op.batch_alter_table("apartment", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_apartment_community_id"), ["community_id"], unique=False)

    op.create_table(
        "schedule_row",
        sa.Column("schedule_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("weekday", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("from_minute", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("to_minute", sa.Integer(), autoincrement=False, nullable=False),
        sa.CheckConstraint("from_minute BETWEEN 0 AND 1439", name=op.f("ck_schedule_row_from_minute")),
        sa.CheckConstraint("to_minute BETWEEN 0 AND 1440", name=op.f("ck_schedule_row_to_minute")),
        sa.CheckConstraint("weekday BETWEEN 0 AND 6", name=op.f("ck_schedule_row_weekday")),
        sa.ForeignKeyConstraint(
            ["schedule_id"], ["schedule.id"], name=op.f("fk_schedule_row_schedule_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("schedule_id", "weekday", "from_minute", "to_minute", name=op.f("pk_schedule_row")),
    )
    op.create_table(
        "upgrade_job",
        sa.Column("id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("community_id", sa.Text(), nullable=False),
        sa.Column("firmware_id", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("reset_after", sa.Boolean(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "pending", "processing", "executed", name="state", native_enum=False, create_constraint=True, length=24
            ),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_upgrade_job_community_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["firmware_id"], ["firmware.id"], name=op.f("fk_upgrade_job_firmware_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_upgrade_job")),
    )
    op.create_table(
        "address_request",
        sa.Column("id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("community_id", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=False),
        sa.Column("apartment_id", sa.Text(), nullable=False),
        sa.Column("has_handset", sa.Boolean(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "new",
                "confirmed",
                "closed",
                "cancelled",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("made_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("settled_at_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["apartment_id"], ["apartment.id"], name=op.f("fk_address_request_apartment_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_address_request_community_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_address_request")),
    )
    with op.batch_alter_table("address_request", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_address_request_community_id"), ["community_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_address_request_phone"), ["phone"], unique=False)

    op.create_table(
        "billing_account",
        sa.Column("id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("community_id", sa.Text(), nullable=False),
        sa.Column("login", sa.Text(), nullable=False),
        sa.Column("apartment_id", sa.Text(), nullable=True),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column(
            "state",
            sa.Enum("active", "blocked", "off", name="state", native_enum=False, create_constraint=True, length=24),
            nullable=False,
        ),
        sa.Column("periodic_service", sa.Boolean(), nullable=False),
        sa.Column("updated_at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["apartment_id"], ["apartment.id"], name=op.f("fk_billing_account_apartment_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_billing_account_community_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billing_account")),
    )
    with op.batch_alter_table("billing_account", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_billing_account_community_id"), ["community_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_billing_account_login"), ["login"], unique=False)

    op.create_table(
        "credential",
        sa.Column("id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("community_id", sa.Text(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "pin",
                "rf_card",
                "nfc",
                "face",
                "bluetooth",
                "qr",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("tag", sa.LargeBinary(), nullable=False),
        sa.Column("pepper_id", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("bare", sa.Boolean(), nullable=False),
        sa.Column("apartment_id", sa.Text(), nullable=False),
        sa.Column("resident_id", sa.Text(), nullable=True),
        sa.Column("valid_from_ms", sa.BigInteger(), nullable=True),
        sa.Column("valid_until_ms", sa.BigInteger(), nullable=True),
        sa.Column("schedule_id", sa.Text(), nullable=True),
        sa.Column("uses_left", sa.Integer(), nullable=True),
        sa.Column("duress", sa.Boolean(), nullable=False),
        sa.Column(
            "origin",
            sa.Enum(
                "installer", "manager", "resident", name="origin", native_enum=False, create_constraint=True, length=24
            ),
            nullable=False,
        ),
        sa.Column(
            "home",
            sa.Enum("edge", "panel", "both", name="home", native_enum=False, create_constraint=True, length=24),
            nullable=False,
        ),
        sa.Column("hint", sa.Text(), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("NOT duress OR kind = 'pin'", name=op.f("ck_credential_duress")),
        sa.CheckConstraint("length(tag) = 32", name=op.f("ck_credential_tag")),
        sa.CheckConstraint("uses_left >= 0", name=op.f("ck_credential_uses_left")),
        sa.CheckConstraint("valid_from_ms < valid_until_ms", name=op.f("ck_credential_validity")),
        sa.ForeignKeyConstraint(
            ["apartment_id"], ["apartment.id"], name=op.f("fk_credential_apartment_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_credential_community_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["resident_id"], ["resident.id"], name=op.f("fk_credential_resident_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["schedule_id"], ["schedule.id"], name=op.f("fk_credential_schedule_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credential")),
    )
    with op.batch_alter_table("credential", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_credential_apartment_id"), ["apartment_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_credential_resident_id"), ["resident_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_credential_schedule_id"), ["schedule_id"], unique=False)
        batch_op.create_index("ix_credential_tag", ["community_id", "kind", "tag"], unique=False)

    op.create_table(
        "device",
        sa.Column("id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("community_id", sa.Text(), nullable=False),
        sa.Column("mac", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("type", sa.Integer(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column(
            "place",
            sa.Enum(
                "public", "building", "apartment", name="place", native_enum=False, create_constraint=True, length=24
            ),
            nullable=False,
        ),
        sa.Column("all_buildings", sa.Boolean(), nullable=False),
        sa.Column("apartment_id", sa.Text(), nullable=True),
        sa.Column("network_group", sa.Text(), nullable=False),
        sa.Column("has_internet", sa.Boolean(), nullable=False),
        sa.Column("works_offline", sa.Boolean(), nullable=False),
        sa.Column("static_address", sa.Text(), nullable=False),
        sa.Column("arming", sa.Boolean(), nullable=False),
        sa.Column("fire_group", sa.Text(), nullable=False),
        sa.Column(
            "contact_display",
            sa.Enum(
                "apartments",
                "monitors_and_apps",
                "all",
                name="contact_display",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column(
            "connection",
            sa.Enum("tcp", "udp", "tls", name="connection", native_enum=False, create_constraint=True, length=24),
            nullable=False,
        ),
        sa.Column(
            "digest",
            sa.Enum("both", "sha256", "md5", name="digest", native_enum=False, create_constraint=True, length=24),
            nullable=False,
        ),
        sa.Column("sip_user", sa.Text(), nullable=False),
        sa.Column("sip_password", sa.LargeBinary(), nullable=False),
        sa.Column("mqtt_password", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(
            "(place = 'apartment') = (apartment_id IS NOT NULL)", name=op.f("ck_device_apartment_of_a_private_device")
        ),
        sa.CheckConstraint(
            "length(sip_user) = 8 AND sip_user BETWEEN '10000000' AND '49999999'", name=op.f("ck_device_sip_user")
        ),
        sa.CheckConstraint("length(mac) = 12", name=op.f("ck_device_mac")),
        sa.CheckConstraint("type IN (0, 1, 2, 3, 50)", name=op.f("ck_device_type")),
        sa.ForeignKeyConstraint(
            ["apartment_id"], ["apartment.id"], name=op.f("fk_device_apartment_id"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["community_id", "mac"],
            ["mac_library.community_id", "mac_library.mac"],
            name=op.f("fk_device_community_id_mac"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_device_community_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_device")),
        sa.UniqueConstraint("community_id", "mac", name=op.f("uq_device_community_id_mac")),
        sa.UniqueConstraint("community_id", "sip_user", name=op.f("uq_device_community_id_sip_user")),
    )
    with op.batch_alter_table("device", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_device_apartment_id"), ["apartment_id"], unique=False)
        batch_op.create_index(
            "ux_device_one_works_offline",
            ["apartment_id"],
            unique=True,
            sqlite_where=sa.text("works_offline"),
            postgresql_where=sa.text("works_offline"),
        )

    op.create_table(
        "landline",
        sa.Column("apartment_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.CheckConstraint("position BETWEEN 1 AND 3", name=op.f("ck_landline_position")),
        sa.ForeignKeyConstraint(
            ["apartment_id"], ["apartment.id"], name=op.f("fk_landline_apartment_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("apartment_id", "position", name=op.f("pk_landline")),
    )
    op.create_table(
        "resident_apartment",
        sa.Column("resident_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("apartment_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column(
            "role",
            sa.Enum("master", "member", name="role", native_enum=False, create_constraint=True, length=24),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["apartment_id"], ["apartment.id"], name=op.f("fk_resident_apartment_apartment_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["resident_id"], ["resident.id"], name=op.f("fk_resident_apartment_resident_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("resident_id", "apartment_id", name=op.f("pk_resident_apartment")),
    )
    with op.batch_alter_table("resident_apartment", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_resident_apartment_apartment_id"), ["apartment_id"], unique=False)
        batch_op.create_index(
            "ux_resident_apartment_one_master",
            ["apartment_id"],
            unique=True,
            sqlite_where=sa.text("role = 'master'"),
            postgresql_where=sa.text("role = 'master'"),
        )

    op.create_table(
        "camera",
        sa.Column("id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("community_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("rtsp_url", sa.Text(), nullable=False),
        sa.Column("user", sa.Text(), nullable=False),
        sa.Column("password", sa.LargeBinary(), nullable=True),
        sa.Column("device_id", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_camera_community_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["device_id"], ["device.id"], name=op.f("fk_camera_device_id"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_camera")),
        sa.UniqueConstraint("community_id", "name", name=op.f("uq_camera_community_id_name")),
    )
    op.create_table(
        "credential_door",
        sa.Column("credential_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("device_id", sa.Text(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["credential_id"], ["credential.id"], name=op.f("fk_credential_door_credential_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("credential_id", "device_id", name=op.f("pk_credential_door")),
    )
    op.create_table(
        "device_building",
        sa.Column("device_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("building_id", sa.Text(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["building_id"], ["building.id"], name=op.f("fk_device_building_building_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["device_id"], ["device.id"], name=op.f("fk_device_building_device_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("device_id", "building_id", name=op.f("pk_device_building")),
    )
    with op.batch_alter_table("device_building", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_device_building_building_id"), ["building_id"], unique=False)

    op.create_table(
        "device_state",
        sa.Column("device_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("online", sa.Boolean(), nullable=False),
        sa.Column("online_since_ms", sa.BigInteger(), nullable=True),
        sa.Column("seen_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("hello_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("firmware", sa.Text(), nullable=False),
        sa.Column("ip", sa.Text(), nullable=False),
        sa.Column("relays", sa.Integer(), nullable=True),
        sa.Column("clock_offset_ms", sa.BigInteger(), nullable=False),
        sa.Column("digest_fallback", sa.Boolean(), nullable=False),
        sa.Column("revision_wanted", sa.BigInteger(), nullable=True),
        sa.Column("revision_confirmed", sa.BigInteger(), nullable=True),
        sa.Column("revision_confirmed_at_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["device_id"], ["device.id"], name=op.f("fk_device_state_device_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("device_id", name=op.f("pk_device_state")),
    )
    op.create_table(
        "lockout",
        sa.Column("device_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("apartment_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("wrong_at_ms", sa.Text(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("locked_until_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["device_id"], ["device.id"], name=op.f("fk_lockout_device_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("device_id", "apartment_id", name=op.f("pk_lockout")),
    )
    op.create_table(
        "relay",
        sa.Column("id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("security", sa.Boolean(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("methods", sa.Text(), nullable=False),
        sa.Column("hold_s", sa.Integer(), nullable=False),
        sa.Column("dtmf", sa.Text(), nullable=False),
        sa.CheckConstraint("hold_s BETWEEN 1 AND 60", name=op.f("ck_relay_hold_s")),
        sa.CheckConstraint("number BETWEEN 1 AND 4", name=op.f("ck_relay_number")),
        sa.ForeignKeyConstraint(["device_id"], ["device.id"], name=op.f("fk_relay_device_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_relay")),
        sa.UniqueConstraint("device_id", "security", "number", name=op.f("uq_relay_device_id_security_number")),
    )
    op.create_table(
        "upgrade_job_device",
        sa.Column("job_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("device_id", sa.Text(), autoincrement=False, nullable=False),
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
    op.execute(
        sa.text(
            "INSERT INTO store_state (id, db_id, journal_seq, journal_hash, journal_erased, outbox_seq)"
            " VALUES (1, :db_id, 0, :hash, 0, 0)"
        ).bindparams(db_id=secrets.token_hex(8), hash=bytes(32))
    )


def downgrade() -> None:
    op.drop_table("upgrade_job_device")
    op.drop_table("relay")
    op.drop_table("lockout")
    op.drop_table("device_state")
    with op.batch_alter_table("device_building", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_device_building_building_id"))

    op.drop_table("device_building")
    op.drop_table("credential_door")
    op.drop_table("camera")
    with op.batch_alter_table("resident_apartment", schema=None) as batch_op:
        batch_op.drop_index(
            "ux_resident_apartment_one_master",
            sqlite_where=sa.text("role = 'master'"),
            postgresql_where=sa.text("role = 'master'"),
        )
        batch_op.drop_index(batch_op.f("ix_resident_apartment_apartment_id"))

    op.drop_table("resident_apartment")
    op.drop_table("landline")
    with op.batch_alter_table("device", schema=None) as batch_op:
        batch_op.drop_index(
            "ux_device_one_works_offline",
            sqlite_where=sa.text("works_offline"),
            postgresql_where=sa.text("works_offline"),
        )
        batch_op.drop_index(batch_op.f("ix_device_apartment_id"))

    op.drop_table("device")
    with op.batch_alter_table("credential", schema=None) as batch_op:
        batch_op.drop_index("ix_credential_tag")
        batch_op.drop_index(batch_op.f("ix_credential_schedule_id"))
        batch_op.drop_index(batch_op.f("ix_credential_resident_id"))
        batch_op.drop_index(batch_op.f("ix_credential_apartment_id"))

    op.drop_table("credential")
    with op.batch_alter_table("billing_account", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_billing_account_login"))
        batch_op.drop_index(batch_op.f("ix_billing_account_community_id"))

    op.drop_table("billing_account")
    with op.batch_alter_table("address_request", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_address_request_phone"))
        batch_op.drop_index(batch_op.f("ix_address_request_community_id"))

    op.drop_table("address_request")
    op.drop_table("upgrade_job")
    op.drop_table("schedule_row")
    with op.batch_alter_table("apartment", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_apartment_community_id"))

    op.drop_table("apartment")
    op.drop_table("sync_item")
    op.drop_table("schedule")
    op.drop_table("resident")
    op.drop_table("mqtt_login")
    op.drop_table("mac_library")
    op.drop_table("firmware")
    op.drop_table("enrolment")
    op.drop_table("change")
    op.drop_table("caller_whitelist")
    with op.batch_alter_table("call", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_call_at_ms"))
        batch_op.drop_index("ix_call_apartment")

    op.drop_table("call")
    op.drop_table("building")
    with op.batch_alter_table("binding", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_binding_expires_at_ms"))

    op.drop_table("binding")
    with op.batch_alter_table("answer", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_answer_at_ms"))

    op.drop_table("answer")
    op.drop_table("store_state")
    with op.batch_alter_table("staging", schema=None) as batch_op:
        batch_op.drop_index("ix_staging_thing")

    op.drop_table("staging")
    op.drop_table("outbox")
    with op.batch_alter_table("journal", schema=None) as batch_op:
        batch_op.drop_index("ix_journal_kind_at")
        batch_op.drop_index("ix_journal_device")
        batch_op.drop_index("ix_journal_apartment")

    op.drop_table("journal")
    op.drop_table("community")
