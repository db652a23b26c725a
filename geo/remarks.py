"""What the check did or concluded, for whoever sent the file."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from geo.layers import HANDFUL
from geo.noding import MERGE_M

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geo.mesh import Noded


class Remark(NamedTuple):
    """Something that the check did or concluded, and on how many rows or vertices."""

    code: str
    message: str
    feature_count: int


def remark_on_prefixes(codes: Sequence[str]) -> Remark:
    """Say which codes begin like another parent's than the one that their units lie in."""
    more = f" and {len(codes) - HANDFUL} more" if len(codes) > HANDFUL else ""
    return Remark(
        "CODE_PREFIX",
        f"{len(codes)} unit(s) have codes that begin like another parent's than the one they lie "
        f"in: {', '.join(codes[:HANDFUL])}{more}",
        len(codes),
    )


def remarks_on(noded: Noded) -> list[Remark]:
    """Say what noding did to a file."""
    remarks: list[Remark] = []
    if noded.merged:
        most = float(noded.moved_m.max()) * 1000
        remarks.append(
            Remark(
                "MERGED",
                f"{noded.merged} vertices became a neighbour's within {MERGE_M * 1000:.0f} mm: "
                f"narrower strips are closed; no border moved by more than {most:.1f} mm",
                noded.merged,
            )
        )
    if noded.inserted:
        remarks.append(
            Remark(
                "NODED",
                f"{noded.inserted} vertices were put into borders that run through them; "
                f"{len(noded.stored_index)} stored unit(s) receive some",
                noded.inserted,
            )
        )
    if noded.rebuilt:
        said = "unit(s) had rings that touch themselves; the same land, drawn anew"
        remarks.append(Remark("REBUILT", f"{noded.rebuilt} {said}", noded.rebuilt))
    if noded.crossings:
        remarks.append(
            Remark("CROSSED", f"borders cross in {noded.crossings} places", noded.crossings)
        )
    if noded.entangled:
        said = "borders cross in so many places that the crossings were left as they are"
        remarks.append(Remark("ENTANGLED", said, 0))
    return remarks
