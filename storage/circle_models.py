"""The tables of streets, service points and programmes; the rest is in ``storage.models``."""

from __future__ import annotations

import datetime as dt

from geoalchemy2 import Geometry, WKBElement
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Text,
    TextClause,
    func,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB, ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from storage.models import SRID, Base, Json

__all__ = [
    "Base",  # with the tables of both modules
    "Facility",
    "FacilityKind",
    "FacilityStamp",
    "Programme",
    "StreetEdge",
    "StreetNetwork",
    "StreetNode",
]


def _days() -> TextClause:
    """Return the span of days of a row, half-open; open above while it stands."""
    return text("daterange(since, until, '[)')")


class StreetNetwork(Base):
    """One version of the streets that may be walked; the one with the highest id is in use.

    ``version`` is a digest of the network: the same streets loaded again have the same.
    ``source`` says what was read, by which rules, and what was left out.
    """

    __tablename__ = "street_network"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    version: Mapped[str] = mapped_column(Text(collation="C"))
    lon0: Mapped[float]
    lat0: Mapped[float]
    node_count: Mapped[int]
    edge_count: Mapped[int]
    length_m: Mapped[float]
    source: Mapped[Json] = mapped_column(JSONB, server_default="{}")
    loaded_at: Mapped[dt.datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.now()
    )
    loaded_by: Mapped[str] = mapped_column(Text)

    __table_args__ = (
        CheckConstraint("node_count > 0 AND edge_count > 0", name="street_network_counts"),
    )


class StreetNode(Base):
    """A crossing or an end of streets, numbered along a space-filling curve."""

    __tablename__ = "street_node"

    network: Mapped[int] = mapped_column(
        ForeignKey("street_network.id", ondelete="CASCADE"), primary_key=True
    )
    node: Mapped[int] = mapped_column(primary_key=True)
    geom: Mapped[WKBElement] = mapped_column(Geometry("POINT", srid=SRID, spatial_index=False))


class StreetEdge(Base):
    """A piece of street between two nodes, drawn from ``a`` to ``b``; walked both ways."""

    __tablename__ = "street_edge"

    network: Mapped[int] = mapped_column(
        ForeignKey("street_network.id", ondelete="CASCADE"), primary_key=True
    )
    edge: Mapped[int] = mapped_column(primary_key=True)
    a: Mapped[int]
    b: Mapped[int]
    length_m: Mapped[float]
    kind: Mapped[str | None] = mapped_column(Text)
    name: Mapped[str | None] = mapped_column(Text)
    geom: Mapped[WKBElement] = mapped_column(Geometry("LINESTRING", srid=SRID, spatial_index=False))

    __table_args__ = (
        CheckConstraint("length_m > 0", name="street_edge_length"),
        Index("street_edge_geom", "geom", postgresql_using="gist"),
    )


class FacilityKind(Base):
    """A kind of service point, and the rules that each of the kind should keep."""

    __tablename__ = "facility_kind"

    key: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    rules: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")


class Facility(Base):
    """A service point as it stands from ``since`` until the day before ``until`` (null: still)."""

    __tablename__ = "facility"

    row_id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    key: Mapped[str] = mapped_column(Text(collation="C"))
    kind: Mapped[str] = mapped_column(ForeignKey("facility_kind.key"))
    name: Mapped[str] = mapped_column(Text)
    geom: Mapped[WKBElement] = mapped_column(Geometry("POINT", srid=SRID, spatial_index=False))
    floor_area_m2: Mapped[float | None]
    rooms: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    opening_hours: Mapped[str | None] = mapped_column(Text)
    compound_code: Mapped[str | None] = mapped_column(Text(collation="C"))
    properties: Mapped[Json] = mapped_column(JSONB, server_default="{}")
    search_text: Mapped[str] = mapped_column(Text, server_default="")
    since: Mapped[dt.date] = mapped_column(Date)
    until: Mapped[dt.date | None] = mapped_column(Date)
    changed_at: Mapped[dt.datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.now()
    )
    changed_by: Mapped[str] = mapped_column(Text)

    __table_args__ = (
        CheckConstraint("key <> ''", name="facility_key"),
        CheckConstraint("until > since", name="facility_days"),
        CheckConstraint("floor_area_m2 >= 0", name="facility_area"),
        ExcludeConstraint(
            ("key", "="), (_days(), "&&"), using="gist", name="facility_one_row_a_day"
        ),
        Index("facility_kind_key", "kind", "key"),
        Index("facility_geom", "geom", postgresql_using="gist"),
        Index(
            "facility_search",
            "search_text",
            postgresql_using="gin",
            postgresql_ops={"search_text": "gin_trgm_ops"},
        ),
    )


class Programme(Base):
    """A set of kinds of service points with a promise, while it holds.

    What is null of ``minutes``, ``speed_kmh``, ``metres`` and ``basis`` is the service's default.
    """

    __tablename__ = "programme"

    row_id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    key: Mapped[str] = mapped_column(Text(collation="C"))
    name: Mapped[str] = mapped_column(Text)
    kinds: Mapped[list[str]] = mapped_column(ARRAY(Text))
    minutes: Mapped[int | None]
    speed_kmh: Mapped[float | None]
    metres: Mapped[float | None]
    basis: Mapped[str | None] = mapped_column(Text)
    own_level: Mapped[str | None] = mapped_column(ForeignKey("level.key"))
    target: Mapped[int | None]
    due: Mapped[dt.date | None] = mapped_column(Date)
    since: Mapped[dt.date] = mapped_column(Date)
    until: Mapped[dt.date | None] = mapped_column(Date)

    __table_args__ = (
        CheckConstraint("until > since", name="programme_days"),
        CheckConstraint("cardinality(kinds) > 0", name="programme_kinds"),
        CheckConstraint("basis IN ('NETWORK', 'RADIUS')", name="programme_basis"),
        CheckConstraint("minutes > 0 AND speed_kmh > 0 AND metres > 0", name="programme_walk"),
        ExcludeConstraint(
            ("key", "="), (_days(), "&&"), using="gist", name="programme_one_row_a_day"
        ),
    )


class FacilityStamp(Base):
    """How often service points, their kinds or programmes have changed: one row.

    Triggers count, whoever writes.
    """

    __tablename__ = "facility_stamp"

    one: Mapped[bool] = mapped_column(Boolean, primary_key=True, server_default=true())
    stamp: Mapped[int] = mapped_column(BigInteger, server_default="0")

    __table_args__ = (CheckConstraint("one", name="facility_stamp_one"),)
