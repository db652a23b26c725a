"""How long, how fast and how far one walks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol

from geo.errors import BadInputError

MIN_MINUTES, MAX_MINUTES = 1, 120
MIN_KMH, MAX_KMH = 0.5, 10.0
MIN_METRES, MAX_METRES = 1.0, 20_000.0


class Basis(StrEnum):
    """Along what is walked."""

    NETWORK = "NETWORK"
    """Along the streets."""
    RADIUS = "RADIUS"
    """As the crow flies."""


class WalkDefaults(NamedTuple):
    """What is walked where nobody says otherwise.

    15 minutes at 4 km/h are the 1,000 m of the Chinese 15-minute circle (GB 50180).
    """

    minutes: int = 15
    speed_kmh: float = 4.0


@dataclass(frozen=True)
class WalkAsked:
    """What somebody says of a walk; None where nothing is said."""

    minutes: int | None = None
    speed_kmh: float | None = None
    metres: float | None = None
    basis: Basis | None = None


class WalkRow(NamedTuple):
    """How it was walked."""

    minutes: int
    speed_kmh: float
    metres: float
    basis: Basis
    network_version: str | None

    def seconds(self, metres: float) -> float:
        """Return how long a way takes."""
        return 3.6 * metres / self.speed_kmh


class Promise(Protocol):
    """What a programme says of its walk; None where it says nothing."""

    @property
    def minutes(self) -> int | None:
        """Minutes."""

    @property
    def speed_kmh(self) -> float | None:
        """Kilometres an hour."""

    @property
    def metres(self) -> float | None:
        """Metres."""

    @property
    def basis(self) -> str | None:
        """Along what."""


class Preset(NamedTuple):
    """A walk that has a name."""

    key: str
    name: str
    minutes: int
    speed_kmh: float
    metres: float


PRESETS = (
    Preset("5-minute", "五分钟生活圈", 5, 3.6, 300.0),
    Preset("10-minute", "十分钟生活圈", 10, 3.0, 500.0),
    Preset("15-minute", "十五分钟生活圈", 15, 4.0, 1000.0),
)
"""The living circles of GB 50180: their lengths, and the speeds that these come to."""


STEPS = (5, 10, 15, 20, 25, 30)
"""Minutes by which circles are usually compared."""


def in_steps(asked: WalkAsked | None) -> bool:
    """Return whether a walk is one of the few that everybody compares, and of nobody's choosing.

    That is the usual one, one of whole steps of minutes at the usual speed, or a preset.
    """
    if asked is None:
        return True
    if asked.basis is not None:
        return False
    if asked.metres is None and asked.speed_kmh is None:
        return asked.minutes is None or asked.minutes in STEPS
    return any(
        asked.minutes == preset.minutes
        and asked.speed_kmh in {None, preset.speed_kmh}
        and asked.metres in {None, preset.metres}
        for preset in PRESETS
    )


def length_of(
    asked: WalkAsked, programme: Promise | None, usual: WalkDefaults
) -> tuple[int, float, float]:
    """Return minutes, kilometres an hour and metres of a walk.

    Metres that are asked for set the length; the minutes then tell how long that takes. With
    minutes and metres, and no speed, the speed is the one that both come to. A programme's metres
    hold until somebody asks for other minutes or another speed.

    Raises
    ------
    BadInputError
        If one of them is out of bounds; the argument is named.
    """
    _check(asked)
    promised = _promised(programme, usual)
    if asked.metres is not None:
        if asked.minutes is not None and asked.speed_kmh is None:
            speed_kmh = _speed_kmh(asked.metres, asked.minutes)
            _within("metres", speed_kmh, MIN_KMH, MAX_KMH, "km/h, metres and minutes together")
            return asked.minutes, speed_kmh, asked.metres
        speed_kmh = asked.speed_kmh or promised.speed_kmh
        return _minutes(asked.metres, speed_kmh), speed_kmh, asked.metres
    minutes = asked.minutes or promised.minutes
    speed_kmh = asked.speed_kmh or promised.speed_kmh
    if (
        programme is not None
        and programme.metres is not None
        and asked == WalkAsked(basis=asked.basis)
    ):
        return minutes, speed_kmh, programme.metres
    return minutes, speed_kmh, minutes * speed_kmh * 1000 / 60


def _promised(programme: Promise | None, usual: WalkDefaults) -> WalkDefaults:
    """Return minutes and speed of a programme; its metres imply what it does not say."""
    if programme is None:
        return usual
    minutes, speed_kmh = programme.minutes, programme.speed_kmh
    if programme.metres is not None and minutes is not None and speed_kmh is None:
        speed_kmh = _speed_kmh(programme.metres, minutes)
    speed_kmh = speed_kmh or usual.speed_kmh
    if programme.metres is not None and minutes is None:
        minutes = max(MIN_MINUTES, _minutes(programme.metres, speed_kmh))
    return WalkDefaults(minutes or usual.minutes, speed_kmh)


def _speed_kmh(metres: float, minutes: int) -> float:
    """Return how fast one gets so far in so many minutes."""
    return 60 * metres / (1000 * minutes)


def _minutes(metres: float, speed_kmh: float) -> int:
    """Return how many minutes a way takes, halves rounded up."""
    return math.floor(60 * metres / (1000 * speed_kmh) + 0.5)


def _check(asked: WalkAsked) -> None:
    if asked.minutes is not None:
        _within("minutes", asked.minutes, MIN_MINUTES, MAX_MINUTES, "minutes")
    if asked.speed_kmh is not None:
        _within("speedKmh", asked.speed_kmh, MIN_KMH, MAX_KMH, "km/h")
    if asked.metres is not None:
        _within("metres", asked.metres, MIN_METRES, MAX_METRES, "metres")


def _within(argument: str, value: float, least: float, most: float, unit: str) -> None:
    if not (math.isfinite(value) and least <= value <= most):
        raise BadInputError(
            f"walk.{argument} is {value:g} {unit}; give {least:g} to {most:g}",
            argument=f"walk.{argument}",
        )
