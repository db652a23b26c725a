"""The tree of levels, and the ways through it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from geo.errors import BadInputError, UnknownError
from geo.levels import Tiling

if TYPE_CHECKING:
    from collections.abc import Iterable

    from geo.levels import LevelSpec


class Tree:
    """Every level, and how they hang together.

    Parameters
    ----------
    specs
        A tree, in order of rank.
    """

    def __init__(self, specs: Iterable[LevelSpec]) -> None:
        self.specs = tuple(specs)
        self._by_key = {spec.key: spec for spec in self.specs}
        self._upward = {spec.key: self._path(spec.key) for spec in self.specs}

    def get(self, key: str, *, argument: str = "level") -> LevelSpec:
        """Return a level.

        Raises
        ------
        UnknownError
            If there is none of that key; it names those that there are.
        """
        spec = self._by_key.get(key)
        if spec is None:
            keys = [spec.key for spec in self.specs]
            raise UnknownError(
                f"there is no level {key!r}; the levels are {', '.join(keys)}",
                argument=argument,
                options=keys,
            )
        return spec

    def parent(self, key: str) -> LevelSpec | None:
        """Return the level above."""
        return self._by_key.get(self._by_key[key].parent or "")

    def children(self, key: str) -> list[LevelSpec]:
        """Return the levels right below, by rank."""
        return [spec for spec in self.specs if spec.parent == key]

    def upward(self, key: str) -> list[str]:
        """Return a level and those above it, lowest first."""
        return list(self._upward[key])

    def _path(self, key: str) -> list[str]:
        path = [key]
        while (above := self._by_key[path[-1]].parent) is not None:
            path.append(above)
        return path

    def between(self, above: str, key: str) -> tuple[str, ...] | None:
        """Return the levels between two, from above; None where the one is not below the other."""
        path = self.upward(key)
        if above == key or above not in path:
            return None
        return tuple(reversed(path[1 : path.index(above)]))

    def below(self, key: str) -> list[LevelSpec]:
        """Return the levels below at any depth, by rank."""
        return [spec for spec in self.specs if self.between(key, spec.key) is not None]

    def require_above(self, above: str, key: str, *, argument: str) -> tuple[str, ...]:
        """Return the levels between two.

        Raises
        ------
        BadInputError
            If ``above`` is not above ``key``.
        """
        path = self.between(self.get(above, argument=argument).key, self.get(key).key)
        if path is None:
            options = self.upward(key)[1:]
            raise BadInputError(
                f"{argument} names a {above}, which is not above {key}; "
                f"name a unit of {' or '.join(options) or 'no level'}",
                argument=argument,
                options=options,
            )
        return path

    def tiling_from(self, key: str) -> list[str]:
        """Return the tiling levels from one downwards, itself included, by rank."""
        found = [self._by_key[key], *self.below(key)]
        return [spec.key for spec in found if spec.tiling is Tiling.TILES]

    def lowest(self) -> list[str]:
        """Return the tiling levels with no tiling level below, by rank."""
        return list(self._lowest)

    @cached_property
    def _lowest(self) -> list[str]:
        return [key for key in self.tiling_from(self.specs[0].key) if self._leaf(key) == key]

    def branch(self, key: str | None) -> list[str]:
        """Return the tiling levels of the branch that decides for a level, lowest first.

        That is the first branch by rank that the level lies in; a DISJOINT level is decided by
        the branch of the level above. None asks for the first branch of all.
        """
        if key not in self._branches:
            self._branches[key] = self._branch(key)
        return list(self._branches[key])

    @cached_property
    def _branches(self) -> dict[str | None, list[str]]:
        return {}

    def _branch(self, key: str | None) -> list[str]:
        spec = self._by_key[key] if key is not None else self.specs[0]
        if spec.tiling is Tiling.DISJOINT and spec.parent is not None:
            spec = self._by_key[spec.parent]
        return self.upward(self._leaf(spec.key))

    def _leaf(self, key: str) -> str:
        tiling = [spec for spec in self.children(key) if spec.tiling is Tiling.TILES]
        return self._leaf(tiling[0].key) if tiling else key
