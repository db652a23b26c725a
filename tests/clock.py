"""Which day it is where the made-up towns lie, as the program itself counts days."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from service.settings import Settings


def city_day() -> dt.date:
    """Return today in the timezone of the settings' defaults; it is not the machine's."""
    zone = ZoneInfo(Settings.model_fields["timezone"].default)
    return dt.datetime.now(zone).date()
