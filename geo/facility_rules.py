"""Rules that service points of a kind should keep: a small closed set of names with a meaning.

=================== ==========================================================
``AREA_MIN_60``     at least 60 m2 of floor
``ROOM_MEETING``    a room of that name, ``meeting``
``ROOMS_MIN_3``     at least three rooms
``HOURS_MIN_40``    open for at least 40 hours in a week
``OPEN_WEEKENDS``   open at some time on Saturday and on Sunday
=================== ==========================================================

What is not known of a service point keeps no rule.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from geo.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

WEEK_H = 168
"""Hours of a week."""

MAX_RULE = 100
"""The longest name of a rule, in characters."""

FORMS = ("AREA_MIN_<m2>", "ROOM_<NAME>", "ROOMS_MIN_<n>", "HOURS_MIN_<hours>", "OPEN_WEEKENDS")
"""How rules are written, for messages."""


class RuleKind(Enum):
    """What a rule is about."""

    AREA_MIN = "AREA_MIN"
    ROOM = "ROOM"
    ROOMS_MIN = "ROOMS_MIN"
    HOURS_MIN = "HOURS_MIN"
    OPEN_WEEKENDS = "OPEN_WEEKENDS"


OF_HOURS = frozenset({RuleKind.HOURS_MIN, RuleKind.OPEN_WEEKENDS})
"""Rules that opening hours decide alone."""


class Rule(NamedTuple):
    """A rule, understood."""

    name: str
    kind: RuleKind
    least: float = 0.0
    """Square metres, rooms or hours."""
    room: str = ""
    """The room that must be there, as ``room_word`` writes it."""


class OpenWeek(NamedTuple):
    """What opening hours come to in a week."""

    hours: float
    on_weekends: bool
    """Whether it is open at some time on either day of the weekend."""


class Equipment(NamedTuple):
    """What is known of a service point; None where nothing is."""

    floor_area_m2: float | None
    rooms: Sequence[str]
    week: OpenWeek | None


_NUMBERED = re.compile(r"(AREA_MIN|ROOMS_MIN|HOURS_MIN)_(\d{1,6}(?:\.\d{1,2})?)")
_ROOM = re.compile(r"ROOM_(.+)")


def read_rule(name: str) -> Rule:
    """Understand a rule by its name.

    Raises
    ------
    BadInputError
        If there is no such rule; the message says how they are written.
    """
    numbered = _NUMBERED.fullmatch(name)
    if numbered is not None:
        kind, least = RuleKind(numbered[1]), float(numbered[2])
        possible = least > 0 and not (kind is RuleKind.HOURS_MIN and least > WEEK_H)
        whole = kind is not RuleKind.ROOMS_MIN or least.is_integer()
        if possible and whole:
            return Rule(name, kind, least=least)
    elif name == RuleKind.OPEN_WEEKENDS.value:
        return Rule(name, RuleKind.OPEN_WEEKENDS)
    elif (room := _ROOM.fullmatch(name)) is not None and len(name) <= MAX_RULE:
        word = room_word(room[1])
        if word.strip("_"):
            return Rule(name, RuleKind.ROOM, room=word)
    raise BadInputError(
        f"{name[:MAX_RULE]!r} is no rule; rules are {', '.join(FORMS)}, e.g. AREA_MIN_60",
        argument="rules",
        options=list(FORMS),
    )


def room_word(name: str) -> str:
    """Return a room's name in the form in which it is compared: ``reading_room``."""
    return re.sub(r"[\s_-]+", "_", name.strip().lower())


def failing(rules: Sequence[Rule], known: Equipment) -> list[str]:
    """Return the names of the rules that a service point fails, in their order."""
    return [rule.name for rule in rules if not keeps(rule, known)]


def keeps(rule: Rule, known: Equipment) -> bool:
    """Return whether a service point keeps a rule."""
    match rule.kind:
        case RuleKind.AREA_MIN:
            return known.floor_area_m2 is not None and known.floor_area_m2 >= rule.least
        case RuleKind.ROOM:
            return rule.room in {room_word(room) for room in known.rooms}
        case RuleKind.ROOMS_MIN:
            return len(known.rooms) >= rule.least
        case RuleKind.HOURS_MIN | RuleKind.OPEN_WEEKENDS:
            return known.week is not None and week_keeps(rule, known.week)


def week_keeps(rule: Rule, week: OpenWeek) -> bool:
    """Return whether opening hours keep a rule that is about them."""
    if rule.kind is RuleKind.HOURS_MIN:
        return week.hours >= rule.least
    return week.on_weekends
