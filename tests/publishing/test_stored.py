"""The tests' own eye: what may never be stored is seen when it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.publishing.drawing import (
    COMMUNITIES,
    DISTRICT,
    GRIDS,
    write_addresses,
    write_geojson,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.publishing.outside import Wangge
    from tests.publishing.stored import Stored

pytestmark = pytest.mark.postgis

SPOILT = (  # what is done behind the program's back, and under which names it is seen
    (
        "UPDATE unit_tally SET households = households + 1 WHERE code = '010101'",
        {"tallies"},
    ),
    ("DELETE FROM draft_unit WHERE draft_id = 1", {"drafts"}),
    ("UPDATE edition SET effective_on = effective_on - 1 WHERE number = 4", {"editions"}),
    (
        "UPDATE unit SET name = 'other' WHERE code = '0101' AND first_edition = 2",
        {"versions"},
    ),
    ("UPDATE unit SET chain = chain + 1 WHERE code = '010202'", {"sums"}),
    (
        "UPDATE unit SET geom = ST_Multi(ST_SetSRID(ST_Translate(geom, 1e-9, 0), 4326))"
        " WHERE code = '010201'",
        {"segments"},
    ),
    (
        "UPDATE unit SET last_edition = 3 WHERE code = '0102' AND last_edition IS NULL",
        {"fatherless"},
    ),
)


def test_what_may_never_be_stored_is_seen(
    wangge: Wangge, stored: Stored, here: Path, tmp_path: Path
) -> None:
    for level, drawn in (("district", DISTRICT), ("community", COMMUNITIES), ("grid", GRIDS)):
        wangge.publish(level, write_geojson(here, drawn))
    wangge.ask("load", "addresses", write_addresses(tmp_path / "homes.csv", {"a": (50, 50, 3)}))
    assert stored.faults() == {}
    digest = stored.digest(4)

    expected: set[str] = set()
    for statement, names in SPOILT:
        with stored.connect() as connection:
            connection.execute(statement)
        expected |= names
        assert expected <= set(stored.faults()), statement
    assert stored.digest(4) != digest
