"""The words of a report page in each language, and how its numbers are written."""

from __future__ import annotations

import os
import tomllib
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

KM2 = 1e6
"""From this many square metres on, an area is told in square kilometres."""

WHOLE = 100.0
"""From here on, a measure is told without decimals; below with three digits."""

LEAST = 0.001
"""A measure below is told as being below."""


class Language(StrEnum):
    """A language that reports are written in."""

    EN = "en"
    ZH = "zh"


def language_of(environment: Mapping[str, str]) -> Language:
    """Return the language that a process is asked to speak, as its locale says; else English."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if environment.get(name):
            is_chinese = environment[name].lower().startswith("zh")
            return Language.ZH if is_chinese else Language.EN
    return Language.EN


def own_language() -> Language:
    """Return the language that this process is asked to speak."""
    return language_of(os.environ)


class Words:
    """What is said, by key, in one language.

    Parameters
    ----------
    texts
        Texts by dotted key; one that depends on a number is a table with ``other``, and ``one``
        where the language has another form for 1.
    """

    def __init__(self, texts: Mapping[str, str | Mapping[str, str]]) -> None:
        self.texts = texts

    def __call__(self, key: str, /, n: int | None = None, **values: object) -> str:
        """Return the text of a key with values put in.

        Parameters
        ----------
        n
            The number that the text's form depends on; it is put in as ``{n}``.
        """
        text = self.texts[key]
        if not isinstance(text, str):
            form = "one" if n == 1 and "one" in text else "other"
            text = text[form]
        number = {} if n is None else {"n": whole(n)}
        return text.format(**number, **values)

    def has(self, key: str) -> bool:
        """Return whether there is a text of this key."""
        return key in self.texts

    def under(self, prefix: str) -> dict[str, Any]:  # texts, and tables of texts
        """Return the texts below a key, as they are, for the page's own program."""
        start = f"{prefix}."
        return {
            key.removeprefix(start): text if isinstance(text, str) else dict(text)
            for key, text in self.texts.items()
            if key.startswith(start)
        }

    def area(self, area_m2: float) -> str:
        """Return an area with its unit: m2, or km2 where it is large."""
        between = self("measures.between")
        if area_m2 >= KM2:
            return f"{area_m2 / KM2:,.2f}{between}{self('measures.km2')}"
        return f"{measure(area_m2)}{between}{self('measures.m2')}"

    def listed(self, items: Sequence[str], most: int, total: int | None = None) -> str:
        """Return names one after the other, the first ``most`` of them, and how many are left.

        Parameters
        ----------
        total
            How many there are, where ``items`` are only the first of them.
        """
        count = len(items) if total is None else total
        text = self("say.joiner").join(items[:most])
        left = count - len(items[:most])
        if left <= 0:
            return text
        # Chinese says how many there are, English how many are left.
        number = count if self("page.lang").startswith("zh") else left
        return self("say.and_more", number, listed=text)


def whole(number: int) -> str:
    """Return a whole number with its thousands apart."""
    return f"{number:,}"


def measure(value: float) -> str:
    """Return a measure in as many digits as a reader can use: three, or all whole ones."""
    if value >= WHOLE:
        return f"{value:,.0f}"
    if 0 < value < LEAST:
        return f"<{LEAST}"
    text = f"{value:.3g}"
    return text.rstrip("0").rstrip(".") if "." in text and "e" not in text else text


@cache
def words_of(language: Language) -> Words:
    """Return the words of a language."""
    text = (files("sources") / "report" / f"{language.value}.toml").read_text(encoding="utf-8")
    return Words(dict(_flat(tomllib.loads(text))))


def _flat(
    table: Mapping[str, Any],  # free TOML: tables of tables, with texts at the ends
    above: str = "",
) -> list[tuple[str, str | Mapping[str, str]]]:
    found: list[tuple[str, str | Mapping[str, str]]] = []
    for key, value in table.items():
        name = f"{above}{key}"
        if isinstance(value, str) or "other" in value:
            found.append((name, value))
        else:
            found += _flat(value, f"{name}.")
    return found
