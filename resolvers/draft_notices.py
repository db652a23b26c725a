"""What is said of a draft beside its findings, as the API's notices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from geo.datums import Datum, is_shifted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geo.check import Checked, Sent
    from geo.remarks import Remark
    from resolvers.worlds import Base

CHECK_NOTICES = {
    "PARENT",
    "PARENT_NAME",
    "CODE_PREFIX",
    "MERGED",
    "NODED",
    "REBUILT",
    "CROSSED",
    "ENTANGLED",
    "REMOVED",
    "REPAIRED",
}
"""Those that a check gives: the next check of a draft gives them anew."""


def said_by_check(remarks: Sequence[Remark]) -> list[dict[str, object]]:
    """Return what a check remarks, as notices."""
    return [
        {"code": remark.code, "message": remark.message, "featureCount": remark.feature_count}
        for remark in remarks
    ]


def untested_datum(before: Base, checked: Checked, sent: Sent) -> list[dict[str, object]]:
    """Say of the first file of a Chinese city that nothing stands that would show a shift."""
    if before.world.outline is not None or sent.datum is not Datum.WGS84:
        return []
    bounds = shapely.total_bounds(checked.geoms)
    if not np.isfinite(bounds).all() or not is_shifted(bounds.reshape(2, 2)).all():
        return []
    message = (
        "nothing stands yet that would show whether the file is shifted as maps on the web are: "
        "it was taken as WGS 84; if it is not, import it with --datum GCJ02 or BD09"
    )
    return [{"code": "DATUM_UNTESTED", "message": message, "featureCount": len(sent.rows)}]


def removed_units(removed: Sequence[str]) -> list[dict[str, object]]:
    """Say which units publishing takes away."""
    if not removed:
        return []
    listed = ", ".join(removed[:20]) + (" …" if len(removed) > len(removed[:20]) else "")
    message = (
        f"{len(removed)} unit(s) stand on this ground and are not in the file: publishing it takes "
        f"them away: {listed}"
    )
    return [{"code": "REMOVED", "message": message, "featureCount": len(removed)}]
