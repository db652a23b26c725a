"""How commands say walks, shares and counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from geo.headcount import Count
    from geo.pace import WalkRow

_PER_CENT = 100


def walk_json(walk: WalkRow) -> dict[str, Any]:  # free JSON
    """Return how it was walked as the API's WalkUsed."""
    return {
        "minutes": walk.minutes,
        "speedKmh": walk.speed_kmh,
        "metres": walk.metres,
        "basis": walk.basis.value,
        "networkVersion": walk.network_version,
    }


def tally_json(count: Count) -> dict[str, Any]:  # free JSON
    """Return a count as the API's Tally."""
    return {
        "addresses": count.addresses,
        "households": count.households,
        "people": count.people,
        "groups": [{"group": key, "people": count.groups[key]} for key in sorted(count.groups)],
    }


def walk_text(walk: WalkRow) -> str:
    """Say how it was walked."""
    by_air = walk.network_version is None
    way = "as the crow flies (no streets are loaded)" if by_air else "along streets"
    return f"{walk.minutes} minutes at {walk.speed_kmh:g} km/h ({walk.metres:,.0f} m) {way}"


def share_text(share: float | None) -> str:
    """Say a share in per cent; a share that is not whole is never rounded to all or nothing."""
    if share is None:
        return "-"
    rounded = f"{_PER_CENT * share:.1f}"
    if rounded == "100.0" and share < 1:
        rounded = "99.9"
    elif rounded == "0.0" and share > 0:
        rounded = "0.1"
    return f"{rounded} %"


def minutes_text(seconds: float | None) -> str:
    """Say seconds in minutes."""
    return f"{seconds / 60:.1f}" if seconds is not None else "-"
