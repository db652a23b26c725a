"""What a repair moved and what it left, as tables, JSON and files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from geo.errors import BadInputError
from service.cli.output import table
from service.cli.reporting import SHOWN
from sources.copying import write_table
from sources.writing import KNOWN_SUFFIXES, check_target, write_features

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rich.console import RenderableType

    from geo.repair import Left
    from resolvers.repairing import Moved

CSV = ".csv"
"""A list of moves with this suffix is a table; with any other known one it is a map layer."""


def check_moves_target(path: Path) -> None:
    """Refuse a place where no list of moves can be written, before any work is done for it.

    Raises
    ------
    BadInputError
        If the name says no known format, or there is no such folder.
    """
    if path.suffix.lower() != CSV:
        check_target(path)
    elif path.is_dir() or not path.parent.is_dir():
        raise BadInputError(
            f"{path} cannot be written: {path.parent} is no folder, or it is one itself; "
            f"name a file that ends in {CSV} or {', '.join(KNOWN_SUFFIXES)}",
            argument="moves",
        )


def moves_table(moved: Sequence[Moved], *, counted: bool) -> RenderableType | None:
    """Return what moved, largest first; None where nothing did.

    Parameters
    ----------
    counted
        Whether addresses were there to count households from.
    """
    if not moved:
        return None
    shown = f", the {SHOWN} largest" if len(moved) > SHOWN else ""
    return table(
        ["from", "to", "m2", "m wide", "pieces", "households"],
        [
            [
                ", ".join(one.move.givers) or "nobody",
                one.move.taker or "nobody",
                one.move.area_m2,
                one.move.width_m,
                one.move.pieces,
                one.households if counted else None,
            ]
            for one in moved[:SHOWN]
        ],
        title=f"{len(moved)} move(s){shown}",
    )


def left_table(left: Sequence[Left]) -> RenderableType | None:
    """Return what stays and why; None where nothing does."""
    if not left:
        return None
    shown = f", the {SHOWN} largest" if len(left) > SHOWN else ""
    return table(
        ["finding", "what", "why it stays"],
        [
            [stays.finding.kind.value, stays.finding.message, stays.message]
            for stays in left[:SHOWN]
        ],
        title=f"{len(left)} finding(s) stay{shown}",
    )


def moves_json(moved: Sequence[Moved]) -> list[dict[str, Any]]:  # free JSON
    """Return what moved, with the names that the tables have."""
    return [
        {
            "from": list(one.move.givers),
            "to": one.move.taker,
            "areaM2": one.move.area_m2,
            "widthM": one.move.width_m,
            "pieces": one.move.pieces,
            "households": one.households,
            "finding": one.move.finding,
        }
        for one in moved
    ]


def left_json(left: Sequence[Left]) -> list[dict[str, Any]]:  # free JSON
    """Return what stays and why."""
    return [
        {"finding": stays.finding.id, "reason": stays.reason.value, "message": stays.message}
        for stays in left
    ]


def write_moves(path: Path, moved: Sequence[Moved]) -> None:
    """Write the list of what moved, by the file's name as a table or as a map layer."""
    lands = np.empty(len(moved), object)
    lands[:] = [one.move.land for one in moved]
    columns: dict[str, list[Any]] = {  # cells of any type that a table holds
        "from": [" ".join(one.move.givers) for one in moved],
        "to": [one.move.taker or "" for one in moved],
        "area_m2": [one.move.area_m2 for one in moved],
        "width_m": [one.move.width_m for one in moved],
        "pieces": [one.move.pieces for one in moved],
        "households": [one.households for one in moved],
        "finding": [one.move.finding or "" for one in moved],
    }
    if path.suffix.lower() != CSV:
        write_features(path, "moves", lands, columns)
        return
    middles = shapely.get_coordinates(shapely.point_on_surface(lands))
    columns |= {"lon": middles[:, 0].round(7).tolist(), "lat": middles[:, 1].round(7).tolist()}
    write_table(path, columns)
