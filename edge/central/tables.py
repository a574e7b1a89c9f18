"""Tables of the central store. They share nothing with an edge's tables: a central store is a database of its own."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

metadata: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

community: Final = Table(
    "community",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("installer", Text, nullable=False, default="", server_default=""),  # whose it is; "" = the super manager's
    # The counter row: moved in the transaction of each change, so revisions become visible in their order.
    Column("rev", BigInteger, nullable=False),
    Column("floor", BigInteger, nullable=False),  # tombstones up to here are gone
    Column("epoch", Text, nullable=False),
    Column("confirmed_rev", BigInteger, nullable=False),  # the last change that may delete more than half
)

item: Final = Table(
    "item",
    metadata,
    Column("community", Text, ForeignKey("community.id"), primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("rev", BigInteger, nullable=False),
    Column("body", Text),  # JSON without a credential's value; NULL = it is gone
    Column("natural_key", Text),  # what no other thing of its kind may have
    Column("sealed", LargeBinary),  # a credential's value
    UniqueConstraint("community", "kind", "natural_key"),
)
Index("ix_item_community_rev", item.c.community, item.c.rev)

item_ref: Final = Table(
    "item_ref",
    metadata,
    Column("community", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("to_kind", Text, primary_key=True),
    Column("to_id", Text, primary_key=True),
    ForeignKeyConstraint(["community", "kind", "id"], ["item.community", "item.kind", "item.id"]),
)
Index("ix_item_ref_to", item_ref.c.community, item_ref.c.to_kind, item_ref.c.to_id)

item_building: Final = Table(  # whom a thing concerns; no row = everybody
    "item_building",
    metadata,
    Column("community", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("building", Text, primary_key=True),
)

edge: Final = Table(
    "edge",
    metadata,
    Column("id", Text, primary_key=True),
    Column("community", Text, ForeignKey("community.id"), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("whole", Boolean, nullable=False),  # sees every building
    Column("enabled", Boolean, nullable=False),
    Column("code_hash", Text, unique=True),  # of its enrolment code, until that is used
    Column("code_until_ms", BigInteger),
    Column("public_key", LargeBinary),  # of whoever enrolled last
    Column("enrolled_at_ms", BigInteger),
    Column("applied", BigInteger, nullable=False),  # as it said last
    Column("applied_epoch", Text, nullable=False),
    Column("status", Text, nullable=False),  # "", ok, nack
    Column("error", Text, nullable=False),  # JSON of a nack
    Column("devices", Text, nullable=False),  # JSON of the last ack
    Column("clock_offset_ms", BigInteger),
    Column("seen_ms", BigInteger),
)

edge_building: Final = Table(
    "edge_building",
    metadata,
    Column("edge", Text, ForeignKey("edge.id"), primary_key=True),
    Column("building", Text, primary_key=True),
)

edge_item: Final = Table(  # what an edge sees, materialised: a thing that leaves its scope is a tombstone there
    "edge_item",
    metadata,
    Column("edge", Text, ForeignKey("edge.id"), primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("rev", BigInteger, nullable=False),
    Column("gone", Boolean, nullable=False),
)
Index("ix_edge_item_edge_rev", edge_item.c.edge, edge_item.c.rev)

event: Final = Table(
    "event",
    metadata,
    Column("edge", Text, ForeignKey("edge.id"), primary_key=True),
    Column("db_id", Text, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("type", Text, nullable=False),
    Column("at_ms", BigInteger),
    Column("received_ms", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
)

event_upto: Final = Table(
    "event_upto",
    metadata,
    Column("edge", Text, ForeignKey("edge.id"), primary_key=True),
    Column("db_id", Text, primary_key=True),
    Column("upto", BigInteger, nullable=False),
)

operator: Final = Table(
    "operator",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("role", Text, nullable=False),
    Column("parent", Text, nullable=False),  # "" = nobody
    Column("rights", Text, nullable=False),  # of a property manager, joined by commas
    Column("lets_in", Boolean, nullable=False),  # an installer lets its distributor in
    Column("login", Text, nullable=False),  # a resident's telephone number
)

operator_community: Final = Table(  # of a property manager
    "operator_community",
    metadata,
    Column("operator", Text, ForeignKey("operator.id"), primary_key=True),
    Column("community", Text, ForeignKey("community.id"), primary_key=True),
)

api_token: Final = Table(
    "api_token",
    metadata,
    Column("hash", Text, primary_key=True),
    Column("operator", Text, ForeignKey("operator.id"), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("until_ms", BigInteger),
)

audit: Final = Table(
    "audit",
    metadata,
    Column("id", Text, primary_key=True),
    Column("at_ms", BigInteger, nullable=False, index=True),
    Column("actor", Text, nullable=False),
    Column("community", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("detail", Text, nullable=False),  # JSON, without secrets
)

billing_account: Final = Table(
    "billing_account",
    metadata,
    Column("community", Text, ForeignKey("community.id"), primary_key=True),
    Column("id", Text, primary_key=True),
    Column("login", Text, nullable=False),
    Column("apartment", Text, nullable=False),
    Column("resident", Text, nullable=False),  # the profile that it made or linked; "" = none now
    Column("state", Text, nullable=False),
    Column("periodic", Boolean, nullable=False),
)
Index("ix_billing_account_apartment", billing_account.c.community, billing_account.c.apartment)

address_request: Final = Table(
    "address_request",
    metadata,
    Column("id", Text, primary_key=True),
    Column("community", Text, ForeignKey("community.id"), nullable=False, index=True),
    Column("apartment", Text, nullable=False),
    Column("address", Text, nullable=False),  # as it was named
    Column("phone", Text, nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("has_handset", Boolean, nullable=False),
    Column("state", Text, nullable=False),
    Column("made_ms", BigInteger, nullable=False),
    Column("changed_ms", BigInteger, nullable=False),
)

lease: Final = Table(
    "lease",
    metadata,
    Column("community", Text, ForeignKey("community.id"), primary_key=True),
    Column("id", Text, primary_key=True),
    Column("unit", Text, nullable=False),
    Column("first", Text, nullable=False),
    Column("last", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("mobile", Text, nullable=False),
    Column("from_day", Text, nullable=False),  # ISO 8601, site time
    Column("until_day", Text, nullable=False),  # the last day; "" = without end
    Column("resident", Text, nullable=False),  # while it runs; "" = none
)

notice: Final = Table(
    "notice",
    metadata,
    Column("community", Text, primary_key=True),
    Column("resident", Text, primary_key=True),
    Column("expires", Text, primary_key=True),
    Column("days", BigInteger, primary_key=True),
    Column("sent_ms", BigInteger, nullable=False),
)

roster_day: Final = Table(
    "roster_day",
    metadata,
    Column("community", Text, ForeignKey("community.id"), primary_key=True),
    Column("day", Text, nullable=False),  # the last on which leases were looked through
)

roster_source: Final = Table(
    "roster_source",
    metadata,
    Column("community", Text, ForeignKey("community.id"), primary_key=True),
    Column("url", Text, nullable=False),
    Column("sealed", LargeBinary),  # the value of the Authorization header
    Column("day", Text, nullable=False),  # the last on which it was taken; "" = never
    Column("tried_ms", BigInteger),
    Column("outcome", Text, nullable=False),  # JSON of the last try
)

billing_source: Final = Table(
    "billing_source",
    metadata,
    Column("community", Text, ForeignKey("community.id"), primary_key=True),
    Column("url", Text, nullable=False),
    Column("service", Text, nullable=False),  # the periodic service that an intercom is
    Column("report", Boolean, nullable=False),
    Column("sealed", LargeBinary),  # the value of the Authorization header
    Column("outcome", Text, nullable=False),  # JSON of the last try
)
