"""How long, how fast and how far: what is said, what is left out, and what cannot be meant."""

from __future__ import annotations

import math
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.errors import BadInputError
from geo.pace import PRESETS, Basis, WalkAsked, WalkDefaults, WalkRow, length_of

USUAL = WalkDefaults()


class Promised(NamedTuple):
    """A programme, as far as its walk goes."""

    minutes: int | None = None
    speed_kmh: float | None = None
    metres: float | None = None
    basis: str | None = None


@pytest.mark.parametrize(
    ("asked", "promise", "expected"),
    [
        # 15 min x 4 km/h = 1 km
        (WalkAsked(), None, (15, 4.0, 1000.0)),
        (WalkAsked(minutes=6), None, (6, 4.0, 400.0)),
        (WalkAsked(speed_kmh=6.0), None, (15, 6.0, 1500.0)),
        # 350 m at 4 km/h are 5.25 min
        (WalkAsked(metres=350.0), None, (5, 4.0, 350.0)),
        (WalkAsked(metres=500.0, speed_kmh=3.0), None, (10, 3.0, 500.0)),
        # 500 m in 10 minutes are 3 km/h
        (WalkAsked(minutes=10, metres=500.0), None, (10, 3.0, 500.0)),
        (WalkAsked(minutes=99, speed_kmh=6.0, metres=600.0), None, (6, 6.0, 600.0)),
        # what is asked goes before what is promised, and that before the service's own
        (WalkAsked(), Promised(minutes=10), (10, 4.0, 2000 / 3)),
        (WalkAsked(), Promised(minutes=10, metres=500.0), (10, 3.0, 500.0)),
        (WalkAsked(), Promised(metres=500.0), (8, 4.0, 500.0)),
        (WalkAsked(minutes=20), Promised(minutes=10, metres=500.0), (20, 3.0, 1000.0)),
        (WalkAsked(speed_kmh=6.0), Promised(minutes=10, metres=500.0), (10, 6.0, 1000.0)),
        (WalkAsked(metres=250.0), Promised(minutes=10, metres=500.0), (5, 3.0, 250.0)),
        (WalkAsked(basis=Basis.RADIUS), Promised(minutes=10, metres=500.0), (10, 3.0, 500.0)),
    ],
)
def test_a_walk_is_what_was_asked_then_promised_then_usual(
    asked: WalkAsked, promise: Promised | None, expected: tuple[int, float, float]
) -> None:
    minutes, speed_kmh, metres = length_of(asked, promise, USUAL)

    assert minutes == expected[0]
    assert (speed_kmh, metres) == pytest.approx(expected[1:])


@pytest.mark.parametrize(
    ("asked", "argument"),
    [
        (WalkAsked(minutes=0), "walk.minutes"),
        (WalkAsked(minutes=-5), "walk.minutes"),
        (WalkAsked(minutes=10_000), "walk.minutes"),
        (WalkAsked(speed_kmh=0.0), "walk.speedKmh"),
        (WalkAsked(speed_kmh=11.0), "walk.speedKmh"),
        (WalkAsked(speed_kmh=math.nan), "walk.speedKmh"),
        (WalkAsked(speed_kmh=math.inf), "walk.speedKmh"),
        (WalkAsked(metres=0.0), "walk.metres"),
        (WalkAsked(metres=20_001.0), "walk.metres"),
        (WalkAsked(metres=math.nan), "walk.metres"),
        (WalkAsked(metres=-math.inf), "walk.metres"),
        # 1,200 km/h
        (WalkAsked(minutes=1, metres=20_000.0), "walk.metres"),
    ],
)
def test_a_walk_out_of_bounds_names_its_argument(asked: WalkAsked, argument: str) -> None:
    with pytest.raises(BadInputError) as caught:
        length_of(asked, None, USUAL)

    assert caught.value.extensions["argument"] == argument
    assert "give" in str(caught.value)


@given(minutes=st.integers(1, 120), speed_kmh=st.floats(0.5, 10.0))
def test_minutes_and_speed_make_metres_that_take_these_minutes(
    minutes: int, speed_kmh: float
) -> None:
    found = length_of(WalkAsked(minutes, speed_kmh), None, USUAL)
    walk = WalkRow(*found, Basis.NETWORK, "v")

    assert walk.metres == pytest.approx(minutes / 60 * speed_kmh * 1000)
    assert walk.seconds(walk.metres) == pytest.approx(60 * minutes)


def test_the_presets_are_the_living_circles_of_the_standard() -> None:
    assert [(preset.minutes, preset.metres) for preset in PRESETS] == [
        (5, 300.0),
        (10, 500.0),
        (15, 1000.0),
    ]
    for preset in PRESETS:
        found = length_of(WalkAsked(preset.minutes, metres=preset.metres), None, USUAL)
        assert (found[0], found[2]) == (preset.minutes, preset.metres)
        assert found[1] == pytest.approx(preset.speed_kmh)
