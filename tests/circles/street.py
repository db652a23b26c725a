"""A straight street that can be worked out by hand.

The street runs from x = 0 to x = 4000 (metres) along y = 0, with a house each 100 m at y = 10 and a
crossing each 500 m. Two stations stand on it, at x = 500 (s1) and at x = 2500 (s2); from a house to
one it is |dx| + 10 m. Two communities meet at x = 2050, four grids at 1050, 2050 and 3050::

    x = 0        1050        2050        3050        4100
        | G1       | G2        | G3        | G4        |
        | .. s1 .. | ......... | .. s2 ... | ......... |
        |          A           |           B           |

House n (1 to 40, at x = 100 n) has n households and 2 n people; of every fifth house one person
lives alone.
"""

from __future__ import annotations

from tests.circles.drawn import House, Land, Stand

A, B = "D01A", "D01B"
G1, G2, G3, G4 = (f"D01{name}" for name in ("A1", "A2", "B1", "B2"))
SOUTH, NORTH = -1000.0, 1000.0

LANDS = (
    Land("district", "D", None, (-50, SOUTH, 4100, NORTH)),
    Land("subdistrict", "D01", "D", (-50, SOUTH, 4100, NORTH)),
    Land("community", A, "D01", (-50, SOUTH, 2050, NORTH), {"kind": "urban"}),
    Land("community", B, "D01", (2050, SOUTH, 4100, NORTH), {"kind": "rural"}),
    Land("grid", G1, A, (-50, SOUTH, 1050, NORTH)),
    Land("grid", G2, A, (1050, SOUTH, 2050, NORTH)),
    Land("grid", G3, B, (2050, SOUTH, 3050, NORTH)),
    Land("grid", G4, B, (3050, SOUTH, 4100, NORTH)),
)
HOUSES = tuple(
    House(
        f"h{n:02}",
        (100.0 * n, 10.0),
        households=n,
        people=2 * n,
        groups={"elder_alone": 1} if n % 5 == 0 else {},
    )
    for n in range(1, 41)
)
STATIONS = (Stand("s1", (500.0, 0.0)), Stand("s2", (2500.0, 0.0)))
WAYS = (tuple((500.0 * n, 0.0) for n in range(9)),)


def walk_m(house: House, xs: tuple[float, ...] = (500.0, 2500.0)) -> float:
    """Return how far it is from a house to the nearest of stations on the street."""
    return min(abs(house.place[0] - x) for x in xs) + 10.0
