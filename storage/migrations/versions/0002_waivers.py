"""Add waivers, what a draft would write, and levels drawn with fewer vertices.

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry
from sqlalchemy.dialects import postgresql as pg

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLES = (
    "waiver",
    "waived_land",
    "draft_change",
    "draft_removal",
    "draft_waived_land",
    "draft_move",
    "picture_step",
    "picture",
)
"""In the order of creation: none refers to a later one."""


def upgrade() -> None:
    """Create the tables, and the columns by which findings last."""
    _create_waivers()
    _add_to_findings()
    _add_to_drafts()
    _create_changes()
    _create_moves()
    _create_pictures()


def downgrade() -> None:
    """Drop everything that ``upgrade`` made."""
    for column in ("gone_findings", "plan_outline_chain", "plan_outline", "planned"):
        op.drop_column("draft", column)
    for column in ("waiver_id", "fresh", "pieces", "borders_m", "chain"):
        op.drop_column("finding", column)
    for table in reversed(TABLES):
        op.drop_table(table)


def _row_id(name: str = "row_id") -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, sa.Identity(), primary_key=True)


def _geom(kind: str, *, nullable: bool = False) -> sa.Column[object]:
    shape = Geometry(kind, srid=4326, spatial_index=False)
    return sa.Column("geom", shape, nullable=nullable)


def _code(name: str = "code", *, nullable: bool = False) -> sa.Column[str]:
    """Make a column of codes: compared byte by byte, whatever the database's locale."""
    return sa.Column(name, sa.Text(collation="C"), nullable=nullable)


def _level() -> sa.Column[str]:
    return sa.Column("level", sa.Text, sa.ForeignKey("level.key"), nullable=False)


def _edition(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, sa.ForeignKey("edition.number"), nullable=nullable)


def _draft() -> sa.Column[int]:
    draft = sa.ForeignKey("draft.id", ondelete="CASCADE")
    return sa.Column("draft_id", sa.BigInteger, draft, nullable=False)


def _texts(name: str) -> sa.Column[list[str]]:
    return sa.Column(name, sa.ARRAY(sa.Text), server_default="{}", nullable=False)


def _numbers(name: str) -> sa.Column[list[float]]:
    return sa.Column(name, sa.ARRAY(sa.Double), server_default="{}", nullable=False)


def _create_waivers() -> None:
    op.create_table(
        "waiver",
        _row_id("id"),
        sa.Column("finding_id", sa.Text, nullable=False),
        _level(),
        _code("parent_code", nullable=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("extra", sa.Integer, nullable=False),
        _texts("units"),
        _texts("addresses"),
        sa.Column("households", sa.Integer, server_default="0", nullable=False),
        _geom("GEOMETRY", nullable=True),
        sa.Column("area_m2", sa.Double, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("approved_by", sa.Text, nullable=False),
        sa.Column(
            "approved_at",
            sa.DateTime(timezone=True),
            server_default=sa.func.now(),
            nullable=False,
        ),
        sa.Column("until", sa.Date),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("ended_by", sa.Text),
        sa.CheckConstraint("reason <> ''", name="waiver_reason"),
    )
    op.create_index("waiver_finding", "waiver", ["finding_id"])
    op.create_index("waiver_level", "waiver", ["level", "kind"])
    op.create_table(
        "waived_land",
        _row_id(),
        sa.Column("waiver_id", sa.BigInteger, sa.ForeignKey("waiver.id"), nullable=False),
        sa.Column("finding_id", sa.Text, nullable=False),
        _level(),
        _code("parent_code", nullable=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("extra", sa.Integer, nullable=False),
        _texts("units"),
        _numbers("borders_m"),
        sa.Column("pieces", sa.Integer, server_default="1", nullable=False),
        _geom("GEOMETRY"),
        sa.Column("chain", sa.BigInteger, nullable=False),
        sa.Column("area_m2", sa.Double, nullable=False),
        sa.Column("width_m", sa.Double, nullable=False),
        sa.Column("households", sa.Integer, server_default="0", nullable=False),
        _edition("first_edition"),
        _edition("last_edition", nullable=True),
        pg.ExcludeConstraint(
            (sa.text("level"), "="),
            (sa.text("finding_id"), "="),
            (sa.text("int4range(first_edition, last_edition, '[]')"), "&&"),
            using="gist",
            name="waived_land_one_an_edition",
        ),
    )
    op.create_index("waived_land_parent", "waived_land", ["level", "parent_code"])
    op.create_index("waived_land_geom", "waived_land", ["geom"], postgresql_using="gist")


def _add_to_findings() -> None:
    op.add_column("finding", sa.Column("chain", sa.BigInteger))
    op.add_column("finding", _numbers("borders_m"))
    op.add_column("finding", sa.Column("pieces", sa.Integer, server_default="1", nullable=False))
    op.add_column("finding", sa.Column("fresh", sa.Boolean, server_default="true", nullable=False))
    waiver = sa.ForeignKey("waiver.id")
    op.add_column("finding", sa.Column("waiver_id", sa.BigInteger, waiver))


def _add_to_drafts() -> None:
    planned = sa.Column("planned", sa.Boolean, server_default="false", nullable=False)
    op.add_column("draft", planned)
    outline = Geometry("MULTIPOLYGON", srid=4326, spatial_index=False)
    op.add_column("draft", sa.Column("plan_outline", outline))
    op.add_column("draft", sa.Column("plan_outline_chain", sa.BigInteger))
    gone = sa.Column("gone_findings", pg.JSONB, server_default="[]", nullable=False)
    op.add_column("draft", gone)


def _create_changes() -> None:
    op.create_table(
        "draft_change",
        _row_id(),
        _draft(),
        sa.Column("base_row", sa.BigInteger, nullable=False),
        _level(),
        _code(),
        sa.Column("name", sa.Text, nullable=False),
        _code("parent_code", nullable=True),
        _geom("MULTIPOLYGON"),
        sa.Column("chain", sa.BigInteger, nullable=False),
        sa.Column("area_m2", sa.Double, nullable=False),
        sa.Column("properties", pg.JSONB, server_default="{}", nullable=False),
        sa.Column("search_text", sa.Text, server_default="", nullable=False),
        sa.Column("redrawn", sa.Boolean, nullable=False),
        sa.Column("renamed", sa.Boolean, nullable=False),
        sa.Column("reattributed", sa.Boolean, nullable=False),
    )
    op.create_index("draft_change_code", "draft_change", ["draft_id", "level", "code"], unique=True)
    op.create_table(
        "draft_removal",
        _draft(),
        sa.Column("base_row", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("draft_id", "base_row"),
    )
    op.create_table(
        "draft_waived_land",
        _draft(),
        sa.Column("base_row", sa.BigInteger, nullable=False),
        _geom("GEOMETRY"),
        sa.Column("chain", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("draft_id", "base_row"),
    )


def _create_moves() -> None:
    op.create_table(
        "draft_move",
        _row_id(),
        _draft(),
        _texts("givers"),
        _code("taker", nullable=True),
        _geom("GEOMETRY"),
        sa.Column("area_m2", sa.Double, nullable=False),
        sa.Column("width_m", sa.Double, nullable=False),
        sa.Column("pieces", sa.Integer, nullable=False),
        sa.Column("households", sa.Integer, nullable=False),
        sa.Column("finding_id", sa.Text),
    )
    op.create_index("draft_move_largest", "draft_move", ["draft_id", "area_m2", "row_id"])


def _create_pictures() -> None:
    """Create what can be made anew at any time: nothing else refers to it."""
    op.create_table(
        "picture_step",
        sa.Column("edition", sa.Integer, sa.ForeignKey("edition.number", ondelete="CASCADE")),
        sa.Column("step_mm", sa.BigInteger),
        sa.PrimaryKeyConstraint("edition", "step_mm"),
        prefixes=["UNLOGGED"],
    )
    op.create_table(
        "picture",
        sa.Column("edition", sa.Integer),
        sa.Column("step_mm", sa.BigInteger),
        sa.Column("unit_row", sa.BigInteger),
        _geom("MULTIPOLYGON"),
        sa.PrimaryKeyConstraint("edition", "step_mm", "unit_row"),
        sa.ForeignKeyConstraint(
            ["edition", "step_mm"],
            ["picture_step.edition", "picture_step.step_mm"],
            ondelete="CASCADE",
        ),
        prefixes=["UNLOGGED"],
    )
