"""Judges which ways may be walked, by a table that says so and why."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from geo.errors import BadInputError
from sources.toml import read_toml

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["DEFAULT_TABLE", "Rule", "Verdict", "Walkable", "made_again", "read_walkable"]

DEFAULT_TABLE = Path(__file__).with_name("walkable.toml")
"""The table that holds unless another one is given."""

CLASS = "highway"
"""The tag that says what kind of street a way is."""

ANY_VALUE, NO_VALUE = "*", ""

_OWN = frozenset({"walk", "reason"})
"""Keys of a rule that are no tags."""

HINT = 'each [[rule]] has walk = true or false, a reason, and tags such as foot = ["no"]'


class Verdict(NamedTuple):
    """Whether a way is walked, and why."""

    walk: bool
    reason: str


@dataclass(frozen=True)
class Rule:
    """What is said of the ways that it fits.

    Attributes
    ----------
    tags
        Tags that a way must have for the rule to fit, with the values that do, in lower case.
    """

    walk: bool
    reason: str
    tags: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True)
class Walkable:
    """A table of rules; the first that fits decides.

    Attributes
    ----------
    noted
        Tags that are counted, but not judged.
    """

    rules: tuple[Rule, ...]
    noted: tuple[str, ...] = ()

    @cached_property
    def tags(self) -> tuple[str, ...]:
        """All tags that a rule looks at, and the one that says the kind."""
        named = {tag for rule in self.rules for tag, _ in rule.tags}
        return (CLASS, *sorted(named - {CLASS}))

    @cached_property
    def _sets(self) -> tuple[tuple[Verdict, tuple[tuple[str, frozenset[str]], ...]], ...]:
        return tuple(
            (
                Verdict(rule.walk, rule.reason),
                tuple((tag, frozenset(values)) for tag, values in rule.tags),
            )
            for rule in self.rules
        )

    def judge(self, tags: Mapping[str, str]) -> Verdict:
        """Say whether a way with these tags is walked.

        Parameters
        ----------
        tags
            Its tags, in lower case; one without a value is left out, or blank.

        Returns
        -------
        Verdict
            Of the first rule that fits. Where none does, a way of no kind is walked, and one of a
            kind that no rule knows is left out.
        """
        for verdict, wanted in self._sets:
            if all(_fits(tags.get(tag, NO_VALUE), values) for tag, values in wanted):
                return verdict
        kind = tags.get(CLASS, NO_VALUE)
        if kind:
            return Verdict(False, f"{CLASS}={kind} is in no rule")
        return Verdict(True, "nothing said about it")


def made_again(told: Mapping[str, Any]) -> Walkable:  # JSON that another process of ours sent
    """Return a table that was written as JSON."""
    rules = (
        Rule(rule["walk"], rule["reason"], tuple((tag, tuple(v)) for tag, v in rule["tags"]))
        for rule in told["rules"]
    )
    return Walkable(tuple(rules), tuple(told["noted"]))


def read_walkable(path: Path = DEFAULT_TABLE) -> Walkable:
    """Read a table of rules from a TOML file.

    Raises
    ------
    UnreadableError
        If the file cannot be read or is no TOML.
    BadInputError
        If it holds no such table; every reason is named.
    """
    document = read_toml(path)
    problems = [
        f"{key!r} is not known; write [[rule]] tables and a list noted"
        for key in document
        if key not in ("rule", "noted")
    ]
    tables = document.get("rule", [])
    if not isinstance(tables, list) or not tables:
        problems.append("it has no [[rule]]")
        tables = []
    rules = [_rule(number, table, problems) for number, table in enumerate(tables, start=1)]
    noted = document.get("noted", [])
    if not _is_texts(noted):
        problems.append('noted must be a list of tags, such as ["opening_hours"]')
    if problems:
        raise BadInputError(
            f"{path.name} is no table of what may be walked: {'; '.join(problems)}",
            argument="walkable",
            hint=HINT,
        )
    return Walkable(tuple(rule for rule in rules if rule is not None), tuple(noted))


def _fits(value: str, values: frozenset[str]) -> bool:
    return value in values or (ANY_VALUE in values and value != NO_VALUE)


def _rule(number: int, table: object, problems: list[str]) -> Rule | None:
    """Return one rule; what is wrong with it is added to the problems."""
    if not isinstance(table, dict):
        problems.append(f"rule {number} must be a [[rule]] table")
        return None
    walk, reason = table.get("walk"), table.get("reason")
    if not isinstance(walk, bool):
        problems.append(f"walk of rule {number} must be true or false, not {walk!r}")
    if not isinstance(reason, str) or not reason.strip():
        problems.append(f"rule {number} needs a reason, in quotes")
    tags = {key: values for key, values in table.items() if key not in _OWN}
    problems += [
        f'{tag} of rule {number} must be a list of values, such as ["no"], not {values!r}'
        for tag, values in tags.items()
        if not _is_texts(values) or not values
    ]
    if not tags:
        problems.append(f"rule {number} names no tag, and would fit every way")
    if problems:
        return None
    lowered = tuple((tag, tuple(v.strip().lower() for v in values)) for tag, values in tags.items())
    return Rule(bool(walk), str(reason), lowered)


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
