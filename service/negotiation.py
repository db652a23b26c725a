"""What a client wants to receive: the headers Accept and Accept-Encoding, read as RFC 9110 says."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_CHOICES = 64
"""Entries of one header that are read; what follows them is nobody's wish."""

REMEMBERED = 64
"""Headers whose meaning is kept: browsers and libraries have few."""

_QUALITY = re.compile(r"(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\Z")


class Choice(NamedTuple):
    """One entry of a header that lists what is wanted."""

    name: str
    """In lower case, without parameters."""
    quality: float
    """From 0, not wanted at all, to 1."""


def choices(header: str) -> list[Choice]:
    """Return the entries of a header such as ``gzip;q=0.8, br``; what is malformed is left out."""
    found = []
    for entry in header.split(",", MAX_CHOICES)[:MAX_CHOICES]:
        name, *parameters = (part.strip().lower() for part in entry.split(";"))
        weights = [part[2:].strip() for part in parameters if part.startswith("q=")]
        weight = weights[0] if weights else "1"
        if name and _QUALITY.match(weight):
            found.append(Choice(name, float(weight)))
    return found


@lru_cache(maxsize=REMEMBERED)
def best_type(header: str, offered: tuple[str, ...], *, default: str) -> str | None:
    """Return the media type to answer in; None where the client wants none of those offered.

    Parameters
    ----------
    header
        The value of ``Accept``; empty where the client says nothing.
    offered
        What there is, the best first: it decides between types that are wanted equally.
    default
        What a client gets that takes anything.

    Notes
    -----
    RFC 9110, section 12.5.1: the most specific entry says how much a type is wanted. A type that
    is named wins over one that only a wildcard allows, at the same quality.
    """
    wanted = choices(header)
    if not wanted:
        return default
    ranked = [(*_wish(wanted, kind, default), -place) for place, kind in enumerate(offered)]
    quality, _, _, place = max(ranked)
    return offered[-place] if quality > 0 else None


def _wish(wanted: Sequence[Choice], kind: str, default: str) -> tuple[float, bool, bool]:
    """Return how much a type is wanted, whether by its name, and else whether by default."""
    weights = dict(reversed(wanted))  # the first entry of a name counts
    family = kind.partition("/")[0] + "/*"
    for name in (kind, family, "*/*"):
        if name in weights:
            named = name == kind
            return weights[name], named, not named and kind == default
    return 0.0, False, False


@lru_cache(maxsize=REMEMBERED)
def best_encoding(header: str, offered: tuple[str, ...]) -> str | None:
    """Return the encoding to compress with; None: leave it as it is.

    Parameters
    ----------
    header
        The value of ``Accept-Encoding``; empty where the client says nothing.
    offered
        What there is, the best first.

    Notes
    -----
    RFC 9110, section 12.5.3. A client that would rather have the plain form (``identity`` at a
    higher quality) gets it.
    """
    weights = dict(reversed(choices(header)))
    other = weights.get("*", 0.0)
    quality, place = max((weights.get(name, other), -place) for place, name in enumerate(offered))
    plain = weights.get("identity", 0.0)
    return offered[-place] if quality > 0 and quality >= plain else None
