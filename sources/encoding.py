"""Decides from its bytes which encoding a text is in, whatever its label says."""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING, NamedTuple

from charset_normalizer import from_bytes

from geo.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

UTF8 = "UTF-8"
GB18030 = "GB18030"
BIG5 = "Big5"
LATIN1 = "ISO-8859-1"

SAMPLE_BYTES = 1 << 18
"""How much text that is not ASCII is looked at to tell encodings apart."""

MIN_COMMON = 0.6
"""The least share of everyday characters in what is taken for Chinese text."""

MAX_LONE = 0.2
"""The most share of runs of odd length in text of two-byte characters."""

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig", UTF8),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)

_HIGH = re.compile(rb"[\x80-\xff]+")

_PAGES = {
    "65001": UTF8,
    "936": GB18030,
    "54936": GB18030,
    "950": BIG5,
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
    digits = re.sub(r"^(cp|windows|ms|iso|ibm)?[-_ ]*", "", text).replace("-", "")
    if digits in _PAGES:
        return _PAGES[digits]
    for name in (text, text.replace(" ", "-"), f"cp{digits}" if digits.isdigit() else text):
        try:
            found = codecs.lookup(name).name
        except LookupError:
            continue
        usual = {"utf-8": UTF8, "utf-8-sig": UTF8, "gbk": GB18030, "gb2312": GB18030}
        usual |= {"gb18030": GB18030, "big5": BIG5, "iso8859-1": LATIN1}
        return usual.get(found, found)
    return None


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


def choose_encoding(pieces: Iterable[bytes], *, declared: str | None = None) -> Guess:
    """Choose the encoding of short texts such as a table's names and cells.

    Parameters
    ----------
    pieces
        Texts as bytes; those in ASCII say nothing and cost nothing.
    declared
        What the file says of itself, as a Python codec.

    Returns
    -------
    Guess
        With evidence when the bytes decided and not the label.

    Notes
    -----
    Valid UTF-8 of more than a few bytes is UTF-8: no other encoding looks like it by chance.
    Short texts can be valid in both: then a label that says UTF-8 is right, and without one the
    encoding with more everyday characters wins. Chinese
    two-byte text has runs of even length; single bytes between ASCII letters are European.
    """
    sample = _sample(pieces)
    if not sample:
        return Guess(declared or UTF8, None)
    best = _best(sample, declared)
    if best == declared or (declared == UTF8 and _all_utf8(sample)):
        return Guess(declared, None)
    shown = _decode_cut(max(sample, key=len)[:60], best)
    label = f"the file says {declared}, but" if declared else "the file names no encoding;"
    return Guess(best, f"{label} its bytes are {best}: they read {shown!r}")


def _all_utf8(sample: Iterable[bytes]) -> bool:
    """Return whether texts that are said to be UTF-8 can be."""
    try:
        for piece in sample:
            piece.decode(UTF8)
    except UnicodeDecodeError:
        return False
    return True


def decode_text(data: bytes, *, given: str | None = None) -> tuple[str, Guess]:
    """Decode a whole text file.

    Parameters
    ----------
    data
        The file's bytes.
    given
        The encoding that the caller names; it overrides everything.

    Raises
    ------
    BadInputError
        If the bytes are not in the given encoding.
    """
    if given is not None:
        codec = given_codec(given)
        try:
            return data.decode("utf-8-sig" if codec == UTF8 else codec), Guess(codec, None)
        except UnicodeDecodeError as error:
            raise BadInputError(
                f"the file is not in {codec}: byte {error.start + 1} cannot be read; "
                "leave the encoding out to have it found",
                argument="encoding",
            ) from error
    for bom, codec, label in _BOMS:
        if data.startswith(bom):
            return data.decode(codec, errors="replace"), Guess(label, None)
    try:
        return data.decode("utf-8"), Guess(UTF8, None)
    except UnicodeDecodeError:
        guess = choose_encoding(data.splitlines())
        return data.decode(guess.encoding, errors="replace"), guess


def decode_cell(data: bytes, codec: str) -> tuple[str, bool]:
    """Decode one cell or name; return it and whether anything of it was lost.

    A character cut off by the end of a fixed-width field is dropped; bytes that cannot be read
    become U+FFFD.
    """
    try:
        return data.decode(codec), False
    except UnicodeDecodeError:
        return _decode_cut(data, codec), True


def _decode_cut(data: bytes, codec: str) -> str:
    return codecs.getincrementaldecoder(codec)("replace").decode(data)


def _sample(pieces: Iterable[bytes]) -> list[bytes]:
    """Return distinct texts that are not ASCII, up to ``SAMPLE_BYTES`` in all."""
    found: dict[bytes, None] = {}
    size = 0
    for piece in pieces:
        if piece.isascii() or piece in found:
            continue
        found[piece] = None
        size += len(piece)
        if size > SAMPLE_BYTES:
            break
    return list(found)


def _best(sample: Sequence[bytes], declared: str | None) -> str:
    scores = {codec: _score(sample, codec) for codec in (UTF8, GB18030, BIG5)}
    if declared is not None and declared not in scores:
        # Any bytes are valid in a one-byte code page, so its label stands only against nothing.
        scores[declared] = MIN_COMMON if _score(sample, declared) >= 0 else -1.0
    top = max(scores, key=lambda codec: (scores[codec], codec == declared, codec == UTF8))
    if scores[top] >= MIN_COMMON:
        return top
    if declared is not None and scores[declared] >= 0:
        return declared
    return GB18030 if scores[GB18030] >= 0 else _european(sample)


def _score(sample: Sequence[bytes], codec: str) -> float:
    """Return the share of everyday characters, 1 for certain, -1 where the bytes cannot be it."""
    wrong = sum(not _decodes(piece, codec) for piece in sample)
    if wrong > len(sample) // 100:  # a few spoilt cells do not change what the others are
        return -1.0
    if codec == UTF8:
        return 1.0 if sum(map(len, sample)) > 12 else 0.9  # noqa: PLR2004 - four characters
    if codec not in (GB18030, BIG5):
        return 0.0
    runs = [run for piece in sample for run in _HIGH.findall(piece)]
    lone = sum(len(run) % 2 for run in runs) / len(runs)
    if codec == GB18030 and lone > MAX_LONE:
        return -1.0
    text = "".join(_decode_cut(piece, codec) for piece in sample)
    return _common_share(text, codec)


def _decodes(piece: bytes, codec: str) -> bool:
    try:
        codecs.getincrementaldecoder(codec)("strict").decode(piece)
    except UnicodeDecodeError:
        return False
    return True


def _common_share(text: str, codec: str) -> float:
    """Return which share of the characters that are not ASCII is in everyday use.

    Both national standards put the everyday characters first: GB 2312 level 1 has lead bytes B0 to
    D7, Big5 level 1 A4 to C6. Punctuation and full-width forms (A1 to A3) count for neither side.
    """
    lead = {GB18030: ("gb2312", 0xB0, 0xD7), BIG5: ("big5", 0xA4, 0xC6)}
    codec_name, first, last = lead[codec]
    seen = common = 0
    for char in text:
        if char.isascii():
            continue
        coded = char.encode(codec_name, errors="replace")
        if 0xA1 <= coded[0] <= 0xA3:  # noqa: PLR2004 - see above
            continue
        seen += 1
        common += first <= coded[0] <= last
    return common / seen if seen else MIN_COMMON


def _european(sample: Sequence[bytes]) -> str:
    match = from_bytes(b"\n".join(sample), cp_isolation=["cp1252", "cp1250", "cp1251"]).best()
    return match.encoding if match is not None else LATIN1
