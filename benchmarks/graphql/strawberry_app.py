"""A service that somebody would write in a day with Strawberry's manual beside.

SQLAlchemy's sessions and models, GeoAlchemy2's geometries, shapely's GeoJSON, one DataLoader for
each relation. No tricks, and no mistakes either: one statement for each list level.

    BENCH_DATABASE=postgresql+psycopg://… uvicorn benchmarks.graphql.strawberry_app:app
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TypeVar

import strawberry
from geoalchemy2 import Geometry, WKBElement
from geoalchemy2.shape import to_shape
from shapely.geometry import mapping
from sqlalchemy import ForeignKey, Select, func, select, text
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from starlette.applications import Starlette
from starlette.routing import Route
from strawberry.asgi import GraphQL
from strawberry.dataloader import DataLoader
from strawberry.scalars import JSON
from strawberry.types import Info

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.websockets import WebSocket

engine = create_async_engine(
    os.environ.get("BENCH_DATABASE", "postgresql+psycopg://"), pool_size=10, max_overflow=10
)
sessions = async_sessionmaker(engine, expire_on_commit=False)

SRID = 4326


class Base(DeclarativeBase):
    """Base of the tables."""

    __abstract__ = True
    __table_args__ = {"schema": "peers"}  # noqa: RUF012 - SQLAlchemy's own word for it

    id: Mapped[int] = mapped_column(primary_key=True)


class SubdistrictRow(Base):
    """A sub-district."""

    __tablename__ = "subdistrict"
    code: Mapped[str]
    name: Mapped[str]


class CommunityRow(Base):
    """A community."""

    __tablename__ = "community"
    code: Mapped[str]
    name: Mapped[str]
    subdistrict_id: Mapped[int] = mapped_column(ForeignKey(SubdistrictRow.id))


class HolderRow(Base):
    """Who holds a grid."""

    __tablename__ = "holder"
    name: Mapped[str]


class GridRow(Base):
    """A grid."""

    __tablename__ = "grid"
    code: Mapped[str]
    name: Mapped[str]
    households: Mapped[int]
    community_id: Mapped[int] = mapped_column(ForeignKey(CommunityRow.id))
    holder_id: Mapped[int | None] = mapped_column(ForeignKey(HolderRow.id))
    geom: Mapped[WKBElement] = mapped_column(Geometry("MULTIPOLYGON", srid=SRID))


@strawberry.type
class Subdistrict:
    """A sub-district."""

    id: int
    code: str
    name: str

    @classmethod
    def of(cls, row: SubdistrictRow) -> Subdistrict:
        """Show a row."""
        return cls(id=row.id, code=row.code, name=row.name)


@strawberry.type
class Holder:
    """Who holds a grid."""

    id: int
    name: str

    @classmethod
    def of(cls, row: HolderRow) -> Holder:
        """Show a row."""
        return cls(id=row.id, name=row.name)


@strawberry.type
class Community:
    """A community."""

    id: int
    code: str
    name: str
    subdistrict_id: strawberry.Private[int]

    @strawberry.field
    async def subdistrict(self, info: Info) -> Subdistrict:
        """Return the sub-district that it is in."""
        found: Subdistrict = await info.context["subdistricts"].load(self.subdistrict_id)
        return found

    @strawberry.field
    async def grids(self, info: Info) -> list[Grid]:
        """Return its grids, by code."""
        found: list[Grid] = await info.context["grids"].load(self.id)
        return found

    @classmethod
    def of(cls, row: CommunityRow) -> Community:
        """Show a row."""
        return cls(id=row.id, code=row.code, name=row.name, subdistrict_id=row.subdistrict_id)


@strawberry.type
class Grid:
    """A grid."""

    id: int
    code: str
    name: str
    households: int
    row: strawberry.Private[GridRow]

    @strawberry.field
    def geometry(self) -> JSON:
        """Return its polygon."""
        return JSON(mapping(to_shape(self.row.geom)))

    @strawberry.field
    async def holder(self, info: Info) -> Holder | None:
        """Return who holds it."""
        if self.row.holder_id is None:
            return None
        found: Holder = await info.context["holders"].load(self.row.holder_id)
        return found

    @strawberry.field
    async def community(self, info: Info) -> Community:
        """Return the community that it is in."""
        found: Community = await info.context["communities"].load(self.row.community_id)
        return found

    @classmethod
    def of(cls, row: GridRow) -> Grid:
        """Show a row."""
        return cls(id=row.id, code=row.code, name=row.name, households=row.households, row=row)


_R = TypeVar("_R", bound=Base)


async def rows_of(query: Select[_R]) -> Sequence[_R]:
    """Return the rows of a query."""
    async with sessions() as session:
        return (await session.scalars(query)).all()


def by_id(model: type[_R], show: Callable[[_R], Any]) -> DataLoader[int, Any]:
    """Make a loader of rows by their ids."""

    async def load(ids: list[int]) -> list[Any]:
        rows = {row.id: show(row) for row in await rows_of(select(model).where(model.id.in_(ids)))}
        return [rows.get(one) for one in ids]

    return DataLoader(load)


async def grids_of(communities: list[int]) -> list[list[Grid]]:
    """Return the grids of communities."""
    query = select(GridRow).where(GridRow.community_id.in_(communities)).order_by(GridRow.code)
    found: dict[int, list[Grid]] = {one: [] for one in communities}
    for row in await rows_of(query):
        found[row.community_id].append(Grid.of(row))
    return [found[one] for one in communities]


@strawberry.type
class Query:
    """What can be asked."""

    @strawberry.field
    async def grids(self, bbox: list[float] | None = None, first: int | None = None) -> list[Grid]:
        """Return grids that touch a box, by code."""
        query = select(GridRow).order_by(GridRow.code)
        if bbox is not None:
            query = query.where(func.ST_Intersects(GridRow.geom, func.ST_MakeEnvelope(*bbox, SRID)))
        if first is not None:
            query = query.limit(first)
        return [Grid.of(row) for row in await rows_of(query)]

    @strawberry.field
    async def communities(self, first: int, offset: int = 0) -> list[Community]:
        """Return a page of communities, by code."""
        query = select(CommunityRow).order_by(CommunityRow.code).limit(first).offset(offset)
        return [Community.of(row) for row in await rows_of(query)]

    @strawberry.field
    async def grid_at(self, lon: float, lat: float) -> Grid | None:
        """Return the grid that a point is in."""
        point = func.ST_SetSRID(func.ST_MakePoint(lon, lat), SRID)
        query = select(GridRow).where(func.ST_Intersects(GridRow.geom, point))
        rows = await rows_of(query.order_by(GridRow.code).limit(1))
        return Grid.of(rows[0]) if rows else None

    @strawberry.field
    async def locate(self, points: list[list[float]]) -> list[str | None]:
        """Return the codes of the grids that points are in."""
        query = text("SELECT * FROM peers.locate_points(:x, :y)")
        values = {"x": [point[0] for point in points], "y": [point[1] for point in points]}
        async with sessions() as session:
            return list((await session.scalars(query, values)).all())


class View(GraphQL[dict[str, Any], None]):
    """The view, with new loaders for each request."""

    async def get_context(
        self, request: Request | WebSocket, response: Response | WebSocket
    ) -> dict[str, Any]:
        """Return what resolvers share."""
        return {
            "request": request,
            "response": response,
            "grids": DataLoader(grids_of),
            "holders": by_id(HolderRow, Holder.of),
            "communities": by_id(CommunityRow, Community.of),
            "subdistricts": by_id(SubdistrictRow, Subdistrict.of),
        }


schema = strawberry.Schema(Query)
app = Starlette(routes=[Route("/graphql", View(schema))])
