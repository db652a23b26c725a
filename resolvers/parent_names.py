"""Parents that a file names in words, known by the names of the units that stand."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, NamedTuple

from geo.remarks import Remark
from sources.names import matching_form

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from geo.check import Sent
    from geo.world import UnitName, Units, World

LISTED = 5
"""How many names a message lists."""


class _Known(NamedTuple):
    """What a name in a file stands for."""

    codes: Mapping[str, str]
    """The code of the only unit that is called so, by the name as sent."""
    shared: Sequence[str]
    """Names that several units have."""
    unknown: Sequence[str]
    """Names that no unit has."""


def with_parent_codes(
    sent: Sent, level: str, world: World, within: UnitName | None = None
) -> tuple[Sent, list[Remark]]:
    """Put codes where a column names the parents in words, such as 所属社区.

    Parameters
    ----------
    sent
        A file's rows.
    level
        Their level.
    world
        What stands.
    within
        The ground of the draft: only units on it can be parents. None for the whole city.

    Returns
    -------
    tuple
        The rows, and what is to be said. A name that is not one unit's alone, or of no unit, gives
        no parent: the place decides, as without the column. What is no name but a code that does
        not stand is left for the check to refuse.
    """
    above = world.level(level).parent
    words = Counter(text for text in sent.parents if text is not None)
    if above is None or not words:
        return sent, []
    parents = world.of(above)
    for code in parents.codes:
        words.pop(code, None)
    if not words:
        return sent, []
    ground = parents if within is None else parents.take(world.below(within, above))
    known = _look_up(words, ground)
    none = {*known.shared, *known.unknown}
    codes = [None if text in none else known.codes.get(text or "", text) for text in sent.parents]
    return sent._replace(parents=codes), _remarks(known, words, above)


def _look_up(words: Iterable[str], units: Units) -> _Known:
    """Match names with units: as they are spelt, else in their matching form."""
    spelt, formed = defaultdict[str, set[str]](set), defaultdict[str, set[str]](set)
    for code, name in zip(units.codes, units.names, strict=True):
        if name:
            spelt[name].add(code)
            formed[matching_form(name)].add(code)
    codes: dict[str, str] = {}
    shared, unknown = [], []
    for word in words:
        found = spelt.get(word) or formed.get(matching_form(word)) or set()
        if len(found) == 1:
            codes[word] = min(found)
        elif found:
            shared.append(word)
        elif not word.isascii():
            unknown.append(word)
    return _Known(codes, shared, unknown)


def _remarks(known: _Known, words: Mapping[str, int], above: str) -> list[Remark]:
    listed = [f"{name} is {code}" for name, code in known.codes.items()]
    told = (
        (known.codes, f"by name: {_some(listed)}"),
        (known.shared, f"by a name that several have: {_some(known.shared)}; the place decides"),
        (known.unknown, f"by a name that none has: {_some(known.unknown)}; the place decides"),
    )
    remarks = []
    for names, what in told:
        count = sum(words[name] for name in names)
        if count:
            message = f"{count} unit(s) say their {above} {what}"
            remarks.append(Remark("PARENT_NAME", message, count))
    return remarks


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + more
