"""Create the tables of levels, editions, units, addresses, drafts, findings and keys.

Revision ID: 0001
Revises: none
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry
from sqlalchemy.dialects import postgresql as pg

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = (
    "level",
    "edition",
    "edition_level",
    "outline",
    "unit",
    "address",
    "address_place",
    "unit_tally",
    "draft",
    "draft_unit",
    "finding",
    "api_key",
)
"""In the order of creation: none refers to a later one."""


def upgrade() -> None:
    """Create every table of the first version, and the sequence of ``unit.id``."""
    op.execute(sa.schema.CreateSequence(sa.Sequence("unit_id_seq", data_type=sa.BigInteger)))
    _create_levels()
    _create_editions()
    _create_units()
    _create_addresses()
    _create_tallies()
    _create_drafts()
    _create_draft_rows()
    _create_findings()
    _create_keys()


def downgrade() -> None:
    """Drop everything that ``upgrade`` made; the extensions stay."""
    for table in reversed(TABLES):
        op.drop_table(table)
    op.execute(sa.schema.DropSequence(sa.Sequence("unit_id_seq")))


def _row_id(name: str = "row_id") -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, sa.Identity(), primary_key=True)


def _geom(kind: str, *, nullable: bool = False) -> sa.Column[object]:
    shape = Geometry(kind, srid=4326, spatial_index=False)
    return sa.Column("geom", shape, nullable=nullable)


def _code(name: str = "code", *, nullable: bool = False) -> sa.Column[str]:
    """Make a column of codes: compared byte by byte, whatever the database's locale."""
    return sa.Column(name, sa.Text(collation="C"), nullable=nullable)


def _level(name: str = "level", *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, sa.ForeignKey("level.key"), nullable=nullable)


def _edition(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, sa.ForeignKey("edition.number"), nullable=nullable)


def _draft() -> sa.Column[int]:
    draft = sa.ForeignKey("draft.id", ondelete="CASCADE")
    return sa.Column("draft_id", sa.BigInteger, draft, nullable=False)


def _json(name: str) -> sa.Column[object]:
    return sa.Column(name, pg.JSONB, server_default="{}", nullable=False)


def _count(name: str, default: str | None = None) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, server_default=default, nullable=False)


def _now(name: str) -> sa.Column[object]:
    moment = sa.DateTime(timezone=True)
    return sa.Column(name, moment, server_default=sa.func.now(), nullable=False)


def _span() -> tuple[sa.Column[int], sa.Column[int]]:
    return _edition("first_edition"), _edition("last_edition", nullable=True)


def _one_an_edition(name: str, *columns: str) -> pg.ExcludeConstraint:
    """Forbid two rows of equal ``columns`` (SQL) that stand in one edition."""
    same = [(sa.text(column), "=") for column in columns]
    editions = sa.text("int4range(first_edition, last_edition, '[]')")
    return pg.ExcludeConstraint(*same, (editions, "&&"), using="gist", name=name)


def _create_levels() -> None:
    op.create_table(
        "level",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("parent", sa.Text, sa.ForeignKey("level.key", deferrable=True)),
        sa.Column("tiling", sa.Text, nullable=False),
        sa.Column("rank", sa.Integer, nullable=False),
        sa.CheckConstraint("tiling IN ('TILES', 'DISJOINT')", name="level_tiling"),
    )
    op.create_index(
        "level_root",
        "level",
        [sa.literal_column("(parent IS NULL)")],
        unique=True,
        postgresql_where="parent IS NULL",
    )


def _create_editions() -> None:
    op.create_table(
        "edition",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("effective_on", sa.Date, nullable=False),
        sa.Column("correction", sa.Boolean, server_default="false", nullable=False),
        _now("published_at"),
        sa.Column("published_by", sa.Text, nullable=False),
        sa.Column("note", sa.Text, server_default="", nullable=False),
        sa.CheckConstraint("number > 0", name="edition_number"),
    )
    op.create_index("edition_effective_on", "edition", ["effective_on", "number"])
    op.create_table(
        "edition_level",
        sa.Column("number", sa.Integer, sa.ForeignKey("edition.number"), primary_key=True),
        sa.Column("level", sa.Text, sa.ForeignKey("level.key"), primary_key=True),
    )
    op.create_table(
        "outline",
        _row_id(),
        _geom("MULTIPOLYGON"),
        sa.Column("chain", sa.BigInteger, nullable=False),
        sa.Column("lon0", sa.Double, nullable=False),
        sa.Column("lat0", sa.Double, nullable=False),
        *_span(),
        _one_an_edition("outline_one_an_edition"),
    )


def _create_units() -> None:
    op.create_table(
        "unit",
        _row_id(),
        sa.Column(
            "id", sa.BigInteger, server_default=sa.text("nextval('unit_id_seq')"), nullable=False
        ),
        _level(),
        _code(),
        sa.Column("name", sa.Text, nullable=False),
        _code("parent_code", nullable=True),
        _geom("MULTIPOLYGON"),
        sa.Column("chain", sa.BigInteger, nullable=False),
        sa.Column("area_m2", sa.Double, nullable=False),
        _json("properties"),
        sa.Column("search_text", sa.Text, server_default="", nullable=False),
        _edition("since_edition"),
        _edition("drawn_edition"),
        *_span(),
        sa.CheckConstraint("code <> ''", name="unit_code"),
        sa.CheckConstraint("last_edition >= first_edition", name="unit_editions"),
        _one_an_edition("unit_one_row_an_edition", "level", "code"),
    )
    op.create_index(
        "unit_current",
        "unit",
        ["level", "code"],
        unique=True,
        postgresql_where="last_edition IS NULL",
    )
    op.create_index("unit_id", "unit", ["id", "first_edition"], unique=True)
    op.create_index("unit_code", "unit", ["level", "code", "first_edition"])
    op.create_index("unit_parent", "unit", ["level", "parent_code", "code"])
    op.create_index("unit_geom", "unit", ["geom"], postgresql_using="gist")
    op.create_index("unit_properties", "unit", ["properties"], postgresql_using="gin")
    op.create_index(
        "unit_search",
        "unit",
        ["search_text"],
        postgresql_using="gin",
        postgresql_ops={"search_text": "gin_trgm_ops"},
    )


def _create_addresses() -> None:
    op.create_table(
        "address",
        _row_id(),
        _code("key"),
        _geom("POINT"),
        _count("households"),
        _count("people"),
        _json("groups"),
        _code("compound_code", nullable=True),
        *_span(),
        sa.CheckConstraint("households >= 0 AND people >= 0", name="address_counts"),
        _one_an_edition("address_one_row_an_edition", "hashtextextended(key, 0)"),
    )
    op.create_index(
        "address_current",
        "address",
        ["key"],
        unique=True,
        postgresql_where="last_edition IS NULL",
    )
    op.create_index("address_geom", "address", ["geom"], postgresql_using="gist")
    op.create_index("address_compound", "address", ["compound_code"])
    op.create_table(
        "address_place",
        _row_id(),
        sa.Column("address_row", sa.BigInteger, sa.ForeignKey("address.row_id"), nullable=False),
        _level(),
        _code(nullable=True),
        *_span(),
        _one_an_edition("address_place_one_an_edition", "address_row", "level"),
    )
    op.create_index("address_place_unit", "address_place", ["level", "code"])


def _create_tallies() -> None:
    op.create_table(
        "unit_tally",
        _row_id(),
        _level(),
        _code(),
        _count("households"),
        _count("people"),
        _json("groups"),
        *_span(),
        _one_an_edition("unit_tally_one_an_edition", "level", "code"),
    )
    op.create_index("unit_tally_code", "unit_tally", ["level", "code", "first_edition"])


def _create_drafts() -> None:
    op.create_table(
        "draft",
        _row_id("id"),
        sa.Column("status", sa.Text, nullable=False),
        _level(),
        _level("within_level", nullable=True),
        sa.Column("within_code", sa.Text),
        _edition("base_edition", nullable=True),
        sa.Column("with_drafts", sa.ARRAY(sa.BigInteger), server_default="{}", nullable=False),
        sa.Column("repair_of", sa.BigInteger, sa.ForeignKey("draft.id")),
        _edition("published_as", nullable=True),
        sa.Column("crs", sa.Text, server_default="EPSG:4326", nullable=False),
        sa.Column("source", pg.JSONB, nullable=False),
        sa.Column("report", pg.JSONB),
        sa.Column("error", sa.Text),
        _now("created_at"),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.CheckConstraint(
            "status IN ('READING', 'OPEN', 'PUBLISHED', 'DISCARDED', 'FAILED')",
            name="draft_status",
        ),
        sa.CheckConstraint(
            "(status = 'PUBLISHED') = (published_as IS NOT NULL)", name="draft_published_as"
        ),
        sa.CheckConstraint("(within_level IS NULL) = (within_code IS NULL)", name="draft_within"),
    )
    op.create_index("draft_newest", "draft", ["level", "status", "id"])


def _create_draft_rows() -> None:
    op.create_table(
        "draft_unit",
        _row_id("id"),
        _draft(),
        sa.Column("row", sa.Integer, nullable=False),
        _code(nullable=True),
        sa.Column("name", sa.Text),
        _code("parent_code", nullable=True),
        sa.Column("named_parent", sa.Text),
        _geom("MULTIPOLYGON", nullable=True),
        sa.Column("source_wkb", sa.LargeBinary),
        sa.Column("chain", sa.BigInteger),
        sa.Column("area_m2", sa.Double),
        _json("properties"),
        _count("households", "0"),
        _count("people", "0"),
        _json("groups"),
    )
    op.create_index("draft_unit_row", "draft_unit", ["draft_id", "row"], unique=True)
    op.create_index("draft_unit_code", "draft_unit", ["draft_id", "code"])
    op.create_index("draft_unit_geom", "draft_unit", ["geom"], postgresql_using="gist")


def _create_findings() -> None:
    op.create_table(
        "finding",
        _row_id(),
        _draft(),
        sa.Column("id", sa.Text, nullable=False),
        _level(),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("severity", sa.Text, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        _geom("GEOMETRY", nullable=True),
        sa.Column("area_m2", sa.Double, nullable=False),
        sa.Column("width_m", sa.Double, nullable=False),
        _count("households"),
        sa.Column("units", sa.ARRAY(sa.Text), nullable=False),
        sa.Column("rows", sa.ARRAY(sa.BigInteger), nullable=False),
        sa.Column("addresses", sa.ARRAY(sa.Text), nullable=False),
        sa.Column("parent_code", sa.Text),
        _count("extra"),
    )
    op.create_index("finding_id", "finding", ["id", "draft_id"])
    op.create_index("finding_largest", "finding", ["draft_id", "area_m2", "id"])


def _create_keys() -> None:
    op.create_table(
        "api_key",
        _row_id("id"),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False, unique=True),
        sa.Column("role", sa.Text, nullable=False),
        _level("within_level", nullable=True),
        sa.Column("within_code", sa.Text),
        _now("created_at"),
        sa.Column("revoked_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint(
            "role IN ('reader', 'editor', 'publisher', 'admin')", name="api_key_role"
        ),
    )
