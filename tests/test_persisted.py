"""Queries named by their hash: what is kept, for how long, and for whom."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from service.http_answers import Refused
from service.persisted import (
    MAX_QUERY_BYTES,
    NOT_FOUND,
    NOT_SUPPORTED,
    OVERHEAD_BYTES,
    PersistedQueries,
)


def by(query: str, **others: object) -> dict[str, Any]:  # JSON
    name = hashlib.sha256(query.encode()).hexdigest()
    return {"persistedQuery": {"version": 1, "sha256Hash": name, **others}}


def test_a_query_is_known_by_its_hash_once_it_was_executed() -> None:
    kept = PersistedQueries()
    query = "{ levels { key } }"

    with pytest.raises(Refused, match=NOT_FOUND) as raised:
        kept.resolve(None, by(query))
    assert kept.resolve(query, by(query)) == query
    with pytest.raises(Refused, match=NOT_FOUND):
        kept.resolve(None, by(query))  # it was sent, but not executed yet
    kept.keep(query, by(query))

    assert kept.resolve(None, by(query)) == query
    assert (raised.value.status, raised.value.legacy) == (404, 200)


def test_a_query_without_a_name_is_itself_and_is_not_kept() -> None:
    kept = PersistedQueries()

    assert kept.resolve("{ a }", None) == kept.resolve("{ a }", {}) == "{ a }"
    kept.keep("{ a }", {})

    assert kept.taken == 0


def test_no_text_is_kept_under_the_name_of_another() -> None:
    kept = PersistedQueries()

    with pytest.raises(Refused, match="another one"):
        kept.resolve("{ evil }", by("{ good }"))
    kept.keep("{ evil }", by("{ good }"))  # were it called all the same

    with pytest.raises(Refused, match=NOT_FOUND):
        kept.resolve(None, by("{ good }"))


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ({"version": 2, "sha256Hash": "0" * 64}, NOT_SUPPORTED),
        ({"sha256Hash": "0" * 64}, NOT_SUPPORTED),
        ("name", NOT_SUPPORTED),
        ([], NOT_SUPPORTED),
        ({"version": 1}, "64 hex digits"),
        ({"version": 1, "sha256Hash": 5}, "64 hex digits"),
        ({"version": 1, "sha256Hash": "0" * 63}, "64 hex digits"),
        ({"version": 1, "sha256Hash": "0" * 64 + "\n"}, "64 hex digits"),
        ({"version": 1, "sha256Hash": "g" * 64}, "64 hex digits"),
    ],
)
def test_what_is_none_of_the_protocol_is_refused(named: object, message: str) -> None:
    with pytest.raises(Refused, match=message):
        PersistedQueries().resolve("{ a }", {"persistedQuery": named})


def test_a_name_in_capitals_is_the_same_name() -> None:
    kept = PersistedQueries()
    query = "{ a }"
    kept.keep(query, by(query))
    loud = by(query)["persistedQuery"]["sha256Hash"].upper()

    assert kept.resolve(None, by(query, sha256Hash=loud)) == query


def test_the_room_is_bounded_and_the_least_recent_go_first() -> None:
    queries = [f"{{ field{n} }}" for n in range(10)]
    each = len(queries[0]) + OVERHEAD_BYTES
    kept = PersistedQueries(room=3 * each)
    for query in queries[:3]:
        kept.keep(query, by(query))
    kept.resolve(None, by(queries[0]))  # used: it stays

    kept.keep(queries[3], by(queries[3]))

    assert kept.taken == 3 * each
    for query in (queries[0], queries[2], queries[3]):
        assert kept.resolve(None, by(query)) == query
    with pytest.raises(Refused):
        kept.resolve(None, by(queries[1]))


def test_a_very_long_text_is_not_kept() -> None:
    kept = PersistedQueries()
    query = "{ a }".ljust(MAX_QUERY_BYTES)

    kept.keep(query, by(query))
    kept.keep("{ b }", by("{ b }"))
    kept.keep("{ b }", by("{ b }"))

    assert kept.taken == len("{ b }") + OVERHEAD_BYTES, "one of the two, once"
