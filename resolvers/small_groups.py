"""Groups of people where they would tell of one home: so few, or on ground that the asker chose."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.keys import Role

if TYPE_CHECKING:
    from collections.abc import Collection

    from geo.headcount import Count
    from resolvers.context import Context

FEWEST = 3
"""Fewer people of a group at one single address are told to editors only."""


def telling_groups(*parts: Count) -> frozenset[str]:
    """Return the groups of which parts of a whole would tell of one home.

    Parameters
    ----------
    parts
        All parts of a whole, which is told, too: whoever knows the others knows the last one.
    """
    return frozenset(
        group
        for part in parts
        if part.addresses == 1
        for group, people in part.groups.items()
        if people < FEWEST
    )


async def shown_groups(
    context: Context, counted: Count, telling: Collection[str] = (), *, chosen: bool = False
) -> dict[str, int]:
    """Return the people of a count by group, as far as the asker may know.

    Parameters
    ----------
    telling
        Groups that would tell of a home; see :func:`telling_groups`.
    chosen
        Whether the asker chose the ground, as with a circle around any point.

    Who may only read is not told of one or two people of a group at a single address: that would
    say of a home that somebody old lives there alone. Groups without anybody are left out with
    them, or their absence would tell as much. On ground of one's own choosing no group is told:
    two circles of which one is a metre wider differ by one home, however many each of them holds.
    """
    if chosen:
        return counted.groups if await knows_homes(context) else {}
    hidden = telling_groups(counted).union(telling)
    if not hidden or await knows_homes(context):
        return counted.groups
    return {group: people for group, people in counted.groups.items() if group not in hidden}


async def knows_homes(context: Context) -> bool:
    """Return whether the asker may know what people live at a single address."""
    who = await context.principal()
    return who is not None and who.role.includes(Role.EDITOR)
