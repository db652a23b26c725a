"""Decides from its bytes which encoding a text is in, whatever its label says."""

from __future__ import annotations

import codecs
import re
from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from charset_normalizer import from_bytes

from geo.errors import BadInputError, UnreadableError
from sources.text_readings import (
    BIG5,
    GB18030,
    LATIN1,
    PLAIN,
    UTF8,
    Decoded,
    TextReading,
    decode,
    find_strays,
    python_name,
    weigh,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = [
    "BIG5",
    "GB18030",
    "LATIN1",
    "UTF8",
    "Decoded",
    "Guess",
    "choose_encoding",
    "dbf_language",
    "decode",
    "decode_text",
    "given_codec",
    "python_codec",
]

SAMPLE_BYTES = 1 << 16
"""How much text that is not ASCII is weighed to tell encodings apart."""

SEEN_BYTES = 1 << 22
"""How much is looked through for rows in another encoding than the others."""

_EUROPEAN = ("cp1252", "cp1251", LATIN1)
"""Code pages of one byte a character; in the last one any bytes can be read."""

TRUSTED = 1.0
"""How much more may speak for another reading without putting what a file says in doubt."""

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig", UTF8),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)

_TOKEN = re.compile(rb"[0-9\x40-\xff]+")
"""Bytes that characters of any of the encodings can have; quotes, commas and brackets part them."""

_PAGES = {
    "65001": UTF8,
    "936": GB18030,
    "54936": GB18030,
    "950": BIG5,
    "951": BIG5,
    "28591": LATIN1,
    "88591": LATIN1,
}

_DBF_LANGUAGES = {
    0x01: "cp437",
    0x02: "cp850",
    0x03: "cp1252",
    0x13: "cp932",
    0x4D: GB18030,
    0x4E: "cp949",
    0x4F: BIG5,
    0x78: BIG5,
    0x79: "cp949",
    0x7A: GB18030,
    0x7B: "cp932",
    0xC8: "cp1250",
    0xC9: "cp1251",
}
"""Language bytes of dBASE files, from the ESRI Shapefile driver's table; 0x57 names nothing."""


LABEL_SHOWN = 30
"""So much of what a file calls its encoding is shown."""


class Guess(NamedTuple):
    """An encoding, and why."""

    encoding: str
    evidence: str | None
    """A sentence when it was concluded and not declared; None when label and bytes agree."""


def python_codec(label: str) -> str | None:
    """Return the usual name of an encoding that people or files call ``label``, or None.

    GBK and GB2312 are read as GB18030, which holds both.
    """
    text = label.strip().lower().replace("ansi", "").replace("oem", "").strip()
    language = re.fullmatch(r"ldid/(\d{1,3})", text)
    if language is not None:  # the language byte, as GDAL and ArcGIS repeat it in a .cpg
        return dbf_language(int(language[1]))
    digits = re.sub(r"^(cp|windows|ms|iso|ibm)?[-_ ]*", "", text).replace("-", "")
    if digits in _PAGES:
        return _PAGES[digits]
    joined = re.sub(r"^x-|[-_ ]", "", text)
    for name in (text, joined, f"cp{digits}" if digits.isdigit() else joined):
        try:
            found = codecs.lookup(name)
        except (LookupError, ValueError):  # ValueError: a zero byte in it
            continue
        if found.name not in _NO_CHARACTERS:
            return _USUAL.get(found.name, found.name)
    return None


_NO_CHARACTERS = frozenset(
    {"base64", "bz2", "hex", "idna", "mbcs", "oem", "punycode", "quopri", "raw-unicode-escape"}
    | {"rot-13", "undefined", "unicode-escape", "utf-7", "uu", "zlib"}
)
"""What Python calls an encoding and no file of boundaries is in."""

_WIDE = ("utf-16", "utf-32")

_USUAL = {
    "utf-8": UTF8,
    "utf-8-sig": UTF8,
    "gbk": GB18030,
    "gb2312": GB18030,
    "gb18030": GB18030,
    "big5": BIG5,
    "big5hkscs": BIG5,
    "iso8859-1": LATIN1,
}
"""What Python's encodings are called here."""


def given_codec(label: str) -> str:
    """Return the encoding that an argument names.

    Raises
    ------
    BadInputError
        If there is none of that name.
    """
    codec = python_codec(label)
    if codec is None:
        raise BadInputError(
            f"encoding {label!r} is not known; name it as e.g. UTF-8, GB18030 or Big5",
            argument="encoding",
        )
    return codec


def dbf_language(byte: int) -> str | None:
    """Return the encoding that the language byte of a dBASE file declares, if any."""
    return _DBF_LANGUAGES.get(byte)


def choose_encoding(
    pieces: Iterable[bytes],
    *,
    declared: str | None = None,
    label: str | None = None,
    file: str = "the file",
) -> Guess:
    """Choose the encoding of short texts such as a table's names and cells.

    Parameters
    ----------
    pieces
        Texts as bytes; those in ASCII say nothing and cost nothing.
    declared
        What the file says of itself, as a Python codec.
    label
        The same in its own words, which may be those of no encoding.
    file
        What to call it.

    Returns
    -------
    Guess
        With evidence when the bytes decided and not the label.

    Raises
    ------
    UnreadableError
        If it could be in several, or is in several; the message shows what it reads in each.

    Notes
    -----
    The texts are read in each encoding, and the readings weighed by how usual their characters
    are. What a file says of itself stands unless another reading is plainly better; without a word
    of it, one reading must be plainly better than all others.
    """
    said = f"the file says {declared}, but" if declared else "the file names no encoding;"
    if declared is None and label is not None:
        said = f"the file says {label[:LABEL_SHOWN]!r}, which is no encoding;"
    if declared is not None and declared.startswith(_WIDE):
        declared = None  # a table pads its cells with single spaces
    seen = _distinct(pieces)
    sample = _beginning(seen)
    if not sample:
        return Guess(declared or UTF8, None)
    readings = _readings(sample, declared)
    best = readings[0]
    own = next((reading for reading in readings if reading.codec == declared), None)
    if own is not None and best.weight - own.weight <= TRUSTED:
        best = own
    elif any(_is_doubtful(best) or best.weight - r.weight < PLAIN for r in readings[1:]):
        raise _undecided(sample, readings, file)
    strays = find_strays(seen, best.codec, (UTF8, GB18030, BIG5))
    if strays is not None:
        raise _both(sample, best.codec, *strays, file)
    if best is own:
        return Guess(best.codec, None)
    shown = decode(max(sample, key=len)[:60], best.codec).text
    return Guess(best.codec, f"{said} its bytes are {best.codec}: they read {shown!r}")


def _is_doubtful(reading: TextReading) -> bool:
    """Return whether texts are in a code page of which any bytes are, and no words come of it."""
    return reading.weight <= 0 and reading.codec not in (UTF8, GB18030, BIG5)


def _readings(sample: Sequence[bytes], declared: str | None) -> list[TextReading]:
    """Return all readings of texts that could be meant, the best first."""
    codecs_ = [UTF8, GB18030, BIG5]
    if declared is not None and declared not in codecs_:
        codecs_.append(declared)
    found = [weigh(sample, codec) for codec in codecs_]
    pages = [weigh(sample, codec) for codec in _EUROPEAN]
    european = max(pages, key=lambda reading: (-reading.wrong, reading.weight))
    if european.weight >= max(reading.weight for reading in found[:3]):
        european = european._replace(codec=_european(sample))
    if european.codec != declared:
        found.append(european)
    likely = [reading for reading in found if reading.wrong * 2 <= len(sample)]
    return sorted(likely, key=lambda reading: (reading.weight, reading.codec == UTF8), reverse=True)


def _undecided(
    sample: Sequence[bytes], readings: Sequence[TextReading], file: str
) -> UnreadableError:
    near = [reading for reading in readings if readings[0].weight - reading.weight < PLAIN]
    options = [reading.codec for reading in (near if len(near) > 1 else readings[:2])]
    listed = "; ".join(f"{codec}: {_shown(sample, codec)}" for codec in options)
    return UnreadableError(
        f"the text of {file} can be read in several encodings ({listed}); name the right one, "
        f"e.g. --encoding {options[0]}",
        argument="encoding",
        options=options,
    )


def _both(
    sample: Sequence[bytes], codec: str, other: str, strays: Sequence[bytes], file: str
) -> UnreadableError:
    rest = [piece for piece in sample if piece not in strays]
    return UnreadableError(
        f"the text of {file} is in two encodings: {_shown(rest, codec)} in {codec}, "
        f"{_shown(strays, other)} in {other}; save it in one, or name the one that counts, "
        f"e.g. --encoding {codec}",
        argument="encoding",
        options=[codec, other],
    )


def _shown(pieces: Sequence[bytes], codec: str) -> str:
    """Return the longest of texts as it reads in an encoding."""
    return repr(decode(max(pieces, key=len)[:60], codec).text) if pieces else "nothing"


def decode_text(
    data: bytes, *, given: str | None = None, declared: str | None = None, file: str = "the file"
) -> tuple[str, Guess]:
    """Decode a whole text file.

    Parameters
    ----------
    data
        The file's bytes.
    given
        The encoding that the caller names; it overrides everything.
    declared
        What the file says of itself, as a Python codec.
    file
        What to call it.

    Raises
    ------
    BadInputError
        If the bytes are not in the given encoding.
    UnreadableError
        If the encoding is not plain.
    """
    if given is not None:
        codec = given_codec(given)
        name = "utf-8-sig" if codec == UTF8 else python_name(codec)
        try:
            return data.decode(name), Guess(codec, None)
        except UnicodeDecodeError as error:
            raise BadInputError(
                f"{file} is not in {codec}: byte {error.start + 1} cannot be read; "
                "leave the encoding out to have it found",
                argument="encoding",
            ) from error
    for bom, codec, label in _BOMS:
        if data.startswith(bom):
            return data.decode(codec, errors="replace"), Guess(label, None)
    if declared in (None, UTF8):
        try:
            return data.decode("utf-8"), Guess(UTF8, None)
        except UnicodeDecodeError:
            pass
    guess = choose_encoding(_tokens(data), declared=declared, file=file)
    return data.decode(python_name(guess.encoding), errors="replace"), guess


def _tokens(data: bytes) -> Iterator[bytes]:
    """Return the words of a text's lines that are not all ASCII."""
    for line in data.splitlines():
        if not line.isascii():
            yield from _TOKEN.findall(line)


def _distinct(pieces: Iterable[bytes]) -> list[bytes]:
    """Return distinct texts that are not ASCII, up to ``SEEN_BYTES`` in all."""
    found: dict[bytes, None] = {}
    size = 0
    for piece in pieces:
        if piece.isascii() or piece in found:
            continue
        found[piece] = None
        size += len(piece)
        if size > SEEN_BYTES:
            break
    return list(found)


def _beginning(pieces: Sequence[bytes]) -> Sequence[bytes]:
    """Return the first texts, up to ``SAMPLE_BYTES`` in all and at least one."""
    ends = list(accumulate(map(len, pieces)))
    return pieces[: max(1, bisect_right(ends, SAMPLE_BYTES))]


def _european(sample: Sequence[bytes]) -> str:
    """Return in which one-byte code page texts are: any bytes can be read in one."""
    match = from_bytes(b"\n".join(sample), cp_isolation=["cp1252", "cp1250", "cp1251"]).best()
    found = (python_codec(match.encoding) if match is not None else None) or LATIN1
    same = all(decode(piece, found).text == decode(piece, _EUROPEAN[0]).text for piece in sample)
    return _EUROPEAN[0] if same else found
