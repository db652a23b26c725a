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

TABLES = (
    "street_network",
    "street_node",
    "street_edge",
    "facility_kind",
    "facility",
    "programme",
    "facility_stamp",
)
"""In the order of creation: none refers to a later one."""

STAMPED = ("facility_kind", "facility", "programme")
"""What answers about service points are made of."""

USUAL_KINDS = (
    ("station", "驿站", ("AREA_MIN_60", "ROOM_MEETING")),
    ("community_centre", "党群服务中心", ()),
    ("gate", "小区出入口", ()),
    ("clinic", "卫生服务站", ()),
    ("elder_care", "养老服务站", ()),
    ("canteen", "社区食堂", ()),
    ("kindergarten", "幼儿园", ()),
    ("school", "学校", ()),
    ("library", "图书室", ()),
    ("sports", "运动场地", ()),
    ("park", "公园绿地", ()),
    ("market", "菜市场", ()),
    ("shop", "便利店", ()),
    ("pharmacy", "药店", ()),
    ("police", "警务室", ()),
    ("fire_station", "微型消防站", ()),
    ("bus_stop", "公交站", ()),
    ("toilet", "公共厕所", ()),
)
"""Kinds of service points that are there from the beginning; a city may change and add to them."""


def upgrade() -> None:
    """Create the tables."""
    _create_networks()
    _create_nodes()
    _create_edges()
    _create_facilities()
    _create_programmes()
    _create_stamp()
    _insert_kinds()


def downgrade() -> None:
    """Drop everything that ``upgrade`` made."""
    for table in reversed(TABLES):
        op.drop_table(table)
    op.execute("DROP FUNCTION facility_stamped()")


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
        sa.Column("version", sa.Text(collation="C"), nullable=False),
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


def _create_stamp() -> None:
    """Count every change of service points, so that other processes see that there was one.

    A trigger, and not the code that writes; a row, and no sequence: its new number is seen at the
    commit together with what was changed, never before.
    """
    op.create_table(
        "facility_stamp",
        sa.Column("one", sa.Boolean, server_default=sa.true(), primary_key=True),
        sa.Column("stamp", sa.BigInteger, server_default="0", nullable=False),
        sa.CheckConstraint("one", name="facility_stamp_one"),
    )
    op.execute("INSERT INTO facility_stamp DEFAULT VALUES")
    op.execute(
        "CREATE FUNCTION facility_stamped() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN UPDATE facility_stamp SET stamp = stamp + 1; RETURN NULL; END $$"
    )
    for table in STAMPED:
        op.execute(
            f"CREATE TRIGGER {table}_stamped AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE "
            f"ON {table} FOR EACH STATEMENT EXECUTE FUNCTION facility_stamped()"
        )


def _insert_kinds() -> None:
    kinds = sa.table(
        "facility_kind",
        sa.column("key", sa.Text),
        sa.column("name", sa.Text),
        sa.column("rules", pg.ARRAY(sa.Text)),
    )
    op.bulk_insert(
        kinds, [{"key": key, "name": name, "rules": [*rules]} for key, name, rules in USUAL_KINDS]
    )
