"""Units in an edition or in a draft: by name, below, above, in pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import shapely

from geo.crs import Datum, LocalMetric
from geo.errors import BadInputError, TooCostlyError, UnknownError
from geo.levels import Tiling
from geo.simplify import simplify_level
from resolvers.paging import Page, check_length, take
from resolvers.shapes import areas_of_box
from storage import drafts_reading, families, proofs, units
from storage.engine import as_geoms
from storage.units import UnitFilter, UnitRow, Wanted

if TYPE_CHECKING:
    import asyncio  # noqa: F401 - named in a docstring
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from resolvers.context import Context, State
    from resolvers.tree import Tree
    from storage.drafts_reading import DraftRow

Key = tuple[str, str]
"""Level and code."""

MAX_SIMPLIFIED = 200_000
"""The most units of a level that are simplified together."""

MAX_TOLERANCE_M = 100_000.0


class UnitRef(NamedTuple):
    """A unit's lasting name."""

    level: str
    code: str


@dataclass(frozen=True)
class UnitQuestion:
    """Which units of a level are asked for, as the caller says it."""

    level: str
    within: UnitRef | None = None
    codes: Sequence[str] | None = None
    bbox: Sequence[float] | None = None
    datum: Datum = Datum.WGS84
    search: str | None = None
    properties: Any = None  # any JSON value; only an object can be meant
