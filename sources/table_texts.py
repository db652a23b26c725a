"""Decodes the names and cells of a table whose texts are bytes yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from geo.errors import BadInputError
from sources.encoding import (
    LATIN1,
    Decoded,
    Guess,
    choose_encoding,
    dbf_language,
    decode,
    given_codec,
    python_codec,
)
from sources.notices import Notice, name_rows
from sources.shapefiles import declared_label, language_byte

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sources.formats import Staged


class Texts(NamedTuple):
    """Names and cells with their encoding settled."""

    names: list[str]
    cells: list[list[object]]
    encoding: str
    notices: tuple[Notice, ...]


def decoded_texts(
    laid: Staged, file: str, names: Sequence[str], cells: list[list[object]], given: str | None
) -> Texts:
    """Decode a Shapefile's names and cells, which were read as one character a byte."""
    raw_names = [name.encode(LATIN1) for name in names]
    pieces = (
        cell.encode(LATIN1)
        for column in cells
        for cell in column
        if isinstance(cell, str) and not cell.isascii()
    )
    guess = _shapefile_encoding(laid, file, [*raw_names, *pieces], given)
    codec = guess.encoding
    titles = [decode(name, codec) for name in raw_names]
    cut, spoilt = set[int](), set[int]()  # rows
    decoded: list[list[object]] = []
    for column in cells:
        texts: list[object] = list(column)
        for row, cell in enumerate(column):
            if isinstance(cell, str) and not cell.isascii():
                found = decode(cell.encode(LATIN1), codec)
                texts[row] = found.text
                if found.cut:
                    cut.add(row)
                if found.spoilt:
                    spoilt.add(row)
        decoded.append(texts)
    notices = encoding_notice(guess, raw_names, decoded)
    notices += _cut_notices(titles, codec, cut, spoilt, max(map(len, cells), default=0))
    return Texts([title.text for title in titles], decoded, codec, notices)


def _cut_notices(
    titles: Sequence[Decoded], codec: str, cut: set[int], spoilt: set[int], count: int
) -> tuple[Notice, ...]:
    """Say which names, and in how many rows cells, lost a character at their end or are spoilt."""
    notices = []
    short = [title.text for title in titles if title.cut]
    if short:
        message = f"names of columns end within a character, which was left out: {', '.join(short)}"
        notices.append(Notice("NAME_CUT", message, count))
    if cut:
        message = f"texts of {name_rows(n + 1 for n in sorted(cut))} end within a character"
        notices.append(Notice("TEXT_CUT", f"{message}, which was left out", len(cut)))
    broken = [title.text for title in titles if title.spoilt]
    if spoilt or broken:
        where = name_rows(n + 1 for n in sorted(spoilt)) if spoilt else "names of columns"
        message = f"bytes that are no {codec} in {where}; \ufffd stands for them"
        notices.append(Notice("TEXT_SPOILT", message, len(spoilt) or count))
    return tuple(notices)


def _shapefile_encoding(laid: Staged, file: str, pieces: list[bytes], given: str | None) -> Guess:
    if given is not None:
        codec = given_codec(given)
        wrong = sum(decode(piece, codec).spoilt for piece in pieces)
        if wrong * 2 > sum(not piece.isascii() for piece in pieces):
            raise BadInputError(
                f"{wrong} texts of {laid.stem} are not in {codec}; "
                "leave the encoding out to have it found",
                argument="encoding",
            )
        return Guess(codec, None)
    label = declared_label(laid.path)
    declared = python_codec(label) if label else None
    declared = declared or dbf_language(language_byte(laid.path))
    return choose_encoding(pieces, declared=declared, label=label, file=file)


def encoding_notice(
    guess: Guess, names: Sequence[bytes], cells: Sequence[Sequence[object]]
) -> tuple[Notice, ...]:
    """Say what was concluded, and of how many features: of all when columns have such names."""
    if guess.evidence is None:
        return ()
    rows = {
        row
        for column in cells
        for row, cell in enumerate(column)
        if isinstance(cell, str) and not cell.isascii()
    }
    count = max(map(len, cells), default=0)
    every = not all(map(bytes.isascii, names))
    return (Notice("ENCODING", guess.evidence, count if every else len(rows)),)
