"""Real places: streets, homes and service points of four cities, and who can walk where.

    python -m tests.real.places [FOLDER]

writes the tables of docs/circles.md. FOLDER holds the real files; else ``WANGGE_REAL_DATA`` names
it. Every figure comes from the program's own commands on a database of its own.
"""

from __future__ import annotations

import csv
import json
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import osmium
import shapely
from shapely.geometry import mapping, shape
from shapely.geometry.base import BaseGeometry

from service.cluster import Cluster
from storage.migrate import upgrade
from tests.publishing.outside import Wangge
from tests.real.concluded import folder_given, markdown, write_between

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

Feature = dict[str, Any]
"""A feature of GeoJSON."""

PAGE = Path(__file__).resolve().parents[2] / "docs" / "circles.md"

GATE_M = 30.0
"""A gate in the map that lies as near to a compound's border is taken for one of its gates."""

DEGREE_M = 111_000.0


class Layer(NamedTuple):
    """Units of one level, for ``wangge import``."""

    level: str
    file: Path
    options: tuple[str, ...] = ()


class Files(NamedTuple):
    """What is loaded of a place."""

    levels: str
    """Levels from the top, each under the one before; one that begins with ~ does not tile."""
    layers: tuple[Layer, ...]
    addresses: Path
    address_options: tuple[str, ...]
    facilities: Path


class Ask(NamedTuple):
    """A question about a place."""

    kind: str
    metres: int
    minutes: int
    """How long the walk is said to take; the presets' for their metres."""


class Place(NamedTuple):
    """A real place."""

    name: str
    streets: str
    homes: str
    """What stands for households."""
    prepare: Callable[[Path, Path], Files]
    asks: tuple[Ask, ...]
    by: str


class Walked(NamedTuple):
    """What came of the questions about a place."""

    network: dict[str, Any]
    """What ``wangge load streets`` says."""
    seconds: float
    """How long that took."""
    found: dict[Ask, dict[str, Any]]
    """What ``wangge circles`` says."""


# --- what is loaded -----------------------------------------------------------------------------


def features(path: Path) -> list[Feature]:
    """Return the features of a GeoJSON file."""
    found: list[Feature] = json.loads(path.read_text("utf-8"))["features"]
    return found


def write_features(path: Path, rows: Iterable[Feature]) -> Path:
    """Write features as GeoJSON."""
    document = {"type": "FeatureCollection", "features": list(rows)}
    path.write_text(json.dumps(document, ensure_ascii=False), "utf-8")
    return path


def unit(code: str, name: str, land: BaseGeometry) -> Feature:
    """Return a unit as a feature."""
    return {
        "type": "Feature",
        "properties": {"code": code, "name": name},
        "geometry": mapping(land),
    }


def write_points(path: Path, rows: Iterable[Sequence[object]]) -> Path:
    """Write service points: key, kind, name, longitude, latitude and compound of each."""
    with path.open("w", encoding="utf-8", newline="") as sink:
        writer = csv.writer(sink)
        writer.writerow(("key", "kind", "name", "lon", "lat", "compound"))
        writer.writerows(rows)
    return path


def mapped_points(
    data: Path, kinds: dict[str, str], *, prefix: str
) -> list[tuple[str, str, str, float, float, str]]:
    """Return the points of a derived file whose amenity or shop is of a kind."""
    rows = {}
    for feature in features(data / "derived" / f"{prefix}_pois.geojson"):
        told = feature["properties"]
        kind = kinds.get(told["amenity"] or told["shop"] or "")
        if kind is not None:
            key = f"{told['osm_id']}{'a' if told['from_area'] else ''}"
            lon, lat = feature["geometry"]["coordinates"]
            rows[key] = (key, kind, told["name"] or kind, lon, lat, "")
    return list(rows.values())


def extract_points(path: Path, kinds: dict[str, str]) -> list[tuple[str, str, str, float, float]]:
    """Return the nodes of an extract with a tag, such as ``barrier=gate``, that is of a kind."""
    tags = [tuple(tag.split("=", 1)) for tag in kinds]
    rows = []
    wanted = osmium.filter.TagFilter(*((key, value) for key, value in tags))
    for node in osmium.FileProcessor(str(path), osmium.osm.NODE).with_filter(wanted):
        if isinstance(node, osmium.osm.Node):
            kind = next(kinds[f"{k}={v}"] for k, v in tags if node.tags.get(k) == v)
            name = node.tags.get("name") or kind
            rows.append((f"n{node.id}", kind, name, node.location.lon, node.location.lat))
    return rows


def liechtenstein(data: Path, room: Path) -> Files:
    """Eleven communes and every building; service points are those of the map."""
    kinds = {"school": "school", "hospital": "clinic", "pharmacy": "clinic", "police": "police"}
    derived, columns = data / "derived", ("--columns", "code=osm_id,name=name")
    return Files(
        "country commune",
        (
            Layer("country", derived / "liechtenstein_admin2.geojson", columns),
            Layer("commune", derived / "liechtenstein_admin8.geojson", columns),
        ),
        derived / "liechtenstein_buildings.geojson",
        (),
        write_points(room / "f.csv", mapped_points(data, kinds, prefix="liechtenstein")),
    )


def haidian(data: Path, room: Path) -> Files:
    """Campus and compounds in Haidian: the district is in GCJ-02, the rest in WGS 84.

    Of two compounds that claim the same 14 m2 the second loses them, and one beyond the district's
    border is left out. Gates are those of the map.
    """
    border = json.loads((data / "b_china/beijing_gcj02/110108.json").read_text("utf-8"))
    district = write_features(room / "district.geojson", [unit("110108", "海淀区", shape(border))])
    compounds: dict[str, tuple[str, BaseGeometry]] = {}
    for feature in features(data / "derived" / "beijing_haidian_compounds.geojson"):
        told, land = feature["properties"], shape(feature["geometry"])
        if told["name"] == "学士居":
            continue
        for _, other in compounds.values():
            land = land.difference(other)
        compounds[told["osm_way_id"]] = (told["name"] or "无名小区", land)
    layer = write_features(
        room / "compounds.geojson",
        (unit(code, name, land) for code, (name, land) in compounds.items()),
    )
    kinds = {"school": "school", "kindergarten": "kindergarten", "hospital": "clinic"}
    kinds |= {"pharmacy": "pharmacy", "supermarket": "shop", "convenience": "shop"}
    points: list[Sequence[object]] = [*mapped_points(data, kinds, prefix="beijing_haidian")]
    gates = {"barrier=gate": "gate", "barrier=lift_gate": "gate"}
    for row in extract_points(data / "c_networks" / "beijing_haidian.osm", gates):
        away, code = min(
            (land.boundary.distance(shapely.Point(row[3:])), code)
            for code, (_, land) in compounds.items()
        )
        if away * DEGREE_M < GATE_M:
            points.append((*row, code))
    return Files(
        "district ~compound",
        (
            Layer("district", district, ("--datum", "GCJ02")),
            Layer("compound", layer, ("--datum", "WGS84")),
        ),
        data / "derived" / "beijing_haidian_buildings.geojson",
        (),
        write_points(room / "f.csv", points),
    )


def helsinki(data: Path, room: Path) -> Files:
    """Cells of 250 m with the people who live there, each at its middle."""
    import pyogrio  # noqa: PLC0415 - only here

    source = data / "b_hierarchy" / "helsinki_population_grid_2020.gpkg"
    _, _, wkb, (codes, people) = pyogrio.raw.read(source)
    cells = shapely.from_wkb(wkb)
    # In one cell amid the others nobody lives, and it is not there: filled, the land is whole.
    land = shapely.MultiPolygon(
        [shapely.Polygon(part.exterior) for part in shapely.get_parts(shapely.union_all(cells))]
    )
    outline = write_features(room / "district.geojson", [unit("091", "Helsinki", land)])
    homes = room / "homes.csv"
    with homes.open("w", encoding="utf-8", newline="") as sink:
        writer = csv.writer(sink)
        writer.writerow(("key", "lon", "lat", "households", "people"))
        for code, cell, count in zip(codes, cells, people, strict=True):
            writer.writerow((code, cell.centroid.x, cell.centroid.y, 1, count))
    kinds = {"amenity=pharmacy": "pharmacy", "shop=supermarket": "shop", "shop=convenience": "shop"}
    points = extract_points(data / "c_networks" / "helsinki.osm.pbf", kinds)
    return Files(
        "district",
        (Layer("district", outline),),
        homes,
        (),
        write_points(room / "f.csv", ((*row, "") for row in points)),
    )


def sao_paulo(data: Path, room: Path) -> Files:
    """Hexagons with the people who live there; a school stands in the middle of its hexagon."""
    with (data / "c_networks" / "sao_paulo_hexgrid.csv").open(encoding="utf-8", newline="") as rows:
        hexagons = list(csv.DictReader(rows))
    places = [(float(row["lon"]), float(row["lat"])) for row in hexagons]
    outline = shapely.MultiPoint(places).convex_hull.buffer(0.003)
    schools = (
        (row["id"], "school", "escola", row["lon"], row["lat"], "")
        for row in hexagons
        if int(row["schools"])
    )
    return Files(
        "district",
        (
            Layer(
                "district",
                write_features(room / "district.geojson", [unit("SP", "Centro", outline)]),
            ),
        ),
        data / "c_networks" / "sao_paulo_hexgrid.csv",
        ("--columns", "key=id,people=population"),
        write_points(room / "f.csv", schools),
    )


PLACES = (
    Place(
        "Liechtenstein",
        "liechtenstein.osm.pbf",
        "8,994 buildings",
        liechtenstein,
        (Ask("school", 1000, 15), Ask("clinic", 1000, 15), Ask("police", 1000, 15)),
        "commune",
    ),
    Place(
        "Beijing, Haidian",
        "beijing_haidian.osm",
        "257 buildings",
        haidian,
        (
            Ask("shop", 300, 5),
            Ask("shop", 500, 10),
            Ask("kindergarten", 300, 5),
            Ask("kindergarten", 500, 10),
            Ask("clinic", 1000, 15),
        ),
        "compound",
    ),
    Place(
        "Helsinki, centre",
        "helsinki.osm.pbf",
        "92 cells of 250 m",
        helsinki,
        (Ask("shop", 300, 5), Ask("shop", 500, 10), Ask("pharmacy", 1000, 15)),
        "district",
    ),
    Place(
        "São Paulo, centre",
        "sao_paulo.osm.pbf",
        "324 hexagons",
        sao_paulo,
        (Ask("school", 300, 5), Ask("school", 500, 10), Ask("school", 1000, 15)),
        "district",
    ),
)


# --- what is asked ------------------------------------------------------------------------------


def levels_toml(levels: str) -> str:
    """Return the levels of a place as TOML."""
    text, parent = "", None
    for word in levels.split():
        key = word.removeprefix("~")
        text += f'[[level]]\nkey = "{key}"\n'
        text += f'parent = "{parent}"\n' if parent else ""
        text += 'tiling = "DISJOINT"\n' if word != key else ""
        parent = key
    return text


def load_place(
    program: Wangge, place: Place, data: Path, room: Path
) -> tuple[dict[str, Any], float]:
    """Load a place; return what was said of its streets, and how many seconds these took."""
    files = place.prepare(data, room)
    levels = room / "levels.toml"
    levels.write_text(levels_toml(files.levels), "utf-8")
    program.ask("load", "levels", levels)
    for layer in files.layers:
        program.publish(layer.level, layer.file, *layer.options)
    program.ask("load", "addresses", files.addresses, *files.address_options)
    program.ask("load", "facilities", files.facilities, "--new-kinds")
    began = time.monotonic()
    network = program.ask("load", "streets", data / "c_networks" / place.streets)
    return network, time.monotonic() - began


def ask_place(program: Wangge, place: Place, ask: Ask, *options: object) -> dict[str, Any]:
    """Ask who can walk to a kind of service point."""
    found: dict[str, Any] = program.ask(
        "circles",
        "--kinds",
        ask.kind,
        "--metres",
        ask.metres,
        "--by",
        place.by,
        "--first",
        1000,
        *options,
    )
    return found


def walk_place(program: Wangge, place: Place, data: Path, room: Path) -> Walked:
    """Load a place and ask all that is asked of it."""
    network, seconds = load_place(program, place, data, room)
    return Walked(network, seconds, {ask: ask_place(program, place, ask) for ask in place.asks})


# --- the tables ---------------------------------------------------------------------------------


def percent(share: float | None) -> str:
    """Return a share as people read it."""
    return "" if share is None else f"{100 * share:.1f} %"


def network_row(place: Place, walked: Walked) -> list[str]:
    """Return what is told of a place's streets."""
    told = walked.network
    (part,) = told["files"]
    left_out = sum(row["wayCount"] for row in part["leftOut"])
    return [
        place.name,
        f"{part['taken']:,} / {left_out:,}",
        f"{told['nodeCount']:,}",
        f"{told['edgeCount']:,}",
        f"{told['lengthM'] / 1000:,.1f}",
        f"{told['pieceCount']:,}",
        percent(told["largestShare"]),
        f"{walked.seconds:.1f}",
    ]


def circle_rows(place: Place, walked: Walked) -> list[list[str]]:
    """Return what is told of who can walk where."""
    rows = []
    for ask, found in walked.found.items():
        count = "people" if found["total"]["people"] else "households"
        inside, total = found["inside"][count], found["total"][count]
        rows.append(
            [
                place.name,
                f"{ask.kind} ({found['facilityCount']})",
                f"{ask.minutes} min, {ask.metres:,} m",
                f"{inside:,} of {total:,} {count}",
                percent(inside / total),
                f"{found['offStreets']['addresses']:,}",
                f"{found['cutOff']['addresses']:,}",
            ]
        )
    return rows


def commune_rows(walked: Walked) -> list[list[str]]:
    """Return the communes of Liechtenstein by name, with the share of each question."""
    rows: dict[str, list[str]] = {}
    for found in walked.found.values():
        for one in found["byUnit"]["nodes"]:
            row = rows.setdefault(
                one["unit"]["name"], [one["unit"]["name"], f"{one['total']['households']:,}"]
            )
            row.append(percent(one["share"]))
    return [rows[name] for name in sorted(rows)]


NETWORKS = (
    "place",
    "ways taken / left out",
    "nodes",
    "edges",
    "km",
    "pieces",
    "largest piece",
    "load, s",
)
CIRCLES = ("place", "to (how many)", "walk", "inside", "share", "on no street", "cut off")
COMMUNES = ("commune", "buildings", "school", "hospital or pharmacy", "police")


def main() -> None:
    """Load all places, and write the page's tables."""
    data = folder_given()
    walked = {}
    for place in PLACES:
        with tempfile.TemporaryDirectory(prefix="wangge-places-", dir="/tmp") as folder:
            room = Path(folder)
            room.chmod(0o755)
            with Cluster(room / "data", durable=False) as cluster:
                upgrade(cluster.url())
                program = Wangge(cluster.url(), apart=True)
                walked[place] = walk_place(program, place, data, room)
    networks = markdown(NETWORKS, [network_row(place, one) for place, one in walked.items()])
    circles = markdown(
        CIRCLES, [r for place, one in walked.items() for r in circle_rows(place, one)]
    )
    communes = markdown(COMMUNES, commune_rows(walked[PLACES[0]]))
    write_between("networks", networks, page=PAGE)
    write_between("places", circles, page=PAGE)
    write_between("communes", communes, page=PAGE)


if __name__ == "__main__":
    main()
