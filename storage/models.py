"""The tables, as SQLAlchemy models: the one description that migrations and queries share."""

from __future__ import annotations

import datetime as dt
from typing import Any

from geoalchemy2 import Geometry, WKBElement
from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Date,
    DateTime,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    LargeBinary,
    Sequence,
    Text,
    TextClause,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, ExcludeConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

SRID = 4326
"""All stored coordinates are WGS 84 degrees, rounded to 1e-9."""

Json = dict[str, Any]  # a column of free JSON: its shape is the reader's business


class Base(DeclarativeBase):
    """Base of every table."""


UNIT_ID = Sequence("unit_id_seq", metadata=Base.metadata, data_type=BigInteger)
"""Where ``unit.id`` comes from: each drawn version takes the next number."""


def _editions() -> TextClause:
    """Return the span of editions of a row; open above while it stands."""
    return text("int4range(first_edition, last_edition, '[]')")


class Level(Base):
    """One rank of the hierarchy."""

    __tablename__ = "level"

    key: Mapped[str] = mapped_column(Text, primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    parent: Mapped[str | None] = mapped_column(ForeignKey("level.key", deferrable=True))
    tiling: Mapped[str] = mapped_column(Text)
    rank: Mapped[int]

    __table_args__ = (
        CheckConstraint("tiling IN ('TILES', 'DISJOINT')", name="level_tiling"),
        Index(
            "level_root", text("(parent IS NULL)"), unique=True, postgresql_where="parent IS NULL"
        ),
    )


class Edition(Base):
    """A numbered, immutable published state of all levels."""

    __tablename__ = "edition"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    effective_on: Mapped[dt.date] = mapped_column(Date)
    correction: Mapped[bool] = mapped_column(server_default="false")
    published_at: Mapped[dt.datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.now()
    )
    published_by: Mapped[str] = mapped_column(Text)
    note: Mapped[str] = mapped_column(Text, server_default="")

    __table_args__ = (
        CheckConstraint("number > 0", name="edition_number"),
        Index("edition_effective_on", "effective_on", "number"),
    )


class EditionLevel(Base):
    """A level that an edition changed."""

    __tablename__ = "edition_level"

    number: Mapped[int] = mapped_column(ForeignKey("edition.number"), primary_key=True)
    level: Mapped[str] = mapped_column(ForeignKey("level.key"), primary_key=True)


class Outline(Base):
    """What the topmost level must fill, and the centre of the metric projection."""

    __tablename__ = "outline"

    row_id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    geom: Mapped[WKBElement] = mapped_column(
        Geometry("MULTIPOLYGON", srid=SRID, spatial_index=False)
    )
    chain: Mapped[int] = mapped_column(BigInteger)
    lon0: Mapped[float]
    lat0: Mapped[float]
    first_edition: Mapped[int] = mapped_column(ForeignKey("edition.number"))
    last_edition: Mapped[int | None] = mapped_column(ForeignKey("edition.number"))

    __table_args__ = (
        ExcludeConstraint((_editions(), "&&"), using="gist", name="outline_one_an_edition"),
    )


class Unit(Base):
    """One row of a unit: how it stood from ``first_edition`` to ``last_edition`` (null: still).

    ``id`` names the drawn version and is shared by rows that differ in added nodes only;
    ``since_edition`` is the first edition of that version, ``drawn_edition`` the edition in which
    its boundary last moved. That level and first edition exist is asked by a trigger, once for all
    rows of a statement: a foreign key asks it of each.
    """

    __tablename__ = "unit"

    row_id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, server_default=text("nextval('unit_id_seq')"))
    level: Mapped[str] = mapped_column(Text)
    code: Mapped[str] = mapped_column(Text(collation="C"))
    name: Mapped[str] = mapped_column(Text)
    parent_code: Mapped[str | None] = mapped_column(Text(collation="C"))
    geom: Mapped[WKBElement] = mapped_column(
        Geometry("MULTIPOLYGON", srid=SRID, spatial_index=False)
    )
    chain: Mapped[int] = mapped_column(BigInteger)
    area_m2: Mapped[float]
    properties: Mapped[Json] = mapped_column(JSONB, server_default="{}")
    search_text: Mapped[str] = mapped_column(Text, server_default="")
    since_edition: Mapped[int]
    drawn_edition: Mapped[int]
    first_edition: Mapped[int]
    last_edition: Mapped[int | None] = mapped_column(ForeignKey("edition.number"))

    __table_args__ = (
        CheckConstraint("code <> ''", name="unit_code"),
        CheckConstraint("last_edition >= first_edition", name="unit_editions"),
        # Editions are numbered without a gap: none up to an existing one is missing.
        CheckConstraint(
            "since_edition BETWEEN 1 AND first_edition"
            " AND drawn_edition BETWEEN 1 AND first_edition",
            name="unit_versions",
        ),
        # The hash stands for level and code: GiST takes five times as long over text. Rows that
        # stand are kept apart by ``unit_current``, and from those that ended by a trigger: GiST
        # would take longer over them than all other indexes together.
        ExcludeConstraint(
            (text("hashtextextended(code, hashtextextended(level, 0))"), "="),
            (_editions(), "&&"),
            using="gist",
            name="unit_one_row_an_edition",
            where=text("last_edition IS NOT NULL"),
        ),
        Index(
            "unit_current", "level", "code", unique=True, postgresql_where="last_edition IS NULL"
        ),
        Index("unit_id", "id", "first_edition", unique=True),
        Index("unit_code", "level", "code", "first_edition"),
        Index("unit_parent", "level", "parent_code", "code"),
        Index("unit_geom", "geom", postgresql_using="gist"),
        Index("unit_properties", "properties", postgresql_using="gin"),
        Index(
            "unit_search",
            "search_text",
            postgresql_using="gin",
            postgresql_ops={"search_text": "gin_trgm_ops"},
        ),
    )


class Address(Base):
    """A point with the households and people that live there."""

    __tablename__ = "address"

    row_id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    key: Mapped[str] = mapped_column(Text(collation="C"))
    geom: Mapped[WKBElement] = mapped_column(Geometry("POINT", srid=SRID, spatial_index=False))
    households: Mapped[int]
    people: Mapped[int]
    groups: Mapped[Json] = mapped_column(JSONB, server_default="{}")
    compound_code: Mapped[str | None] = mapped_column(Text(collation="C"))
    first_edition: Mapped[int] = mapped_column(ForeignKey("edition.number"))
    last_edition: Mapped[int | None] = mapped_column(ForeignKey("edition.number"))

    __table_args__ = (
        CheckConstraint("households >= 0 AND people >= 0", name="address_counts"),
        # The hash stands for the key: GiST takes five times as long over text.
        ExcludeConstraint(
            (text("hashtextextended(key, 0)"), "="),
            (_editions(), "&&"),
            using="gist",
            name="address_one_row_an_edition",
        ),
        Index("address_current", "key", unique=True, postgresql_where="last_edition IS NULL"),
        Index("address_geom", "geom", postgresql_using="gist"),
        Index("address_compound", "compound_code"),
    )


class AddressPlace(Base):
    """The unit of a lowest tiling level that an address lies in, while both stand.

    A row without a code says that the address lies in no unit of that level.
    """

    __tablename__ = "address_place"

    row_id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    address_row: Mapped[int] = mapped_column(ForeignKey("address.row_id"))
    level: Mapped[str] = mapped_column(ForeignKey("level.key"))
    code: Mapped[str | None] = mapped_column(Text(collation="C"))
    first_edition: Mapped[int] = mapped_column(ForeignKey("edition.number"))
    last_edition: Mapped[int | None] = mapped_column(ForeignKey("edition.number"))

    __table_args__ = (
        ExcludeConstraint(
            (text("hashtextextended(level, address_row)"), "="),
            (_editions(), "&&"),
            using="gist",
            name="address_place_one_an_edition",
        ),
        Index("address_place_unit", "level", "code"),
    )


class UnitTally(Base):
    """Households and people of a unit, from the addresses in it, while they stand."""

    __tablename__ = "unit_tally"

    row_id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    level: Mapped[str] = mapped_column(ForeignKey("level.key"))
    code: Mapped[str] = mapped_column(Text(collation="C"))
    households: Mapped[int]
    people: Mapped[int]
    groups: Mapped[Json] = mapped_column(JSONB, server_default="{}")
    first_edition: Mapped[int] = mapped_column(ForeignKey("edition.number"))
    last_edition: Mapped[int | None] = mapped_column(ForeignKey("edition.number"))

    __table_args__ = (
        # The hash stands for level and code: GiST takes five times as long over text.
        ExcludeConstraint(
            (text("hashtextextended(code, hashtextextended(level, 0))"), "="),
            (_editions(), "&&"),
            using="gist",
            name="unit_tally_one_an_edition",
        ),
        Index("unit_tally_code", "level", "code", "first_edition"),
    )


class Draft(Base):
    """An import that is not published, or was."""

    __tablename__ = "draft"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    status: Mapped[str] = mapped_column(Text)
    level: Mapped[str] = mapped_column(ForeignKey("level.key"))
    within_level: Mapped[str | None] = mapped_column(ForeignKey("level.key"))
    within_code: Mapped[str | None] = mapped_column(Text)
    base_edition: Mapped[int | None] = mapped_column(ForeignKey("edition.number"))
    with_drafts: Mapped[list[int]] = mapped_column(ARRAY(BigInteger), server_default="{}")
    repair_of: Mapped[int | None] = mapped_column(ForeignKey("draft.id"))
    published_as: Mapped[int | None] = mapped_column(ForeignKey("edition.number"))
    crs: Mapped[str] = mapped_column(Text, server_default="EPSG:4326")
    source: Mapped[Json] = mapped_column(JSONB)
    report: Mapped[Json | None] = mapped_column(JSONB)
    error: Mapped[str | None] = mapped_column(Text)
    planned: Mapped[bool] = mapped_column(server_default="false")
    plan_outline: Mapped[WKBElement | None] = mapped_column(
        Geometry("MULTIPOLYGON", srid=SRID, spatial_index=False)
    )
    plan_outline_chain: Mapped[int | None] = mapped_column(BigInteger)
    gone_findings: Mapped[list[Json]] = mapped_column(JSONB, server_default="[]")
    created_at: Mapped[dt.datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.now()
    )
    created_by: Mapped[str] = mapped_column(Text)

    __table_args__ = (
        CheckConstraint(
            "status IN ('READING', 'OPEN', 'PUBLISHED', 'DISCARDED', 'FAILED')",
            name="draft_status",
        ),
        CheckConstraint(
            "(status = 'PUBLISHED') = (published_as IS NOT NULL)", name="draft_published_as"
        ),
        CheckConstraint("(within_level IS NULL) = (within_code IS NULL)", name="draft_within"),
        Index("draft_newest", "level", "status", "id"),
        Index("draft_reading", "id", postgresql_where="status = 'READING'"),
    )


class DraftUnit(Base):
    """One row of the imported file: a unit to be, or why it can be none.

    ``source_wkb`` is the geometry as sent, in the file's CRS, and null where that is ``geom``,
    which is noded, converted and rounded, and null when the row can be no unit. ``base_row`` and
    what follows it are what publishing would write of the row: the stored row that it follows (0
    for a new unit), null where nothing would be written or that is not known.
    """

    __tablename__ = "draft_unit"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    draft_id: Mapped[int] = mapped_column(ForeignKey("draft.id", ondelete="CASCADE"))
    row: Mapped[int]
    code: Mapped[str | None] = mapped_column(Text(collation="C"))
    name: Mapped[str | None] = mapped_column(Text)
    parent_code: Mapped[str | None] = mapped_column(Text(collation="C"))
    named_parent: Mapped[str | None] = mapped_column(Text)
    geom: Mapped[WKBElement | None] = mapped_column(
        Geometry("MULTIPOLYGON", srid=SRID, spatial_index=False)
    )
    source_wkb: Mapped[bytes | None] = mapped_column(LargeBinary)
    chain: Mapped[int | None] = mapped_column(BigInteger)
    area_m2: Mapped[float | None]
    properties: Mapped[Json] = mapped_column(JSONB, server_default="{}")
    households: Mapped[int] = mapped_column(server_default="0")
    people: Mapped[int] = mapped_column(server_default="0")
    groups: Mapped[Json] = mapped_column(JSONB, server_default="{}")
    base_row: Mapped[int | None] = mapped_column(BigInteger)
    redrawn: Mapped[bool | None]
    renamed: Mapped[bool | None]
    reattributed: Mapped[bool | None]
    search_text: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (
        Index("draft_unit_row", "draft_id", "row", unique=True),
        Index("draft_unit_code", "draft_id", "code"),
    )


class Finding(Base):
    """One thing that a draft's check found."""

    __tablename__ = "finding"

    row_id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    draft_id: Mapped[int] = mapped_column(ForeignKey("draft.id", ondelete="CASCADE"))
    id: Mapped[str] = mapped_column(Text)
    level: Mapped[str] = mapped_column(ForeignKey("level.key"))
    kind: Mapped[str] = mapped_column(Text)
    rule: Mapped[str] = mapped_column(Text)
    severity: Mapped[str] = mapped_column(Text)
    message: Mapped[str] = mapped_column(Text)
    geom: Mapped[WKBElement | None] = mapped_column(
        Geometry("GEOMETRY", srid=SRID, spatial_index=False)
    )
    area_m2: Mapped[float]
    width_m: Mapped[float]
    households: Mapped[int]
    units: Mapped[list[str]] = mapped_column(ARRAY(Text))
    rows: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    addresses: Mapped[list[str]] = mapped_column(ARRAY(Text))
    parent_code: Mapped[str | None] = mapped_column(Text)
    extra: Mapped[int]
    chain: Mapped[int | None] = mapped_column(BigInteger)
    borders_m: Mapped[list[float]] = mapped_column(ARRAY(Double), server_default="{}")
    pieces: Mapped[int] = mapped_column(server_default="1")
    fresh: Mapped[bool] = mapped_column(server_default="true")
    waiver_id: Mapped[int | None] = mapped_column(ForeignKey("waiver.id"))

    __table_args__ = (
        Index("finding_largest", "draft_id", "area_m2", "id"),
        Index("finding_id", "id", "draft_id"),
    )


class Waiver(Base):
    """An accepted exception: who accepted what, why, and until when.

    It covers a finding of its kind, level and parent whose land lies in ``geom``, or whose
    addresses are among ``addresses``. It is never changed, only ended.
    """

    __tablename__ = "waiver"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    finding_id: Mapped[str] = mapped_column(Text)
    level: Mapped[str] = mapped_column(ForeignKey("level.key"))
    parent_code: Mapped[str | None] = mapped_column(Text(collation="C"))
    kind: Mapped[str] = mapped_column(Text)
    extra: Mapped[int]
    units: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    addresses: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    households: Mapped[int] = mapped_column(server_default="0")
    geom: Mapped[WKBElement | None] = mapped_column(
        Geometry("GEOMETRY", srid=SRID, spatial_index=False)
    )
    area_m2: Mapped[float]
    reason: Mapped[str] = mapped_column(Text)
    approved_by: Mapped[str] = mapped_column(Text)
    approved_at: Mapped[dt.datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.now()
    )
    until: Mapped[dt.date | None] = mapped_column(Date)
    ended_at: Mapped[dt.datetime | None] = mapped_column(DateTime(timezone=True))
    ended_by: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (
        CheckConstraint("reason <> ''", name="waiver_reason"),
        Index("waiver_finding", "finding_id"),
        Index("waiver_level", "level", "kind"),
    )


class WaivedLand(Base):
    """Land that was blank, doubled or outside in editions, and waived when they were published.

    ``chain`` is that of ``geom``, vertex by vertex as the units around it stand: it enters the sum.
    ``waiver_id`` is the latest waiver of it.
    """

    __tablename__ = "waived_land"

    row_id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    waiver_id: Mapped[int] = mapped_column(ForeignKey("waiver.id"))
    finding_id: Mapped[str] = mapped_column(Text)
    level: Mapped[str] = mapped_column(ForeignKey("level.key"))
    parent_code: Mapped[str | None] = mapped_column(Text(collation="C"))
    kind: Mapped[str] = mapped_column(Text)
    message: Mapped[str] = mapped_column(Text)
    extra: Mapped[int]
    units: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    borders_m: Mapped[list[float]] = mapped_column(ARRAY(Double), server_default="{}")
    pieces: Mapped[int] = mapped_column(server_default="1")
    geom: Mapped[WKBElement] = mapped_column(Geometry("GEOMETRY", srid=SRID, spatial_index=False))
    chain: Mapped[int] = mapped_column(BigInteger)
    area_m2: Mapped[float]
    width_m: Mapped[float]
    households: Mapped[int] = mapped_column(server_default="0")
    first_edition: Mapped[int] = mapped_column(ForeignKey("edition.number"))
    last_edition: Mapped[int | None] = mapped_column(ForeignKey("edition.number"))

    __table_args__ = (
        ExcludeConstraint(
            ("level", "="),
            ("finding_id", "="),
            (_editions(), "&&"),
            using="gist",
            name="waived_land_one_an_edition",
        ),
        Index("waived_land_parent", "level", "parent_code"),
        Index("waived_land_geom", "geom", postgresql_using="gist"),
    )


class DraftChange(Base):
    """One row that an edition would write if the draft were published on its base edition."""

    __tablename__ = "draft_change"

    row_id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    draft_id: Mapped[int] = mapped_column(ForeignKey("draft.id", ondelete="CASCADE"))
    base_row: Mapped[int] = mapped_column(BigInteger)
    level: Mapped[str] = mapped_column(ForeignKey("level.key"))
    code: Mapped[str] = mapped_column(Text(collation="C"))
    name: Mapped[str] = mapped_column(Text)
    parent_code: Mapped[str | None] = mapped_column(Text(collation="C"))
    geom: Mapped[WKBElement] = mapped_column(
        Geometry("MULTIPOLYGON", srid=SRID, spatial_index=False)
    )
    chain: Mapped[int] = mapped_column(BigInteger)
    area_m2: Mapped[float]
    properties: Mapped[Json] = mapped_column(JSONB, server_default="{}")
    search_text: Mapped[str] = mapped_column(Text, server_default="")
    redrawn: Mapped[bool]
    renamed: Mapped[bool]
    reattributed: Mapped[bool]

    __table_args__ = (Index("draft_change_code", "draft_id", "level", "code", unique=True),)


class DraftRemoval(Base):
    """A stored row that would end if the draft were published on its base edition."""

    __tablename__ = "draft_removal"

    draft_id: Mapped[int] = mapped_column(
        ForeignKey("draft.id", ondelete="CASCADE"), primary_key=True
    )
    base_row: Mapped[int] = mapped_column(BigInteger, primary_key=True)


class DraftWaivedLand(Base):
    """Waived land that would receive nodes if the draft were published on its base edition."""

    __tablename__ = "draft_waived_land"

    draft_id: Mapped[int] = mapped_column(
        ForeignKey("draft.id", ondelete="CASCADE"), primary_key=True
    )
    base_row: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    geom: Mapped[WKBElement] = mapped_column(Geometry("GEOMETRY", srid=SRID, spatial_index=False))
    chain: Mapped[int] = mapped_column(BigInteger)


class DraftMove(Base):
    """Land that changed hands when a draft was mended."""

    __tablename__ = "draft_move"

    row_id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    draft_id: Mapped[int] = mapped_column(ForeignKey("draft.id", ondelete="CASCADE"))
    givers: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    taker: Mapped[str | None] = mapped_column(Text(collation="C"))
    geom: Mapped[WKBElement] = mapped_column(Geometry("GEOMETRY", srid=SRID, spatial_index=False))
    area_m2: Mapped[float]
    width_m: Mapped[float]
    pieces: Mapped[int]
    households: Mapped[int]
    finding_id: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (Index("draft_move_largest", "draft_id", "area_m2", "row_id"),)


class PictureStep(Base):
    """A tolerance to which an edition's units are drawn already, in millimetres."""

    __tablename__ = "picture_step"

    edition: Mapped[int] = mapped_column(
        ForeignKey("edition.number", ondelete="CASCADE"), primary_key=True
    )
    step_mm: Mapped[int] = mapped_column(BigInteger, primary_key=True)

    __table_args__ = ({"prefixes": ["UNLOGGED"]},)


class Picture(Base):
    """A unit drawn with fewer vertices; it can be made anew at any time."""

    __tablename__ = "picture"

    edition: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    step_mm: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    unit_row: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    geom: Mapped[WKBElement] = mapped_column(
        Geometry("MULTIPOLYGON", srid=SRID, spatial_index=False)
    )

    __table_args__ = (
        ForeignKeyConstraint(
            ["edition", "step_mm"],
            ["picture_step.edition", "picture_step.step_mm"],
            ondelete="CASCADE",
        ),
        {"prefixes": ["UNLOGGED"]},
    )


class ApiKey(Base):
    """A key's hash, what it may do and where."""

    __tablename__ = "api_key"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    role: Mapped[str] = mapped_column(Text)
    within_level: Mapped[str | None] = mapped_column(ForeignKey("level.key"))
    within_code: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[dt.datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.now()
    )
    revoked_at: Mapped[dt.datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (
        CheckConstraint("role IN ('reader', 'editor', 'publisher', 'admin')", name="api_key_role"),
    )


class ImportProgress(Base):
    """How far an import has come, by the ticket that whoever sent it gave it.

    ``owner`` is the key that sent it: two keys may use one ticket, and neither sees the other's.
    A trigger tells the channel ``wangge_import`` of every change.
    """

    __tablename__ = "import_progress"

    owner: Mapped[int] = mapped_column(ForeignKey("api_key.id"), primary_key=True)
    ticket: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    draft_id: Mapped[int] = mapped_column(ForeignKey("draft.id", ondelete="CASCADE"))
    stage: Mapped[str] = mapped_column(Text)
    done: Mapped[int] = mapped_column(server_default="0")
    total: Mapped[int] = mapped_column(server_default="0")
    error: Mapped[Json | None] = mapped_column(JSONB)
    updated_at: Mapped[dt.datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.now()
    )

    __table_args__ = (
        CheckConstraint(
            "stage IN ('waiting', 'reading', 'checking', 'storing')", name="import_progress_stage"
        ),
        CheckConstraint("done >= 0 AND total >= 0", name="import_progress_counts"),
        Index("import_progress_draft", "draft_id"),
        Index("import_progress_ticket", "ticket", "updated_at"),
    )
