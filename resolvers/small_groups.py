"""Groups of people where they would tell of one home: so few, or on ground that the asker chose."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage import lone_homes
from storage.keys import Role

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from geo.headcount import Count
    from resolvers.context import Context, State

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


async def groups_of_units(
    context: Context, keys: Sequence[tuple[State, int, tuple[tuple[str, int], ...]]]
) -> dict[tuple[State, int, tuple[tuple[str, int], ...]], dict[str, int]]:
    """Return the people of units by group, as far as the asker may know: see ``shown_groups``.

    Parameters
    ----------
    keys
        Each unit's state, its row, and the people of each group in it.

    Notes
    -----
    Units without a small group need no question, nor do those of drafts, which editors see.
    """
    found = {key: dict(key[2]) for key in keys}
    small = [key for key in keys if any(people < FEWEST for _, people in key[2])]
    if not small or await knows_homes(context):
        return found
    for edition in {state.edition for state, _, _ in small if not state.drafts}:
        if edition is not None:
            rows = {row for state, row, _ in small if state == (edition, ())}
            lone = await context.ask(lone_homes.lone, edition, rows)
            for key in small:
                if key[0] == (edition, ()) and key[1] in lone:
                    found[key] = {g: n for g, n in key[2] if n >= FEWEST}
    return found


async def knows_homes(context: Context) -> bool:
    """Return whether the asker may know what people live at a single address."""
    who = await context.principal()
    return who is not None and who.role.includes(Role.EDITOR)
