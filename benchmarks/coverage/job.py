"""What a job of the benchmark is: an engine, what it takes, and how its answer is read."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import shapely

from benchmarks.coverage.plane import in_metres
from benchmarks.measure import Elsewhere, nothing_elsewhere

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import ExitStack

    import numpy as np
    from numpy.typing import NDArray

    from benchmarks.coverage.generate import City
    from benchmarks.coverage.judge import Row


class Question(StrEnum):
    """What an engine is asked about a level."""

    SOUND = "sound"
    """Whether it is without a fault."""
    REPORT = "report"
    """Where which faults are."""
    REPAIR = "repair"
    """The level, mended."""


class NotHereError(Exception):
    """A peer cannot run on this machine."""


class Inputs:
    """One city in the forms that engines take, each made when it is first asked for."""

    def __init__(self, city: City) -> None:
        self.city = city

    @cached_property
    def units(self) -> NDArray[np.object_]:
        """Grids in degrees, shape (n,)."""
        return shapely.from_wkb(self.city.units)

    @cached_property
    def parents(self) -> NDArray[np.object_]:
        """Communities in degrees, shape (p,)."""
        return shapely.from_wkb(self.city.parents)

    @cached_property
    def units_m(self) -> NDArray[np.object_]:
        """Grids in plane metres, shape (n,)."""
        return in_metres(shapely.from_wkb(self.city.units))

    @cached_property
    def parents_m(self) -> NDArray[np.object_]:
        """Communities in plane metres, shape (p,)."""
        return in_metres(shapely.from_wkb(self.city.parents))


class Answer(NamedTuple):
    """What an engine said of a level."""

    sound: bool
    rows: Sequence[Row] | None = None
    """None from an engine that says no more than yes or no."""


class Mended(NamedTuple):
    """What an engine made of a level, in plane metres."""

    units: NDArray[np.object_]
    """In the order of the level, shape (n,); None where a unit is gone."""
    parents: NDArray[np.object_]
    left: int | None = None
    """Faults that it left on purpose, with a reason for each; None where it gives none."""


@dataclass(frozen=True, kw_only=True)
class Ready:
    """A job whose input is loaded.

    Attributes
    ----------
    run
        What is timed.
    read
        Turns what ``run`` returns into an answer or a mended level; not timed.
    elsewhere
        What other processes have used for it.
    """

    run: Callable[[], Any]  # each engine has results of its own
    read: Callable[[Any], Answer | Mended]
    elsewhere: Callable[[], Elsewhere] = field(default=nothing_elsewhere)


@dataclass(frozen=True, kw_only=True)
class Job:
    """One engine with one question.

    Attributes
    ----------
    key
        Its name on the command line and in the results.
    title
        Its name in the tables.
    question
        What it is asked.
    prepare
        Loads the input; what must be closed afterwards is put on the stack.
    largest
        The largest level that it is given, unless all are asked for; None for any.
    ours
        Whether it is this project's engine.
    """

    key: str
    title: str
    question: Question
    prepare: Callable[[Inputs, ExitStack], Ready]
    largest: int | None = None
    ours: bool = False
