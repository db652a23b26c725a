"""Values that GraphQL has no type of its own for."""

from __future__ import annotations

import datetime as dt
from typing import Any, NewType

import orjson
import strawberry
from strawberry.types.scalar import ScalarDefinition

GeoJSON = NewType("GeoJSON", object)
Json = NewType("Json", object)


def as_json(text: str | bytes) -> Any:  # noqa: ANN401 - ready text in the place of any JSON value
    """Return JSON text that goes into the answer as it is."""
    return orjson.Fragment(text)


def _utc(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _instant(text: str) -> dt.datetime:
    moment = dt.datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} names no timezone; end it with Z or an offset")
    return moment


def _as_it_is(value: object) -> object:
    return value


SCALARS: dict[object, ScalarDefinition] = {
    GeoJSON: strawberry.scalar(
        name="GeoJSON",
        description=(
            "An RFC 7946 geometry, feature or feature collection: 7 decimals, exterior rings "
            "counter-clockwise, longitude before latitude unless another datum is asked for."
        ),
        specified_by_url="https://www.rfc-editor.org/rfc/rfc7946",
        serialize=_as_it_is,
        parse_value=_as_it_is,
    ),
    Json: strawberry.scalar(
        name="JSON",
        description=(
            "Any JSON value: the columns of an imported file that have no field of their own. As "
            "an argument: an object that must be contained."
        ),
        specified_by_url="https://www.rfc-editor.org/rfc/rfc8259",
        serialize=_as_it_is,
        parse_value=_as_it_is,
    ),
    dt.date: strawberry.scalar(
        name="Date",
        description="ISO 8601 calendar date, e.g. 2026-11-22.",
        serialize=dt.date.isoformat,
        parse_value=dt.date.fromisoformat,
    ),
    dt.datetime: strawberry.scalar(
        name="DateTime",
        description="ISO 8601 instant, UTC, e.g. 2026-11-22T08:00:00.000000Z.",
        serialize=_utc,
        parse_value=_instant,
    ),
}
"""Python types of fields, and the scalars that they are."""
