"""How each contender is asked, and how its answers are read."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.graphql.questions import COMMUNITIES, IN_VIEW, NEW_ZOOM, ZOOM, drawn, plain, tiled
from benchmarks.graphql.tiles import read_tile

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.graphql.questions import Facts, Sample

_Json = dict[str, Any]

A_PAGE = 1_000
"""The most units that our service gives at once."""


class Request(NamedTuple):
    """What goes over HTTP."""

    path: str
    body: str = ""
    """A GET without one, else a POST."""


Asking = list[list[Request]]
"""For each variant of a question the requests that answer it together."""


class RefusedError(Exception):
    """An answer says that something is wrong."""


class Speaker(ABC):
    """What one contender is asked."""

    key: str
    says: str

    @abstractmethod
    def asks(self, sample: Sample) -> dict[str, Asking]:
        """Return the requests of the questions that it can answer, by the question's key."""

    @abstractmethod
    def read(self, question: str, answers: Sequence[bytes]) -> Facts:
        """Return what the answers to one variant say."""


class _Graph(Speaker):
    """Those that speak GraphQL; aliases give their answers the same names."""

    def read(self, question: str, answers: Sequence[bytes]) -> Facts:
        """Return what the answers to one variant say."""
        data = [_data(answer) for answer in answers]
        return READERS[question](data)


def _data(answer: bytes) -> _Json:
    told: _Json = json.loads(answer)
    if told.get("errors"):
        raise RefusedError(str(told["errors"][0].get("message")))
    data: _Json = told["data"]
    return data


def _rows(value: Any) -> list[_Json]:  # noqa: ANN401 - a list, a connection or a collection
    if isinstance(value, list):
        return value
    if "collection" in value:
        return [
            feature["properties"] | {"geometry": feature["geometry"]}
            for feature in value["collection"]["features"]
        ]
    rows: list[_Json] = value["nodes"]
    return rows


def _with_geometry(data: Sequence[_Json], *columns: str) -> Facts:
    rows = [dict(row) for part in data for row in _rows(part["rows"])]
    for row in rows:
        row["geometry"] = row["geometry"].get("geojson", row["geometry"])
    return drawn(rows, *columns)


def _nested(data: Sequence[_Json]) -> Facts:
    return plain(
        [
            [
                *(above["code"], above["name"]),
                [
                    [row["code"], row["name"], row["households"], _holder(row)]
                    for row in _rows(above["grids"])
                ],
            ]
            for above in _rows(data[0]["rows"])
        ]
    )


def _holder(row: _Json) -> str | None:
    if "holders" in row:
        return ", ".join(one["body"]["name"] for one in row["holders"]["nodes"]) or None
    holder: _Json | None = row.get("holder")
    return str(holder["name"]) if holder else None


def _place(data: Sequence[_Json]) -> Facts:
    place = data[0]["place"]
    if "units" in place:
        units = place["units"][:0:-1]  # without the topmost one, the grid first
        return plain([[unit["code"], unit["name"]] for unit in units])
    community = place["community"]
    units = [place, community, community["subdistrict"]]
    return plain([[unit["code"], unit["name"]] for unit in units])


def _codes(data: Sequence[_Json]) -> Facts:
    return plain([one["code"] if isinstance(one, dict) else one for one in data[0]["places"]])


READERS: dict[str, Callable[[Sequence[_Json]], Facts]] = {
    "viewport": lambda data: _with_geometry(data, "name", "households"),
    "nested": _nested,
    "point": _place,
    "batch": _codes,
    "all": lambda data: _with_geometry(data, "name"),
}


def ask(query: str, **variables: object) -> Request:
    """Return a question in GraphQL."""
    told = {"query": " ".join(query.split()), "variables": variables}
    return Request("/graphql", json.dumps(told, separators=(",", ":")))


class Ours(_Graph):
    """Our service.

    Parameters
    ----------
    fetch
        Asks the running service: cursors and what the schema has come from it.
    """

    key, says = "ours", "Wangge"
    _picture = "nodes { id code name households geometry }"
    _drawing = "nodes { id code name geometry }"

    def __init__(self, fetch: Callable[[Request], bytes]) -> None:
        self._fetch = fetch

    def has_holders(self) -> bool:
        """Tell whether the schema says who carries a duty on a unit."""
        told = _data(self._fetch(ask('{ __type(name: "Unit") { fields { name } } }')))
        return any(field["name"] == "assignments" for field in told["__type"]["fields"])

    def asks(self, sample: Sample) -> dict[str, Asking]:
        """Return the requests of all questions."""
        asking = self._pictures(sample)
        asking["nested"] = self._nested(sample)
        point = "query ($at: PointInput!) { place: placeAt(point: $at) { units { code name } } }"
        batch = "query ($at: [PointInput!]!) { places: placesAt(points: $at) { code } }"
        asking["point"] = [[ask(point, at=_named(at))] for at in sample.points]
        asking["batch"] = [[ask(batch, at=[_named(at) for at in b])] for b in sample.batches]
        asking["tile"] = self._tiles(ZOOM, sample.tiles)
        return asking

    def read(self, question: str, answers: Sequence[bytes]) -> Facts:
        """Return what the answers to one variant say."""
        if question.endswith("tile"):
            return tiled(read_tile(answers[0]))
        return super().read(question, answers)

    def _tiles(self, zoom: int, tiles: Sequence[tuple[int, int]]) -> Asking:
        """Return the addresses of tiles under the edition's number, as TileJSON leads to them."""
        newest = _data(self._fetch(ask("{ editions(first: 1) { nodes { number } } }")))["editions"]
        number = newest["nodes"][0]["number"]
        return [[Request(f"/tiles/{number}/grid/{zoom}/{x}/{y}.mvt")] for x, y in tiles]

    def _pictures(self, sample: Sample) -> dict[str, Asking]:
        view = f"""query ($box: [Float!]!) {{
            rows: units(level: "grid", bbox: $box, first: {IN_VIEW}) {{ {self._picture} }} }}"""
        page = f"""query ($after: String) {{
            rows: units(level: "grid", first: {A_PAGE}, after: $after) {{ {self._drawing} }} }}"""
        starts = self._cursors("grid", A_PAGE, -(-sample.grids // A_PAGE))
        return {
            "viewport": [[ask(view, box=box)] for box in sample.viewports],
            "all": [[ask(page, after=after) for after in starts]],
        }

    def _nested(self, sample: Sample) -> Asking:
        holders = 'holders: assignments(duty: "grid_holder") { nodes { body { name } } }'
        query = f"""query ($after: String) {{
            rows: units(level: "community", first: {COMMUNITIES}, after: $after) {{ nodes {{
                id code name
                grids: children(level: "grid") {{ nodes {{
                    id code name households {holders if sample.holders else ""}
                }} }} }} }} }}"""
        starts = self._cursors("community", COMMUNITIES, sample.pages)
        return [[ask(query, after=after)] for after in starts]

    def _cursors(self, level: str, size: int, pages: int) -> list[str | None]:
        """Return where the pages of a level begin."""
        query = """query ($level: String!, $first: Int!, $after: String) {
            units(level: $level, first: $first, after: $after) { pageInfo { endCursor } } }"""
        starts: list[str | None] = [None]
        while len(starts) < pages:
            request = ask(query, level=level, first=size, after=starts[-1])
            starts.append(_data(self._fetch(request))["units"]["pageInfo"]["endCursor"])
        return starts


class OursCollected(Ours):
    """Our service, asked for pages as feature collections, ready for a map."""

    key, says = "ours-collected", "Wangge, `featureCollection`"
    _picture = _drawing = "collection: featureCollection"

    def asks(self, sample: Sample) -> dict[str, Asking]:
        """Return the requests of the questions with geometry."""
        return self._pictures(sample)


class OursForgetful(Ours):
    """Our service with no memory for tiles, so that each is drawn anew."""

    key, says = "ours-forgetful", "Wangge, that keeps no tiles"

    def asks(self, sample: Sample) -> dict[str, Asking]:
        """Return the requests of tiles."""
        return {"new-tile": self._tiles(NEW_ZOOM, sample.new_tiles)}


def _named(at: tuple[float, float]) -> dict[str, float]:
    return {"lon": at[0], "lat": at[1]}


class PostGraphile(_Graph):
    """PostGraphile, whose plugin for PostGIS shows geometries."""

    key, says = "postgraphile", "PostGraphile, graphile-postgis"
    _geometry = "geometry: geom { geojson }"

    def asks(self, sample: Sample) -> dict[str, Asking]:
        """Return the requests of all questions."""
        holder = "holder: holderByHolderId { name }" if sample.holders else ""
        nested = f"""query ($offset: Int!) {{
            rows: allCommunitiesList(first: {COMMUNITIES}, offset: $offset, orderBy: CODE_ASC) {{
                rowId code name
                grids: gridsByCommunityIdList(orderBy: CODE_ASC) {{
                    rowId code name households {holder} }} }} }}"""
        point = """query ($lon: Float!, $lat: Float!) { place: gridAt(lon: $lon, lat: $lat) {
            code name community: communityByCommunityId { code name
                subdistrict: subdistrictBySubdistrictId { code name } } } }"""
        batch = """query ($lons: [Float!]!, $lats: [Float!]!) {
            places: locatePointsList(lons: $lons, lats: $lats) }"""
        return self._pictures(sample) | {
            "nested": [[ask(nested, offset=COMMUNITIES * page)] for page in range(sample.pages)],
            "point": [[ask(point, lon=lon, lat=lat)] for lon, lat in sample.points],
            "batch": [
                [ask(batch, lons=[x for x, _ in points], lats=[y for _, y in points])]
                for points in sample.batches
            ],
        }

    def _pictures(self, sample: Sample) -> dict[str, Asking]:
        view = f"""query ($w: Float!, $s: Float!, $e: Float!, $n: Float!) {{
            rows: gridsInBboxList(w: $w, s: $s, e: $e, n: $n, first: {IN_VIEW}) {{
                rowId code name households {self._geometry} }} }}"""
        every = (
            f"{{ rows: allGridsList(orderBy: CODE_ASC) {{ rowId code name {self._geometry} }} }}"
        )
        return {
            "viewport": [
                [ask(view, **dict(zip("wsen", b, strict=True)))] for b in sample.viewports
            ],
            "all": [[ask(every)]],
        }


class PostGraphileJson(PostGraphile):
    """PostGraphile with a function of one's own that writes GeoJSON."""

    key, says = "postgraphile-json", "PostGraphile, a computed column of GeoJSON"
    _geometry = "geometry: geojson"

    def asks(self, sample: Sample) -> dict[str, Asking]:
        """Return the requests of the questions with geometry."""
        return self._pictures(sample)


class Strawberry(_Graph):
    """Strawberry as its manual shows it."""

    key, says = "strawberry", "Strawberry, SQLAlchemy, DataLoaders"

    def asks(self, sample: Sample) -> dict[str, Asking]:
        """Return the requests of all questions."""
        holder = "holder { name }" if sample.holders else ""
        view = f"""query ($box: [Float!]!) {{ rows: grids(bbox: $box, first: {IN_VIEW}) {{
            id code name households geometry }} }}"""
        nested = f"""query ($offset: Int!) {{
            rows: communities(first: {COMMUNITIES}, offset: $offset) {{
                id code name grids {{ id code name households {holder} }} }} }}"""
        point = """query ($lon: Float!, $lat: Float!) { place: gridAt(lon: $lon, lat: $lat) {
            code name community { code name subdistrict { code name } } } }"""
        batch = """query ($points: [[Float!]!]!) { places: locate(points: $points) }"""
        return {
            "viewport": [[ask(view, box=box)] for box in sample.viewports],
            "nested": [[ask(nested, offset=COMMUNITIES * page)] for page in range(sample.pages)],
            "point": [[ask(point, lon=lon, lat=lat)] for lon, lat in sample.points],
            "batch": [[ask(batch, points=points)] for points in sample.batches],
            "all": [[ask("{ rows: grids { id code name geometry } }")]],
        }


class Tipg(Speaker):
    """tipg: features and tiles."""

    key, says = "tipg", "tipg"

    def asks(self, sample: Sample) -> dict[str, Asking]:
        """Return the requests of what it has."""
        items = "/collections/peers.grid/items?f=geojson&sortby=code"
        view = f"{items}&limit={IN_VIEW}&properties=id,code,name,households&bbox="
        every = f"{items}&limit={sample.grids}&properties=id,code,name"
        tiles = "/collections/peers.grid/tiles/WebMercatorQuad"
        columns = "properties=id,code,name,households"
        return {
            "viewport": [[Request(view + ",".join(map(str, box)))] for box in sample.viewports],
            "all": [[Request(every)]],
            **{
                key: [[Request(f"{tiles}/{zoom}/{x}/{y}?{columns}")] for x, y in places]
                for key, zoom, places in (
                    ("tile", ZOOM, sample.tiles),
                    ("new-tile", NEW_ZOOM, sample.new_tiles),
                )
            },
        }

    def read(self, question: str, answers: Sequence[bytes]) -> Facts:
        """Return what the answers to one variant say."""
        if question.endswith("tile"):
            return tiled(read_tile(answers[0]))
        rows = _rows({"collection": json.loads(answers[0])})
        return drawn(rows, *(("name", "households") if question == "viewport" else ("name",)))
