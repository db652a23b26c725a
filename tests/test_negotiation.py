"""What a client wants to receive, by its headers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.negotiation import MAX_CHOICES, best_encoding, best_type, choices

NEW, OLD = "application/graphql-response+json", "application/json"
ENCODINGS = ("zstd", "br", "gzip")


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("", OLD),
        ("*/*", OLD),
        ("application/*", OLD),
        (OLD, OLD),
        (NEW, NEW),
        (NEW.upper(), NEW),
        (f"{NEW}; charset=utf-8", NEW),
        (f"{NEW}, {OLD}", NEW),
        (f"{OLD}, {NEW}", NEW),
        (f"{NEW}, {OLD};q=0.9", NEW),
        (f"{NEW};q=0.5, {OLD}", OLD),
        (f"{NEW}, */*", NEW),
        (f"{OLD};q=0, */*;q=0.1", NEW),
        ("text/html, application/xhtml+xml, */*;q=0.8", OLD),
        (f"{NEW}, application/graphql+json, {OLD}, text/event-stream, multipart/mixed", NEW),
        ("text/html", None),
        (f"{OLD};q=0", None),
        ("*/*;q=0", None),
        ("image/*", None),
        (f"{OLD};q=2, {NEW}", NEW),
    ],
)
def test_the_media_type_is_the_one_wanted_most(accept: str, chosen: str | None) -> None:
    assert best_type(accept, (NEW, OLD), default=OLD) == chosen


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("", None),
        ("identity", None),
        ("deflate", None),
        ("gzip", "gzip"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip, deflate, br", "br"),
        ("gzip;q=1.0, br;q=0.5", "gzip"),
        ("br;q=0, gzip;q=0, zstd;q=0", None),
        ("*", "zstd"),
        ("zstd;q=0, *", "br"),
        ("identity, gzip;q=0.5", None),
        ("identity;q=0.5, gzip;q=0.5", "gzip"),
        ("GZIP", "gzip"),
        (" gzip ;q=0.2 ", "gzip"),
    ],
)
def test_the_encoding_is_the_one_wanted_most(accept: str, chosen: str | None) -> None:
    assert best_encoding(accept, ENCODINGS) == chosen


@given(st.text(alphabet='abgzip;q=01.,*/ \t"\\é', max_size=80))
def test_any_header_is_read(header: str) -> None:
    assert best_type(header, (NEW, OLD), default=OLD) in {NEW, OLD, None}
    assert best_encoding(header, ENCODINGS) in {*ENCODINGS, None}
    assert all(0 <= choice.quality <= 1 for choice in choices(header))


def test_a_header_without_end_is_read_to_a_point() -> None:
    assert len(choices("gzip," * 100_000)) <= MAX_CHOICES
