"""Degrees, metres and CGCS2000 zones: with ``geo.datums`` the only place that converts.

Everywhere else coordinates are x, y: longitude, latitude in degrees of WGS 84 outside, metres
inside. PROJ never looks at the network here, so the same file gives the same bytes anywhere.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Self

import numpy as np
import pyproj
import shapely
from pyproj.aoi import AreaOfInterest
from pyproj.crs import CRS
from pyproj.enums import TransformDirection
from pyproj.exceptions import ProjError
from pyproj.network import set_network_enabled  # type: ignore[attr-defined]  # documented so
from pyproj.transformer import Transformer

from geo.datums import Datum, convert
from geo.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

set_network_enabled(active=False)  # a grid fetched today would move tomorrow's map

__all__ = [
    "Datum",
    "LocalMetric",
    "Plane",
    "agrees_with_wgs84",
    "convert",
    "crs_label",
    "datum_name",
    "of_own_degrees",
    "own_degrees",
    "parse_crs",
    "round9",
]

GRID_DEG = 1e-9
"""All stored degrees are multiples of this: 0.1 mm, and exact in a double's decimal form."""

WGS84 = "EPSG:4326"

FLAT = 2
"""Axes of a CRS without heights."""

SAME_AS_WGS84 = frozenset(
    {
        "China 2000",
        "North American Datum 1983",
        "World Geodetic System 1984",
        "World Geodetic System 1984 ensemble",
    }
)
"""Datums whose degrees are taken for WGS 84 degrees as they are.

CGCS2000 agrees with WGS 84 within decimetres, NAD 83 within one or two metres; PROJ would answer
the same without its grids, but only for as long as no grid is installed.
"""

AIM_DEG = 1e-12
MAX_AIMS = 4
"""How near the way back from degrees comes to the point it started from, and in how many steps."""

POLE_DEG = 89.9
"""Nearer to a pole areas are PROJ's: the projection's centre needs other formulas there."""

METRIC_ENOUGH = 1e-3
"""A plane whose metre is a metre on the ground within this share is used as it is, unscaled."""


def round9(xy: ArrayLike) -> NDArray[np.float64]:
    """Round degrees to ``GRID_DEG``, and -0.0 to 0.0.

    Notes
    -----
    A whole number below 2^53 is divided by 1e9, so the result is the double nearest to the
    decimal: printed with 9 decimals and read again it is the same, and rounding twice is once.
    """
    return np.asarray(np.round(np.asarray(xy, dtype=np.float64), 9) + 0.0)


def round9_one(degrees: float) -> float:
    """Round one finite number as :func:`round9` does many."""
    return round(degrees * 1e9) / 1e9 + 0.0


def parse_crs(text: str | CRS) -> CRS:
    """Return the horizontal CRS that a code, WKT or PROJ string names.

    Raises
    ------
    BadInputError
        If there is no such CRS, or none that lies on the Earth.
    """
    try:
        crs = CRS.from_user_input(int(text) if isinstance(text, str) and text.isdigit() else text)
        if crs.geodetic_crs is None:
            raise BadInputError(
                f"the coordinate system {crs.name!r} has no place on the Earth; name one that has, "
                "e.g. EPSG:4490",
                argument="crs",
            )
        if "PARAMETERFILE[" in crs.to_wkt():  # PROJ would open any file that a sender names
            raise BadInputError(
                f"the coordinate system {crs.name!r} names a grid file, which is not opened; name "
                "a system that is known without one, e.g. EPSG:4490",
                argument="crs",
            )
        # Flattening forgets under which code the CRS is known.
        return crs if len(crs.axis_info) == FLAT else crs.to_2d()
    except ProjError as error:
        short = str(text) if len(str(text)) <= 60 else f"{str(text)[:60]}…"  # noqa: PLR2004 - a line
        raise BadInputError(
            f"the coordinate system {short!r} is not known; name it as e.g. EPSG:4490",
            argument="crs",
        ) from error


def crs_label(crs: CRS) -> str:
    """Return ``EPSG:4523`` where the CRS has a code of an authority, else its WKT.

    Notes
    -----
    A code that PROJ only guesses (a Shapefile's .prj seldom carries one) is taken when datum and
    places agree: names differ in spelling more often than in meaning.
    """
    exact = crs.to_authority(None, 100)
    if exact is not None:
        return ":".join(exact)
    guess = crs.to_authority()
    if guess is not None and _same_ground(crs, CRS.from_authority(*guess)):
        return ":".join(guess)
    return crs.to_wkt()


def agrees_with_wgs84(crs: CRS) -> bool:
    """Return whether a CRS's degrees are taken for WGS 84 degrees as they are."""
    return not crs.is_bound and datum_name(crs) in SAME_AS_WGS84


def own_degrees(crs: CRS, xy: ArrayLike) -> NDArray[np.float64]:
    """Return where coordinates of a CRS lie, in degrees, shape (n, 2); infinite for nowhere.

    The change of its datum to WGS 84 is left out: some hundred metres at most.
    """
    return _apply(_geodetic(crs.to_wkt()), xy, TransformDirection.FORWARD)


def of_own_degrees(crs: CRS, lonlat: ArrayLike) -> NDArray[np.float64]:
    """Return the coordinates that ``own_degrees`` takes to degrees, both of shape (n, 2)."""
    return _apply(_geodetic(crs.to_wkt()), lonlat, TransformDirection.INVERSE)


@dataclass(frozen=True)
class LocalMetric:
    """Metres around one place: the Lambert azimuthal equal-area projection centred there.

    Areas are true; lengths are within 1e-5 of the truth up to 50 km from the centre.

    Attributes
    ----------
    lon0, lat0
        The centre, in degrees of WGS 84.
    """

    lon0: float
    lat0: float

    @classmethod
    def around(cls, bounds: Sequence[float]) -> Self:
        """Return the projection centred on west, south, east, north (degrees)."""
        west, south, east, north = bounds
        return cls(round((west + east) / 2, 6), round((south + north) / 2, 6))

    def forward(self, lonlat: ArrayLike) -> NDArray[np.float64]:
        """Return metres of degrees, both of shape (n, 2)."""
        return _apply(_laea(self.lon0, self.lat0), lonlat, TransformDirection.FORWARD)

    def inverse(self, xy: ArrayLike) -> NDArray[np.float64]:
        """Return degrees of metres, both of shape (n, 2)."""
        return _apply(_laea(self.lon0, self.lat0), xy, TransformDirection.INVERSE)

    def project(self, geoms: NDArray[np.object_]) -> NDArray[np.object_]:
        """Return geometries in metres, shape (n,); None stays None, z and m are left behind."""
        return np.asarray(shapely.transform(np.asarray(geoms, dtype=object), self.forward))

    def unproject(self, geoms: NDArray[np.object_]) -> NDArray[np.object_]:
        """Return geometries in degrees, shape (n,); the inverse of ``project``."""
        return np.asarray(shapely.transform(np.asarray(geoms, dtype=object), self.inverse))

    def area_m2(self, geoms: NDArray[np.object_]) -> NDArray[np.float64]:
        """Return the land of geometries in degrees, square metres, shape (n,); 0 where None."""
        if _are_polygons(geoms):
            return self.area_of_wkb(list(shapely.to_wkb(geoms, output_dimension=2, byte_order=1)))
        return self._projected_area_m2(geoms)

    def area_of_wkb(self, wkbs: Sequence[bytes | None]) -> NDArray[np.float64]:
        """Return the same of polygons as :func:`geo.wkb.to_wkb` gives them; none may be missing."""
        if abs(self.lat0) > POLE_DEG:
            return self._projected_area_m2(np.asarray(shapely.from_wkb(wkbs)))
        # Numba takes a while to load, and who only reads files does without it.
        from geo.areas import areas_of_wkb  # noqa: PLC0415

        return areas_of_wkb(wkbs, self.lon0, self.lat0)

    def _projected_area_m2(self, geoms: NDArray[np.object_]) -> NDArray[np.float64]:
        return np.nan_to_num(np.asarray(shapely.area(self.project(geoms)), dtype=np.float64))


@dataclass(frozen=True)
class Plane:
    """A file's own coordinates, scaled so that distances near a centre are metres on the ground.

    Straight edges of the file stay straight, which degrees of another CRS would not keep.

    Attributes
    ----------
    crs
        Label of the file's CRS.
    datum
        What the file's degrees refer to.
    scale
        Metres on the ground a unit of x, and of y.
    operation
        The PROJ operation from file coordinates to degrees of WGS 84; empty for none.
    accuracy_m
        How far that operation may be off; None when PROJ knows of no better than a guess.
    """

    crs: str
    datum: Datum
    scale: tuple[float, float]
    operation: str
    accuracy_m: float | None

    @classmethod
    def of(cls, crs: str | CRS, place: Sequence[float], *, datum: Datum = Datum.WGS84) -> Self:
        """Build the plane of a CRS around a place.

        Parameters
        ----------
        crs
            The file's CRS.
        place
            A centre (longitude, latitude) or bounds (west, south, east, north), in degrees.
        datum
            What the file's degrees refer to.

        Raises
        ------
        BadInputError
            If the CRS is not known, or does not reach to that place.
        """
        parsed = parse_crs(crs)
        lon, lat = (np.reshape(place, (-1, 2)).mean(axis=0)).tolist()  # of one corner or of two
        operation, accuracy_m = _operation(parsed.to_wkt(), round(lon, 1), round(lat, 1))
        bare = cls(crs_label(parsed), datum, (1.0, 1.0), operation, accuracy_m)
        return cls(bare.crs, datum, _ground_scale(bare, lon, lat), operation, accuracy_m)

    @classmethod
    def around(cls, crs: str | CRS, bounds: Sequence[float], *, datum: Datum = Datum.WGS84) -> Self:
        """Build the plane of a CRS around the bounds of a file, in the file's own coordinates."""
        parsed = parse_crs(crs)
        middle = [(bounds[0] + bounds[2]) / 2, (bounds[1] + bounds[3]) / 2]
        lon, lat = own_degrees(parsed, [middle])[0]
        if not (math.isfinite(lon) and math.isfinite(lat)):
            raise BadInputError(
                f"the coordinates around ({middle[0]:.10g}, {middle[1]:.10g}) do not belong to "
                f"{crs_label(parsed)}; name the file's coordinate system",
                argument="crs",
            )
        return cls.of(parsed, (float(lon), float(lat)), datum=datum)

    def from_file(self, xy: ArrayLike) -> NDArray[np.float64]:
        """Return plane metres of the file's coordinates, both of shape (n, 2)."""
        return np.asarray(np.asarray(xy, dtype=np.float64) * self.scale)

    def to_file(self, xy: ArrayLike) -> NDArray[np.float64]:
        """Return the file's coordinates of plane metres, both of shape (n, 2)."""
        return np.asarray(np.asarray(xy, dtype=np.float64) / self.scale)

    def from_lonlat(self, lonlat: ArrayLike) -> NDArray[np.float64]:
        """Return plane metres of degrees of WGS 84, both of shape (n, 2)."""
        return self.from_file(self._back(convert(lonlat, Datum.WGS84, self.datum)))

    def to_lonlat(self, xy: ArrayLike) -> NDArray[np.float64]:
        """Return degrees of WGS 84 of plane metres, both of shape (n, 2)."""
        return convert(self._forth(self.to_file(xy)), self.datum, Datum.WGS84)

    def _forth(self, xy: NDArray[np.float64]) -> NDArray[np.float64]:
        if not self.operation:
            return xy
        return _apply(_pipeline(self.operation), xy, TransformDirection.FORWARD)

    def _back(self, degrees: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the file's coordinates that ``_forth`` takes to the given degrees.

        PROJ's own inverse of a change of datum drops heights on the way and misses by a
        millimetre; aiming off by the miss mends that.
        """
        if not self.operation:
            return degrees
        pipeline, aim = _pipeline(self.operation), degrees
        xy = _apply(pipeline, aim, TransformDirection.INVERSE)
        for _ in range(MAX_AIMS):
            miss = degrees - self._forth(xy)
            if not np.any(np.abs(miss) > AIM_DEG):
                break
            aim = aim + miss
            xy = _apply(pipeline, aim, TransformDirection.INVERSE)
        return xy


def _are_polygons(geoms: NDArray[np.object_]) -> bool:
    kinds = shapely.get_type_id(geoms)
    return bool(
        np.isin(kinds, (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON)).all()
    )


def _apply(
    transformer: Transformer, points: ArrayLike, direction: TransformDirection
) -> NDArray[np.float64]:
    xy = np.asarray(points, dtype=np.float64).reshape(-1, 2)
    x, y = transformer.transform(xy[:, 0], xy[:, 1], direction=direction)
    return np.column_stack([x, y])


@lru_cache(maxsize=64)
def _laea(lon0: float, lat0: float) -> Transformer:
    return Transformer.from_pipeline(
        "+proj=pipeline +step +proj=unitconvert +xy_in=deg +xy_out=rad "
        f"+step +proj=laea +lon_0={lon0!r} +lat_0={lat0!r} +ellps=WGS84"
    )


@lru_cache(maxsize=64)
def _pipeline(operation: str) -> Transformer:
    return Transformer.from_pipeline(operation)


@lru_cache(maxsize=64)
def _geodetic(wkt: str) -> Transformer:
    """Return the conversion from a CRS to its own degrees, where possible with no datum change."""
    crs = CRS.from_wkt(wkt)
    own = crs.geodetic_crs
    plain = own is not None and _in_degrees(own) and _from_greenwich(own)
    return Transformer.from_crs(crs, own if plain else WGS84, always_xy=True)


@lru_cache(maxsize=64)
def _operation(wkt: str, lon: float, lat: float) -> tuple[str, float | None]:
    """Choose one operation for a whole file, and say how far it may be off, in metres.

    PROJ left alone chooses anew for each point, and so could tear a file along a seam.
    """
    crs = CRS.from_wkt(wkt)
    if agrees_with_wgs84(crs):
        if crs.is_geographic and _in_degrees(crs):
            return "", 0.0
        return _geodetic(wkt).definition, 0.0
    best = _best_operation(crs, lon, lat)
    return best.definition, best.accuracy if best.accuracy >= 0 else None


def _best_operation(crs: CRS, lon: float, lat: float) -> Transformer:
    """Return the operation to WGS 84 that PROJ uses at a place."""
    area = AreaOfInterest(max(lon - 0.1, -180), lat - 0.1, min(lon + 0.1, 180), lat + 0.1)
    chooser = Transformer.from_crs(
        crs,
        WGS84,
        always_xy=True,
        area_of_interest=area,  # type: ignore[arg-type]  # its stub names another class
    )
    x, y = _apply(_geodetic(crs.to_wkt()), [[lon, lat]], TransformDirection.INVERSE)[0]
    chooser.transform(x, y)
    try:
        return chooser.get_last_used_operation()
    except ProjError:
        return chooser  # it has one operation only


def datum_name(crs: CRS) -> str | None:
    """Return the name of a CRS's datum, as the register of EPSG spells it."""
    datum = crs.geodetic_crs.datum if crs.geodetic_crs else None
    return datum.name if datum else None


def _from_greenwich(crs: CRS) -> bool:
    return crs.prime_meridian is not None and crs.prime_meridian.longitude == 0


def _in_degrees(crs: CRS) -> bool:
    degree = math.radians(1.0)
    return all(
        math.isclose(axis.unit_conversion_factor, degree, rel_tol=1e-9) for axis in crs.axis_info
    )


def _same_ground(one: CRS, other: CRS) -> bool:
    """Return whether two CRSs have one datum and agree on its places within a millimetre."""
    area = other.area_of_use
    if area is None or datum_name(one) is None or datum_name(one) != datum_name(other):
        return False
    degrees = [[(area.west + area.east) / 2, (area.south + area.north) / 2], area.bounds[:2]]
    here = _apply(_geodetic(one.to_wkt()), degrees, TransformDirection.INVERSE)
    there = _apply(_geodetic(other.to_wkt()), degrees, TransformDirection.INVERSE)
    unit = 1e-8 if other.is_geographic else 1e-3
    return bool(np.all(np.abs(here - there) < unit))


def _ground_scale(plane: Plane, lon: float, lat: float) -> tuple[float, float]:
    """Measure how many metres on the ground a unit of x and of y is at a place."""
    place = np.array([[lon, lat], [lon + 1e-4, lat]])
    middle, beside = plane.from_lonlat(place)
    step = math.dist(middle, beside)
    if not (math.isfinite(step) and step > 0):
        raise BadInputError(
            f"{plane.crs} does not reach to longitude {lon:.6f}, latitude {lat:.6f}; "
            "name the file's coordinate system",
            argument="crs",
        )
    ends = middle + step * np.array([[-1.0, 0.0], [1.0, 0.0], [0.0, -1.0], [0.0, 1.0]])
    lons, lats = plane.to_lonlat(ends).T
    geod = pyproj.Geod(ellps="WGS84")
    _, _, metres = geod.inv(lons[::2], lats[::2], lons[1::2], lats[1::2])
    per_unit = np.asarray(metres) / (2 * step)
    if np.all(np.abs(per_unit - 1.0) < METRIC_ENOUGH):
        return 1.0, 1.0
    return float(per_unit[0]), float(per_unit[1])
