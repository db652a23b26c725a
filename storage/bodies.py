"""People and organisations that carry duties, as stored."""

from __future__ import annotations

from typing import NamedTuple


class BodyRow(NamedTuple):
    """A person or an organisation, as far as the asker may know it."""

    row_id: int
    key: str
    kind: str
    """PERSON or ORGANISATION."""
    name: str | None
    """None where the asker may not know it."""
    profession: str | None
    """Of an organisation: what sort of organisation it is."""
    skills: tuple[str, ...]
    member_of: str | None
    """Key of an organisation."""
    home_level: str | None
    """With ``home_code`` the unit of the home; None where the asker may not know it."""
    home_code: str | None
    properties: str
    """JSON text; an empty object where the asker may not know it."""
    contact: str
    """JSON text; an empty object where the asker may not know it."""
