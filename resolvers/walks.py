"""How a circle is walked: as asked, else as promised, else as is usual here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geo.errors import NoNetworkError
from geo.pace import (
    PRESETS,
    Basis,
    Preset,
    Promise,
    WalkAsked,
    WalkDefaults,
    WalkRow,
    in_steps,
    length_of,
)
from storage import streets

if TYPE_CHECKING:
    from resolvers.context import Context
    from storage.streets import NetworkRow

__all__ = [
    "PRESETS",
    "Basis",
    "Preset",
    "Promise",
    "WalkAsked",
    "WalkDefaults",
    "WalkRow",
    "in_steps",
    "network_row",
    "walk_used",
]


async def walk_used(
    context: Context, walk: WalkAsked | None, programme: Promise | None = None
) -> WalkRow:
    """Return how a circle is walked: as asked, else as promised, else as is usual here.

    Parameters
    ----------
    walk
        What is asked for.
    programme
        What it is asked of, if that is a programme.

    Raises
    ------
    BadInputError
        If minutes, speed or metres are out of bounds; the argument is named.
    NoNetworkError
        If streets are asked for, and none are loaded.
    """
    asked = walk or WalkAsked()
    newest = await network_row(context)
    version = newest.version if newest is not None else None
    minutes, speed_kmh, metres = length_of(asked, programme, context.shared.walk)
    if asked.basis is Basis.NETWORK and version is None:
        raise NoNetworkError(
            "no street network is loaded: load one by `wangge load streets`, or ask for the basis "
            "RADIUS",
            argument="walk.basis",
            options=[Basis.RADIUS.value],
        )
    wished = asked.basis or (Basis(programme.basis) if programme and programme.basis else None)
    by_air = version is None or wished is Basis.RADIUS
    if by_air:
        return WalkRow(minutes, speed_kmh, metres, Basis.RADIUS, None)
    return WalkRow(minutes, speed_kmh, metres, Basis.NETWORK, version)


async def network_row(context: Context) -> NetworkRow | None:
    """Return the network that is in use; None without any."""
    return await context.once("network", lambda: context.ask(streets.newest))
