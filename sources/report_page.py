"""Writes a report as one page of HTML that needs no network."""

from __future__ import annotations

import base64
import hashlib
import html
import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from sources.placing import put_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sources.report_words import Words

PROGRAM = ("decode.js", "marks.js", "map.js", "moving.js", "table.js", "page.js")
"""The page's own program, in the order in which its parts build on one another."""

_SLOT = re.compile(r"\{\{(\w+)\}\}")

_SURROGATE = re.compile("[\ud800-\udfff]")

# Inside a script element nothing may look like markup; JSON's own escapes say the same.
_MARKUP = {b"<": b"\\u003c", b">": b"\\u003e", b"&": b"\\u0026"}
_LINES = {"\u2028".encode(): b"\\u2028", "\u2029".encode(): b"\\u2029"}


class ClauseText(NamedTuple):
    """A clause as the page shows it."""

    name: str
    state: str
    """``holds``, ``broken``, ``not_required`` or ``unknown``."""
    text: str


class Notice(NamedTuple):
    """What was concluded about the file, under a short title."""

    title: str
    text: str


class Page(NamedTuple):
    """Everything that the page says; all texts are plain and are escaped here."""

    file: str
    clean: bool
    summary: str
    day: str
    figures: Sequence[tuple[str, str]]
    clauses: Sequence[ClauseText]
    notices: Sequence[Notice]
    changes_title: str
    changes: Sequence[tuple[str, str]]
    """Figures and what they count; none leaves the part out."""
    changes_note: str
    left: str
    """How many assignments lose their unit; empty where none does."""
    left_listed: Sequence[str]
    """The first of them."""
    facts: Sequence[tuple[str, str]]
    data: dict[str, Any]  # free JSON: the map and the table, see report/*.js


def write_page(path: Path, page: Page, words: Words) -> None:
    """Write a page as one file, whole or not at all.

    Raises
    ------
    BadInputError
        If it cannot be written; an existing file is then as it was.
    """
    put_text(render(page, words), path)


def render(page: Page, words: Words) -> str:
    """Return a page as HTML.

    Notes
    -----
    The page's policy allows its own style and program by their fingerprints and nothing else: no
    network, no other script, no frame. What came from a file stands in it as escaped text, or as
    JSON in which no character can end the element.
    """
    style, program = _part("page.css"), _program()
    slots = {
        "lang": words("page.lang"),
        "policy": _policy(style, program),
        "style": style,
        "program": program,
        "data": _json(page.data),
        "title": text(words("page.title", file=page.file)),
        "heading": text(words("page.heading")),
        "file": text(page.file),
        "state": "clean" if page.clean else "unclean",
        "verdict": text(words("page.clean" if page.clean else "page.unclean")),
        "summary": text(page.summary),
        "day": text(page.day),
        "figures": _pairs(page.figures),
        "clauses_title": text(words("page.clauses")),
        "clauses": "".join(_clause(clause, words) for clause in page.clauses),
        "map_title": text(words("page.map")),
        "map_label": text(words("shown.map_label")),
        "findings_title": text(words("page.findings")),
        "no_script": text(words("page.no_script")),
        "rest": _changes(page) + _notices(page, words) + _facts(page, words),
        "made": text(words("page.made")),
    }
    return _SLOT.sub(lambda found: slots[found[1]], _part("page.html"))


def text(plain: str) -> str:
    """Return a text as HTML shows it, whatever is in it."""
    return html.escape(_SURROGATE.sub("\ufffd", plain).replace("\0", "\ufffd"))


@cache
def _part(name: str) -> str:
    return (files("sources") / "report" / name).read_text(encoding="utf-8")


@cache
def _program() -> str:
    parts = "\n".join(_part(name) for name in PROGRAM)
    return f'"use strict";\n(() => {{\n{parts}}})();\n'


def _policy(style: str, program: str) -> str:
    """Return the page's content security policy: what stands in it, and nothing from elsewhere."""
    return (
        f"default-src 'none'; style-src '{_fingerprint(style)}'; "
        f"script-src '{_fingerprint(program)}'; base-uri 'none'; form-action 'none'"
    )


def _fingerprint(content: str) -> str:
    digest = hashlib.sha256(content.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


def _json(value: dict[str, Any]) -> str:  # free JSON
    plain = _without_surrogates(value)
    written = orjson.dumps(plain)
    for character, escape in (_MARKUP | _LINES).items():
        written = written.replace(character, escape)
    return written.decode()


def _without_surrogates(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return JSON with halves of characters, which no encoding writes, marked as lost."""
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    if isinstance(value, dict):
        return {key: _without_surrogates(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_without_surrogates(each) for each in value]
    return value


def _pairs(pairs: Sequence[tuple[str, str]]) -> str:
    return "".join(
        f"<div><dt>{text(name)}</dt><dd>{text(value)}</dd></div>" for name, value in pairs
    )


def _clause(clause: ClauseText, words: Words) -> str:
    return (
        f'<li class="clause {clause.state}"><h3>{text(clause.name)}</h3>'
        f'<p class="state">{text(words(f"state.{clause.state}"))}</p>'
        f"<p>{text(clause.text)}</p></li>"
    )


def _changes(page: Page) -> str:
    if not (page.changes or page.changes_note or page.left):
        return ""
    items = "".join(
        f"<li><strong>{text(count)}</strong> {text(what)}</li>" for count, what in page.changes
    )
    figures = f"<ul>{items}</ul>" if items else ""
    note = f"<p>{text(page.changes_note)}</p>" if page.changes_note else ""
    return (
        f'<section class="changes"><h2>{text(page.changes_title)}</h2>{figures}{note}'
        f"{_left(page)}</section>"
    )


def _left(page: Page) -> str:
    if not page.left:
        return ""
    items = "".join(f"<li>{text(one)}</li>" for one in page.left_listed)
    return f'<p>{text(page.left)}</p><ul class="left">{items}</ul>'


def _notices(page: Page, words: Words) -> str:
    if not page.notices:
        return ""
    # What the reader said is English in every language: it carries the evidence.
    items = "".join(
        f'<div><dt>{text(notice.title)}</dt><dd lang="en" dir="auto">{text(notice.text)}</dd></div>'
        for notice in page.notices
    )
    return (
        f'<section><h2>{text(words("page.notices"))}</h2><dl class="facts">{items}</dl></section>'
    )


def _facts(page: Page, words: Words) -> str:
    title = text(words("page.facts"))
    return f'<section><h2>{title}</h2><dl class="facts">{_pairs(page.facts)}</dl></section>'
