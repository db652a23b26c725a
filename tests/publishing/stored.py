"""What is stored, looked at with SQL and without the engine under test."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import psycopg
import shapely
from sqlalchemy import make_url

from tests.town import remainder, segments

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg import Connection
    from shapely.geometry.base import BaseGeometry

CYCLE = 2**64

STANDS = "({0}.first_edition <= e.number AND coalesce({0}.last_edition, e.number) >= e.number)"

WAIVED_SUM = """
coalesce(sum(CASE w.kind WHEN 'BLANK' THEN w.chain::numeric
                         WHEN 'OVERLAP' THEN -w.extra * w.chain::numeric
                         WHEN 'OUTSIDE' THEN -w.chain::numeric END), 0)
"""
"""What waived land adds to the sum of its parent."""

SPOILT_SUMS = f"""
SELECT e.number, l.key, p.code
FROM edition e CROSS JOIN level l
JOIN unit p ON p.level = l.parent AND {STANDS.format("p")}
JOIN LATERAL (
    SELECT sum(c.chain::numeric) AS total, count(*) AS n FROM unit c
    WHERE c.level = l.key AND c.parent_code = p.code AND {STANDS.format("c")}
) AS s ON s.n > 0
JOIN LATERAL (
    SELECT {WAIVED_SUM} AS total FROM waived_land w
    WHERE w.level = l.key AND w.parent_code = p.code AND {STANDS.format("w")}
) AS waived ON true
WHERE l.tiling = 'TILES' AND mod(s.total + waived.total - p.chain, {CYCLE}) <> 0
UNION ALL
SELECT e.number, l.key, NULL
FROM edition e CROSS JOIN level l
JOIN outline o ON {STANDS.format("o")}
JOIN LATERAL (
    SELECT sum(c.chain::numeric) AS total FROM unit c
    WHERE c.level = l.key AND {STANDS.format("c")}
) AS s ON true
JOIN LATERAL (
    SELECT {WAIVED_SUM} AS total FROM waived_land w
    WHERE w.level = l.key AND {STANDS.format("w")}
) AS waived ON true
WHERE l.parent IS NULL AND mod(s.total + waived.total - o.chain, {CYCLE}) IS DISTINCT FROM 0
ORDER BY 1, 2, 3
"""
"""Parents whose units' boundaries do not add up to their own, in any edition."""

FATHERLESS = f"""
SELECT e.number, c.level, c.code FROM edition e
JOIN unit c ON {STANDS.format("c")}
JOIN level l ON l.key = c.level AND l.parent IS NOT NULL
WHERE NOT EXISTS (
    SELECT FROM unit p
    WHERE p.level = l.parent AND p.code = c.parent_code AND {STANDS.format("p")}
)
ORDER BY 1, 2, 3
"""
"""Units whose parent does not stand in the same edition."""

BROKEN_VERSIONS = """
SELECT a.level, a.code, b.level, b.code
FROM unit a JOIN unit b ON a.id = b.id AND a.row_id < b.row_id
WHERE (a.level, a.code, a.name, a.parent_code, a.properties, a.since_edition, a.drawn_edition)
      IS DISTINCT FROM
      (b.level, b.code, b.name, b.parent_code, b.properties, b.since_edition, b.drawn_edition)
UNION ALL
SELECT level, code, NULL, NULL FROM unit GROUP BY level, code, id
HAVING min(first_edition) <> min(since_edition)
UNION ALL
SELECT level, code, NULL, NULL FROM unit WHERE drawn_edition > since_edition
"""
"""Rows that share a version and differ in more than nodes, or that misdate it."""

HALF_DRAFTS = """
SELECT d.id FROM draft d
WHERE (SELECT count(*) FROM draft_unit u WHERE u.draft_id = d.id)
      <> (d.source ->> 'featureCount')::int
   OR (SELECT count(*) FROM finding f WHERE f.draft_id = d.id)
      <> (SELECT sum((c ->> 'findingCount')::int)
          FROM jsonb_array_elements(d.report -> 'clauses') c)
   OR (d.status = 'PUBLISHED') <> (d.published_as IS NOT NULL)
UNION ALL
SELECT u.draft_id FROM draft_unit u LEFT JOIN draft d ON d.id = u.draft_id WHERE d.id IS NULL
"""
"""Drafts that are not whole."""

UNTIDY_EDITIONS = """
SELECT number FROM (
    SELECT number, row_number() OVER w AS place, effective_on < lag(effective_on) OVER w AS back
    FROM edition WINDOW w AS (ORDER BY number)
) AS listed WHERE number <> place OR back
"""
"""Editions with a hole before them, or whose day is before the last one's."""

WRONG_TALLIES = f"""
SELECT e.number, t.level, t.code, t.households, s.households
FROM edition e
JOIN unit u ON {STANDS.format("u")}
JOIN level l ON l.key = u.level AND l.tiling = 'TILES'
LEFT JOIN unit_tally t ON t.level = u.level AND t.code = u.code AND {STANDS.format("t")}
JOIN LATERAL (
    SELECT coalesce(sum(a.households), 0) AS households FROM address a
    WHERE {STANDS.format("a")} AND ST_Contains(u.geom, a.geom)
) AS s ON true
WHERE coalesce(t.households, 0) <> s.households
"""
"""Units that count other households than PostGIS finds in them (none may be on a border)."""

DIGEST = f"""
SELECT md5(string_agg(md5(row(u.id, u.level, u.code, u.name, u.parent_code, u.geom::text, u.chain,
                              u.properties, u.since_edition, u.drawn_edition)::text), ''
                      ORDER BY u.level, u.code))
FROM edition e JOIN unit u ON {STANDS.format("u")} WHERE e.number = %s
"""
"""Everything about the units of an edition, as one text."""


class UnitRow(NamedTuple):
    """A row of a unit as it is stored."""

    row_id: int
    id: int
    name: str
    parent: str | None
    geom: BaseGeometry
    since: int
    drawn: int
    first: int
    last: int | None
    area_m2: float

    def nodes(self) -> int:
        """Return how many vertices it has."""
        parts = shapely.get_parts(self.geom)
        rings = sum(shapely.get_num_interior_rings(parts) + 1)
        return int(shapely.get_num_coordinates(self.geom) - rings)


class Stored:
    """A database, asked from outside, over one connection that is opened with the first question.

    Each question is a transaction of its own.
    """

    def __init__(self, url: str) -> None:
        self.address = make_url(url).set(drivername="postgresql").render_as_string(False)
        self._connection: Connection[Any] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection, if there is one; the next question opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def connect(self) -> Connection[Any]:
        """Return a connection of one's own."""
        return psycopg.connect(self.address)

    def rows(self, query: str, *values: object) -> list[Any]:
        """Return the rows of a query."""
        if self._connection is None:
            self._connection = psycopg.connect(
                self.address, autocommit=True, prepare_threshold=None
            )
        return self._connection.execute(query, values or None).fetchall()

    def one(self, query: str, *values: object) -> Any:  # noqa: ANN401 - any value
        """Return the single value of a query."""
        [[value]] = self.rows(query, *values)
        return value

    def newest(self) -> int:
        """Return the number of the newest edition; 0 before the first."""
        return int(self.one("SELECT coalesce(max(number), 0) FROM edition"))

    def units(self, level: str, edition: int | None = None) -> dict[str, UnitRow]:
        """Return the rows of a level by code, as of an edition or now."""
        found = self.rows(
            "SELECT u.code, u.row_id, u.id, u.name, u.parent_code, ST_AsBinary(u.geom),"
            " u.since_edition, u.drawn_edition, u.first_edition, u.last_edition, u.area_m2"
            f" FROM unit u JOIN edition e ON {STANDS.format('u')}"
            " WHERE u.level = %s AND e.number = %s ORDER BY u.code",
            level,
            self.newest() if edition is None else edition,
        )
        return {
            row[0]: UnitRow._make([*row[1:5], shapely.from_wkb(bytes(row[5])), *row[6:]])
            for row in found
        }

    def digest(self, edition: int) -> str:
        """Return everything about the units of an edition as one text."""
        return str(self.one(DIGEST, edition))

    def faults(self) -> dict[str, list[Any]]:
        """Return everything that must never be seen, in any edition; empty when all is well."""
        asked = {
            "sums": SPOILT_SUMS,
            "fatherless": FATHERLESS,
            "versions": BROKEN_VERSIONS,
            "drafts": HALF_DRAFTS,
            "editions": UNTIDY_EDITIONS,
            "tallies": WRONG_TALLIES,
        }
        found = {what: self.rows(query) for what, query in asked.items()}
        found["segments"] = list(self.torn())
        return {what: rows for what, rows in found.items() if rows}

    def torn(self, edition: int | None = None) -> Iterator[tuple[str, str | None]]:
        """Return parents whose units' segments do not cancel to theirs, counted one by one."""
        number = self.newest() if edition is None else edition
        if number == 0:
            return
        levels = self.rows("SELECT key, parent FROM level WHERE tiling = 'TILES' ORDER BY rank")
        for level, parent in levels:
            below: dict[str | None, list[BaseGeometry]] = defaultdict(list)
            for unit in self.units(level, number).values():
                below[unit.parent].append(unit.geom)
            above = self.units(parent, number) if parent is not None else {}
            for code, parts in below.items():
                whole = above[code].geom if code in above else self.outline(number)
                left = remainder(whole, parts)
                for times, land in self.waived(level, code, number):
                    for key, count in segments(land).items():
                        left[key] = left.get(key, 0) + times * count
                if any(left.values()):
                    yield level, code

    def waived(
        self, level: str, parent: str | None, edition: int
    ) -> Iterator[tuple[int, BaseGeometry]]:
        """Return the waived land of a parent, each with how often it counts in its sum."""
        rows = self.rows(
            "SELECT w.kind, w.extra, ST_AsBinary(w.geom) FROM waived_land w"
            f" JOIN edition e ON {STANDS.format('w')}"
            " WHERE w.level = %s AND w.parent_code IS NOT DISTINCT FROM %s AND e.number = %s",
            level,
            parent,
            edition,
        )
        for kind, extra, wkb in rows:
            times = {"BLANK": 1, "OVERLAP": -extra, "OUTSIDE": -1}[kind]
            yield times, shapely.from_wkb(bytes(wkb))

    def outline(self, edition: int) -> BaseGeometry:
        """Return what the topmost level fills."""
        wkb = self.one(
            f"SELECT ST_AsBinary(o.geom) FROM outline o JOIN edition e ON {STANDS.format('o')}"
            " WHERE e.number = %s",
            edition,
        )
        return shapely.from_wkb(bytes(wkb))
