"""Assignments that are left without a unit, as tables and JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from resolvers.orphans_told import label
from service.cli.circle_words import share_text
from service.cli.output import table, together

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from resolvers.orphans_told import Named, Orphan

ORPHANS_SHOWN = 10
"""How many of them a terminal shows; ``--json`` has them all."""


def orphans_json(found: Sequence[Orphan]) -> dict[str, Any]:  # free JSON
    """Return them with their successors, as the API's OrphanConnection."""
    return {"nodes": [_orphan_json(one) for one in found], "totalCount": len(found)}


def _orphan_json(one: Orphan) -> dict[str, Any]:  # free JSON
    row = one.row
    return {
        "assignment": {
            "duty": {"key": row.duty, "name": one.duty},
            "body": {"key": row.body, "name": one.body},
            "since": row.since.isoformat(),
            "until": row.until.isoformat() if row.until is not None else None,
            "post": row.post,
        },
        "unit": {"level": {"key": row.level}, "code": row.code, "name": one.unit},
        "goneOn": one.gone_on.isoformat() if one.gone_on is not None else None,
        "successors": [
            {
                "unit": {"code": to.gets.code, "name": to.name},
                "households": to.gets.households,
                "householdShare": to.gets.household_share,
                "areaM2": to.gets.area_m2,
                "areaShare": to.gets.area_share,
            }
            for to in one.successors
        ],
    }


def show_orphans(
    found: Sequence[Orphan],
    *,
    happened: bool = False,
    shown: int | None = ORPHANS_SHOWN,
    hint: bool = True,
) -> RenderableType | None:
    """Return a table of the first of them, and what to do about them; None for none.

    Parameters
    ----------
    happened
        Whether they are without a unit already, or would only be.
    shown
        How many are listed; None for all.
    hint
        Whether to say what can be done.
    """
    if not found:
        return None
    listed = found[:shown]
    cut = f", the first {len(listed)}" if len(listed) < len(found) else ""
    return together(
        table(
            ["unit", "duty", "carried by", "proposed successor"],
            [
                [label(one.row.code, one.unit), one.duty, _who(one), _successor(one.successors)]
                for one in listed
            ],
            title=f"{say_orphans(len(found), happened=happened)}{cut}",
        ),
        _what_now(happened=happened) if hint else None,
    )


def say_orphans(count: int, *, happened: bool) -> str:
    """Say how many there are."""
    things = "assignment" if count == 1 else "assignments"
    left = ("is" if count == 1 else "are") if happened else "would be"
    return f"{count:,} {things} {left} left without a unit"


def _what_now(*, happened: bool) -> str:
    if not happened:
        return "publishing moves none of them; `wangge orphans` lists them afterwards"
    return (
        "none of them is moved by itself: `wangge orphans --csv FILE` writes what is "
        "proposed, for you to correct and for `wangge load assignments FILE`"
    )


def _who(one: Orphan) -> str:
    post = f", {one.row.post}" if one.row.post is not None else ""
    return f"{one.body} ({one.row.body}){post}" if one.body else f"{one.row.body}{post}"


def _successor(successors: Sequence[Named]) -> str | None:
    """Name the best successor, and how much of the unit it receives."""
    if not successors:
        return None
    best = successors[0]
    of_homes = best.gets.household_share is not None
    share = best.gets.household_share if of_homes else best.gets.area_share
    what = "households" if of_homes else "land"
    return f"{label(best.gets.code, best.name)}: {share_text(share)} of the {what}"
