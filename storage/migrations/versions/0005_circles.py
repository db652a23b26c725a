"""Add streets, service points and programmes.

Revision ID: 0005
Revises: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry
from sqlalchemy.dialects import postgresql as pg

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TABLES = ("street_network", "street_node", "street_edge", "facility_kind", "facility", "programme")
"""In the order of creation: none refers to a later one."""


def upgrade() -> None:
    """Create the tables."""
    _create_networks()
    _create_nodes()
    _create_edges()
    _create_facilities()
    _create_programmes()


def downgrade() -> None:
    """Drop everything that ``upgrade`` made."""
    for table in reversed(TABLES):
        op.drop_table(table)


def _row_id(name: str = "row_id") -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, sa.Identity(), primary_key=True)


def _network() -> sa.Column[int]:
    network = sa.ForeignKey("street_network.id", ondelete="CASCADE")
    return sa.Column("network", sa.BigInteger, network, nullable=False)


def _geom(kind: str) -> sa.Column[object]:
    return sa.Column("geom", Geometry(kind, srid=4326, spatial_index=False), nullable=False)


def _count(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, nullable=nullable)


def _real(name: str, *, nullable: bool = False) -> sa.Column[float]:
    return sa.Column(name, sa.Double, nullable=nullable)


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=nullable)


def _key(name: str = "key", *, nullable: bool = False) -> sa.Column[str]:
    """Make a column of keys: compared byte by byte, whatever the database's locale."""
    return sa.Column(name, sa.Text(collation="C"), nullable=nullable)


def _texts(name: str) -> sa.Column[object]:
    return sa.Column(name, pg.ARRAY(sa.Text), server_default="{}", nullable=False)


def _json(name: str) -> sa.Column[object]:
    return sa.Column(name, pg.JSONB, server_default="{}", nullable=False)


def _now(name: str) -> sa.Column[object]:
    moment = sa.DateTime(timezone=True)
    return sa.Column(name, moment, server_default=sa.func.now(), nullable=False)


def _span(name: str) -> tuple[sa.Column[object], sa.Column[object], sa.CheckConstraint]:
    return (
        sa.Column("since", sa.Date, nullable=False),
        sa.Column("until", sa.Date),
        sa.CheckConstraint("until > since", name=f"{name}_days"),
    )


def _one_a_day(name: str) -> pg.ExcludeConstraint:
    """Forbid two rows of one key that stand on one day."""
    days = sa.text("daterange(since, until, '[)')")
    return pg.ExcludeConstraint(("key", "="), (days, "&&"), using="gist", name=name)


def _create_networks() -> None:
    op.create_table(
        "street_network",
        _row_id("id"),
        sa.Column("version", sa.Text(collation="C"), unique=True, nullable=False),
        _real("lon0"),
        _real("lat0"),
        _count("node_count"),
        _count("edge_count"),
        _real("length_m"),
        _json("source"),
        _now("loaded_at"),
        _text("loaded_by"),
        sa.CheckConstraint("node_count > 0 AND edge_count > 0", name="street_network_counts"),
    )


def _create_nodes() -> None:
    op.create_table(
        "street_node",
        _network(),
        _count("node"),
        _geom("POINT"),
        sa.PrimaryKeyConstraint("network", "node"),
    )


def _create_edges() -> None:
    op.create_table(
        "street_edge",
        _network(),
        _count("edge"),
        _count("a"),
        _count("b"),
        _real("length_m"),
        _text("kind", nullable=True),
        _text("name", nullable=True),
        _geom("LINESTRING"),
        sa.PrimaryKeyConstraint("network", "edge"),
        sa.CheckConstraint("length_m > 0", name="street_edge_length"),
    )
    op.create_index("street_edge_geom", "street_edge", ["geom"], postgresql_using="gist")


def _create_facilities() -> None:
    op.create_table(
        "facility_kind",
        sa.Column("key", sa.Text(collation="C"), primary_key=True),
        _text("name"),
        _texts("rules"),
    )
    op.create_table(
        "facility",
        _row_id(),
        _key(),
        sa.Column(
            "kind", sa.Text(collation="C"), sa.ForeignKey("facility_kind.key"), nullable=False
        ),
        _text("name"),
        _geom("POINT"),
        _real("floor_area_m2", nullable=True),
        _texts("rooms"),
        _text("opening_hours", nullable=True),
        _key("compound_code", nullable=True),
        _json("properties"),
        sa.Column("search_text", sa.Text, server_default="", nullable=False),
        *_span("facility"),
        _now("changed_at"),
        _text("changed_by"),
        sa.CheckConstraint("key <> ''", name="facility_key"),
        sa.CheckConstraint("floor_area_m2 >= 0", name="facility_area"),
        _one_a_day("facility_one_row_a_day"),
    )
    op.create_index("facility_kind_key", "facility", ["kind", "key"])
    op.create_index("facility_geom", "facility", ["geom"], postgresql_using="gist")
    op.create_index(
        "facility_search",
        "facility",
        ["search_text"],
        postgresql_using="gin",
        postgresql_ops={"search_text": "gin_trgm_ops"},
    )


def _create_programmes() -> None:
    op.create_table(
        "programme",
        _row_id(),
        _key(),
        _text("name"),
        sa.Column("kinds", pg.ARRAY(sa.Text), nullable=False),
        _count("minutes", nullable=True),
        _real("speed_kmh", nullable=True),
        _real("metres", nullable=True),
        _text("basis", nullable=True),
        sa.Column("own_level", sa.Text, sa.ForeignKey("level.key")),
        _count("target", nullable=True),
        sa.Column("due", sa.Date),
        *_span("programme"),
        sa.CheckConstraint("cardinality(kinds) > 0", name="programme_kinds"),
        sa.CheckConstraint("basis IN ('NETWORK', 'RADIUS')", name="programme_basis"),
        sa.CheckConstraint("minutes > 0 AND speed_kmh > 0 AND metres > 0", name="programme_walk"),
        _one_a_day("programme_one_row_a_day"),
    )
