"""How a circle is walked."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Self

import strawberry

from resolvers import walks
from resolvers.walks import Preset, Promise, WalkAsked, WalkRow
from schema.enums import _value
from schema.request import Info


@strawberry.enum(description="Along what a circle is walked.")
class CircleBasis(Enum):
    """See the description."""

    NETWORK = _value(walks.Basis.NETWORK.value, "Along the streets, partial ones counted exactly.")
    RADIUS = _value(walks.Basis.RADIUS.value, "As the crow flies: no street network is loaded.")


@strawberry.input(
    name="Walk",
    description=(
        "How a circle is walked; what is left out comes from the programme or the service's "
        "default (15 minutes, 4 km/h, network). metres sets the length directly. With minutes and "
        "metres and no speed, the speed is what both come to. See walkPresets."
    ),
)
class WalkInput:
    minutes: int | None = strawberry.field(default=None, description="1 to 120.")
    speed_kmh: float | None = strawberry.field(
        default=None, description="Kilometres an hour, 0.5 to 10."
    )
    metres: float | None = strawberry.field(default=None, description="1 to 20000.")
    basis: CircleBasis | None = strawberry.field(
        default=None,
        description=(
            "Along what; NETWORK is NO_NETWORK where no streets are loaded. Null walks along "
            "streets if there are any."
        ),
    )

    def plain(self) -> WalkAsked:
        """Return what is asked for."""
        basis = walks.Basis(self.basis.value) if self.basis is not None else None
        return WalkAsked(self.minutes, self.speed_kmh, self.metres, basis)


AskedWalk = Annotated[
    WalkInput | None,
    strawberry.argument(
        description="How far; null for the promise of the programme, else the service's default."
    ),
]


def plain_walk(walk: WalkInput | None) -> WalkAsked | None:
    """Return the walk that an argument means."""
    return walk.plain() if walk is not None else None


@strawberry.type(
    description=(
        "How it was walked: no figure stands without its basis. RADIUS when there is no street "
        "network."
    )
)
class WalkUsed:
    minutes: int = strawberry.field(
        description="Minutes; where metres were asked for what they take, rounded."
    )
    speed_kmh: float = strawberry.field(description="Kilometres an hour.")
    metres: float = strawberry.field(description="How far one gets.")
    basis: CircleBasis = strawberry.field(description="Along what.")
    network_version: str | None = strawberry.field(
        description="Version of the street network; null as the crow flies."
    )

    @classmethod
    def of(cls, row: WalkRow) -> Self:
        """Show a walk."""
        return cls(
            minutes=row.minutes,
            speed_kmh=row.speed_kmh,
            metres=row.metres,
            basis=CircleBasis(row.basis.value),
            network_version=row.network_version,
        )


async def walk_used_of(info: Info, promise: Promise) -> WalkUsed:
    """Show how a programme is walked."""
    return WalkUsed.of(await walks.walk_used(info.context.reading, None, promise))


@strawberry.type(description="A walk that has a name: give its minutes and metres as a Walk.")
class WalkPreset:
    key: str = strawberry.field(description="Its key, e.g. 15-minute.")
    name: str = strawberry.field(description="Its name for people.")
    minutes: int = strawberry.field(description="Minutes.")
    speed_kmh: float = strawberry.field(description="Kilometres an hour that both come to.")
    metres: float = strawberry.field(description="How far one gets.")

    @classmethod
    def of(cls, preset: Preset) -> Self:
        """Show a preset."""
        return cls(**preset._asdict())
