"""Who holds which grid: a body and an assignment for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg

DUTY = "grid_holder"

_DUTIES = (
    """
    INSERT INTO duty (key, name, level, min, max, several, public)
    VALUES ('grid_holder', 'grid holder', 'grid', 1, 1, false, true) ON CONFLICT DO NOTHING
    """,
    """
    INSERT INTO duty_level (duty, level) VALUES ('grid_holder', 'grid') ON CONFLICT DO NOTHING
    """,
    """
    INSERT INTO body (key, kind, name, changed_by)
    SELECT 'H' || code, 'PERSON', 'Holder of ' || code, 'benchmark'
    FROM unit WHERE level = 'grid' AND last_edition IS NULL
    """,
    """
    INSERT INTO assignment (duty, body, level, code, since, created_by)
    SELECT 'grid_holder', 'H' || code, 'grid', code, '2020-01-01', 'benchmark'
    FROM unit WHERE level = 'grid' AND last_edition IS NULL
    """,
)


def give_holders(connection: psycopg.Connection[Any]) -> None:
    """Give every grid that stands a holder of its own, as our tables keep them."""
    for statement in _DUTIES:
        connection.execute(statement)
